#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# assess_hosts - assess --hosts over saved results: what is taken and what is refused, levels of several,
# every output, lists that are wrong. How hosts are asked: tests/netns/test_assess_hosts*.sh.
# shellcheck source=tests/golden/lib.sh
. "$(dirname "$0")/lib.sh"
export LC_ALL=C.UTF-8 LANGUAGE='' COLUMNS=80

like() { # NAME GOT PATTERN
	# shellcheck disable=SC2053
	if [[ $2 == $3 ]]; then ok "$1"; else not_ok "$1" "got '${2:0:300}', wanted ${3:0:300}"; fi
}
of() { # HOST FILTER: its entry
	jq -r --arg h "$1" '.hosts[] | select(.name == $h) | '"$2" "$TMP/set.json"
}
assess() { # ARGUMENT...: no keys are known
	"$ZTCTL" --color never --socket "$TMP/none.sock" assess --trust "$TMP/nokeys" "$@"
}
json() { "$ZTCTL" --json assess --trust "$TMP/nokeys" "$@"; }
mkdir "$TMP/nokeys"
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
echo '{"format": "ztseg.facts/1", "host": "h1", "collected_at": "'"$now"'", "observed_s": 0, "probe": false,
"facts": {"host": {"status": "ok", "method": "m", "collected_at": "'"$now"'", "elapsed_ms": 1,
"digest": "sha256:00", "data": {"name": "h1", "machine": "sha256:01", "kernel": "6.1", "os": "Debian",
"boot_id": "b", "capabilities_missing": [], "dmi": {}}}}}' >"$TMP/facts.json"
json --from "$TMP/facts.json" >"$TMP/doc-h1.json"

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
json --hosts "$TMP/saved" >"$TMP/set.json" 2>"$TMP/err"
is "a day old" "$(of old .status)" stale
is "of the future" "$(of future .status)" refused
like "a check is missing" "$(of less '.status + .why.en')" "badZTS-3.1-04 *"
is "gates made none" "$(of nogate .status)" bad
is "real numbers" "$(of real .status)" bad
is "a saved one" "$(of h1 .status) $(of h1 .seal)" "ok none"
is "the same machine once more" "$(of boast .status)" refused
is "no such file" "$(of gone .status)" unreachable
sed -i '/^h1 /d' "$TMP/saved"
json --hosts "$TMP/saved" >"$TMP/set.json" 2>"$TMP/err"
is "what a host says of its level is not believed" \
	"$(of boast '.status + " " + (.levels.measured.level < 4 | tostring)')" "ok true"
jq -c '.checks |= map(.result = "pass")' "$TMP/h1.json" >"$TMP/pass.json"
printf 'pass hostname=h1 system=x file=%s\ngone system=y file=%s\n' "$TMP/pass.json" "$TMP/gone" >"$TMP/unproven"
json --hosts "$TMP/unproven" >"$TMP/set.json" 2>"$TMP/err"
is "undetermined is a status of its own" "$?" 3
is "no level is proven with hosts unknown" \
	"$(jq -c '.system.levels.measured | [.level, .undetermined, .at_most]' "$TMP/set.json")" '[0,true,4]'
is "and so has the document that is shown" \
	"$(of pass '.assessment.levels.measured.level, (.assessment | has("signature"))' | xargs)" "4 false"
printf 'id,fields,hosts\ns,remote_work,pass\nt,remote_work,pass;gone\n' >"$TMP/inventory.csv"
is "a set goes into the plan, hosts by the names of the list" \
	"$("$ZTCTL" --json prioritize --plan "$TMP/set.json" "$TMP/inventory.csv" | jq -c '[.plan.systems[] | [.id, .level]]')" \
	'[["s","IV"],["t","?"]]'
is "the system that answered has its own" \
	"$(jq -c '[.systems[] | .levels.measured | [.level, .undetermined]]' "$TMP/set.json")" '[[4,false],[0,true]]'

# --- for people --------------------------------------------------------------------------------------

people() { assess --hosts "$TMP/saved" "$@"; }
like "text" "$(COLUMNS=80 people)" "*1 of 7 hosts gave a result*unknown: 6*Not a statement of compliance*"
like "text in Chinese" "$(COLUMNS=80 people --lang zh-TW)" "*共 7 台主機*"
is "80 columns" "$(COLUMNS=80 people --lang zh-TW | python3 -c 'import sys, unicodedata
for line in sys.stdin:
    w = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line.rstrip("\n"))
    if w > 80: print(w, line)')" ""
like "CSV" "$(people --csv)" "*ZTS-3.1-01*"
like "HTML" "$(people --html)" "<!DOCTYPE html>*boast*ZTS-3.7-08*"
like "HTML of systems" "$(assess --hosts "$TMP/unproven" --html)" "*<td>x</td><td>IV</td>*<td>y</td><td>?</td>*"
like "Prometheus" "$(people --prometheus)" "*ztseg_*"

# --- bad lists: nobody is asked ------------------------------------------------------------------------

refused() { # NAME LINE PATTERN
	printf '%b\n' "$2" >"$TMP/wrong"
	like "$1" "$(assess --hosts "$TMP/wrong" 2>&1; echo "exit $?")" "$3*exit 1"
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
like "what belongs to the hosts" "$(assess --hosts "$TMP/saved" --probe 2>&1)" "*--remote-command*"
exit $failed
