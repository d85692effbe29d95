#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# assess_observe - `ztctl assess --observe`: bytes of real connections without an agent, sampled; own
# services told by one handshake; what was there before the window does not count.
. "$(dirname "$0")/lib.sh"

must host c 11
must host s 12
S=10.77.0.12
ASSESS=(--socket "$TMP/none.sock" assess --netns own --state-dir "$TMP/none" --pin-dir "$TMP/none" --trust "$TMP/none")

check() { # FILTER: of ZTS-3.4-01
	jq -r "(.assessment // .).checks[] | select(.id == \"ZTS-3.4-01\") | $1" "$TMP/doc"
}
observe() { # SECONDS [OPTION...]
	on s "$ZTCTL" --json "${ASSESS[@]}" --observe "$1s" --evidence "$TMP/facts.new" "${@:2}" \
		>"$TMP/doc" 2>"$TMP/doc.err" || :
	mv "$TMP/facts.new" "$TMP/facts"
}
fetch() { # NAME URL: in the background, 100 MB at 5 MB/s
	spawn c "$1.service" curl -sSk --limit-rate 5M -o /dev/null "$2"
}

must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=s \
	-keyout "$TMP/key.pem" -out "$TMP/cert.pem" 2>/dev/null
mkdir -p "$TMP/s/www" && truncate -s 100M "$TMP/s/www/file"
chmod 755 "$TMP/s" "$TMP/s/www"
cat >"$TMP/nginx.conf" <<-EOT
	daemon off; user root; pid $TMP/nginx.pid; error_log $TMP/log/nginx error; events {}
	http {
		access_log off; client_body_temp_path $TMP/s; proxy_temp_path $TMP/s; fastcgi_temp_path $TMP/s;
		uwsgi_temp_path $TMP/s; scgi_temp_path $TMP/s; root $TMP/s/www;
		server { listen $S:8080; }
		server { listen $S:443 ssl; ssl_certificate $TMP/cert.pem; ssl_certificate_key $TMP/key.pem; }
	}
EOT
spawn s nginx.service nginx -c "$TMP/nginx.conf"
must eventually 5 listening s 443

observe 1
is "no bytes between hosts: not applicable" "$(check .result)" notapplicable

fetch tls https://$S/file
observe 3
is "bytes to a service that speaks nothing but TLS pass" "$(check .result)" pass
is "sampled, and of less weight" "$(check '"\(.method) \(.grade)"')" "sampled B-"
is "what moved in three seconds was counted, not the whole" "$(check '.numerator > 5000000 and .numerator < 60000000')" true
kill "$PID"
is "one handshake for the port, no old hello" "$(jq -r '[.facts.observed.data.done[] |
	select(.target == "tcp/10.77.0.12:443") | .what] | join(",")' "$TMP/facts")" "banner, hello of TLS"
is "the window is what was asked for" "$(jq -r '.facts.observed.data |
	.window.seconds >= 3 and .window.wanted_seconds == 3 and .samples == 4' "$TMP/facts")" true

fetch plain http://$S:8080/file
observe 2 --probe
is "bytes in the clear fail" "$(check .result)" fail
like "and are named by ends, service and size" "$(check '.offenders[0].resource')" \
	"edge:10.77.0.11>10.77.0.12:tcp/8080"
is "with --probe too there is one handshake a port" "$(jq -r '.facts.observed.data | has("served")' "$TMP/facts")" false

# --- what lives too short to be sampled --------------------------------------------------------------

head -c 300000 /dev/zero >"$TMP/s/www/short"
if on s nft add table inet count '{ chain in { type filter hook input priority 0; ct state new accept; }; }' &&
	on s sh -c 'cd /proc/sys/net/netfilter && echo 1 >nf_conntrack_acct && echo 1 >nf_conntrack_tcp_timeout_time_wait &&
		echo 1 >nf_conntrack_tcp_timeout_close && echo 1 >nf_conntrack_tcp_timeout_last_ack'; then
	kill "$PID" 2>/dev/null
	spawn c short.service sh -c "while :; do curl -sS -o /dev/null http://$S:8080/short; sleep 0.2; done"
	observe 4
	is "conntrack counts what was too short to be sampled" "$(jq -r '.facts.observed.data |
		.conntrack and any(.plaintext_top[]; .service == "tcp/8080" and .connections >= 2 and .bytes > 600000)' \
		"$TMP/facts")" true
	is "and it is in the clear" "$(check .result)" fail
else
	skip "short connections" "this kernel has no connection tracking"
fi
