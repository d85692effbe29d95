#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# ways_around - a boundary of the host holds for every address the host answers on: virtual ones,
# link-local, broadcast, multicast, another interface's, one added while it runs.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
# b has a second cable to a, with an address that no inventory names, and a VIP on lo.
must link a eth1 10.78.0.11/24 b eth1 10.78.0.12/24
must ip -n "$(ns b)" addr add 10.77.0.200/32 dev lo
must ip -n "$(ns b)" addr add fd77::200/128 dev lo nodad
must ip -n "$(ns a)" route add 10.77.0.200/32 via 10.77.0.12
must ip -n "$(ns a)" -6 route add fd77::200/128 via fd77::12
on b sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_echo_ignore_broadcasts'
puppet a a
puppet b b
for port in 80 81; do
	must tell b listen "t4$port" tcp 0.0.0.0 $port
	must tell b listen "t6$port" tcp :: $port
done
for port in 53 54; do
	must tell b listen "u4$port" udp 0.0.0.0 $port
	must tell b listen "u6$port" udp :: $port
done
must tell a udp d4 v4
must tell a udp d6 v6

local_scope() {
	ip -n "$(ns b)" -j -6 addr show dev eth0 scope link | jq -er '[.[].addr_info[]?.local // empty][0] // empty'
}
must eventually 3 local_scope
scope=$(local_scope)
LL=$scope%eth0
groups() { # the sockets of b in a group, one port allowed and one not
	must tell b join g4a 239.1.2.3 5353 eth0
	must tell b join g4d 239.1.2.3 5354 eth0
	must tell b join g6a ff05::77 5353 eth0
	must tell b join g6d ff05::77 5354 eth0
}
groups
must tell a join out4 239.9.9.9 6000 eth0 # only to send from eth0
must ip -n "$(ns a)" route add 239.0.0.0/8 dev eth0
must ip -n "$(ns a)" route add 255.255.255.255/32 dev eth0

# Control, with nothing enforced: each way in is one.
for to in 10.77.0.12 10.77.0.200 10.78.0.12 fd77::12 fd77::200 "$LL"; do
	says "before: TCP to $to" a connect c "$to" 81
	tell a close c
done
says "before: directed broadcast" a askto d4 10.77.0.255 54
says "before: limited broadcast" a sendto d4 255.255.255.255 54 limited
says "before: group" a sendto d4 239.1.2.3 5354 text
says "before: arrives" b rawgot g4d 1
says "before: group, IPv6" a sendto d6 ff05::77%eth0 5354 text
says "before: arrives, IPv6" b rawgot g6d 1

rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
	rules:
	  - {id: named, from: any, to: b, ports: [tcp/80, udp/53, udp/5353]}
EOT
must agent_start b

for to in 10.77.0.12 10.77.0.200 10.78.0.12 fd77::12 fd77::200 "$LL"; do
	says "TCP that the rule names, to $to" a connect c "$to" 80
	tell a close c
	denies "TCP that it does not, to $to" "TIMEOUT*" a connect x "$to" 81 timeout=0.3
	d=d4
	[[ $to = *:* ]] && d=d6
	says "UDP that the rule names, to $to" a askto $d "$to" 53
	denies "UDP that it does not, to $to" "TIMEOUT*" a askto $d "$to" 54 ping 0.2
	denies "ping $to" "TIMEOUT*" a ping "$to" timeout=0.2
done
says "directed broadcast that the rule names" a askto d4 10.77.0.255 53
denies "directed broadcast that it does not" "TIMEOUT*" a askto d4 10.77.0.255 54 ping 0.2
denies "ping to the broadcast address" "TIMEOUT*" a ping 10.77.0.255 timeout=0.2
tell b peers u454
had=${REPLY%% *}
says "limited broadcast that the rule does not name is sent" a sendto d4 255.255.255.255 54 limited
says "one that it names answers" a askto d4 10.77.0.12 53
tell b peers u454
is "it did not arrive" "${REPLY%% *}" "$had"
says "group that the rule names" a sendto d4 239.1.2.3 5353 text
says "arrives" b rawgot g4a 1
says "group that it does not" a sendto d4 239.1.2.3 5354 text
denies "does not" "TIMEOUT*" b rawgot g4d 0.2
says "IPv6 group that the rule names" a sendto d6 ff05::77%eth0 5353 text
says "arrives" b rawgot g6a 1
says "IPv6 group that it does not" a sendto d6 ff05::77%eth0 5354 text
denies "does not" "TIMEOUT*" b rawgot g6d 0.2

# Out of a closed host: groups and broadcast are destinations like others, with segments of their own.
rules b 2 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny, outbound: deny}
	rules:
	  - {id: named, from: any, to: b, ports: [tcp/80, udp/53, udp/5353]}
	  - {id: groups, from: b, to: multicast, ports: [udp/5355]}
	  - {id: shouts, from: b, to: broadcast, ports: [udp/5356]}
EOT
for p in 5355 5357; do
	must tell a join m$p 239.1.2.4 $p eth0
	must tell a join w$p ff05::78 $p eth0
done
for p in 5356 5358; do must tell a listen b$p udp 0.0.0.0 $p sink; done
must ip -n "$(ns b)" route add 239.0.0.0/8 dev eth0
must tell b udp g v4
must tell b udp g6 v6
says "to a group that the rule names" b sendto g 239.1.2.4 5355 out
says "arrives" a rawgot m5355 1
says "IPv6" b sendto g6 ff05::78%eth0 5355 out
says "arrives" a rawgot w5355 1
denies "to a group on another port" "EPERM*" b sendto g 239.1.2.4 5357 out
denies "IPv6" "EPERM*" b sendto g6 ff05::78%eth0 5357 out
says "broadcast that the rule names" b sendto g 10.77.0.255 5356 out
says "arrives" a got b5356 3 1
is "in whole" "$REPLY" 3
denies "broadcast on another port" "EPERM*" b sendto g 10.77.0.255 5358 out

# An address that appears while the agent runs is the host's from its first packet on.
must ip -n "$(ns b)" addr add 10.77.0.201/32 dev lo
must ip -n "$(ns a)" route add 10.77.0.201/32 via 10.77.0.12
denies "a new address, at once" "TIMEOUT*" a connect x 10.77.0.201 81 timeout=0.3
says "and what the rule names there" a connect c 10.77.0.201 80
is "denied by the boundary" "$(violated b '.dst == "10.77.0.201"')" b-closed:in

# The other host's frames to b's own MAC for an address that is not b's are no opening of b's.
must ip -n "$(ns a)" route add 10.99.0.0/16 via 10.77.0.12
denies "an address that is not b's" "*" a connect x 10.99.0.1 81 timeout=0.2
