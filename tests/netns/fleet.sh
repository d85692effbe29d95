# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# fleet.sh - hosts with a real sshd each, which runs one command whatever is asked for, and ops, which asks them.
# Sourced after lib.sh. A host's document is made in a mount and UTS namespace, so that it has a name and a
# machine id of its own.

must host ops 1
mkdir -p /run/sshd "$TMP/force" "$TMP/trust/host"
ssh-keygen -q -t ed25519 -N '' -f "$TMP/hostkey"
ssh-keygen -q -t ed25519 -N '' -f "$TMP/key"
cat >"$TMP/ssh_config" <<-EOT
	Host *
	User root
	IdentityFile $TMP/key
	StrictHostKeyChecking no
	UserKnownHostsFile /dev/null
	GlobalKnownHostsFile /dev/null
EOT

force() { # HOST: what it runs, from stdin
	{ echo '#!/bin/bash'; cat; } >"$TMP/force/$1"
	chmod 755 "$TMP/force/$1"
}

force_assess() { # HOST: its own assessment, signed by a key that is trusted; each run is noted in $TMP/ran-HOST
	"$ZTCTL" policy sign --generate "$TMP/$1" --no-password >/dev/null 2>&1
	cp "$TMP/$1.pub" "$TMP/trust/host/$1.pub"
	echo "$1" | sha256sum | cut -c1-32 >"$TMP/machine-$1"
	force "$1" <<-EOT
		echo ran >>"$TMP/ran-$1"
		exec unshare --mount --uts sh -c 'hostname $1; mount --bind "$TMP/machine-$1" /etc/machine-id
			exec "$ZTCTL" --json assess --sign "$TMP/$1.key" --state-dir "$TMP/$1/state" \
				--pin-dir "$TMP/$1/pins" --socket "$TMP/$1/none.sock"'
	EOT
}

serve() { # HOST...: their servers, until each listens
	local h
	for h; do
		cat >"$TMP/sshd_$h" <<-EOT
			Port 22
			ListenAddress 0.0.0.0
			HostKey $TMP/hostkey
			AuthorizedKeysFile $TMP/key.pub
			PidFile none
			StrictModes no
			UsePAM no
			UseDNS no
			PermitRootLogin yes
			PasswordAuthentication no
			MaxStartups 100:30:200
			PrintMotd no
			ForceCommand $TMP/force/$h
		EOT
		spawn "$h" ssh.service /usr/sbin/sshd -D -e -f "$TMP/sshd_$h"
	done
	for h; do must eventually 10 listening "$h" 22; done
}

assess() { # ARGUMENT...: from ops
	on ops "$ZTCTL" --json assess --ssh-config "$TMP/ssh_config" --trust "$TMP/trust" "$@"
}

of() { # HOST FILTER: its entry in the set
	jq -r --arg h "$1" '.hosts[] | select(.name == $h) | '"$2" "$TMP/set.json"
}
