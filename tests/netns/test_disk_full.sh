#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 40
# disk_full - what a commit needs on disk is written before it is in force: a full disk refuses it
# with a message, the running policy goes on, and when there is room again things go on by themselves.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
for p in 80 81; do must tell b listen t$p tcp 0.0.0.0 $p; done
B=${HOST_IP4[b]}
opens() { tell a connect o "$B" "$1" timeout=0.1 && tell a close o; }
open_for() { # REVISION PORT [COMMAND]
	rules_text "$1" "$2" | policy b
}
rules_text() {
	sed "s/^revision: .*/revision: $1/; s|tcp/[0-9]*|tcp/$2|" "$TMP/b/policy.text"
}
fill() { # leaves a page or none
	dd if=/dev/zero of="$TMP/b/state/filler" bs=4096 2>/dev/null
	[[ $(stat -fc %a "$TMP/b/state") == 0 ]]
}
must mount -t tmpfs -o size=1m,mode=700 tmpfs "$TMP/b/state"
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
	rules:
	  - {id: open, from: a, to: b, ports: [tcp/80]}
EOT
must agent_start b
says "revision 1" a connect s "$B" 80
must fill
epoch=$(jqr b status -- .policy.epoch)

open_for 2 81
within "the file's change is refused: status says why" 5 \
	jqc b status -- '.policy.load_error.text | test("No space left on device")'
is "nothing is in force that was not" "$(jqr b status -- '.policy | "\(.revision) \(.epoch)"')" "1 $epoch"
says "its session goes on" a ask s hello
holds "its port is open" opens 80
fails "the new one's is not" opens 81
rules_text 3 81 >"$TMP/three.yaml"
out=$(ctl b policy stage "$TMP/three.yaml" 2>&1)
is "stage: exit status" $? 1
like "stage: why" "${out//$'\n'/ }" "*candidate cannot be kept*No space left on device*"
out=$(ctl b policy promote --all 2>&1)
is "promote of what is enforced already needs no room" $? 0
out=$(ctl b policy rollback 1 2>&1)
is "rollback: exit status" $? 1
like "rollback: why" "${out//$'\n'/ }" "*cannot be kept*No space left on device*what was in force stays*"
is "no epoch was spent" "$(jqr b status -- .policy.epoch)" "$epoch"
like "nothing half written is left" "$(ls "$TMP/b/state" "$TMP/b/state/history")" "*000001.json"
fails "and no unfinished commit" test -e "$TMP/b/state/pending.json"
must agent_kill b
must agent_start b
holds "a restart with the disk full: revision 1" opens 80
is "and its history" "$(jqr b policy history -- '"\(.entries | length) \(.intact)"')" "1 true"

# A confirmation does not fail for want of room.
rm "$TMP/b/state/filler"
within "room again: the file is applied by itself" 8 jqc b status -- '.policy.revision == 2'
holds "revision 2" opens 81
holds "staged" ctl b policy stage "$TMP/three.yaml"
holds "to be confirmed" ctl b policy promote --within 5m
must fill
holds "confirmed with the disk full" ctl b policy confirm
is "kept" "$(jqr b policy history -- '"\(.entries | map(.revision) | join(" ")) \(.intact)"')" "1 2 3 true"
must agent_kill b
must agent_start b
is "and there after a restart" "$(jqr b status -- '.policy | "\(.revision) \(.awaits_confirmation)"')" "3 false"
