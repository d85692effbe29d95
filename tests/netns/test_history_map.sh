#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# history_map - `ztctl map` of a time gone by: asked of the agent or read from its database, beside it, after a
# kill, from a copy and from a medium that cannot be written; the same each time. What is no database is refused.
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

connects() { # PORT COUNT
	local i
	for ((i = 0; i < $2; i++)); do tell a connect c "$B" "$1" && tell a close c || return; done
}
# What a map says of what a opened to port 80 of b: its numbers, whose it is, the verdicts.
FOLD='[.edges[] | select(.port == 80 and .proto == "tcp")] | [(map(.connections) | add), (map(.bytes.to_dst) | add),
	(map((.dst_workload // .workload).unit) | unique | join(",")),
	(map(.verdict.live.action + " " + .verdict.candidate.rule) | unique | join(","))] | join(" ")'
asked() { ctlj b map --by address "$@" | jq -r "$FOLD"; }
file() { "$ZTCTL" --json map --history "$1" --by address "${@:2}" | jq -r "$FOLD"; }

must agent_start b
must tell a connect s "$B" 81
must tell a ask s hello
holds "short connections" connects 80 7
WANT=$(asked --since 1h)
like "the agent, from its history" "$WANT" "7 * web.service allow no-80"
is "says where it is from" "$(ctlj b map --since 1h --by address | jq -r .view.source)" history
is "in whole hours" "$(ctlj b map --since 5m --by address | jq -r '.window.from | .[13:]')" ":00:00.000Z"
is "the file, beside the agent" "$(file "$DB")" "$WANT"
is "the state directory" "$(file "$TMP/b/state" --since 1h)" "$WANT"
is "a time before" "$(file "$DB" --until 3d)" "   "
is "and after" "$(file "$DB" --since 2099-01-01)" "   "
like "for people" "$("$ZTCTL" map --history "$DB" --color never)" "*b*tcp/80 web.service *a * 7 *would be denied by no-80*"
for by in host segment workload process; do
	is "added up by $by" "$("$ZTCTL" --json map --history "$DB" --by $by |
		jq '[.edges[] | select(.port == 80) | .connections] | add')" 7
done

# How connections went arrives when they have ended, with nobody asking.
tell a connect no "$B" 82
refusals() { # from the file
	[[ $("$ZTCTL" --json map --history "$DB" --by address |
		jq '[.edges[] | select(.port == 82) | .health.refused] | add') == "$1" ]]
}
within "a refused connection" 20 refusals 1
is "by the agent too" "$(ctlj b map --since 1h --by address |
	jq '[.edges[] | select(.port == 82) | .health.refused] | add')" 1
WANT=$(asked --since 1h)

# Killed: what was written is there, and is all that the file ever said.
must agent_kill b
is "after a kill, with its log" "$(file "$DB")" "$WANT"
mkdir "$TMP/copy" "$TMP/alone"
cp "$DB" "$DB-wal" "$TMP/copy"
must mount --bind -o ro "$TMP/copy" "$TMP/copy"
must mount -o remount,bind,ro "$TMP/copy"
is "a copy on a medium that cannot be written" "$(file "$TMP/copy")" "$WANT"
is "where nothing was made" "$(find "$TMP/copy" -type f | wc -l)" 2
must agent_start b
holds "more connections" connects 80 2
WANT=$(asked --since 1h)
like "the next agent goes on" "$WANT" "9 *"
is "the session is counted once" "$("$ZTCTL" --json map --history "$DB" --by host |
	jq '[.edges[] | select(.port == 81) | .connections] | add')" 1
must agent_stop b
is "ended in order: all in one file" "$(find "$TMP/b/state" -name 'flows.db-*' | wc -l)" 0
cp "$DB" "$TMP/alone"
must mount --bind -o ro "$TMP/alone" "$TMP/alone"
must mount -o remount,bind,ro "$TMP/alone"
is "which is enough" "$(file "$TMP/alone/flows.db")" "$WANT"

# What is none of ours.
refused() { # NAME FILE PATTERN
	local out
	out=$("$ZTCTL" map --history "$2" 2>&1)
	is "$1: refused" $? 2
	like "$1: says why" "$out" "$3"
}
head -c 20000 /dev/urandom >"$TMP/noise.db"
refused "noise" "$TMP/noise.db" "*corrupt*"
cp "$TMP/alone/flows.db" "$TMP/newer.db"
python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("PRAGMA user_version = 99")' "$TMP/newer.db"
refused "of a later version" "$TMP/newer.db" "*later version*"
refused "none" "$TMP/none.db" "*No such file*"
cp "$TMP/alone/flows.db" "$TMP/cut.db"
truncate -s 12288 "$TMP/cut.db"
refused "cut short" "$TMP/cut.db" "*corrupt*"
