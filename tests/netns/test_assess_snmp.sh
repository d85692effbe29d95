#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# assess_snmp - SNMP told by version 3's discovery on any port, communities by its configuration; and a
# service in another network namespace, probed from inside it. No community is ever sent.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/assess.sh
. "$(dirname "$0")/assess.sh"

must host s 12
S=10.77.0.12
ASSESS=(--socket "$TMP/none.sock" assess --state-dir "$TMP/none" --pin-dir "$TMP/none" --trust "$TMP/none" --probe)

# Its own process and mount namespaces: no other process of the machine is there to be found.
cat >"$TMP/inside.sh" <<-EOT
	mount -t proc proc /proc
	for program; do sh -c "\$program" >>"$TMP/log/inside" 2>&1 & done
	for _ in \$(seq 100); do
		[ "\$(ss -Hlun | grep -c ":1610 ")\$(nsenter --net=/run/netns/$(ns c) ss -Hltn | grep -c ":4433 ")" = "\$WANT" ] && break
		sleep 0.1
	done
	exec "$ZTCTL" --json ${ASSESS[*]} --netns all --evidence "$TMP/facts.new"
EOT
assess() { # WANT COMMAND...: assessed with these running
	local want=$1
	shift
	on s env WANT="$want" unshare --pid --fork --kill-child --mount -- bash "$TMP/inside.sh" "$@" >"$TMP/doc" 2>"$TMP/doc.err" || :
	mv "$TMP/facts.new" "$TMP/facts"
}
seen() { # PORT
	jq -r --argjson p "$1" '[.facts.banners.data.listeners[] | select(.port == $p) | "\(.service) \(.clear)"] |
		join("; ")' "$TMP/facts"
}
snmpd="env SNMP_PERSISTENT_DIR=$TMP/s snmpd -f -C -I -smux -c $TMP/snmpd.conf -Lf $TMP/log/snmpd -p $TMP/s/pid udp:$S:1610"

netns c
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=c \
	-keyout "$TMP/key.pem" -out "$TMP/cert.pem" 2>/dev/null
link s up0 - c eth0 10.78.0.1/24

printf '%s\n' 'rocommunity a-word-that-is-not-guessed' >"$TMP/snmpd.conf"
assess 11 "$snmpd" "nsenter --net=/run/netns/$(ns c) openssl s_server -accept 10.78.0.1:4433 -cert $TMP/cert.pem \
	-key $TMP/key.pem -quiet </dev/zero"
is "SNMP on another port, with a community" "$(seen 1610)" "snmp yes"
is "takes clear text" "$(of "$TMP/doc" 3.4-02)" fail
is "a service in another namespace is probed from inside it" "$(seen 4433)" "tls no"
is "and judged: it signed for itself" "$(of "$TMP/doc" 3.4-03)" partial
fails "no community was sent" grep -q "a-word-that-is-not-guessed" "$TMP/doc" "$TMP/facts"

printf '%s\n' 'createUser auditor SHA a-long-passphrase AES' 'rouser auditor authpriv' >"$TMP/snmpd.conf"
assess 10 "$snmpd"
is "SNMP with version 3 alone" "$(seen 1610)" "snmp no"
is "which a file alone says: no full pass" "$(of "$TMP/doc" 3.4-02)" partial
