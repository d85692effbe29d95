#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# assess_around - ways around a filter (3.1-07) on a host that really has them; protection at boot
# (3.1-08) by systemd's words and by the agent's record; 3.1-01 with the agent; 3.5-06 and 3.5-07.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

must host a 1
must host b 2
cat >"$TMP/rules.nft" <<-EOT
	table inet f {
		chain input {
			type filter hook input priority 0; policy drop; iif lo accept; ct state established accept;
		}
	}
EOT
must on a nft -f "$TMP/rules.nft"
OPTS=(--json assess --state-dir "$TMP/none" --pin-dir "$TMP/none" --trust "$TMP/none" --netns all)

of() { # ID FILTER
	jq -r --arg id "ZTS-$1" ".checks[] | select(.id == \$id) | $2" "$TMP/doc"
}
result() { of "$1" .result; }
offenders() { of "$1" '[.offenders[].resource] | join(" ")'; }

# alone COMMAND: an assessment by a system of its own, in which only COMMAND runs besides
alone() {
	on a unshare --pid --fork --mount-proc -- bash -c '
		trap "kill %1 2>/dev/null; wait" EXIT
		if [ -n "$1" ]; then
			mkfifo "$2.ready"
			eval "$1" >"$2.ready" &
			read -rt 10 <"$2.ready"
			rm "$2.ready"
		fi
		shift 2
		"$@"' alone "$1" "$TMP/alone" "$ZTCTL" --socket "$TMP/none.sock" "${OPTS[@]}" >"$TMP/doc" 2>"$TMP/doc.err" || :
}

# --- 3.1-07 --------------------------------------------------------------------------------------------

alone ""
is "nothing goes around" "$(result 3.1-07)" pass

cat >"$TMP/hold.py" <<'PY'
import signal, socket, sys
kind = sys.argv[1]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) if kind == "packet" else \
    socket.socket(socket.AF_INET, socket.SOCK_RAW, 89)
print("ready", flush=True)
signal.pause()
PY
python=$(readlink -f /usr/bin/python3)
alone "exec /usr/bin/python3 $TMP/hold.py packet"
is "a packet socket" "$(result 3.1-07) $(offenders 3.1-07)" "fail packet:$python"
alone "exec /usr/bin/python3 $TMP/hold.py raw"
is "a raw socket" "$(result 3.1-07) $(offenders 3.1-07)" "fail raw:$python"

# Programs are known by the file that runs. A file of that name elsewhere is somebody else's.
mount -t tmpfs opt /opt
cp "$python" /opt/dhclient
cp "$python" "$TMP/dhclient"
alone "exec /opt/dhclient $TMP/hold.py packet"
is "a program that the profile allows" "$(result 3.1-07)" partial
alone "exec $TMP/dhclient $TMP/hold.py packet"
is "another of its name" "$(result 3.1-07) $(offenders 3.1-07)" "fail packet:$TMP/dhclient"
umount /opt

on a sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv4/conf/eth0/proxy_arp'
alone ""
is "forwards for anybody, answers ARP for others" "$(result 3.1-07) $(offenders 3.1-07)" \
	"fail proxy_arp:eth0 forward/IPv4"
must on a nft 'add chain inet f forward { type filter hook forward priority 0; policy drop; }'
on a sh -c 'echo 0 >/proc/sys/net/ipv4/conf/eth0/proxy_arp'
alone ""
is "forwards nothing" "$(result 3.1-07)" pass

must on a nft 'flush ruleset; table ip f { chain input { type filter hook input priority 0; policy drop; }; }'
on a sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
alone ""
is "IPv6 is open" "$(result 3.1-07) $(offenders 3.1-07)" "fail eth0/IPv6"
must on a nft flush ruleset
must on a nft -f "$TMP/rules.nft"

inside='unshare --net sh -c "echo \$\$ >'$TMP'/inside; exec sleep 60" & n=$!; until [ -s '$TMP'/inside ]; do :; done'
alone "$inside; ip link add link eth0 name mv0 type macvlan && ip link set mv0 netns \$n && \
	nsenter --net=/proc/\$n/ns/net ip link set mv0 up; echo ready; wait"
if [[ $(offenders 3.1-07) == *mv0 ]]; then
	is "a namespace with its own way out" "$(result 3.1-07) $(offenders 3.1-07)" "fail netns:?/mv0"
else
	on a ip link add link eth0 name mv0 type macvlan 2>/dev/null && not_ok "a namespace with its own way out" \
		"$(result 3.1-07): $(of 3.1-07 .reason.en)"
	skip "a namespace with its own way out" "this kernel has no macvlan; unit/assess_checks judges it"
