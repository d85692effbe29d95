#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# small_table - a flow table far too small for the traffic: everything is judged again and again, and
# nothing that policy allows is dropped, nothing that it denies passes.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet app b app.service
puppet evil b evil.service
must tell app listen t80 tcp 0.0.0.0 80
must tell app listen t81 tcp 0.0.0.0 81
must tell a listen o90 tcp 0.0.0.0 90
settings b <<-EOT
	flow_entries: 1024
EOT
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny, outbound: deny}
	rules:
	  - {id: in, from: a, to: {segment: b, unit: app.service}, ports: [tcp/80]}
	  - {id: out, from: {segment: b, unit: app.service}, to: a, ports: [tcp/90]}
EOT
must agent_start b
size=$(jqr b status -- '.capacity[] | select(.table == "flows") | .size')
note "flow table: $size entries"
is "the table is small" $((size <= 4096)) 1
B=${HOST_IP4[b]} A=${HOST_IP4[a]}
for ((i = 0; i < 20; i++)); do
	must tell a connect "s$i" "$B" 80
	must tell app connect "o$i" "$A" 90
done
must tell a connect keep "$B" 80
# Far more answered flows than fit: each one lives for a moment.
opened=0
for ((i = 0; i < 60; i++)); do
	tell a many "$B" 80 100
	opened=$((opened + REPLY))
done
is "6,000 more connections, all answered" "$opened" 6000
good=0
for ((i = 0; i < 20; i++)); do
	tell a ask "s$i" hello && good=$((good + 1))
	tell app ask "o$i" hello && good=$((good + 1))
done
is "the first forty all go on" "$good" 40
denies "what none names is denied" "TIMEOUT*" a connect x "$B" 81 timeout=0.3
denies "another unit is refused" "EPERM*" evil connect x "$A" 90
is "lost entries are counted or none was lost" "$(jqr b status -- '.losses | type')" object
note "losses: $(jqr b status -- '.losses | tojson')"
