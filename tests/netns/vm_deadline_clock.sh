#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# deadline_clock - the wall clock set forward and back while a promotion awaits confirmation: the
# kernel takes it back when its time is over, neither earlier nor later, the agent alive or dead.
# The machine's clock is set, so this runs in a virtual machine only.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
must tell b listen t80 tcp 0.0.0.0 80
B=${HOST_IP4[b]}
T=$((6 * ZT_SCALE))
opens() { tell a connect o "$B" 80 timeout=0.1 && tell a close o; }
up() { cut -d. -f1 /proc/uptime; }
clock() { date -s "@$(($(date +%s) + $1))" >/dev/null; }
rules b 1 staged <<-EOT
	rules:
	  - {id: no-80, action: deny, from: a, to: b, ports: [tcp/80]}
EOT
must agent_start b
for step in 864000 -1728000; do
	for life in alive dead; do
		name="clock moved by $step s, agent $life"
		holds "$name: promoted" ctl b policy promote no-80 --within "${T}s"
		began=$(up)
		must clock $step
		if [[ $life = dead ]]; then must agent_kill b; fi
		fails "$name: still enforced" opens
		within "$name: taken back" $((T + 10)) opens
		took=$(($(up) - began))
		holds "$name: after its time ($took s)" test $took -ge $((T - 2)) -a $took -le $((T + 10 * ZT_SCALE))
		if [[ $life = dead ]]; then must agent_start b; fi
		within "$name: and it is said" 5 jqc b status -- '.policy.awaits_confirmation == false'
	done
done
must clock 864000
