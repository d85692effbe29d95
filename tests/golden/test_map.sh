#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# map - saved maps on the command line: every output by the rules of its own language, names that
# attack it included; bad input; exit statuses.
# shellcheck source=tests/golden/lib.sh
. "$(dirname "$0")/lib.sh"
room=tests/golden/map
three=("$room/web1.json" "$room/app1.json" "$room/db1.json")

map() { "$ZTCTL" --socket "$TMP/none.sock" map "$@"; }
exits() { ends "$1" "$2" map "${@:3}"; } # NAME STATUS ARGUMENT...
fits() { # NAME SCHEMA <JSON
	is "$1" "$(python3 tests/golden/schema/check.py "$2" 2>&1 | head -n 3)" ""
}

# --- JSON -----------------------------------------------------------------------------------------
for by in host segment label:role workload process address; do
	fits "JSON, merged, by $by" map-own < <(map --by "$by" "${three[@]}" --json)
	fits "JSON, hostile, by $by" map-own < <(map --by "$by" "$room/hostile.json" --json)
done
edges='[.edges[] | del(.health.rtt_us, (.health.rtt | select(. == [])))] | sort'
is "one file goes through as it is" "$(map --by address "$room/db1.json" --json | jq -S "$edges")" \
	"$(jq -S "$edges" "$room/db1.json")"
map "${three[@]}" --json >"$TMP/abc"
is "merged: the order of files makes no difference" "$(map "${three[2]}" "${three[0]}" "${three[1]}" --json)" "$(<"$TMP/abc")"
is "merged: nor does a file given twice" "$(map "${three[@]}" "${three[1]}" --json)" "$(<"$TMP/abc")"
is "merged: one edge of two views, owners of both" "$(jq -r '.edges[] | select(.port == 8080) |
	"\(.workload.unit) \(.dst_workload.unit) \(.connections) \(.seen_by | join(" "))"' "$TMP/abc")" \
	"nginx.service shop.service 120 app1 web1"
is "merged: disagreement" "$(jq -rc '.disagreements[] | [.kind, .not_seen_by, .port]' "$TMP/abc")" '["one-end","db1",514]'
is "a staged denial is told from an enforced one" "$(jq -rc '[.edges[] | select(.verdict.candidate.action == "deny") |
	.verdict.live.action] | sort' "$TMP/abc")" '["allow","deny"]'

# --- filters -----------------------------------------------------------------------------------------
ports() { map "$@" "${three[@]}" --json | jq -c '[.edges[].port] | unique'; }
is "by segment" "$(ports --segment web)" "[443,8080]"
is "two steps around it" "$(ports --segment web --depth 2)" "[443,514,5432,8080]"
is "by host" "$(ports --host db1)" "[22,514,5432,6379]"
is "by address, however it is written" "$(ports --host 10.0.9.66)" "[22,5432]"
is "by verdict" "$(ports --verdict would-deny)" "[5432]"
is "by owner" "$(ports --owner shop.service)" "[5432,8080]"
is "by program" "$(ports --owner pg_dump)" "[5432]"
is "by encryption class" "$(ports --encryption tls)" "[443,5432]"
is "by protocol" "$(ports --encryption syslog)" "[514]"
is "by label" "$(ports --label role=web)" "[443,8080]"
is "by service" "$(ports --proto udp --port 514)" "[514]"
is "by number, after grouping" "$(ports --min-connections 100)" "[443,8080]"
is "the busiest" "$(ports --limit 1)" "[443]"
map --limit 1 "${three[@]}" >"$TMP/out"
is "and says what was cut" "$(grep -c 'Only 1 of 9 edges' "$TMP/out")" 1

# --- CSV: read back by another program ------------------------------------------------------------------
for f in "${three[*]}" "$room/hostile.json"; do
	# shellcheck disable=SC2086
	map --csv $f >"$TMP/csv"
	# shellcheck disable=SC2086
	is "CSV of ${f##*/}" "$(python3 - "$TMP/csv" <<-'PY'
	import csv, re, sys
	text = open(sys.argv[1], newline="", encoding="utf-8").read()
	assert all(line.endswith("\r") for line in text.split("\n")[:-1]) and text.endswith("\n")
	rows = list(csv.reader(text.splitlines(), strict=True))
	for row in rows:
	    assert len(row) == 46, len(row)
	    for cell in row:
	        assert not re.match(r"[\s]*[=+\-@\t\r＝＋－＠]", cell), cell
	        assert not any(ord(c) < 32 or c in "\u202e\u200b\ufeff" for c in cell), cell
	print(len(rows) - 1)
	PY
	)" "$(map $f --json | jq '.edges | length')"
