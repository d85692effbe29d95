#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# assess_hosts - many hosts over ssh: real ones beside one that hangs, one that sends without end, one
# that sends nonsense, one that sends another host's result, one whose result was changed. sshd and ssh
# are the real ones.
. "$(dirname "$0")/lib.sh"
zt_begin

all=(h1 h2 hang flood bad deep tampered other silent nocmd)
host ops 1
n=11
for h in "${all[@]}"; do
	host "$h" $n
	n=$((n + 1))
done

# --- hosts with an SSH server each, that runs one command whatever is asked for ---------------------

mkdir -p /run/sshd "$TMP/force" "$TMP/trust/host"
ssh-keygen -q -t ed25519 -N '' -f "$TMP/hostkey"
ssh-keygen -q -t ed25519 -N '' -f "$TMP/key"
force() { # HOST: what it runs, from stdin
	{ echo '#!/bin/bash'; cat; } >"$TMP/force/$1"
	chmod 755 "$TMP/force/$1"
}
for h in h1 h2; do
	"$ZTCTL" policy sign --generate "$TMP/$h" --no-password >/dev/null 2>&1
	cp "$TMP/$h.pub" "$TMP/trust/host/$h.pub"
	echo "$h" | sha256sum | cut -c1-32 >"$TMP/machine-$h"
	force "$h" <<-EOT
		echo ran >>"$TMP/ran-$h"
		exec unshare --mount --uts sh -c 'hostname $h; mount --bind "$TMP/machine-$h" /etc/machine-id
			exec "$ZTCTL" --json assess --sign "$TMP/$h.key" --state-dir "$TMP/$h/state" \
				--pin-dir "$TMP/$h/pins" --socket "$TMP/$h/none.sock"'
	EOT
done
force hang <<<'exec sleep 1000'
force flood <<<'exec cat /dev/zero'
force bad <<<'echo "{\"format\": \"ztseg.assessment/1\", \"host\": \"$(printf "\e[31m")\"}"'
force deep <<<'head -c 3000000 /dev/zero | tr "\0" "["'
force tampered <<<"exec sed 's/\"result\":\"fail\"/\"result\":\"pass\"/' '$TMP/doc-h1.json'"
force other <<<"exec cat '$TMP/doc-h1.json'"
force silent <<<'echo "no privilege here" >&2; exit 3'
force nocmd <<<'exec ztctl-that-is-not-there'

for h in "${all[@]}"; do
	cat >"$TMP/sshd_$h" <<-EOT
		Port 22
		ListenAddress 0.0.0.0
		HostKey $TMP/hostkey
		AuthorizedKeysFile $TMP/key.pub
		PidFile none
		StrictModes no
		UsePAM no
		UseDNS no
		PermitRootLogin yes
		PasswordAuthentication no
		MaxStartups 100:30:200
		PrintMotd no
		ForceCommand $TMP/force/$h
	EOT
	spawn "$h" ssh.service /usr/sbin/sshd -D -e -f "$TMP/sshd_$h"
done
for h in "${all[@]}"; do must eventually 10 listening "$h" 22; done
cat >"$TMP/ssh_config" <<-EOT
	Host *
	User root
	IdentityFile $TMP/key
	StrictHostKeyChecking no
	UserKnownHostsFile /dev/null
	GlobalKnownHostsFile /dev/null
EOT

assess() { # ARGUMENT...: from ops
	on ops "$ZTCTL" --json assess --ssh-config "$TMP/ssh_config" --trust "$TMP/trust" "$@"
}
of() { # HOST FILTER: its entry
	jq -r --arg h "$1" '.hosts[] | select(.name == $h) | '"$2" "$TMP/set.json"
}

# --- one result to change and to send under another name ---------------------------------------------

printf 'h1 address=%s\n' "${HOST_IP4[h1]}" >"$TMP/one"
assess --hosts "$TMP/one" >"$TMP/set.json" 2>"$TMP/err"
is "one host answers" "$(of h1 .status) $(of h1 .seal) $(of h1 .signer)" "ok ok h1"
jq -c '.hosts[0].assessment' "$TMP/set.json" >"$TMP/doc-h1.json"

