#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# ready - promote --ready promotes what its evidence allows and says what the others lack: flows, days,
# would-be denials, a rule that would make the hole; the time a statement stood survives a restart.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
for p in 80 81 82; do must tell b listen t$p tcp 0.0.0.0 $p; done
B=${HOST_IP4[b]}
policy_text() { # FLOWS-OF-ALLOW [EXTRA RULE]
	cat <<-EOT
		boundaries:
		  - {segment: b, inbound: deny, id: b-in, ready: {days: 0, flows: 1, would_deny: 0}}
		rules:
		  - {id: allow-80, from: a, to: b, ports: [tcp/80], ready: {days: 0, flows: $1, would_deny: 0}}
		  - {id: no-82, action: deny, from: a, to: b, ports: [tcp/82], ready: {days: 0, flows: 2, would_deny: 0}}
		  - {id: no-83, action: deny, from: a, to: b, ports: [tcp/83], ready: {days: 3, flows: 0, would_deny: 0}}
		${2:+  - $2}
	EOT
}
connects() { # PORT COUNT
	local i
	for ((i = 0; i < $2; i++)); do tell a connect c "$B" "$1" && tell a close c || return; done
}
lacks() { jqr b policy show --ready -- ".readiness[] | select(.id == \"$1\") | .lacks"; }
modes() { jqr b policy show -- '[.statements[] | select(.mode == "enforced") | .id] | sort | join(" ")'; }

policy_text 5 | rules b 1 staged
must agent_start b
holds "flows" connects 80 3
out=$(ctl b policy promote --ready 2>&1)
is "nothing is ready: no" $? 3
like "says what it lacks" "$out" "*allow-80*no*3 of 5 flows*"
like "and how many are" "$out" "*0 of 4 staged statements are ready*"
is "days are counted" "$(lacks no-83)" "0 of 3 days"
is "nothing was enforced" "$(modes)" ""

# The boundary has flows enough; alone it would deny what the rule, not ready yet, will allow.
like "a boundary before its hole" "$(lacks b-in)" "3 would-deny, last 2*Z from 10.77.0.11 to 10.77.0.12 tcp/80 (allowed by 'allow-80', which is not ready)"
holds "more flows" connects 80 2
is "five: ready" "$(lacks allow-80)" ""
is "and the boundary with it" "$(lacks b-in)" ""
since=$(jqr b policy show --ready -- '.readiness[] | select(.id == "no-82") | .stood_since')
holds "one that neither names" connects 81 1
like "the boundary would deny it" "$(lacks b-in)" "1 would-deny, last 2*Z from 10.77.0.11 to 10.77.0.12 tcp/81"
holds "and one that is to be denied" connects 82 1

out=$(ctl b policy promote --ready --within 0 2>&1)
is "promoted what is ready" $? 0
like "which it names" "$out" "*allow-80*"
like "one lacks flows" "$out" "*no-82*no*1 of 2 flows*"
like "one would deny" "$out" "*b-in*no*would-deny*"
is "and nothing else is enforced" "$(modes)" "allow-80"
says "what would be denied is not" a connect x81 "$B" 81
is "JSON has the same" "$(jqr b policy show --ready -- '[.readiness[] | "\(.id) \(.met)"] | join(", ")')" \
	"b-in false, no-82 false, no-83 false"

# The agent restarted, another policy with the same statements: since when they stood is known.
must agent_stop b
must agent_start b
is "stood since" "$(jqr b policy show --ready -- '.readiness[] | select(.id == "no-82") | .stood_since')" "$since"
policy_text 5 "{id: allow-rest, from: a, to: b, ports: [tcp/81, tcp/82], ready: {days: 0, flows: 1}}" | rules b 2 staged
is "another policy: since" "$(jqr b policy show --ready -- '.readiness[] | select(.id == "no-82") | .stood_since')" "$since"
is "what it allows is no denial any more" "$(lacks b-in)" ""
holds "so both are promoted" ctl b policy promote --ready --within 0
is "enforced" "$(modes)" "allow-80 allow-rest b-in"
denies "the boundary is closed" "TIMEOUT*" a connect x "$B" 83 timeout=0.1
says "with its holes" a connect x82 "$B" 82
says "and no session lost" a connect x80 "$B" 80
