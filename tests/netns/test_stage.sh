#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# stage - a policy held as the candidate is judged beside the one in force and acts on nothing; it
# survives restart and reboot; with `apply: manual` a changed file is held in the same way.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
for p in 80 81; do must tell b listen t$p tcp 0.0.0.0 $p; done
B=${HOST_IP4[b]}
body() { # REVISION MODE <statements: a policy text in file.yaml
	sed "s/^revision: .*/revision: $1/; s/^mode: .*/mode: $2/" "$TMP/b/policy.text" |
		sed '/^boundaries:/,$d'
	cat
}
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
	rules:
	  - {id: web, from: a, to: b, ports: [tcp/80]}
EOT
must agent_start b
says "port 80 is open" a connect s "$B" 80
denies "port 81 is not" "TIMEOUT*" a connect x "$B" 81 timeout=0.1
body 2 enforced >"$TMP/two.yaml" <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
	rules:
	  - {id: other, from: a, to: b, ports: [tcp/81]}
EOT
epoch=$(jqr b status -- .policy.epoch)
out=$(ctl b policy stage "$TMP/two.yaml" --why "quarterly review")
is "staged" $? 0
like "and says what that means" "$out" "*revision 2 is held as the candidate*"
is "status: the revision in force" "$(jqr b status -- .policy.revision)" 1
is "status: the candidate" "$(jqr b status -- '.policy.held_candidate | "\(.revision) \(.why) \(.by.user)"')" \
	"2 quarterly review root"
holds "a new epoch judges by it" jqc b status -- ".policy.epoch > $epoch"
candidate_says() { # PORT: of a new connection
	jqr b flows -- "[.flows[] | select(.dst.port == $1)][0].verdict | \"\(.live.action) \(.candidate.action)\""
}
says "the session goes on" a ask s hello
says "port 80 is open still" a connect s2 "$B" 80
denies "port 81 is closed still" "TIMEOUT*" a connect x "$B" 81 timeout=0.1
is "port 80: allowed, the candidate would deny" "$(candidate_says 80)" "allow deny"
is "port 81: denied, the candidate would allow" "$(candidate_says 81)" "deny allow"
is "a would-deny is a violation by its rule" "$(violated b '.mode == "staged" and .port == 80')" b-closed

# What is not a policy is refused with its place, and changes nothing.
printf 'version: 1\nrules: [\n' >"$TMP/bad.yaml"
out=$(ctl b policy stage "$TMP/bad.yaml" 2>&1)
is "a broken file: exit status" $? 2
like "a broken file: its place" "$out" "*bad.yaml:*"
body 0 enforced </dev/null | sed 's/^revision: .*/revision: 0/' >"$TMP/zero.yaml"
out=$(ctl b policy stage "$TMP/zero.yaml" 2>&1)
is "a revision that goes down: exit status" $? 2
like "a revision that goes down: why" "$out" "*revision goes down*"
is "the candidate is as it was" "$(jqr b status -- .policy.held_candidate.revision)" 2

# Restart, and reboot: it is held still.
must agent_kill b
must agent_start b
is "held after a restart" "$(jqr b status -- .policy.held_candidate.revision)" 2
says "port 80 after a restart" a connect s3 "$B" 80
is "and judged" "$(candidate_says 80)" "allow deny"
must agent_stop b
must stop_tool b detach
must agent_start b
is "held after a reboot" "$(jqr b status -- .policy.held_candidate.revision)" 2
says "port 80 after a reboot" a connect s4 "$B" 80
is "and judged" "$(candidate_says 80)" "allow deny"
must ip -n "$(ns b)" addr add 10.77.0.112/24 dev eth0
within "an address more: compiled again, with it" 3 jqc b status -- '.policy.held_candidate.revision == 2'
says "port 80 at the new address" a connect s5 10.77.0.112 80
is "and judged there" "$(candidate_says 80)" "allow deny"

# Dropped.
holds "dropped" ctl b policy stage --drop
is "no candidate" "$(jqr b status -- .policy.held_candidate)" null
says "port 80 without it" a connect s6 "$B" 80
is "both planes agree" "$(candidate_says 80)" "allow allow"
fails "nothing left to drop" ctl b policy stage --drop

# apply: manual. A changed file is the candidate until it is promoted.
must agent_stop b
settings b <<<"apply: manual"
must agent_start b
policy b <"$TMP/two.yaml"
within "the changed file is the candidate" 5 jqc b status -- '.policy.held_candidate | .revision == 2 and .from_file'
is "and not in force" "$(jqr b status -- .policy.revision)" 1
says "port 80 is as it was" a connect m1 "$B" 80
is "judged by the file" "$(candidate_says 80)" "allow deny"
must agent_kill b
must agent_start b
is "still after a restart" "$(jqr b status -- '.policy.held_candidate | "\(.revision) \(.from_file)"')" "2 true"
is "not in force after a restart" "$(jqr b status -- .policy.revision)" 1
holds "promoted" ctl b policy promote --within 0
is "in force" "$(jqr b status -- .policy.revision)" 2
is "no candidate any more" "$(jqr b status -- .policy.held_candidate)" null
denies "port 80 is closed" "TIMEOUT*" a connect x "$B" 80 timeout=0.1
says "port 81 is open" a connect m2 "$B" 81
sed 's/revision: 2/revision: 3/' "$TMP/two.yaml" | policy b
within "a file changed again" 5 jqc b status -- '.policy.held_candidate.revision == 3'
policy b <"$TMP/two.yaml"
within "and put back: nothing is held" 5 jqc b status -- '.policy.held_candidate == null'
