#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# assess_tls - ZTS-3.4-03, 3.4-04 and 3.4-07 on real servers: nginx, openssl s_server, sshd, dovecot;
# strong, weak, expired, and listeners that mean harm. No agent.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/assess.sh
. "$(dirname "$0")/assess.sh"

must host s 12
S=10.77.0.12
ASSESS=(--socket "$TMP/none.sock" assess --netns own --state-dir "$TMP/none" --pin-dir "$TMP/none" --trust "$TMP/none")

probe() { # into $TMP/doc: an assessment with --probe; its exit status is about the level
	on s "$ZTCTL" --json "${ASSESS[@]}" --probe "$@" >"$TMP/doc" 2>"$TMP/doc.err" || :
}
signed() { # NAME DAYS REQ-OPTION...: $TMP/NAME.key, $TMP/NAME.pem, signed by the test's authority
	local name=$1 days=$2
	shift 2
	openssl req -newkey "$@" -nodes -subj "/CN=$name" -keyout "$TMP/$name.key" -out "$TMP/$name.csr" 2>/dev/null &&
		openssl x509 -req -in "$TMP/$name.csr" -CA "$TMP/ca.pem" -CAkey "$TMP/ca.key" -days "$days" \
			-extfile <(echo "subjectAltName=DNS:$name") -out "$TMP/$name.pem" 2>/dev/null &&
		chmod 600 "$TMP/$name.key"
}
tls() { # PORT NAME S_SERVER-OPTION...
	local port=$1 name=$2
	shift 2
	spawn s "tls$port.service" openssl s_server -accept "$S:$port" -cert "$TMP/$name.pem" \
		-key "$TMP/$name.key" -quiet "$@"
	must eventually 5 listening s "$port"
}
stop() { # PORT
	kill "$PID" && must gone "$PID"
}

must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj /CN=ca \
	-keyout "$TMP/ca.key" -out "$TMP/ca.pem" 2>/dev/null
must signed good 90 ec -pkeyopt ec_paramgen_curve:prime256v1
must signed old 10 rsa:2048
must signed small 90 rsa:1024

# --- nothing that speaks TLS; no probe ---------------------------------------------------------

probe
is "without listeners TLS is not applicable" "$(of "$TMP/doc" 3.4-03)" notapplicable
is "without listeners SSH is not applicable" "$(of "$TMP/doc" 3.4-04)" notapplicable
is "without listeners nothing is in the clear" "$(of "$TMP/doc" 3.4-02)" notapplicable

# --- nginx and sshd as they should be ------------------------------------------------------------

cat >"$TMP/nginx.conf" <<-EOT
	daemon off; pid $TMP/nginx.pid; error_log $TMP/log/nginx error; events {}
	http {
		access_log off; client_body_temp_path $TMP/s; proxy_temp_path $TMP/s; fastcgi_temp_path $TMP/s;
		uwsgi_temp_path $TMP/s; scgi_temp_path $TMP/s;
		server { listen $S:80; return 308 https://s.example; }
		server {
			listen $S:443 ssl; ssl_certificate $TMP/good.pem; ssl_certificate_key $TMP/good.key;
			ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE+AESGCM;
		}
	}
EOT
spawn s nginx.service nginx -c "$TMP/nginx.conf"
ssh-keygen -q -t ed25519 -N '' -f "$TMP/hostkey"
mkdir -p /run/sshd
printf '%s\n' "HostKey $TMP/hostkey" 'PidFile none' 'UsePAM no' 'KexAlgorithms curve25519-sha256' \
	'Ciphers aes256-gcm@openssh.com' 'MACs hmac-sha2-512-etm@openssh.com' >"$TMP/sshd_config"
spawn s ssh.service /usr/sbin/sshd -D -e -f "$TMP/sshd_config"
sshd=$PID
must eventually 5 listening s 443
must eventually 5 listening s 22
on s "$ZTCTL" --json "${ASSESS[@]}" >"$TMP/doc" 2>&1
is "without --probe TLS is unknown" "$(of "$TMP/doc" 3.4-03)" unknown
is "without --probe clear text is unknown" "$(of "$TMP/doc" 3.4-02)" unknown
probe --evidence "$TMP/facts"
is "nginx with TLS 1.2 and 1.3 passes" "$(of "$TMP/doc" 3.4-03)" pass
is "sshd with strong algorithms passes" "$(of "$TMP/doc" 3.4-04)" pass
is "HTTP that only sends on is no clear text" "$(of "$TMP/doc" 3.4-02)" pass
is "keys of root alone pass" "$(of "$TMP/doc" 3.4-07)" pass
is "what was done is listed, with the port it came from" "$(jq -r '.facts.banners.data |
	(.done | length) == .connections and all(.done[]; .from_port > 0 and .target and .at)' "$TMP/facts")" true
is "one hello and one old hello for nginx" "$(jq -r '[.facts.banners.data.done[] |
	select(.target == "tcp/10.77.0.12:443") | .what] | join(", ")' "$TMP/facts")" \
	"banner, hello of TLS, hello of TLS 1.1"

