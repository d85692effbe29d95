#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh - the demo: seven hosts, observed, mapped, staged, segmented, attacked; make demo.
#
# Hosts are network namespaces on one /24 and one /64 that exist nowhere else; servers and clients
# are Debian's own. Every act checks what it shows. Ends with a table of expectations; exit 0 only
# if each held.
ZT_NAME=demo
# shellcheck source=tests/netns/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../netns/lib.sh"

HERE=$ZT_ROOT/tests/demo
GUARDED="web1 web2 app1 db1 bastion"
SCANNED="10.77.0.11 10.77.0.12 10.77.0.21 10.77.0.31"
BEGAN=$SECONDS

bold='' dim='' red='' green='' plain=''
if [[ -t 1 ]]; then
	bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
fi

act() { # NUMBER TITLE
	printf '\n%s== %s. %s%s\n' "$bold" "$1" "$2" "$plain"
}

say() { # TEXT...: folded for people
	fmt -w 96 <<<"$*"
}

# show HOST COMMAND...: prints the command as one would type it there, and its answer.
show() {
	local where=$1
	shift
	printf '%s%s# %s%s\n' "$dim" "$where" "$*" "$plain"
}

show_ctl() { # HOST LINES ARGUMENT...
	local where=$1 lines=$2
	shift 2
	show "$where" ztctl "$@"
	ctl "$where" "$@" 2>&1 | head -n "$lines" | sed 's/^/  /'
}

ROWS=()
expect() { # WHAT EXPECTED OBSERVED: one row of the closing table
	local held=yes
	# shellcheck disable=SC2053
	[[ $3 == $2 ]] || held=NO
	ROWS+=("$1"$'\t'"${2//\*/..}"$'\t'"$3"$'\t'"$held")
	[[ $held = yes ]] || zt_failed=$((zt_failed + 1))
}

# --- the hosts and what runs on them -----------------------------------------------------

nginx_start() { # HOST: TLS on 443, everything behind it is the application
	local dir=$TMP/$1/nginx
	mkdir -p "$dir"
	cat >"$dir/nginx.conf" <<-EOT
		daemon off; user root; worker_processes 1; pid $dir/pid; error_log $dir/error.log;
		events { worker_connections 64; }
		http {
			access_log off; client_body_temp_path $dir; proxy_temp_path $dir;
			fastcgi_temp_path $dir; uwsgi_temp_path $dir; scgi_temp_path $dir;
			server {
				listen 443 ssl; listen [::]:443 ssl;
				ssl_protocols TLSv1.2 TLSv1.3;
				ssl_certificate $TMP/cert.pem; ssl_certificate_key $TMP/key.pem;
				location / { proxy_pass http://10.77.0.21:8080; proxy_connect_timeout 1s; }
			}
		}
	EOT
	spawn "$1" nginx.service /usr/sbin/nginx -e "$dir/error.log" -c "$dir/nginx.conf"
}

sshd_start() { # HOST
	cat >"$TMP/$1/sshd_config" <<-EOT
		Port 22
		HostKey $TMP/ssh/host
		AuthorizedKeysFile $TMP/ssh/user.pub
		PidFile none
		PasswordAuthentication no
		StrictModes no
		UsePAM no
		PermitRootLogin prohibit-password
	EOT
	spawn "$1" ssh.service /usr/sbin/sshd -D -e -f "$TMP/$1/sshd_config"
}

servers_start() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
		-subj /CN=shop.example -keyout "$TMP/key.pem" -out "$TMP/cert.pem" 2>/dev/null || return 1
	mkdir -p "$TMP/ssh" /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$TMP/ssh/host" && ssh-keygen -q -t ed25519 -N '' -f "$TMP/ssh/user"
	local h
	for h in $GUARDED; do sshd_start "$h"; done
	nginx_start web1
	nginx_start web2
	spawn app1 shop.service /usr/bin/python3 "$HERE/shop.py" 10.77.0.31
	spawn db1 redis-server.service /usr/bin/redis-server --bind 0.0.0.0 :: --protected-mode no \
		--save '' --appendonly no --dir "$TMP/db1"
	for h in $GUARDED; do eventually 5 listening "$h" 22 || return 1; done
	eventually 5 listening web1 443 && eventually 5 listening web2 443 &&
		eventually 5 listening app1 8080 && eventually 5 listening db1 6379
}

