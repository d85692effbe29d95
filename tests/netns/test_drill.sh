#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 180
# drill - drills on a running agent: each acts on its canary alone, leaves nothing behind and a record; what is
# broken is found out.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
labels=$TMP/b/labels.d
mkdir -p "$labels"
printf 'labels: %s\n' "$labels" >"$TMP/b/agent.yaml"
canary=$("$ZTCTL" drill --snippet)
write() { # MODE OF zt-drill-deny, REVISION
	{
		printf 'version: 1\npolicy: live\nrevision: %s\nmode: enforced\n' "$2"
		sed "s/zt-drill-deny, mode: enforced/zt-drill-deny, mode: $1/; /^hosts:/a\\  b: {addresses: [${HOST_IP4[b]}]}" <<<"$canary"
	} >"$TMP/b/policy.yaml"
}
drill() { # NAME [OPTION...]
	out=$(ctlj b drill "$@" --state-dir "$TMP/b/state" 2>"$TMP/err")
	rc=$?
}
number() { jq -r ".body.$1" <<<"$out"; }

write enforced 1
must agent_start b
before=$(jqr b status -- '[.policy.rows_digest, .policy.digest] | join(" ")')

drill canary
is "canary passes" "$rc $(number others_denied)" "0 0"
like "a change came into force and went" "$(number change_ms) $(number back_ms)" "[0-9]* [0-9]*"
is "the established connection stayed" "$(number established_kept)" true
is "the record says pass" "$(jq -r '.result + " " + .name' <<<"$out")" "pass canary"
is "nothing is left of it" "$(jqr b status -- '[.policy.rows_digest, .policy.digest] | join(" ")')" "$before"
holds "the link is gone" test ! -e "$TMP/x" -a -z "$(ip -n "$(ns b)" -o link show zt-drill0 2>/dev/null)"

drill rollback --within 2s
is "rollback passes" "$rc" 0
holds "taken back at its deadline" test "$(number reverted_ms)" -ge 1900 -a "$(number reverted_ms)" -le $((4000 * ZT_SCALE))
drill bad-policy --within 2s
is "bad-policy passes" "$rc" 0
is "the way was cut and came back" "$(number path_cut) $(number path_back)" "true true"
drill revoke
is "revoke passes" "$rc" 0
holds "the established connection stopped within 10 s" test "$(number cut_ms)" -le 10000
drill signal
is "signal passes" "$rc" 0
holds "the signal ended by itself" test "$(number reverted_ms)" -gt "$(number changed_ms)"
is "no label is left" "$(jqr b label list -- '.labels | map(select(.key == "zt-drill")) | length')" 0

before=$(jqr b status -- '[.policy.rows_digest, .policy.digest] | join(" ")')
drill drift
is "drift passes" "$rc" 0
holds "noticed, then repaired" test "$(number detect_ms)" -ge 0 -a "$(number restore_ms)" -ge "$(number detect_ms)"
is "what is in force is what was" "$(jqr b status -- '[.policy.rows_digest, .policy.digest] | join(" ")')" "$before"

records=$(ls "$TMP/b/state/records" | wc -l)
is "a record of each" "$records" 6
drill tamper
is "an unsigned policy cannot be tampered with" "$rc" 1
like "and it says what to do" "$(cat "$TMP/err")" "*is not signed*ztctl policy sign*"

# survive: somebody starts the agent again, as systemd would.
old=${AGENT_PID[b]}
(
	while kill -0 "$old" 2>/dev/null; do read -rt 0.1 <>"$TMP/tick" || :; done
	: >"$TMP/died"
) &
drill survive --for 4s &
drilling=$!
eventually 20 test -e "$TMP/died" || not_ok "survive kills the agent" "it lives"
must agent_start b
wait "$drilling"
rec=$(ls -t "$TMP/b/state/records"/*.json | head -1)
is "survive passes" "$(jq -r '.name + " " + .result' "$rec")" "survive pass"
is "no leak, no loss" "$(jq -r '[.body.deny_leaks, .body.allow_losses] | join(" ")' "$rec")" "0 0"
holds "the agent's return was seen" test "$(jq -r .body.restart_ms "$rec")" -ge 0

# What is wrong is found out, and nothing is recorded as if it had been tried.
records=$(ls "$TMP/b/state/records" | wc -l)
write staged 2
eventually 10 test "$(jqr b status -- .policy.revision)" = 2
drill canary
is "a canary that is not denied proves nothing" "$rc" 1
like "and it says so" "$(cat "$TMP/err")" "*zt-drill-deny denies*"
is "without a record" "$(ls "$TMP/b/state/records" | wc -l)" "$records"
printf 'version: 1\npolicy: live\nrevision: 3\nmode: enforced\n' >"$TMP/b/policy.yaml"
eventually 10 test "$(jqr b status -- .policy.revision)" = 3
drill canary
is "without canary statements" "$rc" 2
like "it says where they come from" "$(cat "$TMP/err")" "*ztctl drill --snippet*"
