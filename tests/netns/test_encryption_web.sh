#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# encryption_web - HTTP, HTTP/2, TLS 1.0 to 1.3, DTLS and QUIC between real servers and clients, told apart.
. "$(dirname "$0")/classes.sh"

two_agents
must certificate
nginx=$TMP/s/nginx
mkdir -p "$nginx"

# A server block for every version; old ones want the security level of their time.
{
	echo "daemon off; user root; worker_processes 1; pid $nginx/pid; error_log $nginx/error.log;"
	echo "events { worker_connections 64; }"
	echo "http { access_log off; client_body_temp_path $nginx; proxy_temp_path $nginx;"
	echo "fastcgi_temp_path $nginx; uwsgi_temp_path $nginx; scgi_temp_path $nginx;"
	echo "ssl_certificate $TMP/cert.pem; ssl_certificate_key $TMP/key.pem; ssl_ciphers ALL:@SECLEVEL=0;"
	echo "server { listen 80; listen [::]:80; location / { return 200 hello; } }"
	echo "server { listen 81 http2; location / { return 200 hello; } }"
	for v in 440:TLSv1 441:TLSv1.1 442:TLSv1.2 443:TLSv1.3 444:TLSv1.3 445:TLSv1.2 447:TLSv1.2 448:TLSv1.3 449:TLSv1.3; do
		echo "server { listen ${v%:*} ssl; listen [::]:${v%:*} ssl; ssl_protocols ${v#*:};"
		echo "location / { return 200 hello; } }"
	done
	echo "server { listen 446 ssl; ssl_protocols TLSv1.3; ssl_ecdh_curve secp384r1; }"
	echo "}"
} >"$nginx/nginx.conf"
serve nginx.service /usr/sbin/nginx -e "$nginx/error.log" -c "$nginx/nginx.conf"
ready 80 81 440 441 442 443 444 445 446 447 448 449

web() { quietly curl -sSk --max-time $((5 * ZT_SCALE)) --ciphers ALL:@SECLEVEL=0 "$@"; }
browses() { # NAME CURL-ARGUMENT...
	local name=$1
	shift
	asks "$name" curl -sSk --max-time $((5 * ZT_SCALE)) --ciphers ALL:@SECLEVEL=0 "$@"
}

like_tls() { # PORT VERSION
	local said
	said=$(spoken "tcp/$1")
	echo "$said"
	[[ $said == @("tls=1"|"tls$2=1") ]]
}

browses "HTTP, two requests of one connection" http://$S/a http://$S/b
speaks "HTTP" tcp/80 "http=1"
covered "HTTP" tcp/80 plaintext 1
browses "HTTP/2 in the clear" --http2-prior-knowledge http://$S:81/
speaks "HTTP/2 in the clear" tcp/81 "http2=1"
for v in 440:1.0 441:1.1 442:1.2 443:1.3; do
	browses "TLS ${v#*:}" --tlsv${v#*:} --tls-max ${v#*:} https://$S:${v%:*}/
	speaks "TLS ${v#*:}" tcp/${v%:*} "tls${v#*:}=1"
	covered "TLS ${v#*:}" tcp/${v%:*} tls 1
done
browses "TLS 1.3 over IPv6" "https://[fd77::12]:443/"
speaks "with IPv6 beside it" tcp/443 "tls1.3=2"
browses "TLS 1.3 after a HelloRetryRequest" https://$S:446/
speaks "TLS 1.3 after a HelloRetryRequest" tcp/446 "tls1.3=1"
quietly openssl s_client -connect $S:447 -tls1_2 -reconnect
speaks "TLS 1.2, a session resumed five times" tcp/447 "tls1.2=6"
web http://$S:448/
speaks "HTTP to a TLS port" tcp/448 "http=1"
fails "TLS 1.0 is refused by a server of 1.3" web --tlsv1.0 --tls-max 1.0 https://$S:449/
speaks "TLS that came to no version" tcp/449 "tls=1"

# --- in pieces ----------------------------------------------------------------------------
# Segments of 64 bytes end before the ServerHello says its version: it may stay open, never be wrong.
must ip -n "$(ns c)" route add $S/32 dev eth0 advmss 76
browses "TLS 1.3 in small segments" --tlsv1.3 https://$S:444/
within "TLS 1.3 in small segments is TLS" 5 like_tls 444 1.3
browses "TLS 1.2 in small segments" --tls-max 1.2 https://$S:445/
within "TLS 1.2 in small segments is TLS" 5 like_tls 445 1.2
must ip -n "$(ns c)" route del $S/32

# --- datagrams ------------------------------------------------------------------------------
datagrams() { # NAME PORT -dtls1|-dtls1_2 WANTED
	serve "dtls$2.service" openssl s_server -accept "$2" "$3" -key "$TMP/key.pem" -cert "$TMP/cert.pem" \
		-cipher ALL:@SECLEVEL=0 -quiet
	udp_ready "$2"
	on c sh -c "(echo hello; cat $TMP/hold) | timeout $((10 * ZT_SCALE)) openssl s_client -connect $S:$2 $3 \
		-cipher ALL:@SECLEVEL=0 -brief" >>"$TMP/log/clients" 2>&1 &
	speaks "$1" "udp/$2" "$4"
	exec 7>"$TMP/hold"
	exec 7>&-
	wait $!
}
mkfifo "$TMP/hold"
datagrams "DTLS 1.2" 5012 -dtls1_2 dtls1.2=1
datagrams "DTLS 1.0" 5010 -dtls1 dtls1.0=1
covered "DTLS 1.0" udp/5010 dtls 1

if needs QUIC gtlsserver gtlsclient; then
	serve quic.service gtlsserver -q -d "$nginx" $S 443 "$TMP/key.pem" "$TMP/cert.pem"
	udp_ready 443
	asks QUIC timeout $((10 * ZT_SCALE)) gtlsclient -q --exit-on-all-streams-close $S 443 https://s.example/nginx.conf
	speaks QUIC udp/443 quic=1
	covered QUIC udp/443 quic 1
	asks "QUIC, version 2" timeout $((10 * ZT_SCALE)) gtlsclient -q --exit-on-all-streams-close \
		-v v2draft --other-versions v2draft $S 443 https://s.example/nginx.conf
	speaks "QUIC, version 2" udp/443 quic=2
	serve quic-retry.service gtlsserver -q -V -d "$nginx" $S 8443 "$TMP/key.pem" "$TMP/cert.pem"
	udp_ready 8443
	asks "QUIC after a Retry" timeout $((10 * ZT_SCALE)) gtlsclient -q --exit-on-all-streams-close \
		$S 8443 https://s.example/nginx.conf
	speaks "QUIC after a Retry" udp/8443 quic=1
fi
