# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# scenario.sh - what the measuring scripts share: pairs of namespaces, agents, policies, samples.
#
# Sourced after "declare -A net" has named the scenarios; it sources lib.sh.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../netns/lib.sh"

bench=$ZT_OUT/bench
port=7000
ports=7000-7031 # as many listeners as load.c and storm.c have

# --- scenarios ----------------------------------------------------------------------------

# Fixed neighbours and no IPv6: nothing but the load is on the cable.
scenario() { # NAME
	local n=${net[$1]} side
	for side in h p; do
		netns "$1-$side"
		on "$1-$side" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
			echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
	done
	must link "$1-h" eth0 "10.77.$n.1/24" "$1-p" eth0 "10.77.$n.2/24"
	must ip -n "$(ns "$1-h")" neigh replace "10.77.$n.2" lladdr "$(mac "$1-p" eth0)" dev eth0
	must ip -n "$(ns "$1-p")" neigh replace "10.77.$n.1" lladdr "$(mac "$1-h" eth0)" dev eth0
}

nft_rules() {
	on nft-h nft -f - <<-EOT
		table inet bench {
			set peers {
				type ipv4_addr
				elements = { 10.77.${net[nft]}.2, 10.9.0.1, 10.9.0.2, 10.9.0.3, 10.9.0.4 }
			}
			chain input {
				type filter hook input priority 0; policy drop;
				ct state established,related counter accept
				ct state new ip saddr @peers counter accept
			}
			chain output {
				type filter hook output priority 0; policy drop;
				ct state established,related counter accept
				ct state new ip daddr @peers counter accept
			}
		}
	EOT
}

# A policy in which the host's own traffic is allowed by its last rules only. Staged statements
# make the candidate differ from what is in force: both verdicts are worked out.
policy_text() { # NAME SEGMENTS HOSTS-PER-SEGMENT RULES-PER-SEGMENT REVISION
	awk -v net="10.77.${net[$1]}" -v segments="$2" -v hosts="$3" -v rules="$4" -v revision="$5" \
		-v ports="$ports" 'BEGIN {
		print "version: 1\npolicy: bench\nrevision: " revision "\nmode: enforced\nhosts:"
		print "  self: {addresses: [" net ".1], labels: {role: self}}"
		print "  peer: {addresses: [" net ".2], labels: {app: a0}}"
		for (s = 0; s < segments; s++)
			for (h = s ? 0 : 2; h < hosts; h++) {
				n = s * hosts + h
				printf "  h%d: {addresses: [10.%d.%d.%d], labels: {app: a%d}}\n", n,
					128 + n / 65536, n / 256 % 256, n % 256, s
			}
		print "segments:\n  self: {select: {role: self}}"
		for (s = 0; s < segments; s++)
			printf "  app%d: {select: {app: a%d}}\n", s, s
		print "boundaries:\n  - {segment: self, inbound: deny, outbound: deny}\nrules:"
		for (s = segments - 1; s >= 0; s--)
			for (r = s ? 0 : 3; r < rules; r++)
				printf "  - {id: r%d-%d, from: app%d, to: self, ports: [tcp/%d]}\n",
					s, r, s, 9000 + r * 7 + s % 5
		print "  - {id: staged, action: deny, from: app0, to: self, ports: [tcp/9999], mode: staged}"
		print "  - {id: in, from: app0, to: self, ports: [tcp/" ports ", udp/7000]}"
		print "  - {id: out, from: self, to: app0, ports: [tcp/" ports ", udp/7000]}"
	}'
}

small() { policy_text "$1" 2 5 5 "$2"; }
large() { policy_text "$1" 1000 100 10 "$2"; }

# --- agents --------------------------------------------------------------------------------

attach() { # NAME
	agent_start "$1-h" --host self --interface eth0 || {
		tail -n 5 "$TMP/$1-h/agent.log" >&2
		must false "the agent of $1"
	}
	guarded=$1
}

guarded= # the scenario whose agent is running

detach() { # NAME: all of it, so that the others are measured on an untouched machine
	guarded=
	must agent_stop "$1-h"
	must on "$1-h" "$ZTCTL" detach --pin-dir "$TMP/$1-h/bpf/ztseg" \
		>>"$TMP/log/detach" 2>&1
}

# --- samples --------------------------------------------------------------------------------

# A value that is not a time of a batch: {"kind": K, "name": N, "ops": 1, UNIT: V}
sample() { # KIND NAME KEY VALUE
	printf '{"kind": "%s", "name": "%s", "ops": 1, "%s": %s}\n' "$@"
}

peak_kb() { # PID: the most memory it ever had
	awk '/^VmHWM:/ { print $2 }' "/proc/$1/status"
}

# A clock of the wall around one command [ns]. Its output is of no interest.
timed() { # KIND NAME COMMAND...
	local kind=$1 name=$2 began=${EPOCHREALTIME/./}
	shift 2
	# 3 is an answer too: the policy would cut something.
	"$@" >"$TMP/log/timed" 2>&1 || (($? == 3)) || { cat "$TMP/log/timed" >&2; must false "$*"; }
	sample "$kind" "$name" ns $(((${EPOCHREALTIME/./} - began) * 1000))
}
