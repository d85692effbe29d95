#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# unconfirmed - a reboot with something unconfirmed boots what was confirmed; the file does not make
# a promotion final that nobody confirmed; `confirm_within` is the deadline of a file's change.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
for p in 80 81; do must tell b listen t$p tcp 0.0.0.0 $p; done
B=${HOST_IP4[b]}
T=$((3 * ZT_SCALE))
opens() { tell a connect o "$B" "$1" timeout=0.1 && tell a close o; }
boot_id() { # the kernel's, for agents that start from now on
	umount /proc/sys/kernel/random/boot_id 2>/dev/null
	cat /proc/sys/kernel/random/uuid >"$TMP/boot_id"
	mount --bind "$TMP/boot_id" /proc/sys/kernel/random/boot_id
}
state() { jqr b status -- '.policy | "\(.revision) \(.awaits_confirmation) \(.promotions | length)"'; }
rules b 1 staged <<-EOT
	rules:
	  - {id: no-80, action: deny, from: a, to: b, ports: [tcp/80]}
	  - {id: no-81, action: deny, from: a, to: b, ports: [tcp/81]}
EOT
text() { # REVISION MODE
	sed "s/^revision: .*/revision: $1/; s/^mode: .*/mode: $2/" "$TMP/b/policy.text"
}
must agent_start b

# Rebooted while a promotion waits: another boot id, no pins, the same state directory.
holds "promoted" ctl b policy promote no-80 --within 1h
fails "port 80 is closed" opens 80
must agent_kill b
must stop_tool b detach
must boot_id
must agent_start b
is "what boots is what was confirmed" "$(state)" "1 false 0"
holds "port 80 is open" opens 80
is "no trace of it in the history" "$(jqr b policy history -- '.entries | length')" 1

# The same with a policy of a higher revision as the candidate: it is a candidate again.
text 2 enforced >"$TMP/two.yaml"
holds "staged" ctl b policy stage "$TMP/two.yaml"
holds "promoted" ctl b policy promote --within 1h
fails "port 80 is closed" opens 80
must agent_kill b
must stop_tool b detach
must boot_id
must agent_start b
is "what boots is what was confirmed" "$(state)" "1 false 0"
holds "port 80 is open" opens 80
is "the candidate is held" "$(jqr b status -- '.policy.held_candidate | "\(.revision) \(.promoted)"')" "2 false"
text 2 staged | sed 's/no-81/no-8181/' | policy b
within "a file of that revision is held back" 5 jqc b status -- '.policy.hold | .file_held and .revision == 2'
# Pins that outlive the boot id are no excuse either.
holds "promoted" ctl b policy promote no-80 no-81 --within 1h
must agent_kill b
must boot_id
must agent_start b
is "another boot: taken back" "$(state)" "1 false 0"
holds "port 80 is open" opens 80
holds "dropped" ctl b policy stage --drop

# The file changes while a promotion waits: it waits too, and is applied after.
holds "promoted" ctl b policy promote no-80 --within 5m
text 5 staged | policy b
within "the file waits" 5 jqc b status -- '.policy.hold | .file_held and .reason == "pending"'
is "the promotion is not final" "$(state)" "1 true 1"
holds "taken back" ctl b policy rollback
within "then the file is applied" 8 jqc b status -- '.policy.revision == 5'
is "without the promotion" "$(state)" "5 false 0"
holds "port 80 is open" opens 80
holds "promoted" ctl b policy promote no-80 --within 5m
text 6 staged | policy b
within "the file waits" 5 jqc b status -- '.policy.hold.file_held'
holds "confirmed" ctl b policy confirm
within "then the file is applied" 8 jqc b status -- '.policy.revision == 6'
is "with the promotion" "$(state)" "6 false 1"
fails "port 80 is closed" opens 80

# confirm_within: a change of the file is taken back unless confirmed.
must agent_stop b
settings b <<<"confirm_within: ${T}s"
must agent_start b
is "the same file needs no confirmation" "$(state)" "6 false 1"
text 7 enforced | policy b
within "in force, to be confirmed" 5 jqc b status -- '.policy | .revision == 7 and .awaits_confirmation'
fails "port 81 is closed" opens 81
within "taken back" $((T + 5)) opens 81
within "status says so" 5 jqc b status -- '.policy | .revision == 6 and (.hold | .file_held and .reason == "unconfirmed")'
text 8 enforced | policy b
within "in force, to be confirmed" 5 jqc b status -- '.policy | .revision == 8 and .awaits_confirmation'
holds "confirmed" ctl b policy confirm
is "it stays" "$(state)" "8 false 0"
fails "port 81 is closed" opens 81
holds "the default of a promotion is that too" ctl b policy rollback --revision 6
holds "promoted without a time" ctl b policy promote no-81
fails "port 81 is closed" opens 81
within "taken back after it" $((T + 5)) opens 81
