# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2053
# lib.sh - hosts as network namespaces, agents in them, and what a test says about both.
#
# Sourced first by every test here and by the demo. It starts the test anew in a mount namespace
# of its own, where /run/netns and every bpffs are private: whatever way the test ends, the kernel
# takes down its namespaces, pins and programs with the last process. Processes are started in
# cgroups below one slice named after the test, which the exit trap empties and removes.
#
# The machine's own interfaces are never touched: hosts hang on a bridge that lives in a namespace
# too. Addresses: host N is 10.77.0.N/24 and fd77::N/64 on eth0, and exists nowhere else.
#
# What a test prints: ok NAME, not ok NAME - why, skip NAME - why; exit 0, 1 or 77.

set -u

ZT_HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ZT_ROOT=$(cd "$ZT_HERE/../.." && pwd)
ZT_OUT=${OUT:-build}
[[ $ZT_OUT = /* ]] || ZT_OUT=$ZT_ROOT/$ZT_OUT
ZTAGENT=${ZTAGENT:-$ZT_OUT/ztagent}
ZTCTL=${ZTCTL:-$ZT_OUT/ztctl}
ZT_SCALE=${ZT_TIME_SCALE:-1} # an emulated machine is slow: every limit is multiplied
TEST=${ZT_NAME:-$(basename "${BASH_SOURCE[-1]}" .sh)}
TEST=${TEST#test_}

if [[ $EUID != 0 ]]; then
	echo "needs root: network namespaces"
	exit 77
fi
if [[ -z ${ZT_SANDBOX:-} ]]; then
	ZT_SANDBOX=1 exec unshare --mount --propagation private -- bash "${BASH_SOURCE[-1]}" "$@"
fi
for zt_program in "$ZTAGENT" "$ZTCTL"; do
	[[ -x $zt_program ]] || { echo "not ok $TEST - $zt_program is not built"; exit 1; }
done

# --- what a test says ------------------------------------------------------------

zt_passed=0 zt_failed=0 zt_skipped=0

ok() { # NAME
	zt_passed=$((zt_passed + 1))
	echo "ok $1"
}

not_ok() { # NAME WHY
	zt_failed=$((zt_failed + 1))
	echo "not ok $1 - ${2//$'\n'/ | }"
}

skip() { # NAME WHY: names what is missing, and what is done instead
	zt_skipped=$((zt_skipped + 1))
	echo "skip $1 - $2"
}

note() { # TEXT...: for whoever reads the log
	echo "# $*"
}

is() { # NAME GOT WANTED
	if [[ $2 == "$3" ]]; then ok "$1"; else not_ok "$1" "got '$2', wanted '$3'"; fi
}

like() { # NAME GOT PATTERN: a bash pattern
	if [[ $2 == $3 ]]; then ok "$1"; else not_ok "$1" "got '$2', wanted $3"; fi
}

holds() { # NAME COMMAND...: it succeeds
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "$* said: ${out:0:400}"; fi
}

fails() { # NAME COMMAND...: it does not
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then not_ok "$name" "$* succeeded: ${out:0:200}"; else ok "$name"; fi
}

must() { # COMMAND...: a step without which the rest means nothing
	REPLY=
	"$@" && return
	not_ok setup "failed: $*${REPLY:+ ($REPLY)}"
	exit 1
}

# eventually SECONDS COMMAND...: tries until it succeeds. Only for state that nothing announces.
eventually() {
	local end=$((${EPOCHREALTIME/./} + $1 * ZT_SCALE * 1000000))
	shift
	while ! "$@" >/dev/null 2>&1; do
		((${EPOCHREALTIME/./} < end)) || return 1
		read -rt 0.02 <>"$TMP/tick" || :
	done
}

within() { # NAME SECONDS COMMAND...: it succeeds in that time
	local name=$1 seconds=$2 out
	shift 2
	if eventually "$seconds" "$@"; then
		ok "$name"
	else
		out=$("$@" 2>&1)
		not_ok "$name" "not within $seconds s: $* (${out:0:400})"
	fi
}

# --- beginning and end -------------------------------------------------------------

zt_cgroup_root() { # cgroup v2 may be mounted in two places
	awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") { print $5; exit } }' \
		/proc/self/mountinfo
}

zt_cleanup() {
	local status=$? i
	trap - EXIT
	trap '' INT TERM
	if ((zt_failed)); then
		for i in "$TMP"/*/agent.log; do
			[[ -s $i ]] || continue
			echo "# --- ${i#"$TMP"/}, last lines"
			tail -n 15 "$i" | cut -c1-200 | sed 's/^/# /'
		done
	fi
	[[ -n ${ZT_KEEP:-} ]] && { note "kept: $TMP; ends with return"; read -r </dev/tty; }
	if [[ -d $CG ]]; then
		echo 1 >"$CG/cgroup.kill" 2>/dev/null || zt_kill_each
		for ((i = 0; i < 1000 * ZT_SCALE; i++)); do
			find "$CG" -depth -type d -exec rmdir {} + 2>/dev/null
			[[ -d $CG ]] || break
			read -rt 0.01 <>"$TMP/tick" || :
		done
		[[ -d $CG ]] && echo "# left behind: $CG"
	fi
	awk -v at="$TMP/" 'index($5, at) == 1 { print $5 }' /proc/self/mountinfo |
		xargs -r umount --lazy 2>/dev/null
	rm -rf --one-file-system "$TMP" 2>/dev/null
	((status == 0 && zt_failed)) && status=1
	((status == 0 && zt_passed == 0 && zt_skipped)) && status=77
	((status == 1 && zt_failed == 0)) && echo "not ok $TEST - ended early"
	exit "$status"
}

zt_kill_each() { # kernels before 5.14 have no cgroup.kill
	local file pid
	while IFS= read -r file; do
		while read -r pid; do kill -KILL "$pid"; done <"$file"
	done < <(find "$CG" -name cgroup.procs) 2>/dev/null
}

zt_begin() {
	CGROOT=$(zt_cgroup_root)
	[[ -n $CGROOT ]] || { echo "not ok $TEST - no cgroup v2 is mounted"; exit 1; }
	CG=$CGROOT/zt-$TEST-$$.slice
	TMP=$(mktemp -d "/tmp/zt-$TEST.XXXXXX") || exit 1
	mkfifo "$TMP/tick"
	trap zt_cleanup EXIT
	trap 'exit 143' INT TERM HUP
	chmod 755 "$TMP" # other users' processes reach the socket
	mkdir -p /run/netns "$CG" "$TMP/log"
	mount -t tmpfs -o mode=755 netns /run/netns || exit 1
	mount --make-private /run/netns
	zt_switch_made=
}

# --- hosts ---------------------------------------------------------------------------

declare -A HOST_IP4=() HOST_IP6=()

ns() { # HOST: the namespace's name
	echo "zt-$$-$1"
}

on() { # HOST COMMAND...: runs it there, in the test's own cgroup
	local name
	name=zt-$$-$1
	shift
	nsenter --net="/run/netns/$name" -- "$@"
}

netns() { # HOST: an empty namespace with lo up
	ip netns add "$(ns "$1")" && ip -n "$(ns "$1")" link set lo up
	mkdir -p "$TMP/$1/state" "$TMP/$1/run"
}

zt_switch() { # the wire between the hosts, once
	[[ -z $zt_switch_made ]] || return 0
	zt_switch_made=1
	netns sw
	# A wire passes on what it is given: no netfilter between the ports.
	on sw sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
		for f in /proc/sys/net/bridge/bridge-nf-call-*; do [ -e "$f" ] && echo 0 >"$f"; done; :'
	ip -n "$(ns sw)" link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
	ip -n "$(ns sw)" link set br0 up
}

# host NAME N [COMMAND]: a host at 10.77.0.N and fd77::N.
host() {
	local me sw
	me=$(ns "$1") sw=$(ns sw)
	zt_switch
	netns "$1"
	printf '%s\n' "link add p$2 netns $sw type veth peer name eth0" >"$TMP/batch"
	HOST_IP4[$1]=10.77.0.$2
	HOST_IP6[$1]=fd77::$2
	on "$1" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad
		echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad'
	ip -n "$me" -batch - <<-EOT || return 1
		link add eth0 type veth peer name p$2 netns $sw
		link set eth0 up
		addr add 10.77.0.$2/24 brd + dev eth0
		addr add fd77::$2/64 dev eth0 nodad
	EOT
	ip -n "$sw" -batch - <<-EOT
		link set p$2 master br0
		link set p$2 up
	EOT
}

# link A IFA ADDRA B IFB ADDRB: a cable between two namespaces; "-" for no address.
link() {
	ip -n "$(ns "$1")" link add "$2" type veth peer name "$5" netns "$(ns "$4")" || return 1
	[[ $3 = - ]] || ip -n "$(ns "$1")" addr add "$3" dev "$2" || return 1
	[[ $6 = - ]] || ip -n "$(ns "$4")" addr add "$6" dev "$5" || return 1
	ip -n "$(ns "$1")" link set "$2" up
	ip -n "$(ns "$4")" link set "$5" up
}

mac() { # HOST IF
	ip -n "$(ns "$1")" -j link show "$2" | jq -r '.[0].address'
}

# --- processes ---------------------------------------------------------------------------

cg() { # HOST UNIT-PATH: the cgroup directory, made if need be
	mkdir -p "$CG/$1.slice/$2"
	echo "$CG/$1.slice/$2"
}

# spawn HOST UNIT COMMAND...: in the background, as if systemd had started UNIT there. PID is set.
# UNIT may be a path below the host's slice: user@7.service/app.slice/x.service
spawn() {
	local where=$1 dir log
	dir=$(cg "$1" "$2")
	log=$TMP/log/$1.${2//\//_}.log
	shift 2
	(
		echo "$BASHPID" >"$dir/cgroup.procs"
		exec nsenter --net="/run/netns/zt-$$-$where" -- setsid "$@"
	) </dev/null >>"$log" 2>&1 &
	PID=$!
	disown "$PID"
}

alive() { # PID, and not a zombie
	# A zombie with threads left (Zl) still holds what it had.
	[[ $(ps -o stat= -p "$1" 2>/dev/null) == @([!Z]*|Z*l*) ]]
}

gone() { # PID SECONDS
	eventually "${2:-5}" fails_alive "$1"
}

fails_alive() { ! alive "$1"; }

listening() { # HOST PORT: some TCP socket listens there
	[[ -n $(on "$1" ss -Hltn "sport = :$2") ]]
}

# --- puppets: sockets that a test drives ------------------------------------------------------

declare -A PUPPET_IN=() PUPPET_OUT=() PUPPET_PID=()

# puppet NAME HOST [UNIT]: see puppet/__main__.py. Then: tell NAME COMMAND...
# PUPPET_EXE=PATH before it: run by that copy of the interpreter, or by a script that ends in one.
puppet() {
	local in=$TMP/$1.in out=$TMP/$1.out fd
	mkfifo "$in" "$out"
	(
		echo "$BASHPID" >"$(cg "$2" "${3:-$1.service}")/cgroup.procs"
		PYTHONPYCACHEPREFIX=$ZT_OUT/pycache exec nsenter --net="/run/netns/zt-$$-$2" -- \
			"${PUPPET_EXE:-/usr/bin/python3}" "$ZT_HERE/puppet"
	) <"$in" >"$out" 2>"$TMP/log/puppet.$1.log" &
	PUPPET_PID[$1]=$!
	disown "${PUPPET_PID[$1]}"
	exec {fd}>"$in"
	PUPPET_IN[$1]=$fd
	exec {fd}<"$out"
	PUPPET_OUT[$1]=$fd
}

# tell PUPPET COMMAND...: answers in REPLY, without the "ok"; status 0, or 1 for "err".
tell() {
	local who=$1
	shift
	printf '%q ' "$@" >&"${PUPPET_IN[$who]}"
	echo >&"${PUPPET_IN[$who]}"
	hear "$who"
}

# ask_for PUPPET COMMAND...: sends only; hear PUPPET takes the answer later.
ask_for() {
	local who=$1
	shift
	printf '%q ' "$@" >&"${PUPPET_IN[$who]}"
	echo >&"${PUPPET_IN[$who]}"
}

hear() { # PUPPET
	REPLY=
	if ! read -rt $((30 * ZT_SCALE)) -u "${PUPPET_OUT[$1]}" REPLY; then
		REPLY="no answer from puppet $1: $(tail -n 3 "$TMP/log/puppet.$1.log" | tr '\n' ' ')"
		return 1
	fi
	[[ $REPLY == ok* ]] || { REPLY=${REPLY#err }; return 1; }
	REPLY=${REPLY#ok}
	REPLY=${REPLY# }
}

says() { # NAME PUPPET COMMAND... : it worked
	local name=$1
	shift
	if tell "$@"; then ok "$name"; else not_ok "$name" "$*: $REPLY"; fi
}

denies() { # NAME ERROR-PATTERN PUPPET COMMAND...: it failed, and in this way
	local name=$1 want=$2
	shift 2
	if tell "$@"; then
		not_ok "$name" "$*: worked ($REPLY)"
	elif [[ $REPLY == $want ]]; then
		ok "$name"
	else
		not_ok "$name" "$*: $REPLY, wanted $want"
	fi
}

# --- agents ---------------------------------------------------------------------------------------

declare -A AGENT_PID=()

policy() { # HOST <text: the host's policy file, replaced as an editor does it
	cat >"$TMP/$1/.policy.new"
	mv "$TMP/$1/.policy.new" "$TMP/$1/policy.yaml"
}

settings() { # HOST <text: the agent's own settings
	cat >"$TMP/$1/agent.yaml"
}

bpffs() { # HOST: the mount its pins live on; survives the agent, not the test
	[[ -d $TMP/$1/bpf ]] && return
	mkdir -p "$TMP/$1/bpf"
	mount -t bpf bpf "$TMP/$1/bpf"
}

# agent_start HOST [OPTION...]: returns when it has said READY=1.
agent_start() {
	local where=$1 ready=$TMP/$1/notify dir=$TMP/$1 config=()
	shift
	[[ -n ${PUPPET_PID[notify]:-} ]] || { netns_self; puppet notify self notify.service; }
	bpffs "$where"
	rm -f "$ready"
	tell notify notifybind "$ready" || return 1
	[[ -f $dir/agent.yaml ]] && config=(--config "$dir/agent.yaml")
	(
		echo "$BASHPID" >"$(cg "$where" ztagent.service)/cgroup.procs"
		NOTIFY_SOCKET=$ready exec nsenter --net="/run/netns/zt-$$-$where" -- \
			"$ZTAGENT" ${config[@]+"${config[@]}"} --policy "$dir/policy.yaml" \
			--state-dir "$dir/state" --run-dir "$dir/run" --pin-dir "$dir/bpf/ztseg" "$@"
	) </dev/null >>"$dir/agent.log" 2>&1 &
	AGENT_PID[$where]=$!
	disown "${AGENT_PID[$where]}"
	tell notify notifywait "$ready" READY=1 $((10 * ZT_SCALE)) "${AGENT_PID[$where]}"
}

netns_self() { [[ -e /run/netns/$(ns self) ]] || netns self; }

# agent_run HOST [OPTION...]: one that is expected to give up; its words and exit status.
agent_run() {
	local where=$1 dir=$TMP/$1
	shift
	bpffs "$where"
	timeout $((10 * ZT_SCALE)) nsenter --net="/run/netns/zt-$$-$where" -- "$ZTAGENT" \
		--policy "$dir/policy.yaml" --state-dir "$dir/state" --run-dir "$dir/run" \
		--pin-dir "$dir/bpf/ztseg" "$@" </dev/null 2>&1
}

agent_stop() { # HOST [SIGNAL]: and waits until it is gone
	kill "-${2:-TERM}" "${AGENT_PID[$1]}" || return 1
	gone "${AGENT_PID[$1]}" 10
}

agent_kill() { # HOST
	agent_stop "$1" KILL
}

ctl() { # HOST ARGUMENT...
	local where=$1
	shift
	on "$where" "$ZTCTL" --socket "$TMP/$where/run/agent.sock" "$@"
}

# stop_tool HOST observe|detach [OPTION...]: through the agent when it lives, else by its pins.
stop_tool() {
	local where=$1
	shift
	if alive "${AGENT_PID[$where]:-0}"; then
		ctl "$where" "$@"
	else
		ctl "$where" "$@" --pin-dir "$TMP/$where/bpf/ztseg"
	fi
}

ctlj() { # HOST ARGUMENT...: JSON
	local where=$1
	shift
	on "$where" "$ZTCTL" --socket "$TMP/$where/run/agent.sock" --json "$@"
}

# jqc HOST COMMAND-WORDS -- JQ-FILTER [JQ-OPTION...]: true if the filter is (jq -e).
jqc() {
	local where=$1 words=()
	shift
	while [[ $1 != -- ]]; do words+=("$1"); shift; done
	shift
	ctlj "$where" "${words[@]}" | jq -e "${@:2}" "$1"
}

jqr() { # the same, the value as raw text
	local where=$1 words=()
	shift
	while [[ $1 != -- ]]; do words+=("$1"); shift; done
	shift
	ctlj "$where" "${words[@]}" | jq -r "${@:2}" "$1"
}

# revision HOST N: waits until the agent has policy revision N in force.
revision() {
	eventually 5 jqc "$1" status -- ".policy.revision == $2"
}

# put HOST N <text: replaces the policy (its revision is N) and waits until it is in force.
put() {
	policy "$1"
	revision "$1" "$2" || { not_ok "policy revision $2 of $1" "not in force after 5 s"; return 1; }
}

# rules_for HOST N MODE <statements: a policy of that revision and mode over every host made by
# host(), each the only member of a segment of its name; in policy.text, which no agent reads.
rules_for() {
	local h
	{
		printf 'version: 1\npolicy: %s\nrevision: %d\nmode: %s\nhosts:\n' "${TEST//_/-}" "$2" "$3"
		for h in "${!HOST_IP4[@]}"; do
			printf '  %s: {addresses: [%s, "%s"], labels: {name: %s}}\n' \
				"$h" "${HOST_IP4[$h]}" "${HOST_IP6[$h]}" "$h"
		done
		printf 'segments:\n'
		for h in "${!HOST_IP4[@]}"; do printf '  %s: {select: {name: %s}}\n' "$h" "$h"; done
		cat
	} >"$TMP/$1/policy.text"
}

rules() { # HOST N MODE <statements: that policy put where the agent reads; then waits as put does
	rules_for "$@"
	if [[ -n ${AGENT_PID[$1]:-} ]]; then
		put "$1" "$2" <"$TMP/$1/policy.text"
	else
		policy "$1" <"$TMP/$1/policy.text"
	fi
}

# verdict HOST CONDITION: "ACTION RULE" of the flows that match (jq, one flow at .), live plane.
verdict() {
	jqr "$1" flows -- "[.flows[] | select($2) | \"\(.verdict.live.action) \(.verdict.live.rule)\"]
		| unique | join(\", \")"
}

# flow_count HOST CONDITION
flow_count() {
	jqr "$1" flows -- "[.flows[] | select($2)] | length"
}

# violated HOST CONDITION: rules of the violations that match, each once.
violated() {
	jqr "$1" violations -- "[.violations[] | select($2) | .rule] | unique | join(\" \")"
}

zt_begin
