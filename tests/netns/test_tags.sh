#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 40
# tags - frames behind VLAN tags are judged by what is in them, wherever the tag stands; a priority
# tag (id 0) is no tag; IPv4 options and IPv6 extension headers hide nothing either.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
for p in 53 54; do
	must tell b listen u$p udp 0.0.0.0 $p sink
	must tell b listen w$p udp :: $p sink
done
A=${HOST_IP4[a]} B=${HOST_IP4[b]} A6=${HOST_IP6[a]} B6=${HOST_IP6[b]} DMAC=$(mac b eth0)
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
	rules:
	  - {id: named, from: a, to: b, ports: [udp/53]}
EOT
must agent_start b
n=0
through() { # NAME SERVER COMMAND...: three bytes arrive there
	local name=$1 server=$2 had
	shift 2
	tell b got $server
	had=$REPLY
	must tell "$@"
	tell b got $server $((had + 3)) 1
	is "$name: received" "$REPLY" $((had + 3))
}
stopped() { # the same, and they do not
	local name=$1 server=$2 had end
	shift 2
	tell b got $server
	had=$REPLY
	must tell "$@"
	tell b got u53
	end=$((REPLY + 3))
	must tell a udpraw "$A" "$B" 1 53 end # what comes after it has arrived
	tell b got u53 $end 1
	tell b got $server
	is "$name: not received" "$REPLY" "$had"
}
through "no tag, named" u53 a udpraw "$A" "$B" 4000 53 abc
stopped "no tag, not named" u54 a udpraw "$A" "$B" 4000 54 abc
for tag in 8100:0 88a8:0 8100:0,8100:0; do
	through "priority tag $tag, named" u53 a vlanudp eth0 "$DMAC" $tag "$A" "$B" 4001 53 abc
	stopped "priority tag $tag, not named" u54 a vlanudp eth0 "$DMAC" $tag "$A" "$B" 4001 54 abc
done
# No device here takes these tags, so the stack drops them; what was in them is judged and on record.
for tag in 8100:5 88a8:5 88a8:5,8100:6; do
	n=$((n + 1))
	must tell a vlanudp eth0 "$DMAC" $tag "$A" "$B" $((4100 + n)) 54 abc
	within "tag $tag: judged" 1 jqc b flows -- "[.flows[] | select(.src.port == $((4100 + n)) and .verdict.live.rule == \"b-closed\")] | length == 1"
done
is "the flow of the priority tags is one, by the rule" "$(verdict b '.src.port == 4001 and .dst.port == 53')" "allow named"

through "IPv4 options, named" u53 a udpraw "$A" "$B" 4200 53 abc opts=01010100
stopped "IPv4 options, not named" u54 a udpraw "$A" "$B" 4200 54 abc opts=01010100
through "IPv4, 40 bytes of options" u53 a udpraw "$A" "$B" 4201 53 abc opts="$(printf '01%.0s' {1..40})"
stopped "IPv4, 40 bytes of options, not named" u54 a udpraw "$A" "$B" 4201 54 abc opts="$(printf '01%.0s' {1..40})"
dst=1100010400000000
through "IPv6 destination options" w53 a udpraw "$A6" "$B6" 4202 53 abc eh=60 ext=$dst
stopped "IPv6 destination options, not named" w54 a udpraw "$A6" "$B6" 4202 54 abc eh=60 ext=$dst
through "IPv6 hop-by-hop and destination options" w53 a udpraw "$A6" "$B6" 4203 53 abc eh=0 ext=3c00010400000000$dst
stopped "the same, not named" w54 a udpraw "$A6" "$B6" 4203 54 abc eh=0 ext=3c00010400000000$dst
atomic=1100000000000009
through "IPv6 atomic fragment" w53 a udpraw "$A6" "$B6" 4204 53 abc eh=44 ext=$atomic
stopped "IPv6 atomic fragment, not named" w54 a udpraw "$A6" "$B6" 4204 54 abc eh=44 ext=$atomic
