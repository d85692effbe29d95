#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 40
# dp_upgrade - pins of an older version are replaced under traffic: no packet unjudged, none lost,
# flows go on being counted.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
must tell b listen t80 tcp 0.0.0.0 80
must tell b listen good udp 0.0.0.0 700 seq
must tell b listen bad udp 0.0.0.0 701 seq
must tell a udp good v4
must tell a udp bad v4
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
	rules:
	  - {id: in, from: a, to: b, ports: [tcp/80, udp/700]}
EOT
B=${HOST_IP4[b]}
must agent_start b
must tell a connect s "$B" 80
must tell a ask s hello
must tell a seqstart good "$B" 700 $((2000 / ZT_SCALE))
must tell a seqstart bad "$B" 701 $((2000 / ZT_SCALE))
must tell b seqgot good 200 2
must agent_kill b

# The control block's sixth word is the version; 0 is older than any.
old() {
	python3 - "$TMP/b/bpf/ztseg/zt_ctl" <<-'EOT'
		import json, subprocess, sys
		rows = json.loads(subprocess.check_output(["bpftool", "-j", "map", "dump", "pinned", sys.argv[1]]))
		value = [int(b, 16) for b in rows[0]["value"]]
		value[40:48] = [0] * 8
		subprocess.check_call(["bpftool", "map", "update", "pinned", sys.argv[1], "key", "0", "0", "0", "0",
			"value", *map(str, value)])
	EOT
}
before=$(bpftool -j map show pinned "$TMP/b/bpf/ztseg/zt_flows" | jq .id)
must old
# Without a policy of its own the newer agent would end what the older pins enforce.
must mv "$TMP/b/policy.yaml" "$TMP/b/whole.yaml"
must mv "$TMP/b/state" "$TMP/b/kept"
echo 'rules: [' >"$TMP/b/policy.yaml"
out=$(agent_run b)
is "no policy at hand: it gives up" $? 1
like "and says what to do" "$out" "*go on enforcing its policy*repair the policy file*"
must mv "$TMP/b/whole.yaml" "$TMP/b/policy.yaml"
must rm -rf "$TMP/b/state"
must mv "$TMP/b/kept" "$TMP/b/state"
must agent_start b
is "the policy is in force" "$(jqr b status -- .policy.revision)" 1
after=$(bpftool -j map show pinned "$TMP/b/bpf/ztseg/zt_flows" | jq .id)
is "with maps of its own" "$((before != after))" 1
tell b seqgot good
must tell b seqgot good $((${REPLY%% *} + 400)) 3
tell a seqstop good
sent=${REPLY% *}
tell a seqstop bad
must tell b seqgot good "$sent" 3
is "none lost" "$REPLY" "$sent 0 $((sent - 1)) 0"
tell b seqgot bad
is "none unjudged" "$REPLY" "0 0 0 0"
says "the session goes on" a ask s again
flow='[.flows[] | select(.dst.port == 80) | .packets.to_dst] | add'
is "its count goes on" "$(jqr b flows -- "$flow >= 4")" true
must agent_kill b
must agent_start b
says "and once more, from the new pins" a ask s third
is "the pins are ours" "$(jqr b status -- .agent.taken_over)" true
must agent_kill b
must ctl b observe --for 1h --pin-dir "$TMP/b/bpf/ztseg" >"$TMP/observe.out"
must old
must agent_start b
is "what observes goes on doing so" "$(jqr b status -- .agent.observe.active)" true
is "under a later epoch" "$(jqr b status -- '.policy.epoch > 5')" true
