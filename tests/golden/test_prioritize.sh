#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# prioritize - the command: every output by the rules of its own language, both languages, what flows and
# assessments add, templates, bad input, exit statuses.
# shellcheck source=tests/golden/lib.sh
. "$(dirname "$0")/lib.sh"
export LC_ALL=C.UTF-8 LANGUAGE='' COLUMNS=80
room=tests/golden/prioritize
inventory=$room/inventory.csv

has() { # NAME TEXT PART
	if [[ $2 == *"$3"* ]]; then ok "$1"; else not_ok "$1" "no '$3' in '${2:0:400}'"; fi
}
prioritize() { "$ZTCTL" --color never --socket "$TMP/none.sock" prioritize "$@"; }
of() { # ID FILTER <JSON
	jq -r --arg id "$1" '.systems[] | select(.id == $id) | '"$2"
}

# --- text: as it was looked at once, in both languages and widths ------------------------------------
for lang in en zh-TW; do
	for width in 80 100; do
		name=$lang.$width.txt
		COLUMNS=$width prioritize --lang $lang "$inventory" >"$TMP/$name" 2>&1
		[[ ${ZT_TEST_BLESS:-} ]] && cp "$TMP/$name" "$room/$name"
		is "text $lang in $width columns" "$(diff "$room/$name" "$TMP/$name" | head -n 20)" ""
		is "$lang fits $width columns" "$(python3 -c 'import sys, unicodedata
for line in open(sys.argv[1], encoding="utf-8"):
    w = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line.rstrip("\n"))
    if w > int(sys.argv[2]): print(w, line)' "$TMP/$name" $width)" ""
	done
	prioritize --lang $lang --explain hr "$inventory" >"$TMP/explain.$lang.txt" 2>&1
	[[ ${ZT_TEST_BLESS:-} ]] && cp "$TMP/explain.$lang.txt" "$room/explain.$lang.txt"
	is "explain $lang" "$(diff "$room/explain.$lang.txt" "$TMP/explain.$lang.txt" | head -n 20)" ""
done
has "the locale chooses the language" "$(env LC_ALL=zh_TW.UTF-8 "$ZTCTL" prioritize "$inventory")" 遠距辦公
has "the line of a system" "$(COLUMNS=100 prioritize --explain crm "$inventory")" \
	"R 15/18 (loc3 user3 priv3 dev2 data3 conn1)  I 7/15  gates: customer PII; RTO 24 h  -> tier 1"

# --- JSON ----------------------------------------------------------------------------------------------
"$ZTCTL" --json prioritize "$inventory" >"$TMP/json"
is "JSON as its schema has it" "$(python3 tests/golden/schema/check.py prioritize <"$TMP/json" 2>&1 | head -n 5)" ""
is "no real numbers" "$(jq '[.. | numbers | select(. != floor)] | length' "$TMP/json")" 0
is "crm is in tier 1, behind one that may be before it" "$(of crm '[.rank, .rank_best, .rank_worst, .tier.min, .tier.max] | join(" ")' <"$TMP/json")" "2 1 2 1 1"
is "half may be anywhere among the ranked" "$(of half '[.rank, .rank_best, .rank_worst, .tier.min, .tier.max] | join(" ")' <"$TMP/json")" \
	"1 1 4 1 4"
is "tele is in no field and not ranked" "$(of tele '[.rank, .tier.max] | join(" ")' <"$TMP/json")" " 0"
is "the larger of several users, with who it is" \
	"$(of hr '.risk.factors[1] | [.level, .why, .values] | join(" ")' <"$TMP/json")" "3 委外工程師 2"
is "a row that the source lacks" "$(of hr '.risk.factors[3] | [.level, .source_gap] | join(" ")' <"$TMP/json")" "3 true"
is "8 hours are not over 8 hours" "$(of hr .low_impact.answer <"$TMP/json") $(of web .low_impact.answer <"$TMP/json")" "no yes"
is "it says what it is not" "$(jq -r .statement.en "$TMP/json" | cut -c1-36)" "not a statement of FSC compliance: a"
for method in gate score; do
	"$ZTCTL" --json prioritize --method $method "$inventory" >"$TMP/$method"
	is "JSON of $method" "$(python3 tests/golden/schema/check.py prioritize <"$TMP/$method" 2>&1 | head -n 5)" ""
