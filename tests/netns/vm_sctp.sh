#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# vm_sctp - SCTP associations: judged by protocol number, counted, refused.
. "$(dirname "$0")/lib.sh"

modprobe -q sctp || { echo "this kernel has no sctp: its packets are judged as proto/132 (test_families does one by number)"; exit 77; }
must host a 11
must host b 12
puppet a a
puppet b b
must tell b listen s sctp 0.0.0.0 3868
must tell b listen s6 sctp :: 3868
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
	rules:
	  - {id: diameter, from: a, to: b, ports: [proto/132]}
EOT
must agent_start b
for to in "${HOST_IP4[b]}" "${HOST_IP6[b]}"; do
	says "$to: named" a connect "c$to" "$to" 3868 proto=sctp
	says "$to: its data" a ask "c$to" hello
done
is "flow" "$(verdict b '.proto == "sctp"')" "allow diameter"
rules b 2 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
EOT
for to in "${HOST_IP4[b]}" "${HOST_IP6[b]}"; do
	denies "$to: no longer named, the open one" "TIMEOUT*" a ask "c$to" hello 0.5
	denies "$to: no longer named, a new one" "TIMEOUT*" a connect x "$to" 3868 proto=sctp timeout=0.5
done
