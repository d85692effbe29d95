# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# classes.sh - a client c and a server s with an agent each, and what both agents say is spoken between them.
#
# Sourced first by the tests of encryption classes instead of lib.sh. Servers and clients are Debian's own;
# every case has a port of its own, so that what a port says is what that case said.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# shellcheck disable=SC2034 # of whoever sources this
C=10.77.0.11 S=10.77.0.12

# needs NAME PROGRAM...: true if all are installed; else a skip that names the first that is not.
needs() {
	local name=$1 program
	shift
	for program; do
		command -v "$program" >/dev/null && continue
		skip "$name" "$program is not installed (make deps)"
		return 1
	done
}

two_agents() {
	local h
	must host c 11
	must host s 12
	for h in c s; do must agent_start $h; done
}

certificate() { # $TMP/key.pem, $TMP/cert.pem: readable to the servers' own users
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
		-subj /CN=s.example -addext "subjectAltName=DNS:s.example,IP:$S" \
		-keyout "$TMP/key.pem" -out "$TMP/cert.pem" 2>/dev/null && chmod 644 "$TMP/key.pem"
}

# serve UNIT COMMAND...: on s, in the background.
serve() { spawn s "$@"; }

served() { # COMMAND...: within ten seconds; else what the servers said is told
	eventually 10 "$@" && return
	REPLY=$(tail -n 3 "$TMP"/log/s.*.log "$TMP"/log/s-* 2>/dev/null | tr '\n' '|' | cut -c 1-1500)
	return 1
}

ready() { # PORT...: TCP listeners of s
	local at
	for at; do
		must served listening s "$at"
	done
}

udp_ready() { # PORT...
	local at
	for at; do
		must served bound_udp "$at"
	done
}
bound_udp() { [[ -n $(on s ss -Hlun "sport = :$1") ]]; }

quietly() { # COMMAND...: as a client on c; what it says is in its log
	on c "$@" </dev/null >>"$TMP/log/clients" 2>&1
}

# asks NAME COMMAND...: a client on c whose success is a case of its own: no class without a conversation.
asks() {
	local name=$1
	shift
	if quietly "$@"; then
		ok "$name: client and server understand each other"
	else
		not_ok "$name: client and server understand each other" \
			"status $?: $(tail -n 3 "$TMP/log/clients")"
	fi
}

# What is spoken to PROTO/PORT by the connections of the map, and by the flows; both agents must agree.
spoken() { # PROTO/PORT
	local h filter=".proto == \"${1%/*}\""
	for h in c s; do
		jqr $h map --by address -- "[.edges[] | select($filter and .port == ${1#*/}) |
			.protocols | to_entries[]] | group_by(.key) |
			map(\"\(.[0].key)=\(map(.value) | add)\") | join(\" \")"
		jqr $h flows -- "[.flows[] | select($filter and .dst.port == ${1#*/}) | .protocol] |
			group_by(.) | map(\"\(.[0])=\(length)\") | join(\" \")"
	done | sort -u
}

speaks_so() { # PROTO/PORT WANTED
	local said
	said=$(spoken "$1")
	echo "said: ${said//$'\n'/, or }; wanted: $2"
	[[ $said == "$2" ]]
}

# speaks NAME PROTO/PORT WANTED: "CLASS=CONNECTIONS CLASS=CONNECTIONS", sorted by name.
speaks() {
	within "$1 is $3" "${CLASS_WAIT:-3}" speaks_so "$2" "$3"
}

speaks_only_so() { # PROTO/PORT CLASS
	local said
	said=$(spoken "$1" | sed 's/=[0-9]*//g' | sort -u)
	echo "said: ${said//$'\n'/, or }; wanted: $2"
	[[ $said == "$2" ]]
}

# speaks_only NAME PROTO/PORT CLASS: the same for clients that connect as often as they like
speaks_only() {
	within "$1 is $3" "${CLASS_WAIT:-3}" speaks_only_so "$2" "$3"
}

# covered NAME PROTO/PORT KEY COUNT: as counted in the edge's `encryption`
covered() {
	within "$1 counts as $3" "${CLASS_WAIT:-3}" jqc s map --by address -- "[.edges[] | select(.proto == \"${2%/*}\" and
		.port == ${2#*/}) | .encryption.$3] | add == $4"
}