done
is "by score alone the questions do not count" "$(jq -r '.systems[0].id' "$TMP/score")" half
is "by the questions factors may be missing" "$(of half .missing <"$TMP/gate" | jq -c length)" 5
is "the first two, counted over all" \
	"$("$ZTCTL" --json prioritize --top 2 "$inventory" | jq -c '[(.systems | length), .totals.systems, .pairs.steps[0]]')" "[2,5,5]"

# --- other outputs: nothing of the inventory is markup or a formula -----------------------------------
prioritize --csv "$inventory" >"$TMP/csv"
is "CSV: every row as long as the heading, no formula" "$(python3 -c '
import csv, sys
rows = list(csv.reader(open(sys.argv[1], encoding="utf-8-sig", newline="")))
print(sorted({len(r) for r in rows}), [c for r in rows for c in r if c[:1] in "=+-@" and c], len(rows))' "$TMP/csv")" \
	"[36] [] 7"
has "CSV: the cell is text" "$(cat "$TMP/csv")" "\"'=HYPERLINK(\"\"http"
prioritize --markdown "$inventory" >"$TMP/md"
is "Markdown: no tag, no code" "$(grep -c '<script\|`' "$TMP/md")" 0
has "Markdown" "$(cat "$TMP/md")" "| 2 | crm"
prioritize --html --lang zh-TW "$inventory" >"$TMP/html"
is "HTML: no script, nothing from elsewhere" "$(grep -ciE '<script|<img|<link|https?://[^2]|src=|@import' "$TMP/html")" 0
has "HTML: the name is text" "$(cat "$TMP/html")" "&lt;script&gt;alert(1)"
has "HTML: refuses all but its style" "$(cat "$TMP/html")" "default-src 'none'"
has "HTML: both languages" "$(cat "$TMP/html")" "Remote working</span><span class=\"zh\" lang=\"zh-Hant-TW\">遠距辦公"
has "HTML: prints to A4" "$(cat "$TMP/html")" "@page{size:A4"
if command -v xmllint >/dev/null; then
	is "HTML: well-formed" "$(xmllint --html --noout "$TMP/html" 2>&1 | grep -vcE 'Tag (main)|main>|\^|^[^:]*$')" 0
else
	echo "skip HTML: well-formed - xmllint is not installed"
fi
for what in markdown csv html; do
	has "$what says what it is not" "$(prioritize --$what "$inventory")" "statement of FSC compliance"
	prioritize --$what --out "$TMP/out.$what" "$inventory"
	is "$what to a file" "$(sed 's/....-..-..T..:..:..Z//' "$TMP/out.$what" | cksum)" \
		"$(prioritize --$what "$inventory" | sed 's/....-..-..T..:..:..Z//' | cksum)"
done

# --- templates are inventories ---------------------------------------------------------------------------
for lang in en zh-TW; do
	prioritize --lang $lang --template csv >"$TMP/t.csv"
	echo "a" | cat "$TMP/t.csv" - | sed "2s/\$/$(head -n 1 "$TMP/t.csv" | tr -cd ,)/" >"$TMP/t1.csv"
	is "template $lang, filled in" "$("$ZTCTL" --json prioritize "$TMP/t1.csv" | jq -r '.systems[0].id')" a
	prioritize --lang $lang --template yaml >"$TMP/t.yaml"
	is "YAML $lang" "$("$ZTCTL" --json prioritize "$TMP/t.yaml" | jq -r '.systems[0].id')" example
done
is "every column is in both" "$(head -n 1 "$TMP/t.csv" | tr , '\n' | wc -l)" "$(grep -c '^ .*:' "$TMP/t.yaml")"
is "stdin" "$(prioritize - <"$inventory" | head -n 1)" "$(prioritize "$inventory" | head -n 1)"
is "several files" "$(printf 'id\nx\n' >"$TMP/x.csv"; "$ZTCTL" --json prioritize "$inventory" "$TMP/x.csv" | jq .totals.systems)" 6

