#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# fragments - datagrams in pieces, in any order, whole kernels and hand-made ones; both directions.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny, outbound: deny}
	rules:
	  - {id: ok, from: a, to: b, ports: [udp/53, icmp/8, icmpv6/128]}
	  - {id: out, from: b, to: a, ports: [udp/53, icmp/8, icmpv6/128]}
EOT
must agent_start b

for v in 4 6; do
	if [[ $v = 4 ]]; then
		A=${HOST_IP4[a]} B=${HOST_IP4[b]} W=0.0.0.0
	else
		A=${HOST_IP6[a]} B=${HOST_IP6[b]} W=::
	fi
	for h in a b; do
		must tell $h listen "u$v" udp $W 53
		must tell $h listen "n$v" udp $W 54
		must tell $h udp "d$v" v$v
	done
	for h in a b; do
		[[ $h = a ]] && to=$B || to=$A
		says "v$v from $h: ping -s 4000" $h ping "$to" size=4000
		says "v$v from $h: UDP of 8 kB and its answer" $h askto "d$v" "$to" 53 @8192
		says "v$v from $h: UDP of 60 kB and its answer" $h askto "d$v" "$to" 53 @60000
	done
	denies "v$v: UDP of 8 kB that none names" "TIMEOUT*" a askto "d$v" "$B" 54 @8192 0.4

	tell b peers "u$v"
	had=${REPLY%% *}
	n=0
	for order in 0,1,2 2,1,0 1,2,0 0,2,1 1,0,2 2,0,1; do
		n=$((n + 1))
		says "v$v: fragments $order" a frags "$A" "$B" 4000 53 4000 order=$order id=$((100 + n))
	done
	tell b peers "u$v" $((had + n)) 2
	is "v$v: each order arrived" "${REPLY%% *}" $((had + n))

	tell b peers "n$v"
	had=${REPLY%% *}
	for order in 0,1,2 2,1,0 1,2,0; do
		n=$((n + 1))
		says "v$v: denied fragments $order are sent" a frags "$A" "$B" 4000 54 4000 order=$order id=$((100 + n))
	done
	says "v$v: and one allowed after them" a askto "d$v" "$B" 53
	tell b peers "n$v"
	is "v$v: none of the denied arrived" "${REPLY%% *}" "$had"

	# A middle without its first piece is passed, counted, and never becomes a datagram.
	tell b peers "u$v"
	had=${REPLY%% *}
	says "v$v: fragments without the first" a frags "$A" "$B" 4000 53 4000 order=1,2 id=$((200 + n))
	says "v$v: and a whole one" a askto "d$v" "$B" 53
	tell b peers "u$v"
	is "v$v: only the whole one arrived" "${REPLY%% *}" $((had + 1))
	is "v$v: flow of the allowed" "$(verdict b ".src.address == \"$A\" and .src.port == 4000 and .dst.port == 53")" "allow ok"
	is "v$v: flow of the denied" "$(verdict b ".src.address == \"$A\" and .src.port == 4000 and .dst.port == 54")" "deny b-closed:in"
done
