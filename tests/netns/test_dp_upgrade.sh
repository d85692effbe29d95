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
flow='[.flows[] | select(.dst.port == 80) | .packets.to_dst] | add'
began='[.flows[] | select(.dst.port == 80) | .first_seen] | add'
counted=$(jqr b flows -- "$flow") begun=$(jqr b flows -- "$began")
must agent_kill b

# The pins as version 2 made them: its number in the control block's sixth word, and flows that end
# after 128 bytes.
old() {
	python3 - "$TMP/b/bpf/ztseg" <<-'EOT'
		import json, os, subprocess, sys
		def tool(*words):
		    return subprocess.check_output(["bpftool", "-j", "map", *words])
		def rows(pin):
		    return json.loads(tool("dump", "pinned", pin))
		def update(pin, key, value):
		    tool("update", "pinned", pin, "key", "hex", *[b[2:] for b in key], "value", "hex", *[b[2:] for b in value])
		for name in "zt_flows", "zt_openings":
		    pin = sys.argv[1] + "/" + name
		    tool("create", pin + "_v2", "type", "lru_hash", "key", "40", "value", "128", "entries", "65536", "name", name)
		    for row in rows(pin):
		        update(pin + "_v2", row["key"], row["value"][:128])
		    os.rename(pin + "_v2", pin)
		pin = sys.argv[1] + "/zt_ctl"
		value = rows(pin)[0]["value"]
		update(pin, ["0x00"] * 4, value[:40] + ["0x02"] + ["0x00"] * 7 + value[48:])
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
is "its count goes on" "$(jqr b flows -- "$flow >= $((counted + 1))")" true
is "its flow is the one that began before" "$(jqr b flows -- "$began")" "$begun"
is "with the counters of this version" "$(bpftool -j map show pinned "$TMP/b/bpf/ztseg/zt_flows" | jq .bytes_value)" 144
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