# --- what people and attackers do ------------------------------------------------------------

order() { # FROM URL-HOST: a customer's order, through all three tiers
	on "$1" curl -sk --max-time 3 "https://$2/" 2>/dev/null || echo "no answer"
}

ssh_to() { # HOST-ADDRESS COMMAND...: from the bastion
	local to=$1
	shift
	on bastion ssh -q -i "$TMP/ssh/user" -o BatchMode=yes -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o ConnectTimeout=3 "root@$to" "$@" 2>/dev/null
}

# reach FROM UNIT ADDRESS PORT: open, refused, silent, or EPERM at once. Run in that unit's cgroup.
reach() {
	local out
	out=$(
		echo "$BASHPID" >"$(cg "$1" "$2")/cgroup.procs"
		on "$1" nc -nvzw1 "$3" "$4" 2>&1
	)
	case $out in
	*succeeded*) echo open ;;
	*refused*) echo refused ;;
	*"not permitted"*) echo EPERM ;;
	*) echo silent ;;
	esac
}

redis_get() { # FROM: what it reads out of the database
	on "$1" timeout 1 redis-cli -h 10.77.0.31 get orders 2>/dev/null || echo nothing
}

scan() { # the intruder looks at every server; open ports found
	on intruder nmap -n -Pn -sS -T5 --max-retries 0 --open -oG "$TMP/scan" \
		-p 22,443,6379,8080 $SCANNED >/dev/null 2>&1
	grep -o '[0-9]*/open/tcp' "$TMP/scan" | wc -l
}

policy_all() { # FILE: one controller file, followed by every agent
	local h revision
	cp "$HERE/policy/$1" "$TMP/policy/.new" && mv "$TMP/policy/.new" "$TMP/policy/policy.yaml"
	revision=$(sed -n 's/^revision: //p' "$HERE/policy/$1")
	for h in ${2:-$GUARDED}; do
		revision "$h" "$revision" || { echo "$h does not have revision $revision"; return 1; }
	done
}


# BPF programs, maps and links that the demo's agents pinned, as "kind id". By pin, not by name:
# other agents on this machine are nobody's business here.
pinned() {
	local pin
	for pin in "$TMP"/*/bpf/ztseg/*; do
		bpftool -j link show pinned "$pin" 2>/dev/null
	done | jq -r '"link \(.id)", "prog \(.prog_id)"' | tee "$TMP/links"
	bpftool -j prog show | jq -r '.[] | .id as $id | .map_ids[]? | "prog \($id) map \(.)"' |
		grep -F -f <(sed -n 's/^prog .*/& map/p' "$TMP/links") | cut -d' ' -f3-
}

existing() { # everything there is now, as "kind id"
	local kind
	for kind in prog map link; do
		bpftool -j "$kind" show 2>/dev/null | jq -r --arg kind "$kind" '.[] | "\($kind) \(.id)"'
	done
}

# --- the acts ------------------------------------------------------------------------------------

prologue() {
	say "Seven hosts on 10.77.0.0/24 and fd77::/64: two web servers (nginx, TLS), an application," \
		"a database (Redis), a bastion (ssh), a customer and an intruder. ztagent guards" \
		"$GUARDED; client and intruder are plain hosts."
	local h
	bpftool version >/dev/null || return 1
	host web1 11 && host web2 12 && host app1 21 && host db1 31 && host bastion 5 &&
		host client 100 && host intruder 66 && servers_start || return 1
	mkdir -p "$TMP/policy" && cp "$HERE/policy/hosts.yaml" "$TMP/policy/"
	cp "$HERE/policy/1-observe.yaml" "$TMP/policy/policy.yaml"
	for h in $GUARDED; do
		agent_start "$h" --policy "$TMP/policy/policy.yaml" || {
			tail -n 5 "$TMP/$h/agent.log"
			echo "$h: the agent did not start: $REPLY"
			return 1
		}
	done
}

