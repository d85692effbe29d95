#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# promote - statements become enforced with a deadline that the kernel keeps, the agent alive or
# killed; confirmed in time it is final, too late it says so. What is not named is not touched.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
for p in 80 81 82; do must tell b listen t$p tcp 0.0.0.0 $p; done
B=${HOST_IP4[b]}
T=$((3 * ZT_SCALE))
opens() { tell a connect o "$B" "$1" timeout=0.1 && tell a close o; }
closed() { ! opens "$1"; }
text() { # REVISION <statements: a policy over a and b
	sed "s/^revision: .*/revision: $1/" "$TMP/b/policy.text" | sed '/^rules:/,$d'
	printf 'rules:\n'
	cat
}
file_says() { jqr b status -- '.policy | "\(.source) \(.revision)"'; }
rules b 1 staged <<-EOT
	rules:
	  - {id: no-80, action: deny, from: a, to: b, ports: [tcp/80]}
	  - {id: no-81, action: deny, from: a, to: b, ports: [tcp/81]}
EOT
must agent_start b
says "a session on port 80" a connect s80 "$B" 80
says "an idle session on port 80" a connect i80 "$B" 80
says "a session on port 81" a connect s81 "$B" 81

# Not confirmed, the agent killed: the kernel goes back.
out=$(ctl b policy promote no-80 --within "${T}s" --why "closing 80")
is "promoted" $? 0
like "says what is enforced" "$out" "*Enforced now: no-80*"
like "and how to confirm" "$out" "*ztctl policy confirm*"
is "status: who and why" "$(jqr b status -- '.policy | "\(.action) \(.by.user) \(.why) \(.awaits_confirmation)"')" \
	"promote root closing 80 true"
is "status: the promotion" "$(jqr b status -- '.policy.promotions | map("\(.id) \(.mode) \(.percent)") | join(",")')" \
	"no-80 enforced 100"
must agent_kill b
denies "enforced, the agent dead" "TIMEOUT*" a connect x "$B" 80 timeout=0.1
denies "for the session too" "TIMEOUT*" a ask s80 hello 0.1
says "what was not named is not enforced" a ask s81 hello
within "taken back by the kernel, nobody there" $((T + 5)) opens 80
says "an idle session goes on" a ask i80 hello
must agent_start b
is "the next agent knows" "$(jqr b status -- '.policy | "\(.revision) \(.awaits_confirmation) \(.promotions | length)"')" "1 false 0"
out=$(ctl b policy confirm 2>&1)
is "a late confirm fails" $? 1
like "and says why" "$out" "*too late*taken back*"

# The same with the agent alive; then once more, confirmed after a restart.
holds "promoted again" ctl b policy promote no-80 --within "${T}s"
denies "enforced" "TIMEOUT*" a connect x "$B" 80 timeout=0.1
within "taken back with the agent alive" $((T + 5)) opens 80
within "status says so" 5 jqc b status -- '.policy | .awaits_confirmation == false and .promotions == []'
holds "promoted for longer" ctl b policy promote no-80 --within 5m
must agent_kill b
must agent_start b
is "a new agent goes on waiting" "$(jqr b status -- .policy.awaits_confirmation)" true
denies "with it enforced" "TIMEOUT*" a connect x "$B" 80 timeout=0.1
out=$(ctl b policy confirm)
is "confirmed" $? 0
like "as an entry of the history" "$out" "*Confirmed, as entry 2*"
is "final" "$(jqr b status -- '.policy | "\(.awaits_confirmation) \(.confirm_deadline) \(.entry)"')" "false null 2"
denies "enforced" "TIMEOUT*" a connect x "$B" 80 timeout=0.1
out=$(ctl b policy confirm 2>&1)
is "nothing left to confirm" $? 1
like "and it says so" "$out" "*nothing awaits confirmation*"
must agent_kill b
must agent_start b
is "a restart keeps promotions" "$(jqr b status -- '.policy.promotions | map(.id) | join(",")')" no-80
must agent_stop b
must stop_tool b detach
must agent_start b
denies "a reboot too" "TIMEOUT*" a connect x "$B" 80 timeout=0.1
is "the file is still what is in force" "$(file_says)" "file 1"

# A second one while the first is awaited: the way back is the first one's.
holds "a second promotion" ctl b policy promote no-81 --within 5m
holds "and a third over it" ctl b policy promote no-81 --within "${T}s"
denies "no-81 is enforced" "TIMEOUT*" a connect x "$B" 81 timeout=0.1
within "one deadline later" $((T + 5)) opens 81
denies "no-80 still is" "TIMEOUT*" a connect x "$B" 80 timeout=0.1

