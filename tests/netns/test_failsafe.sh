#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 40
# failsafe - the administrator's way in holds against every boundary and deny rule, on the host that is
# reached and on the host it is reached from; its use is counted, and only where it saved the packet.
. "$(dirname "$0")/lib.sh"

must host bastion 5
must host a 11
must host b 12
for h in bastion a b; do
	puppet $h $h
	must tell $h listen t22 tcp 0.0.0.0 22
	must tell $h listen w22 tcp :: 22
	must tell $h listen t80 tcp 0.0.0.0 80
done
statements() {
	cat <<-EOT
		boundaries:
		  - {id: a-closed, segment: a, inbound: deny, outbound: deny}
		  - {id: b-closed, segment: b, inbound: deny, outbound: deny}
		rules:
		  - {id: web, from: any, to: b, ports: [tcp/80]}
		  - {id: no-ssh, action: deny, from: any, to: any, ports: [tcp/22]}
		failsafe:
		  - {id: way-in, from: [10.77.0.5, "fd77::5"], to: this-host, ports: [tcp/22, tcp/80]}
	EOT
}
used() { jqr b status -- '.failsafe.packets'; }
for h in b bastion; do
	statements | rules $h 1 enforced
	must agent_start $h
done
denies "another host is denied: ssh" "TIMEOUT*" a connect x "${HOST_IP4[b]}" 22 timeout=0.3
is "not used so far" "$(used)" 0
says "what a rule allows does not count" bastion connect c "${HOST_IP4[b]}" 80
is "not used by that" "$(used)" 0
says "bastion to b, both guarded" bastion connect s4 "${HOST_IP4[b]}" 22
says "its data" bastion ask s4 hello
says "bastion to b over IPv6" bastion connect s6 "${HOST_IP6[b]}" 22
says "bastion to a, which has no agent" bastion connect sa "${HOST_IP4[a]}" 22
is "counted on b" "$(($(used) > 0))" 1
is "named on b" "$(jqr b status -- '[.failsafe.rules[] | select(.flows > 0) | .rule] | join(" ")')" way-in
is "and in the flow" "$(jqr b flows --port 22 -- '[.flows[] | select(.src.address == "10.77.0.5") | .flags[]] | unique | join(" ")')" "failsafe"
denies "it is no way out of b" "EPERM*" b connect x "${HOST_IP4[bastion]}" 22
denies "nor to what it does not name" "@(TIMEOUT|EPERM)*" bastion connect x "${HOST_IP4[b]}" 443 timeout=0.3
