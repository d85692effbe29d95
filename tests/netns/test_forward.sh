#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# forward - a guarded host that routes, masquerades and publishes a container's port: each packet
# is judged once, and counted once.
. "$(dirname "$0")/lib.sh"

# a - sw - g (guarded: router, NAT) - ctr (container); g - far (routed host)
must host a 11
must host g 1
must netns ctr
must netns far
must link g docker0 172.30.0.1/24 ctr eth0 172.30.0.2/24
must link g f0 10.79.0.1/24 far eth0 10.79.0.2/24
must ip -n "$(ns g)" addr add fd79::1/64 dev f0 nodad
must ip -n "$(ns far)" addr add fd79::2/64 dev eth0 nodad
must ip -n "$(ns ctr)" route add default via 172.30.0.1
must ip -n "$(ns far)" route add default via 10.79.0.1
must ip -n "$(ns far)" -6 route add default via fd79::1
must ip -n "$(ns a)" route add 10.79.0.0/24 via 10.77.0.1
must ip -n "$(ns a)" -6 route add fd79::/64 via fd77::1
on g sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
on g nft -f - <<-EOT || { not_ok setup "no NAT"; exit 1; }
	table ip nat {
		chain pre { type nat hook prerouting priority -100
			iifname "eth0" tcp dport 8080 dnat to 172.30.0.2:80
			iifname "eth0" udp dport 5353 dnat to 172.30.0.2:53
			iifname "eth0" tcp dport 8081 dnat to 172.30.0.2:81
		}
		chain post { type nat hook postrouting priority 100
			ip saddr 172.30.0.0/24 oifname "eth0" masquerade
		}
	}
EOT
puppet a a
puppet g g
puppet ctr ctr
puppet far far
for h in ctr far a g; do
	must tell $h listen t80 tcp 0.0.0.0 80
	must tell $h listen t81 tcp 0.0.0.0 81
	must tell $h listen u53 udp 0.0.0.0 53
done
must tell far listen t680 tcp :: 80
must tell far listen t681 tcp :: 81
must tell a udp d v4
must tell ctr udp d v4

rules g 1 enforced <<-EOT
	  ctr: {addresses: [172.30.0.0/24]}
	  far: {addresses: [10.79.0.0/24, "fd79::/64"]}
	boundaries:
	  - {id: far-closed, segment: far, inbound: deny}
	  - {id: ctr-out, segment: ctr, outbound: deny}
	  - {id: g-closed, segment: g, inbound: deny}
	rules:
	  - {id: to-far, from: a, to: far, ports: [tcp/80, udp/53, icmp/8]}
	  - {id: ctr-web, from: ctr, to: a, ports: [tcp/80, udp/53]}
	  - {id: published, from: a, to: g, ports: [tcp/8080, udp/5353]}
EOT
must agent_start g
once() { # NAME CONDITION PACKETS-TO PACKETS-FROM: exactly one flow, with these packets
	is "$1: one flow" "$(flow_count g "$2")" 1
	is "$1: each packet once" "$(jqr g flows -- "[.flows[] | select($2)][0].packets | \"\\(.to_dst) \\(.to_src)\"")" "$3 $4"
}

# Routed: a to far.
says "routed: what a rule names" a connect r 10.79.0.2 80
says "routed: its data" a ask r hello
tell a close r
denies "routed: what none names" "TIMEOUT*" a connect x 10.79.0.2 81 timeout=0.3
says "routed, IPv6" a connect r6 fd79::2 80
denies "routed, IPv6: what none names" "TIMEOUT*" a connect x fd79::2 81 timeout=0.3
says "routed: UDP" a askto d 10.79.0.2 53
says "routed: UDP of 8 kB in fragments" a askto d 10.79.0.2 53 @8000
says "routed: ping" a ping 10.79.0.2
is "routed: by the rule" "$(verdict g '.dst.address == "10.79.0.2" and .dst.port == 80')" "allow to-far"
is "routed: by the boundary" "$(verdict g '.dst.address == "10.79.0.2" and .dst.port == 81')" "deny far-closed"
once "routed ping" '.dst.address == "10.79.0.2" and .proto == "icmp"' 1 1
# the other way around, a is in no boundary
says "routed: far opens to a" far connect o 10.77.0.11 80
is "and is known as its opener" "$(flow_count g '.src.address == "10.79.0.2" and .dst.address == "10.77.0.11" and .dst.port == 80')" 1

# A published port: translated before routing, judged where it came in.
says "published: TCP" a connect p 10.77.0.1 8080
says "published: its data" a ask p hello
denies "published, but named by no rule" "TIMEOUT*" a connect x 10.77.0.1 8081 timeout=0.3
says "published: UDP" a askto d 10.77.0.1 5353
once "published UDP" '.dst.address == "10.77.0.1" and .proto == "udp" and .dst.port == 5353' 1 1
is "published UDP: no second flow behind it" "$(flow_count g '.dst.address == "172.30.0.2" and .proto == "udp"')" 0
is "published TCP: no second flow behind it" "$(flow_count g '.dst.address == "172.30.0.2" and .proto == "tcp"')" 0
is "published TCP: one in front" "$(flow_count g '.dst.address == "10.77.0.1" and .dst.port == 8080')" 1

# Masqueraded: judged as the container sent it, not again as the host.
says "masqueraded: what a rule names" ctr connect m 10.77.0.11 80
says "masqueraded: its data" ctr ask m hello
denies "masqueraded: what none names" "TIMEOUT*" ctr connect x 10.77.0.11 81 timeout=0.3
says "masqueraded: UDP" ctr askto d 10.77.0.11 53
once "masqueraded UDP" '.src.address == "172.30.0.2" and .proto == "udp" and .dst.port == 53' 1 1
is "masqueraded: not as the host's own" "$(flow_count g '.src.address == "10.77.0.1" and .dst.address == "10.77.0.11"')" 0
is "masqueraded: the container is named" "$(verdict g '.src.address == "172.30.0.2" and .dst.port == 81')" "deny ctr-out"

# A commit reaches routed and translated flows at their next packet too.
rules g 2 enforced <<-EOT
	  ctr: {addresses: [172.30.0.0/24]}
	  far: {addresses: [10.79.0.0/24, "fd79::/64"]}
	boundaries:
	  - {id: far-closed, segment: far, inbound: deny}
	  - {id: ctr-out, segment: ctr, outbound: deny}
	  - {id: g-closed, segment: g, inbound: deny}
EOT
denies "after a commit: routed" "TIMEOUT*" a ask r6 hello 0.3
denies "after a commit: published" "TIMEOUT*" a ask p hello 0.3
denies "after a commit: masqueraded" "TIMEOUT*" ctr ask m hello 0.3
says "what is not bounded is not denied" far ask o hello
