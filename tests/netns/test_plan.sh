#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# plan - ztctl policy plan: what a policy would deny and newly allow, whom it would cut off, and that
# asking changes nothing. sshd and ssh are the real ones; the plan is asked for from a session that came
# in over SSH, below su and two shells.
. "$(dirname "$0")/lib.sh"

must host ops 5
must host web 11
must host db 12
must host mail 13
puppet web web
puppet mail mail
puppet db db postgresql.service
puppet adm db adminer.service
must tell db listen pg tcp 0.0.0.0 5432
must tell adm listen www tcp 0.0.0.0 8080
must tell adm listen idle tcp 0.0.0.0 9999

# --- an SSH server of db's own ---------------------------------------------------------------

ssh-keygen -q -t ed25519 -N '' -f "$TMP/hostkey"
ssh-keygen -q -t ed25519 -N '' -f "$TMP/key"
cat >"$TMP/sshd_config" <<-EOT
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
EOT
mkdir -p /run/sshd
spawn db ssh.service /usr/sbin/sshd -D -e -f "$TMP/sshd_config"
must eventually 10 listening db 22
in_ssh() { # COMMAND: on db, by SSH from ops
	on ops ssh -n -i "$TMP/key" -o BatchMode=yes -o StrictHostKeyChecking=no -o ConnectTimeout=10 \
		-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "root@${HOST_IP4[db]}" "$1" </dev/null
}

# --- a policy in force, and traffic ----------------------------------------------------------------

rules db 1 enforced <<-EOT
	boundaries:
	  - {id: db-closed, segment: db, inbound: deny}
	rules:
	  - {id: web-pg, from: web, to: db, ports: [tcp/5432]}
	  - {id: mail-pg, from: mail, to: db, ports: [tcp/5432]}
	  - {id: admins, from: ops, to: db, ports: [tcp/22]}
EOT
must agent_start db
for i in 1 2 3; do must tell web connect "w$i" "${HOST_IP4[db]}" 5432; done
must tell mail connect m1 "${HOST_IP4[db]}" 5432
tell web connect x "${HOST_IP4[db]}" 8080 timeout=0.3
holds "SSH from ops" in_ssh true


plan_file() { # NAME <statements: as rules() writes them, but put nowhere
	rules_for db 9 enforced
	mv "$TMP/db/policy.text" "$TMP/$1.yaml"
}
planned() { # NAME [OPTION...]: the answer in $TMP/NAME.json; its status
	ctlj db policy plan "${@:2}" "$TMP/$1.yaml" >"$TMP/$1.json" 2>"$TMP/$1.err"
}
of() { # NAME FILTER: of an answer
	jq -r "$2" "$TMP/$1.json"
}
status_of() { # COMMAND...
	"$@" >/dev/null 2>&1
	echo $?
}

# --- what it says ------------------------------------------------------------------------------

plan_file good <<-EOT
	boundaries:
	  - {id: db-closed, segment: db, inbound: deny}
	rules:
	  - {id: web-pg, from: web, to: db, ports: [tcp/5432, tcp/8080]}
	  - {id: admins, from: ops, to: db, ports: [tcp/22]}
	  - {id: no-web, action: deny, from: web, to: db, ports: [tcp/5432], mode: staged}
EOT
seen() { # all that a plan might disturb: state, use of rules, flows
	ctlj db status | jq -S '[.policy.epoch, .policy.digest, .policy.revision, .failsafe, .losses]'
	ctlj db policy show | jq -S '[.statements[] | [.id, .flows]]'
	ctlj db flows --port 5432 | jq -S '[.flows[] | del(.last_seen)]'
}
before=$(seen)
is "nothing that matters is cut: exit status" "$(status_of planned good)" 0
is "epoch, counters and flows are as they were" "$(seen)" "$before"
row='"\(.src.host) \(.dst.host) \(.proto)/\(.port) \(.workload.unit) \(.connections) \(.now.rule) \(.then.rule)"'
is "newly denied, by edge" "$(of good ".edges.live.newly_denied.rows[] | $row")" \
	"mail db tcp/5432 postgresql.service 1 mail-pg db-closed"
