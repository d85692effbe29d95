#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 40
# canary - `promote RULE --percent N` enforces for N % of remote hosts, always the same ones: over
# restart, reboot and a larger share; all addresses of a host of the inventory are one.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
must tell b listen t80 tcp 0.0.0.0 80
must tell b listen s80 tcp :: 8080
B=${HOST_IP4[b]}
for ((i = 101; i <= 140; i++)); do echo "addr add 10.77.0.$i/24 dev eth0"; done >"$TMP/batch"
must ip -n "$(ns a)" -batch "$TMP/batch"
rules b 1 staged <<-EOT
	rules:
	  - {id: no-80, action: deny, from: any, to: b, ports: [tcp/80, tcp/8080]}
EOT
must agent_start b
denied() { # the last octets that are denied, of forty addresses in no inventory
	local i out=
	for ((i = 101; i <= 140; i++)); do
		tell a connect c "$B" 80 from=10.77.0.$i timeout=$((5 * ZT_SCALE))e-2 && tell a close c || out+=" $i"
	done
	echo "$out"
}
is "staged: nobody" "$(denied)" ""
out=$(ctl b policy promote no-80 --percent 30 --within 0)
is "promoted for 30 %" $? 0
like "and says so" "$out" "*no-80 (30 % of remote hosts)*"
like "status too" "$(ctl b status)" "*no-80 (30 % of remote hosts)*"
some=$(denied)
count=$(wc -w <<<"$some")
note "30 %: $count of 40:$some"
holds "some, not all" test "$count" -ge 4 -a "$count" -le 24
is "for everybody it is in the candidate plane" \
	"$(jqr b flows -- '[.flows[] | select(.dst.port == 80) | .verdict.candidate.rule] | unique | join(",")')" no-80
must agent_kill b
must agent_start b
is "the same ones after a restart" "$(denied)" "$some"
must agent_stop b
must stop_tool b detach
must agent_start b
is "the same ones after a reboot" "$(denied)" "$some"
ways=0
tell a connect v4 "$B" 80 timeout=0.2 && ways=$((ways + 1))
tell a connect v6 "${HOST_IP6[b]}" 8080 timeout=0.2 && ways=$((ways + 1))
holds "a host of the inventory is in or out with all its addresses" test "$ways" != 1
holds "promoted for 60 %" ctl b policy promote no-80 --percent 60 --within 0
more=$(denied)
note "60 %: $(wc -w <<<"$more") of 40:$more"
holds "more of them" test "$(wc -w <<<"$more")" -gt "$count" -a "$(wc -w <<<"$more")" -lt 40
is "the first ones among them" "$(comm -23 <(tr ' ' '\n' <<<"$some" | sort) <(tr ' ' '\n' <<<"$more" | sort))" ""
holds "promoted without a share" ctl b policy promote no-80 --within 0
is "everybody" "$(denied | wc -w)" 40
holds "back to the share" ctl b policy rollback
is "the same ones again" "$(denied)" "$more"
