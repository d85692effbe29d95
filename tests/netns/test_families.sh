#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# families - IPv4 and IPv6; TCP, UDP, ICMP and any other protocol by number; both directions.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b

statements() { # allowed from a to b, then from b to a
	cat <<-EOT
		boundaries:
		  - {id: b-closed, segment: b, inbound: deny, outbound: deny}
		rules:
		  - {id: a-to-b, from: a, to: b, ports: [$1]}
		  - {id: b-to-a, from: b, to: a, ports: [$2]}
	EOT
}

some='tcp/80, udp/53, icmp/8, icmpv6/128, proto/253'
statements "$some" "$some" | rules b 1 enforced
must agent_start b

for v in 4 6; do
	if [[ $v = 4 ]]; then
		A=${HOST_IP4[a]} B=${HOST_IP4[b]} W=0.0.0.0 P=icmp
	else
		A=${HOST_IP6[a]} B=${HOST_IP6[b]} W=:: P=icmpv6
	fi
	for h in a b; do
		for port in 80 81; do must tell $h listen "t$v$port" tcp $W $port; done
		for port in 53 54; do must tell $h listen "u$v$port" udp $W $port; done
		must tell $h udp "d$v" v$v
		must tell $h rawlisten "r253$v" v$v 253
		must tell $h rawlisten "r254$v" v$v 254
	done

	says "v$v in: TCP that a rule names" a connect "c$v" "$B" 80
	says "v$v in: and its data" a ask "c$v" hello
	denies "v$v in: TCP that none names" "TIMEOUT*" a connect x "$B" 81 timeout=0.4
	says "v$v in: UDP that a rule names" a askto "d$v" "$B" 53
	denies "v$v in: UDP that none names" "TIMEOUT*" a askto "d$v" "$B" 54 ping 0.3
	says "v$v in: echo request" a ping "$B"
	says "v$v in: protocol 253" a ipraw "$A" "$B" 253 00112233
	says "v$v in: it arrives" b rawgot "r253$v" 1
	says "v$v in: protocol 254" a ipraw "$A" "$B" 254 00112233
	denies "v$v in: it does not" "TIMEOUT*" b rawgot "r254$v" 0.3
	# The error that the denied listener would have sent is none: silence, not a refusal.
	denies "v$v in: a closed port says nothing" "TIMEOUT*" a uprobe "$B" 9 timeout=0.3

	says "v$v out: TCP that a rule names" b connect "c$v" "$A" 80
	says "v$v out: and its data" b ask "c$v" hello
	denies "v$v out: TCP that none names, at once" "EPERM*" b connect x "$A" 81 timeout=0.4
	says "v$v out: UDP that a rule names" b askto "d$v" "$A" 53
	denies "v$v out: UDP that none names" "EPERM*" b askto "d$v" "$A" 54 ping 0.3
	says "v$v out: echo request" b ping "$A"
	says "v$v out: protocol 253" b ipraw "$B" "$A" 253 00112233
	says "v$v out: it arrives" a rawgot "r253$v" 1
	tell b ipraw "$B" "$A" 254 00112233
	denies "v$v out: protocol 254 does not" "TIMEOUT*" a rawgot "r254$v" 0.3

	is "v$v: flow of the allowed TCP" "$(verdict b \
		".src.address == \"$A\" and .dst.port == 80 and .proto == \"tcp\"")" "allow a-to-b"
	is "v$v: flow of the denied TCP" "$(verdict b \
		".src.address == \"$A\" and .dst.port == 81 and .proto == \"tcp\"")" "deny b-closed:in"
	is "v$v: flow of the echo" "$(verdict b \
		".src.address == \"$A\" and .proto == \"$P\" and (.dst.port | IN(8, 128))")" "allow a-to-b"
	is "v$v: violation in" "$(violated b ".src == \"$A\" and .port == 54")" b-closed:in
	is "v$v: violation out" "$(violated b ".dst == \"$A\" and .port == 54")" b-closed:out
done

statements udp/53 udp/53 | rules b 2 enforced
denies "no rule names icmp: ping in" "TIMEOUT*" a ping "${HOST_IP4[b]}" timeout=0.3
denies "no rule names icmpv6: ping in" "TIMEOUT*" a ping "${HOST_IP6[b]}" timeout=0.3
denies "no rule names icmp: ping out" "@(TIMEOUT|ENOBUFS|EPERM)*" b ping "${HOST_IP4[a]}" timeout=0.3
denies "no rule names icmpv6: ping out" "@(TIMEOUT|ENOBUFS|EPERM)*" b ping "${HOST_IP6[a]}" timeout=0.3
says "neighbours are still found (ARP): UDP" a askto d4 "${HOST_IP4[b]}" 53
must ip -n "$(ns a)" neigh flush dev eth0
must ip -n "$(ns b)" neigh flush dev eth0
says "after a flush, IPv4" a askto d4 "${HOST_IP4[b]}" 53
says "after a flush, IPv6 (ND is built in)" a askto d6 "${HOST_IP6[b]}" 53
says "after a flush, IPv6, asked by the guarded host" b askto d6 "${HOST_IP6[a]}" 53
