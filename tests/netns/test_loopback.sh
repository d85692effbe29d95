#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 40
# loopback - connections inside the host are recorded with both owners, and nothing denies them.
. "$(dirname "$0")/lib.sh"

must host b 12
puppet web b web.service
puppet app b app.service
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny, outbound: deny}
EOT
must agent_start b
for to in 127.0.0.1 ::1 "${HOST_IP4[b]}" "${HOST_IP6[b]}"; do
	must tell app listen "t$to" tcp "$to" 8080
	says "$to: connects" web connect "c$to" "$to" 8080
	says "$to: asks" web ask "c$to" hello
	within "$to: both owners" 3 jqc b flows -- "[.flows[] | select(.dst.address == \"$to\" and .dst.port == 8080
		and .src.workload.unit == \"web.service\" and .dst.workload.unit == \"app.service\")] | length == 1"
	is "$to: by the built-in rule" "$(verdict b ".dst.address == \"$to\" and .dst.port == 8080")" "allow loopback"
	tell web close "c$to"
	must tell app listen "u$to" udp "$to" 5300
	[[ $to = *:* ]] && v=v6 || v=v4
	must tell web udp "u$to" $v
	says "$to: UDP is not denied" web askto "u$to" "$to" 5300
	says "$to: ping is not denied" web ping "$to"
	within "$to: the map has the edge" 3 jqc b map -- "[.edges[] | select(.port == 8080)] | length >= 1"
done
