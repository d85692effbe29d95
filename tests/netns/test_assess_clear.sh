#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# assess_clear - ZTS-3.4-02 on real servers: Redis, vsftpd, slapd, PostgreSQL, MariaDB, dovecot, SMTP,
# telnet, SNMP; each as it takes clear text and as it does not. No agent.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/assess.sh
. "$(dirname "$0")/assess.sh"

must host s 12
S=10.77.0.12
pg=$(echo /usr/lib/postgresql/*/bin)
ASSESS=(--socket "$TMP/none.sock" assess --netns own --state-dir "$TMP/none" --pin-dir "$TMP/none" --trust "$TMP/none")
chmod 755 "$TMP/s"

probe() {
	on s "$ZTCTL" --json "${ASSESS[@]}" --probe --evidence "$TMP/facts.new" >"$TMP/doc" 2>"$TMP/doc.err" || :
	mv "$TMP/facts.new" "$TMP/facts"
}
seen() { # PROTO/PORT: service, whether it takes clear text, TLS by which way
	jq -r --arg r "$1" '[.facts.banners.data.listeners[] |
		select("\(.proto)/\(.port)" == $r) |
		"\(.service) \(.clear)\(if .tls then " " + .tls.via + " " + .tls.state else "" end)"] | unique |
		join("; ")' "$TMP/facts"
}
as() { # USER UNIT COMMAND...
	local user=$1 unit=$2
	shift 2
	spawn s "$unit" setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
}
up() { # PORT...
	local port
	for port; do must eventually 20 listening s "$port"; done
}

must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=s \
	-keyout "$TMP/key.pem" -out "$TMP/cert.pem" 2>/dev/null
chmod 644 "$TMP/key.pem"

# --- servers that require TLS -------------------------------------------------------------------------

mkdir -p "$TMP/s/ldap" "$TMP/s/ftp" "$TMP/s/empty" "$TMP/s/maria" "$TMP/s/pg"
chown postgres "$TMP/s/pg" && chmod 700 "$TMP/s/pg" && chown nobody "$TMP/s/maria"
install -o postgres -m 600 "$TMP/key.pem" "$TMP/s/pg.key"
must setpriv --reuid postgres --regid postgres --clear-groups "$pg/initdb" -D "$TMP/s/pg" -A trust --no-sync \
	--locale C -E UTF8 >>"$TMP/log/setup" 2>&1
echo "hostssl all all all scram-sha-256" >>"$TMP/s/pg/pg_hba.conf"
as postgres postgresql.service "$pg/postgres" -D "$TMP/s/pg" -h $S -k "$TMP/s/pg" -F -c ssl=on \
	-c "ssl_cert_file=$TMP/cert.pem" -c "ssl_key_file=$TMP/s/pg.key"
postgres=$PID
must mariadb-install-db --no-defaults --user=nobody --datadir="$TMP/s/maria" --skip-test-db \
	--auth-root-authentication-method=normal >>"$TMP/log/setup" 2>&1
echo "CREATE USER root@'%' IDENTIFIED BY 'not asked for';" >"$TMP/s/grant.sql" # else it talks to nobody
maria=(mariadbd --no-defaults --user=nobody --datadir="$TMP/s/maria" --bind-address="$S"
	--socket="$TMP/s/maria/sock" --pid-file="$TMP/s/maria/pid" --ssl-cert="$TMP/cert.pem"
	--ssl-key="$TMP/key.pem" --ssl-ca="$TMP/cert.pem" --skip-name-resolve)
spawn s mariadb.service "${maria[@]}" --init-file="$TMP/s/grant.sql" --require-secure-transport=ON
mariadb=$PID
spawn s redis.service redis-server --bind $S --port 0 --protected-mode no --save '' --appendonly no --dir "$TMP/s" \
	--tls-port 6380 --tls-cert-file "$TMP/cert.pem" --tls-key-file "$TMP/key.pem" --tls-auth-clients no
ldap_conf() {
	cat >"$TMP/s/slapd.conf" <<-EOT
		include /etc/ldap/schema/core.schema
		modulepath /usr/lib/ldap
		moduleload back_mdb
		pidfile $TMP/s/slapd.pid
		$1
		database mdb
		suffix "dc=example"
		directory $TMP/s/ldap
	EOT
}
ldap_conf "TLSCertificateFile $TMP/cert.pem
TLSCertificateKeyFile $TMP/key.pem"
spawn s slapd.service slapd -d 0 -f "$TMP/s/slapd.conf" -h "ldap://$S ldaps://$S"
slapd=$PID
ftp_conf() { # LINE...
	printf '%s\n' listen=YES listen_address=$S anonymous_enable=YES ftp_username=ftp nopriv_user=nobody \
		anon_root="$TMP/s/ftp" secure_chroot_dir="$TMP/s/empty" seccomp_sandbox=NO background=NO "$@"
}
ftp_conf ssl_enable=YES allow_anon_ssl=YES rsa_cert_file="$TMP/cert.pem" \
	rsa_private_key_file="$TMP/key.pem" >"$TMP/s/vsftpd.conf"
spawn s vsftpd.service vsftpd "$TMP/s/vsftpd.conf"
vsftpd=$PID
spawn s smtp.service aiosmtpd -n -l "$S:25" --tlscert "$TMP/cert.pem" --tlskey "$TMP/key.pem" --no-requiretls
up 5432 3306 6380 389 636 21 25
eventually 20 "$pg/pg_isready" -h "$TMP/s/pg" || not_ok "PostgreSQL is up" "$(tail -n 3 "$TMP"/log/s.postgres*)"
probe
is "PostgreSQL with hostssl alone" "$(seen tcp/5432)" "postgresql no postgresql ok"
is "MariaDB that requires TLS" "$(seen tcp/3306)" "mysql no mysql ok"
is "Redis on its TLS port" "$(seen tcp/6380)" "tls no direct ok"
is "LDAP with StartTLS" "$(seen tcp/389)" "ldap no ldap ok"
is "LDAP over TLS" "$(seen tcp/636)" "tls no direct ok"
is "FTP with AUTH TLS" "$(seen tcp/21)" "ftp no ftp ok"
is "SMTP with STARTTLS" "$(seen tcp/25)" "smtp no smtp ok"
is "that MariaDB requires TLS is told by its settings alone: no full pass" "$(of "$TMP/doc" 3.4-02)" partial
kill "$mariadb" && must gone "$mariadb" 15
probe
is "services that encrypt pass" "$(of "$TMP/doc" 3.4-02)" pass

# --- the same servers, which take clear text ------------------------------------------------------------

for pid in "$postgres" "$slapd" "$vsftpd"; do kill "$pid" && must gone "$pid" 15; done
echo "host all all all scram-sha-256" >>"$TMP/s/pg/pg_hba.conf"
as postgres postgresql.service "$pg/postgres" -D "$TMP/s/pg" -h $S -k "$TMP/s/pg" -F
spawn s mariadb.service "${maria[@]}"
ldap_conf ""
spawn s slapd.service slapd -d 0 -f "$TMP/s/slapd.conf" -h "ldap://$S"
ftp_conf >"$TMP/s/vsftpd.conf"
spawn s vsftpd.service vsftpd "$TMP/s/vsftpd.conf"
spawn s redis.service redis-server --bind $S --protected-mode no --save '' --appendonly no --dir "$TMP/s"
spawn s http.service python3 -m http.server --bind $S --directory "$TMP/s/empty" 8080
telnet=
if busybox telnetd --help >/dev/null 2>&1; then
	telnet=23
	spawn s telnetd.service busybox telnetd -F -b $S:23 -l /bin/true
else
	skip "telnet" "busybox here has no telnetd (Debian's busybox-static has)"
fi
up 5432 3306 389 21 6379 8080 $telnet
eventually 20 "$pg/pg_isready" -h "$TMP/s/pg" || not_ok "PostgreSQL is up" "$(tail -n 3 "$TMP"/log/s.postgres*)"
probe
is "PostgreSQL without TLS" "$(seen tcp/5432)" "postgresql yes"
is "MariaDB that offers TLS and does not require it" "$(seen tcp/3306)" "mysql yes mysql ok"
is "Redis" "$(seen tcp/6379)" "redis yes"
is "LDAP without StartTLS" "$(seen tcp/389)" "ldap yes"
is "FTP without AUTH TLS" "$(seen tcp/21)" "ftp yes"
is "HTTP" "$(seen tcp/8080)" "http yes"
[[ $telnet ]] && is "telnet" "$(seen tcp/23)" "telnet yes"
is "clear text that others can reach fails" "$(of "$TMP/doc" 3.4-02)" fail
is "lines for the daemons are shown" "$(jq -r '[(.assessment // .).checks[] | select(.id == "ZTS-3.4-02") |
	.extra.snippets[].program] | contains(["postgres", "redis", "slapd", "vsftpd"])' "$TMP/doc")" true
