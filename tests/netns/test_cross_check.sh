#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# cross_check - flows and map held against what the kernel says by itself: its sockets (at least 99 % of their
# conversations are found, with the owner), and its interface counters (all edges together, within 1 %).
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
declare -A at=([a4]=${HOST_IP4[a]} [a6]=${HOST_IP6[a]} [b4]=${HOST_IP4[b]} [b6]=${HOST_IP6[b]} [lo4]=127.0.0.1 [lo6]=::1)
for h in a b; do
	# Super-packets are counted as one where a veth's peer joins them (kernel: veth_get_stats64).
	must on $h ethtool -K eth0 tso off gso off gro off >/dev/null
	must on sw ethtool -K "p1$([[ $h = a ]] && echo 1 || echo 2)" tso off gso off gro off >/dev/null
	puppet "server-$h" $h server.service
	for v in 4 6; do
		[[ $v = 4 ]] && any=0.0.0.0 || any=::
		must tell "server-$h" listen "tcp$v" tcp $any 80
		must tell "server-$h" listen "bulk$v" tcp $any 81 sink
		must tell "server-$h" listen "udp$v" udp $any 53
	done
	for i in 1 2 3; do puppet "$h$i" $h "client$i.service"; done
done

holds_open() { # COUNT NAME: the same from everywhere to everywhere that b has an end of
	local v
	for v in 4 6; do
		ask_for a1 hold "$2-tcp$v" tcp "${at[b$v]}" 80 "$1"
		ask_for b1 hold "$2-tcp$v" tcp "${at[a$v]}" 80 "$1"
		ask_for b2 hold "$2-lo$v" tcp "${at[lo$v]}" 80 "$1"
		must hear a1 && must hear b1 && must hear b2
		ask_for a1 hold "$2-udp$v" udp "${at[b$v]}" 53 "$1"
		ask_for b1 hold "$2-udp$v" udp "${at[a$v]}" 53 "$1"
		ask_for b2 hold "$2-own$v" tcp "${at[b$v]}" 80 "$1"
		must hear a1 && must hear b1 && must hear b2
		# Of UDP inside the host only what is opened while an agent lives is known.
		[[ $2 = old ]] || must tell b2 hold "$2-inside$v" udp "${at[lo$v]}" 53 "$1"
	done
}

# Half of the sockets are older than the agent; each of these is heard of again once.
holds_open 20 old
counters() { # bytes that came to b and went from it
	ip -n "$(ns b)" -s -j link show eth0 | jq -r '.[0].stats64 | "\(.rx.bytes) \(.tx.bytes)"'
}
must agent_start b
read -r rx0 tx0 < <(counters)
for v in 4 6; do
	for name in tcp udp; do
		must tell a1 askheld "old-$name$v"
		must tell b1 askheld "old-$name$v"
	done
	for name in lo own; do must tell b2 askheld "old-$name$v"; done
done
holds_open 60 new

# --- sockets -----------------------------------------------------------------------------------

# While others come and go all the time.
must tell a2 churnstart in "${at[b4]}" 80
must tell a3 churnstart in "${at[b6]}" 80
must tell b3 churnstart out "${at[a4]}" 80
sockets=0 found=0
for i in 1 2 3; do
	on b ss -Htunap >"$TMP/ss"
	ctlj b flows --limit 100000 >"$TMP/flows"
	ctlj b map --by address >"$TMP/map"
	read -r n m < <(python3 "$ZT_HERE/cross_check.py" "$TMP/ss" "$TMP/flows" "$TMP/map" 2>"$TMP/missing")
	sockets=$((sockets + n)) found=$((found + m))
	sed 's/^/# /' "$TMP/missing" | head -n 5
done
for p in "a2 in" "a3 in" "b3 out"; do
	must tell "${p% *}" churnstop "${p#* }"
	is "while connections come and go, $p: none failed" "$(cut -d' ' -f2 <<<"$REPLY")" 0
done
note "$found of $sockets sockets found"
is "there were enough of them" $((sockets > 2000)) 1
is "at least 99 % of the sockets are found, with their owners" $((found * 100 >= sockets * 99)) 1

# --- bytes -------------------------------------------------------------------------------------------

for v in 4 6; do
	must tell a1 connect "bulk$v" "${at[b$v]}" 81
	must tell a1 push "bulk$v" 5000000 shut
	must tell b1 connect "bulk$v" "${at[a$v]}" 81
	must tell b1 push "bulk$v" 3000000 shut
	must tell a1 drained "bulk$v"
	must tell b1 drained "bulk$v"
done
ask_for a2 many "${at[b4]}" 80 1500
ask_for b3 many "${at[a6]}" 80 1500
must hear a2 && must hear b3

mapped() { # the same of all edges but those inside the host
	jqr b map --by address -- '(.nodes | map(select(.near)) | map({(.id): 1}) | add) as $near |
		[.edges[] | select(.kind != "loopback")] |
		[(map(if $near[.dst] then .bytes.to_dst else .bytes.to_src end) | add),
		 (map(if $near[.dst] then .bytes.to_src else .bytes.to_dst end) | add)] | join(" ")'
}
within_1_percent() {
	local rx tx in out
	read -r rx tx < <(counters)
	read -r in out < <(mapped)
	rx=$((rx - rx0)) tx=$((tx - tx0))
	echo "interface $rx $tx, map $in $out"
	((100 * in >= 99 * rx && 100 * in <= 101 * rx && 100 * out >= 99 * tx && 100 * out <= 101 * tx))
}
within "bytes of all edges are those of the interface, within 1 %" 5 within_1_percent
note "$(within_1_percent)"
is "nothing was lost" "$(jqr b status -- '[.losses[]] | add')" 0
