#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# icmp_errors - errors come through for flows that are known, and only for those: port unreachable,
# packet too big, time exceeded (traceroute); with a boundary that names no ICMP at all.
. "$(dirname "$0")/lib.sh"

# b (guarded) - sw - r (router, narrow link) - f
must host b 12
must host r 1
must netns f
must link r f0 10.79.0.1/24 f eth0 10.79.0.2/24
must ip -n "$(ns r)" addr add fd79::1/64 dev f0 nodad
must ip -n "$(ns f)" addr add fd79::2/64 dev eth0 nodad
must ip -n "$(ns r)" link set f0 mtu 1300
must ip -n "$(ns f)" link set eth0 mtu 1300
on r sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
	echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit'
on f sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit'
must ip -n "$(ns f)" route add default via 10.79.0.1
must ip -n "$(ns f)" -6 route add default via fd79::1
must ip -n "$(ns b)" route add 10.79.0.0/24 via 10.77.0.1
must ip -n "$(ns b)" -6 route add fd79::/64 via fd77::1
puppet b b
puppet f f
puppet r r
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny, outbound: deny}
	rules:
	  - {id: out, from: b, to: any, ports: [udp/33434-33500, tcp/80]}
EOT
must agent_start b

for v in 4 6; do
	if [[ $v = 4 ]]; then
		F=10.79.0.2 R=${HOST_IP4[r]} W=0.0.0.0 unreach="type=3 code=3" ttl="type=11 code=0" big="type=3 code=4"
	else
		F=fd79::2 R=${HOST_IP6[r]} W=:: unreach="type=1 code=4" ttl="type=3 code=0" big="type=2 code=0"
	fi
	says "v$v: port unreachable" b uprobe $F 33440
	is "v$v: from the far host" "$REPLY" "ECONNREFUSED $unreach from=$F info=0"
	says "v$v: traceroute, hop 1" b uprobe $F 33434 ttl=1
	is "v$v: is the router" "$REPLY" "EHOSTUNREACH $ttl from=$R info=0"
	says "v$v: traceroute, hop 2" b uprobe $F 33435 ttl=2
	like "v$v: is the far host" "$REPLY" "ECONNREFUSED * from=$F *"
	says "v$v: packet too big" b uprobe $F 33441 size=1400 df=1
	is "v$v: from the router, with the size" "$REPLY" "EMSGSIZE $big from=$R info=1300"
	must ip -n "$(ns b)" route flush cache

	# A TCP connection whose path narrows: works only if the error reaches the stack.
	must tell f listen "t$v" tcp $W 80
	says "v$v: TCP over the narrow link" b connect "c$v" $F 80
	says "v$v: its bulk, so that the path is probed" b push "c$v" 300000
	says "v$v: arrives in whole" f got "t$v" 300000 5
	is "v$v: all of it" "$REPLY" 300000
done

# An error that speaks of no flow of ours: not let through, and not counted as tied.
quoted() { # SRC DST SPORT DPORT: UDP/IPv4 header as an error would quote it
	python3 - "$@" <<-'PY'
		import socket, struct, sys
		s, d, sp, dp = sys.argv[1:]
		ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 36, 1, 0, 64, 17, 0, socket.inet_aton(s), socket.inet_aton(d))
		def sum16(b):
		    t = sum(struct.unpack("!%dH" % (len(b) // 2), b))
		    t = (t & 0xffff) + (t >> 16)
		    return (~((t & 0xffff) + (t >> 16))) & 0xffff
		ip = ip[:10] + struct.pack("!H", sum16(ip)) + ip[12:]
		body = ip + struct.pack("!HHHH", int(sp), int(dp), 16, 0) + b"12345678"
		head = struct.pack("!BBHI", 3, 3, 0, 0)
		print((head[:2] + struct.pack("!H", sum16(head + body)) + head[4:] + body).hex())
	PY
}
must tell b rawlisten icmp v4 1
says "a forged error is sent" f ipraw 10.79.0.2 "${HOST_IP4[b]}" 1 "$(quoted "${HOST_IP4[b]}" 10.79.0.2 999 999)"
denies "it speaks of no flow: does not arrive" "TIMEOUT*" b rawgot icmp 0.3
says "a known flow" b udp k v4 sport=5555
says "sends" b sendto k 10.79.0.2 33450 x
must tell b rawgot icmp 1 # the kernel's own error about it
says "an error about it, from f" f ipraw 10.79.0.2 "${HOST_IP4[b]}" 1 "$(quoted "${HOST_IP4[b]}" 10.79.0.2 5555 33450)"
says "arrives" b rawgot icmp 1
says "an echo request from f" f ipraw 10.79.0.2 "${HOST_IP4[b]}" 1 0800f7ff00000000
denies "does not" "TIMEOUT*" b rawgot icmp 0.3
