#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# sign - policy sign and verify, held against Debian's minisign in both directions.
# shellcheck source=tests/golden/lib.sh
. "$(dirname "$0")/lib.sh"

sign() { "$ZTCTL" policy sign "$@"; }
verify() { "$ZTCTL" policy verify "$@"; }

cat >"$TMP/p.yaml" <<'YAML'
version: 1
policy: bank
revision: 7
rules:
  - {id: a, from: any, to: any, ports: [tcp/80]} # a comment, which is not signed
YAML
mkdir "$TMP/dir"
cp "$TMP/p.yaml" "$TMP/dir/"

# --- keys ----------------------------------------------------------------------------------
ends "a key pair is made" 0 sign --generate "$TMP/k" --no-password
is "the secret key is its owner's alone" "$(stat -c %a "$TMP/k.key")" 600
sum=$(cat "$TMP/k.key" "$TMP/k.pub" | sha256sum)
ends "a key is never overwritten" 2 sign --generate "$TMP/k" --no-password
cp "$TMP/k.key" "$TMP/half.key"
ends "nor is one half" 2 sign --generate "$TMP/half" --no-password
is "nothing was written" "$(cat "$TMP/k.key" "$TMP/k.pub" | sha256sum) $(find "$TMP" -name "half*" | wc -l)" "$sum 1"
ends "no terminal and no password: no key" 2 sign --generate "$TMP/none"
says "and it says what to do" --password-file
: >"$TMP/empty"
ends "an empty password is refused" 2 sign --generate "$TMP/none" --password-file "$TMP/empty"
is "no key was left" "$(find "$TMP" -name "none*" | wc -l)" 0

# --- sign and verify --------------------------------------------------------------------------
ends "sign" 0 sign "$TMP/p.yaml" --key "$TMP/k.key"
ends "verify" 0 verify "$TMP/p.yaml" --key "$TMP/k.pub"
says "it names policy and revision" "policy bank, revision 7"
ends "verify, JSON" 0 "$ZTCTL" --json policy verify "$TMP/p.yaml" --key "$TMP/k.pub"
is "JSON says the same" "$(jq -c '.verify | [.ok, .policy, .revision, .states_revision]' "$TMP/out")" '[true,"bank",7,true]'
is "JSON as its schema has it" "$(python3 tests/golden/schema/check.py policy-verify <"$TMP/out" 2>&1)" ""
ends "sign, JSON" 0 "$ZTCTL" --json policy sign "$TMP/p.yaml" --key "$TMP/k.key" --out "$TMP/x.sig" --comment "by me"
is "its JSON too" "$(python3 tests/golden/schema/check.py policy-sign <"$TMP/out" 2>&1)" ""
ends "a signature elsewhere, with a comment" 0 verify "$TMP/p.yaml" --key "$TMP/k.pub" --signature "$TMP/x.sig"
says "the comment is there" "by me"
ends "a directory" 0 sign "$TMP/dir" --key "$TMP/k.key"
ends "its signature lies in it" 0 verify "$TMP/dir/" --key "$TMP/k.pub"
is "under its name" "$(ls "$TMP/dir")" "$(printf 'p.yaml\npolicy.minisig')"
sed 's/ # a comment.*//; s/tcp.80/tcp\/80-80/' "$TMP/p.yaml" >"$TMP/same.yaml"
ends "another spelling of the same policy" 0 verify "$TMP/same.yaml" --key "$TMP/k.pub" --signature "$TMP/p.yaml.minisig"
ends "a broken policy is not signed" 2 sign "$TMP/k.pub" --key "$TMP/k.key"
is "and has no signature" "$([[ -e $TMP/k.pub.minisig ]]; echo $?)" 1

# --- what does not hold ---------------------------------------------------------------------------
sed 's/tcp.80/tcp\/81/' "$TMP/p.yaml" >"$TMP/altered.yaml"
ends "an altered policy" 3 verify "$TMP/altered.yaml" --key "$TMP/k.pub" --signature "$TMP/p.yaml.minisig"
says "which is what it says" "altered"
ends "without a signature" 3 verify "$TMP/altered.yaml" --key "$TMP/k.pub"
sed 's/revision:7/revision:8/' "$TMP/p.yaml.minisig" >"$TMP/comment.sig"
ends "an altered comment" 3 verify "$TMP/p.yaml" --key "$TMP/k.pub" --signature "$TMP/comment.sig"
says "named as such" "comment was altered"
ends "another pair" 0 sign --generate "$TMP/other" --no-password
ends "another key" 3 verify "$TMP/p.yaml" --key "$TMP/other.pub"
says "with its id" "made with another key"
{ head -n 1 "$TMP/p.yaml.minisig"; sed -n 2p "$TMP/p.yaml.minisig" | sed 's/^RU/RW/'; tail -n 2 "$TMP/p.yaml.minisig"; } >"$TMP/alg.sig"
ends "the other algorithm" 3 verify "$TMP/p.yaml" --key "$TMP/k.pub" --signature "$TMP/alg.sig"
head -c 150 "$TMP/p.yaml.minisig" >"$TMP/cut.sig"
ends "a signature cut short" 2 verify "$TMP/p.yaml" --key "$TMP/k.pub" --signature "$TMP/cut.sig"
ends "a public key that is none" 2 verify "$TMP/p.yaml" --key "$TMP/k.key"
ends "a secret key that is none" 2 sign "$TMP/p.yaml" --key "$TMP/k.pub"
chmod 644 "$TMP/k.key"
ends "a secret key that others may read" 0 sign "$TMP/p.yaml" --key "$TMP/k.key"
says "is warned about" "chmod 600"
ends "no key" 2 verify "$TMP/p.yaml"
ends "no policy" 2 sign --key "$TMP/k.key"
ends "generate and sign at once" 2 sign --generate "$TMP/z" "$TMP/p.yaml"