# Bad questions.
out=$(ctl b policy promote nothing-like-it 2>&1)
is "an unknown name: exit status" $? 2
like "an unknown name: said" "$out" "*no statement 'nothing-like-it'*"
out=$(ctl b policy promote 2>&1)
is "nothing named, no candidate: exit status" $? 2
out=$(ctl b policy promote no-80)
is "what is enforced already: exit status" $? 0
like "what is enforced already: said" "$out" "*Nothing changes*"
fails "a share beyond 99" ctl b policy promote no-81 --percent 100
out=$(ctl b policy promote no-80 --percent 10 2>&1)
is "no smaller share of what is whole" $? 2

# With a candidate. Named: only these, and what is enforced goes on; the rest is held back.
text 2 >"$TMP/two.yaml" <<-EOT
	  - {id: no-80, action: deny, from: a, to: b, ports: [tcp/80]}
	  - {id: no-81, action: deny, from: a, to: b, ports: [tcp/81], mode: enforced}
	  - {id: no-82, action: deny, from: a, to: b, ports: [tcp/82], mode: enforced}
EOT
holds "staged" ctl b policy stage "$TMP/two.yaml"
holds "one rule of the candidate" ctl b policy promote no-82 --within 0
denies "it is enforced" "TIMEOUT*" a connect x "$B" 82 timeout=0.1
denies "what was enforced is" "TIMEOUT*" a connect x "$B" 80 timeout=0.1
holds "what was staged is not, though the new file enforces it" opens 81
is "it is said to be held back" "$(jqr b status -- '.policy.promotions | map("\(.id) \(.mode)") | sort | join(",")')" \
	"no-80 enforced,no-81 staged"
is "the file is another" "$(file_says)" "state 2"
holds "and is held back below revision 3" jqc b status -- '.policy.hold | .reason == "promoted" and .revision == 2'
must agent_kill b
must agent_start b
holds "held back after a restart" opens 81
is "the file is held" "$(jqr b status -- '.policy | "\(.revision) \(.hold.file_held)"')" "2 true"
holds "promoted by its name" ctl b policy promote no-81 --within 0
denies "now it is enforced" "TIMEOUT*" a connect x "$B" 81 timeout=0.1

# It would change or remove what is enforced without naming it: refused.
text 3 >"$TMP/three.yaml" <<-EOT
	  - {id: no-80, action: deny, from: a, to: b, ports: [tcp/80]}
	  - {id: no-82, action: deny, from: a, to: b, ports: [tcp/82, tcp/83]}
	  - {id: no-90, action: deny, from: a, to: b, ports: [tcp/90]}
EOT
holds "staged" ctl b policy stage "$TMP/three.yaml"
epoch=$(jqr b status -- .policy.epoch)
out=$(ctl b policy promote no-90 2>&1)
is "refused: exit status" $? 3
like "refused: what it would touch" "$out" "*no-82 (changed)*no-81 (removed)*"
is "refused: nothing changed" "$(jqr b status -- .policy.epoch)" "$epoch"
holds "all of it named" ctl b policy promote no-90 no-82 no-81 --within 5m
holds "port 81 is open" opens 81
is "the candidate waits for the outcome" "$(jqr b status -- .policy.held_candidate.promoted)" true
holds "taken back" ctl b policy rollback
denies "port 81 is closed again" "TIMEOUT*" a connect x "$B" 81 timeout=0.1
is "the candidate is one again" "$(jqr b status -- '.policy | "\(.revision) \(.held_candidate | "\(.revision) \(.promoted)")"')" "2 3 false"

# As written, and all of it.
holds "as written" ctl b policy promote --within 0
holds "staged by the file, promoted never: open" opens 81
denies "promoted before: enforced still" "TIMEOUT*" a connect x "$B" 80 timeout=0.1
text 4 >"$TMP/four.yaml" <<-EOT
	  - {id: no-80, action: deny, from: a, to: b, ports: [tcp/80]}
	  - {id: no-81, action: deny, from: a, to: b, ports: [tcp/81]}
EOT
holds "staged" ctl b policy stage "$TMP/four.yaml"
holds "all of it" ctl b policy promote --all --within 0
denies "port 81 is closed" "TIMEOUT*" a connect x "$B" 81 timeout=0.1
holds "what the new file does not have is open" opens 82

# A file that rises above is applied by itself, with what was promoted and is still there.
text 5 <<-EOT | put b 5
	  - {id: no-80, action: deny, from: a, to: b, ports: [tcp/80]}
EOT
denies "promoted beside the file" "TIMEOUT*" a connect x "$B" 80 timeout=0.1
holds "gone with its statement" opens 81
