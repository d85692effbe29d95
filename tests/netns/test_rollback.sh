#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# rollback - confirmed states are kept in a chain of hashes, with who and why; going back to one
# holds the file until its revision rises; an altered entry is named and is never what boots.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
for p in 80 81 82; do must tell b listen t$p tcp 0.0.0.0 $p; done
B=${HOST_IP4[b]}
opens() { tell a connect o "$B" "$1" timeout=0.1 && tell a close o; }
shut() { ! opens "$1"; }
only() { # PORT: the one that is open
	local p
	for p in 80 81 82; do
		if [[ $p == "$1" ]]; then opens $p; else shut $p; fi || return 1
	done
}
now_at() { jqr b status -- '.policy | "\(.revision) \(.entry)"'; }
open_for() { # REVISION PORT: a policy file that opens it
	rules b "$1" enforced <<-EOT
		boundaries:
		  - {id: b-closed, segment: b, inbound: deny}
		rules:
		  - {id: open, from: a, to: b, ports: [tcp/$2]}
	EOT
}
entry() { echo "$TMP/b/state/history/00000$1.json"; }
open_for 1 80
must agent_start b
open_for 2 81
open_for 3 82
is "three states, three entries" "$(now_at)" "3 3"
holds "revision 3" only 82

# One back; the file is held until its revision rises.
out=$(ctl b policy rollback --why "port 82 was wrong")
is "rolled back" $? 0
like "says what becomes of the file" "${out//$'\n'/ }" "*raise its *revision:* above 3*"
holds "revision 2" only 81
is "a new entry" "$(now_at)" "2 4"
is "nothing awaits confirmation" "$(jqr b status -- .policy.awaits_confirmation)" false
touch "$TMP/b/policy.yaml"
kill -HUP "${AGENT_PID[b]}"
within "the file read again is held" 5 jqc b status -- '.policy.hold | .file_held and .reason == "rollback" and .revision == 3'
open_for_held() { sed "s/tcp.82/tcp\/80/" "$TMP/b/policy.text" | policy b; }
open_for_held
within "rewritten with the same revision: held" 5 jqc b status -- '.policy.hold.file_held'
holds "revision 2 still" only 81
must agent_kill b
must agent_start b
is "held after a restart" "$(jqr b status -- '.policy | "\(.revision) \(.hold.file_held)"')" "2 true"
must agent_stop b
must stop_tool b detach
must agent_start b
is "held after a reboot" "$(jqr b status -- '.policy | "\(.revision) \(.hold.file_held)"')" "2 true"
holds "and revision 2 in force" only 81
open_for 4 82
holds "a revision above is applied" only 82
is "as an entry" "$(now_at)" "4 5"
is "nothing is held" "$(jqr b status -- .policy.hold)" null

# By entry, by revision, by what is not there; and with a deadline.
holds "to entry 1" ctl b policy rollback 1
holds "revision 1" only 80
is "as an entry" "$(now_at)" "1 6"
holds "to revision 3" ctl b policy rollback --revision 3
holds "revision 3" only 82
fails "no such entry" ctl b policy rollback 77
fails "no such revision" ctl b policy rollback --revision 77
holds "to entry 2, to be confirmed" ctl b policy rollback 2 --within 5m
holds "revision 2" only 81
holds "taken back" ctl b policy rollback
holds "revision 3 again" only 82
is "which is no entry of its own" "$(now_at)" "3 7"
out=$(ctl b policy rollback 2>&1)
holds "one back is the state before" only 80
is "with its revision" "$(now_at)" "1 8"

# Who, when, why; the chain.
is "who and why" "$(jqr b policy history -- '.entries[3] | "\(.action) \(.by.user) \(.why)"')" \
	"rollback root port 82 was wrong"
is "the whole of it" "$(jqr b policy history -- '[.entries[].revision] | join(" ")')" "1 2 3 2 4 1 3 1"
holds "is a chain" jqc b policy history -- '.intact and (.entries as $e | [range(1; $e | length)] | all($e[.].prev == $e[. - 1].hash))'
holds "shaped as its schema says" bash -c "$(declare -f on ns ctlj); TMP=$TMP ZTCTL=$ZTCTL; ns() { echo $(ns b); }
	nsenter --net=/run/netns/$(ns b) -- $ZTCTL --socket $TMP/b/run/agent.sock --json policy history |
	$ZT_ROOT/tests/golden/schema/check.py policy-history"
like "an entry with its text" "$(ctl b policy history --show 4)" "*tcp/81*"
like "for people" "$(ctl b policy history)" "*8\**rollback*chain of hashes is whole*"

# Tampered with: named, not rolled back to, not booted.
sed -i 's|tcp/81|tcp/99|' "$(entry 4)"
out=$(ctl b policy history 2>&1)
is "an altered entry: exit status" $? 3
like "an altered entry: named" "$out" "*Entry 4: it was altered*"
out=$(ctl b policy rollback 4 2>&1)
is "not rolled back to: exit status" $? 1
like "not rolled back to: why" "$out" "*entry 4*altered*"
holds "what is in force stays" only 80
jq --sort-keys 'del(.hash) | .files[0].text |= gsub("tcp/82"; "tcp/99")' "$(entry 7)" >"$TMP/forged"
jq --arg h "$(jq -cSj . "$TMP/forged" | sha256sum | cut -d' ' -f1)" '.hash = $h' "$TMP/forged" >"$(entry 7)"
holds "a forged one with a hash of its own breaks the chain behind it" \
	jqc b policy history -- 'any(.breaks[]; .entry == 8 and (.why | test("does not follow")))'
rm "$(entry 2)"
holds "a missing one is named" jqc b policy history -- 'any(.breaks[]; .entry == 2 and (.why | test("missing")))'
sed -i 's|tcp/80|tcp/99|' "$(entry 8)"
must agent_stop b
must stop_tool b detach
printf 'version: 1\nnonsense: [\n' | policy b
must agent_start b
is "what boots is the newest that is intact" "$(now_at)" "3 7"
like "and it is said" "$(jqr b status -- .policy.history_error)" "*entry 8*entry 7*"
like "in the log too" "$(cat "$TMP/b/agent.log")" "*entry 8 of the policy history*"

# Twenty are kept.
must agent_stop b
unset "AGENT_PID[b]"
rm -r "$TMP/b/state"
open_for 1 80
must agent_start b
for ((i = 2; i <= 23; i++)); do open_for $i $((80 + i % 3)); done
is "the last twenty" "$(jqr b policy history -- '"\(.entries | length) \(.entries[0].entry) \(.intact)"')" "20 4 true"