# --- with minisign --------------------------------------------------------------------------------
if ! command -v minisign >/dev/null; then
	echo "skip minisign - the program is not installed"
	exit $failed
fi
"$ZTCTL" policy show --canonical --file "$TMP/p.yaml" >"$TMP/canonical.yaml"
ends "minisign verifies ours" 0 minisign -V -x "$TMP/p.yaml.minisig" -m "$TMP/canonical.yaml" -p "$TMP/k.pub"
says "and shows our comment" "revision:7"
ends "minisign signs with our key" 0 minisign -S -W -s "$TMP/k.key" -m "$TMP/canonical.yaml" -x "$TMP/m.sig"
ends "and we verify it" 0 verify "$TMP/p.yaml" --key "$TMP/k.pub" --signature "$TMP/m.sig"
ends "minisign makes a pair" 0 minisign -G -W -p "$TMP/m.pub" -s "$TMP/m.key"
for algorithm in "" -l; do
	ends "minisign signs${algorithm:+, legacy}" 0 minisign -S $algorithm -s "$TMP/m.key" -m "$TMP/canonical.yaml" -x "$TMP/m.sig" -t "policy:bank"
	ends "we verify" 0 verify "$TMP/p.yaml" --key "$TMP/m.pub" --signature "$TMP/m.sig"
done
ends "minisign signs for another revision" 0 minisign -S -s "$TMP/m.key" -m "$TMP/canonical.yaml" -x "$TMP/m.sig" -t "revision:6"
ends "which does not agree" 3 verify "$TMP/p.yaml" --key "$TMP/m.pub" --signature "$TMP/m.sig"
ends "we sign with minisign's key" 0 sign "$TMP/p.yaml" --key "$TMP/m.key"
ends "minisign verifies" 0 minisign -V -x "$TMP/p.yaml.minisig" -m "$TMP/canonical.yaml" -p "$TMP/m.pub"

# Keys with a password cost a gibibyte for seconds, here as in minisign.
if (($(awk '/MemAvailable/ { print $2 }' /proc/meminfo) < 2 << 20)); then
	echo "skip keys with a password - less than 2 GiB of memory are free"
	exit $failed
fi
echo "correct horse" >"$TMP/pw"
echo "battery staple" >"$TMP/wrong"
printf 'correct horse\ncorrect horse\n' | minisign -G -p "$TMP/e.pub" -s "$TMP/e.key" >/dev/null 2>&1
ends "the wrong password" 2 sign "$TMP/p.yaml" --key "$TMP/e.key" --password-file "$TMP/wrong"
says "is called that" "the password is wrong"
ends "an encrypted pair of ours" 0 sign --generate "$TMP/o" --password-file "$TMP/pw"
minisign -S -s "$TMP/o.key" -m "$TMP/canonical.yaml" -x "$TMP/m.sig" <"$TMP/pw" >/dev/null 2>&1
ends "minisign signs with it" 0 verify "$TMP/p.yaml" --key "$TMP/o.pub" --signature "$TMP/m.sig"
ends "without its password it is of no use" 2 sign "$TMP/p.yaml" --key "$TMP/o.key"
# A terminal of its own, on which the password is typed.
typed() { # TEXT: exit status of signing, then whether the terminal showed TEXT
	python3 - "$1" "$ZTCTL" policy sign "$TMP/p.yaml" --key "$TMP/e.key" <<-'PY'
		import os, pty, sys
		text, command = sys.argv[1].encode(), sys.argv[2:]
		pid, tty = pty.fork()
		if pid == 0:
		    os.execv(command[0], command)
		seen = b""
		def read():
		    global seen
		    try:
		        got = os.read(tty, 4096)
		    except OSError:
		        got = b""
		    seen += got
		    return got
		while b": " not in seen and read():
		    pass
		os.write(tty, text)
		while read():
		    pass
		status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
		print(status, "shown" if text.strip() in seen else "hidden")
	PY
}
is "a password typed on a terminal is not shown" "$(typed $'correct horse\n')" "0 hidden"
ends "minisign verifies what its encrypted key signed here" 0 minisign -V -x "$TMP/p.yaml.minisig" -m "$TMP/canonical.yaml" -p "$TMP/e.pub"
is "Ctrl-C there ends it" "$(typed $'corr\003' | cut -d' ' -f1)" 2
exit $failed
