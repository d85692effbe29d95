// SPDX-License-Identifier: Apache-2.0
/* crypto_hints.c - lines of configuration that make a daemon encrypt well; shown, never applied. */
#include <string.h>

#include "base/cleanup.h"
#include "ctl/checks/crypto.h"

struct hint {
	const char *program; /* part of its name */
	const char *what;
	const char *file;
	const char *text;
};

static const struct hint hints[] = {
	{"nginx", "tls", "/etc/nginx/conf.d/ztseg-tls.conf",
	 "ssl_protocols TLSv1.2 TLSv1.3;\n"
	 "ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;\n"
	 "ssl_prefer_server_ciphers on;\n"},
	{"nginx", "require", "/etc/nginx/sites-enabled/default",
	 "server { listen 80; listen [::]:80; return 308 https://$host$request_uri; }\n"},
	{"apache2", "tls", "/etc/apache2/mods-available/ssl.conf",
	 "SSLProtocol -all +TLSv1.2 +TLSv1.3\n"
	 "SSLCipherSuite ECDHE+AESGCM:ECDHE+CHACHA20\n"
	 "SSLHonorCipherOrder on\n"},
	{"apache2", "require", "/etc/apache2/sites-enabled/000-default.conf",
	 "Redirect permanent / https://HOST/\n"},
	{"httpd", "tls", "/etc/httpd/conf.d/ssl.conf",
	 "SSLProtocol -all +TLSv1.2 +TLSv1.3\n"
	 "SSLCipherSuite ECDHE+AESGCM:ECDHE+CHACHA20\n"},
	{"haproxy", "tls", "/etc/haproxy/haproxy.cfg",
	 "global\n"
	 "    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets\n"
	 "    ssl-default-bind-ciphers ECDHE+AESGCM:ECDHE+CHACHA20\n"},
	{"haproxy", "require", "/etc/haproxy/haproxy.cfg",
	 "    http-request redirect scheme https code 308 unless { ssl_fc }\n"},
	{"postgres", "tls", "postgresql.conf",
	 "ssl = on\n"
	 "ssl_min_protocol_version = 'TLSv1.2'\n"
	 "ssl_ciphers = 'ECDHE+AESGCM:ECDHE+CHACHA20'\n"},
	{"postgres", "require", "pg_hba.conf",
	 "# replace every line that begins with host (or hostnossl) by hostssl:\n"
	 "hostssl all all 0.0.0.0/0 scram-sha-256\n"
	 "hostssl all all ::/0 scram-sha-256\n"},
	{"slapd", "tls", "ldapmodify -Y EXTERNAL -H ldapi:///",
	 "dn: cn=config\n"
	 "changetype: modify\n"
	 "replace: olcTLSProtocolMin\n"
	 "olcTLSProtocolMin: 3.3\n"},
	{"slapd", "require", "ldapmodify -Y EXTERNAL -H ldapi:///",
	 "dn: cn=config\n"
	 "changetype: modify\n"
	 "add: olcTLSCertificateFile\n"
	 "olcTLSCertificateFile: /etc/ldap/tls/cert.pem\n"
	 "-\n"
	 "add: olcTLSCertificateKeyFile\n"
	 "olcTLSCertificateKeyFile: /etc/ldap/tls/key.pem\n"
	 "-\n"
	 "add: olcSecurity\n"
	 "olcSecurity: tls=128\n"},
	{"mysqld", "tls", "/etc/mysql/conf.d/ztseg.cnf",
	 "[mysqld]\n"
	 "tls_version = TLSv1.2,TLSv1.3\n"},
	{"mysqld", "require", "/etc/mysql/conf.d/ztseg.cnf",
	 "[mysqld]\n"
	 "ssl_cert = /etc/mysql/tls/cert.pem\n"
	 "ssl_key = /etc/mysql/tls/key.pem\n"
	 "require_secure_transport = ON\n"},
	{"mariadbd", "tls", "/etc/mysql/mariadb.conf.d/90-ztseg.cnf",
	 "[mariadbd]\n"
	 "tls_version = TLSv1.2,TLSv1.3\n"},
	{"mariadbd", "require", "/etc/mysql/mariadb.conf.d/90-ztseg.cnf",
	 "[mariadbd]\n"
	 "ssl_cert = /etc/mysql/tls/cert.pem\n"
	 "ssl_key = /etc/mysql/tls/key.pem\n"
	 "require_secure_transport = ON\n"},
	{"redis", "tls", "/etc/redis/redis.conf",
	 "tls-protocols \"TLSv1.2 TLSv1.3\"\n"
	 "tls-ciphers ECDHE+AESGCM:ECDHE+CHACHA20\n"},
	{"redis", "require", "/etc/redis/redis.conf",
	 "port 0\n"
	 "tls-port 6379\n"
	 "tls-cert-file /etc/redis/tls/cert.pem\n"
	 "tls-key-file /etc/redis/tls/key.pem\n"
	 "tls-ca-cert-file /etc/redis/tls/ca.pem\n"},
	{"vsftpd", "tls", "/etc/vsftpd.conf",
	 "ssl_tlsv1=NO\n"
	 "ssl_tlsv1_1=NO\n"
	 "ssl_tlsv1_2=YES\n"
	 "ssl_ciphers=ECDHE+AESGCM:ECDHE+CHACHA20\n"},
	{"vsftpd", "require", "/etc/vsftpd.conf",
	 "ssl_enable=YES\n"
	 "rsa_cert_file=/etc/ssl/vsftpd/cert.pem\n"
	 "rsa_private_key_file=/etc/ssl/vsftpd/key.pem\n"
	 "force_local_logins_ssl=YES\n"
	 "force_local_data_ssl=YES\n"},
	{"dovecot", "tls", "/etc/dovecot/conf.d/10-ssl.conf",
	 "ssl_min_protocol = TLSv1.2\n"
	 "ssl_cipher_list = ECDHE+AESGCM:ECDHE+CHACHA20\n"},
	{"dovecot", "require", "/etc/dovecot/conf.d/10-ssl.conf",
	 "ssl = required\n"
	 "ssl_cert = </etc/dovecot/tls/cert.pem\n"
	 "ssl_key = </etc/dovecot/tls/key.pem\n"},
	{"master", "tls", "/etc/postfix/main.cf (postconf -e)",
	 "smtpd_tls_protocols = >=TLSv1.2\n"
	 "smtpd_tls_mandatory_protocols = >=TLSv1.2\n"
	 "smtpd_tls_mandatory_ciphers = high\n"},
	{"master", "require", "/etc/postfix/main.cf (postconf -e)",
	 "smtpd_tls_security_level = may\n"
	 "smtpd_tls_cert_file = /etc/postfix/tls/cert.pem\n"
	 "smtpd_tls_key_file = /etc/postfix/tls/key.pem\n"
	 "# and for submission in master.cf: -o smtpd_tls_security_level=encrypt\n"},
	{"snmpd", "require", "/etc/snmp/snmpd.conf",
	 "# take out every rocommunity, rwcommunity and com2sec line, then:\n"
	 "createUser NAME SHA-256 PASSPHRASE AES\n"
	 "rouser NAME authpriv\n"},
	{"memcached", "require", "/etc/memcached.conf",
	 "-Z\n"
	 "-o ssl_chain_cert=/etc/memcached/cert.pem,ssl_key=/etc/memcached/key.pem\n"},
	{"telnet", "require", "systemctl", "systemctl disable --now telnet.socket inetd.service\n"},
	{"nfs", "require", "/etc/exports",
	 "/PATH CLIENT(rw,sec=krb5p)\n"
	 "# or, from Linux 6.4 with tlshd: /PATH CLIENT(rw,xprtsec=mtls)\n"},
};

