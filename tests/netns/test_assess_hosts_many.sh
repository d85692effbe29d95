#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# assess_hosts_many - 32 hosts at a time and no more; a run that is interrupted keeps what came.
. "$(dirname "$0")/lib.sh"
zt_begin

all=(h1 hang slow)
host ops 1
host h1 11
host hang 12
host slow 13

# --- hosts with an SSH server each, that runs one command whatever is asked for ---------------------

mkdir -p /run/sshd "$TMP/force" "$TMP/trust/host"
ssh-keygen -q -t ed25519 -N '' -f "$TMP/hostkey"
ssh-keygen -q -t ed25519 -N '' -f "$TMP/key"
force() { # HOST: what it runs, from stdin
	{ echo '#!/bin/bash'; cat; } >"$TMP/force/$1"
	chmod 755 "$TMP/force/$1"
}
"$ZTCTL" policy sign --generate "$TMP/h1" --no-password >/dev/null 2>&1
cp "$TMP/h1.pub" "$TMP/trust/host/h1.pub"
echo h1 | sha256sum | cut -c1-32 >"$TMP/machine-h1"
force h1 <<-EOT
	echo ran >>"$TMP/ran-h1"
	exec unshare --mount --uts sh -c 'hostname h1; mount --bind "$TMP/machine-h1" /etc/machine-id
		exec "$ZTCTL" --json assess --sign "$TMP/h1.key" --state-dir "$TMP/h1/state" \
			--pin-dir "$TMP/h1/pins" --socket "$TMP/h1/none.sock"'
EOT
force hang <<<'exec sleep 1000'

for h in "${all[@]}"; do
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
for h in "${all[@]}"; do must eventually 10 listening "$h" 22; done
cat >"$TMP/ssh_config" <<-EOT
	Host *
	User root
	IdentityFile $TMP/key
	StrictHostKeyChecking no
	UserKnownHostsFile /dev/null
	GlobalKnownHostsFile /dev/null
EOT

assess() { # ARGUMENT...: from ops
	on ops "$ZTCTL" --json assess --ssh-config "$TMP/ssh_config" --trust "$TMP/trust" "$@"
}
of() { # HOST FILTER: its entry
	jq -r --arg h "$1" '.hosts[] | select(.name == $h) | '"$2" "$TMP/set.json"
}

# --- interrupted: what came is kept -------------------------------------------------------------------

printf 'h1 address=%s\nhang address=%s\n' "${HOST_IP4[h1]}" "${HOST_IP4[hang]}" >"$TMP/two-hosts"
: >"$TMP/ran-h1"
ran=0
start() { # ARGUMENT...: in the background, PID is ztctl's own
	(exec nsenter --net="/run/netns/$(ns ops)" -- "$ZTCTL" --json assess \
		--ssh-config "$TMP/ssh_config" --trust "$TMP/trust" "$@" 2>"$TMP/err") &
	PID=$!
}
children() { wc -w <"/proc/$PID/task/$PID/children"; }
start --hosts "$TMP/two-hosts" --out "$TMP/part.json"
one_left() { [[ $(wc -l <"$TMP/ran-h1") -gt $ran && $(children) == 1 ]]; }
within "one has answered" 20 one_left
kill -INT "$PID"
wait "$PID"
is "an interrupted run ends with a status of its own" "$([[ $? == 2 || $? == 3 ]]; echo $?)" 0
cp "$TMP/part.json" "$TMP/set.json"
is "what came is kept" "$(of h1 .status)" ok
is "the rest is unknown" "$(of hang .status)" interrupted

# --- as many as 32 at a time ---------------------------------------------------------------------------

force slow <<-EOT
	mkdir -p "$TMP/busy"
	mktemp "$TMP/busy/XXXXXX" >"$TMP/busy.\$\$"
	ls "$TMP/busy" | wc -l >>"$TMP/counts"
	while [ ! -e "$TMP/go" ]; do read -rt 0.1 <>"$TMP/tick" || :; done
	rm -f "\$(cat "$TMP/busy.\$\$")"
EOT
for ((i = 0; i < 34; i++)); do echo "s$i address=${HOST_IP4[slow]}"; done >"$TMP/many"
start --hosts "$TMP/many" --timeout 60s --out "$TMP/set.json"
full() { [[ -e $TMP/counts && $(sort -n "$TMP/counts" | tail -n 1) -ge 32 ]]; }
within "32 run side by side" 40 full
is "and no more" "$(children)" 32
: >"$TMP/go"
wait "$PID"
is "the others follow" "$(jq '[.hosts[] | select(.status == "bad")] | length' "$TMP/set.json")" 34
is "never more than 32" "$(($(sort -n "$TMP/counts" | tail -n 1) <= 32))" 1

