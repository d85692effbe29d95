#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# encryption_mail - SMTP, IMAP and POP3 between real servers and clients: in the clear, upgraded by
# STARTTLS, and over TLS from the first byte.
. "$(dirname "$0")/classes.sh"

two_agents
must certificate
limit=$((10 * ZT_SCALE))
printf 'From: a@s.example\nTo: b@s.example\nSubject: x\n\nhello\n' >"$TMP/mail"

if needs SMTP aiosmtpd; then
	serve smtp.service aiosmtpd -n -l $S:25 -c aiosmtpd.handlers.Sink --tlscert "$TMP/cert.pem" \
		--tlskey "$TMP/key.pem" --no-requiretls
	serve smtps.service aiosmtpd -n -l $S:465 -c aiosmtpd.handlers.Sink --smtpscert "$TMP/cert.pem" \
		--smtpskey "$TMP/key.pem"
fi
if needs "IMAP and POP3" dovecot; then
	mkdir -p "$TMP/s/mail"
	chown nobody "$TMP/s/mail"
	chmod 755 "$TMP/s"
	cat >"$TMP/s/dovecot.conf" <<-EOT
		base_dir = $TMP/s/dovecot
		state_dir = $TMP/s/dovecot
		log_path = $TMP/log/s-dovecot
		protocols = imap pop3
		listen = $S
		ssl = yes
		ssl_cert = <$TMP/cert.pem
		ssl_key = <$TMP/key.pem
		disable_plaintext_auth = no
		default_internal_user = nobody
		default_internal_group = nogroup
		default_login_user = nobody
		service anvil {
			chroot =
		}
		service imap-login {
			chroot =
		}
		service pop3-login {
			chroot =
		}
		mail_location = maildir:$TMP/s/mail
		mail_uid = nobody
		mail_gid = nogroup
		first_valid_uid = 0
		passdb {
			driver = static
			args = nopassword=y
		}
		userdb {
			driver = static
			args = uid=nobody gid=nogroup home=$TMP/s/mail
		}
	EOT
	serve dovecot.service dovecot -F -c "$TMP/s/dovecot.conf"
fi

mail() { # NAME CURL-ARGUMENT...
	local name=$1
	shift
	asks "$name" curl -sSk --max-time "$limit" "$@"
}

if [[ $(type -P aiosmtpd) ]]; then
	ready 25 465
	send=(--mail-from a@s.example --mail-rcpt b@s.example --upload-file "$TMP/mail")
	mail SMTP smtp://$S/c.example "${send[@]}"
	speaks SMTP tcp/25 smtp=1
	covered SMTP tcp/25 plaintext 1
	mail "SMTP upgraded" --ssl-reqd smtp://$S/c.example "${send[@]}"
	speaks "SMTP upgraded, beside one that is not," tcp/25 "smtp=1 smtp+tls1.3=1"
	mail "SMTP upgraded to TLS 1.2" --ssl-reqd --tls-max 1.2 smtp://$S/c.example "${send[@]}"
	speaks "SMTP with TLS 1.2 beside it" tcp/25 "smtp=1 smtp+tls1.2=1 smtp+tls1.3=1"
	covered "SMTP upgraded" tcp/25 tls 2
	mail "SMTP over TLS" smtps://$S/c.example "${send[@]}"
	speaks "SMTP over TLS" tcp/465 tls1.3=1
fi

if [[ -e $TMP/s/dovecot.conf ]]; then
	ready 143 110 993 995
	mail IMAP -u a:b imap://$S/
	speaks IMAP tcp/143 imap=1
	mail "IMAP upgraded" --ssl-reqd -u a:b imap://$S/
	speaks "IMAP upgraded, beside one that is not," tcp/143 "imap=1 imap+tls1.3=1"
	covered "IMAP upgraded" tcp/143 tls 1
	printf 'a LOGOUT\r\n' >"$TMP/logout"
	asks "IMAP upgraded by another client" sh -c "timeout $limit openssl s_client \
		-quiet -starttls imap -connect $S:143 <$TMP/logout"
	speaks "IMAP upgraded by another client" tcp/143 "imap=1 imap+tls1.3=2"
	mail "IMAP over TLS" -u a:b imaps://$S/
	speaks "IMAP over TLS" tcp/993 tls1.3=1
	mail POP3 -u a:b pop3://$S/
	speaks POP3 tcp/110 pop3=1
	mail "POP3 upgraded" --ssl-reqd -u a:b pop3://$S/
	speaks "POP3 upgraded, beside one that is not," tcp/110 "pop3=1 pop3+tls1.3=1"
	mail "POP3 over TLS" -u a:b pop3s://$S/
	speaks "POP3 over TLS" tcp/995 tls1.3=1
fi
