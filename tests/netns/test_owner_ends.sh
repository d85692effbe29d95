#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# owner_ends - whose socket it is, at every end and in both directions: TCP and UDP, bound to one
# address or to all, forked servers and what they accept, sockets older than the agent; datagrams
# inside the host from sockets that never connect.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet web b web.service
puppet app b app.service
rules b 1 staged <<-EOT
	rules: []
EOT
A=${HOST_IP4[a]} A6=${HOST_IP6[a]} B=${HOST_IP4[b]} B6=${HOST_IP6[b]}

# owners PORT PROTO [CONDITION]: "SRC>DST", units by flow's end, each once; the end elsewhere is "-".
owners() {
	jqr b flows -- "[.flows[] | select(.dst.port == $1 and .proto == \"$2\" and (${3:-true})) |
		\"\(.src.workload.unit // \"-\")>\(.dst.workload.unit // \"-\")\"] | unique | join(\" \")"
}
owners_are() { [[ $(owners "$1" "$2" "${4:-true}") == "$3" ]]; }

for v in 4 6; do
	[[ $v = 4 ]] && W=0.0.0.0 || W=::
	must tell a listen "t$v" tcp $W 70
	must tell a listen "u$v" udp $W 70
	# Older than the agent.
	must tell web listen "ot$v" tcp $W 80
	must tell web listen "ou$v" udp $W 81
done
spawn b fork.service socat TCP6-LISTEN:82,ipv6only=0,reuseaddr,fork EXEC:/bin/cat
spawn b fork.service socat UDP4-RECVFROM:83,fork EXEC:/bin/cat
must eventually 5 listening b 82
must tell a connect in4 "$B" 80
must tell a ask in4 before
must tell app connect out4 "$A" 70
must tell app udp uc4 v4 to="$A" port=70
must tell app ask uc4 before
must tell app udp uu4 v4
must tell app askto uu4 "$A" 70
must tell a connect fork4 "$B" 82
must tell a ask fork4 before
must tell app connect here4 127.0.0.1 80
must tell app udp uh4 v4
must tell app askto uh4 127.0.0.1 81
must agent_start b

# --- sockets older than the agent ---------------------------------------------------------
says "older: accepted" a ask in4 hello
says "older: connected" app ask out4 hello
says "older: UDP, connected" app ask uc4 hello
says "older: UDP, not connected" app askto uu4 "$A" 70
says "older: accepted by a forked child" a ask fork4 hello
says "older: listener" a connect in4b "$B" 80
says "older: its data" a ask in4b hello
must tell a udp au v4
says "older: UDP server" a askto au "$B" 81
within "older: connection inside the host" 15 owners_are 80 tcp "app.service>web.service" '.src.address == "127.0.0.1"'
is "older: accepted, and by its listener" "$(owners 80 tcp '.src.address != "127.0.0.1"')" "->web.service"
is "older: connected, TCP" "$(owners 70 tcp)" "app.service>-"
is "older: UDP, connected or not" "$(owners 70 udp)" "app.service>-"
is "older: UDP server" "$(owners 81 udp ".src.address == \"$A\"")" "->web.service"
is "older: the forked child's" "$(owners 82 tcp)" "->fork.service"
says "older: UDP inside the host" app askto uh4 127.0.0.1 81
is "older: UDP inside the host" "$(owners 81 udp '.src.address == "127.0.0.1"')" "app.service>web.service"

# --- sockets of now --------------------------------------------------------------------------
for v in 4 6; do
	[[ $v = 4 ]] && W=0.0.0.0 O=$B far=$A || W=:: O=$B6 far=$A6
	must tell web listen "nt$v" tcp $W 90
	must tell web listen "nu$v" udp $W 91
	must tell web listen "bt$v" tcp "$O" 92
	must tell web listen "bu$v" udp "$O" 93
	must tell a udp "na$v" v$v
	for port in 90 92; do
		must tell a connect "n$port$v" "$O" $port
		must tell a ask "n$port$v" hello
		is "v$v: TCP in, port $port" "$(owners $port tcp ".dst.address == \"$O\"")" "->web.service"
	done
	for port in 91 93; do
		must tell a askto "na$v" "$O" $port
		is "v$v: UDP in, port $port" "$(owners $port udp ".dst.address == \"$O\"")" "->web.service"
	done
	must tell app udp "nc$v" v$v
	must tell app askto "nc$v" "$far" 70
	is "v$v: UDP out" "$(owners 70 udp ".dst.address == \"$far\"")" "app.service>-"
