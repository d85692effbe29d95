#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 40
# dp_boot - early at boot there are no addresses to tell the host by: the one that this was before
# is guarded. An address of nobody ends that: observe.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
must tell b listen t80 tcp 0.0.0.0 80
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
EOT
B=${HOST_IP4[b]}
must agent_start b
is "told by its addresses" "$(jqr b status -- .agent.host)" b
must agent_stop b
must stop_tool b detach
must ip -n "$(ns b)" addr flush dev eth0 scope global
must agent_start b
is "no address yet: the host it was" "$(jqr b status -- .agent.host)" b
must ip -n "$(ns b)" addr add "$B/24" dev eth0
denies "guarded from its first packet" "TIMEOUT*" a connect x "$B" 80 timeout=0.3
is "told by its addresses again" "$(jqr b status -- .agent.host)" b

# An address that the inventory does not have: not this host any more, as far as anyone can tell.
must ip -n "$(ns b)" addr flush dev eth0 scope global
must ip -n "$(ns b)" addr add 10.77.0.99/24 dev eth0
within "an address of nobody: unknown" 3 jqc b status -- '.agent.host == null'
says "which observes" a connect y 10.77.0.99 80
is "and says so" "$(jqr b status -- '.agent.alarm != null')" true
