#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# bytes - packets and bytes of flows are exact: their sums equal what the cables carried, in both
# directions, with segmentation and receive offload off, and on (super-packets through the host,
# cut up on the cable before and after it).
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
must tell b listen t4 tcp 0.0.0.0 80 sink
must tell b listen t6 tcp :: 80 sink
must tell b listen u4 udp 0.0.0.0 53
must tell a listen t4 tcp 0.0.0.0 80 sink
must tell a udp d4 v4

# Switch ports never segment late: p12's counter is what b was sent, p11's what came of what b sent.
for port in p11 p12; do
	must on sw ethtool -K $port tso off gso off gro off >/dev/null
done
for h in a b; do
	on $h sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/router_solicitations'
done
ip -n "$(ns a)" neigh replace 10.77.0.12 lladdr "$(mac b eth0)" dev eth0 nud permanent
ip -n "$(ns a)" neigh replace fd77::12 lladdr "$(mac b eth0)" dev eth0 nud permanent
ip -n "$(ns b)" neigh replace 10.77.0.11 lladdr "$(mac a eth0)" dev eth0 nud permanent
ip -n "$(ns b)" neigh replace fd77::11 lladdr "$(mac a eth0)" dev eth0 nud permanent

carried() { # to b and from b: packets and bytes
	ip -n "$(ns sw)" -s -j link show | jq -r '[.[] | {(.ifname): .stats64.tx}] | add |
		"\(.p12.packets) \(.p12.bytes) \(.p11.packets) \(.p11.bytes)"'
}
counted() { # the same, by flows and by what belongs to none
	jqr b flows -- '[.flows[] | select(.kind == "local")] |
		[(map(if .dst.near then .packets.to_dst else .packets.to_src end) | add // 0),
		 (map(if .dst.near then .bytes.to_dst else .bytes.to_src end) | add // 0),
		 (map(if .dst.near then .packets.to_src else .packets.to_dst end) | add // 0),
		 (map(if .dst.near then .bytes.to_src else .bytes.to_dst end) | add // 0)] | join(" ")'
}
own_packets() { # super-packets that b sent
	ip -n "$(ns b)" -s -j link show eth0 | jq -r '.[0].stats64.tx.packets'
}

round=0
traffic() { # 6 MB and 1 MB in, 3 MB out, datagrams both ways
	local i n=$((++round))
	must tell a connect c$n 10.77.0.12 80
	must tell a push c$n 6000000 shut
	must tell a connect d$n fd77::12 80
	must tell a push d$n 1000000 shut
	must tell b connect e$n 10.77.0.11 80
	must tell b push e$n 3000000 shut
	for i in 1 2 3 4 5; do must tell a askto d4 10.77.0.12 53 @$((i * 250)); done
	must tell a drained c$n
	must tell a drained d$n
	must tell b drained e$n
	for i in "a c$n" "a d$n" "b e$n"; do
		# shellcheck disable=SC2086
		tell ${i% *} close ${i#* }
	done
}

rules b 1 staged </dev/null
must agent_start b
must tell a askto d4 10.77.0.12 53 # whatever comes with the first packets is over
for mode in off on; do
	for h in a b; do
		must on $h ethtool -K eth0 tso $mode gso $mode gro $mode >/dev/null
	done
	read -r pi0 bi0 po0 bo0 < <(carried)
	read -r fpi0 fbi0 fpo0 fbo0 < <(counted)
	own_out0=$(own_packets)
	traffic
	same() { # the last ACKs may still be on their way
		read -r pi bi po bo < <(carried)
		read -r fpi fbi fpo fbo < <(counted)
		((pi - pi0 == fpi - fpi0 && po - po0 == fpo - fpo0))
	}
	eventually 3 same || :
	own_out=$(own_packets)
	is "offload $mode: packets in" $((fpi - fpi0)) $((pi - pi0))
	# A veth whose peer does GRO counts what it sent without the Ethernet header (kernel:
	# veth_get_stats64 takes the receiving queue's numbers then).
	header=$([[ $mode = on ]] && echo 14 || echo 0)
	is "offload $mode: bytes in" $((fbi - fbi0)) $((bi - bi0 + header * (pi - pi0)))
	is "offload $mode: packets out" $((fpo - fpo0)) $((po - po0))
	is "offload $mode: bytes out" $((fbo - fbo0)) $((bo - bo0 + header * (po - po0)))
	is "offload $mode: every byte of payload is in it" $((bi - bi0 > 7000000 && bo - bo0 > 3000000)) 1
	note "offload $mode: in $((pi - pi0)) packets, out $((po - po0)); b sent them as $((own_out - own_out0))"
	[[ $mode = off ]] || is "offload on: b did send super-packets" $((own_out - own_out0 < (po - po0) / 2)) 1
done
is "UDP requests and answers" "$(jqr b flows -- '[.flows[] | select(.proto == "udp") | .packets.to_dst, .packets.to_src] | join(" ")')" "11 11"