# --- all of them ---------------------------------------------------------------------------------------

{
	echo '# the hosts of two systems'
	for h in "${all[@]}"; do
		printf '%s address=%s role=%s system=%s\n' "$h" "${HOST_IP4[$h]}" \
			"$([[ $h == h? ]] && echo web || echo odd)" "$([[ $h == h? ]] && echo crm || echo rest)"
	done
	echo "nobody address=10.77.0.99 system=rest"
	echo "closed address=${HOST_IP4[h1]} port=2022 system=rest"
} >"$TMP/hosts"
began=$EPOCHSECONDS
assess --hosts "$TMP/hosts" --timeout 8s >"$TMP/set.json" 2>"$TMP/err"
status=$?
took=$((EPOCHSECONDS - began))
is "not met or undetermined" "$([[ $status == 2 || $status == 3 ]]; echo $?)" 0
is "it takes about as long as the one that hangs" "$((took <= 20 * ZT_SCALE))" 1
is "every host is in it" "$(jq -r '.hosts | length' "$TMP/set.json")" 12
is "h1" "$(of h1 .status) $(of h1 .seal)" "ok ok"
is "h2" "$(of h2 .status) $(of h2 .seal)" "ok ok"
is "one that hangs" "$(of hang .status)" timeout
is "one that sends without end" "$(of flood '.status + " " + .why.en')" "refused it sent more than 4 MiB"
is "one that sends no assessment" "$(of bad .status)" bad
is "one that sends 3 MB of brackets" "$(of deep .status)" bad
is "a result that was changed" "$(of tampered .status) $(of tampered .seal)" "refused null"
like "another host's result" "$(of other '.status + " " + .why.en')" "refused*'h1'*'other'*"
like "one that says nothing" "$(of silent '.status + " " + .why.en')" "bad *exit status 3*no privilege here"
is "one without ztctl" "$(of nocmd .status)" bad
is "nobody there" "$(of nobody .status)" unreachable
is "nobody listens" "$(of closed .status)" unreachable
is "nothing that was refused is in it" \
	"$(jq '[.hosts[] | select(.status != "ok" and has("assessment"))] | length' "$TMP/set.json")" 0

# --- what is made of it -----------------------------------------------------------------------------

is "ten unknown, none dropped" "$(jq .system.distribution.unknown "$TMP/set.json")" 10
is "a host at none decides" "$(jq -c '.system.levels.measured | [.level, .undetermined]' "$TMP/set.json")" '[0,false]'
is "a system of hosts that answered has a level" \
	"$(jq -c '.systems[] | select(.id == "crm") | .levels.measured.undetermined' "$TMP/set.json")" false
is "the level is the lowest of its hosts" \
	"$(jq -c '.systems[] | select(.id == "crm") | .levels.measured.level' "$TMP/set.json")" \
	"$(jq '[.hosts[] | select(.status == "ok") | .levels.measured.level] | min' "$TMP/set.json")"
is "digests by role for 3.7-08" "$(jq -c '[.fleet[] | select(.role == "web")] | length' "$TMP/set.json")" 2
is "3.7-08 is judged over all" "$(jq -r '.checks[0].id' "$TMP/set.json")" ZTS-3.7-08
is "it says what it is not" "$(jq -r '.statement.en | startswith("Not a statement of compliance")' "$TMP/set.json")" true
holds "the whole is canonical" jq -e . "$TMP/set.json"

# --- without keys: told, not asked for -------------------------------------------------------------

mkdir -p "$TMP/nokeys"
on ops "$ZTCTL" --json assess --ssh-config "$TMP/ssh_config" --trust "$TMP/nokeys" --hosts "$TMP/one" \
	>"$TMP/set.json" 2>"$TMP/err"
is "signed by a key that nobody knows" "$(of h1 .status) $(of h1 .seal)" "ok unknown"
force bad <<-EOT
	exec unshare --uts sh -c 'hostname h1; exec "$ZTCTL" --json assess --sign "$TMP/h2.key" \
		--state-dir "$TMP/h2/state" --pin-dir "$TMP/h2/pins" --socket "$TMP/none.sock"'
