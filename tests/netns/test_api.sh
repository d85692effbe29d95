#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 40
# api - the agent's socket tells people apart by their groups, and opens no path that a client names.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
must tell b listen t80 tcp 0.0.0.0 80
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
EOT
# The groups exist in this test only: /etc/group as its own mount namespace sees it.
sed '/^ztseg/d' /etc/group >"$TMP/group"
printf 'ztseg:x:64801:\nztseg-admin:x:64802:\n' >>"$TMP/group"
must mount --bind "$TMP/group" /etc/group
must agent_start b
as() { # USER GROUP ARGUMENT...: ztctl as that user
	local user=$1 groups=--clear-groups
	[[ -n $2 ]] && groups=--groups=$2
	shift 2
	on b setpriv --reuid "$user" --regid "$user" "$groups" -- \
		"$ZTCTL" --socket "$TMP/b/run/agent.sock" "$@"
}
reads="status flows violations map"
for c in $reads "policy show" "policy explain a b tcp/80"; do
	# shellcheck disable=SC2086
	{
		as 0 '' $c >/dev/null 2>&1
		like "root: $c" $? "[03]"
		as 65534 64801 $c >/dev/null 2>&1
		like "group ztseg: $c" $? "[03]"
		as 65534 64802 $c >/dev/null 2>&1
		like "group ztseg-admin: $c" $? "[03]"
		fails "anyone else: $c" as 65534 '' $c
		fails "another group: $c" as 65534 100 $c
	}
done
like "the refusal says why" "$(as 65534 '' status 2>&1)" "*ztseg*"
denies "enforced" "TIMEOUT*" a connect x "${HOST_IP4[b]}" 80 timeout=0.2
fails "anyone else: observe" as 65534 '' observe --for 1m
fails "group ztseg: observe" as 65534 64801 observe --for 1m
denies "still enforced" "TIMEOUT*" a connect x "${HOST_IP4[b]}" 80 timeout=0.2
holds "group ztseg-admin: observe" as 65534 64802 observe --for 1m
says "observed" a connect x "${HOST_IP4[b]}" 80
holds "group ztseg-admin: observe --off" as 65534 64802 observe --off
denies "enforced again" "TIMEOUT*" a connect y "${HOST_IP4[b]}" 80 timeout=0.2
fails "group ztseg: detach" as 65534 64801 detach
denies "still enforced" "TIMEOUT*" a connect y "${HOST_IP4[b]}" 80 timeout=0.2

# Requests that are none: each gets an answer or the door, and the agent goes on.
raw() { # HEX: what the agent says to these bytes
	printf '%b' "$(sed 's/../\\x&/g' <<<"$1")" | timeout 3 socat -t1 - "UNIX-CONNECT:$TMP/b/run/agent.sock" | tail -c +5
}
frame() { # TEXT: its frame in hex
	printf '%08x' "${#1}"
	printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'
}
like "an unknown command" "$(raw "$(frame '{"command":"reboot"}')")" '*"ok":*false*"code":*2*'
like "not JSON" "$(raw "$(frame 'hello')")" '*"ok":*false*'
like "an unknown argument" "$(raw "$(frame '{"command":"status","args":{"path":"/etc/shadow"}}')")" '*"ok":*false*'
like "a path for a policy" "$(raw "$(frame '{"command":"policy check","args":{"path":"/etc/shadow"}}')")" '*"ok":*false*'
raw ffffffff00 >/dev/null
raw 00000010 >/dev/null
raw "$(frame "$(printf '[%.0s' {1..5000})")" >/dev/null
holds "the agent is there after all of them" ctl b status
is "the same one" "$(jqr b status -- .agent.pid)" "${AGENT_PID[b]}"
