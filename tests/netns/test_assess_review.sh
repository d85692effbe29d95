#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# A review the whole way: an agent records traffic, a pack is made of it, somebody signs it, and the
# assessment works the digest out again. Tampering, self-review and strangers are found. Then what
# else is judged by records: convergence, pipeline, runs, alerts, waivers.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
command -v minisign >/dev/null || { skip review "minisign is not installed"; exit 77; }

must host a 11
must host b 12
puppet a a
puppet b b web.service
for p in 80 81; do must tell b listen t$p tcp 0.0.0.0 $p; done
A=${HOST_IP4[a]} B=${HOST_IP4[b]}
STATE=$TMP/b/state
TRUST=$TMP/trust
cd "$TMP" || exit 1
for who in author lin chen; do must "$ZTCTL" policy sign --generate "$who" --no-password >/dev/null; done
mkdir -p trust/policy trust/reviewer trust/approver trust/owner waivers
cp author.pub trust/policy/

rules b 1 enforced <<-EOT
	rules:
	  - {id: web, from: a, to: b, ports: [tcp/80]}
	  - {id: no-81, action: deny, from: a, to: b, ports: [tcp/81]}
EOT
must "$ZTCTL" policy sign "$TMP/b/policy.yaml" --key author.key >/dev/null
review() { ctl b review "$@" --state-dir "$STATE"; }
run() { # [OPTION...]: into report.json
	ctlj b assess --state-dir "$STATE" --trust "$TRUST" --pin-dir "$TMP/b/bpf/ztseg" --netns own "$@" >report.json
}
said() { # CHECK: "STATE: reason" of the last run
	jq -r ".checks[] | select(.id == \"ZTS-$1\") | \"\(.result): \(.reason.en)\"" report.json
}
assess() { # CHECK [OPTION...]
	run "${@:2}"
	said "$1"
}
db() { # SQL...: on the database, the agent being stopped
	python3 - "$STATE/flows.db" "$@" <<-'PY'
		import sqlite3, sys
		db = sqlite3.connect(sys.argv[1])
		for sql in sys.argv[2:]: db.execute(sql)
		db.commit()
	PY
}
sealed() { # SECKEY <record >record: as its maker would, with minisign alone
	local m=$TMP/m.$BASHPID
	jq -cSj 'del(.signature)' >"$m"
	minisign -S -W -s "$1" -m "$m" -t made-by-a-test >/dev/null </dev/null
	jq --rawfile text "$m.minisig" --arg id "$(sed -n 2p "$m.minisig" | base64 -d | tail -c +3 | head -c 8 |
		od -An -tx8 | tr -d ' \n' | tr a-f A-F)" '.signature = {algorithm: "minisign", key_id: $id, text: $text}' "$m"
	rm -f "$m" "$m.minisig"
}

# --- traffic, then the night passes --------------------------------------------------------------
must agent_start b
must tell a connect c "$B" 80
must tell a ask c hello
denies "the other port is denied" "TIMEOUT*" a connect s "$B" 81 timeout=0.2
must ctl b policy show --ready >/dev/null
must agent_stop b
# A period ends with a day that is over: what was just recorded is put two days back.
must db "UPDATE edge_hour SET hour = hour - 48, first_s = first_s - 172800, last_s = last_s - 172800" \
	"UPDATE hour SET hour = hour - 48" "UPDATE rule_day SET day = day - 2" \
	"UPDATE edge_day SET day = day - 2, first_s = first_s - 172800, last_s = last_s - 172800" \
	"UPDATE day SET day = day - 2, first_s = first_s - 172800, last_s = last_s - 172800" "DELETE FROM live"
must agent_start b

