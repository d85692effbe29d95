#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# encryption_data - SSH, PostgreSQL, MariaDB, Redis and LDAP between real servers and clients: in the
# clear, over TLS from the first byte, and after an upgrade. One edge counts both.
. "$(dirname "$0")/classes.sh"

two_agents
must certificate
pg=$(echo /usr/lib/postgresql/*/bin)
limit=$((10 * ZT_SCALE))

# --- servers: all are started first, so that they come up beside each other --------------------------

serve_as() { # USER UNIT COMMAND...
	local user=$1 unit=$2
	shift 2
	serve "$unit" setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
}

own() { # USER DIRECTORY
	mkdir -p "$2" && chown "$1" "$2" && chmod 700 "$2"
}

chmod 755 "$TMP/s"
if needs PostgreSQL "$pg/postgres" psql; then
	own postgres "$TMP/s/pg"
	install -o postgres -m 600 "$TMP/key.pem" "$TMP/s/pg.key"
	must setpriv --reuid postgres --regid postgres --clear-groups "$pg/initdb" -D "$TMP/s/pg" -A trust \
		--no-sync --locale C -E UTF8 >>"$TMP/log/clients" 2>&1
	echo "host all all all trust" >>"$TMP/s/pg/pg_hba.conf"
	serve_as postgres postgresql.service "$pg/postgres" -D "$TMP/s/pg" -h $S -k "$TMP/s/pg" -F -c ssl=on \
		-c "ssl_cert_file=$TMP/cert.pem" -c "ssl_key_file=$TMP/s/pg.key" -c ssl_min_protocol_version=TLSv1.2
fi
if needs MariaDB mariadbd mariadb mariadb-install-db; then
	# --user makes it give up root; nobody is a user that every machine has
	mkdir -p "$TMP/s/maria" && chown nobody "$TMP/s/maria"
	mariadb-install-db --no-defaults --user=nobody --datadir="$TMP/s/maria" --skip-test-db \
		--auth-root-authentication-method=normal >>"$TMP/log/clients" 2>&1
	echo "CREATE USER root@'%';" >"$TMP/s/grant.sql"
	serve mariadb.service mariadbd --no-defaults --user=nobody --datadir="$TMP/s/maria" --bind-address=$S \
		--socket="$TMP/s/maria/sock" --pid-file="$TMP/s/maria/pid" --ssl-cert="$TMP/cert.pem" \
		--ssl-key="$TMP/key.pem" --ssl-ca="$TMP/cert.pem" --init-file="$TMP/s/grant.sql" \
		--skip-name-resolve
fi
serve redis-server.service redis-server --bind $S --protected-mode no --save '' --appendonly no --dir "$TMP/s" \
	--tls-port 6380 --tls-cert-file "$TMP/cert.pem" --tls-key-file "$TMP/key.pem" --tls-auth-clients no
if needs LDAP slapd ldapsearch; then
	mkdir -p "$TMP/s/ldap"
	cat >"$TMP/s/slapd.conf" <<-EOT
		include /etc/ldap/schema/core.schema
		modulepath /usr/lib/ldap
		moduleload back_mdb
		pidfile $TMP/s/slapd.pid
		TLSCertificateFile $TMP/cert.pem
		TLSCertificateKeyFile $TMP/key.pem
		database mdb
		suffix "dc=example"
		rootdn "cn=admin,dc=example"
		rootpw secret
		directory $TMP/s/ldap
	EOT
	serve slapd.service slapd -d 0 -f "$TMP/s/slapd.conf" -h "ldap://$S ldaps://$S"
fi
ssh-keygen -q -t ed25519 -N '' -f "$TMP/hostkey"
ssh-keygen -q -t ed25519 -N '' -f "$TMP/userkey"
printf '%s\n' "HostKey $TMP/hostkey" "AuthorizedKeysFile $TMP/userkey.pub" 'PidFile none' 'StrictModes no' \
	'UsePAM no' 'UseDNS no' 'PermitRootLogin yes' >"$TMP/sshd_config"
mkdir -p /run/sshd
serve ssh.service /usr/sbin/sshd -D -e -f "$TMP/sshd_config"

# --- SSH -------------------------------------------------------------------------------------

ready 22
asks SSH ssh -i "$TMP/userkey" -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
	root@$S true
speaks SSH tcp/22 ssh=1
covered SSH tcp/22 ssh 1
quietly ssh-keyscan -t ed25519 $S
speaks "SSH, a key asked for" tcp/22 ssh=2

# --- Redis -----------------------------------------------------------------------------------

ready 6379 6380
asks Redis redis-cli -h $S set key value
speaks Redis tcp/6379 redis=1
printf 'PING\r\nQUIT\r\n' >"$TMP/inline"
asks "Redis by hand" sh -c "timeout $limit nc -N $S 6379 <$TMP/inline"
speaks "Redis by hand" tcp/6379 redis=2
asks "Redis over TLS" redis-cli -h $S -p 6380 --tls --insecure get key
speaks "Redis over TLS" tcp/6380 tls1.3=1

# --- LDAP ------------------------------------------------------------------------------------

if [[ -e $TMP/s/slapd.conf ]]; then
	ready 389 636
	ldap=(env LDAPTLS_REQCERT=never ldapsearch -x -LLL -s base -b '')
	asks LDAP "${ldap[@]}" -H ldap://$S
	speaks LDAP tcp/389 ldap=1
	asks "LDAP with a password" "${ldap[@]}" -D cn=admin,dc=example -w secret -H ldap://$S
	speaks "LDAP with a password" tcp/389 ldap=2
	asks "LDAP upgraded" "${ldap[@]}" -ZZ -H ldap://$S
	speaks "LDAP upgraded, beside LDAP that is not," tcp/389 "ldap=2 ldap+tls1.3=1"
	covered "LDAP upgraded" tcp/389 tls 1
	asks "LDAP over TLS" "${ldap[@]}" -H ldaps://$S
	speaks "LDAP over TLS" tcp/636 tls1.3=1
fi

# --- PostgreSQL --------------------------------------------------------------------------------

if [[ -d $TMP/s/pg ]]; then
	ready 5432
	sql() { echo "host=$S user=postgres dbname=postgres connect_timeout=$limit $1"; }
	# It listens a moment before it serves.
	eventually 20 quietly "$pg/pg_isready" -h "$TMP/s/pg" || not_ok "PostgreSQL is up" "$(tail -n 3 "$TMP/log/s.postgresql.service.log")"
	for mode in disable require prefer; do
		asks "PostgreSQL, sslmode=$mode" psql "$(sql "sslmode=$mode gssencmode=disable")" -c 'select 1'
	done
	speaks "PostgreSQL, once in the clear and twice upgraded," tcp/5432 "postgresql=1 postgresql+tls1.3=2"
	covered "PostgreSQL upgraded" tcp/5432 tls 2
	covered "PostgreSQL in the clear" tcp/5432 plaintext 1
	asks "PostgreSQL, TLS 1.2" psql "$(sql "sslmode=require ssl_max_protocol_version=TLSv1.2")" -c 'select 1'
	speaks "PostgreSQL with TLS 1.2 beside it" tcp/5432 "postgresql=1 postgresql+tls1.2=1 postgresql+tls1.3=2"
fi

# --- MariaDB -----------------------------------------------------------------------------------

if [[ -d $TMP/s/maria ]]; then
	ready 3306
	maria=(mariadb --no-defaults -h "$S" -u root "--connect-timeout=$limit" -e "select 1")
	asks "MariaDB" "${maria[@]}" --skip-ssl
	speaks "MariaDB" tcp/3306 mysql=1
	asks "MariaDB upgraded" "${maria[@]}" --ssl
	speaks "MariaDB upgraded, beside one that is not," tcp/3306 "mysql=1 mysql+tls1.3=1"
	asks "MariaDB, TLS 1.2" "${maria[@]}" --ssl --tls-version=TLSv1.2
	speaks "MariaDB with TLS 1.2 beside it" tcp/3306 "mysql=1 mysql+tls1.2=1 mysql+tls1.3=1"
fi