EOT
printf 'h1 address=%s\n' "${HOST_IP4[bad]}" >"$TMP/two"
assess --hosts "$TMP/two" >"$TMP/set.json" 2>"$TMP/err"
like "the key of one host does not speak for another" "$(of h1 '.status + .why.en')" "refused*another host: h2"

# --- saved results, old ones, the same machine twice -----------------------------------------------

jq -c 'del(.signature) | .ended = "2020-01-01T00:00:00.000Z"' "$TMP/doc-h1.json" >"$TMP/old.json"
jq -c 'del(.signature) | .ended = "2100-01-01T00:00:00.000Z"' "$TMP/doc-h1.json" >"$TMP/future.json"
jq -c 'del(.signature, .checks[3])' "$TMP/doc-h1.json" >"$TMP/less.json"
jq -c 'del(.signature) | .checks |= map(.gate = false)' "$TMP/doc-h1.json" >"$TMP/nogate.json"
jq -c 'del(.signature) | .checks[0].extra = {"x": 1.5}' "$TMP/doc-h1.json" >"$TMP/real.json"
jq -c 'del(.signature)' "$TMP/doc-h1.json" >"$TMP/h1.json"
jq -c 'del(.signature) | .levels.measured.level = 4' "$TMP/doc-h1.json" >"$TMP/boast.json"
for f in old future less nogate real h1 boast; do
	echo "$f hostname=h1 file=$TMP/$f.json"
done >"$TMP/saved"
echo "gone hostname=h1 file=$TMP/gone.json" >>"$TMP/saved"
on ops "$ZTCTL" --json assess --trust "$TMP/nokeys" --hosts "$TMP/saved" >"$TMP/set.json" 2>"$TMP/err"
is "a day old" "$(of old .status)" stale
is "of the future" "$(of future .status)" refused
like "a check is missing" "$(of less '.status + .why.en')" "badZTS-3.1-04 *"
is "gates made none" "$(of nogate .status)" bad
is "real numbers" "$(of real .status)" bad
is "a saved one" "$(of h1 .status) $(of h1 .seal)" "ok none"
is "the same machine once more" "$(of boast .status)" refused
is "no such file" "$(of gone .status)" unreachable
sed -i '/^h1 /d' "$TMP/saved"
on ops "$ZTCTL" --json assess --trust "$TMP/nokeys" --hosts "$TMP/saved" >"$TMP/set.json" 2>"$TMP/err"
is "what a host says of its level is not believed" \
	"$(of boast '.status + " " + (.levels.measured.level < 4 | tostring)')" "ok true"
jq -c '.checks |= map(.result = "pass")' "$TMP/h1.json" >"$TMP/pass.json"
printf 'pass hostname=h1 system=x file=%s\ngone system=y file=%s\n' "$TMP/pass.json" "$TMP/gone" >"$TMP/unproven"
on ops "$ZTCTL" --json assess --trust "$TMP/nokeys" --hosts "$TMP/unproven" >"$TMP/set.json" 2>"$TMP/err"
is "undetermined is a status of its own" "$?" 3
is "no level is proven with hosts unknown" \
	"$(jq -c '.system.levels.measured | [.level, .undetermined, .at_most]' "$TMP/set.json")" '[0,true,4]'
is "the system that answered has its own" \
	"$(jq -c '[.systems[] | .levels.measured | [.level, .undetermined]]' "$TMP/set.json")" '[[4,false],[0,true]]'

# --- interrupted: what came is kept -------------------------------------------------------------------