fi
on a setpriv --reuid nobody --clear-groups --inh-caps=-all --bounding-set=-all "$ZTCTL" --socket "$TMP/none.sock" \
	"${OPTS[@]}" >"$TMP/doc" 2>/dev/null || :
is "nobody cannot tell" "$(result 3.1-07)" unknown

# --- 3.1-08, without the agent ----------------------------------------------------------------------------

mount -t tmpfs systemd /run/systemd && mkdir -p /run/systemd/system
systemd_says() { # UNIT STATE ENABLED READY-USEC NETWORK-USEC BEFORE
	cat >"$TMP/systemctl" <<-EOT
		#!/bin/sh
		cat <<-X
		ExecMainStartTimestampMonotonic=$(($4 - 1000))
		Id=$1
		Before=shutdown.target $6
		LoadState=loaded
		ActiveState=$2
		UnitFileState=$3
		ActiveEnterTimestampMonotonic=$4

		Id=ufw.service
		LoadState=not-found
		ActiveState=inactive

		Id=network-pre.target
		LoadState=loaded
		ActiveState=active
		ActiveEnterTimestampMonotonic=$5
		X
	EOT
	chmod 755 "$TMP/systemctl"
	mountpoint -q /usr/bin/systemctl || mount --bind "$TMP/systemctl" /usr/bin/systemctl
	on a "$ZTCTL" --socket "$TMP/none.sock" "${OPTS[@]}" >"$TMP/doc" 2>/dev/null || :
}
systemd_says nftables.service active enabled 4000000 5000000 network-pre.target
is "filtering before the network" "$(result 3.1-08)" pass
systemd_says nftables.service active enabled 9000000 5000000 ""
is "four seconds after it" "$(result 3.1-08)" partial
systemd_says nftables.service active enabled 10100000 5000000 ""
is "more than five" "$(result 3.1-08)" fail
systemd_says nftables.service active disabled 4000000 5000000 network-pre.target
is "not at the next boot" "$(result 3.1-08)" fail
systemd_says firewalld.service active enabled 4000000 5000000 network-pre.target
is "rules that nobody is known to load" "$(result 3.1-08)" unknown
umount /usr/bin/systemctl /run/systemd

# --- 3.5-06, 3.5-07 -----------------------------------------------------------------------------------------

is "tables have room here" "$(result 3.5-06)" pass
is "one cable and nothing else is not enough" "$(result 3.5-07)" fail

# --- with the agent --------------------------------------------------------------------------------------------

must on a nft flush ruleset
must rules a 1 staged <<-EOT
	boundaries:
	  - {id: closed, segment: a, inbound: deny}
EOT
must agent_start a
OPTS=(--json assess --state-dir "$TMP/a/state" --pin-dir "$TMP/a/bpf/ztseg" --trust "$TMP/none" --netns own)
with_agent() {
	on a "$ZTCTL" --socket "$TMP/a/run/agent.sock" "${OPTS[@]}" >"$TMP/doc" 2>"$TMP/doc.err" || :
}
with_agent
is "a staged policy alone is partial" "$(result 3.1-01)" partial
rules a 2 enforced <<-EOT
	boundaries:
	  - {id: closed, segment: a, inbound: deny}
EOT
with_agent
is "enforced it is the default deny" "$(result 3.1-01)" pass
is "its record of boots: this one, the first" \
	"$(jq -c '[.boots[] | [.first, .attached_ms > 0]]' "$TMP/a/state/boots.json")" "[[true,true]]"
is "not started anew since: unknown" "$(result 3.1-08)" unknown

# An earlier boot in the record, as if this one came after it.
must agent_stop a
rm -rf "$TMP/a/bpf/ztseg"
echo '{"boots": [{"boot_id": "earlier", "attached_ms": 9, "packets": 0, "first": true}]}' >"$TMP/a/state/boots.json"
must agent_start a
is "a new boot is added, once" "$(jq '.boots | length' "$TMP/a/state/boots.json")" 2
jq '.boots[1].packets = 0' "$TMP/a/state/boots.json" >"$TMP/boots" && cp "$TMP/boots" "$TMP/a/state/boots.json"
must agent_stop a KILL
must agent_start a
is "a restart is no boot" "$(jq '.boots | length' "$TMP/a/state/boots.json")" 2
with_agent
is "attached before the first packet, and pinned" "$(result 3.1-08)" pass
jq '.boots[1].packets = 9' "$TMP/boots" >"$TMP/a/state/boots.json"
with_agent
is "packets before it" "$(result 3.1-08)" fail
