#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# posture - each row of the error posture with its counter in ztctl status: dropped when something is
# enforced, only counted and recorded when nothing is.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
must tell b listen u53 udp 0.0.0.0 53 sink
must tell b listen w53 udp :: 53 sink
must tell b listen t80 tcp 0.0.0.0 80
# The stack itself would take the packet: what stops it is ours.
on b sh -c 'for i in all eth0; do cd /proc/sys/net/ipv4/conf/$i; echo 1 >accept_source_route
	echo 0 >rp_filter; echo 1 >accept_local; echo 1 >route_localnet; done'
A=${HOST_IP4[a]} B=${HOST_IP4[b]} A6=${HOST_IP6[a]} B6=${HOST_IP6[b]}
DMAC=$(mac b eth0)
counter() { jqr b status -- "if .counters | has(\"$1\") then .counters.$1.packets else \"none\" end"; }

row() { # COUNTER KIND VERSION...: three such packets raise the counter by three
	local which=$1 kind=$2 v before after
	shift 2
	for v; do
		before=$(counter "$which")
		[[ $v = 4 ]] && from=$A to=$B || from=$A6 to=$B6
		must tell a bad eth0 "$DMAC" "$kind" "$from" "$to" 3
		says "$mode: v$v $kind: sent" a udpraw "$from" "$to" 1000 53 sound # orders what follows
		after=$(counter "$which")
		is "$mode: v$v $kind: counted as $which" "$after" "$(( ${before/none/0} + 3 ))"
	done
}

for mode in staged enforced; do
	n=$([[ $mode = staged ]] && echo 1 || echo 2)
	rules b "$n" $mode <<-EOT
		rules:
		  - {id: any, from: any, to: b, ports: [any]}
		boundaries:
		  - {id: b-closed, segment: b, inbound: deny}
	EOT
	[[ $mode = enforced ]] || must agent_start b
	row bad_header header-cut 4 6
	row bad_header length-beyond 4 6
	row bad_header header-words 4
	row bad_header ports-cut 4 6
	row bad_source source-self 4 6
	row bad_source source-loopback 4 6
	row bad_source source-multicast 4 6
	row v4_mapped v4-mapped 6
	row source_route source-route 4 6
	row ext_headers many-headers 6
	row short_fragment first-fragment-short 4 6
	row short_fragment first-fragment-tcp 4 6
	row fragment later-fragment 4 6
	row not_ip not-ip 4
	tell b got u53
	got4=$REPLY
	tell b got w53
	got6=$REPLY
	must tell a bad eth0 "$DMAC" source-route "$A" "$B"
	must tell a bad eth0 "$DMAC" v4-mapped "$A6" "$B6"
	must tell a udpraw "$A" "$B" 1000 53 sound
	must tell a udpraw "$A6" "$B6" 1000 53 sound
	must tell b got u53 $((got4 + 5)) 1
	must tell b got w53 $((got6 + 5)) 1
	tell b got u53
	if [[ $mode = staged ]]; then
		is "staged: the source-routed packet itself was received" "$REPLY" $((got4 + 8))
	else
		is "enforced: the source-routed packet itself was not" "$REPLY" $((got4 + 5))
	fi
	is "$mode: rows of status name rule and what is done" "$(jqr b status -- '[.posture[] | select(.packets > 0) | .action] | unique | join(" ")')" \
		"$([[ $mode = staged ]] && echo 'pass would-drop' || echo 'drop pass')"
	is "$mode: nothing malformed is a flow" "$(flow_count b '.src.port == 999')" 0
done

# Event ring full: the agent is stopped, the table still has every flow, and the loss is counted.
# Somebody follows: only then does every flow have an event.
ctlj b flows --follow >"$TMP/followed" 2>&1 &
within "ring full: somebody follows" 5 test -s "$TMP/followed"
kill -STOP "${AGENT_PID[b]}"
for i in 1 2 3; do must tell a synflood "$B" 80 16000 198.$((18 + i)); done
for i in 1 2 3; do must tell a synflood "$B" 81 16000 198.$((18 + i)); done
must tell a connect live "$B" 80
says "ring full: a flow goes on" a ask live hello
kill -CONT "${AGENT_PID[b]}"
within "ring full: counted" 5 jqc b status -- '.losses.ring_full > 0'
is "ring full: the flow is in the table" "$(verdict b '.src.address == "10.77.0.11" and .dst.port == 80')" "allow any"

# A policy larger than the maps: refused before anything changes, with the numbers.
epoch=$(jqr b status -- .policy.epoch)
units() { # N rules with as many distinct units at this end
	local i
	sed 's/^revision: 2/revision: 3/; /^boundaries/,$d' "$TMP/b/policy.text"
	for ((i = 0; i < $1; i++)); do
		echo "  - {id: u$i, from: {segment: b, unit: u$i.service}, to: a, ports: [tcp/$((1000 + i))]}"
	done
	echo "boundaries:"
	echo "  - {id: b-closed, segment: b, inbound: deny}"
}
units 65 | policy b
within "too large: refused" 5 jqc b status -- '.policy.load_error != null'
like "too large: with the numbers" "$(jqr b status -- .policy.load_error.text)" "*6[45]*6[45]*"
is "too large: nothing changed" "$(jqr b status -- .policy.epoch)" "$epoch"
units 64 | policy b
within "as large as can be: in force" 5 jqc b status -- '.policy.revision == 3'
