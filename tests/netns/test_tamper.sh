#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# tamper - what somebody takes off is put back, with an alarm: a detached link, a removed pin, a
# program put ahead of ours, a map written to.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
must tell b listen t80 tcp 0.0.0.0 80
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny, outbound: deny}
EOT
must agent_start b
B=${HOST_IP4[b]}
alarms() { jqr b status -- '[.alarms[] | select(.count > 0) | "\(.name)=\(.count)"] | join(" ")'; }
raised() { # an alarm more than before
	[[ $(jqr b status -- '[.alarms[].count] | add // 0') -gt $1 ]]
}
count() { jqr b status -- '[.alarms[].count] | add // 0'; }
closed() { ! tell a connect x "$B" 80 timeout=0.1; }

denies "closed" "TIMEOUT*" a connect x "$B" 80 timeout=0.2
is "no alarm so far" "$(alarms)" ""
pins=$TMP/b/bpf/ztseg
note "pins: $(find "$pins" -type f -printf '%P ')"

# 1. A link of an interface is detached (tcx), or its filter removed (clsact).
before=$(count)
kind=$(jqr b status -- .hooks.kind)
if [[ $kind = tcx ]]; then
	must bpftool link detach pinned "$(find "$pins" -name 'link_*_in')"
else
	must on b tc filter del dev eth0 ingress
fi
within "a detached hook is put back" 10 closed
within "with an alarm" 5 raised "$before"
note "alarms: $(alarms)"
denies "and is in force" "TIMEOUT*" a connect x "$B" 80 timeout=0.2

# 2. A neighbour puts itself ahead of ours.
before=$(count)
cat >"$TMP/pass.c" <<-EOT
	__attribute__((section("tc"), used)) int pass(void *skb) { return -1; }
	char license[] __attribute__((section("license"), used)) = "GPL";
EOT
if command -v clang >/dev/null && clang -O2 -target bpf -c "$TMP/pass.c" -o "$TMP/pass.o" 2>/dev/null; then
	must on b tc qdisc add dev eth0 clsact
	must on b tc filter add dev eth0 ingress pref 1 bpf da obj "$TMP/pass.o" sec tc
	within "a neighbour is shown" 10 jqc b status -- '.neighbours | length > 0'
	denies "it changes nothing" "TIMEOUT*" a connect x "$B" 80 timeout=0.2
	must on b tc filter del dev eth0 ingress pref 1
	tell a connect x "$B" 80 timeout=0.1
	within "gone again: no longer shown" 10 jqc b status -- '.neighbours | length == 0'
	is "ours was not touched by that" "$(jqr b status -- '[.interfaces[] | select(.name == "eth0") | .at_head[]] | all')" true
fi

# 3. The policy in the kernel is written to: a row of the addresses' table is deleted.
before=$(count)
erase() { # MAP-ID: all its rows
	local key
	bpftool -j map dump id "$1" | jq -r '.[].key | join(" ")' | while read -r key; do
		# shellcheck disable=SC2086
		bpftool map delete id "$1" key hex ${key//0x/}
	done
}
current_rows() { # id of the slot's map in force, and how many rows it has
	local id
	id=$(bpftool -j map lookup pinned "$pins/zt_s_addrs" key hex "0$(jqr b status -- .policy.slot)" 0 0 0 |
		jq -r 'if .inner_map_id then .inner_map_id else
			[.value[] | ltrimstr("0x") | explode | map(if . > 57 then . - 87 else . - 48 end) |
			 if length > 1 then .[0] * 16 + .[1] else .[0] end] | .[0] + .[1] * 256 + .[2] * 65536 end')
	echo "$id $(bpftool -j map dump id "$id" | jq length)"
}
read -r inner rows < <(current_rows)
is "there are rows" $((rows > 0)) 1
must erase "$inner"
is "they are gone" "$(bpftool -j map dump id "$inner" | jq length)" 0
restored() { local now; now=$(current_rows); [[ ${now#* } = "$rows" ]]; }
within "rows deleted behind our back are put back" 40 restored
within "and raise an alarm" 40 raised "$before"
note "alarms: $(alarms)"

# 4. A pin is removed: its hook would end with the agent.
before=$(count)
pin=$(find "$pins" -name 'link_*_in' -o -name 'cg_*' | head -n 1)
rm "$pin"
within "a removed pin raises an alarm" 10 raised "$before"
within "and is there again" 10 test -e "$pin"
must agent_kill b
denies "enforcement outlives the agent all the same" "TIMEOUT*" a connect x "$B" 80 timeout=0.2
denies "at the sockets too" "EPERM*" b connect x "${HOST_IP4[a]}" 80
