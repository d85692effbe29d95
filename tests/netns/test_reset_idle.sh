#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 40
# reset_idle - `existing: reset` ends connections that send nothing, too: when a rule expires, and
# when a label changes.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
for port in 80 81 82; do must tell b listen t$port tcp 0.0.0.0 $port; done
B=${HOST_IP4[b]}
text() { # RULE-AT-THE-END
	cat <<-EOT
		  fit: {select: {posture: fit}}
		boundaries:
		  - {id: closed, segment: b, inbound: deny, existing: reset}
		rules:
		  - {id: fit, from: fit, to: b, ports: [tcp/81]}
		  - {id: always, from: a, to: b, ports: [tcp/82]}
		$1
	EOT
}
text "" | must rules b 1 enforced
must agent_start b
must ctl b label set a posture=fit >"$TMP/labels.out"
expires=$((${EPOCHREALTIME%.*} + 4 * ZT_SCALE))
at=$(date -u -d "@$expires" +%Y-%m-%dT%H:%M:%SZ)
text "  - {id: short, from: a, to: b, ports: [tcp/80], expires: \"$at\"}" | must rules b 2 enforced
for port in 80 81 82; do
	must tell a connect c$port "$B" $port
	must tell a ask c$port hello
done
must ctl b label unset a posture >"$TMP/labels.out"
tell a ended c81 $((5 * ZT_SCALE))
is "a label changed: an idle connection is reset" "$REPLY" ECONNRESET
tell a ended c80 $((15 * ZT_SCALE))
is "a rule expired: an idle connection is reset" "$REPLY" ECONNRESET
holds "and not before its time" test "${EPOCHREALTIME%.*}" -ge "$expires"
says "the third goes on" a ask c82 bye