# --- what flows tell ---------------------------------------------------------------------------------------
cat >"$TMP/map.json" <<'MAP'
{"format": 1, "by": "address", "view": {"host": "web1", "started": "2026-11-19T23:00:00.000Z", "source": "agent"},
"window": {"from": "2026-11-20T00:00:00.000Z", "to": "2026-11-21T00:00:00.000Z"}, "nodes": [
{"id": "address:10.0.1.11", "kind": "address", "name": "10.0.1.11", "segments": ["web-dmz"], "labels": {"role": "web"}, "near": true, "host": "web1"},
{"id": "address:10.0.9.1", "kind": "address", "name": "10.0.9.1", "segments": [], "labels": {"zone": "vpn-pool"}, "near": false},
{"id": "address:1.1.1.1", "kind": "address", "name": "1.1.1.1", "segments": [], "labels": {}, "near": false},
{"id": "address:10.0.3.3", "kind": "address", "name": "10.0.3.3", "segments": [], "labels": {}, "near": false, "host": "db1"}],
"edges": [
EDGES]}
MAP
edge() { # SRC DST PORT ACTION
	printf '{"src": "address:%s", "dst": "address:%s", "proto": "tcp", "port": %s, "verdict": {"live": {"action": "%s", "rule": "r"}, "candidate": {"action": "%s", "rule": "r"}}, "connections": 5, "bytes": {"to_dst": 1, "to_src": 1}, "packets": {"to_dst": 1, "to_src": 1}, "encryption": {"plaintext": 5, "unknown": 0}, "protocols": {}, "kind": "local", "first_seen": "2026-11-20T08:00:00.000Z", "last_seen": "2026-11-20T20:00:00.000Z"}' \
		"$1" "$2" "$3" "$4" "$4"
}
with() { # EDGES: the map with these
	python3 -c 'import sys; t = open(sys.argv[1]).read(); print(t.replace("EDGES", sys.argv[2]))' "$TMP/map.json" "$1" >"$TMP/m.json"
	"$ZTCTL" --json prioritize --prefill "$TMP/m.json" "$inventory" >"$TMP/json" 2>"$TMP/err" || cat "$TMP/err"
}
factor() { # ID NUMBER
	of "$1" ".risk.factors[$2] | [.level, .measured] | map(tostring) | join(\" \")" <"$TMP/json"
}
with "$(edge 10.0.9.1 10.0.1.11 443 allow)"
is "over a VPN, measured" "$(factor half 5)" "2 true"
is "its place, by a segment's name" "$(factor half 0)" "2 true"
is "no administration was seen" "$(factor half 2)" "null false"
is "to be confirmed" "$(of half '.confirm | sort | join(" ")' <"$TMP/json")" "connection resource_location"
is "what was given stays" "$(factor crm 5) $(factor crm 0)" "1 false 3 false"
is "JSON with what was measured" "$(python3 tests/golden/schema/check.py prioritize <"$TMP/json" 2>&1 | head -n 5)" ""
with "$(edge 1.1.1.1 10.0.1.11 443 allow), $(edge 10.0.9.1 10.0.1.11 22 allow)"
is "the most exposed way counts" "$(factor half 5)" "3 true"
is "and who administers" "$(factor half 2)" "3 true"
has "with its evidence" "$(of half '.risk.factors[5].why' <"$TMP/json")" "1.1.1.1 -> web1 tcp/443, 5 connections"
with "$(edge 1.1.1.1 10.0.1.11 443 deny), $(edge 10.0.3.3 10.0.1.11 80 allow)"
is "what was denied is no way in" "$(factor half 5)" "1 true"
with "$(edge 10.0.1.11 1.1.1.1 443 allow)"
is "what it opens itself is not how it is reached" "$(factor half 5)" "null false"
prioritize --prefill "$TMP/none.json" "$inventory" >"$TMP/out" 2>&1
is "a map that is not there" "$?" 2

