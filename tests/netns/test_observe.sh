#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 40
# observe - break-glass: nothing is denied for a while, everything is judged and recorded; agent alive
# or dead.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
must tell b listen t80 tcp 0.0.0.0 80
must tell b listen t6 tcp :: 80
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny, outbound: deny}
EOT
must agent_start b
B=${HOST_IP4[b]}
denied() { denies "$1: in" "TIMEOUT*" a connect x "$B" 80 timeout=0.2; denies "$1: out" "EPERM*" b connect x "${HOST_IP4[a]}" 80; }
passes() {
	says "$1: in" a connect c "$B" 80
	says "$1: in, IPv6" a connect c6 "${HOST_IP6[b]}" 80
	denies "$1: out is not refused by us" "ECONNREFUSED*" b connect x "${HOST_IP4[a]}" 80
	tell a close c
	tell a close c6
}
observe() { stop_tool b observe "$@"; }
denied "enforced"
holds "observe" observe --for 2m
passes "observed"
is "status says so" "$(jqr b status -- .agent.observe.active)" true
is "judged all the same" "$(jqr b violations -- '[.violations[] | select(.port == 80) | .rule] | unique | join(" ")')" "b-closed:in b-closed:out"
holds "off" observe --off
denied "off"
holds "for a moment" observe --for 1s
passes "for a moment"
ended() { ! tell a connect x "$B" 80 timeout=0.1; }
within "it ends by itself" 4 ended
must agent_kill b
denied "agent dead"
holds "observe, agent dead" observe --for 2m
passes "observed, agent dead"
holds "off, agent dead" observe --off
denied "off, agent dead"
holds "for good" observe
must agent_start b
passes "a new agent leaves it"
is "for good, says status" "$(jqr b status -- .agent.observe.for_good)" true
holds "off" observe --off
denied "and off"

# The kernel command line says it: nothing is denied from the first packet after boot on.
must agent_stop b
must stop_tool b detach
{ tr -d '\n' </proc/cmdline; echo " ztseg=observe"; } >"$TMP/cmdline"
must mount --bind "$TMP/cmdline" /proc/cmdline
must agent_start b
passes "booted with ztseg=observe"
is "status says so" "$(jqr b status -- .agent.observe.active)" true
must umount /proc/cmdline
