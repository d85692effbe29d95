#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# reused - a connection from a tuple that was used before belongs to the listener, not to nobody:
# the kernel hands a SYN that meets TIME_WAIT to it, and a rule that asks for its owner holds.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
B=${HOST_IP4[b]} B6=${HOST_IP6[b]}
policy b <<-EOT
	version: 1
	policy: reused
	revision: 1
	mode: enforced
	hosts:
	  b: {addresses: [$B, "$B6"], labels: {role: db}}
	segments:
	  db: {select: {role: db}}
	boundaries:
	  - {id: closed, segment: db, inbound: deny}
	rules:
	  - {id: open, from: any, to: {segment: db, unit: server.service}, ports: [tcp/80]}
	  - {id: icmpv6, from: any, to: db, ports: [icmpv6]}
EOT
must agent_start b
cat >"$TMP/server.py" <<-'EOT'
	import socket
	s = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
	while True: # closes first: what remains of the connection is kept here
	    s.accept()[0].close()
EOT
cat >"$TMP/client.py" <<-'EOT'
	import socket, sys
	for i in range(3): # from the same port each time
	    with socket.create_connection((sys.argv[1], 80), timeout=2, source_address=("", 33333)) as c:
	        c.recv(1)
	    print("answered", flush=True)
EOT
spawn b server.service python3 "$TMP/server.py"
holds "the server listens" eventually 10 listening b 80
for address in "$B" "$B6"; do
	is "$address: three connections from one port" \
		"$(on a python3 "$TMP/client.py" "$address" 2>&1 | grep -c answered)" 3
done
is "each belongs to the server" "$(jqr b flows -- \
	'[.flows[] | select(.dst.port == 80) | .dst.workload.unit] | map(. == "server.service") | all')" true
is "nothing was denied" "$(jqr b violations -- '.violations | length')" 0
exit 0
