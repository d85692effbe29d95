#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 150
# hours - hours and an expiry of the policy keep time in the kernel: they begin and end with the
# agent killed, sessions included; with it alive nothing is left of what is over.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
A=${HOST_IP4[a]} B=${HOST_IP4[b]}
us() { echo "${EPOCHREALTIME/./}"; }

# A zone in which it is between 11 and 13 o'clock, so that no window crosses midnight; the window
# ends with the minute, or with the next one when that is near.
now=${EPOCHREALTIME%.*}
shift_h=$((12 - (now / 3600) % 24))
((shift_h > 14)) && shift_h=$((shift_h - 24))
if ((shift_h >= 0)); then zone=Etc/GMT-$shift_h; else zone=Etc/GMT+${shift_h#-}; fi
end=$(((now + 22) / 60 * 60 + 60)) # from 22 to 82 s ahead: a busy machine starts an agent slowly
at() { date -u -d "@$(($1 + shift_h * 3600))" +%H:%M; }
expires=$((now + 14))
policy b <<-EOT
	version: 1
	policy: hours
	revision: 1
	mode: enforced
	hosts:
	  a: {addresses: [$A], labels: {role: web}}
	  b: {addresses: [$B], labels: {role: db}}
	segments:
	  db: {select: {role: db}}
	  web: {select: {role: web}}
	boundaries:
	  - {id: db-in, segment: db, inbound: deny, existing: keep}
	rules:
	  - {id: hours, from: web, to: db, ports: [tcp/80], when: {hours: "Mon-Sun 10:00-$(at $end)", timezone: $zone}}
	  - {id: later, from: web, to: db, ports: [tcp/81], when: {hours: "Mon-Sun $(at $end)-23:00", timezone: $zone}}
	  - {id: short, from: web, to: db, ports: [tcp/82], expires: "$(date -u -d "@$expires" +%Y-%m-%dT%H:%M:%SZ)"}
	  - {id: not-now, action: deny, from: web, to: db, ports: [tcp/83], when: {hours: "Mon-Sun 10:00-$(at $end)", timezone: $zone}}
	  - {id: always, from: web, to: db, ports: [tcp/83]}
EOT
for port in 80 81 82 83; do must tell b listen t$port tcp 0.0.0.0 $port; done
must agent_start b
must tell a connect h1 "$B" 80
must tell a ask h1 hello
must tell a connect e1 "$B" 82
must tell a ask e1 hello
denies "a window that has not begun is closed" "TIMEOUT*" a connect l1 "$B" 81 timeout=0.25
denies "a deny in its hours denies" "TIMEOUT*" a connect n1 "$B" 83 timeout=0.25
must agent_kill b

sleep_until() { # SECONDS: of the wall clock
	local left
	while left=$(($1 * 1000000 - $(us))) && ((left > 0)); do
		read -rt "$(printf '%d.%06d' $((left / 1000000)) $((left % 1000000)))" <>"$TMP/tick" || :
	done
}
# turns NAME SECONDS COMMAND...: from that time on it works no more; first seen within 0.4 s.
turns() {
	local name=$1 when=$2
	shift 2
	while tell "$@"; do
		(($(us) > when * 1000000 + 400000 * ZT_SCALE)) && break
	done
	if tell "$@"; then not_ok "$name" "it still works"; else ok "$name"; fi
}
sleep_until $((expires - 1))
says "not expired yet, without an agent" a ask e1 hello
sleep_until "$expires"
turns "expired: an established session is cut" $expires a ask e1 hello 0.2
denies "expired: no new one" "TIMEOUT*" a connect e2 "$B" 82 timeout=0.25
sleep_until $((end - 2))
says "within the hours, without an agent" a ask h1 hello
denies "before the others begin" "TIMEOUT*" a connect l1 "$B" 81 timeout=0.25
sleep_until "$end"
turns "the hours end: an established session is cut, 'existing: keep' or not" $end a ask h1 hello 0.2
denies "the hours end: no new one" "TIMEOUT*" a connect h2 "$B" 80 timeout=0.25
says "others begin" a connect l2 "$B" 81
says "a deny after its hours no longer denies" a connect n2 "$B" 83

must agent_start b
denies "the next agent: the hours are over" "TIMEOUT*" a connect h3 "$B" 80 timeout=0.25
says "and others have begun" a connect l3 "$B" 81
denies "what is expired stays so" "TIMEOUT*" a connect e3 "$B" 82 timeout=0.25
expired() { [[ $(ctl b status) == *expired*short* ]]; }
holds "with a warning that names it" expired
