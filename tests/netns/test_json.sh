#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# json - what ztctl --json prints on real traffic is what the JSON Schemas of tests/golden/schema say.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
A=${HOST_IP4[a]} B=${HOST_IP4[b]} A6=${HOST_IP6[a]} B6=${HOST_IP6[b]}
policy b <<-EOT
	version: 1
	policy: json
	revision: 1
	mode: staged
	hosts:
	  a: {addresses: [$A, "$A6"], labels: {role: web}}
	  b: {addresses: [$B, "$B6"], labels: {role: db}}
	segments:
	  web: {select: {role: web}}
	  db: {select: {role: db}}
	boundaries:
	  - {id: db-in, segment: db, inbound: deny}
	rules:
	  - {id: web-db, from: web, to: {segment: db, unit: nginx.service}, ports: [tcp/80], note: "x"}
	  - {id: no-ssh, action: deny, from: any, to: db, ports: [tcp/22], mode: enforced}
	  - {id: out, action: deny, from: db, to: any, ports: [tcp/9], mode: enforced}
	failsafe:
	  - {id: rescue, from: [$A/32], to: this-host, ports: [tcp/2222]}
EOT
must agent_start b
for port in 80 81 22 2222; do must tell b listen t$port tcp 0.0.0.0 $port; done
must tell b listen u53 udp 0.0.0.0 53
must tell b listen s80 tcp :: 8080
says "allowed" a connect x1 "$B" 80
says "staged" a connect x2 "$B" 81
denies "denied" "TIMEOUT*" a connect x3 "$B" 22 timeout=0.3
says "IPv6" a connect x4 "$B6" 8080
says "loopback" b connect l1 127.0.0.1 80
denies "refused at once" "EPERM*" b connect y1 "$A" 9

shape() { # SCHEMA ARGUMENT...
	local schema=$1 out
	shift
	if out=$(ctl b --json "$@" | "$ZT_ROOT/tests/golden/schema/check.py" "$schema" 2>&1); then
		ok "$*"
	else
		not_ok "$*" "$out"
	fi
}
shape status status
shape flows flows
shape flows flows --verdict denied
shape violations violations
shape map map
shape map map --by segment
shape map map --by address
shape top top
shape policy-show policy show
shape policy-show policy show --canonical
shape policy-plan policy plan "$TMP/b/policy.yaml"
shape policy-explain policy explain a b tcp/22
shape policy-explain policy explain a b tcp/80 --unit nginx.service
shape policy-explain policy explain b a tcp/9
shape policy-explain policy explain b 127.0.0.1 tcp/80
shape policy-explain policy explain a b icmpv6/135
shape observe observe --for 60s
shape observe observe --off

# What was recorded, as the agent itself writes it: the nodes follow the edges.
cat >"$TMP/ask.py" <<-'EOT'
	"""ask.py SOCKET REQUEST - one request to the agent, its result or its error."""
	import json, socket, struct, sys
	with socket.socket(socket.AF_UNIX) as s:
	    s.connect(sys.argv[1])
	    s.send(struct.pack(">I", len(sys.argv[2])) + sys.argv[2].encode())
	    stream, text, more = s.makefile("rb"), b"", True
	    while more:
	        head = struct.unpack(">I", stream.read(4))[0]
	        more, size = head >> 31, head & 0x7fffffff
	        text += stream.read(size)
	reply = json.loads(text)
	print(json.dumps(reply.get("result") or reply["error"]))
EOT
asked() { # ARGUMENTS: of a map
	on b python3 "$TMP/ask.py" "$TMP/b/run/agent.sock" "{\"command\": \"map\", \"args\": $1}"
}
hour=$(date -u -d '-1 hour' +%FT%TZ)
out=$(asked "{\"by\": \"address\", \"since\": \"$hour\"}" | tee "$TMP/window" |
	"$ZT_ROOT/tests/golden/schema/check.py" map 2>&1)
is "the map of a window" "$?${out:+ $out}" 0
is "comes from the history" "$(jq -r .view.source "$TMP/window")" history
total() { jq '[.edges[] | select(.port == 80 or .port == 81 or .port == 22) | .connections] | add'; }
is "has the same connections" "$(total <"$TMP/window")" "$(asked '{"by": "address"}' | total)"
is "names of then" "$(jq -r ".nodes[] | select(.id == \"address:$A\") | .host" "$TMP/window")" a
for filter in '"port": 22' '"host": "a"' '"owner": "b.service"' '"verdict": "denied"' '"encryption": "unknown"'; do
	both=$(for since in "" ", \"since\": \"$hour\""; do
		asked "{\"by\": \"address\", $filter$since}" | jq -c '[.edges[] |
			"\(.src) \(.dst) \(.port) \(.verdict.live.rule)"] | unique'
	done | sort -u)
	is "filtered by $filter: the same edges" "$(wc -l <<<"$both") $([[ $both == '[]' ]] && echo none)" "1 "
done
is "a window has no groups" "$(asked "{\"by\": \"host\", \"since\": \"$hour\"}" | jq -r .code)" 2
is "nothing was before it began" "$(asked '{"by": "address", "until": "2001-01-01T00:00:00Z"}' |
	jq -c '[.edges, .nodes]')" '[[],[]]'

# The same flows, seen three ways.
is "flows: denied" "$(jqr b flows --verdict denied -- '[.flows[].verdict.live.rule] | unique | join(" ")')" \
	"no-ssh out"
is "violations: enforced" "$(jqr b violations -- \
	'[.violations[] | select(.mode == "enforced") | .rule] | unique | join(" ")')" "no-ssh out"
is "violations: staged" "$(jqr b violations -- \
	'[.violations[] | select(.mode == "staged") | .rule] | unique | join(" ")')" "db-in"
is "map: an edge from host to host" "$(jqr b map -- \
	'[.edges[] | select(.src == "host:a" and .dst == "host:b" and .port == 22)] | length')" 1
is "map: labels" "$(jqr b map -- '.nodes[] | select(.id == "host:a") | .labels.role')" web
is "map: nothing lost" "$(jqr b map -- '[.losses[]] | add')" 0

# The state, changed.
sed 's/^revision: .*/revision: 2/' "$TMP/b/policy.yaml" >"$TMP/two.yaml"
shape policy-stage policy stage "$TMP/two.yaml" --why "a \"reason\""
shape policy-promote policy promote --within 5m --force
shape status status
shape policy-confirm policy confirm
shape policy-rollback policy rollback
shape policy-history policy history
shape status status
exit 0