is "newly allowed, by edge" "$(of good ".edges.live.newly_allowed.rows[] | $row")" \
	"web db tcp/8080 adminer.service 1 db-closed web-pg"
is "denied once all is enforced" "$(of good ".edges.candidate.newly_denied.rows[] | select(.beyond) | $row")" \
	"web db tcp/5432 postgresql.service 3 web-pg no-web"
is "a living connection that ends" \
	"$(of good '.connections | "\(.cut) \(.reset) \(.kept) \(.rows[0].src.host) \(.rows[0].becomes) \(.rows[0].rule)"')" \
	"1 0 0 mail cut db-closed"
is "a listener becomes reachable" \
	"$(of good '.listeners.reachable[] | "\(.port) \(.workload.unit) \(.from.any) \(.from.segments | join(" "))"')" \
	"8080 adminer.service false web"
is "a listener becomes unreachable" \
	"$(of good '.listeners.unreachable[] | "\(.port) \(.from.any) \(.from.segments | join(" "))"')" \
	"5432 false mail"
is "statements" "$(of good '.statements | "\(.added[].id) \(.removed[].id) \(.changed[] | .id + " " + .fields[].to)"')" \
	"no-web mail-pg web-pg tcp/5432, tcp/8080"
is "a listener that nobody called" "$(of good '.evidence.never_contacted[].port')" 9999
is "asked of the kernel, every edge and listener" \
	"$(of good '.preflight | "\(.kernel) \(.differ) \(.asked.edge) \(.probes >= 4 + .asked.listener)"')" "true 0 4 true"
is "capacity, before and after" \
	"$(of good '[.capacity[] | select(.table == "addresses") | .now > .then and .size > 1000] | .[]')" true
like "as text" "$(ctl db policy plan "$TMP/good.yaml" | tail -n 2 | tr '\n' ' ')" \
	"Pre-flight passed. Statements: 1 added, 1 changed, 1 removed. Traffic: 4 recorded edges, 1 newly*"

for fate in reset keep; do
	plan_file $fate <<-EOT
		boundaries:
		  - {id: db-closed, segment: db, inbound: deny, existing: $fate}
		rules:
		  - {id: admins, from: ops, to: db, ports: [tcp/22]}
	EOT
	planned $fate
done
is "existing: reset" "$(of reset '.connections | "\(.cut) \(.reset) \(.kept)"')" "0 4 0"
is "existing: keep" "$(of keep '.connections | "\(.cut) \(.reset) \(.kept)"')" "0 0 4"

plan_file open <<-EOT
	rules:
	  - {id: web-pg, from: web, to: db, ports: [tcp/5432]}
EOT
planned open
is "without its boundary reachable from anywhere" \
	"$(of open '[.listeners.reachable[] | select(.from.any) | .port] | sort | join(" ")')" "22 5432 8080 9999"
is "none becomes unreachable" "$(of open '.listeners.unreachable_count')" 0
echo 'rules: 7' >"$TMP/bad.yaml"
is "a broken file: exit status" "$(status_of planned bad)" 2
is "nothing to plan: exit status" "$(status_of ctl db policy plan)" 2

# --- who would be locked out ----------------------------------------------------------------------

plan_file cut <<-EOT
	boundaries:
	  - {id: db-closed, segment: db, inbound: deny}
	rules:
	  - {id: web-pg, from: web, to: db, ports: [tcp/5432]}
EOT
tool="$ZTCTL --socket $TMP/db/run/agent.sock"
# Two shells and su stand between sshd and ztctl, and the variables of the session are gone.
below_su() { # COMMAND
	in_ssh "su root -c \"sh -c 'env -i /bin/sh -c \\\"$1; echo exit \\\\\\\$?\\\"'\""
}
said=$(below_su "$tool policy plan $TMP/cut.yaml" 2>&1)
like "the caller's own SSH is named" "$said" "*CUT  your SSH connection, opened anew: ops -> db tcp/22, denied by db-closed*"
like "and the exit status is 3" "$said" "*exit 3"
below_su "$tool --json policy plan $TMP/cut.yaml" >"$TMP/ssh.json" 2>&1
sed -i '$d' "$TMP/ssh.json"
is "found by the sockets of its ancestors" \
	"$(of ssh '.preflight | "\(.passed) \(.ssh.found) \(.ssh.src) \(.ssh.port) \(.cuts[0].kind)"')" \
	"false yours ${HOST_IP4[ops]} 22 ssh"
