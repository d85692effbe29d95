#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# bad_policy - what cannot be a policy, given to a running agent as its file and as a candidate: a
# clear message with its place, and the policy in force goes on; and what is a policy, but partly in
# vain: in force, with warnings that name the rules.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
for p in 80 81; do must tell b listen t$p tcp 0.0.0.0 $p; done
B=${HOST_IP4[b]}
file=$TMP/b/policy.yaml
text() { # REVISION PORT
	cat <<-EOT
		version: 1
		policy: bad
		revision: $1
		mode: enforced
		hosts:
		  b: {addresses: [$B], labels: {name: b}}
		segments:
		  b: {select: {name: b}}
		  nobody: {select: {name: nobody}}
		boundaries:
		  - {id: b-closed, segment: b, inbound: deny}
		rules:
		  - {id: open, from: any, to: b, ports: [tcp/$2]}
	EOT
}
text 1 80 >"$file"
must agent_start b
epoch=$(jqr b status -- .policy.epoch)
still() { # NAME
	is "$1: revision and epoch" "$(jqr b status -- '"\(.policy.revision) \(.policy.epoch)"')" "1 $epoch"
	says "$1: what was open is" a connect x "$B" 80
	tell a close x
	denies "$1: what was closed is" "TIMEOUT*" a connect x "$B" 81 timeout=0.2
}
bad() { # NAME PATTERN <text: as the agent's file, then as a candidate
	local out status
	cat >"$TMP/b/new"
	cp "$TMP/b/new" "$TMP/staged.yaml"
	mv "$TMP/b/new" "$file"
	within "$1: status says so" 5 jqc b status -- '.policy.load_error != null'
	like "$1: where and why" "$(jqr b status -- .policy.load_error.text)" "$2"
	still "$1"
	out=$(ctl b policy stage "$TMP/staged.yaml" 2>&1)
	status=$?
	is "$1: staged, exit status" "$status" 2
	like "$1: staged, where and why" "$out" "${2//policy.yaml/staged.yaml}"
	is "$1: nothing is held" "$(jqr b status -- '.policy.held // "nothing"')" nothing
	text 1 80 >"$TMP/b/new"
	mv "$TMP/b/new" "$file"
	within "$1: sound again" 5 jqc b status -- '.policy.load_error == null'
}

ln -s policy.yaml "$TMP/b/itself.yaml"
ln -s staged.yaml "$TMP/itself.yaml"
bad "a file that includes itself" "*policy.yaml:14:10*includes itself*" < <(
	text 2 81
	echo "include: itself.yaml"
)
bad "aliases that multiply" "*policy.yaml:14:*anchors and aliases*" < <(
	text 2 81
	echo 'a: &a [x, x, x, x, x, x, x, x, x]'
	printf 'b: [%s]\n' "$(printf '*a, %.0s' $(seq 1000))"
)
bad "a NUL byte" "*policy.yaml:14:1*byte 0x00*" < <(
	text 2 81
	printf '\0'
)
bad "100 MB" "*larger than 16 MB*" < <(
	text 2 81
	yes '# padding' | head -c 100000000
)
bad "3 MB of brackets" "*policy.yaml:14:*131072*" < <(
	text 2 81
	head -c 3000000 /dev/zero | tr '\0' '['
)
bad "a time zone that does not exist" "*policy.yaml:14:*there is no time zone 'Mars/Olympus'*" < <(
	text 2 81
	echo '  - {id: t, from: any, to: b, ports: [tcp/1], when: {hours: Mon, timezone: Mars/Olympus}}'
)
bad "a deny about labels that no host has" "*policy.yaml:14:*no host of the inventory has the labels of segment 'nobody'*" < <(
	text 2 81
	echo '  - {id: d, action: deny, from: nobody, to: b, ports: [any]}'
)
bad "a date that does not exist" "*policy.yaml:14:*'2027-02-29' is not a date*" < <(
	text 2 81
	echo '  - {id: e, from: any, to: b, ports: [tcp/1], expires: 2027-02-29}'
)

# In vain, but a policy: in force, and said.
{
	text 2 81
	cat <<-EOT
		  - {id: no-low-ports, action: deny, from: any, to: b, ports: [tcp/1-1023]}
		  - {id: nobody-calls, from: nobody, to: b, ports: [tcp/8080]}
		  - {id: over, from: any, to: b, ports: [tcp/8081], expires: 2026-01-31}
	EOT
} >"$TMP/b/new"
mv "$TMP/b/new" "$file"
holds "in vain, yet in force" revision b 2
warnings=$(jqr b status -- .policy.warnings)
like "a rule that can never match, and what hides it" "$warnings" \
	"*policy.yaml:13:*rule 'open' can never match: deny rule 'no-low-ports' at *policy.yaml:14*"
like "a selector without hosts is a warning where it allows" "$warnings" \
	"*policy.yaml:15:*no host of the inventory has the labels of segment 'nobody'*"
like "a rule that has expired" "$warnings" "*policy.yaml:16:*rule 'over' has expired (2026-01-31)*"
denies "and so it is judged" "TIMEOUT*" a connect x "$B" 81 timeout=0.2
ctl b policy show --canonical >"$TMP/agent.yaml"
"$ZTCTL" policy show --canonical --file "$file" >"$TMP/offline.yaml"
holds "the canonical form: the agent's is that of the file" diff "$TMP/agent.yaml" "$TMP/offline.yaml"
"$ZTCTL" policy show --canonical --file "$TMP/agent.yaml" >"$TMP/again.yaml" 2>/dev/null
holds "the canonical form reads back to itself" diff "$TMP/agent.yaml" "$TMP/again.yaml"
out=$("$ZTCTL" policy check "$file" 2>&1)
is "policy check: warnings are no error" $? 0
like "policy check: says the same" "$out" "*rule 'open' can never match*rule 'over' has expired*"
