#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# vm_devices - bonds are judged at the master, tunnels without a link-layer header inside and outside,
# each once.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
must netns c
puppet a a
puppet b b
puppet c c
for p in 80 81; do must tell b listen t$p tcp 0.0.0.0 $p; done
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
	rules:
	  - {id: named, from: any, to: b, ports: [tcp/80]}
	  - {id: tunnel, from: a, to: b, ports: [proto/4]}
EOT
must agent_start b
hooked() { jqc b status -- ".interfaces[] | select(.name == \"$1\") | .at_head.ingress and .at_head.egress"; }
unhooked() { jqc b status -- "[.interfaces[] | select(.name == \"$1\" and (.at_head.ingress or .at_head.egress))] | length == 0"; }

if modprobe -q bonding && ip -n "$(ns b)" link add bond0 type bond mode active-backup miimon 10; then
	must link c c0 - b s0 -
	must ip -n "$(ns b)" link set s0 down
	must ip -n "$(ns b)" link set s0 master bond0
	must ip -n "$(ns b)" link set bond0 up
	must ip -n "$(ns b)" addr add 10.87.0.12/24 dev bond0
	must ip -n "$(ns c)" addr add 10.87.0.11/24 dev c0
	within "bond: hooked" 3 hooked bond0
	within "its slave: not" 3 unhooked s0
	says "bond: named" c connect ok 10.87.0.12 80
	denies "bond: not named" "TIMEOUT*" c connect x 10.87.0.12 81 timeout=0.3
	is "bond: one flow" "$(flow_count b '.src.address == "10.87.0.11" and .dst.port == 80')" 1
else
	skip bond "this kernel has no bonding: no bond can exist on it"
fi

if modprobe -q ipip && ip -n "$(ns b)" tunnel add tun1 mode ipip local 10.77.0.12 remote 10.77.0.11; then
	must ip -n "$(ns a)" tunnel add tun1 mode ipip local 10.77.0.11 remote 10.77.0.12
	for h in a b; do must ip -n "$(ns $h)" link set tun1 up; done
	must ip -n "$(ns a)" addr add 10.88.0.11/24 dev tun1
	must ip -n "$(ns b)" addr add 10.88.0.12/24 dev tun1
	within "tunnel: hooked" 3 hooked tun1
	says "tunnel: named inside" a connect ok 10.88.0.12 80
	says "tunnel: its data" a ask ok hello
	denies "tunnel: not named inside" "TIMEOUT*" a connect x 10.88.0.12 81 timeout=0.3
	is "tunnel: the inner flow once" "$(flow_count b '.dst.address == "10.88.0.12" and .dst.port == 80')" 1
	is "tunnel: the outer one by its number" "$(verdict b '.src.address == "10.77.0.11" and .dst.address == "10.77.0.12" and .proto == "ipip"')" "allow tunnel"
else
	skip tunnel "this kernel has no ipip: test_tun does a device without header"
fi

if modprobe -q dummy && ip -n "$(ns b)" link add d0 type dummy; then
	must ip -n "$(ns b)" link set d0 up
	must ip -n "$(ns b)" addr add 10.89.0.12/32 dev d0
	must ip -n "$(ns a)" route add 10.89.0.12/32 via 10.77.0.12
	says "dummy's address: named" a connect ok2 10.89.0.12 80
	denies "dummy's address: not named" "TIMEOUT*" a connect x 10.89.0.12 81 timeout=0.3
else
	skip dummy "this kernel has no dummy devices: test_ways_around has an address on lo"
fi
