#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# assess_mail - ZTS-3.4-02 and 3.4-03 on mail: dovecot with STARTTLS, STLS and without, SMTP without, and
# the key that dovecot uses, found by its configuration.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/assess.sh
. "$(dirname "$0")/assess.sh"

must host s 12
S=10.77.0.12
ASSESS=(--socket "$TMP/none.sock" assess --netns own --state-dir "$TMP/none" --pin-dir "$TMP/none" --trust "$TMP/none")

probe() {
	on s "$ZTCTL" --json "${ASSESS[@]}" --probe --evidence "$TMP/facts.new" >"$TMP/doc" 2>"$TMP/doc.err" || :
	mv "$TMP/facts.new" "$TMP/facts"
}
seen() { # PORT
	jq -r --argjson p "$1" '[.facts.banners.data.listeners[] | select(.port == $p) |
		"\(.service) \(.clear)\(if .tls then " \(.tls.via) \(.tls.state) \(.tls.downgrade.state)" else "" end)"] |
		unique | join("; ")' "$TMP/facts"
}
dovecot_conf() { # SSL
	cat <<-EOT
		base_dir = $TMP/s/dovecot
		state_dir = $TMP/s/dovecot
		log_path = $TMP/log/dovecot
		protocols = imap pop3
		listen = $S
		ssl = $1
		ssl_cert = <$TMP/cert.pem
		ssl_key = <$TMP/key.pem
		ssl_min_protocol = TLSv1.2
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
		first_valid_uid = 0
		passdb {
			driver = static
			args = nopassword=y
		}
	EOT
}

must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=s \
	-keyout "$TMP/key.pem" -out "$TMP/cert.pem" 2>/dev/null
mkdir -p "$TMP/s/mail" && chmod 755 "$TMP/s"
dovecot_conf required >"$TMP/s/dovecot.conf"
spawn s dovecot.service dovecot -F -c "$TMP/s/dovecot.conf"
dovecot=$PID
for port in 143 110 993 995; do must eventually 10 listening s $port; done
probe
is "IMAP with STARTTLS" "$(seen 143)" "imap no imap ok refused"
is "POP3 with STLS" "$(seen 110)" "pop3 no pop3 ok refused"
is "IMAP over TLS" "$(seen 993)" "tls no direct ok refused"
is "mail that encrypts passes" "$(of "$TMP/doc" 3.4-02)" pass
is "self-signed passes in part" "$(of "$TMP/doc" 3.4-03)" partial
is "the key behind it is found and kept well" "$(jq -r --arg p "$TMP/key.pem" '[.facts.keys.data.keys[] |
	select(.path == $p) | "\(.comm) \(.mode) \(.reach)"] | join("; ")' "$TMP/facts")" "dovecot 0600 owner"

kill "$dovecot" && must gone "$dovecot" 10
dovecot_conf no >"$TMP/s/dovecot.conf"
spawn s dovecot.service dovecot -F -c "$TMP/s/dovecot.conf"
spawn s smtp.service aiosmtpd -n -l "$S:25" -c aiosmtpd.handlers.Sink
for port in 143 110 25; do must eventually 10 listening s $port; done
probe
is "IMAP without TLS" "$(seen 143)" "imap yes"
is "POP3 without TLS" "$(seen 110)" "pop3 yes"
is "SMTP without STARTTLS" "$(seen 25)" "smtp yes"
is "mail in the clear fails" "$(of "$TMP/doc" 3.4-02)" fail
like "lines for dovecot are shown" "$(jq -r '(.assessment // .).checks[] | select(.id == "ZTS-3.4-02") |
	[.extra.snippets[].program] | join(" ")' "$TMP/doc")" "*dovecot*"
