#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# history - what was seen is in STATE-DIR/flows.db: every connection once, with its owner, over a
# restart, a kill and a full disk; a database that cannot be used is set aside. Nobody needs the agent to read it.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b web.service
for p in 80 81; do must tell b listen t$p tcp 0.0.0.0 $p; done
B=${HOST_IP4[b]}
DB=$TMP/b/state/flows.db
rules b 1 staged <<-EOT
	rules:
	  - {id: no-80, action: deny, from: a, to: b, ports: [tcp/80]}
EOT

# The smallest possible disk that holds it all.
must mount -t tmpfs -o size=4m,mode=700 small "$TMP/b/state"

record() { ctl b policy show --ready >/dev/null; } # what was seen until now is written first
sql() { # QUERY: read only, as anybody with the file may
	python3 -c 'import sqlite3, sys
db = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
for row in db.execute(sys.argv[2]): print(*row)' "$DB" "$1"
}
recorded() { # PORT COLUMN: added up over everything recorded towards it
	sql "SELECT ifnull(sum($2), 0) FROM (SELECT edge, $2 FROM edge_day UNION ALL SELECT edge, $2 FROM edge_hour)
		JOIN edge ON id = edge WHERE port = $1"
}
in_kernel() { # PORT: bytes of its living flow
	jqr b flows -- "[.flows[] | select(.dst.port == $1 and (.ended | not)) | .bytes.to_dst] | add"
}
connects() { # PORT COUNT
	local i
	for ((i = 0; i < $2; i++)); do tell a connect c "$B" "$1" && tell a close c || return; done
}

must agent_start b
must tell a connect s "$B" 81
must tell a ask s hello
holds "short connections" connects 80 7
must record
is "each is counted" "$(recorded 80 connections)" 7
is "the living one too" "$(recorded 81 connections)" 1
is "with all its bytes" "$(recorded 81 bytes_to_dst)" "$(in_kernel 81)"
is "whose it is" "$(sql "SELECT DISTINCT unit FROM edge JOIN owner ON owner.id = dst_owner WHERE port = 80")" web.service
is "names of hosts" "$(sql "SELECT DISTINCT s.host, d.host FROM edge JOIN node s ON s.id = src JOIN node d ON d.id = dst WHERE port = 80")" "a b"
is "and both verdicts" "$(sql "SELECT DISTINCT l.name, live_action, c.name, cand_action FROM edge JOIN rule l ON l.id = live_rule
	JOIN rule c ON c.id = cand_rule WHERE port = 80")" "default-allow 0 no-80 1"
is "the staged rule was hit" "$(sql "SELECT sum(flows), sum(would_deny), sum(denied) FROM rule_day JOIN rule ON id = rule
	WHERE name = 'no-80'")" "7 7 0"
like "status says how it fares" "$(jqr b status -- '.history | "\(.days) \(.rows > 0) \(.error) \(.set_aside) \(.size_bytes > 0)"')" \
	"[12] true null null true"

# The agent stopped, started, killed: nothing is lost that was written, nothing counted twice.
must agent_stop b
is "read with no agent" "$(recorded 80 connections)" 7
must tell a ask s "while nobody looks"
must agent_start b
must record
is "restart: still there" "$(recorded 80 connections)" 7
is "restart: the session is counted once" "$(recorded 81 connections)" 1
is "with what was sent meanwhile" "$(recorded 81 bytes_to_dst)" "$(in_kernel 81)"
holds "more connections" connects 80 3
# Nobody asks: it is written within ten seconds of a sweep, so that a kill takes no more than that.
has() { [[ $(recorded 80 connections) == "$1" ]]; }
within "written by itself" 14 has 10
must agent_kill b
is "killed: what was written is there" "$(recorded 80 connections)" 10
must tell a ask s "and once more"
must agent_start b
must record
is "killed: every one" "$(recorded 80 connections)" 10
is "killed: the session once" "$(recorded 81 connections) $(recorded 81 bytes_to_dst)" "1 $(in_kernel 81)"

# A disk without room: guarding and counting go on, and what was seen is written later.
dd if=/dev/zero of="$TMP/b/state/full" bs=4k 2>/dev/null
holds "connections on a full disk" connects 80 5
must tell a ask s "on a full disk"
record
fails "cannot be written" jqc b status -- '.history.error == null'
like "says why" "$(jqr b status -- .history.error)" "*full*"
like "for people too" "$(ctl b status)" "*cannot be written, tried again*full*"
holds "answers all the same" ctl b flows
rm "$TMP/b/state/full"
record
within "recovers" 15 jqc b status -- '.history.error == null'
must record
is "nothing was lost" "$(recorded 80 connections)" 15
is "nor counted twice" "$(recorded 81 connections) $(recorded 81 bytes_to_dst)" "1 $(in_kernel 81)"

# A database that is none.
must agent_stop b
cp "$DB" "$TMP/b/whole.db"
dd if=/dev/urandom of="$DB" bs=4k count=2 conv=notrunc 2>/dev/null
must agent_start b
must record
like "corrupt: set aside" "$(jqr b status -- .history.set_aside)" "*flows.db.corrupt-*"
is "the file is kept" "$(find "$TMP/b/state" -name 'flows.db.corrupt-*Z' | wc -l)" 1
is "a new one is begun" "$(recorded 81 connections)" 1
must agent_stop b
rm "$TMP/b/state"/flows.db*
cp "$TMP/b/whole.db" "$DB"
python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("PRAGMA user_version = 99")' "$DB"
must agent_start b
must record
like "newer: set aside" "$(jqr b status -- .history.set_aside)" "*version 99*flows.db.newer-*"
is "and kept as it was" "$(find "$TMP/b/state" -name 'flows.db.newer-*Z' | wc -l)" 1
within "logged" 5 grep -q "flow history was set aside and a new one begun.*version 99" "$TMP/b/agent.log"

# Detach takes the flow tables away: what they had is written before, and later ones are new.
must tell a ask s "before detach"
want=$(in_kernel 81)
holds "detach" stop_tool b detach
within "the agent ends" 5 fails_alive "${AGENT_PID[b]}"
is "written before the tables went" "$(recorded 81 bytes_to_dst)" "$want"
