#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# sign - policy sign and verify, held against Debian's minisign in both directions.
set -u
cd "$(dirname "$0")/../.." || exit 1

ZTCTL=${ZTCTL:-${OUT:-build}/ztctl}
[[ -x $ZTCTL ]] || { echo "not ok ztctl is there - $ZTCTL is missing"; exit 1; }
TMP=$(mktemp -d) || exit 1
trap 'rm -rf "$TMP"' EXIT
failed=0

is() { # NAME GOT WANTED
	if [[ $2 == "$3" ]]; then
		echo "ok $1"
	else
		echo "not ok $1 - got '$2', wanted '$3'"
		failed=1
	fi
}
exits() { # NAME STATUS COMMAND...
	local name=$1 want=$2 got
	shift 2
	"$@" >"$TMP/out" 2>"$TMP/err" </dev/null
	got=$?
	is "$name" "$got" "$want"
}
says() { # NAME WORDS: what the last command wrote to stderr or stdout, line ends aside
	if cat "$TMP/err" "$TMP/out" | tr -s ' \n' '  ' | grep -qF -e "$2"; then
		echo "ok $1"
	else
		echo "not ok $1 - no '$2' in: $(head -c 300 "$TMP/err" "$TMP/out")"
		failed=1
	fi
}
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
exits "a key pair is made" 0 sign --generate "$TMP/k" --no-password
is "the secret key is its owner's alone" "$(stat -c %a "$TMP/k.key")" 600
sum=$(cat "$TMP/k.key" "$TMP/k.pub" | sha256sum)
exits "a key is never overwritten" 2 sign --generate "$TMP/k" --no-password
cp "$TMP/k.key" "$TMP/half.key"
exits "nor is one half" 2 sign --generate "$TMP/half" --no-password
is "nothing was written" "$(cat "$TMP/k.key" "$TMP/k.pub" | sha256sum) $(find "$TMP" -name "half*" | wc -l)" "$sum 1"
exits "no terminal and no password: no key" 2 sign --generate "$TMP/none"
says "and it says what to do" --password-file
: >"$TMP/empty"
exits "an empty password is refused" 2 sign --generate "$TMP/none" --password-file "$TMP/empty"
is "no key was left" "$(find "$TMP" -name "none*" | wc -l)" 0

# --- sign and verify --------------------------------------------------------------------------
exits "sign" 0 sign "$TMP/p.yaml" --key "$TMP/k.key"
exits "verify" 0 verify "$TMP/p.yaml" --key "$TMP/k.pub"
says "it names policy and revision" "policy bank, revision 7"
exits "verify, JSON" 0 "$ZTCTL" --json policy verify "$TMP/p.yaml" --key "$TMP/k.pub"
is "JSON says the same" "$(jq -c '.verify | [.ok, .policy, .revision, .states_revision]' "$TMP/out")" '[true,"bank",7,true]'
is "JSON as its schema has it" "$(python3 tests/golden/schema/check.py policy-verify <"$TMP/out" 2>&1)" ""
exits "sign, JSON" 0 "$ZTCTL" --json policy sign "$TMP/p.yaml" --key "$TMP/k.key" --out "$TMP/x.sig" --comment "by me"
is "its JSON too" "$(python3 tests/golden/schema/check.py policy-sign <"$TMP/out" 2>&1)" ""
exits "a signature elsewhere, with a comment" 0 verify "$TMP/p.yaml" --key "$TMP/k.pub" --signature "$TMP/x.sig"
says "the comment is there" "by me"
exits "a directory" 0 sign "$TMP/dir" --key "$TMP/k.key"
exits "its signature lies in it" 0 verify "$TMP/dir/" --key "$TMP/k.pub"
is "under its name" "$(ls "$TMP/dir")" "$(printf 'p.yaml\npolicy.minisig')"
sed 's/ # a comment.*//; s/tcp.80/tcp\/80-80/' "$TMP/p.yaml" >"$TMP/same.yaml"
exits "another spelling of the same policy" 0 verify "$TMP/same.yaml" --key "$TMP/k.pub" --signature "$TMP/p.yaml.minisig"
exits "a broken policy is not signed" 2 sign "$TMP/k.pub" --key "$TMP/k.key"
is "and has no signature" "$([[ -e $TMP/k.pub.minisig ]]; echo $?)" 1

