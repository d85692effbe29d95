#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# label_ends - labels end at their time with the agent killed: several on one host, one after the
# other, sessions included; one of this host itself; and a label holds in the policy a revert goes to.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
A=${HOST_IP4[a]} B=${HOST_IP4[b]}
rules() { # REVISION PORTS
	policy b <<-EOT
		version: 1
		policy: ends
		revision: $1
		mode: enforced
		hosts:
		  a: {addresses: [$A], labels: {role: web}}
		  b: {addresses: [$B], labels: {role: db}}
		segments:
		  db: {select: {role: db}}
		  fit: {select: {posture: compliant}}
		  gold: {select: {tier: gold}}
		  open: {select: {state: open}}
		boundaries:
		  - {id: db-in, segment: db, inbound: deny, existing: keep}
		rules:
		  - {id: gold-only, from: gold, to: db, ports: [tcp/80]}
		  - {id: fit-only, from: fit, to: db, ports: [$2]}
		  - {id: while-open, from: any, to: open, ports: [tcp/82]}
	EOT
}
quiet() { must "$@" >/dev/null; }
us() { echo "${EPOCHREALTIME/./}"; }
for port in 80 81 82 83; do must tell b listen t$port tcp 0.0.0.0 $port; done
rules 1 tcp/81
must agent_start b

# ends_at NAME UNTIL_US FROM COMMAND...: it works until that time, and from then on no more.
ends_at() {
	local name=$1 until=$2 last=0 first=0 before
	shift 2
	while :; do
		before=$(us)
		if tell "$@"; then
			last=$before
		else
			first=$before
			break
		fi
		((before > until + 3000000)) && break
	done
	if ((first == 0)); then
		not_ok "$name" "still there $(((last - until) / 1000)) ms past its end"
	elif ((first < until - 30000)); then # sent before, answered after
		not_ok "$name" "gone $(((until - first) / 1000)) ms too early"
	else
		ok "$name"
		note "last seen $(((last - until) / 1000)) ms, gone $(((first - until) / 1000)) ms from the end"
	fi
}

until_us() { # HOST KEY: when it ends, as the agent says
	local end
	end=$(ctlj b label list "$1" | jq -r ".labels[] | select(.key == \"$2\") | .until")
	echo $(($(date -d "$end" +%s%N) / 1000))
}
quiet ctl b label set a posture=compliant --ttl $((5 * ZT_SCALE))s
quiet ctl b label set b state=open --ttl $((4 * ZT_SCALE))s
quiet ctl b label set a tier=gold --ttl $((3 * ZT_SCALE))s
posture=$(until_us a posture) state=$(until_us b state) tier=$(until_us a tier)
must tell a connect g1 "$B" 80
must tell a ask g1 hello
must tell a connect p1 "$B" 81
must tell a ask p1 hello
must tell a connect o1 "$B" 82
must tell a ask o1 hello
must agent_kill b
ends_at "one of two labels: an established session ends at its time" $tier a ask g1 hello 0.25
denies "and new ones are denied" "TIMEOUT*" a connect g2 "$B" 80 timeout=0.25
says "the other label of the same host holds" a ask p1 hello
ends_at "a label of this host itself ends" $state a ask o1 hello 0.25
says "and still the other holds" a connect p2 "$B" 81
ends_at "until its own end" $posture a ask p1 hello 0.25
denies "then all is closed" "TIMEOUT*" a connect p3 "$B" 81 timeout=0.25
must agent_start b
is "the next agent has forgotten them" "$(ctlj b label list | jq '.labels | length')" 0

# --- a commit that awaits confirmation, a label in between, the agent dead ---------------------------
quiet ctl b label set a posture=compliant
must tell a connect r1 "$B" 81
must tell a ask r1 hello
rules 2 tcp/81-83 # as the editor leaves it; promoted for a while only
within "the second revision" 5 eval '[[ $(ctlj b status | jq .policy.revision) = 2 ]]'
sed 's/revision: 2/revision: 3/; s/81-83/83/' "$TMP/b/policy.yaml" >"$TMP/b/next.yaml"
quiet ctl b policy stage "$TMP/b/next.yaml"
quiet ctl b policy promote --within $((4 * ZT_SCALE))s
until_us=$(($(us) + 4000000 * ZT_SCALE))
says "promoted: its port is open" a connect r2 "$B" 83
quiet ctl b label set a posture=infected
quiet ctl b label set b state=open
must agent_kill b
denies "the label counts in what is tried" "TIMEOUT*" a connect r3 "$B" 83 timeout=0.25
says "one of this host too" a connect r4 "$B" 82
while (($(us) < until_us + 200000)); do read -rt 0.05 <>"$TMP/tick" || :; done
denies "taken back by the kernel, it counts in what was before" "TIMEOUT*" a connect r5 "$B" 81 timeout=0.25
denies "for sessions that were open before it" "TIMEOUT*" a ask r1 hello 0.25
says "one of this host too, after the revert" a connect r6 "$B" 82
must agent_start b
is "the first is in force" "$(ctlj b status | jq .policy.revision)" 2
denies "and with the next agent it counts" "TIMEOUT*" a connect r7 "$B" 81 timeout=0.25
quiet ctl b label set a posture=compliant
says "until it is set anew" a connect r8 "$B" 81
