#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# assess - the command over saved facts: exit statuses, text, signatures, files that are refused.
# shellcheck source=tests/golden/lib.sh
. "$(dirname "$0")/lib.sh"
export LC_ALL=C.UTF-8 LANGUAGE='' COLUMNS=80

has() { # NAME TEXT FILE
	if grep -qF -- "$2" "$3"; then ok "$1"; else not_ok "$1" "no '$2' in '$(head -c 300 "$3")'"; fi
}
exits() { ends "$1" "$2" "$ZTCTL" --socket "$TMP/none.sock" "${@:3}"; } # NAME STATUS ARGUMENT...
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)

# Facts of a host of which little is known. $1: more of them, as JSON members.
facts() {
	cat <<JSON
{"format": "ztseg.facts/1", "host": "app01", "collected_at": "${2:-$now}", "observed_s": 0,
 "probe": false, "facts": {
 "host": {"status": "ok", "method": "m", "collected_at": "${2:-$now}", "elapsed_ms": 1, "digest": "sha256:00",
  "data": {"name": "app01", "machine": "sha256:01", "kernel": "6.1", "os": "Debian", "boot_id": "b",
  "capabilities_missing": [], "dmi": {}}}${1:+, $1}}}
JSON
}
clock='"clock": {"status": "ok", "method": "adjtimex", "data": {"synchronised": true, "maxerror_us": 1000}}'
records='"records": {"status": "ok", "method": "files", "data": {"drills": [], "probes": [], "receipts": [],
 "reviews": [], "assessments": [], "alerts": [], "approvals": [], "refused": [], "refused_total": 0}}'
facts "$clock" >"$TMP/little.json"
facts "$clock, $records" >"$TMP/undrilled.json"

# --- exit statuses ------------------------------------------------------------------------
python3 tests/golden/assess_facts.py records=ZTS-3.1-03/pass-nft ZTS-3.1-01/pass-nft \
	ZTS-3.1-02/notapplicable-no-agent ZTS-3.4-01/pass-99-percent ZTS-3.4-02/pass-tls-and-ssh \
	clock=ZTS-3.6-06/pass-boundary >"$TMP/good.json"
exits "level I without an agent: met" 0 assess --from "$TMP/good.json"
has "level I: is said" "level: I measured | I attested | I waived   target I: MET" "$TMP/out"
exits "and the next is not" 2 assess --from "$TMP/good.json" --target II
echo '{"id": "S1", "fields": ["cloud_access"], "service_model": "PaaS"}' >"$TMP/paas.json"
exits "level I on a platform: by 3-4 alone" 0 assess --from "$TMP/good.json" --scope "$TMP/paas.json"
has "level I on a platform: claims no more" "level: I (3-4 only) measured" "$TMP/out"
exits "nothing is known: undetermined" 3 assess --from "$TMP/little.json"
exits "a gate fails: not met" 2 assess --from "$TMP/undrilled.json" --target IV
has "the target is named" "target IV: NOT MET" "$TMP/out"
exits "not met wins over undetermined" 2 assess --from "$TMP/undrilled.json" --target 4
for bad in "--target V" "--target 0" "--accept risks" "--netns some" "--lang fr" "--html --csv" \
	"--timeout 5x" "--observe 0s" "--profile $TMP/none" "--scope $TMP/none" "--colour" \
	"--from $TMP/little.json --probe" "--from $TMP/little.json --system x" "--explain ZTS-9.9-99" \
	"--sign $TMP/none" "--from $TMP/little.json --record" "--install-timer --target V"; do
	# shellcheck disable=SC2086
	exits "usage: $bad" 1 assess $bad
	is "usage: $bad: nothing on stdout" "$(wc -c <"$TMP/out")" 0
done
exits "an argument too many" 1 assess now
exits "show needs a file" 1 assess show
exits "no evidence file" 4 assess --from "$TMP/none"
echo '{"format": "ztseg.facts/2"}' >"$TMP/other.json"
exits "evidence of another format" 4 assess --from "$TMP/other.json"
echo '{"format": "ztseg.facts/1", "host": "a", "host": "b"}' >"$TMP/double.json"
exits "evidence with a key twice" 4 assess --from "$TMP/double.json"
facts '"clock": {"status": "fine", "data": {}}' >"$TMP/status.json"
exits "evidence with a status that does not exist" 4 assess --from "$TMP/status.json"
has "and it is named" "facts.clock.status" "$TMP/err"
echo '{"format": "ztseg.waiver/1"}' >"$TMP/w.json"
exits "a waiver with defects: nothing is run" 4 assess --from "$TMP/little.json" --waivers "$TMP/w.json"
is "a waiver with defects: nothing is printed" "$(wc -c <"$TMP/out")" 0
echo '{' >"$TMP/a.json"
exits "an attestation with defects" 4 assess --from "$TMP/little.json" --attestations "$TMP/a.json"

