#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# dp_deadline - a commit that nobody confirms is taken back by the kernel, agent alive or dead, is
# not tried again by a restart, and the confirmed policy is what boots.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
must tell b listen t80 tcp 0.0.0.0 80
B=${HOST_IP4[b]}
open() { tell a connect o "$B" 80 timeout=0.1; }
closed() { ! open; }
newest_is() { # REVISION: of the newest entry of the history
	local list=("$TMP"/b/state/history/*.json)
	jq -e ".revision == $1" "${list[-1]}"
}

# Confirmed: port 80 is open, by a rule.
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
	rules:
	  - {id: in, from: a, to: b, ports: [tcp/80]}
EOT
must agent_start b
says "confirmed: open" a connect s "$B" 80
holds "kept in the state directory" newest_is 1
must agent_stop b

# A change with a deadline of 8 s (longer where the machine is emulated) cuts port 80.
settings b <<<"confirm_within: $((8 * ZT_SCALE))s"
must agent_start b
says "the same file needs no confirmation" a ask s hello
rules b 2 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
EOT
denies "in force, unconfirmed" "TIMEOUT*" a connect x "$B" 80 timeout=0.1
denies "for open sessions too" "TIMEOUT*" a ask s again 0.1
within "taken back with the agent alive" 16 open
within "status says which is in force" 5 jqc b status -- ".policy.revision == 1"
holds "confirmed is still the first" newest_is 1
kill -HUP "${AGENT_PID[b]}"
within "read again, it is held back" 5 jqc b status -- '.policy.hold | .file_held and .reason == "unconfirmed"'
says "and nothing changed" a connect s2 "$B" 80

# The same with the agent killed before the deadline.
rules b 3 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
EOT
denies "revision 3 in force, unconfirmed" "TIMEOUT*" a connect x "$B" 80 timeout=0.1
must agent_kill b
within "taken back with the agent dead" 16 open
must agent_start b
says "a new agent does not try it again" a connect s3 "$B" 80
is "the confirmed one is in force" "$(jqr b status -- .policy.revision)" 1

# As after a reboot: no pins, the unconfirmed file still there.
must agent_stop b
must stop_tool b detach
must agent_start b
is "what boots is the confirmed one" "$(jqr b status -- .policy.revision)" 1
says "and it is in force" a connect s4 "$B" 80

# A restart does not put a running deadline off.
rules b 4 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
EOT
must agent_kill b
must agent_start b
is "restarted before the deadline: still awaited" "$(jqr b status -- .policy.revision)" 4
within "and taken back at it" 16 open
within "as status says" 5 jqc b status -- ".policy.revision == 1"

# A broken file at boot: the confirmed policy.
must agent_stop b
must stop_tool b detach
printf 'version: 1\nnonsense: [\n' | policy b
must agent_start b
is "a broken file at boot: the confirmed one" "$(jqr b status -- .policy.revision)" 1
says "its rule" a connect s5 "$B" 80