printf 'h1 address=%s\nhang address=%s\n' "${HOST_IP4[h1]}" "${HOST_IP4[hang]}" >"$TMP/slow"
ran=$(wc -l <"$TMP/ran-h1")
start() { # ARGUMENT...: in the background, PID is ztctl's own
	(exec nsenter --net="/run/netns/$(ns ops)" -- "$ZTCTL" --json assess \
		--ssh-config "$TMP/ssh_config" --trust "$TMP/trust" "$@" 2>"$TMP/err") &
	PID=$!
}
children() { wc -w <"/proc/$PID/task/$PID/children"; }
start --hosts "$TMP/slow" --out "$TMP/part.json"
one_left() { [[ $(wc -l <"$TMP/ran-h1") -gt $ran && $(children) == 1 ]]; }
within "one has answered" 20 one_left
kill -INT "$PID"
wait "$PID"
is "an interrupted run ends with a status of its own" "$([[ $? == 2 || $? == 3 ]]; echo $?)" 0
cp "$TMP/part.json" "$TMP/set.json"
is "what came is kept" "$(of h1 .status)" ok
is "the rest is unknown" "$(of hang .status)" interrupted

# --- as many as 32 at a time ---------------------------------------------------------------------------

force silent <<-EOT
	mkdir -p "$TMP/busy"
	mktemp "$TMP/busy/XXXXXX" >"$TMP/busy.\$\$"
	ls "$TMP/busy" | wc -l >>"$TMP/counts"
	while [ ! -e "$TMP/go" ]; do read -rt 0.1 <>"$TMP/tick" || :; done
	rm -f "\$(cat "$TMP/busy.\$\$")"
EOT
for ((i = 0; i < 34; i++)); do echo "s$i address=${HOST_IP4[silent]}"; done >"$TMP/many"
start --hosts "$TMP/many" --timeout 60s --out "$TMP/set.json"
full() { [[ -e $TMP/counts && $(sort -n "$TMP/counts" | tail -n 1) -ge 32 ]]; }
within "32 run side by side" 40 full
is "and no more" "$(children)" 32
: >"$TMP/go"
wait "$PID"
is "the others follow" "$(jq '[.hosts[] | select(.status == "bad")] | length' "$TMP/set.json")" 34
is "never more than 32" "$(($(sort -n "$TMP/counts" | tail -n 1) <= 32))" 1

# --- for people --------------------------------------------------------------------------------------

show() { on ops "$ZTCTL" --color never assess --trust "$TMP/nokeys" --hosts "$TMP/saved" "$@"; }
like "text" "$(COLUMNS=80 show)" "*1 of 7 hosts gave a result*unknown: 6*Not a statement of compliance*"
like "text in Chinese" "$(COLUMNS=80 show --lang zh-TW)" "*共 7 台主機*"
is "80 columns" "$(COLUMNS=80 show --lang zh-TW | python3 -c 'import sys, unicodedata
for line in sys.stdin:
    w = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line.rstrip("\n"))
    if w > 80: print(w, line)')" ""
like "CSV" "$(show --csv)" "*ZTS-3.1-01*"
like "HTML" "$(show --html)" "<!DOCTYPE html>*boast*"
like "Prometheus" "$(show --prometheus)" "*ztseg_*"

# --- bad lists: nobody is asked ------------------------------------------------------------------------

refused() { # NAME LINE PATTERN
	printf '%b\n' "$2" >"$TMP/wrong"
	like "$1" "$(on ops "$ZTCTL" assess --hosts "$TMP/wrong" 2>&1; echo "exit $?")" "$3*exit 1"
}
refused "an option as a name" "-oProxyCommand=id" "*wrong:1: '-oProxyCommand=id' is no name*"
refused "an option as an address" "a address=-oProxyCommand=id" "*wrong:1: *cannot be a value of 'address'*"
refused "an option as a user" "a user=-l" "*cannot be a value of 'user'*"
refused "a shell's signs" 'a address=$(id)' "*cannot be a value of 'address'*"
refused "a port" "ok\na port=70000" "*wrong:2: '70000' is no port*"
refused "twice" "a\na" "*wrong:2: host 'a' is there twice*"
refused "an unknown key" "a colour=red" "*nothing is called 'colour'*"
refused "no value" "a b" "*'b' is no key=value*"
refused "file and address" "a file=x address=b" "*a host with a file is not asked*"
refused "nothing" "# none" "*there is no host in it*"
refused "all errors at once" "-a\n-b" "*wrong:1:*wrong:2:*"
like "what belongs to the hosts" "$(on ops "$ZTCTL" assess --hosts "$TMP/one" --probe 2>&1)" "*--remote-command*"