# --- profile: errors have a place and a remedy ------------------------------------------------
profile() { # FILE PYTHON: the built-in one, changed
	python3 - "$TMP/$1" "$2" <<'PY'
import json, sys
p = json.load(open("profiles/fsc-2024-net.json"))
exec(sys.argv[2])
json.dump(p, open(sys.argv[1], "w"), indent=1)
PY
}
refuses() { # NAME PYTHON TEXT
	profile p.json "$2"
	exits "profile: $1" 1 assess --from "$TMP/little.json" --profile "$TMP/p.json"
	if grep -qE "p\.json:[0-9]+: $3" "$TMP/err"; then
		ok "profile: $1: says where and what to do"
	else
		not_ok "profile: $1: says where and what to do" "$(cat "$TMP/err")"
	fi
}
cp profiles/fsc-2024-net.json "$TMP/same.json"
exits "profile: a copy is as good" 3 assess --from "$TMP/little.json" --profile "$TMP/same.json"
has "profile: its digest is printed" "sha256 $(sha256sum <"$TMP/same.json" | head -c 4).." "$TMP/out"
profile strict.json 'p["checks"]["ZTS-3.1-04"]["pass_share"] = {"value": 1, "source": "us"}; p["name"] = "ours"'
exits "profile: numbers may change" 3 assess --from "$TMP/little.json" --profile "$TMP/strict.json"
has "profile: and its name is shown" "profile ours" "$TMP/out"
refuses "unknown limit" 'p["checks"]["ZTS-3.1-04"]["pass_shar"] = p["checks"]["ZTS-3.1-04"]["pass_share"]' \
	'checks.ZTS-3.1-04.pass_shar: no such member; take it out'
refuses "missing limit" 'del p["checks"]["ZTS-3.1-04"]["pass_share"]' \
	'checks.ZTS-3.1-04: "pass_share" is missing; add'
refuses "missing check" 'del p["checks"]["ZTS-3.1-04"]' 'checks: "ZTS-3.1-04" is missing'
refuses "unknown check" 'p["checks"]["ZTS-3.1-99"] = {}' 'checks.ZTS-3.1-99: no such member'
refuses "missing list" 'del p["lists"]["admin_ports"]' 'lists: "admin_ports" is missing'
refuses "a share above one" 'p["checks"]["ZTS-3.1-04"]["pass_share"]["value"] = 95' \
	'checks.ZTS-3.1-04.pass_share: a share is between 0 and 1'
refuses "partial above pass" 'p["checks"]["ZTS-3.1-04"]["partial_share"]["value"] = 0.99' \
	'checks.ZTS-3.1-04.partial_share: is above pass_share'
refuses "no source" 'del p["checks"]["ZTS-3.1-04"]["pass_share"]["source"]' \
	'checks.ZTS-3.1-04.pass_share: write'
refuses "a text for a number" 'p["checks"]["ZTS-3.1-04"]["pass_share"]["value"] = "0.9"' \
	'checks.ZTS-3.1-04.pass_share: "value" has to be a number'
refuses "another member" 'p["comment"] = "x"' 'comment: no such member'
refuses "another format" 'p["format"] = "x"' 'format: has to be'
printf '{"format": "ztseg.profile/1",\n "name": }' >"$TMP/p.json"
exits "profile: no JSON" 1 assess --from "$TMP/little.json" --profile "$TMP/p.json"
has "profile: no JSON: line and column" "p.json:2:" "$TMP/err"

# --- declarations of systems -----------------------------------------------------------------------
system() { echo "{\"id\": \"S1\", \"fields\": [\"cloud_access\"], $1}" >"$TMP/system.json"; }
for bad in '"service_model": "XaaS"' '"colour": "red"' '"hosts": "a"' '"rto_hours": -1' '"fields": ["here"]'; do
	system "$bad"
	exits "declaration: $bad" 1 assess --from "$TMP/little.json" --scope "$TMP/system.json"