# --- sshd as it should not be ------------------------------------------------------------------------

kill "$sshd" && must gone "$sshd"
sed -i 's/^MACs.*/MACs hmac-sha2-256,hmac-sha1/; s/^Kex.*/KexAlgorithms curve25519-sha256/' "$TMP/sshd_config"
chmod 644 "$TMP/good.key" && chmod 755 "$TMP"
spawn s ssh.service /usr/sbin/sshd -D -e -f "$TMP/sshd_config"
sshd=$PID
must eventually 5 listening s 22
tls 4430 old
probe
is "sshd with hmac-sha1 passes in part" "$(of "$TMP/doc" 3.4-04)" partial
like "and it says what" "$(told "$TMP/doc" 3.4-04)" "*:22 *hmac-sha1*"
is "a certificate with ten days left passes in part" "$(of "$TMP/doc" 3.4-03)" partial
like "and it says so" "$(told "$TMP/doc" 3.4-03)" "*:4430 certificate expires in 9 d*"
is "a key that everybody may read fails" "$(of "$TMP/doc" 3.4-07)" fail
like "and it is named" "$(told "$TMP/doc" 3.4-07)" "*file:$TMP/good.key every user*"
stop 4430
chmod 600 "$TMP/good.key"
kill "$sshd" && must gone "$sshd"
sed -i 's/^Ciphers.*/Ciphers 3des-cbc,aes256-ctr/' "$TMP/sshd_config"
spawn s ssh.service /usr/sbin/sshd -D -e -f "$TMP/sshd_config"
sshd=$PID
must eventually 5 listening s 22

# --- TLS as it should not be: each kind on a port of its own -------------------------------------------

weak='ALL:COMPLEMENTOFALL:@SECLEVEL=0'
openssl req -x509 -newkey rsa:2048 -nodes -sha1 -days 90 -subj /CN=sha1 -keyout "$TMP/sha1.key" \
	-out "$TMP/sha1.pem" 2>/dev/null
openssl x509 -req -in "$TMP/good.csr" -CA "$TMP/ca.pem" -CAkey "$TMP/ca.key" -days -1 -out "$TMP/gone.pem" 2>/dev/null
cp "$TMP/good.key" "$TMP/gone.key"
tls 4431 good -cipher "$weak" -tls1_1
tls 4432 small -cipher "$weak"
tls 4433 sha1 -cipher "$weak"
tls 4434 gone
tls 4435 good -tls1_2 -cipher 'eNULL:@SECLEVEL=0'
tls 4436 old -tls1_2 -cipher 'ECDHE-RSA-AES256-SHA384:@SECLEVEL=0'
probe
is "weak TLS fails" "$(of "$TMP/doc" 3.4-03)" fail
all=$(told "$TMP/doc" 3.4-03)
like "TLS 1.1 and older" "$all" "*:4431 accepts TLS 1.1 or older*"
like "RSA of 1024 bits" "$all" "*:4432 RSA key of 1024 bits*"
like "SHA-1" "$all" "*:4433 certificate signed with SHA-1*"
like "self-signed" "$all" "*:4433 self-signed certificate*"
like "expired" "$all" "*:4434 certificate expired*"
like "a cipher that encrypts nothing" "$all" "*:4435 takes a broken cipher*"
like "CBC" "$all" "*:4436 the cipher is not authenticated*"
is "3DES in SSH fails" "$(of "$TMP/doc" 3.4-04)" fail
is "lines for sshd are shown" "$(jq -r '(.assessment // .).checks[] | select(.id == "ZTS-3.4-04") |
	.extra.snippets[0].file' "$TMP/doc")" /etc/ssh/sshd_config.d/10-ztseg.conf
