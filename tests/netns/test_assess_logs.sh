#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where records go, by a real rsyslog (ZTS-3.6-01, -02, -04): nothing, UDP, TCP in the clear, TLS with anybody, with a
# certificate, with a name, RELP; the collector down; a nonce that arrives and is signed for. With an agent TLS is seen.
# Processes of others are not seen; before lib.sh, whose cgroup is cleaned up by the shell that made it.
[[ $EUID != 0 || ${ZT_PIDNS:-} ]] || ZT_PIDNS=1 exec unshare --pid --fork --mount-proc -- bash "$0" "$@"
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/assess.sh
. "$(dirname "$0")/assess.sh"
zt_begin
command -v rsyslogd >/dev/null || { skip "all" "no rsyslogd"; exit; }
must host app 1
must host log 2
server=${HOST_IP4[log]}
mkdir -p "$TMP/trust/collector" "$TMP/tls"

facts() { # JQ: of a new run on app
	ctlj app assess --state-dir "$TMP/app/state" --trust "$TMP/trust" --pin-dir "$TMP/app/bpf/ztseg" \
		--evidence "$TMP/facts.json" >"$TMP/doc.json"
}

# --- certificates: one authority, a server with a name, a client ---------------------------------------
(
	cd "$TMP/tls" || exit 1
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca
	for name in log.test app.test; do
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $name.key -out $name.csr -subj /CN=$name
		printf 'subjectAltName=DNS:%s\n' $name >ext
		openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out $name.pem
	done
) >/dev/null 2>&1

globals() { # NAME
	printf 'global(workDirectory="%s" DefaultNetstreamDriver="gtls" DefaultNetstreamDriverCAFile="%s" ' "$TMP" "$TMP/tls/ca.pem"
	printf 'DefaultNetstreamDriverCertFile="%s" DefaultNetstreamDriverKeyFile="%s")\n' "$TMP/tls/$1.pem" "$TMP/tls/$1.key"
}

# --- the collector: plain, TLS, RELP, UDP ------------------------------------------------------------------
{
	globals log.test
	cat <<-EOT
		module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
		module(load="imptcp")
		module(load="imudp")
		module(load="imrelp")
		input(type="imtcp" port="6514")
		input(type="imptcp" port="514")
		input(type="imudp" port="514")
		input(type="imrelp" port="2514")
		action(type="omfile" file="$TMP/arrived" template="RSYSLOG_FileFormat")
	EOT
} >"$TMP/log.conf"
spawn log rsyslog.service rsyslogd -n -f "$TMP/log.conf" -i NONE
COLLECTOR=$PID
must eventually 5 listening log 6514
must eventually 5 listening log 2514

# --- the host's own -------------------------------------------------------------------------------------------
forward() { # <actions: rsyslogd on app anew
	if [[ ${SENDER:-} ]]; then
		kill -KILL "$SENDER"
		gone "$SENDER" 5
	fi
	{
		globals app.test
		echo 'module(load="imuxsock" SysSock.Use="off")'
		echo "input(type=\"imuxsock\" Socket=\"$TMP/devlog\")"
		cat
	} >"$TMP/app.conf"
	rm -f "$TMP/devlog"
	spawn app rsyslog.service rsyslogd -n -f "$TMP/app.conf" -i NONE
	SENDER=$PID
	eventually 5 test -S "$TMP/devlog"
	drill && { [[ ${1:-} ]] || eventually 5 arrived; }
}
drill() {
	NONCE=$(ctlj app drill log --log-socket "$TMP/devlog" --state-dir "$TMP/app/state" | jq -r .body.nonce)
	[[ $NONCE ]]
}
arrived() { grep -q "nonce=$NONCE" "$TMP/arrived"; }

facts
is "no log service" "$(of "$TMP/doc.json" 3.6-01 .result) $(of "$TMP/doc.json" 3.6-02 .result)" "fail notapplicable"
must forward quiet <<<"action(type=\"omfile\" file=\"$TMP/kept\")"
facts
is "a service that keeps everything here" "$(of "$TMP/doc.json" 3.6-01 .result) $(of "$TMP/doc.json" 3.6-02 .result)" "fail notapplicable"
is "it does not count what it loses" "$(of "$TMP/doc.json" 3.6-04 .result)" unknown

must forward <<<"*.* @$server:514"
facts
is "UDP" "$(of "$TMP/doc.json" 3.6-01 .result) $(of "$TMP/doc.json" 3.6-02 .result)" "fail fail"

