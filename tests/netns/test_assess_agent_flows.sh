#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# assess_agent_flows - the checks on recorded flows where the flows are wrong: strangers whom no rule names, blocks
# that were taken back, rules that nobody uses, connections that the flow tables do not have.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/assess.sh
. "$(dirname "$0")/assess.sh"

must host web 11
must host db 12
STATE=$TMP/db/state
DB=${HOST_IP4[db]}
for i in 1 2 3 4 5 6; do must ip -n "$(ns web)" addr add "10.77.0.20$i/24" dev eth0; done

jq '.general.window_days.value = 0.00002 | .checks["ZTS-3.5-05"].min_days.value = 0.00001
	| .checks["ZTS-3.2-07"].window_days.value = 0.00002 | .checks["ZTS-3.3-06"].days.value = 0.00001
	| .checks["ZTS-3.3-01"].min_bytes.value = 10000' \
	"$ZT_ROOT/profiles/fsc-2024-net.json" >"$TMP/profile.json"

# --- a boundary, and who is turned away ------------------------------------------------------------------

spawn db db.service socat -u TCP-LISTEN:5432,fork,reuseaddr,backlog=64 OPEN:/dev/null
must eventually 10 listening db 5432
statements() { # MODE of the boundary
	cat <<-EOT
		boundaries:
		  - {id: db-closed, segment: db, inbound: deny, mode: $1}
		rules:
		  - {id: idle-1, from: web, to: db, ports: [tcp/7001]}
		  - {id: idle-2, from: web, to: db, ports: [tcp/7002]}
	EOT
}
rules db 1 enforced < <(statements enforced)
must agent_start db
ctl db policy show --ready >/dev/null
cat >"$TMP/talk.py" <<'PY'
import socket, sys, time
host, each, held = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for n in range(1, 7):
    for i in range(each):
        s = socket.socket()
        s.bind((f"10.77.0.20{n}", 0))
        s.settimeout(0.3)
        try:
            s.connect((host, 5432))
            s.sendall(b"x" * 3000)
        except OSError:
            pass
        s.close()
keep = [socket.create_connection((host, 5432), 5) for i in range(held)]
print("done", flush=True)
if held:
    time.sleep(300)
PY
on web python3 "$TMP/talk.py" "$DB" 1 0 >/dev/null
seen() { # CONNECTIONS: that many are on disk, recorded for a few seconds
	ctl db policy show --ready >/dev/null
	judge db "$TMP/wait.json" --evidence "$TMP/wait.facts"
	jq -e ".facts.edges.data | .total.connections >= $1 and .window.seconds >= 3" "$TMP/wait.facts"
}
must eventually 20 seen 6
judge db "$TMP/denied.json"
judged "a rule turned all of them away: few, yet none unexplained" "$TMP/denied.json" 3.1-05 notapplicable
judged "decided by the boundary" "$TMP/denied.json" 3.3-06 pass
judged "two rules that nobody used" "$TMP/denied.json" 3.2-07 fail
is "by name" "$(of "$TMP/denied.json" 3.2-07 '[.offenders[].resource] | sort | join(" ")')" "idle-1 idle-2"

# --- the boundary is taken back: strangers come in by no rule --------------------------------------------

rules db 2 enforced < <(statements staged)
spawn web talk.service python3 "$TMP/talk.py" "$DB" 7 3
must eventually 10 grep -q "done" "$TMP/log/web.talk.service.log"
must eventually 20 seen 50
# The history's times are whole seconds, and an edge of this one is not yet older than the profile's days.
mark=$EPOCHSECONDS
older() { ((EPOCHSECONDS > mark + 1)); }
must eventually 5 older
judge db "$TMP/open.json"
judged "strangers by no rule" "$TMP/open.json" 3.1-05 fail
judged "neither direction by rules" "$TMP/open.json" 3.2-02 fail
judged "peers without a name" "$TMP/open.json" 3.3-02 fail
judged "six edges and one that nobody decided about" "$TMP/open.json" 3.3-06 fail
judged "denied, then allowed" "$TMP/open.json" 3.5-05 fail
is "how many were denied" "$(of "$TMP/open.json" 3.5-05 .numerator)" 6
like "an edge as a review names it" "$(of "$TMP/open.json" 3.3-06 '.offenders[0].resource')" "10.77.0.*>$DB:tcp/5432"

# A review disposes of all of them.
mkdir -p "$TMP/trust/reviewer"
chmod -R go-w "$TMP/trust"
must "$ZTCTL" policy sign --generate "$TMP/reviewer" --no-password >/dev/null
cp "$TMP/reviewer.pub" "$TMP/trust/reviewer/"
holds "a reviewer approves them" on db "$ZTCTL" --socket "$TMP/db/run/agent.sock" review edges \
	--state-dir "$STATE" --trust "$TMP/trust" --key "$TMP/reviewer.key" \
	--approve "*>$DB:tcp/5432" --note "known"
judge db "$TMP/reviewed.json" --trust "$TMP/trust"
judged "all disposed of" "$TMP/reviewed.json" 3.3-06 pass

# --- connections that the flow tables do not have ---------------------------------------------------------

judged "three that live, and all bytes" "$TMP/open.json" 3.3-01 pass
agent_kill db
for table in zt_flows zt_openings; do
	bpftool -j map dump pinned "$TMP/db/bpf/ztseg/$table" 2>/dev/null |
		jq -r '.[] | .key | if type == "array" then join(" ") else empty end' |
		while read -r key; do
			# shellcheck disable=SC2086
			bpftool map delete pinned "$TMP/db/bpf/ztseg/$table" key hex ${key//0x/}
		done
done
judge db "$TMP/lost.json"
judged "living connections in no table" "$TMP/lost.json" 3.3-01 fail
is "all three" "$(of "$TMP/lost.json" 3.3-01 '"\(.numerator) of \(.denominator)"')" "0 of 3"
like "each by its ends" "$(of "$TMP/lost.json" 3.3-01 '.offenders[0].resource')" "tcp/$DB:5432-${HOST_IP4[web]}:*"
