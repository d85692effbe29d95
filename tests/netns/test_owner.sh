#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# owner - segments of units, users, programs and cgroups: refused at once with EPERM, not to be had by
# a forged name, known for sockets older than the agent, right from a unit's first millisecond on.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet app b app.service
puppet evil b evil.service
puppet forged b user@1000.service/app.slice/app.service
puppet nested b app.service/inner.service
puppet user b login.service
for v in 4 6; do
	[[ $v = 4 ]] && W=0.0.0.0 || W=::
	for port in 80 81 82 83; do
		must tell a listen "t$v$port" tcp $W $port
		must tell a listen "u$v$port" udp $W $port
	done
done
# Sockets that are older than the agent: connected, and listening.
must tell app connect old4 "${HOST_IP4[a]}" 80
must tell evil connect old4 "${HOST_IP4[a]}" 80
must tell app listen l4 tcp 0.0.0.0 443
must tell evil listen l4 tcp 0.0.0.0 444
must tell a connect in443 "${HOST_IP4[b]}" 443
must tell a connect in444 "${HOST_IP4[b]}" 444
python=$(readlink -f /usr/bin/python3)

rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny, outbound: deny}
	rules:
	  - {id: app-out, from: {segment: b, unit: app.service}, to: a, ports: [tcp/80, udp/80]}
	  - {id: user-out, from: {segment: b, user: "65534"}, to: a, ports: [tcp/81, udp/81]}
	  - {id: exe-out, from: {segment: b, exe: $python}, to: a, ports: [tcp/82]}
	  - {id: cgroup-out, from: {segment: b, cgroup: "/$(basename "$CG")/b.slice/user@1000.service"}, to: a, ports: [tcp/83]}
	  - {id: app-in, from: a, to: {segment: b, unit: app.service}, ports: [tcp/443-445]}
EOT
must agent_start b

says "older than the agent: the unit's connection goes on" app ask old4 hello
denies "older than the agent: another's does not" "TIMEOUT*" evil ask old4 hello 0.4
says "older than the agent: accepted by the unit" a ask in443 hello
denies "older than the agent: accepted by another" "TIMEOUT*" a ask in444 hello 0.4
says "older listener of the unit" a connect x "${HOST_IP4[b]}" 443
denies "older listener of another" "TIMEOUT*" a connect x "${HOST_IP4[b]}" 444 timeout=0.3

for v in 4 6; do
	[[ $v = 4 ]] && A=${HOST_IP4[a]} B=${HOST_IP4[b]} W=0.0.0.0 || A=${HOST_IP6[a]} B=${HOST_IP6[b]} W=::
	says "v$v unit: TCP" app connect "t$v" "$A" 80
	says "v$v unit: its data" app ask "t$v" hello
	must tell app udp "u$v" v$v
	says "v$v unit: UDP" app askto "u$v" "$A" 80
	for who in evil forged; do
		denies "v$v $who: TCP refused" "EPERM*" $who connect x "$A" 80
		is "v$v $who: at once" "$((${REPLY#* } < 50 * ZT_SCALE))" 1
		must tell $who udp "u$v" v$v
		denies "v$v $who: UDP refused" "EPERM*" $who askto "u$v" "$A" 80 ping 0.3
		denies "v$v $who: connected UDP refused" "EPERM*" $who udp "c$v" v$v to="$A" port=80
	done
	says "v$v: a unit inside the unit is the unit" nested connect x "$A" 80
	denies "v$v user: root is another" "EPERM*" app connect x "$A" 81
	says "v$v program: by its path" evil connect x "$A" 82
	like "v$v program: another program" "$(on b nc -nvzw1 "$A" 82 2>&1)" "*not permitted*"
	says "v$v cgroup: is or is below" forged connect x "$A" 83
	denies "v$v cgroup: elsewhere" "EPERM*" evil connect x "$A" 83
	must tell app listen "l$v" tcp $W 445
	says "v$v: listener of the unit" a connect "in$v" "$B" 445
	says "v$v: its accepted child" a ask "in$v" hello
	tell app unlisten "l$v"
	must tell evil listen "l$v" tcp $W 445
	denies "v$v: listener of another" "TIMEOUT*" a connect x "$B" 445 timeout=0.3
	tell evil unlisten "l$v"
done

must tell user setuid 65534
for v in 4 6; do
	[[ $v = 4 ]] && A=${HOST_IP4[a]} || A=${HOST_IP6[a]}
	says "v$v user: the one that may" user connect x "$A" 81
	must tell user udp "u$v" v$v
	says "v$v user: UDP" user askto "u$v" "$A" 81
	denies "v$v user: only there" "EPERM*" user connect x "$A" 80
done

# A unit restarted a moment ago: its cgroup is new, its name is what counts.
for i in 1 2 3 4 5; do
	puppet "new$i" b app.service
	says "a new process of the unit, $i" "new$i" connect x "${HOST_IP4[a]}" 80
	tell "new$i" close x
done
mkdir "$CG/b.slice/late.slice" "$CG/b.slice/late.slice/app.service"
puppet late b late.slice/app.service
says "a cgroup made just now, of that name" late connect x "${HOST_IP4[a]}" 80

is "flow names the unit" "$(jqr b flows -- '[.flows[] | select(.verdict.live.rule == "app-out") |
	.src.workload.unit] | unique | join(" ")')" app.service
is "and the program" "$(jqr b flows -- '[.flows[] | select(.verdict.live.rule == "app-out") |
	.src.workload.exe] | unique | join(" ")')" "$python"
is "violation names the unit refused" "$(jqr b violations -- '[.violations[] | select(.port == 80 and
	.dst_host == "a") | .workload.unit] | unique | join(" ")')" "evil.service login.service user@1000.service"
