#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# assess_agent - the checks that rest on the agent, on a host with a real one and real connections: what
# they say when all is well, and when one thing is wrong.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/assess.sh
. "$(dirname "$0")/assess.sh"

must host web 11
must host db 12
DB=${HOST_IP4[db]}

# Windows of seconds instead of days, so that what was recorded just now is long enough.
jq '.general.window_days.value = 0.00003 | .checks["ZTS-3.2-01"].min_days.value = 0.00002
	| .checks["ZTS-3.3-07"].min_days.value = 0.00002 | .checks["ZTS-3.5-05"].min_days.value = 0.00002
	| .checks["ZTS-3.2-06"].window_days.value = 0.00003 | .checks["ZTS-3.2-07"].window_days.value = 0.00003
	| .checks["ZTS-3.3-06"].days.value = 0.00001 | .checks["ZTS-3.3-01"].min_bytes.value = 100000' \
	"$ZT_ROOT/profiles/fsc-2024-net.json" >"$TMP/profile.json"

record() { ctl db policy show --ready >/dev/null; } # what was seen is on disk after this

# --- a host that is as it should be -----------------------------------------------------------------

mkdir -p "$TMP/trust/policy"
chmod -R go-w "$TMP/trust"
must "$ZTCTL" policy sign --generate "$TMP/ops" --no-password >/dev/null
cp "$TMP/ops.pub" "$TMP/trust/policy/ops.pub"
spawn db db.service socat -u TCP-LISTEN:5432,fork,reuseaddr,backlog=64 OPEN:/dev/null
spawn web sink.service socat -u TCP-LISTEN:9000,fork,reuseaddr OPEN:/dev/null
must eventually 10 listening db 5432
must eventually 10 listening web 9000
statements() { # MODE-OF-THE-BOUNDARY
	cat <<-EOT
		boundaries:
		  - {id: db-closed, segment: db, inbound: deny, outbound: deny, mode: $1}
		rules:
		  - {id: web-pg, from: web, to: db, ports: [tcp/5432]}
		  - {id: db-out, from: db, to: web, ports: [tcp/9000]}
	EOT
}
policy_signed() { # REVISION MODE <statements
	rules_for db "$1" enforced
	rm -f "$TMP/db/policy.text.minisig"
	must "$ZTCTL" policy sign "$TMP/db/policy.text" --key "$TMP/ops.key" >/dev/null
	mv "$TMP/db/policy.text.minisig" "$TMP/db/policy.yaml.minisig"
	mv "$TMP/db/policy.text" "$TMP/db/policy.yaml"
}
statements enforced | policy_signed 1 enforced
must agent_start db
record

# Forty short connections, two that stay, and enough bytes to be compared.
cat >"$TMP/talk.py" <<'PY'
import socket, sys, time
host, port, count, held = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
for i in range(count):
    s = socket.create_connection((host, port), 5)
    s.sendall(b"x" * 20000)
    s.close()
keep = [socket.create_connection((host, port), 5) for i in range(held)]
for s in keep:
    s.sendall(b"y" * 2000)
print("done", flush=True)
if held:
    time.sleep(300)
PY
spawn web in.service python3 "$TMP/talk.py" "$DB" 5432 40 2
spawn db out.service python3 "$TMP/talk.py" "${HOST_IP4[web]}" 9000 10 1
must eventually 10 grep -q "done" "$TMP/log/web.in.service.log"
must eventually 10 grep -q "done" "$TMP/log/db.out.service.log"
recorded() { # CONNECTIONS: that many are on disk
	record
	judge db "$TMP/wait.json" --evidence "$TMP/wait.facts"
	jq -e ".facts.edges.data | .total.connections >= $1 and .window.seconds >= 4" "$TMP/wait.facts"
}
must eventually 20 recorded 53
judge db "$TMP/good.json" --evidence "$TMP/good.facts"
for id in 3.1-02 3.1-05 3.2-01 3.2-02 3.2-03 3.2-06 3.2-07 3.3-01 3.3-02 3.3-03 3.3-06 3.3-07; do
	judged "a segmented host" "$TMP/good.json" $id pass
done
judged "no drill was run" "$TMP/good.json" 3.5-05 partial
judged "signed, never drilled" "$TMP/good.json" 3.7-01 partial
is "all connections of both directions" "$(of "$TMP/good.json" 3.2-02 '"\(.numerator) of \(.denominator)"')" \
	"53 of 53"
is "the loaded programs were asked" "$(of "$TMP/good.json" 3.1-02 .method)" simulate
is "what was looked at is named" "$(of "$TMP/good.json" 3.1-02 '.collectors | sort | join(" ")')" \
	"agent policy simulation"
