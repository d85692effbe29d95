#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# assess_rows - the rows in the kernel, read and hashed by ztctl, are those that the agent committed: with hours,
# shares, workloads and labels that run out, after patches that leave rows behind, with the agent and without it.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

must host db 12
spawn db db.service socat -u TCP-LISTEN:5432,fork,reuseaddr OPEN:/dev/null
policy db <<-EOT
	version: 1
	policy: rows
	revision: 1
	mode: enforced
	hosts:
	  db: {addresses: [10.77.0.12, "fd77::12"], labels: {role: db}}
	$(for i in $(seq 20 60); do echo "  h$i: {addresses: [10.77.0.$i], labels: {role: app, n: n$i}}"; done)
	segments:
	  app: {select: {role: app}}
	  good: {select: {posture: good}}
	  db: {select: {role: db}}
	  lan: {addresses: [10.77.0.0/24, 192.168.0.0/16], except: [10.77.0.128/25]}
	boundaries:
	  - {id: db-closed, segment: db, inbound: deny, outbound: deny}
	rules:
	  - {id: r1, from: app, to: {segment: db, unit: db.service}, ports: [tcp/5432]}
	  - {id: r2, from: app, to: db, ports: [tcp/80, tcp/8000-8100], when: {hours: "Mon-Fri 08:00-20:00"}}
	  - {id: r3, from: good, to: db, ports: [tcp/443], expires: 2037-01-01}
	  - {id: r4, from: lan, to: db, ports: [tcp/22], when: {labels: {posture: good}}}
	  - {id: r5, action: deny, from: app, to: db, ports: [tcp/8050], mode: staged}
EOT
must agent_start db

rows() { # NAME: what ztctl reads is what was committed, and what the agent says
	on db "$ZTCTL" --socket "$TMP/db/run/agent.sock" --json assess --state-dir "$TMP/db/state" --netns own \
		--pin-dir "$TMP/db/bpf/ztseg" --evidence "$TMP/facts.json" >/dev/null 2>&1
	is "$1" "$(jq -r '.facts | .agent.data.pins.digest as $d | "\($d.equal) \($d.live ==
		(.simulation.data.rows.compiled // $d.committed)) \($d.rows > 50)"' "$TMP/facts.json")" "true true true"
}
labels() { # KEY=VALUE-PREFIX SECONDS: of thirty hosts
	local i
	for i in $(seq 20 50); do ctl db label set "h$i" "$1$i" --ttl "$((i * $2))s" >/dev/null || return 1; done
}
rows "hours, workloads, an expiry, exceptions"
must ctl db label set h20 posture=good --ttl 300s >/dev/null
rows "a label that runs out"
must labels posture=bad 7
must labels zone=z 9
rows "sixty labels, patched in"
for i in $(seq 20 40); do ctl db label unset "h$i" posture >/dev/null; done
rows "some of them taken back"
must ctl db policy promote r5 --percent 30 --within 0 >/dev/null
rows "a share of hosts"
agent_kill db
rows "nobody left to say how long the tables are"