act_observe() {
	local i answer
	act 1 "Observe: nothing is denied, everything is seen"
	for i in 1 2 3; do answer=$(order client 10.77.0.11); done
	order client '[fd77::12]' >/dev/null
	ssh_to 10.77.0.21 true
	redis_get bastion >/dev/null
	say "The customer orders ('$answer'), an operator logs in. The intruder looks around:"
	show intruder redis-cli -h 10.77.0.31 get orders
	printf '  %s\n' "$(redis_get intruder)"
	expect "observe: customer's order goes through web, app and db" "order * taken" "$answer"
	expect "observe: the intruder reads the database" "[0-9]*" "$(redis_get intruder)"
	show_ctl app1 16 map
	show_ctl db1 16 map
	assess web1 --json >"$TMP/web1.before" # act 8 looks at it
	expect "observe: the intruder's scan finds open ports" "8" "$(scan)"
	expect "map: web -> app by unit nginx.service, seen on web1" "nginx.service" "$(jqr web1 map -- \
		'[.edges[] | select(.port == 8080 and .src == "host:web1") | .workload.unit] | unique | join(" ")')"
	expect "map: app -> db by unit shop.service, seen on app1" "shop.service" "$(jqr app1 map -- \
		'[.edges[] | select(.port == 6379 and .src == "host:app1") | .workload.unit] | unique | join(" ")')"
	expect "map: and by which program" "*python3*" "$(jqr app1 map -- \
		'[.edges[] | select(.port == 6379 and .src == "host:app1") | .workload.exe] | unique | join(" ")')"
}

act_map() {
	local h status maps=()
	act 2 "Five maps become one; what changed since is a list"
	for h in $GUARDED; do
		ctlj "$h" map --by address >"$TMP/$h.map" && maps+=("$h.map")
	done
	say "Each host saves its map. Together, what both ends saw is one edge, with the owners of both:"
	show controller ztctl map --segment db --depth 2 "${maps[@]}"
	whole() { (cd "$TMP" && "$ZTCTL" "$@"); }
	whole map --segment db --depth 2 "${maps[@]}" | sed 's/^/  /' | head -n 36
	expect "map: both views of app -> db are one edge, both owners" "shop.service redis-server.service" \
		"$(whole --json map "${maps[@]}" | jq -r '[.edges[] | select(.port == 6379 and .src == "host:app1") |
			"\(.workload.unit) \(.dst_workload.unit)"] | unique | join(", ")')"
	expect "map: nothing of it is counted twice" "$(jq '[.edges[] | select(.src == "address:10.77.0.21" and
		.port == 6379) | .connections] | add' "$TMP/db1.map")" "$(whole --json map --by address "${maps[@]}" |
		jq '[.edges[] | select(.src == "address:10.77.0.21" and .port == 6379) | .connections] | add')"
	expect "map: what the customer asks for is encrypted" "tls1.3" "$(whole --json map --port 443 --host 10.77.0.100 \
		"${maps[@]}" | jq -r '[.edges[].protocols | keys[]] | unique | join(" ")')"
	expect "map: as one page that needs no network" "<!doctype html>" \
		"$(whole map --html "${maps[@]}" | head -c 15)"
	on client nc -zw1 10.77.0.31 22
	ctlj db1 map --by address >"$TMP/later.map"
	show controller ztctl map diff db1.map later.map --fail
	whole map diff db1.map later.map --fail >"$TMP/diff.txt"
	status=$?
	sed 's/^/  /' "$TMP/diff.txt"
	expect "map diff: the customer's ssh is new, and fails a check" "3 1" "$status $(whole --json map diff \
		db1.map later.map | jq '[.appeared[] | select(.port == 22)] | length')"
}

