#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# several - three agents on one machine, one per namespace, each with its own policy; the socket hooks
# sit on one cgroup and tell the namespaces apart; one going away leaves the others.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
must host c 13
must host d 14
for h in a b c d; do
	puppet $h $h
	must tell $h listen t80 tcp 0.0.0.0 80
	must tell $h listen t6 tcp :: 80
	must tell $h udp u v4
	must tell $h listen u53 udp 0.0.0.0 53
done
for h in a b c; do
	rules $h 1 enforced <<-EOT
		boundaries:
		  - {id: $h-closed, segment: $h, inbound: deny, outbound: deny}
		rules:
		  - {id: $h-out, from: $h, to: d, ports: [tcp/80]}
	EOT
done
must agent_start a
must agent_start b
must agent_start c
for h in a b c; do
	says "$h: its own rule" $h connect ok "${HOST_IP4[d]}" 80
	says "$h: its own rule, IPv6" $h connect ok6 "${HOST_IP6[d]}" 80
	denies "$h: its own boundary" "EPERM*" $h askto u "${HOST_IP4[d]}" 53 ping 0.3
	denies "$h: is closed" "TIMEOUT*" d connect x "${HOST_IP4[$h]}" 80 timeout=0.2
	is "$h: flows of its own only" "$(jqr $h flows -- "[.flows[] | select((.src.address | IN(\"${HOST_IP4[$h]}\", \"${HOST_IP6[$h]}\") | not)
		and (.dst.address | IN(\"${HOST_IP4[$h]}\", \"${HOST_IP6[$h]}\") | not) and .proto == \"tcp\")] | length")" 0
	is "$h: refusals of its own only" "$(jqr $h violations -- '[.violations[] | .rule] | unique | join(" ")')" "$h-closed:in $h-closed:out"
done
says "an unguarded namespace is not judged" d askto u "${HOST_IP4[d]}" 53
says "nor refused anything" d listen more tcp 0.0.0.0 81
must agent_stop b
holds "one is detached" stop_tool b detach
says "it is open" d connect open "${HOST_IP4[b]}" 80
denies "the others are not: a" "TIMEOUT*" d connect x "${HOST_IP4[a]}" 80 timeout=0.2
denies "the others are not: c" "EPERM*" c askto u "${HOST_IP4[d]}" 53 ping 0.3
must agent_kill c
denies "one is killed: still closed" "TIMEOUT*" d connect x "${HOST_IP4[c]}" 80 timeout=0.2
denies "one is killed: still refused at connect" "EPERM*" c askto u "${HOST_IP4[d]}" 53 ping 0.3
must agent_start b
denies "one comes back" "TIMEOUT*" d connect x "${HOST_IP4[b]}" 80 timeout=0.2
