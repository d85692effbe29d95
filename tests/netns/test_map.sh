#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# map - two guarded hosts and one that is not: each host's map, both merged, their histories, what
# changed; grouping, filters, steps around a segment; what they disagree on.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
must host c 13
puppet a a client.service
puppet b b shop.service
puppet c c
B=${HOST_IP4[b]} C=${HOST_IP4[c]}
must tell b listen t80 tcp 0.0.0.0 80
must tell b listen t81 tcp 0.0.0.0 81
must tell c listen t5432 tcp 0.0.0.0 5432
must agent_start a
must agent_start b
for h in a b; do
	rules "$h" 1 staged <<-EOT
		rules:
		  - {id: no-81, action: deny, from: a, to: b, ports: [tcp/81]}
	EOT
done

connects() { # FROM ADDRESS PORT COUNT
	local i
	for ((i = 0; i < $4; i++)); do tell "$1" connect x "$2" "$3" && tell "$1" close x || return; done
}
holds "a asks b" connects a "$B" 80 12
holds "a asks b what a staged rule denies" connects a "$B" 81 3
holds "b asks c" connects b "$C" 5432 4
holds "c asks b" connects c "$B" 80 2
save() { # HOST FILE
	ctlj "$1" map --by address >"$TMP/$2"
}
offline() { (cd "$TMP" && "$ZTCTL" --socket "$TMP/none.sock" "$@"); }
edges() { # JQ-CONDITION JQ-TEXT ARGUMENT...: of what ztctl map answers
	local which=$1 text=$2
	shift 2
	offline map "$@" --json | jq -r "[.edges[] | select($which) | \"$text\"] | sort | join(\", \")"
}
within "b has seen the last of it" 5 jqc b map --port 80 -- '[.edges[].connections] | add == 14'
must save a a.map
must save b b.map
must save b before.map

# One host, asked live: grouped here, and as the agent groups.
is "by host, grouped by ztctl or by the agent" \
	"$(edges '.port < 100' '\(.src) \(.dst) \(.port) \(.connections)' --by host b.map)" \
	"$(ctlj b map --by host | jq -r '[.edges[] | select(.port > 0 and .port < 100) | "\(.src) \(.dst) \(.port) \(.connections)"] | sort | join(", ")')"
is "by label" "$(ctlj b map --by label:name --port 80 | jq -r '[.edges[] | "\(.src) \(.dst)"] | sort | join(", ")')" \
	"label:name=a label:name=b, label:name=c label:name=b"
is "by workload" "$(ctlj b map --by workload --port 80 --host a | jq -r '.edges[] | "\(.src) \(.dst)"')" "host:a workload:shop.service@b"
like "by process" "$(ctlj b map --by process --port 80 --host a | jq -r '.edges[].dst')" "process:/*@b"
is "two steps around segment a: c is asked by b" "$(ctlj b map --segment a --depth 2 | jq -c '[.edges[].port] | unique | map(select(. > 0))')" "[80,81,5432]"
is "one step" "$(ctlj b map --segment a | jq -c '[.edges[].port] | unique | map(select(. > 0))')" "[80,81]"
ctl b map --tree >"$TMP/tree.txt"
is "as a tree: the staged denial stands out" "$(grep -c 'STAGED: .*would be denied by no-81' "$TMP/tree.txt")" 1
is "no line wider than 100" "$(awk 'length > 100' "$TMP/tree.txt")" ""
COLUMNS=80 ctl b map >"$TMP/b.txt"
is "nor than a terminal of 80" "$(awk 'length > 80' "$TMP/b.txt")" ""

# Both hosts as one.
is "merged: each connection once" "$(edges '.port == 80' '\(.src) \(.connections)' a.map b.map)" "host:a 12, host:c 2"
is "both owners, both witnesses" "$(edges '.port == 80 and .src == "host:a"' '\(.workload.unit) \(.dst_workload.unit) \(.seen_by)' a.map b.map)" \
	'client.service shop.service ["a","b"]'