act_stage() {
	act 3 "Stage three tiers: what would be denied"
	show controller cat policy.yaml
	sed -n '/^boundaries/,$p' "$HERE/policy/2-staged.yaml" | sed 's/^/  /'
	policy_all 2-staged.yaml || return 1
	order client 10.77.0.11 >/dev/null
	redis_get intruder >/dev/null
	expect "staged: the customer is served" "order * taken" "$(order client 10.77.0.11)"
	expect "staged: the intruder still reads the database" "[0-9]*" "$(redis_get intruder)"
	expect "staged: web1 still reaches web2" "open" "$(reach web1 debug.service 10.77.0.12 443)"
	show_ctl db1 12 violations
	expect "staged: recorded on db1 as would-be-denied" "?*" \
		"$(violated db1 '.mode == "staged" and .port == 6379')"
	expect "staged: the customer is not among them on web1" "0" "$(jqr web1 violations -- \
		'[.violations[] | select(.src == "10.77.0.100")] | length')"
	show_ctl db1 14 policy explain 10.77.0.66 db1 tcp/6379
}

act_net() {
	local began ms
	act 4 "Promote with a net: the kernel takes back what nobody confirms"
	show_ctl db1 40 policy plan --all
	expect "plan: nothing vital would be cut" "0" "$(ctl db1 policy plan --all >/dev/null 2>&1; echo $?)"
	expect "plan: the intruder's flows are newly denied" "[1-9]*" "$(jqr db1 policy plan --all -- \
		'[.edges.live.newly_denied.rows[] | select(.src.address == "10.77.0.66")] | length')"
	show_ctl db1 6 policy promote --all --within 4s --why "trial at night"
	began=${EPOCHREALTIME/./}
	expect "net: promoted, the intruder reads nothing" "nothing" "$(redis_get intruder)"
	expect "net: and the shop goes on" "order * taken" "$(order client 10.77.0.11)"
	agent_kill db1
	say "Nobody confirms, and db1's agent gets SIGKILL. The datapath itself goes back:"
	reads() { [[ $(redis_get intruder) =~ ^[0-9]+$ ]]; }
	eventually 10 reads
	ms=$(((${EPOCHREALTIME/./} - began) / 1000))
	printf '  the intruder reads the database again after %d ms\n' "$ms"
	expect "net: taken back with the agent dead" "[0-9]*" "$(redis_get intruder)"
	agent_start db1 --policy "$TMP/policy/policy.yaml" || { echo "db1: no new agent: $REPLY"; return 1; }
	expect "net: db1's new agent says what happened" "1" "$(jqr db1 status -- \
		'[.alarms[] | select(.name == "reverted" and .count > 0)] | length')"
	eventually 5 revision db1 2
}

act_enforce() {
	act 5 "Enforce"
	policy_all 3-enforced.yaml || return 1
	expect "enforced: the customer is served (IPv4)" "order * taken" "$(order client 10.77.0.11)"
	expect "enforced: the customer is served (IPv6)" "order * taken" "$(order client '[fd77::12]')"
	expect "enforced: the operator logs in (failsafe)" "in" "$(ssh_to 10.77.0.31 echo in)"
	expect "enforced: the intruder reads nothing" "nothing" "$(redis_get intruder)"
	expect "enforced: app1's own program reaches the database" "open" \
		"$(reach app1 shop.service 10.77.0.31 6379)"
	expect "enforced: another program on app1 is refused at once" "EPERM" \
		"$(reach app1 backup.service 10.77.0.31 6379)"
	show_ctl app1 8 flows --port 6379 --verdict denied
}

act_scan() {
	local found
	act 6 "The intruder scans"
	show intruder nmap -sS --open -p 22,443,6379,8080 "$SCANNED"
	found=$(scan)
	printf '  open ports found: %s\n' "$found"
	expect "scan: open ports found" "0" "$found"
	show_ctl db1 12 violations --host 10.77.0.66
	expect "scan: db1's violations name source, port and rule" "boundary*db*" \
		"$(violated db1 '.mode == "enforced" and .src == "10.77.0.66" and .port == 22')"
	expect "scan: ports tried, as app1 counted them" "22 443 6379 8080" "$(jqr app1 violations -- \
		'[.violations[] | select(.mode == "enforced" and .src == "10.77.0.66") | .port]
		 | unique | join(" ")')"
}

