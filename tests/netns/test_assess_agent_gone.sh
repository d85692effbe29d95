#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# assess_agent_gone - the checks that rest on the agent where there is none, where it died, where somebody wrote
# into the kernel, the heartbeats or the states behind its back, and without privilege.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/assess.sh
. "$(dirname "$0")/assess.sh"

must host db 12
STATE=$TMP/db/state

# Windows of seconds instead of days, so that what was recorded just now is long enough.
jq '.general.window_days.value = 0 | .checks["ZTS-3.2-01"].min_days.value = 0.00002
	| .checks["ZTS-3.3-07"].min_days.value = 0.00002 | .checks["ZTS-3.5-05"].min_days.value = 0.00002
	| .checks["ZTS-3.2-06"].window_days.value = 0.00003 | .checks["ZTS-3.2-07"].window_days.value = 0.00003
	| .checks["ZTS-3.3-06"].days.value = 0.00001 | .checks["ZTS-3.3-01"].min_bytes.value = 100000' \
	"$ZT_ROOT/profiles/fsc-2024-net.json" >"$TMP/profile.json"


# --- without an agent -----------------------------------------------------------------------------

judge db "$TMP/none.json"
judged "no agent" "$TMP/none.json" 3.1-02 notapplicable
for id in 3.1-05 3.2-01 3.2-02 3.2-03 3.2-06 3.2-07 3.3-01 3.3-02 3.3-03 3.3-06 3.3-07 3.5-05 3.7-01; do
	judged "no agent" "$TMP/none.json" $id unknown
done
judged "one host" "$TMP/none.json" 3.7-08 notapplicable

# --- an interface that is not guarded, then an agent that died -----------------------------------------

mkdir -p "$TMP/trust/policy"
chmod -R go-w "$TMP/trust"
must "$ZTCTL" policy sign --generate "$TMP/ops" --no-password >/dev/null
cp "$TMP/ops.pub" "$TMP/trust/policy/ops.pub"
spawn db db.service socat -u TCP-LISTEN:5432,fork,reuseaddr OPEN:/dev/null
must eventually 10 listening db 5432
rules_for db 1 enforced <<-EOT
	boundaries:
	  - {id: db-closed, segment: db, inbound: deny, outbound: deny}
EOT
must "$ZTCTL" policy sign "$TMP/db/policy.text" --key "$TMP/ops.key" >/dev/null
mv "$TMP/db/policy.text.minisig" "$TMP/db/policy.yaml.minisig"
mv "$TMP/db/policy.text" "$TMP/db/policy.yaml"
settings db <<-EOT
	require_signature: true
	trusted_keys: [$TMP/ops.pub]
EOT
must agent_start db --interface eth0
ctl db policy show --ready >/dev/null
judge db "$TMP/signed.json"
judged "signed, in the kernel, not drilled" "$TMP/signed.json" 3.7-01 partial
holds "drill tamper" ctl db drill tamper --state-dir "$STATE"
judge db "$TMP/drilled.json"
judged "signed, in the kernel, drilled" "$TMP/drilled.json" 3.7-01 pass
ip -n "$(ns db)" link add extra type veth peer name extra2
ip -n "$(ns db)" link set extra up
judge db "$TMP/bare.json"
judged "an interface beside eth0 is up" "$TMP/bare.json" 3.1-02 fail
is "it is named" "$(of "$TMP/bare.json" 3.1-02 '[.offenders[].resource] | join(" ")')" extra
ip -n "$(ns db)" link del extra

agent_kill db
# Opened behind its back: on no map.
spawn db late.service socat -u TCP-LISTEN:6001,fork,reuseaddr OPEN:/dev/null
must eventually 10 listening db 6001
judge db "$TMP/dead.json" --evidence "$TMP/dead.facts"
judged "a listener that nobody recorded" "$TMP/dead.json" 3.3-03 fail
is "pins alone say what is enforced" \
	"$(jq -r '.facts.agent.data | "\(.running) \(.mode_now) \(.pins.digest.equal)"' "$TMP/dead.facts")" \
	"false enforced true"
judged "the programs cannot be asked" "$TMP/dead.json" 3.1-02 unknown
is "the policy is the one on disk" "$(jq -r '.facts.policy.data | "\(.source) \(.host)"' "$TMP/dead.facts")" "state db"
judged "rows as committed, of whom nobody says" "$TMP/dead.json" 3.7-01 unknown

# --- behind its back -------------------------------------------------------------------------------------

# A row of the policy in force: nobody is there to repair it.
slot=$(jq -r .facts.agent.data.pins.slot "$TMP/dead.facts")
inner=$(bpftool -j map lookup pinned "$TMP/db/bpf/ztseg/zt_s_pairs" key "$slot" 0 0 0 |
	jq '.value // .inner_map_id | if type == "array" then
		reduce .[3, 2, 1, 0] as $b (0; . * 256 + ({"0":0,"1":1,"2":2,"3":3,"4":4,"5":5,"6":6,"7":7,"8":8,"9":9,
			"a":10,"b":11,"c":12,"d":13,"e":14,"f":15} as $h | $b[2:] | explode | map([.] | implode) |
			reduce .[] as $c (0; . * 16 + $h[$c]))) else . end')
must bpftool map update id "$inner" key 0xee 0xee 0 0 0xee 0xee 0 0 0 0 0 0 value 1 0 0 0
judge db "$TMP/tampered.json"
judged "a row was added in the kernel" "$TMP/tampered.json" 3.7-01 fail
like "says so" "$(of "$TMP/tampered.json" 3.7-01 .reason.en)" "*not those that were committed*"

# The heartbeats.
python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("UPDATE span SET to_ms = to_ms + 86400000, awake_to_ms = awake_to_ms + 86400000 WHERE id = 1")
db.commit()' "$STATE/flows.db"
# The newest state.
newest=$(find "$STATE/history" -name '*.json' | sort | tail -n 1)
jq -c '.revision = 9' "$newest" >"$TMP/altered" && cp "$TMP/altered" "$newest"
judge db "$TMP/forged.json"
judged "heartbeats were altered" "$TMP/forged.json" 3.2-01 error
judged "heartbeats were altered" "$TMP/forged.json" 3.3-07 error
judged "a state was altered" "$TMP/forged.json" 3.7-01 fail
like "which one" "$(of "$TMP/forged.json" 3.7-01 .reason.en)" "*entry 1: its hash is another*"

# --- without privilege ---------------------------------------------------------------------------------------

judge_as_nobody() {
	on db setpriv --reuid=65534 --regid=65534 --clear-groups "$ZTCTL" --socket "$TMP/db/run/agent.sock" \
		--json assess --state-dir "$STATE" --pin-dir "$TMP/db/bpf/ztseg" >"$TMP/nobody.json" 2>/dev/null
}
judge_as_nobody
for id in 3.1-02 3.2-01 3.3-01 3.7-01; do
	judged "not root" "$TMP/nobody.json" $id unknown
done
like "says what would answer" "$(of "$TMP/nobody.json" 3.3-01 .reason.en)" "*root*"
