#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# encryption_tunnel - WireGuard, IKE and ESP between two real ends: in user space, where the kernel of this
# machine has no module for them.
. "$(dirname "$0")/classes.sh"

two_agents

# Daemons keep their control sockets in /run: each host has its own.
own_run() { # HOST UNIT COMMAND...
	local host=$1 unit=$2
	shift 2
	mkdir -p "$TMP/run-$host"
	spawn "$host" "$unit" unshare --mount sh -c "mount --bind $TMP/run-$host /run && $*"
}

in_run() { # HOST COMMAND...
	local host=$1
	shift
	on "$host" unshare --mount sh -c "mount --bind $TMP/run-$host /run && $*" >>"$TMP/log/clients" 2>&1
}

# --- WireGuard -------------------------------------------------------------------------------------

wg_end() { # HOST ADDRESS PEER-HOST PEER-ADDRESS PEER-ENDPOINT
	own_run "$1" wireguard.service "exec wireguard-go -f wg0"
	must served test -S "$TMP/run-$1/wireguard/wg0.sock"
	must in_run "$1" "wg set wg0 listen-port 51820 private-key $TMP/$1.key peer $(cat "$TMP/$3.pub") \
		allowed-ips $4/32 endpoint $5:51820"
	ip -n "$(ns "$1")" addr add "$2/24" dev wg0
	ip -n "$(ns "$1")" link set wg0 up
}

if needs WireGuard wireguard-go wg; then
	for h in c s; do wg genkey >"$TMP/$h.key" && wg pubkey <"$TMP/$h.key" >"$TMP/$h.pub"; done 2>/dev/null
	wg_end s 10.88.0.12 c 10.88.0.11 $C
	wg_end c 10.88.0.11 s 10.88.0.12 $S
	asks WireGuard ping -c 3 -i 0.2 -W $((5 * ZT_SCALE)) 10.88.0.12
	speaks WireGuard udp/51820 wireguard=1
	covered WireGuard udp/51820 wireguard 1
fi

# --- IKE and ESP in UDP --------------------------------------------------------------------------------

charon() { # HOST AUTO: a key that both know; inner addresses 10.99.0.11 and 10.99.0.12
	local dir=$TMP/ike-$1 other=s left=$C right=$S
	[[ $1 = s ]] && other=c left=$S right=$C
	mkdir -p "$dir"
	ip -n "$(ns "$1")" addr add "10.99.0.${left##*.}/32" dev lo
	cat >"$dir/strongswan.conf" <<-EOT
		charon {
			load = aes sha1 sha2 hmac kdf gmp random nonce kernel-libipsec kernel-netlink socket-default stroke
			filelog {
				log {
					path = $TMP/log/s-charon-$1
					flush_line = yes
				}
			}
		}
		starter {
			load_warning = no
		}
	EOT
	cat >"$dir/ipsec.conf" <<-EOT
		conn $1-$other
		  keyexchange=ikev2
		  authby=secret
		  left=$left
		  right=$right
		  leftsubnet=10.99.0.${left##*.}/32
		  rightsubnet=10.99.0.${right##*.}/32
		  auto=$2
	EOT
	echo ': PSK "a key that both know"' >"$dir/ipsec.secrets"
	own_run "$1" strongswan.service "mount --bind $dir/ipsec.secrets /etc/ipsec.secrets &&
		exec env STRONGSWAN_CONF=$dir/strongswan.conf /usr/lib/ipsec/starter --nofork --conf $dir/ipsec.conf"
}

if needs "IKE and ESP" ipsec; then
	charon s add
	udp_ready 500 4500
	charon c start
	within "IKE: both ends agree on keys" 10 grep -q "CHILD_SA.*established" "$TMP/log/s-charon-c"
	speaks IKE udp/500 ike=1
	covered IKE udp/500 ipsec 1
	asks "ESP in UDP" ping -c 3 -i 0.2 -W $((5 * ZT_SCALE)) -I 10.99.0.11 10.99.0.12
	within "ESP in UDP is IPsec" 5 jqc s map --by address -- '[.edges[] | select(.port == 4500)] |
		length == 1 and .[0].encryption.ipsec == .[0].connections and .[0].encryption.unknown == 0'
fi

# --- ESP, IP protocol 50 ---------------------------------------------------------------------------------

sa() { # HOST SRC DST SPI
	ip -n "$(ns "$1")" xfrm state add src "$2" dst "$3" proto esp spi "$4" mode transport \
		enc 'cbc(aes)' 0x00112233445566778899aabbccddeeff auth 'hmac(sha1)' 0x0011223344556677889900112233445566778899
}
sp() { # HOST SRC DST DIRECTION
	ip -n "$(ns "$1")" xfrm policy add src "$2" dst "$3" proto tcp dir "$4" tmpl proto esp mode transport
}

if sa c $C $S 0x100 2>/dev/null; then
	sa s $C $S 0x100 && sa c $S $C 0x200 && sa s $S $C 0x200
	sp c $C $S out && sp c $S $C in && sp s $S $C out && sp s $C $S in
	puppet server s
	puppet client c
	must tell server listen t tcp 0.0.0.0 80
	says "ESP: both ends understand each other" client connect t $S 80
	speaks ESP esp/0 esp=1
	covered ESP esp/0 ipsec 1
else
	skip "ESP by the kernel" "this kernel has no ESP (CONFIG_INET_ESP); make test-kernels has one that does"
fi