done

# --- DOT: drawn by Graphviz --------------------------------------------------------------------------------
for f in "${three[*]}" "$room/hostile.json"; do
	# shellcheck disable=SC2086
	map --dot $f >"$TMP/dot"
	dot -Tsvg "$TMP/dot" -o "$TMP/svg" 2>"$TMP/err"
	is "DOT of ${f##*/}: Graphviz takes it without a word" "$? $(wc -c <"$TMP/err")" "0 0"
	is "DOT of ${f##*/}: nodes and arrows are ours" \
		"$(grep -c 'class="node"' "$TMP/svg") $(grep -c 'class="edge"' "$TMP/svg")" \
		"$(grep -c '^	n[0-9]* \[' "$TMP/dot") $(grep -c '^	n[0-9]* -> n[0-9]* \[' "$TMP/dot")"
	is "DOT of ${f##*/}: no control character" "$(LC_ALL=C tr -d '\11\12\40-\176\200-\377' <"$TMP/dot" | wc -c)" 0
done

# --- Mermaid: each line is one of five forms, and a label has no character of its syntax ---------------------
for f in "${three[*]}" "$room/hostile.json"; do
	# shellcheck disable=SC2086
	map --mermaid $f >"$TMP/mmd"
	is "Mermaid of ${f##*/}" "$(python3 - "$TMP/mmd" <<-'PY'
	import re, sys
	label = r'"(?:[A-Za-z0-9 /:,()=_.\-]|#[0-9]+;|<br/>|[^\x00-\x7f])*"'
	forms = [r"%% [a-z: ;,A-Z0-9']*", r"flowchart LR", rf"    n\d+\[{label}\](:::near)?",
	         rf"    n\d+ (-->|-\.->|--x)\|{label}\| n\d+", r"    linkStyle \d+(,\d+)* stroke:#[0-9a-f]{6}",
	         r"    classDef near stroke-width:3px"]
	lines = open(sys.argv[1], encoding="utf-8").read().splitlines()
	for line in lines:
	    if not any(re.fullmatch(form, line) for form in forms):
	        print("not a line:", line)
	names = {m[1] for line in lines if (m := re.match(r"    (n\d+)\[", line))}
	used = {n for line in lines if "|" in line for n in re.findall(r"^    (n\d+) |\| (n\d+)$", line) for n in n if n}
	if names != used:
	    print("nodes", names ^ used)
	PY
	)" ""
done

# --- text: nothing that a terminal obeys ----------------------------------------------------------------------
for how in "" --tree "--tree --depth 3" "--by workload" "--by process"; do
	# shellcheck disable=SC2086
	map $how "$room/hostile.json" >"$TMP/out"
	is "text $how: no control character, no bidi mark" \
		"$(LC_ALL=C tr -d '\12\40-\176\200-\377' <"$TMP/out" | wc -c) $(grep -cP '\x{202e}|\x{200b}' "$TMP/out")" "0 0"
done
map --html "$room/hostile.json" >"$TMP/html"
is "HTML: no name became markup" "$(grep -c '<img src=x' "$TMP/html")" 0
map --html --lang zh-TW "${three[@]}" --out "$TMP/page.html"
is "HTML: written to a file" "$(head -c 15 "$TMP/page.html")" "<!doctype html>"

