#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 30
# tools - the hosts and puppets themselves, with no agent: what a later test sees denied works here.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b

for v in 4 6; do
	[[ $v = 4 ]] && A=${HOST_IP4[a]} B=${HOST_IP4[b]} W=0.0.0.0 || A=${HOST_IP6[a]} B=${HOST_IP6[b]} W=::
	says "v$v: TCP listens" b listen "t$v" tcp $W 80
	says "v$v: UDP listens" b listen "u$v" udp $W 53
	says "v$v: connects" a connect "c$v" "$B" 80
	says "v$v: TCP echo" a ask "c$v" hello
	says "v$v: bulk" a push "c$v" 100000
	denies "v$v: closed port" "ECONNREFUSED*" a connect x "$B" 81
	says "v$v: UDP socket" a udp "d$v" v$v
	says "v$v: UDP echo" a askto "d$v" "$B" 53 hello
	says "v$v: UDP 8 kB echo" a askto "d$v" "$B" 53 @8192
	says "v$v: ping" a ping "$B"
	says "v$v: ping in fragments" a ping "$B" size=4000
	says "v$v: port unreachable" a uprobe "$B" 9
	like "v$v: its error" "$REPLY" "ECONNREFUSED type=* from=*"
	says "v$v: fragments, last first" a frags "$A" "$B" 4000 53 4000 order=2,1,0
	says "v$v: arrived" b peers "u$v" 3 1
	is "v$v: all of them" "${REPLY%% *}" 3
	says "v$v: raw UDP" a udpraw "$A" "$B" 4001 53 hi
	says "v$v: arrived" b peers "u$v" 4 1
	is "v$v: this too" "${REPLY%% *}" 4
	says "v$v: protocol 253" b rawlisten "r$v" v$v 253
	says "v$v: sent" a ipraw "$A" "$B" 253 0102030405060708
	says "v$v: arrived" b rawgot "r$v" 1
	says "v$v: scan" a scan "$B" 80,81,82
	is "v$v: result" "$REPLY" "ECONNREFUSED=2 open=1 silent=0"
done

says "sequence" a udp s v4
says "receiver" b listen seq udp 0.0.0.0 700 seq
says "starts" a seqstart s "${HOST_IP4[b]}" 700 2000
says "some arrive" b seqgot seq 200 2
says "stops" a seqstop s
sent=${REPLY% *}
says "counted" b seqgot seq "$sent" 2
is "none lost, none twice" "$REPLY" "$sent 0 $((sent - 1)) 0"

says "TUN device" b tun tun0
must ip -n "$(ns b)" addr add 10.78.0.1/24 dev tun0
must ip -n "$(ns b)" link set tun0 up
says "ping behind TUN" b ping 10.78.0.2
says "UDP from behind TUN" b tunsend tun0 10.78.0.2 10.78.0.1 5 700 x
says "priority tag" a vlanudp eth0 "$(mac b eth0)" 8100:0 "${HOST_IP4[a]}" "${HOST_IP4[b]}" 4002 53 tagged
says "it arrived" b peers u4 5 1
is "as one more" "${REPLY%% *}" 5

says "abort" a abort c4
says "refused flood does no harm" a synflood "${HOST_IP4[b]}" 80 100
