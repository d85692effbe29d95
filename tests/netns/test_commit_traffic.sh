#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# commit_traffic - policies committed back and forth, and labels changed, at both ends under 10,000
# packets a second: nothing that is allowed before and after is lost, refused, cut or denied.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet new a new.service
puppet b b
must tell b listen t80 tcp 0.0.0.0 80
must tell b listen seq udp 0.0.0.0 700 seq
must tell a udp seq v4
B=${HOST_IP4[b]}
pps=$((11000 / ZT_SCALE))

# Two ways to allow the same, by other rules of other kinds, and everything else denied with the
# harshest word for what is established. The second is too large for the maps of the first.
one() { # HOST REVISION
	rules "$1" "$2" enforced <<-EOT
		  marked: {select: {name: a, mark: "yes"}}
		boundaries:
		  - {id: one-in, segment: b, inbound: deny, existing: reset}
		  - {id: one-out, segment: a, outbound: deny, existing: reset}
		rules:
		  - {id: one, from: a, to: b, ports: [tcp/80, udp/700]}
		  - {id: marked, from: marked, to: b, ports: [tcp/81]}
	EOT
}
many=$(for ((i = 0; i < 5000; i++)); do printf '10.%d.%d.%d, ' $((100 + i % 50)) $((i / 250)) $((i % 250)); done)
two() {
	rules "$1" "$2" enforced <<-EOT
		  far: {addresses: [${many%, }]}
		boundaries:
		  - {id: two-in, segment: any, inbound: deny, existing: reset}
		  - {id: two-out, segment: any, outbound: deny, existing: reset}
		rules:
		  - {id: not-far, action: deny, from: any, to: far, ports: [any], existing: reset}
		  - {id: two-udp, from: any, to: any, ports: [udp/600-800]}
		  - {id: two-tcp, from: a, to: any, ports: [tcp/1-100]}
	EOT
}

one a 1
one b 1
must agent_start a
must agent_start b
must tell a connect old "$B" 80
must tell a ask old hello
must tell new churnstart c "$B" 80
must tell a seqstart seq "$B" 700 $pps
must tell b seqgot seq 200 3
began=$EPOCHREALTIME
commits=0
for ((revision = 2; revision < 14; revision++)); do
	for where in a b; do
		if ((revision % 2)); then must one $where $revision; else must two $where $revision; fi
		commits=$((commits + 1))
		must tell a ask old "$revision $where"
	done
done
changes=0
for value in yes no yes no yes no yes no; do
	for where in a b; do
		must ctl $where label set a mark=$value
		changes=$((changes + 1))
		must tell a ask old "$value $where"
	done
done >"$TMP/labels.out"
took=$((${EPOCHREALTIME/./} - ${began/./}))
tell a seqstop seq
read -r sent refused <<<"$REPLY"
must tell b seqgot seq "$sent" 5
note "$commits commits and $changes changes of labels in $((took / 1000)) ms, $sent datagrams"
is "datagrams: none lost" "$REPLY" "$sent 0 $((sent - 1)) 0"
is "datagrams: none refused" "$refused" 0
holds "datagrams: as many a second as they should be" test $((sent * 1000000 / took)) -ge $((10000 / ZT_SCALE))
tell new churnstop c
read -r good bad <<<"$REPLY"
note "$good connections"
holds "new connections: some" test "$good" -gt $((commits * 2))
is "new connections: none failed" "$bad" 0
says "the old connection goes on" a ask old bye
for where in a b; do
	is "$where: nothing was denied" "$(jqr $where status -- '.counters.denied.packets // 0')" 0
	is "$where: nothing was refused" "$(jqr $where status -- '.counters.refused.packets // 0')" 0
	is "$where: no verdict denied any of it" \
		"$(flow_count $where '.verdict.live.action == "deny" and (.dst.port == 80 or .dst.port == 700)')" 0
	holds "$where: as many epochs as commits and changes" \
		jqc $where status -- ".policy.epoch > ($commits + $changes) / 2"
done