static const char ssh_text[] =
	"KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256,"
	"curve25519-sha256@libssh.org,diffie-hellman-group16-sha512\n"
	"Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com,"
	"aes256-ctr,aes128-ctr\n"
	"MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com,"
	"umac-128-etm@openssh.com\n"
	"HostKeyAlgorithms ssh-ed25519,rsa-sha2-512,rsa-sha2-256,ecdsa-sha2-nistp256\n"
	"# then: sshd -t && systemctl reload ssh\n";

static void add(struct ztc_result *r, const char *program, const char *file, const char *text)
{
	json_t *list, *each;
	size_t i;

	if (!r->extra)
		r->extra = json_object();
	list = json_object_get(r->extra, "snippets");
	if (!list) {
		list = json_array();
		json_object_set_new(r->extra, "snippets", list);
	}
	json_array_foreach (list, i, each) {
		if (ztc_is(each, "program", program) && ztc_is(each, "file", file))
			return;
	}
	json_array_append_new(
		list, json_pack("{s:s, s:s, s:s}", "program", program, "file", file, "text", text));
}

static bool fits(const struct hint *hint, const json_t *row)
{
	const char *exe = strrchr(ztc_member(row, "exe"), '/');

	return strstr(ztc_member(row, "comm"), hint->program) ||
	       (exe && strstr(exe, hint->program)) ||
	       strstr(ztc_member(row, "service"), hint->program);
}

void ztc_add_snippet(struct ztc_result *r, const json_t *row, const char *what)
{
	for (size_t i = 0; i < ARRAY_SIZE(hints); i++) {
		if (strcmp(hints[i].what, what) == 0 && fits(&hints[i], row))
			add(r, hints[i].program, hints[i].file, hints[i].text);
	}
}

void ztc_add_ssh_snippet(struct ztc_result *r)
{
	add(r, "sshd", "/etc/ssh/sshd_config.d/10-ztseg.conf", ssh_text);
}