act_same_segment() {
	act 7 "Hosts of one segment cannot reach each other (guideline item 3-1)"
	say "Both ends hold to it: the sender's host refuses the connect, and where that is taken away" \
		"(ztctl observe on web1) the receiver's host drops the packet."
	expect "3-1: web1 -> web2, IPv4: refused on web1" "EPERM" "$(reach web1 debug.service 10.77.0.12 443)"
	expect "3-1: web1 -> web2, IPv6: refused on web1" "EPERM" "$(reach web1 debug.service fd77::12 443)"
	expect "3-1: web2 -> web1, its ssh: refused on web2" "EPERM" "$(reach web2 debug.service 10.77.0.11 22)"
	show_ctl web1 2 observe --for 1m
	expect "3-1: web1 observes only: web2 drops it" "silent" "$(reach web1 debug.service 10.77.0.12 443)"
	expect "3-1: the same over IPv6" "silent" "$(reach web1 debug.service fd77::12 443)"
	show_ctl web1 1 observe --off
	show_ctl web2 8 violations --host web1 --port 443
	expect "3-1: web2 says which statement" "boundary:web:in" \
		"$(violated web2 '.mode == "enforced" and .src_host == "web1" and .port == 443')"
}

assess() { # HOST [OPTION...]
	local where=$1
	shift
	ctl "$where" "$@" assess --netns own --state-dir "$TMP/$where/state" --pin-dir "$TMP/$where/bpf/ztseg" \
		--trust "$TMP/trust"
}
judged() { # FILE CHECK
	jq -r --arg id "$2" '.checks[] | select(.id == $id) | .result' "$1"
}

act_assess() {
	act 8 "Assess: what of the guideline's network pillar web1 can show"
	say "A neighbour without an agent tries web1's ports, and signs what became of it; web1 trusts its key."
	show client ztctl probe --ports 22,443,8080 10.77.0.11
	mkdir -p "$TMP/trust/peer"
	ctl client probe --ports 22,443,8080 --state-dir "$TMP/client/state" --out "$TMP/probe.json" 10.77.0.11 | sed 's/^/  /'
	install -m 644 "$TMP/client/state/keys/host.pub" "$TMP/trust/peer/client.pub"
	show web1 ztctl probe --take probe.json
	ctl web1 probe --take "$TMP/probe.json" --state-dir "$TMP/web1/state" --trust "$TMP/trust" | sed 's/^/  /'
	say "No score: levels, items, the first checks in the way. What was not measured is unknown."
	show web1 ztctl assess
	assess web1 | sed 's/^/  /'
	assess web1 --json >"$TMP/web1.after"
	expect "assess: default deny, before" "fail" "$(judged "$TMP/web1.before" ZTS-3.1-01)"
	expect "assess: default deny, enforced" "pass" "$(judged "$TMP/web1.after" ZTS-3.1-01)"
	expect "assess: the loaded programs asked about unknown neighbours" "pass" "$(judged "$TMP/web1.after" ZTS-3.1-02)"
	expect "assess: proven by a neighbour's packets" "pass" "$(judged "$TMP/web1.after" ZTS-3.1-03)"
	expect "assess: what was not asked for is not known" "unknown" "$(judged "$TMP/web1.after" ZTS-3.4-03)"
}

act_cut() {
	local before after began ms pid in out line=''
	act 9 "A new rule ends an established session"
	mkfifo "$TMP/session.in" "$TMP/session.out"
	(on bastion nc 10.77.0.31 6379 <"$TMP/session.in" >"$TMP/session.out" 2>/dev/null) &
	pid=$!
	exec {in}>"$TMP/session.in" {out}<"$TMP/session.out"
	echo PING >&"$in"
	read -rt 3 -u "$out" line
	before=${line%$'\r'}
	say "The operator's database session answers '$before'. Revision 4 denies it, existing: reset."
	sed -n '/no-ops/p' "$HERE/policy/4-cut.yaml"
	began=${EPOCHREALTIME/./}
	cp "$HERE/policy/4-cut.yaml" "$TMP/policy/.new" && mv "$TMP/policy/.new" "$TMP/policy/policy.yaml"
	gone "$pid" 5 && after=ended || after="still open"
	ms=$(((${EPOCHREALTIME/./} - began) / 1000))
	exec {in}>&- {out}<&-
	policy_all 4-cut.yaml || return 1
	say "The session has $after, $ms ms after the file changed."
	expect "cut: the session answers before" "+PONG" "$before"
	expect "cut: and has ended after" "ended" "$after"
	expect "cut: a new one is refused at once" "EPERM" "$(reach bastion ops.service 10.77.0.31 6379)"
	expect "cut: the bastion's ssh still works (failsafe)" "in" "$(ssh_to 10.77.0.31 echo in)"
	expect "cut: the customer is served" "order * taken" "$(order client 10.77.0.11)"
}