is "staged denials stay staged" "$(edges '.port == 81' '\(.verdict.live.action) \(.verdict.candidate.action) \(.verdict.candidate.rule)' a.map b.map)" \
	"allow deny no-81"
is "they agree" "$(offline map a.map b.map --json | jq -c '[.disagreements[] | select(.port > 0 and .proto == "tcp")]')" "[]"
is "their order makes no difference" "$(offline map b.map a.map --json)" "$(offline map a.map b.map --json)"

# What only one end saw: b's agent is blind for a while, then says it saw all the time.
must agent_stop b
holds "a asks b, unseen" connects a "$B" 81 30
must save a later.map
# Both say that they watched from an hour ago until a minute from now.
for f in later b; do
	jq --arg from "$(date -u -d '-1 hour' +%FT%TZ)" --arg to "$(date -u -d '+1 minute' +%FT%TZ)" \
		'.window = {from: $from, to: $to}' "$TMP/$f.map" >"$TMP/$f-all.map"
done
is "counts that are far apart are told" "$(offline map later-all.map b-all.map --json |
	jq -rc '[.disagreements[] | select(.port == 81) | [.kind, .at_src.connections, .at_dst.connections]]')" '[["connections",33,3]]'
is "the larger one stands" "$(edges '.port == 81' '\(.connections)' later-all.map b-all.map)" 33

# Without an agent: the history.
is "from the database" "$(offline map --history "$TMP/b/state" --port 80 --json | jq '[.edges[].connections] | add')" 14
is "the same, by name of its owner" "$(edges '.port == 80' '\(.dst_workload.unit // .workload.unit)' --history "$TMP/b/state/flows.db" --host a)" shop.service
# Nobody answers at the usual place: the usual database, and it is said.
cp "$ZTCTL" "$TMP/ztctl"
unshare -m --propagation private sh -c "mount -t tmpfs none /run && mount -t tmpfs none /var/lib && mkdir /var/lib/ztseg &&
	cp $TMP/b/state/flows.db* /var/lib/ztseg/ && $TMP/ztctl --json map --port 80" >"$TMP/usual.json" 2>"$TMP/usual.err"
is "no agent: its history" "$(jq '[.edges[].connections] | add' "$TMP/usual.json") $(grep -c 'no agent answers; this is what' "$TMP/usual.err")" "14 1"
must agent_start b
holds "a asks b again" connects a "$B" 80 5
is "of the last hour, from the agent" "$(jqr b map --since 1h --port 80 --host a -- '[.edges[].connections] | add')" 17
is "which says where it has it from" "$(jqr b map --since 1h -- '.view.source')" history

# One end alone: b's map without what a asked for.
jq '.edges |= map(select(.port != 80))' "$TMP/b-all.map" >"$TMP/b-less.map"
is "what one end alone saw is told" "$(offline map later-all.map b-less.map --json |
	jq -rc '[.disagreements[] | select(.port == 80) | [.kind, .not_seen_by, .at_dst]]')" '[["one-end","b",null]]'

# What changed.
must tell b listen t8080 tcp 0.0.0.0 8080
holds "something new" connects c "$B" 8080 1
ctlj b map --by address --since 1h >"$TMP/after.map"
offline map diff before.map after.map --fail >"$TMP/diff.txt"
is "diff: something appeared" "$?" 3
is "diff: and what" "$(offline map diff before.map after.map --json | jq -r '.appeared[] | select(.port > 0 and .proto == "tcp") | "\(.src.name) \(.dst.name) \(.port) \(.dst_workload)"')" \
	"c b 8080 shop.service"
offline map diff after.map after.map --fail >/dev/null
is "diff: nothing with itself" "$?" 0
offline map diff --history "$TMP/b/state" 1h.. 1h.. --fail >/dev/null
is "diff: of two times in a database" "$?" 0

# A policy from what was seen in a time.
ctl b policy recommend --since 1h --out "$TMP/rec.yaml" >"$TMP/rec.txt" 2>&1
is "recommend: of the last hour" "$? $(grep -c 'tcp/8080' "$TMP/rec.yaml")" "0 1"
