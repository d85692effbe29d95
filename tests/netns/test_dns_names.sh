#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# dns_names - names of addresses: heard in DNS answers that the host asked for, read in /etc/hosts.
. "$(dirname "$0")/lib.sh"

must host s 11
must host a 12
must host x 13
S=${HOST_IP4[s]} S6=${HOST_IP6[s]} A=${HOST_IP4[a]} X=${HOST_IP4[x]}
if ! command -v dnsmasq >/dev/null; then
	skip "DNS" "there is no dnsmasq (package dnsmasq-base)"
	exit 77
fi

# A real server, on IPv4 and IPv6. Anything below evil.test has an address.
spawn s dnsmasq.service dnsmasq --keep-in-foreground --no-resolv --no-hosts --user=root --bind-interfaces \
	--listen-address="$S,$S6" --pid-file= --conf-file=/dev/null \
	--host-record=db.zt.test,10.66.0.1,fd66::1 --cname=www.zt.test,web.zt.test --cname=web.zt.test,db.zt.test \
	--host-record=only6.zt.test,fd66::6 --address=/evil.test/10.66.0.9 --address=/zero.test/0.0.0.0 \
	--address=/dark.test/10.66.0.8
must eventually 5 sh -c "[ -n \"\$(nsenter --net=/run/netns/$(ns s) ss -Hlun 'sport = :53')\" ]"

# Files of this test's own: nobody else sees these mounts.
printf '%s\n' "$X elsewhere other-name # a comment" "10.66.0.1 from-the-file" >"$TMP/hosts"
printf 'nameserver %s\n' "$S" >"$TMP/resolv4"
printf 'nameserver %s\n' "$S6" >"$TMP/resolv6"
chmod 644 "$TMP/hosts"
must mount --bind "$TMP/hosts" /etc/hosts
must mount --bind "$TMP/resolv4" /etc/resolv.conf
policy a <<-EOT
	version: 1
	policy: names
	revision: 1
	mode: enforced
	hosts:
	  a: {addresses: [$A], labels: {role: a}}
	segments:
	  a: {select: {role: a}}
EOT
must agent_start a
must puppet a a
must puppet x x
must tell x listen t80 tcp 0.0.0.0 80

names() { # ADDRESS: as "name/source" of the map, best first
	jqr a map --by address -- "[.nodes[] | select(.id == \"address:$1\") | .hints // [] | .[] |
		.name + \"/\" + .source] | join(\" \")"
}
named() { # ADDRESS NAMES
	[[ $(names "$1") == "$2" ]]
}
touches() { # ADDRESS...: something of each address is on the map, though nobody is there
	local address
	for address; do on a ping -c 1 -W 0.05 "$address" >/dev/null 2>&1; done
	:
}
ip -n "$(ns a)" route add 10.66.0.0/16 via "$S"
ip -n "$(ns a)" route add fd66::/64 via "$S6"
touches 10.66.0.1 10.66.0.8 10.66.0.9 fd66::1 fd66::6 "$X"

# --- /etc/hosts ---------------------------------------------------------------------------------
is "/etc/hosts" "$(names "$X")" "elsewhere/hosts other-name/hosts"
is "nothing is asked by ourselves" "$(names fd66::1)" ""

# --- answers to what a real resolver asked --------------------------------------------------------
holds "a client asks" on a getent ahosts www.zt.test
within "the name that was asked, after the file's" 5 named 10.66.0.1 "from-the-file/hosts www.zt.test/dns"
within "AAAA" 5 named fd66::1 "www.zt.test/dns"
must umount /etc/resolv.conf
must mount --bind "$TMP/resolv6" /etc/resolv.conf
holds "a client asks over IPv6" on a getent ahosts only6.zt.test
within "an answer over IPv6" 5 named fd66::6 "only6.zt.test/dns"
is "the asking itself is on the map as DNS" \
	"$(jqr a map -- '[.edges[] | select(.proto == "udp" and .port == 53) |
		.protocols | keys[]] | unique | join(" ")')" dns

# --- names that mean harm ------------------------------------------------------------------------
cat >"$TMP/ask.py" <<-'EOT'
	"""ask.py SERVER LABEL... - asks for an A record; labels are Python bytes literals' insides."""
	import socket, struct, sys
	labels = [eval('b"%s"' % text) for text in sys.argv[2:]]
	name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
	family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
	with socket.socket(family, socket.SOCK_DGRAM) as s:
	    s.settimeout(5)
	    s.connect((sys.argv[1], 53))
	    s.send(struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + name + struct.pack(">2H", 1, 1))
	    answer = s.recv(2000)
	print(answer[3] & 15, struct.unpack(">H", answer[6:8])[0])
