#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# restart - the agent killed: enforcement stays, flows go on being counted; a new agent takes over
# with no packet unjudged and none lost; detach with no agent leaves nothing behind.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
must tell b listen t80 tcp 0.0.0.0 80
must tell b listen t81 tcp 0.0.0.0 81
must tell b listen good udp 0.0.0.0 700 seq
must tell b listen bad udp 0.0.0.0 701 seq
must tell a udp good v4
must tell a udp bad v4
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny, outbound: deny}
	rules:
	  - {id: in, from: a, to: b, ports: [tcp/80, udp/700]}
EOT
B=${HOST_IP4[b]}
objects() { # programs, maps and links of ours on the machine, as "kind id"
	local kind
	for kind in prog map link; do
		bpftool -j "$kind" show 2>/dev/null | jq -r --arg k "$kind" \
			'.[] | select((.name // "") | startswith("zt_")) | "\($k) \(.id)"'
	done
}
pinned() { find "$TMP/b/bpf" -type f; }
must agent_start b
must tell a connect s "$B" 80
must tell a ask s hello
must tell a connect cut "$B" 80

# Killed.
must agent_kill b
is "pins are there" "$(($(pinned | wc -l) > 0))" 1
says "killed: the open session goes on" a ask s again
says "killed: what a rule names" a connect n "$B" 80
denies "killed: what none names" "TIMEOUT*" a connect x "$B" 81 timeout=0.3
denies "killed: an own connection is refused" "EPERM*" b connect x "${HOST_IP4[a]}" 80
for i in 1 2 3 4 5; do must tell a ask n "number $i"; done

# A new agent, while both sequences run: every good one arrives, no bad one does.
must tell a seqstart good "$B" 700 2000
must tell a seqstart bad "$B" 701 2000
must tell b seqgot good 100 2
must agent_start b
is "taken over" "$(jqr b status -- .agent.taken_over)" true
is "the same policy" "$(jqr b status -- .policy.revision)" 1
tell b seqgot good
must tell b seqgot good $((${REPLY%% *} + 400)) 3
must agent_stop b
must agent_start b
tell b seqgot good
must tell b seqgot good $((${REPLY%% *} + 400)) 3
must agent_kill b
must agent_start b
tell b seqgot good
must tell b seqgot good $((${REPLY%% *} + 400)) 3
tell a seqstop good
sent=${REPLY% *}
tell a seqstop bad
bad=${REPLY% *}
must tell b seqgot good "$sent" 3
is "none lost over three restarts" "$REPLY" "$sent 0 $((sent - 1)) 0"
tell b seqgot bad
is "none of $bad unjudged" "$REPLY" "0 0 0 0"
says "the session is still there" a ask s third

# What was counted with no agent is not lost either.
is "the flow of the dead time is known" "$(verdict b '.dst.port == 80 and .src.address == "10.77.0.11"')" "allow in"
is "its packets too: handshake, 5 requests" "$(jqr b flows -- '[.flows[] | select(.dst.port == 80 and .src.address == "10.77.0.11") |
	.packets.to_dst] | max >= 7')" true
is "and every numbered datagram" "$(jqr b flows -- '[.flows[] | select(.dst.port == 700) | .packets.to_dst] | add')" "$sent"
is "and every one that was denied" "$(jqr b violations -- '[.violations[] | select(.port == 701) | .count] | add')" "$bad"
is "the refusals of the dead time" "$(violated b '.port == 81')" b-closed:in

# A policy that changed while no agent ran is in force when the next one is ready.
must agent_kill b
unset 'AGENT_PID[b]'
rules b 2 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny, outbound: deny}
	rules:
	  - {id: in, from: a, to: b, ports: [tcp/81]}
EOT
denies "changed file, no agent: the last policy holds" "TIMEOUT*" a connect x "$B" 81 timeout=0.3
must agent_start b
says "the new agent has it in force" a connect y "$B" 81
denies "for open sessions too" "TIMEOUT*" a ask s fourth 0.3

# Detach with no agent.
must agent_kill b
mapfile -t ours < <(pinned)
ids=$(for p in "${ours[@]}"; do
	for kind in prog map link; do bpftool -j "$kind" show pinned "$p" 2>/dev/null | jq -r --arg k "$kind" \
		'select(type == "object" and has("id")) | "\($k) \(.id)"'; done
done | sort -u)
is "there is something to remove" "$(($(grep -c . <<<"$ids") > 10))" 1
holds "detach, no agent" stop_tool b detach
is "no pin left" "$(find "$TMP/b/bpf/ztseg" 2>/dev/null | wc -l)" 0
none_of_ours() { ! objects | grep -qxFf <(echo "$ids"); }
within "no program, map or link of it left" 3 none_of_ours
is "no filter left" "$(on b tc filter show dev eth0 ingress; on b tc filter show dev eth0 egress)" ""
says "nothing is denied any more" a connect z "$B" 80
denies "an own connection is not refused by us" "ECONNREFUSED*" b connect z "${HOST_IP4[a]}" 22
like "detach again: nothing there" "$(stop_tool b detach 2>&1)" "*nothing to detach*"
must agent_start b
denies "a new start guards again" "TIMEOUT*" a connect x "$B" 80 timeout=0.3
holds "detach with the agent alive" stop_tool b detach
within "and the agent ends" 5 fails_alive "${AGENT_PID[b]}"
is "no pin left" "$(find "$TMP/b/bpf/ztseg" 2>/dev/null | wc -l)" 0
says "nothing is denied" a connect z2 "$B" 80