# --- what assessments say ----------------------------------------------------------------------------------
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
mkdir "$TMP/plan"
for host in web1 app1 db1; do
	echo '{"format": "ztseg.facts/1", "host": "'"$host"'", "collected_at": "'"$now"'",
		"observed_s": 0, "probe": false, "facts": {}}' >"$TMP/facts.json"
	"$ZTCTL" --json assess --from "$TMP/facts.json" >"$TMP/plan/$host.json" 2>"$TMP/err"
done
jq '.checks |= map(if .item == "3-1" or .item == "3-4" then .result = "pass" else . end) | .levels.measured.level = 4' \
	"$TMP/plan/db1.json" >"$TMP/db1" && mv "$TMP/db1" "$TMP/plan/db1.json"
rm "$TMP/plan/app1.json"
"$ZTCTL" --json prioritize --plan "$TMP/plan" "$inventory" >"$TMP/json" 2>"$TMP/err" || cat "$TMP/err"
plan() { jq -r --arg id "$1" '.plan.systems[] | select(.id == $id) | '"$2" "$TMP/json"; }
is "measured level and the next" "$(plan hr '.level + " " + .next')" "I II"
is "an assessed host of two: not known" "$(plan crm '"\(.level) \(.hosts_known)/\(.hosts)"')" "? 1/2"
is "what level I takes, and nothing beyond" "$(plan half '.checks | (length > 0) and all(.[]; test("ZTS-3[.][14]-"))')" true
is "the plan in its schema" "$(python3 tests/golden/schema/check.py prioritize <"$TMP/json" 2>&1 | head -n 5)" ""
has "the plan for people" "$(prioritize --plan "$TMP/plan/db1.json,$TMP/plan/web1.json" "$inventory")" "Where the next level is cheapest"
echo '{"format": "ztseg.assessment/1"}' >"$TMP/plan/bad.json"
prioritize --plan "$TMP/plan" "$inventory" >"$TMP/out" 2>"$TMP/err"
is "one bad file and nothing is joined" "$? $(grep -c bad.json "$TMP/err")" "2 1"

# --- bad use and bad input ---------------------------------------------------------------------------------
exits() { # NAME STATUS ARGUMENT...
	local name=$1 want=$2
	shift 2
	prioritize "$@" >"$TMP/out" 2>"$TMP/err" </dev/null
	is "$name" "$? $([[ -s $TMP/err ]]; echo $?)" "$want 0"
}
exits "no such file" 2 "$TMP/none.csv"
exits "no such system" 2 --explain nobody "$inventory"
exits "--method" 2 --method best "$inventory"
exits "--top" 2 --top 0 "$inventory"
exits "--lang" 2 --lang fr "$inventory"
exits "--template" 2 --template xls
exits "nowhere to write" 1 --csv --out "$TMP/none/x" "$inventory"
printf 'id,user\na,9\na,1\n' >"$TMP/bad.csv"
exits "errors in the inventory" 2 "$TMP/bad.csv"
is "all of them, with row and column" "$(grep -c 'row 2, column B\|row 3' "$TMP/err")" 2
is "nothing was ranked" "$(wc -c <"$TMP/out")" 0
prioritize --lang zh-TW "$TMP/bad.csv" 2>"$TMP/err"
has "in Chinese" "$(cat "$TMP/err")" "第 2 列，欄 B"
printf 'id\n\e[31m\n' >"$TMP/bad.csv"
exits "control characters" 2 "$TMP/bad.csv"
is "do not reach the terminal" "$(grep -c $'\e' "$TMP/err")" 0
head -c 17000000 /dev/zero | tr '\0' 'a' >"$TMP/big.csv"
exits "17 MB" 2 "$TMP/big.csv"
{ echo id; seq 20001; } >"$TMP/many.csv"
exits "20,001 systems" 2 "$TMP/many.csv"
{ echo id,fields; seq 20000 | sed 's/$/,remote_work/'; } >"$TMP/many.csv"
began=$EPOCHREALTIME
is "20,000 are ranked" "$("$ZTCTL" --json prioritize --top 1 "$TMP/many.csv" | jq .totals.ranked)" 20000
echo "# in $(((${EPOCHREALTIME/./} - ${began/./}) / 1000)) ms"
exit $failed