is "rows hashed here are those that the agent committed" \
	"$(jq -r '.facts | .agent.data.pins.digest.live == .simulation.data.rows.compiled' "$TMP/good.facts")" true
is "both families" "$(jq -r '[.facts.simulation.data.peers[].peer | contains(":")] | unique | length' "$TMP/good.facts")" 2
cat >"$TMP/ask.py" <<'PY'
import json, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
text = json.dumps({"command": "simulate", "args": {"peers": sys.argv[2:]}}).encode()
s.sendall(struct.pack(">I", len(text)) + text)
def take(n):
    out = b""
    while len(out) < n:
        out += s.recv(n - len(out)) or sys.exit("closed")
    return out
reply = json.loads(take(struct.unpack(">I", take(4))[0] & 0x7fffffff))
print(json.dumps(reply.get("result", reply)))
PY
ask() { python3 "$TMP/ask.py" "$TMP/db/run/agent.sock" "$@"; }
ask 10.77.0.99 fd77::99 >"$TMP/simulate.json"
holds "simulate: as its schema has it" sh -c \
	"'$ZT_ROOT/tests/golden/schema/check.py' simulate <'$TMP/simulate.json'"
is "simulate: who knocks is judged by the boundary" \
	"$(jq -r '[.listeners[].answers[] | "\(.action) \(.rule)"] | unique | join(" ")' "$TMP/simulate.json")" \
	"deny db-closed:in"
is "simulate: a peer of the policy gets in" \
	"$(ask "${HOST_IP4[web]}" | jq -r '.listeners[].answers[] | "\(.action) \(.rule)"')" "allow web-pg"
like "simulate: nobody knocks at his own door" "$(ask "$DB" | jq -r .error.message)" "*is this host*"
like "simulate: no address" "$(ask '"; drop' | jq -r .error.message)" "*is not an address*"

judge db "$TMP/default.json" --pin-dir /nonexistent/pins --profile "$ZT_ROOT/profiles/fsc-2024-net.json"
for id in 3.1-05 3.2-01 3.2-02 3.2-07 3.3-02 3.3-03 3.3-06 3.3-07 3.5-05; do
	judged "recorded for seconds, days are wanted" "$TMP/default.json" $id unknown
done
is "the agent tells where its pins are" "$(of "$TMP/default.json" 3.1-02)" pass
like "says how much there is" "$(of "$TMP/default.json" 3.2-01 .reason.en)" "recorded for 0.0 of 7 days*"

# --- one thing wrong at a time ---------------------------------------------------------------------------

# A listener that a rule opens to everybody, at every port.
{ statements enforced; echo "  - {id: everybody, from: any, to: db, ports: [any]}"; } | policy_signed 2 enforced
must revision db 2
judge db "$TMP/open.json"
judged "any to every port" "$TMP/open.json" 3.1-02 fail
like "names the listener and the rule" "$(of "$TMP/open.json" 3.1-02 '.offenders[0] | .resource + " " + .text.en')" \
	"tcp/0.0.0.0:5432 *everybody*"
judged "a database port for any" "$TMP/open.json" 3.2-06 fail
judged "any and a label" "$TMP/open.json" 3.2-03 pass

# Addresses instead of labels.
{
	echo '  lit: {addresses: [10.77.0.64/28]}'
	statements enforced
	for i in 1 2 3; do echo "  - {id: lit$i, from: lit, to: db, ports: [tcp/500$i]}"; done
} >"$TMP/literal"
rm "$TMP/db/policy.yaml.minisig"
must rules db 3 enforced <"$TMP/literal"
judge db "$TMP/literal.json"
judged "three rules of five by address" "$TMP/literal.json" 3.2-03 fail
judged "not signed" "$TMP/literal.json" 3.7-01 fail

# The boundary is only staged: what is denied would be let through.
statements staged | policy_signed 4 enforced
must revision db 4
judge db "$TMP/staged.json"
judged "default allow" "$TMP/staged.json" 3.1-02 fail
judged "egress open" "$TMP/staged.json" 3.2-02 fail
judged "a database port by default" "$TMP/staged.json" 3.2-06 fail

# Break-glass.
statements enforced | policy_signed 5 enforced
must revision db 5
must ctl db observe --for 5m >/dev/null
judge db "$TMP/observe.json"
judged "observe is on" "$TMP/observe.json" 3.1-02 fail
judged "observe is on" "$TMP/observe.json" 3.2-01 fail
judged "observe is on" "$TMP/observe.json" 3.2-02 fail
must ctl db observe --off >/dev/null