# --- pack ------------------------------------------------------------------------------------------
like "never reviewed" "$(assess 3.6-07)" "@(fail: no signed review*|unknown: this host is*)"
fails "a period that is not over" review pack --until 2126-01-01
must review pack --out pack.json >/dev/null
DIGEST=sha256:$(basename "$STATE"/reviews/*.json .json)
is "the digest is of what is in it" "sha256:$(jq -cSj . pack.json | sha256sum | cut -d' ' -f1)" "$DIGEST"
is "the denial" "$(jq -c '.flows.denials[] | [.src, .dst, .service, .rule, .mode]' pack.json)" "[\"$A\",\"$B\",\"tcp/81\",\"no-81\",\"enforced\"]"
is "the new edge" "$(jq -c '.flows.edges[] | select(.dst == "'"$B"'" and .service == "tcp/80") | [.src, .connections]' pack.json)" "[\"$A\",1]"
is "the rule that let it in" "$(jq -c '.flows.rules[] | select(.rule == "web") | [.connections, .denied]' pack.json)" "[1,0]"
must review pack >/dev/null
is "made again it is the same" "$(find "$STATE/reviews" -name '*.json' -exec jq -cS .flows {} + | sort -u | wc -l)" 1

valid() { # SCHEMA FILE: "" when it is
	python3 - "$ZT_ROOT/policies/$1.schema.json" "$2" 2>&1 <<-'PY'
		import json, sys, jsonschema
		schema, doc = (json.load(open(f)) for f in sys.argv[1:])
		for e in jsonschema.Draft202012Validator(schema).iter_errors(doc): print(e.message)
	PY
}
is "as its schema has it" "$(valid review-pack pack.json)" ""
answer() { # SCHEMA WORDS...: the JSON of a command is as its schema has it
	local schema=$1
	shift
	is "$1 $2: as its schema has it" "$(ctlj b "$@" --state-dir "$STATE" --trust "$TRUST" | python3 "$ZT_ROOT/tests/golden/schema/check.py" "$schema" 2>&1)" ""
}
answer review-pack review pack
answer review-show review show pack.json

# --- sign ------------------------------------------------------------------------------------------
ALL=(--accept 'denial:*,rule:*,waiver:*,alert:*' --approve 'new-edge:*')
fails "a star is no review" review sign pack.json --key lin.key --accept '*'
must review sign pack.json --key lin.key "${ALL[@]}" >/dev/null
like "by a stranger" "$(assess 3.6-07)" "unknown: the review is not signed by a reviewer*role reviewer*"
cp lin.pub trust/reviewer/
like "by a reviewer" "$(assess 3.6-07)" "pass: reviewed by lin*digests hold"
is "grade A" "$(jq -r '.checks[] | select(.id == "ZTS-3.6-07") | .grade' report.json)" A
like "the signed file is in force, every statement reviewed" "$(said 3.7-04)" "pass: the published policy is in force*"
like "a change that nobody vouches for" "$(said 3.7-05)" "@(fail: 0 of *|unknown: no change*)"
record=$(echo "$STATE"/records/*-review-*.json)
jq -cSj 'del(.signature)' "$record" >m
jq -r .signature.text "$record" >m.minisig
is "the record as its schema has it" "$(valid record "$record")" ""
holds "minisign says so too" minisign -V -p lin.pub -m m
like "shown with the decisions" "$(review show pack.json --trust "$TRUST")" "*no-81*accept*items decided*"

# --- what does not hold -------------------------------------------------------------------------------
cp lin.pub trust/policy/
like "who writes policy reviewed it" "$(assess 3.6-07)" "fail: lin, who signed the review, also signs policy*"
rm trust/policy/lin.pub
mv trust/policy/author.pub kept.pub
like "nobody knows who writes it" "$(assess 3.6-07)" "unknown: who writes policy is not known*"
mv kept.pub trust/policy/author.pub
PACK=$STATE/reviews/${DIGEST#sha256:}.json
cp -p "$PACK" kept.json
sed -i 's/"rule": "no-81"/"rule": "nothing"/' "$PACK"
like "the pack was altered" "$(assess 3.6-07)" "fail: the pack is another than what was signed*"
mv "$PACK" gone.json
like "the pack is gone" "$(assess 3.6-07)" "unknown: the pack that was signed cannot be looked at*"
cp -p kept.json "$PACK"
must agent_stop b
db "UPDATE edge_hour SET connections = connections + 1 WHERE hour = (SELECT min(hour) FROM edge_hour)"
must agent_start b
like "the recorded flows are others" "$(assess 3.6-07)" "fail: what was reviewed is not what was recorded*"
must agent_stop b
# As they were, and rolled up into a day meanwhile, as happens after a week.
first="(SELECT min(hour) FROM hour)"
must db "UPDATE edge_hour SET connections = connections - 1 WHERE hour = $first" \
	"INSERT INTO edge_day SELECT hour / 24, edge, connections, bytes_to_dst, bytes_to_src, packets_to_dst, packets_to_src,
		first_s, last_s, refused, unanswered, resets, retransmits, rtt FROM edge_hour WHERE hour = $first" \
	"DELETE FROM edge_hour WHERE hour = $first" "DELETE FROM hour WHERE hour = $first" \
	"UPDATE day SET hours = 0 WHERE day = (SELECT min(day) FROM day)"
must agent_start b
like "and the same again, as a day" "$(assess 3.6-07)" "pass: *"

# --- a reviewer elsewhere ------------------------------------------------------------------------------
rm "$STATE"/records/*
must review sign pack.json --key lin.key --accept 'denial:*' --out out.json >/dev/null
is "two records: no edge was decided, so one" "$(jq length out.json)" 1
jq '.[0].body.disposed = 99' out.json >forged.json
fails "a forged one is refused" ctl b evidence add forged.json --state-dir "$STATE" --trust "$TRUST"
jq '.[0].about.host = "elsewhere"' out.json >other.json
like "and one of another host" "$(ctl b evidence add other.json --state-dir "$STATE" --trust "$TRUST" 2>&1)" "*about another host*"
holds "the real one is kept" ctl b evidence add out.json --state-dir "$STATE" --trust "$TRUST"
fails "once" ctl b evidence add out.json --state-dir "$STATE" --trust "$TRUST"
like "half decided" "$(assess 3.6-07)" "fail: * items were left undecided"
like "evidence lists it" "$(ctl b evidence list --state-dir "$STATE" --trust "$TRUST" --kind review)" "*review*partial*ok*A*lin*"
must review sign pack.json --key lin.key "${ALL[@]}" >/dev/null

# --- edges ------------------------------------------------------------------------------------------------
is "edges of the review are decided" "$(ctlj b review edges --state-dir "$STATE" --trust "$TRUST" | jq -c '[.edges[] | select(.service == "tcp/80") | .decision]')" '["approve"]'
must ctl b review edges --state-dir "$STATE" --trust "$TRUST" --deny "$A>$B:tcp/80" --note "goes through the proxy" --key lin.key >/dev/null
is "the newest word counts" "$(ctlj b review edges --state-dir "$STATE" --trust "$TRUST" | jq -c '[.edges[] | select(.service == "tcp/80") | .decision]')" '["deny"]'

answer review-edges review edges
answer evidence-list evidence list

# --- convergence and pipeline -------------------------------------------------------------------------------
mv "$TMP/b/policy.yaml.minisig" kept.minisig
like "without a signature nothing to compare with" "$(assess 3.7-04)" "unknown: nothing to compare with*"
mv kept.minisig "$TMP/b/policy.yaml.minisig"
head=$(jq -n --arg at "$(date -u -d '-2 days' +%FT%TZ)" --slurpfile r "$record" '$r[0] | del(.signature)' 2>/dev/null ||
	jq '.[0] | del(.signature)' out.json)
jq --arg at "$(date -u -d '-2 days' +%FT%TZ)" '.kind = "approval" | .name = "head" | .id = "head-1" | .result = "pass" |
	.body = {policy: "x", revision: 9, digest: "another", published_at: $at}' <<<"$head" | sealed author.key >head.json
holds "what the controller publishes" ctl b evidence add head.json --state-dir "$STATE" --trust "$TRUST"
like "is another since two days" "$(assess 3.7-04)" "fail: the published policy is another*"
rm "$STATE/records/head-1.json"

# --- runs, alerts --------------------------------------------------------------------------------------------
ctl b assess --record --state-dir "$STATE" --trust "$TRUST" >/dev/null
run=$(echo "$STATE"/records/*-assessment-*.json)
for i in {1..27}; do
	jq --arg at "$(date -u -d "-$i days" +%FT%TZ)" --arg id "run-$i" '.id = $id | .started = $at | .ended = $at' "$run" |
		sealed "$STATE/keys/host.key" >"$STATE/records/run-$i.json"
done
chmod 600 "$STATE"/records/run-*
alert() { # ID HOURS-AGO CLOSED-HOURS-AGO REASON
	jq --arg o "$(date -u -d "-$2 hours" +%FT%TZ)" --arg c "$(date -u -d "-$3 hours" +%FT%TZ)" --arg id "$1" --arg why "$4" '.kind = "alert" |
		.name = "anomaly" | .id = $id | .started = $o | .ended = $c |
		.body = {alert: $id, severity: "high", opened_at: $o, closed_at: $c, actor: "chen", reason: $why}' "$run" |
		sealed "$STATE/keys/host.key" >"$STATE/records/$1.json"
	chmod 600 "$STATE/records/$1.json"
}
alert a1 30 20 "the auditors' scanner"
like "a run a day" "$(assess 3.7-06)" "pass: signed runs on 28 of 30 days"
like "an anomaly handled" "$(said 3.3-05)" "pass: 1 of 1*"
alert a2 90 20 "found late"

# --- waivers ----------------------------------------------------------------------------------------------------
cp chen.pub trust/approver/
like "no waiver" "$(assess 3.7-07 --waivers waivers)" "notapplicable: *"
like "one anomaly too late" "$(said 3.3-05)" "fail: 1 of 2*"
bad=$(jq -r '[.checks[] | select(.result == "fail" and .severity != "critical" and (.id | IN("ZTS-3.7-01", "ZTS-3.6-06") | not)) | .id][0]' report.json)
good=$(jq -r '[.checks[] | select(.result == "pass") | .id][0]' report.json)
must ctl b waiver new W-1 --check "$bad" --resource '*' --reason "moves in January, see the ticket" --compensating "$good" \
	--owner wang --approver chen --ticket R-1 --days 5 --out waivers/1.json >/dev/null
out=$(ctl b assess --waivers waivers --state-dir "$STATE" --trust "$TRUST" 2>&1)
is "not signed: nothing runs" "$?" 4
must ctl b waiver sign waivers/1.json --key chen.key >/dev/null
run --waivers waivers
clock=$(jq .clock.synchronised report.json)
is "beside the result, which stays" "$(jq -c --arg id "$bad" '.checks[] | select(.id == $id) | [.result, .disposition.state]' report.json)" \
	"$([[ $clock = true ]] && echo '["fail","waived"]' || echo '["fail","waiver-invalid"]')"
like "governed" "$(said 3.7-07)" "pass: all 1 waivers*"
is "in the document's own list" "$(jq -c '.waivers[] | [.id, .signer, .days_left <= 5]' report.json)" '["W-1","chen",true]'