done
system '"service_model": "PaaS", "rto_hours": 8.5'
exits "declaration: a platform's host" 3 --json assess --from "$TMP/little.json" --scope "$TMP/system.json"
is "declaration: 3-1 and 3-2 do not apply" \
	"$(jq -r '[.items[] | select(.applicable | not) | .id] | join(" ")' "$TMP/out")" "3-1 3-2"
is "declaration: root on a platform is a contradiction" "$(jq '.scope.contradictions | length' "$TMP/out")" 1
is "declaration: told as information" "$(jq -r '.items[0].informational' "$TMP/out")" unknown
exits "a system without a host" 3 --json assess --system "$TMP/system.json"
is "a system without a host: grade D, nothing measured" \
	"$(jq -r '[.checks[] | .grade + " " + .result] | unique | join(",")' "$TMP/out")" "D unknown"
is "a system without a host: is named" "$(jq -r .host.name "$TMP/out")" S1

# --- the document -----------------------------------------------------------------------------------
exits "as JSON" 2 --json assess --from "$TMP/undrilled.json" --target IV
cp "$TMP/out" "$TMP/doc.json"
if why=$(python3 tests/golden/schema/check.py assess <"$TMP/doc.json" 2>&1); then
	ok "it fits its schema"
else
	not_ok "it fits its schema" "${why%%$'\n'*}"
fi
is "JSON is canonical" "$(jq -cS . "$TMP/doc.json" | sha256sum)" "$(sha256sum <"$TMP/doc.json")"
is "53 checks, seven items" "$(jq -r '"\(.checks | length) \(.items | length)"' "$TMP/doc.json")" "53 7"
is "every check has a reason in both languages" \
	"$(jq '[.checks[] | select((.reason.en // "") == "" or (.reason.zh_TW // "") == "")] | length' "$TMP/doc.json")" 0
is "the grade of facts that nobody sealed" "$(jq -r '[.checks[].grade] | unique | join(" ")' "$TMP/doc.json")" D
is "not a statement of compliance" "$(jq -r '.statement.en' "$TMP/doc.json" | head -c 29)" "Not a statement of compliance"
is "nothing passes without evidence" \
	"$("$ZTCTL" --json assess --from "$TMP/little.json" | jq -r '[.checks[] | select(.result == "pass") | select(.collectors | length == 0)] | length')" 0
facts "$clock, $records" 2026-01-01T00:00:00Z >"$TMP/old.json"
exits "old evidence" 3 --json assess --from "$TMP/old.json" --target IV
is "old evidence: all of it has expired" \
	"$(jq '[.checks[] | select(.result != "unknown")] | length' "$TMP/out")" 0

# --- text -----------------------------------------------------------------------------------------------
page() { # NAME: at most 24 lines of 80 columns
	python3 - "$TMP/out" <<'PY'
import sys, unicodedata
lines = open(sys.argv[1], encoding="utf-8").read().split("\n")[:-1]
wide = [l for l in lines if sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in l) > 80]
print(f"{len(lines)} lines, too wide: {wide}" if len(lines) > 24 or wide else "fits")
PY
}
for lang in en zh-TW; do
	for file in little undrilled old; do
		exits "$lang: $file" "$([[ $file = undrilled ]] && echo 2 || echo 3)" \
			assess --from "$TMP/$file.json" --target IV --lang $lang
		is "$lang: $file fits 80x24" "$(page)" fits
	done
done
has "Chinese is Chinese" "目標 IV" "$TMP/out"
LC_ALL=zh_TW.UTF-8 "$ZTCTL" assess --from "$TMP/little.json" >"$TMP/out"
has "the locale decides" "等級" "$TMP/out"
exits "-v" 3 assess --from "$TMP/little.json" -v
is "-v has every check" "$(grep -c 'ZTS-3\.' "$TMP/out")" 53
exits "--explain" 0 assess --from "$TMP/little.json" --explain 3.1-04
has "--explain: what it reads" "reads:" "$TMP/out"
has "--explain: thresholds" "pass_share = 0.95 (ztseg)" "$TMP/out"
facts "$clock" | sed 's/app01/a\\u001b[31mb\\u202e/g' >"$TMP/hostile.json"
exits "a hostile name" 3 assess --from "$TMP/hostile.json" -v
is "a hostile name leaves nothing that a terminal obeys" \
	"$(grep -cP '\x1b|\x{202e}' "$TMP/out")" 0

