#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# recheck - what a commit does to flows that are open: judged anew at their next packet, kept, or
# ended, as the statement that gives the new verdict says.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
for v in 4 6; do
	[[ $v = 4 ]] && W=0.0.0.0 || W=::
	for port in 80 81 82 83; do must tell b listen "t$v$port" tcp $W $port; done
	must tell b listen "u$v" udp $W 53
	must tell a listen "o$v" tcp $W 90
	must tell a listen "r$v" tcp $W 91
	must tell a listen "ru$v" udp $W 91
done
allow="  - {id: all, from: a, to: b, ports: [tcp/80-83, udp/53]}
  - {id: out, from: b, to: a, ports: [tcp/90-91, udp/91]}"
closed="boundaries:
  - {id: b-closed, segment: b, inbound: deny, outbound: deny}
rules:"
printf '%s\n' "$closed" "$allow" | rules b 1 enforced
must agent_start b

for v in 4 6; do
	[[ $v = 4 ]] && A=${HOST_IP4[a]} B=${HOST_IP4[b]} || A=${HOST_IP6[a]} B=${HOST_IP6[b]}
	must tell b connect "r$v" "$A" 91
	must tell b ask "r$v" hello
	must tell b udp "ru$v" v$v to="$A" port=91
	must tell b ask "ru$v" hello
	for port in 80 81 82 83; do
		must tell a connect "s$v$port" "$B" $port
		must tell a ask "s$v$port" hello
	done
	must tell b connect "o$v" "$A" 90
	must tell b ask "o$v" hello
	must tell a udp "u$v" v$v to="$B" port=53
	says "v$v: UDP flow before" a ask "u$v" hello
done

# 80 is no longer named (boundary: recheck), 81 is denied with recheck, 82 with keep, 83 with reset.
{
	echo "$closed"
	cat <<-EOT
		  - {id: cut, action: deny, from: a, to: b, ports: [tcp/81], existing: recheck}
		  - {id: keep, action: deny, from: a, to: b, ports: [tcp/82], existing: keep}
		  - {id: end, action: deny, from: a, to: b, ports: [tcp/83], existing: reset}
		  - {id: end-own, action: deny, from: b, to: a, ports: [tcp/91, udp/91], existing: reset}
	EOT
} | rules b 2 enforced

for v in 4 6; do
	[[ $v = 4 ]] && A=${HOST_IP4[a]} B=${HOST_IP4[b]} || A=${HOST_IP6[a]} B=${HOST_IP6[b]}
	like "v$v reset: the guarded end is gone" "$(on b ss -Htn "sport = :83" "dst [$A]")" ""
	says "v$v reset: the peer hears of it" a ended "s${v}83" 1
	is "v$v reset: as a reset" "$REPLY" ECONNRESET
	says "v$v reset: an own connection ends" b ended "r$v" 1
	is "v$v reset: aborted here" "$REPLY" ECONNABORTED
	says "v$v reset: an own UDP socket ends" b ended "ru$v" 1
	is "v$v reset: aborted as well" "$REPLY" ECONNABORTED
	denies "v$v boundary: next packet is denied" "TIMEOUT*" a ask "s${v}80" again 0.4
	denies "v$v recheck: next packet is denied" "TIMEOUT*" a ask "s${v}81" again 0.4
	says "v$v keep: goes on" a ask "s${v}82" again
	denies "v$v keep: but nothing new" "TIMEOUT*" a connect x "$B" 82 timeout=0.3
	denies "v$v UDP: next packet is denied" "TIMEOUT*" a ask "u$v" again 0.3
	denies "v$v out: next packet of an own connection" "TIMEOUT*" b ask "o$v" again 0.4
	is "v$v recheck: the rule" "$(verdict b ".src.address == \"$A\" and .dst.port == 81")" "deny cut"
	is "v$v boundary: the rule" "$(verdict b ".src.address == \"$A\" and .dst.port == 80")" "deny b-closed:in"
done

# Allowed again: what was only silenced goes on, retransmitting; what was kept is an ordinary flow.
printf '%s\n' "$closed" "$allow" | rules b 3 enforced
for v in 4 6; do
	says "v$v boundary: the session lives on" a revive "s${v}80" three 5
	says "v$v keep: still there" a ask "s${v}82" three
	says "v$v UDP: allowed again" a ask "u$v" anew
done

# TCP state from the wire is no verdict: a forged end (out of window) leaves a kept flow kept.
{
	echo "$closed"
	echo "  - {id: keep, action: deny, from: a, to: b, ports: [tcp/82], existing: keep}"
} | rules b 4 enforced
tell a port s482
sport=$REPLY
for flags in 04 11 14; do
	must tell a tcpraw "${HOST_IP4[a]}" "${HOST_IP4[b]}" "$sport" 82 $flags 77 99
done
says "forged RST and FIN: the kept session goes on" a ask s482 forged
for flags in 04 11 14; do
	must tell b tcpraw "${HOST_IP4[b]}" "${HOST_IP4[a]}" 82 "$sport" $flags 77 99
done
says "forged both ways: it still does" a ask s482 forged2

# A kept flow ends with its connection, and only then.
{
	echo "$closed"
	echo "  - {id: keep, action: deny, from: a, to: b, ports: [tcp/82], existing: keep}"
} | rules b 5 enforced
says "kept once more" a ask s482 four
tell a port s482
sport=$REPLY
tell a abort s482
denies "the same ports again are a new opening" "TIMEOUT*" a connect again "${HOST_IP4[b]}" 82 sport="$sport" timeout=0.3
# An addition that is no denial leaves everything as it is.
{
	echo "$closed"
	echo "  - {id: keep, action: deny, from: a, to: b, ports: [tcp/82], existing: keep}"
	echo "  - {id: more, from: a, to: b, ports: [tcp/8080]}"
} | rules b 6 enforced
says "kept over another commit" a ask s682 five
