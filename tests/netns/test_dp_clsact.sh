#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# dp_clsact - clsact filters instead of tcx links, as on kernels before 6.6: enforced, taken over
# under traffic, exchanged for tcx and back, put back when removed, and detached with no agent.
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
filters() { # DIRECTION: bpf filters on eth0, "pref handle" each
	on b tc -j filter show dev eth0 "$1" | jq -r '.[] | select(.options.handle and .pref == 1) | "\(.pref) \(.options.handle)"'
}
hook() { jqr b status -- '.interfaces[] | select(.name == "eth0") | .hook'; }

# Somebody else's filter, behind ours, stays whatever we do.
must on b tc qdisc add dev eth0 clsact
must on b tc filter add dev eth0 ingress pref 50 protocol all bpf bytecode '1,6 0 0 0' classid 1:1
settings b <<<"attach: clsact"
must agent_start b
is "attached by clsact" "$(hook)" clsact
like "a filter at ingress, first" "$(filters ingress)" "1 0x7a74"
like "a filter at egress" "$(filters egress)" "1 0x7a74"
is "first in the chain" "$(jqr b status -- '[.interfaces[] | select(.name == "eth0") | .at_head[]] | all')" true
is "the neighbour is listed" "$(jqr b status -- '[.neighbours[] | select(.kind == "clsact")] | length')" 1
says "what a rule names" a connect n "$B" 80
denies "what none names" "TIMEOUT*" a connect x "$B" 81 timeout=0.3

# Taken over, by the same kind, by tcx and back, while both sequences run.
must tell a seqstart good "$B" 700 $((2000 / ZT_SCALE))
must tell a seqstart bad "$B" 701 $((2000 / ZT_SCALE))
must tell b seqgot good 100 2
more() {
	tell b seqgot good
	must tell b seqgot good $((${REPLY%% *} + 300)) 3
}
agent_kill b
must agent_start b
more
is "still clsact" "$(hook)" clsact
agent_kill b
settings b <<<"attach: auto"
must agent_start b
more
if [[ $(hook) = tcx ]]; then
	ok "exchanged for tcx"
	is "our filters are gone" "$(filters ingress)$(filters egress)" ""
	agent_kill b
	settings b <<<"attach: clsact"
	must agent_start b
	more
	is "and back" "$(hook)" clsact
	is "no tcx link is left" "$(find "$TMP/b/bpf" -name 'link_*')" ""
else
	skip "exchanged for tcx" "this kernel has no tcx (6.6): the agent uses clsact filters"
fi
tell a seqstop good
sent=${REPLY% *}
tell a seqstop bad
must tell b seqgot good "$sent" 3
is "none lost" "$REPLY" "$sent 0 $((sent - 1)) 0"
tell b seqgot bad
is "none unjudged" "$REPLY" "0 0 0 0"

# Removed: put back.
must on b tc filter del dev eth0 ingress pref 1
back() { [[ $(filters ingress) == "1 0x7a74" ]]; }
within "a removed filter is put back" 6 back
denies "and judges" "TIMEOUT*" a connect x "$B" 81 timeout=0.3
is "with an alarm" "$(jqr b status -- '[.alarms[] | select(.name == "link-lost") | .count] | add > 0')" true

# Detached with no agent: ours go, the other stays, and so does its qdisc.
must agent_kill b
holds "detach" stop_tool b detach
is "our filters are gone" "$(filters ingress)$(filters egress)" ""
is "the neighbour's is there" "$(on b tc filter show dev eth0 ingress | grep -c 'pref 50 bpf.*handle')" 1
says "nothing is denied" a connect y "$B" 81
must on b tc qdisc del dev eth0 clsact

# A qdisc that we made goes with us.
must agent_start b
is "a qdisc of our own" "$(on b tc qdisc show dev eth0 | grep -c clsact)" 1
holds "detach with the agent alive" stop_tool b detach
is "the qdisc is gone" "$(on b tc qdisc show dev eth0 | grep -c clsact)" 0
