#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# assess_hosts_many - 32 hosts at a time and no more; a run that is interrupted keeps what came.
. "$(dirname "$0")/lib.sh"
zt_begin
# shellcheck source=tests/netns/fleet.sh
. "$(dirname "$0")/fleet.sh"

host h1 11
host hang 12
host slow 13

force_assess h1
force hang <<<'exec sleep 1000'
serve h1 hang slow

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