# --- what does not hold ---------------------------------------------------------------------------
sed 's/tcp.80/tcp\/81/' "$TMP/p.yaml" >"$TMP/altered.yaml"
exits "an altered policy" 3 verify "$TMP/altered.yaml" --key "$TMP/k.pub" --signature "$TMP/p.yaml.minisig"
says "which is what it says" "altered"
exits "without a signature" 3 verify "$TMP/altered.yaml" --key "$TMP/k.pub"
sed 's/revision:7/revision:8/' "$TMP/p.yaml.minisig" >"$TMP/comment.sig"
exits "an altered comment" 3 verify "$TMP/p.yaml" --key "$TMP/k.pub" --signature "$TMP/comment.sig"
says "named as such" "comment was altered"
exits "another pair" 0 sign --generate "$TMP/other" --no-password
exits "another key" 3 verify "$TMP/p.yaml" --key "$TMP/other.pub"
says "with its id" "made with another key"
{ head -n 1 "$TMP/p.yaml.minisig"; sed -n 2p "$TMP/p.yaml.minisig" | sed 's/^RU/RW/'; tail -n 2 "$TMP/p.yaml.minisig"; } >"$TMP/alg.sig"
exits "the other algorithm" 3 verify "$TMP/p.yaml" --key "$TMP/k.pub" --signature "$TMP/alg.sig"
head -c 150 "$TMP/p.yaml.minisig" >"$TMP/cut.sig"
exits "a signature cut short" 2 verify "$TMP/p.yaml" --key "$TMP/k.pub" --signature "$TMP/cut.sig"
exits "a public key that is none" 2 verify "$TMP/p.yaml" --key "$TMP/k.key"
exits "a secret key that is none" 2 sign "$TMP/p.yaml" --key "$TMP/k.pub"
chmod 644 "$TMP/k.key"
exits "a secret key that others may read" 0 sign "$TMP/p.yaml" --key "$TMP/k.key"
says "is warned about" "chmod 600"
exits "no key" 2 verify "$TMP/p.yaml"
exits "no policy" 2 sign --key "$TMP/k.key"
exits "generate and sign at once" 2 sign --generate "$TMP/z" "$TMP/p.yaml"

# --- with minisign --------------------------------------------------------------------------------
if ! command -v minisign >/dev/null; then
	echo "skip minisign - the program is not installed"
	exit $failed
fi
"$ZTCTL" policy show --canonical --file "$TMP/p.yaml" >"$TMP/canonical.yaml"
exits "minisign verifies ours" 0 minisign -V -x "$TMP/p.yaml.minisig" -m "$TMP/canonical.yaml" -p "$TMP/k.pub"
says "and shows our comment" "revision:7"
exits "minisign signs with our key" 0 minisign -S -W -s "$TMP/k.key" -m "$TMP/canonical.yaml" -x "$TMP/m.sig"
exits "and we verify it" 0 verify "$TMP/p.yaml" --key "$TMP/k.pub" --signature "$TMP/m.sig"
exits "minisign makes a pair" 0 minisign -G -W -p "$TMP/m.pub" -s "$TMP/m.key"
for algorithm in "" -l; do
	exits "minisign signs${algorithm:+, legacy}" 0 minisign -S $algorithm -s "$TMP/m.key" -m "$TMP/canonical.yaml" -x "$TMP/m.sig" -t "policy:bank"
	exits "we verify" 0 verify "$TMP/p.yaml" --key "$TMP/m.pub" --signature "$TMP/m.sig"
done
exits "minisign signs for another revision" 0 minisign -S -s "$TMP/m.key" -m "$TMP/canonical.yaml" -x "$TMP/m.sig" -t "revision:6"
exits "which does not agree" 3 verify "$TMP/p.yaml" --key "$TMP/m.pub" --signature "$TMP/m.sig"
exits "we sign with minisign's key" 0 sign "$TMP/p.yaml" --key "$TMP/m.key"
exits "minisign verifies" 0 minisign -V -x "$TMP/p.yaml.minisig" -m "$TMP/canonical.yaml" -p "$TMP/m.pub"

# Keys with a password cost a gibibyte for seconds, here as in minisign.
if (($(awk '/MemAvailable/ { print $2 }' /proc/meminfo) < 2 << 20)); then
	echo "skip keys with a password - less than 2 GiB of memory are free"
	exit $failed
fi
echo "correct horse" >"$TMP/pw"
echo "battery staple" >"$TMP/wrong"
printf 'correct horse\ncorrect horse\n' | minisign -G -p "$TMP/e.pub" -s "$TMP/e.key" >/dev/null 2>&1
exits "the wrong password" 2 sign "$TMP/p.yaml" --key "$TMP/e.key" --password-file "$TMP/wrong"
says "is called that" "the password is wrong"
exits "an encrypted pair of ours" 0 sign --generate "$TMP/o" --password-file "$TMP/pw"
minisign -S -s "$TMP/o.key" -m "$TMP/canonical.yaml" -x "$TMP/m.sig" <"$TMP/pw" >/dev/null 2>&1
exits "minisign signs with it" 0 verify "$TMP/p.yaml" --key "$TMP/o.pub" --signature "$TMP/m.sig"
exits "without its password it is of no use" 2 sign "$TMP/p.yaml" --key "$TMP/o.key"
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
exits "minisign verifies what its encrypted key signed here" 0 minisign -V -x "$TMP/p.yaml.minisig" -m "$TMP/canonical.yaml" -p "$TMP/e.pub"
is "Ctrl-C there ends it" "$(typed $'corr\003' | cut -d' ' -f1)" 2
exit $failed
