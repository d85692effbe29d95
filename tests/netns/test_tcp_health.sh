#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# tcp_health - what an entry tells of a TCP connection is what its socket tells: round trip under a
# delay, retransmits under loss; who reset it, who refused it, and that nobody answered.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b app.service
for port in 80 81; do
	must tell a listen "t$port" tcp 0.0.0.0 $port
	must tell b listen "t$port" tcp 0.0.0.0 $port
done
must tell a listen sink tcp 0.0.0.0 90 sink
rules b 1 staged <<-EOT
	rules: []
EOT
A=${HOST_IP4[a]} B=${HOST_IP4[b]}
must agent_start b

ANSWERED=4 RST_NEAR=1 RST_FAR=2 UNREACHABLE=8 REPEATED=16

# entry PORT FIELD [TABLE]: of the one flow with that service's port, as the kernel has it.
entry() {
	local port=$((($1 & 255) << 8 | $1 >> 8)) # network order, read as a number of this machine
	bpftool -j map dump pinned "$TMP/b/bpf/ztseg/${3:-zt_flows}" | jq --argjson p $port \
		"[.[].formatted | select((.value.opener == 1 and .key.far_port == \$p) or
			(.value.opener == 0 and .key.near_port == \$p)) | .value.$2] | add"
}

entry_is() { # PORT FIELD WANTED [TABLE]
	[[ $(entry "$1" "$2" "${4:-}") == "$3" ]]
}

socket() { # PORT FIELD: of b's socket towards that port, by ss
	on b ss -Htin "dport = :$1" | grep -oE " $2:[^ ]+" | cut -d: -f2
}

walked() { (($(entry 81 rtt_us) > 0)); }

# --- round trip ------------------------------------------------------------------------
# A cable of 10 ms each way between the two; of whole frames with whole checksums.
must on a ethtool -K eth0 tx off tso off gso off >"$TMP/log/ethtool"
must on b ethtool -K eth0 tx off tso off gso off >"$TMP/log/ethtool"
must ip -n "$(ns sw)" link set p11 nomaster
must ip -n "$(ns sw)" link set p12 nomaster
puppet cable sw
delay=$((20 * ZT_SCALE))
must tell cable wire w p11 p12 $((delay / 2))
must tell b ping "$A" # neighbours are known from here on
must tell b connect slow "$A" 80
for i in 1 2 3 4 5 6; do must tell b ask slow "hello $i"; done
must tell b close slow
must eventually 5 entry_is 80 state 3
us=$(entry 80 rtt_us)
is "closed: the round trip is the delay, within a quarter ($us us)" \
	"$((us > delay * 750 && us < delay * 1250))" 1
is "closed: answered, nothing else" "$(entry 80 health)" $ANSWERED

must tell b connect living "$A" 81
for i in 1 2 3 4 5 6; do must tell b ask living "hello $i"; done
must tell cable wiredelay w 0

# --- retransmits -------------------------------------------------------------------------
must tell b connect lossy "$A" 90
must tell cable wirelose w p12
must tell b push lossy 20000
lost() { local n; n=$(socket 90 retrans); ((${n#*/} >= 2)); }
must eventually 10 lost
must tell cable wirelose w
must tell a got sink 20000 $((20 * ZT_SCALE))
total=$(socket 90 retrans) total=${total#*/}
within "living: retransmits as ss has them ($total)" 15 entry_is 90 retrans "$total"
within "living: its socket is asked from time to time" 15 walked
ss_us=$(socket 81 rtt | awk -F/ '{ printf "%d", $1 * 1000 }') us=$(entry 81 rtt_us)
is "living: the round trip as ss has it ($ss_us us)" "$((us >= ss_us - 2 && us <= ss_us + 2))" 1
must tell b close lossy
must eventually 5 entry_is 90 state 3
is "closed: the same" "$(entry 90 retrans)" "$total"

# --- resets ----------------------------------------------------------------------------
must tell a listen r82 tcp 0.0.0.0 82
must tell b listen r83 tcp 0.0.0.0 83
is "b connects, asks and resets" "$(tell b many "$A" 82 1; echo "$REPLY")" 1
is "reset by the near end" "$(entry 82 health)" $((ANSWERED | RST_NEAR))
is "its round trip is known" "$(($(entry 82 rtt_us) > 0))" 1
is "a connects, asks and resets" "$(tell a many "$B" 83 1; echo "$REPLY")" 1
within "reset by the far end" 5 entry_is 83 health $((ANSWERED | RST_FAR))
is "its round trip is known, too" "$(($(entry 83 rtt_us) > 0))" 1

# --- openings ----------------------------------------------------------------------------
denies "refused" "ECONNREFUSED*" b connect x "$A" 9
is "reset, never answered" "$(entry 9 health zt_openings)" $RST_FAR
must on a nft -f - <<-EOT
	table inet f {
		chain input {
			type filter hook input priority 0; policy accept;
			tcp dport 10 drop
			tcp dport 11 reject with icmp type host-unreachable
		}
	}
EOT
denies "nobody answers" "TIMEOUT*" b connect x "$A" 10 timeout=1.5
is "the opening was repeated" "$(entry 10 health zt_openings)" $REPEATED
is "by its socket" "$(($(entry 10 retrans zt_openings) > 0))" 1
denies "unreachable" "*" b connect x "$A" 11 timeout=0.5
is "an ICMP error came back" "$(($(entry 11 health zt_openings) & (UNREACHABLE | RST_FAR)))" $UNREACHABLE

# --- inside the host -----------------------------------------------------------------------
is "inside: connects, asks and resets" "$(tell b many 127.0.0.1 81 1; echo "$REPLY")" 1
inside() { # PORT FIELD: of the same-host flow
	local port=$((($1 & 255) << 8 | $1 >> 8))
	bpftool -j map dump pinned "$TMP/b/bpf/ztseg/zt_flows" | jq --argjson p $port \
		"[.[].formatted | select(.key.kind == 2 and .key.far_port == \$p) | .value.$2] | add"
}
inside_is() { [[ $(inside "$1" "$2") == "$3" ]]; }
within "inside: reset by the end that opened" 5 inside_is 81 health $((ANSWERED | RST_NEAR))
is "inside: its round trip is known" "$(($(inside 81 rtt_us) > 0))" 1
for to in 127.0.0.1 ::1 "$B"; do
	denies "inside: refused at $to" "ECONNREFUSED*" b connect x "$to" 12
done
is "inside: three refused" "$(inside 12 opens)" 3
is "inside: reset, never answered" "$(inside 12 health)" $((3 * RST_FAR))
