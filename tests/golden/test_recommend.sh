#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# recommend - policy recommend from saved maps: the exact text, and that policy check takes it.
# shellcheck source=tests/golden/lib.sh
. "$(dirname "$0")/lib.sh"
room=tests/golden/recommend

recommend() { "$ZTCTL" --socket "$TMP/none.sock" policy recommend "$@"; }
exits() { ends "$1" "$2" recommend "${@:3}"; } # NAME STATUS ARGUMENT...
golden() { # NAME ARGUMENT...
	local name=$1
	shift
	exits "$name" 0 "$@"
	[[ ${ZT_TEST_BLESS:-} ]] && cp "$TMP/out" "$room/$name.yaml"
	is "$name: its text" "$(diff "$room/$name.yaml" "$TMP/out" | head -n 20)" ""
	is "$name: no line longer than 100" "$(awk 'length > 100' "$TMP/out")" ""
	is "$name: policy check" "$("$ZTCTL" policy check "$TMP/out" 2>&1 >/dev/null)" ""
}

golden with-inventory --from $room/db1.json --inventory $room/inventory.yaml
golden two-hosts --inventory $room/inventory.yaml $room/db1.json $room/web1.json
cp "$TMP/out" "$TMP/two.yaml"
recommend --inventory $room/inventory.yaml $room/web1.json $room/db1.json >"$TMP/other.yaml"
is "the order of the maps makes no difference" "$(diff "$TMP/two.yaml" "$TMP/other.yaml")" ""
cat $room/inventory.yaml - >"$TMP/failsafes.yaml" <<-EOT
	failsafe:
	  - {id: bastion, from: [10.9.0.0/28, "fd00:9::/64"], to: this-host, ports: [tcp/22], note: at night}
	  - {id: console, from: oob, to: this-host, ports: [tcp/22, icmp/8]}
EOT
sed -i 's/^segments:$/&\n  oob: {addresses: [192.0.2.0\/24], except: [192.0.2.9]}/' "$TMP/failsafes.yaml"
golden failsafes --inventory "$TMP/failsafes.yaml" $room/db1.json
is "failsafes stay, and what they name" "$(grep -c -e 'id: bastion' -e 'id: console' -e '^  oob:' "$TMP/out")" 3
golden without-inventory $room/db1.json --exact --name bare
golden one-host --inventory $room/inventory.yaml $room/db1.json $room/web1.json --host web1 --min-connections 5

exits "answered only" 0 $room/db1.json --answered-only
is "the scan is not there" "$(grep -c -e tcp/9999 -e 'NEVER ANSWERED' "$TMP/out")" 0
exits "to a file" 0 $room/db1.json --out "$TMP/file.yaml"
is "says how many rules" "$(grep -c 'rules from 16 edges' "$TMP/out")" 1
is "which is a policy" "$("$ZTCTL" policy check "$TMP/file.yaml" >/dev/null 2>&1; echo $?)" 0
"$ZTCTL" --json policy recommend $room/db1.json >"$TMP/json"
is "JSON" "$(python3 tests/golden/schema/check.py policy-recommend <"$TMP/json" 2>&1)" ""
jq -r .recommend.text "$TMP/json" >"$TMP/text"
is "its text is the text" "$(diff <(recommend $room/db1.json) "$TMP/text" | grep -c '^[<>] .')" 0

exits "nothing is left" 1 $room/db1.json --min-connections 1000000
exits "no agent" 1
exits "no map" 2 $room/inventory.yaml
exits "not there" 2 "$TMP/none.json"
exits "a map by host without an inventory" 2 tests/golden/ctl/map.json
exits "no such host" 2 --inventory $room/inventory.yaml $room/db1.json --host nobody
exits "no name" 2 $room/db1.json --name "a b"
exit $failed