on ops ssh -n -i "$TMP/key" -o BatchMode=yes -o StrictHostKeyChecking=no -o LogLevel=ERROR \
	-o UserKnownHostsFile=/dev/null "root@${HOST_IP4[db]}" "read -r x <$TMP/tick" </dev/null &
session=$!
session_there() { [[ -n $(on db ss -Htn state established "sport = :22") ]]; }
must eventually 10 session_there
is "from a console: exit status" "$(status_of planned cut)" 3
is "every SSH connection is asked about" \
	"$(of cut '.preflight | "\(.ssh.found) \(.cut.ssh)"')" "all-to-sshd 1"
kill "$session"
wait "$session" 2>/dev/null

{
	cat "$TMP/cut.yaml"
	echo "failsafe:"
	echo "  - {id: way-in, from: [${HOST_IP4[ops]}], to: this-host, ports: [tcp/22]}"
} >"$TMP/saved.yaml"
like "a failsafe saves it" "$(below_su "$tool policy plan $TMP/saved.yaml" 2>&1)" "*exit 0"

# What sshd needs: a name server that was asked, and one that is only configured.
must tell mail listen dns udp 0.0.0.0 53
must tell adm udp q v4
must tell adm askto q "${HOST_IP4[mail]}" 53
plan_file mute <<-EOT
	boundaries:
	  - {id: db-mute, segment: db, outbound: deny}
EOT
is "DNS is cut: exit status" "$(status_of planned mute)" 3
like "what a login needs is named" "$(of mute '.preflight.cuts[] | select(.kind == "sshd-need") | .what')" "DNS, which*"
echo "nameserver ${HOST_IP4[web]}" >"$TMP/resolv.conf"
must mount --bind "$TMP/resolv.conf" "$(readlink -f /etc/resolv.conf)"
agent_stop db
must agent_start db
planned mute
is "so is a server of resolv.conf" \
	"$(of mute '[.preflight.cuts[] | select(.what | startswith("DNS server")) | "\(.dst.host) \(.proto)"] | join(" ")')" \
	"web udp web tcp"

# --- what promote makes of it -----------------------------------------------------------------------

must ctl db policy stage "$TMP/cut.yaml" >/dev/null
is "the candidate is planned without a file" "$(ctlj db policy plan | jq -r '.policy.revision')" 9
said=$(below_su "$tool policy promote --within 0" 2>&1)
like "promote is refused" "$said" "*not promoted: it would cut your SSH connection*"
like "with exit status 3" "$said" "*exit 3*"
is "nothing was changed" "$(jqr db status -- .policy.revision)" 1
is "--force does it: exit status" "$(status_of ctl db policy promote --within 0 --force)" 0
is "and it is in force" "$(jqr db status -- .policy.revision)" 9

# --- failsafes, and statements to be promoted ---------------------------------------------------------

rules db 20 enforced <<-EOT
	boundaries:
	  - {id: db-closed, segment: db, inbound: deny}
	rules:
	  - {id: no-mail, action: deny, from: mail, to: db, ports: [tcp/5432], mode: staged}
	failsafe:
	  - {id: way-in, from: [${HOST_IP4[ops]}], to: this-host, ports: [tcp/22]}
EOT
is "a failsafe that goes: exit status" "$(status_of planned cut)" 3
is "it is named" "$(of cut '[.preflight.cuts[] | select(.kind == "failsafe") | .what] | join(" ")')" "failsafe way-in"
ctlj db policy plan --promote no-mail >"$TMP/promote.json"
is "as if promoted" "$(of promote '.statements.changed[] | "\(.id) \(.fields[0].from) \(.fields[0].to)"')" \
	"no-mail staged enforced"