done
must tell a connect fork6 "$B6" 82
must tell a ask fork6 hello
is "forked server, IPv6" "$(owners 82 tcp ".dst.address == \"$B6\"")" "->fork.service"
must tell a askto na4 "$B" 83
is "forked server, UDP" "$(owners 83 udp)" "->fork.service"

# --- datagrams inside the host -----------------------------------------------------------------
n=100
for to in 127.0.0.1 127.0.0.53 ::1 "$B" "$B6"; do
	[[ $to = *:* ]] && v=v6 W=:: || v=v4 W=0.0.0.0
	for bound in "$to" $W; do
		n=$((n + 1))
		must tell web listen "h$n" udp "$bound" $n
		must tell app udp "h$n" $v
		for i in 1 2 3; do must tell app askto "h$n" "$to" $n "hello $i"; done
		is "$to, bound to $bound: both owners" "$(owners $n udp)" "app.service>web.service"
	done
done
here='[.flows[] | select(.kind == "loopback" and .proto == "udp" and .dst.port > 100 and .dst.port < 150)]'
is "each stream is one connection" "$(jqr b flows -- "$here | map(.connections // .opens // 1) | add")" $((n - 100))
is "what answers opened nothing" "$(jqr b flows -- '[.flows[] | select(.proto == "udp" and
	.src.port > 100 and .src.port < 150)] | length')" 0
must tell web listen peer udp 127.0.0.1 150
must tell app udp peer v4 from=127.0.0.1 sport=151
must tell app askto peer 127.0.0.1 150
is "both ends bound: who spoke first" "$(owners 150 udp) $(owners 151 udp)" "app.service>web.service "
must tell app udp nobody v4
must tell app sendto nobody 127.0.0.1 152
is "nobody there: nothing" "$(flow_count b '.dst.port == 152')" 0

# --- what they run as -----------------------------------------------------------------------------
# Command lines as the kernel noted them, and as people get them: a process may call itself anything.
noted() { # UNIT: its latest process, arguments with a bar between them (struct zt_owner_cmd, from byte 32 on)
	bpftool -j map dump pinned "$TMP/b/bpf/ztseg/zt_owner_cmds" | python3 -c '
import json, sys
value = bytes(int(b, 16) for b in json.load(sys.stdin)[int(sys.argv[1])]["value"])
length = int.from_bytes(value[12:16], sys.byteorder)
sys.stdout.write(value[32:32 + length].replace(b"\0", b"|").decode("latin-1"))' "$(index_of "$1")"
}
index_of() { # UNIT
	bpftool -j map dump pinned "$TMP/b/bpf/ztseg/zt_owners" | jq --arg unit "$1" '[.[].formatted |
		select(.key.unit == $unit) | .value] | max'
}
cat >"$TMP/evil.py" <<-EOT
	import os, sys
	os.execv("/usr/bin/nc", ["nc\\033[31m", "-w1", "-z", "$A", "70", *sys.argv[1:]])
EOT
spawn b evil.service python3 "$TMP/evil.py"
must gone "$PID" 5
is "a command that names itself" "$(noted evil.service)" $'nc\033[31m|-w1|-z|'"$A|70"
shown=$(jqr b map --by address -- '[.. | objects | .command? // empty | select(startswith("nc"))] | unique | join(" ")')
like "is shown" "$shown" "nc*-w1*-z*$A*70"
is "and escaped for people" "$(LC_ALL=C tr -d '[:print:]' <<<"$shown" | wc -c)" 1
spawn b long.service python3 -c "import socket; socket.create_connection(('$A', 70))" "$(printf 'x%.0s' {1..300})"
must gone "$PID" 5
is "a long one is cut" "$(noted long.service | wc -c)" 160