# --- signatures --------------------------------------------------------------------------------------------
mkdir -p "$TMP/trust/host"
chmod -R go-w "$TMP/trust"
"$ZTCTL" policy sign --generate "$TMP/host" --no-password >/dev/null
cp "$TMP/host.pub" "$TMP/trust/host/app01.pub"
exits "--evidence does not go with --from" 1 assess --from "$TMP/undrilled.json" --evidence "$TMP/x.json"
exits "signed" 2 --json assess --from "$TMP/undrilled.json" --target IV --sign "$TMP/host.key" --out "$TMP/signed.json"
is "signed: nothing on stdout, mode 0600" "$(wc -c <"$TMP/out") $(stat -c %a "$TMP/signed.json")" "0 600"
jq -cSj 'del(.signature)' "$TMP/signed.json" >"$TMP/plain"
jq -rj .signature.text "$TMP/signed.json" >"$TMP/plain.minisig"
is "minisign agrees" "$(minisign -V -q -p "$TMP/host.pub" -m "$TMP/plain" 2>&1; echo $?)" 0
exits "show" 2 assess show "$TMP/signed.json" --trust "$TMP/trust"
has "show: who signed it" "signed by app01" "$TMP/out"
exits "show: as a guest sees it" 2 assess show "$TMP/signed.json" --trust "$TMP/nowhere"
has "show: a key that nobody trusts" "nobody here trusts" "$TMP/out"
exits "show: another target" 3 assess show "$TMP/signed.json" --target I
sed 's/"result":"unknown"/"result":"pass"/' "$TMP/signed.json" >"$TMP/tampered.json"
exits "show: tampered" 4 assess show "$TMP/tampered.json" --trust "$TMP/trust"
is "show: tampered: nothing of it is shown" "$(wc -c <"$TMP/out")" 0
has "show: tampered: why" "is not what was signed" "$TMP/err"
exits "diff: tampered" 4 assess diff "$TMP/signed.json" "$TMP/tampered.json" --trust "$TMP/trust"
jq 'del(.signature)' "$TMP/signed.json" >"$TMP/bare.json"
exits "show: not signed" 2 assess show "$TMP/bare.json"
has "show: not signed is told" "not signed" "$TMP/out"
for format in html oscal sarif sarif-all junit csv prometheus; do
	exits "show as $format" 2 assess show "$TMP/signed.json" --$format
	is "show as $format: is not empty" "$(($(wc -c <"$TMP/out") > 100))" 1
done
exits "show as JSON" 2 --json assess show "$TMP/signed.json" --trust "$TMP/trust"
is "show as JSON: the seal" "$(jq -r '.seal | .state + " " + .signer' "$TMP/out")" "ok app01"
for change in 'del(.items)' '.checks[3].result = "good"' '.levels = []' '.target.exit = "0"' \
	'.notes = [1]' '.checks[0].offenders = [{}]' '.format = "ztseg.assessment/9"' '[.]'; do
	jq "$change" "$TMP/bare.json" >"$TMP/broken.json"
	exits "show: $change" 4 assess show "$TMP/broken.json"
done
echo '{"a":1' >"$TMP/broken.json"
exits "show: no JSON" 4 assess show "$TMP/broken.json"
exits "show: no file" 4 assess show "$TMP/none"

# --- accepted risks, and what somebody looked at ------------------------------------------------------------
for who in chen lin; do "$ZTCTL" policy sign --generate "$TMP/$who" --no-password >/dev/null; done
mkdir -p "$TMP/trust/approver" "$TMP/trust/assessor" "$TMP/w" "$TMP/a"
cp "$TMP/chen.pub" "$TMP/trust/approver"
cp "$TMP/lin.pub" "$TMP/trust/assessor"
good=(ZTS-3.1-01/pass-nft ZTS-3.1-02/notapplicable-no-agent ZTS-3.4-01/pass-99-percent ZTS-3.4-02/pass-tls-and-ssh)
python3 tests/golden/assess_facts.py records=ZTS-3.1-03/fail-open "${good[@]}" clock=ZTS-3.6-06/pass-boundary >"$TMP/open.json"
exits "a gate of level I fails" 2 --json assess --from "$TMP/open.json"
"$ZTCTL" waiver new W-1 --check ZTS-3.1-03 --host app01 --resource tcp/22 --reason "moves in January" \
	--compensating ZTS-3.1-01 --owner wang --approver chen --ticket R-1 --days 9 --out "$TMP/w/1.json" >/dev/null
