#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# vm_vlan - VLAN devices over a guarded one: judged once, at the lower device, tags offloaded or not.
. "$(dirname "$0")/lib.sh"

modprobe -q 8021q || { echo "this kernel has no 8021q: VLAN devices cannot exist, nothing to judge on them"; exit 77; }
must host a 11
must host b 12
for h in a b; do
	on $h sh -c 'echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad'
	must ip -n "$(ns $h)" link add link eth0 name eth0.5 type vlan id 5
	must ip -n "$(ns $h)" link set eth0.5 up
done
must ip -n "$(ns a)" addr add 10.85.0.11/24 dev eth0.5
must ip -n "$(ns b)" addr add 10.85.0.12/24 dev eth0.5
must ip -n "$(ns a)" addr add fd85::11/64 dev eth0.5 nodad
must ip -n "$(ns b)" addr add fd85::12/64 dev eth0.5 nodad
puppet a a
puppet b b
for p in 80 81; do
	must tell b listen t$p tcp 0.0.0.0 $p
	must tell b listen w$p tcp :: $p
done
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
	rules:
	  - {id: named, from: any, to: b, ports: [tcp/80]}
EOT
must agent_start b
check() { # WHAT
	for to in 10.85.0.12 fd85::12; do
		says "$1: $to, named" a connect c "$to" 80
		says "$1: $to, its data" a ask c hello
		tell a close c
		denies "$1: $to, not named" "TIMEOUT*" a connect x "$to" 81 timeout=0.3
	done
}
check "offloaded tags"
for h in a b; do on $h ethtool -K eth0 txvlan off rxvlan off >/dev/null 2>&1; done
check "inline tags"
is "one flow for each, not one per device" "$(flow_count b '.dst.address == "10.85.0.12" and .dst.port == 80')" 2
is "packets counted once: handshake, data, end" "$(jqr b flows -- '[.flows[] | select(.dst.address == "10.85.0.12" and
	.dst.port == 80) | .packets.to_dst] | max <= 9')" true
must ip -n "$(ns b)" link add link eth0 name eth0.6 type vlan id 6
must ip -n "$(ns b)" link set eth0.6 up
must ip -n "$(ns b)" addr add 10.86.0.12/24 dev eth0.6
must ip -n "$(ns a)" link add link eth0 name eth0.6 type vlan id 6
must ip -n "$(ns a)" link set eth0.6 up
must ip -n "$(ns a)" addr add 10.86.0.11/24 dev eth0.6
denies "a VLAN added later" "TIMEOUT*" a connect x 10.86.0.12 81 timeout=0.3
says "and what is named there" a connect y 10.86.0.12 80
