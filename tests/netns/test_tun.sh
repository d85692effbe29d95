#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 40
# tun - a device without a link-layer header: attached, judged and counted like any other.
. "$(dirname "$0")/lib.sh"

must host b 12
puppet b b
must tell b listen u53 udp 0.0.0.0 53 sink
must tell b listen u54 udp 0.0.0.0 54 sink
must tell b listen w53 udp :: 53 sink
must tell b listen w54 udp :: 54 sink
rules b 1 enforced <<-EOT
	  behind: {addresses: [10.78.0.0/24, "fd78::/64"]}
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny, outbound: deny}
	rules:
	  - {id: in, from: behind, to: b, ports: [udp/53]}
	  - {id: out, from: b, to: behind, ports: [udp/700, icmp, icmpv6]}
EOT
must agent_start b
says "device" b tun tun0
on b sh -c 'echo 0 >/proc/sys/net/ipv6/conf/tun0/accept_dad' 2>/dev/null
must ip -n "$(ns b)" addr add 10.78.0.1/24 dev tun0
must ip -n "$(ns b)" addr add fd78::1/64 dev tun0 nodad
must ip -n "$(ns b)" link set tun0 up
within "attached without a link layer" 2 jqc b status -- '.interfaces[] | select(.name == "tun0") | .layer == 3 or .layer == "l3" or .layer == "ip"'
must tell b udp d v4
must tell b udp d6 v6
says "IPv4: out, named" b askto d 10.78.0.2 700
denies "IPv4: out, not named" "EPERM*" b askto d 10.78.0.2 701 x 0.3
says "IPv4: ping" b ping 10.78.0.2
says "IPv6: out, named" b askto d6 fd78::2 700
denies "IPv6: out, not named" "EPERM*" b askto d6 fd78::2 701 x 0.3
says "IPv6: ping" b ping fd78::2
for v in 4 6; do
	[[ $v = 4 ]] && far=10.78.0.2 near=10.78.0.1 s=u || { far=fd78::2 near=fd78::1 s=w; }
	says "IPv$v: a packet comes in, named" b tunsend tun0 $far $near 900 53 hello
	says "IPv$v: and is received" b got ${s}53 5 1
	is "IPv$v: in whole" "$REPLY" 5
	says "IPv$v: a packet comes in, not named" b tunsend tun0 $far $near 900 54 hello
	says "IPv$v: another that is named" b tunsend tun0 $far $near 900 53 again
	must tell b got ${s}53 10 1
	must tell b got ${s}54
	is "IPv$v: it is not received" "$REPLY" 0
	is "IPv$v: denied by the boundary" "$(violated b ".src == \"$far\" and .port == 54")" b-closed:in
done
is "bytes are those of the packets: 20 + 8 + 5" "$(jqr b flows -- '[.flows[] | select(.src.address == "10.78.0.2" and .dst.port == 53) |
	"\(.packets.to_dst) \(.bytes.to_dst)"] | join(" ")')" "2 66"
