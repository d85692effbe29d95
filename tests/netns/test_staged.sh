#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# staged - staged and enforced statements in one policy: one pass gives both verdicts, and the flow
# carries them with rules, epoch, owner, state, times and exact counts.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b shop.service
for p in 80 81 82; do must tell b listen t$p tcp 0.0.0.0 $p; done
must tell b listen u53 udp 0.0.0.0 53
B=${HOST_IP4[b]}
rules b 1 staged <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
	rules:
	  - {id: web, from: a, to: b, ports: [tcp/80]}
	  - {id: no-82, action: deny, from: a, to: b, ports: [tcp/82], mode: enforced}
	  - {id: dns, from: a, to: b, ports: [udp/53]}
EOT
must agent_start b
both() { # PORT: live and candidate of the flow to it
	jqr b flows --port "$1" -- '[.flows[] | .verdict | "\(.live.action) \(.live.rule) / \(.candidate.action) \(.candidate.rule)"] | unique | join(", ")'
}
says "named by a staged rule: passes" a connect c80 "$B" 80
says "denied by a staged boundary: passes" a connect c81 "$B" 81
says "its data too" a ask c81 hello
denies "denied by an enforced rule: does not" "TIMEOUT*" a connect x "$B" 82 timeout=0.3
is "both verdicts: staged allow" "$(both 80)" "allow default-allow / allow web"
is "both verdicts: staged deny" "$(both 81)" "allow default-allow / deny b-closed"
is "both verdicts: enforced deny" "$(both 82)" "deny no-82 / deny no-82"
is "violations: staged" "$(jqr b violations --port 81 -- '[.violations[] | "\(.mode) \(.rule)"] | join(", ")')" "staged b-closed"
is "violations: enforced" "$(jqr b violations --port 82 -- '[.violations[] | "\(.mode) \(.rule)"] | join(", ")')" "enforced no-82"
is "violations: none for what is named" "$(jqr b violations --port 80 -- '.violations | length')" 0
is "exit status 3 with --fail" "$(ctl b violations --fail >/dev/null; echo $?)" 3
is "and 0 when there are none" "$(ctl b violations --port 80 --fail >/dev/null; echo $?)" 0

# The record itself, of one connection from opening to end.
record() { jqr b flows --port 80 -- "[.flows[] | select(.src.port == $sport)] | .[0] | $1"; }
tell a port c80
sport=$REPLY
is "state: established" "$(record .state)" established
is "epoch: the policy's" "$(record .policy_epoch)" "$(jqr b status -- .policy.epoch)"
is "owner: the listener's unit" "$(record .dst.workload.unit)" shop.service
is "names: host and segment" "$(record '"\(.src.host) \(.src.segments | join(",")) \(.dst.host)"')" "a a b"
is "who opened it" "$(record .opened_by)" src
is "packets so far: SYN, ACK / SYN-ACK" "$(record '"\(.packets.to_dst) \(.packets.to_src)"')" "2 1"
is "bytes so far" "$(record '"\(.bytes.to_dst) \(.bytes.to_src)"')" "140 74"
says "one request" a ask c80 0123456789
sent() { [[ $(record '"\(.packets.to_dst) \(.packets.to_src)"') = "4 3" || $(record '"\(.packets.to_dst) \(.packets.to_src)"') = "4 2" ]]; }
within "packets: request and its ACK / answer" 2 sent
is "payload: ten bytes each way" "$(record '"\(.bytes.to_dst - .packets.to_dst * 66) \(.bytes.to_src - .packets.to_src * 66)"')" "18 18"
is "times: first is not after last" "$(record '.first_seen <= .last_seen')" true
must tell a close c80
closed() { [[ $(record .state) = closed ]]; }
within "state: closed, after both FINs" 2 closed
within "folded: the flow leaves the kernel's table, the edge stays" 12 \
	jqc b map -- '[.edges[] | select(.port == 80 and .connections == 1 and .packets.to_dst >= 5)] | length == 1'

# An epoch moves with the policy; a flow that goes on carries the new one.
rules b 2 staged <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
	rules:
	  - {id: web, from: a, to: b, ports: [tcp/80-81]}
EOT
says "goes on" a ask c81 again
is "new candidate" "$(both 81)" "allow default-allow / allow web"
is "new epoch" "$(jqr b flows --port 81 -- '.flows[0].policy_epoch')" "$(jqr b status -- .policy.epoch)"
says "no longer denied" a connect c82 "$B" 82

# Filters of ztctl flows, each alone.
must tell a udp d v4
must tell a askto d "$B" 53
for f in "--port 53" "--proto udp" "--host a" "--segment b" "--verdict would-deny" "--owner shop.service"; do
	# shellcheck disable=SC2086
	is "filter $f" "$(jqr b flows $f -- '[.flows[] | select(.proto == "udp" and .dst.port == 53)] | length')" 1
done
is "filter that leaves nothing" "$(jqr b flows --port 9999 -- '.flows | length')" 0
