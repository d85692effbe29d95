#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# netns_exec - started by `ip netns exec`, which hides the cgroup tree and bpffs behind a new /sys and
# takes every mount made in it along when its last process ends: enforcement outlives the agent all
# the same, and the pins can be found from both sides.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
B=${HOST_IP4[b]}
puppet a a
puppet b b app.service
must tell b listen t80 tcp 0.0.0.0 80
must tell b listen t81 tcp 0.0.0.0 81
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
	rules:
	  - {id: in, from: a, to: b, ports: [tcp/80]}
EOT
run=$TMP/b/run pins=$TMP/b/exec-pins
(exec ip netns exec "$(ns b)" "$ZTAGENT" --policy "$TMP/b/policy.yaml" --state-dir "$TMP/b/state" \
	--run-dir "$run" --pin-dir "$pins" </dev/null >>"$TMP/b/agent.log" 2>&1) &
# shellcheck disable=SC2034 # for agent_kill
AGENT_PID[b]=$!
disown
answers() { "$ZTCTL" --socket "$run/agent.sock" --json status >/dev/null 2>&1; }
holds "it starts" eventually 10 answers
says "it allows" a connect c "$B" 80
denies "it denies" "TIMEOUT*" a connect x "$B" 81 timeout=0.3
is "the owner is known by its unit" "$(jqr b flows -- '[.flows[] | select(.dst.port == 80) | .dst.workload.unit] | unique | join(" ")')" \
	app.service
must agent_kill b
holds "its pins are still here" test -e "$pins/zt_ctl"
denies "and enforcement too" "TIMEOUT*" a connect x "$B" 81 timeout=0.3
says "what is allowed goes on" a ask c again
holds "detach from inside" ip netns exec "$(ns b)" "$ZTCTL" detach --pin-dir "$pins"
says "nothing is denied any more" a connect open "$B" 81
exit 0
