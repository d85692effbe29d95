#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# assess_hosts - many hosts over ssh: real ones beside one that hangs, one that sends without end, one
# that sends nonsense, one that sends another host's result, one whose result was changed. sshd and ssh
# are the real ones.
. "$(dirname "$0")/lib.sh"
zt_begin
# shellcheck source=tests/netns/fleet.sh
. "$(dirname "$0")/fleet.sh"

all=(h1 h2 hang flood bad deep tampered other silent nocmd)
n=11
for h in "${all[@]}"; do
	host "$h" $n
	n=$((n + 1))
done

# --- what they send ---------------------------------------------------------------------------------

force_assess h1
force_assess h2
force hang <<<'exec sleep 1000'
force flood <<<'exec cat /dev/zero'
force bad <<<'echo "{\"format\": \"ztseg.assessment/1\", \"host\": \"$(printf "\e[31m")\"}"'
force deep <<<'head -c 3000000 /dev/zero | tr "\0" "["'
force tampered <<<"exec sed 's/\"result\":\"fail\"/\"result\":\"pass\"/' '$TMP/doc-h1.json'"
force other <<<"exec cat '$TMP/doc-h1.json'"
force silent <<<'echo "no privilege here" >&2; exit 3'
force nocmd <<<'exec ztctl-that-is-not-there'

serve "${all[@]}"

# --- one result to change and to send under another name ---------------------------------------------

printf 'h1 address=%s\n' "${HOST_IP4[h1]}" >"$TMP/one"
assess --hosts "$TMP/one" >"$TMP/set.json" 2>"$TMP/err"
is "one host answers" "$(of h1 .status) $(of h1 .seal) $(of h1 .signer)" "ok ok h1"
jq -c '.hosts[0].assessment' "$TMP/set.json" >"$TMP/doc-h1.json"

# --- all of them ---------------------------------------------------------------------------------------

{
	echo '# the hosts of two systems'
	for h in "${all[@]}"; do
		[[ $h == hang ]] && continue
		printf '%s address=%s role=%s system=%s%s\n' "$h" "${HOST_IP4[$h]}" \
			"$([[ $h == h? ]] && echo web || echo odd)" "$([[ $h == h? ]] && echo crm || echo rest)" \
			"$([[ $h == tampered ]] && echo ' hostname=h1')"
	done
	echo "nobody address=10.77.0.99 system=rest"
	echo "closed address=${HOST_IP4[h1]} port=2022 system=rest"
} >"$TMP/hosts"
assess --hosts "$TMP/hosts" >"$TMP/set.json" 2>"$TMP/err"
status=$?
is "not met or undetermined" "$([[ $status == 2 || $status == 3 ]]; echo $?)" 0
is "every host is in it" "$(jq -r '.hosts | length' "$TMP/set.json")" 11
is "h1" "$(of h1 .status) $(of h1 .seal)" "ok ok"
is "h2" "$(of h2 .status) $(of h2 .seal)" "ok ok"
is "one that sends without end" "$(of flood '.status + " " + .why.en')" "refused it sent more than 4 MiB"
is "one that sends no assessment" "$(of bad .status)" bad
is "one that sends 3 MB of brackets" "$(of deep .status)" bad
is "a result that was changed" "$(of tampered .status) $(of tampered .seal)" "refused bad"
like "another host's result" "$(of other '.status + " " + .why.en')" "refused*'h1'*'other'*"
like "one that says nothing" "$(of silent '.status + " " + .why.en')" "bad *exit status 3*no privilege here"
is "one without ztctl" "$(of nocmd .status)" bad
is "nobody there" "$(of nobody .status)" unreachable
is "nobody listens" "$(of closed .status)" unreachable
is "nothing that was refused is in it" \
	"$(jq '[.hosts[] | select(.status != "ok" and has("assessment"))] | length' "$TMP/set.json")" 0

# --- what is made of it -----------------------------------------------------------------------------

is "nine unknown, none dropped" "$(jq .system.distribution.unknown "$TMP/set.json")" 9
is "a host at none decides" "$(jq -c '.system.levels.measured | [.level, .undetermined]' "$TMP/set.json")" '[0,false]'
is "a system of hosts that answered has a level" \
	"$(jq -c '.systems[] | select(.id == "crm") | .levels.measured.undetermined' "$TMP/set.json")" false
is "the level is the lowest of its hosts" \
	"$(jq -c '.systems[] | select(.id == "crm") | .levels.measured.level' "$TMP/set.json")" \
	"$(jq '[.hosts[] | select(.status == "ok") | .levels.measured.level] | min' "$TMP/set.json")"
is "digests by role for 3.7-08" "$(jq -c '[.fleet[] | select(.role == "web")] | length' "$TMP/set.json")" 2
is "3.7-08 is judged over all" "$(jq -r '.checks[0].id' "$TMP/set.json")" ZTS-3.7-08
is "it says what it is not" "$(jq -r '.statement.en | startswith("Not a statement of compliance")' "$TMP/set.json")" true
is "it is as its schema has it" "$(python3 "$ZT_ROOT/tests/golden/schema/check.py" assess-set <"$TMP/set.json" 2>&1 | head -n 3)" ""
show() { "$ZTCTL" --color never assess show --trust "$TMP/trust" "$@"; }
is "shown again it counts the same" \
	"$("$ZTCTL" --json assess show --trust "$TMP/trust" "$TMP/set.json" | jq -cS '[.system, .systems, .target]')" \
	"$(jq -cS '[.system, .systems, .target]' "$TMP/set.json")"
like "shown for people" "$(COLUMNS=80 show "$TMP/set.json")" "*2 of 11 hosts gave a result*"
jq -c '.hosts |= map(if .assessment then .assessment.ended = "2020-01-01T00:00:00Z" else . end)' "$TMP/set.json" >"$TMP/aged.json"
like "shown later it counts no more" "$(COLUMNS=80 show "$TMP/aged.json")" "*0 of 11 hosts gave a result*"
jq -c '.hosts[0].assessment.items = 3' "$TMP/set.json" >"$TMP/odd.json"
show "$TMP/odd.json" >/dev/null 2>&1
is "a set of another shape is refused" "$?" 4

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

# --- one that hangs costs its own answer, for as long as it may ---------------------------------------

printf 'hang address=%s\n' "${HOST_IP4[hang]}" >"$TMP/hanging"
assess --hosts "$TMP/hanging" --timeout 2s >"$TMP/set.json" 2>"$TMP/err"
is "one that hangs is undetermined" "$?" 3
is "and told so" "$(of hang '.status + " " + .why.en')" "timeout no answer within 2 s"
is "after the time it had" "$(of hang '.elapsed_ms >= 2000 and .elapsed_ms < 20000')" true