"$ZTCTL" waiver sign "$TMP/w/1.json" --key "$TMP/chen.key" >/dev/null
waived=(assess --from "$TMP/open.json" --waivers "$TMP/w" --trust "$TMP/trust")
exits "waived: measured it is not met" 2 "${waived[@]}"
has "waived: three values" "level: 0 (below I) measured | 0 attested | I waived" "$TMP/out"
has "waived: until when" "waiver W-1 ends in" "$TMP/out"
COLUMNS=100 exits "waived: accepted" 0 "${waived[@]}" --accept waivers
has "waived: and it is said" "target I: MET (waivers accepted)" "$TMP/out"
exits "waived: as JSON" 2 --json "${waived[@]}"
is "waived: the result stays" "$(jq -r '.checks[] | select(.id == "ZTS-3.1-03") | .result + " " + .disposition.state' "$TMP/out")" "fail waived"
if why=$(python3 tests/golden/schema/check.py assess <"$TMP/out" 2>&1); then ok "waived: fits the schema"; else not_ok "waived: fits the schema" "$why"; fi
python3 tests/golden/assess_facts.py records=ZTS-3.1-03/fail-open "${good[@]}" >"$TMP/open.json"
exits "without a clock no waiver counts" 2 "${waived[@]}" --accept waivers
has "without a clock: it is said" "clock" "$TMP/out"
"$ZTCTL" attest new A-1 --item 3-4 --host S1 --result pass --statement "seen the settings of all its listeners" --assessor lin --out "$TMP/a/1.json" >/dev/null
"$ZTCTL" attest sign "$TMP/a/1.json" --key "$TMP/lin.key" >/dev/null
COLUMNS=100 exits "a system without a host, attested" 3 assess --system "$TMP/paas.json" --attestations "$TMP/a" --trust "$TMP/trust"
has "attested: three values" "level: 0 (below I) measured | I (3-4 only) attested | I (3-4 only) waived" "$TMP/out"
sed -i 's/seen the/heard of the/' "$TMP/a/1.json"
exits "an attestation that was changed" 4 assess --system "$TMP/paas.json" --attestations "$TMP/a" --trust "$TMP/trust"

# --- diff ----------------------------------------------------------------------------------------------------
jq '.checks[0].result = "pass"' "$TMP/bare.json" >"$TMP/better.json"
exits "diff: better" 0 assess diff "$TMP/bare.json" "$TMP/better.json"
has "diff: better: says which" "+ ZTS-3.1-01" "$TMP/out"
exits "diff: worse" 2 assess diff "$TMP/better.json" "$TMP/bare.json"
has "diff: is no statement of compliance either" "Not a statement of compliance" "$TMP/out"
has "diff: worse: says which" "- ZTS-3.1-01" "$TMP/out"
exits "diff: the same" 0 --json assess diff "$TMP/bare.json" "$TMP/bare.json"
if why=$(python3 tests/golden/schema/check.py assess-diff <"$TMP/out" 2>&1); then ok "diff: fits its schema"; else not_ok "diff: fits its schema" "$why"; fi
is "diff: the same: nothing" "$(jq -r '"\(.checks | length) \(.items | length) \(.worse)"' "$TMP/out")" "0 0 0"

# --- the daily run -----------------------------------------------------------------------------------------------
mkdir "$TMP/units"
exits "timer" 0 assess --install-timer --out "$TMP/units" --target II --state-dir "$TMP"
is "timer: two units" "$(cd "$TMP/units" && echo *)" "ztseg-assess.service ztseg-assess.timer"
has "timer: says that nothing was started" "nothing was started" "$TMP/out"
has "timer: keeps a record" "assess --record --target=II" "$TMP/units/ztseg-assess.service"
has "timer: writes into the state directory and nowhere else" "ReadWritePaths=$TMP" "$TMP/units/ztseg-assess.service"
if command -v systemd-analyze >/dev/null; then
	is "timer: systemd reads them" "$(systemd-analyze verify --man=no "$TMP/units"/* 2>&1 | grep -c ztseg-assess)" 0
fi
exits "timer: a directory that is not there" 1 assess --install-timer --out "$TMP/none"
exits "timer: printed" 0 --json assess --install-timer
has "timer: printed: the units" "OnCalendar=daily" "$TMP/out"

exit $failed