act_kill() {
	act 10 "The agents are killed: enforcement holds"
	agent_kill db1
	agent_kill web1
	say "ztagent on db1 and web1 got SIGKILL; their programs stay pinned in the kernel."
	expect "killed: the customer is served" "order * taken" "$(order client 10.77.0.11)"
	expect "killed: the intruder reads nothing" "nothing" "$(redis_get intruder)"
	expect "killed: the intruder's scan finds" "0" "$(scan)"
	expect "killed: web2 -> web1" "EPERM" "$(reach web2 debug.service 10.77.0.11 443)"
	local after
	agent_start db1 --policy "$TMP/policy/policy.yaml" || { echo "db1: no new agent: $REPLY"; return 1; }
	say "A new agent on db1 takes over what the kernel kept, and tells what was denied meanwhile:"
	show_ctl db1 8 violations --host 10.77.0.66
	after=$(jqr db1 violations -- \
		'[.violations[] | select(.src == "10.77.0.66" and .port == 6379) | .count] | add // 0')
	expect "killed: denials counted while no agent ran" "[1-9]*" "$after"
}

act_detach() {
	local h left
	act 11 "Detach leaves nothing behind"
	pinned | sort -u >"$TMP/pinned"
	expect "before: programs, maps and links in the kernel" "[1-9][0-9]*" "$(grep -c . "$TMP/pinned")"
	for h in $GUARDED; do
		stop_tool "$h" detach >"$TMP/detach.$h" 2>&1 || sed "s/^/  $h: /" "$TMP/detach.$h"
	done
	show web1 ztctl detach
	sed 's/^/  /' "$TMP/detach.web1" | head -n 4
	for h in $GUARDED; do gone "${AGENT_PID[$h]}" 5; done
	nothing_left() { ! existing | grep -qxFf "$TMP/pinned"; }
	eventually 5 nothing_left
	expect "detached: BPF programs, maps and links left" "0" "$(existing | grep -xFcf "$TMP/pinned")"
	expect "detached: pins left" "0" "$(find "$TMP"/*/bpf/ztseg 2>/dev/null | wc -l)"
	left=$(for h in $GUARDED; do on "$h" tc filter show dev eth0 ingress; on "$h" tc filter show dev eth0 egress
		on "$h" tc qdisc show dev eth0 | grep clsact; done)
	expect "detached: tc filters left" "0" "$(grep -c . <<<"$left")"
	expect "detached: the database answers anybody again" "[0-9]*" "$(redis_get intruder)"
}

table() {
	local row what expected observed held
	printf '\n%s%-58s %-17s %-17s %s%s\n' "$bold" EXPECTATION EXPECTED OBSERVED HELD "$plain"
	for row in "${ROWS[@]}"; do
		IFS=$'\t' read -r what expected observed held <<<"$row"
		[[ $held = yes ]] && held=$green$held$plain || held=$red$held$plain
		printf '%-58.58s %-17.17s %-17.17s %s\n' "$what" "$expected" "${observed//$'\n'/ }" "$held"
	done
	printf '\n%d expectations, %d held, %d did not; %d s\n' "${#ROWS[@]}" \
		$((${#ROWS[@]} - zt_failed)) "$zt_failed" $((SECONDS - BEGAN))
}

for part in prologue act_observe act_map act_stage act_net act_enforce act_scan act_same_segment act_assess act_cut act_kill \
	act_detach; do
	if ! $part; then
		expect "$part came to its end" "yes" "no"
		break
	fi
done
table
exit $((zt_failed > 0))