# --- files --------------------------------------------------------------------------------------------------
exits "to a file" 0 --csv --out "$TMP/new.csv" "${three[@]}"
is "and nothing else is printed" "$(wc -c <"$TMP/out") $(head -c 8 "$TMP/new.csv")" "0 src,src_"
exits "a directory that is not there" 1 --out "$TMP/none/x" "${three[0]}"
exits "no such file" 2 "$TMP/none.json"
head -c 900 "${three[0]}" >"$TMP/cut.json"
exits "a file cut short" 2 "$TMP/cut.json"
is "says where" "$(grep -c 'cut.json:[0-9]*:[0-9]*: .*cut short' "$TMP/err")" 1
sed 's/"format": 1/"format": 2/' "${three[0]}" >"$TMP/newer.json"
exits "of another version" 2 "$TMP/newer.json"
is "says so" "$(grep -c 'newer.json:2:11: .*another version' "$TMP/err")" 1
exits "no map" 2 tests/golden/schema/map.json
exits "no JSON" 2 tests/golden/test_map.sh
map --by host "${three[0]}" --json >"$TMP/hosts.json"
exits "grouped maps are not merged" 2 "$TMP/hosts.json" "${three[1]}"
exits "nor grouped again" 2 --by segment "$TMP/hosts.json"
exits "but shown" 0 "$TMP/hosts.json"
map --by address "${three[@]}" --json >"$TMP/merged.json"
exits "merged maps are not merged again" 2 "$TMP/merged.json" "${three[0]}"
is "but grouped as before" "$(map "$TMP/merged.json" --json | jq -S .edges)" "$(jq -S .edges "$TMP/abc")"

# --- usage ---------------------------------------------------------------------------------------------------
exits "two answers at once" 2 --csv --dot "${three[0]}"
exits "a saved map has its time" 2 --since 1d "${three[0]}"
exits "no such time" 2 --since yesterday
exits "until before since" 2 --since 1d --until 2d
exits "steps from where" 2 --depth 2 "${three[0]}"
exits "no such encryption" 2 --encryption rot13 "${three[0]}"
exits "no such grouping" 2 --by label: "${three[0]}"
exits "no such language" 2 --html --lang fr "${three[0]}"
exits "a history that is none" 2 --history "${three[0]}"
exits "a history that is not there" 2 --history "$TMP/none.db"
exits "nothing matches" 0 --port 9 "${three[0]}"
is "and says so" "$(<"$TMP/out")" "No edges match."

# --- diff ----------------------------------------------------------------------------------------------------
exits "diff" 0 diff "$room/db1.json" "$room/db1-later.json"
exits "diff: something appeared" 3 diff --fail "$room/db1.json" "$room/db1-later.json"
exits "diff: nothing did" 0 diff --fail "$room/db1.json" "$room/db1.json"
is "diff of a map with itself is empty" "$(map diff "$room/db1.json" "$room/db1.json" --json |
	jq -c '[.appeared, .gone, .changed | length]')" "[0,0,0]"
for by in host segment workload address; do
	fits "diff: JSON by $by" map-diff < <(map diff --by "$by" "$room/db1.json" "$room/db1-later.json" --json)
done
fits "diff: JSON, hostile" map-diff < <(map diff "$room/db1.json" "$room/hostile.json" --json)
what() { map diff "$@" "$room/db1.json" "$room/db1-later.json" --json | jq -c '.summary | [.verdict, .encryption, .volume]'; }
is "diff: what changed" "$(what)" "[1,1,2]"
is "diff: a floor above it" "$(what --floor 1G)" "[1,1,0]"
is "diff: a factor above it" "$(what --factor 4)" "[1,1,1]"
exits "diff: a factor that is none" 2 diff --factor 1 a b
exits "diff: a floor that is none" 2 diff --floor x a b
exits "diff: no such file" 2 diff "$TMP/none.json" "$room/db1.json"
exits "diff: a map that is grouped" 2 diff "$TMP/hosts.json" "${three[0]}"
exits "diff: no agent to ask" 1 diff 14d..7d 7d..now
exits "diff: a time that is none" 2 diff 7d..14d 7d..now
map diff --csv "$room/db1.json" "$room/hostile.json" >"$TMP/csv"
is "diff: CSV" "$(python3 -c '
import csv, re, sys
rows = list(csv.reader(open(sys.argv[1], newline="", encoding="utf-8"), strict=True))
assert {len(r) for r in rows} == {18}
assert not any(re.match(r"\s*[=+\-@]", c) for r in rows for c in r)
print(len(rows) - 1)' "$TMP/csv")" "$(map diff "$room/db1.json" "$room/hostile.json" --json | jq '[.appeared, .gone, .changed | length] | add')"
exit $failed
