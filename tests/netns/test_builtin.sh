#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 40
# builtin - a host closed in both directions still has an address, neighbours and routes: ARP, ND, MLD,
# IGMP and DHCP need no rule, and open nothing beside them.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
for p in 67 69; do must tell a listen s$p udp 0.0.0.0 $p; done
must tell a listen s547 udp :: 547
must ip -n "$(ns b)" route add 255.255.255.255/32 dev eth0
on b sh -c 'echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_ra; echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_ra_defrtr'
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny, outbound: deny}
EOT
must agent_start b
rule() { verdict b "$1"; }

must tell b udp c68 v4 sport=68
says "DHCP: discover and offer" b askto c68 255.255.255.255 67 discover
says "DHCP: renewal by unicast" b askto c68 10.77.0.11 67 renew
is "DHCP: by its rule" "$(rule '.proto == "udp" and .dst.port == 67')" "allow dhcp"
must tell b udp c9 v4
denies "DHCP: not from another port" "EPERM*" b askto c9 10.77.0.11 67 x 0.3
denies "DHCP: not to another port" "EPERM*" b askto c68 10.77.0.11 69 x 0.3
must tell a udp s68 v4
says "DHCP: not from any port at the other end either" a sendto s68 10.77.0.12 68 x
denies "it does not arrive" "TIMEOUT*" b rawgot c68 0.2
must tell b udp c546 v6 sport=546
says "DHCPv6: unicast" b askto c546 fd77::11 547 renew
is "DHCPv6: by its rule" "$(rule '.proto == "udp" and .dst.port == 547')" "allow dhcp"

for v in 4 6; do
	[[ $v = 4 ]] && to=10.77.0.11 || to=fd77::11
	ip -n "$(ns b)" neigh flush dev eth0
	tell b ping $to timeout=0.1
	found() { ip -n "$(ns b)" neigh show "$to" | grep -q lladdr; }
	within "v$v: found after a flush" 2 found
	denies "v$v: it is all there is" "@(TIMEOUT|ENOBUFS|EPERM)*" b ping $to timeout=0.2
done
must tell b join g4 239.7.7.7 7777 eth0
must tell b join g6 ff05::7777 7777 eth0
within "IGMP: reports leave" 3 jqc b flows -- '[.flows[] | select(.verdict.live.rule == "igmp")] | length > 0'
within "MLD: reports leave" 3 jqc b flows -- '[.flows[] | select(.verdict.live.rule == "mld")] | length > 0'
routed() { ip -n "$(ns b)" -6 route show default | grep -q 'proto ra'; }
says "a router advertises itself" a ra eth0
within "RA: the route is there" 2 routed
is "nothing of all this was denied" "$(jqr b violations -- '[.violations[] | select(.port != 69 and .port != 67 and .port != 68 and .proto == "udp")] | length')" 0
