#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 40
# inventory - which host this is: by a unique match of its addresses, by --host, or not at all (then it
# observes and raises an alarm); no policy at all means observing.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
must tell b listen t80 tcp 0.0.0.0 80
B=${HOST_IP4[b]}
reset() { agent_stop b && stop_tool b detach >/dev/null; }

# No policy.
must agent_start b
says "no policy: everything passes" a connect c "$B" 80
is "no policy: by the default rule" "$(verdict b '.dst.port == 80')" "allow default-allow"
is "no policy: status says so" "$(jqr b status -- .policy.source)" none
tell a close c
must reset

text() { # ADDRESS-OF-b2
	cat <<-EOT
		version: 1
		policy: inventory
		revision: 1
		mode: enforced
		hosts:
		  b: {addresses: [$1], labels: {name: b}}
		  other: {addresses: [10.77.0.99], labels: {name: other}}
		segments:
		  b: {select: {name: b}}
		boundaries:
		  - {id: b-closed, segment: b, inbound: deny}
	EOT
}
text "$B" | policy b
must agent_start b
denies "by its address" "TIMEOUT*" a connect x "$B" 80 timeout=0.2
is "status names the host" "$(jqr b status -- .agent.host)" b
must reset

text 10.77.0.98 | policy b
must agent_start b
says "in no inventory: observes" a connect c "$B" 80
is "status names none" "$(jqr b status -- .agent.host)" null
like "and raises an alarm" "$(jqr b status -- '.agent.alarm // ""')" "?*"
must ip -n "$(ns b)" addr add 10.77.0.98/32 dev lo
closed() { ! tell a connect x "$B" 80 timeout=0.1; }
within "an address of the inventory appears: it is that host" 5 closed
must reset
must ip -n "$(ns b)" addr del 10.77.0.98/32 dev lo

must agent_start b --host b
denies "told by --host" "TIMEOUT*" a connect x "$B" 80 timeout=0.2
must reset
must agent_start b --host other
says "told to be another, which is in no boundary" a connect c2 "$B" 80