EOT
ask() { on a python3 "$TMP/ask.py" "$@"; }
cat >"$TMP/echo.py" <<-'EOT'
	"""echo.py ADDRESS - a DNS server that has 10.66.0.7 for whatever it is asked, any bytes."""
	import socket, struct, sys
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.bind((sys.argv[1], 53))
	while True:
	    q, peer = s.recvfrom(2000)
	    s.sendto(q[:2] + struct.pack(">5H", 0x8180, 1, 1, 0, 0) + q[12:] +
	             struct.pack(">3HIH4B", 0xc00c, 1, 1, 60, 4, 10, 66, 0, 7), peer)
EOT
spawn x echo.service python3 "$TMP/echo.py" "$X"
must eventually 5 sh -c "[ -n \"\$(nsenter --net=/run/netns/$(ns x) ss -Hlun 'sport = :53')\" ]"
touches 10.66.0.7
is "control characters and HTML" "$(ask "$X" '<b>\x1b[2J\x07' test)" "0 1"
within "are escaped" 5 named 10.66.0.7 '<b>\x1b[2j\x07.test/dns'
is "RTL marks and bytes that are not UTF-8" "$(ask "$X" '\xe2\x80\xaemoc\xff' 'a.b\\' test)" "0 1"
within "likewise" 5 named 10.66.0.7 '\u{202e}moc\xff.a\\.b\\\\.test/dns <b>\x1b[2j\x07.test/dns'
long=$(printf 'x%.0s' {1..63})
is "255 bytes" "$(ask "$X" "$long" "$long" "$long" "${long:0:61}")" "0 1"
within "are shown whole" 5 named 10.66.0.7 \
	"$long.$long.$long.${long:0:61}/dns"' \u{202e}moc\xff.a\\.b\\\\.test/dns <b>\x1b[2j\x07.test/dns'
out=$(ctlj a map --by address; ctlj a flows; ctl a map; ctl a map --by address; ctl a flows)
is "nothing that a terminal would obey, in any output" "$(LC_ALL=C grep -cP '\x1b|\x07|\xff|\xe2\x80\xae' <<<"$out")" 0
shape=$(ctlj a map --by address | "$ZT_ROOT/tests/golden/schema/check.py" map 2>&1)
is "the map holds its schema" "$?${shape:+ $shape}" 0
shape=$(ctlj a flows | "$ZT_ROOT/tests/golden/schema/check.py" flows 2>&1)
is "flows hold theirs" "$?${shape:+ $shape}" 0

# --- what must not be learnt ------------------------------------------------------------------------
is "an answer of no address" "$(ask "$S" zero test)" "0 1"
# Nobody asked: datagrams from port 53 to a port that is open here, and to the resolver's own.
cat >"$TMP/spoof.py" <<-'EOT'
	"""spoof.py FROM TO PORT - an answer nobody asked for: spoofed.test is 10.66.0.8."""
	import socket, struct, sys
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	s.bind((sys.argv[1], 53))
	name = b"\7spoofed\4test\0"
	s.sendto(struct.pack(">6H", 7, 0x8180, 1, 1, 0, 0) + name + struct.pack(">2H", 1, 1) +
	         struct.pack(">3HIH4B", 0xc00c, 1, 1, 60, 4, 10, 66, 0, 8), (sys.argv[2], int(sys.argv[3])))
EOT
ip -n "$(ns x)" addr add 10.77.0.14/24 dev eth0
must tell a listen u4000 udp 0.0.0.0 4000
holds "a spoofed answer arrives" on x python3 "$TMP/spoof.py" 10.77.0.14 "$A" 4000
within "as a flow that the far end opened" 5 jqc a flows -- \
	'[.flows[] | select(.dst.port == 4000 and .src.address == "10.77.0.14")] | length == 1'
# An answer that was asked for and came later: had the spoofed one counted, it would be known by now.
is "asked for" "$(ask "$S" dark test)" "0 1"
within "is not learnt; the one that was asked for is" 5 named 10.66.0.8 "dark.test/dns"

# --- followed, and kept -----------------------------------------------------------------------------
printf '%s\n' "$X renamed" >"$TMP/hosts"
within "/etc/hosts is followed" 5 named "$X" "renamed/hosts"
chmod 664 "$TMP/hosts"
within "one that others may write is left alone" 5 named "$X" ""
chmod 644 "$TMP/hosts"
within "and read again" 5 named "$X" "renamed/hosts"
is "no answer was lost" "$(jqr a status -- .losses.dns_answers)" 0
recorded() { # ADDRESS NAME: what the history has
	jqc a map --by address --since 1h -- ".view.source == \"history\" and ([.nodes[] |
		select(.id == \"address:$1\") | .hints // [] | .[].name] | index(\"$2\"))"
}
within "the history keeps the names" 15 recorded 10.66.0.8 dark.test
must agent_kill a
must agent_start a
within "and has them after a restart, when nobody asks any more" 15 recorded fd66::6 only6.zt.test
