#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# cached - a cached verdict is not a licence: for another opener, another socket, another time;
# and a flood of spoofed openings evicts no flow that was answered.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b app.service
puppet evil b evil.service
must tell a listen t80 tcp 0.0.0.0 80
must tell a listen u53 udp 0.0.0.0 53
must tell b listen t80 tcp 0.0.0.0 80
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny, outbound: deny}
	rules:
	  - {id: out, from: b, to: a, ports: [tcp/80]}
	  - {id: in, from: a, to: b, ports: [tcp/80]}
	  - {id: app-udp, from: {segment: b, unit: app.service}, to: a, ports: [udp/53]}
	  - {id: app-tcp, from: {segment: b, unit: app.service}, to: a, ports: [tcp/90]}
EOT
must agent_start b
A=${HOST_IP4[a]} B=${HOST_IP4[b]}

# 1. A SYN is always judged as an opening by its sender: the tuple of an allowed flow the other way
# around gives nothing. b:4000 -> a:80 is allowed; a:80 -> b:4000 as an opening is not.
must tell b connect c "$A" 80 sport=4000
says "b's own connection" b ask c hello
tell b abort c
must tell b listen l4000 tcp 0.0.0.0 4000
must tell a unlisten t80
denies "its tuple, opened by the other end" "TIMEOUT*" a connect x "$B" 4000 sport=80 timeout=0.4
tell b peers l4000
is "did not reach the listener" "$REPLY" 0
must tell a listen t80b tcp 0.0.0.0 80

# 2. The same while the allowed flow is open: a SYN inside it passes no licence on.
must tell b connect c2 "$A" 80 sport=4100
must tell b ask c2 hello
says "a SYN in the tuple of an open flow" a tcpraw "$A" "$B" 80 4100 02 1 0
says "which goes on" b ask c2 after

# 3. A verdict that rests on an owner counts for that socket only. Same tuple, other unit.
must tell b udp s v4 from="$B" sport=4200
says "UDP of the unit that may" b askto s "$A" 53
tell b close s
must tell evil udp s v4 from="$B" sport=4200
denies "the same tuple, by another unit, at once" "@(EPERM|TIMEOUT)*" evil askto s "$A" 53 ping 0.3
tell evil close s
must tell b udp s v4 from="$B" sport=4200
says "and by the first again" b askto s "$A" 53
tell b close s
# The peer's late datagrams find no socket of app.service behind the released port any more.
must tell evil listen stolen udp "$B" 4200 sink
must tell a udp late v4
says "the peer sends to the released port" a sendto late "$B" 4200 late
denies "the thief may not send" "@(EPERM|TIMEOUT)*" evil connect x "$A" 90 timeout=0.3
tell evil peers stolen
is "and hears nothing" "$REPLY" 0
tell evil unlisten stolen

# 4. TCP of one unit, the tuple taken over by another after its end.
must tell a listen t90 tcp 0.0.0.0 90
must tell b connect c4 "$A" 90 sport=4300
says "TCP of the unit that may" b ask c4 hello
tell b abort c4
denies "the tuple again, by another unit" "@(EPERM|TIMEOUT)*" evil connect x "$A" 90 sport=4300 timeout=0.3

# 5. A mid-flow segment without an entry is judged by who opened it, which the socket tells.
must tell a connect in80 "$B" 80
says "a connection from outside" a ask in80 hello
must agent_stop b
must stop_tool b detach
must agent_start b
says "older than the agent, inwards, goes on" a ask in80 again
says "older than the agent, outwards, goes on" b ask c2 again
is "known as opened by a" "$(flow_count b ".src.address == \"$A\" and .dst.port == 80 and .verdict.live.rule == \"in\"")" 1
is "known as opened by b" "$(flow_count b ".src.address == \"$B\" and .dst.port == 80 and .verdict.live.rule == \"out\"")" 1
says "a stray ACK is sent" a tcpraw "$A" "$B" 6000 81 10 5 5
is "and no flow comes of it" "$(verdict b '.src.port == 6000 and .verdict.live.action == "allow"')" ""

# 6. A spoofed flood, larger than the table of openings, evicts no answered flow.
must tell a connect keep "$B" 80
must tell a ask keep hello
answered() { jqr b flows --host "$A" --port 80 -- '[.flows[] | select(.dst.near and .verdict.live.action == "allow")] | length'; }
before=$(answered)
size=$(jqr b status -- '.capacity[] | select(.table == "openings") | .size')
note "openings table: $size entries; flows open before the flood: $before"
says "flood" a synflood "$B" 81 20000
says "flood of an allowed port" a synflood "$B" 80 20000
is "answered flows are all there" "$(answered)" "$before"
says "an answered flow goes on" a ask keep again
says "in80 too" a ask in80 again
says "c2 too" b ask c2 again
