#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# short_lived - connections that live for a moment are counted, every one: as many in the map as were opened,
# in both directions, TCP and UDP; and what a table far too small for them loses is counted as lost.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
must host s 13 # the same with a small table
A=${HOST_IP4[a]} B=${HOST_IP4[b]} S=${HOST_IP4[s]}
for h in a b s; do
	puppet "server-$h" "$h" server.service
	must tell "server-$h" listen tcp tcp 0.0.0.0 80
	must tell "server-$h" listen udp udp 0.0.0.0 53
done
for i in 1 2; do
	puppet "a$i" a "client$i.service"
	puppet "b$i" b "client$i.service"
done
printf 'flow_entries: 1024\n' | settings s
must agent_start b
must agent_start s

connections() { # HOST PROTO PORT DESTINATION
	jqr "$1" map --by address -- "[.edges[] | select(.proto == \"$2\" and .port == $3 and
		.dst == \"address:$4\") | .connections] | add // 0"
}
counted() { (($(connections "$1" "$2" "$3" "$4") == $5)); }
losses() { jqr "$1" status -- '[.losses | to_entries[] | select(.value != 0) | "\(.key)=\(.value)"] | join(" ")'; }
lost() { jqr "$1" status -- '.losses | .flows_evicted + .openings_evicted + .insert_failed + .edges_over_cap'; }

# --- both directions at once --------------------------------------------------------------

each=4000
began=${EPOCHREALTIME/./}
for i in 1 2; do
	ask_for "a$i" many "$B" 80 $each
	ask_for "b$i" many "$A" 80 $each
done
opened=0
for p in a1 a2 b1 b2; do
	must hear $p
	opened=$((opened + REPLY))
done
note "$opened connections, $((opened * 1000000 / (${EPOCHREALTIME/./} - began))) a second"
is "all connections were answered" $opened $((4 * each))
within "TCP to this host: every one in the map" 5 counted b tcp 80 "$B" $((2 * each))
within "TCP from this host: every one in the map" 5 counted b tcp 80 "$A" $((2 * each))
is "by the processes that opened them" "$(jqr b map --by address -- '[.edges[] |
	select(.port == 80 and .dst == "address:'"$A"'") | "\(.workload.unit) \(.connections)"] | sort | join(", ")')" \
	"client1.service $each, client2.service $each"

for p in a1 b1; do
	[[ $p = a1 ]] && to=$B || to=$A
	ask_for $p manyudp "$to" 53 2000
done
for p in a1 b1; do
	must hear $p
	is "UDP of $p: all were answered" "$REPLY" 2000
done
# A socket may get the port of one before it: then it is the same conversation to whoever serves it.
within "UDP from this host: every one in the map" 5 counted b udp 53 "$A" 2000
ports=$(connections b udp 53 "$B")
is "UDP to this host: every pair of ports in the map" $((ports > 1800 && ports <= 2000)) 1
is "nothing was lost" "$(losses b)" ""

# --- a table far too small ---------------------------------------------------------------------

opened=0
for i in 1 2; do ask_for "a$i" many "$S" 80 $each; done
for i in 1 2; do
	must hear "a$i"
	opened=$((opened + REPLY))
done
is "a small table: all connections were answered" $opened $((2 * each))
accounted() { (($(connections s tcp 80 "$S") + $(lost s) >= opened)); }
within "a small table: found and lost together are all" 5 accounted
is "and no connection is counted that was not" $(($(connections s tcp 80 "$S") <= opened)) 1
note "a small table: $(connections s tcp 80 "$S") of $opened found; losses: $(losses s)"
