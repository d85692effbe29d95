#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# assess_tunnels - ZTS-3.4-05 and 3.4-06 on WireGuard (the kernel's, else wireguard-go) and IPsec: idle,
# carrying, never up, beside the tunnel; policies of level use, of level required; the null cipher.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/assess.sh
. "$(dirname "$0")/assess.sh"

must host c 11
must host s 12
C=10.77.0.11 S=10.77.0.12
ASSESS=(--socket "$TMP/none.sock" assess --netns own --state-dir "$TMP/none" --pin-dir "$TMP/none" --trust "$TMP/none")
jq '.lists.sensitive_paths = ["10.2.0.0/24"]' "$ZT_ROOT/profiles/fsc-2024-net.json" >"$TMP/profile.json"

# Daemons keep their control sockets in /run: each host has its own.
with_run() { # HOST COMMAND...
	local host=$1
	shift
	mkdir -p "$TMP/run-$host"
	on "$host" unshare --mount sh -c "mount --bind $TMP/run-$host /run && exec \"\$@\"" sh "$@"
}
assess() { # [OPTION...]
	with_run s "$ZTCTL" --json "${ASSESS[@]}" --evidence "$TMP/facts.new" "$@" >"$TMP/doc" 2>"$TMP/doc.err" || :
	mv "$TMP/facts.new" "$TMP/facts"
}
xfrm() { ip -n "$(ns s)" xfrm "$@"; }

assess
is "without a tunnel there is nothing to judge" "$(of "$TMP/doc" 3.4-05)" notapplicable
is "without a sensitive path nothing has to require encryption" "$(of "$TMP/doc" 3.4-06)" notapplicable
assess --profile "$TMP/profile.json"
is "nothing requires encryption on the sensitive path" "$(of "$TMP/doc" 3.4-06)" fail

# --- policies of IPsec ------------------------------------------------------------------------------

policy_for() { # DIRECTION SRC DST LEVEL MODE
	xfrm policy add src "$2" dst "$3" dir "$1" tmpl src $S dst $C proto esp mode "$5" level "$4"
}
# The kernel refuses an optional tunnel on the way out by itself: transport is what may be optional.
if policy_for out 10.1.0.0/24 10.2.0.0/24 use transport; then
	assess --profile "$TMP/profile.json"
	is "level use fails" "$(of "$TMP/doc" 3.4-05)" fail
	like "and says why" "$(told "$TMP/doc" 3.4-05)" "*xfrm-policy:out 10.1.0.0/24>10.2.0.0/24 level use*"
	is "and requires nothing" "$(of "$TMP/doc" 3.4-06)" fail
	must xfrm policy flush
	must policy_for out 10.1.0.0/24 10.2.0.0/24 required tunnel
	must policy_for in 10.2.0.0/16 10.1.0.0/24 required tunnel
	assess --profile "$TMP/profile.json"
	is "level required both ways is what the path needs" "$(of "$TMP/doc" 3.4-06)" pass
	is "without an association nothing can pass" "$(of "$TMP/doc" 3.4-05)" partial
else
	skip "IPsec policies" "this kernel has no XFRM (CONFIG_XFRM_USER); make test-kernels has one that does"
fi

# --- associations ------------------------------------------------------------------------------------

association() { # SPI SRC DST ENC KEY
	xfrm state add src "$2" dst "$3" proto esp spi "$1" mode tunnel replay-window 32 \
		enc "$4" "$5" auth 'hmac(sha256)' 0x00112233445566778899001122334455667788990011223344556677889900aa
}
key=0x00112233445566778899aabbccddeeff
if association 0x100 $S $C 'cbc(aes)' $key 2>/dev/null; then
	must association 0x101 $C $S 'cbc(aes)' $key
	assess
	is "associations with a cipher pass" "$(of "$TMP/doc" 3.4-05)" pass
	must association 0x102 $S $C 'ecb(cipher_null)' ''
	assess
	is "the null cipher fails" "$(of "$TMP/doc" 3.4-05)" fail
	like "and says so" "$(told "$TMP/doc" 3.4-05)" "*/0x00000102 ESP with the null cipher*"
	fails "no key of an association is in the facts" grep -qi 00112233445566778899 "$TMP/facts" "$TMP/doc"
else
	skip "IPsec associations" "this kernel has no ESP (CONFIG_INET_ESP); make test-kernels has one that does"
fi
xfrm state flush 2>/dev/null
xfrm policy flush 2>/dev/null

# --- WireGuard -----------------------------------------------------------------------------------------

for h in c s; do wg genkey >"$TMP/$h.key" && wg pubkey <"$TMP/$h.key" >"$TMP/$h.pub"; done 2>/dev/null
wg_up() { # HOST ADDRESS PEER PEER-ADDRESS ENDPOINT
	if ! ip -n "$(ns "$1")" link add wg0 type wireguard 2>/dev/null; then
		mkdir -p "$TMP/run-$1"
		spawn "$1" wireguard.service unshare --mount sh -c \
			"mount --bind $TMP/run-$1 /run && exec wireguard-go -f wg0"
		must eventually 5 test -S "$TMP/run-$1/wireguard/wg0.sock"
	fi
	must with_run "$1" wg set wg0 listen-port 51820 private-key "$TMP/$1.key" peer "$(cat "$TMP/$3.pub")" \
		allowed-ips "$4/32" endpoint "$5:51820"
	ip -n "$(ns "$1")" addr add "$2/24" dev wg0
	ip -n "$(ns "$1")" link set wg0 up
}
wg_up s 10.88.0.12 c 10.88.0.11 $C
assess
is "a peer that never answered passes in part" "$(of "$TMP/doc" 3.4-05)" partial
like "and says so" "$(told "$TMP/doc" 3.4-05)" "wireguard:wg0/* never carried anything*"
wg_up c 10.88.0.11 s 10.88.0.12 $S
must on c ping -q -c 2 -i 0.2 -W 5 10.88.0.12 >"$TMP/log/ping"
spawn c ping.service ping -i 0.1 10.88.0.12
assess
is "a peer that carries passes" "$(of "$TMP/doc" 3.4-05)" pass
is "by counters that move" "$(jq -r '.facts.tunnels.data.wireguard.devices[0].peers[0] |
	.moving and .handshake_s > 0 and .rx_bytes > 0' "$TMP/facts")" true
fails "no private key is in the facts" grep -qF "$(cat "$TMP/s.key")" "$TMP/facts"
must with_run s wg set wg0 peer "$(cat "$TMP/c.pub")" allowed-ips 10.88.0.11/32,198.51.100.0/24
ip -n "$(ns s)" route add 198.51.100.0/24 via $C dev eth0
assess
is "a route beside the tunnel, and nobody who recorded: unknown" "$(of "$TMP/doc" 3.4-05)" unknown
like "with the interface" "$(told "$TMP/doc" 3.4-05)" "*198.51.100.0/24 is by eth0, beside the tunnel*"
ip -n "$(ns s)" route replace 198.51.100.0/24 dev wg0
assess
is "the route by the tunnel passes" "$(of "$TMP/doc" 3.4-05)" pass