must forward <<<"*.* @@$server:514"
facts
is "TCP in the clear" "$(of "$TMP/doc.json" 3.6-01 .result) $(of "$TMP/doc.json" 3.6-02 .result)" "partial fail"
like "its connection is the one that carries" "$(jq -c '.facts.logs.data.targets[0] | [.connected, .bytes_acked > 100]' "$TMP/facts.json")" '\[true,true\]'

tls() { # AUTHMODE [MORE]
	echo "action(type=\"omfwd\" target=\"$server\" port=\"6514\" protocol=\"tcp\" StreamDriver=\"gtls\" StreamDriverMode=\"1\" StreamDriverAuthMode=\"$1\" ${2:-})"
}
must forward <<<"$(tls anon)"
facts
is "TLS with anybody" "$(of "$TMP/doc.json" 3.6-01 .result) $(of "$TMP/doc.json" 3.6-02 .result)" "partial partial"
like "with anybody, it says" "$(of "$TMP/doc.json" 3.6-02 '.offenders[0].text.en')" '*no certificate is checked'
must forward <<<"$(tls x509/certvalid)"
facts
like "TLS with any certificate" "$(of "$TMP/doc.json" 3.6-02 '"\(.result) \(.offenders[0].text.en)"')" 'partial*no name is checked'

# --- the agent sees the handshake ---------------------------------------------------------------------------
cat >"$TMP/app/policy.yaml" <<-EOT
	version: 1
	policy: logs
	revision: 1
	mode: enforced
	hosts:
	  app: {addresses: [${HOST_IP4[app]}], labels: {role: app}}
	  log: {addresses: [$server], labels: {role: log}}
EOT
must forward <<<"$(tls x509/name 'StreamDriverPermittedPeers="log.test"')"
facts
is "TLS with a name, seen by nobody" "$(of "$TMP/doc.json" 3.6-02 .result)" partial
must agent_start app --host app
must forward <<-EOT
	module(load="impstats" interval="1" log.file="$TMP/stats" log.syslog="off")
	$(tls x509/name 'StreamDriverPermittedPeers="log.test"')
EOT
facts
is "TLS with a name, seen by the agent" "$(of "$TMP/doc.json" 3.6-02 '"\(.result) \(.numerator)/\(.denominator)"')" "pass 1/1"
is "a few decisions are no share" "$(of "$TMP/doc.json" 3.6-03 .result)" unknown
eventually 5 test -s "$TMP/stats"
facts
is "counters of impstats" "$(jq -c '.facts.log_loss.data.sources[] | select(.name == "rsyslog") | .lost' "$TMP/facts.json")" 0

# --- what the collector signs for ------------------------------------------------------------------------------
is "without a receipt it is partial" "$(of "$TMP/doc.json" 3.6-01 .result)" partial
holds "the collector signs" ctl log receipt "$TMP/arrived" --out "$TMP" --state-dir "$TMP/log/state"
is "one file for this host" "$(jq -r '.kind' "$TMP"/receipt-*.json)" receipt
fails "its key is not known here: nothing is kept" \
	sh -c "'$ZTCTL' evidence add '$TMP'/receipt-*.json --state-dir '$TMP/app/state' --trust '$TMP/trust'"
facts
is "and nothing passes by it" "$(of "$TMP/doc.json" 3.6-01 .result)" partial
install -m 644 "$TMP/log/state/keys/host.pub" "$TMP/trust/collector/siem.pub"
ctl app evidence add "$TMP"/receipt-*.json --state-dir "$TMP/app/state" --trust "$TMP/trust" >/dev/null
facts
is "with a receipt it passes" "$(of "$TMP/doc.json" 3.6-01 '"\(.result) \(.grade)"')" "pass A"
fails "no nonce, no receipt" ctl log receipt /dev/null --out "$TMP" --state-dir "$TMP/log/state"

# --- RELP, and a collector that is gone --------------------------------------------------------------------------
rm -f "$TMP/app/state/records/"*
must forward <<-EOT
	module(load="omrelp")
	action(type="omrelp" target="$server" port="2514")
EOT
facts
is "RELP in the clear" "$(of "$TMP/doc.json" 3.6-01 .result) $(of "$TMP/doc.json" 3.6-02 .result)" "partial fail"
kill -KILL "$COLLECTOR"
gone "$COLLECTOR" 5
facts
is "a collector that is gone" "$(of "$TMP/doc.json" 3.6-01 .result)" fail
