#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# hostile_names - names that processes, units, programs and labels chose to do harm: escaped in every output.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
A=${HOST_IP4[a]}
rtl=$'\xe2\x80\xae' zero=$'\xe2\x80\x8b'
harm=$'\e[2J\a'"$rtl"'<script>alert(1)</script>"&'"$zero"$'\xff\xfe'
label="<b>$rtl\"x"
policy b <<-EOT
	version: 1
	policy: hostile
	revision: 1
	mode: enforced
	hosts:
	  a: {addresses: [$A], labels: {role: server, note: "<i>plain\u202e"}}
	  b: {addresses: [${HOST_IP4[b]}], labels: {role: client}}
	segments:
	  servers: {select: {role: server}}
	  clients: {select: {role: client}}
	rules:
	  - {id: no-discard, action: deny, from: clients, to: servers, ports: [tcp/9]}
EOT
must agent_start b
puppet server a
must tell server listen web tcp 0.0.0.0 80
if ctl b label set a "color=$label" >"$TMP/label.out" 2>&1; then
	ok "a label with such a value is set"
else
	not_ok "a label with such a value is set" "$(cat "$TMP/label.out")"
fi

# A program by a path, in a unit, with a name and arguments, each of them hostile.
program=$TMP/${harm//\//_}
must cp "$(readlink -f /usr/bin/python3)" "$program"
long=$(printf 'n%.0s' {1..180})
cat >"$TMP/evil.py" <<-'EOT'
	"""evil.py ADDRESS - renames itself, opens, is refused, talks to itself; stays until it is told to end."""
	import ctypes, socket, sys, time
	ctypes.CDLL(None).prctl(15, b"\x1b[31m\xe2\x80\xae<h1>\xff", 0, 0, 0)
	web = socket.create_connection((sys.argv[1], 80))
	web.send(b"GET / HTTP/1.0\r\n\r\n")
	try:
	    socket.create_connection((sys.argv[1], 9), timeout=1)
	except OSError as error:
	    print(error)
	own = socket.create_server(("127.0.0.1", 8000))
	self = socket.create_connection(("127.0.0.1", 8000))
	open(sys.argv[2], "w").close()
	time.sleep(600)
EOT
follow() { # NAME OPTION...
	spawn b "$1.service" sh -c "exec \"\$@\" >$TMP/$1.out" - "$ZTCTL" --socket "$TMP/b/run/agent.sock" "${@:2}"
}
follow json --json flows --follow --all
follow text flows --follow --all
clients() { jqc b status -- ".agent.clients == $1"; }
must eventually 5 clients 3
spawn b "${harm//\//_}.service" bash -c 'exec -a "$0" "$1" "${@:2}"' "argv0 ${harm}" "$program" "$TMP/evil.py" "$A" "$TMP/up" "$harm"
must eventually 10 test -e "$TMP/up"
spawn b "$long.service" "$program" "$TMP/evil.py" "$A" "$TMP/up2"
sees() { jqc b map --by address -- '[.edges[] | .dst_workload // empty] | length > 0'; }
within "both ends of a connection inside the host have an owner" 5 sees

# --- every output ------------------------------------------------------------------------------
bad='[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xa9]|\xef\xbb\xbf'
harmless() { # NAME <output
	local out=$TMP/out rc=0
	cat >"$out"
	[[ -s $out ]] || { not_ok "$1" "nothing was printed"; return; }
	iconv -f UTF-8 -t UTF-8 "$out" >/dev/null 2>&1 || rc="not UTF-8"
	LC_ALL=C grep -qP "$bad" "$out" && rc="obeyed: $(LC_ALL=C grep -aP "$bad" "$out" | head -1 | cat -v | cut -c1-200)"
	is "$1" "$rc" 0
}
for words in flows "flows --verdict denied" violations map "map --by address" "map --by segment" "map --by workload" \
	status "label list" "top --batch" doctor "policy explain b a tcp/80" "policy plan $TMP/b/policy.yaml"; do
	# shellcheck disable=SC2086
	ctl b $words 2>&1 | harmless "as text: ${words//$TMP/}"
	# shellcheck disable=SC2086
	ctlj b $words 2>&1 | harmless "as JSON: ${words//$TMP/}"
done
within "follow: as JSON" 5 grep -q '"flows":\[{' "$TMP/json.out"
harmless "follow: as JSON, all of it" <"$TMP/json.out"
harmless "follow: as text" <"$TMP/text.out"
for schema in flows map violations; do
	out=$(ctlj b $schema | "$ZT_ROOT/tests/golden/schema/check.py" $schema 2>&1)
	is "the schema of $schema holds" "$?${out:+ $out}" 0
done
ctlj b map --by address --since 1h | harmless "as recorded"

# --- and nothing of it is left out -------------------------------------------------------------------
edge='.edges[] | select(.port == 80) | .workload | select(.exe | endswith("\"&\\u{200b}\\xff\\xfe"))'
is "the program's path, escaped" "$(jqr b map -- "[$edge | .exe | ltrimstr(\"$TMP/\")] | unique | join(\" \")")" \
	'\x1b[2J\x07\u{202e}<script>alert(1)<_script>"&\u{200b}\xff\xfe'
shown='\\x1b[2J\\x07\\u{202e}<script>alert(1)<_script>\"&\\u{200b}\\xff\\xfe'
is "its unit" "$(jqr b map -- "[$edge | .unit] | any(. == \"$shown.service\")")" true
is "its command line" "$(jqr b map -- "[$edge | .command] | any(contains(\"argv0 ${shown/_/\/} \"))")" true
is "its name, on the flow" "$(jqr b flows --port 80 -- '[.flows[].src.workload.comm] | unique | join(" ")')" \
	'\x1b[31m\u{202e}<h1>\xff'
is "labels, set at run time and of the inventory" \
	"$(jqr b map --by address -- ".nodes[] | select(.id == \"address:$A\") | .labels | \"\(.color) \(.note)\"")" \
	'<b>\u{202e}"x <i>plain\u{202e}'
is "a command line is 160 bytes at most, before they are escaped" \
	"$(jqr b map -- '[.edges[].workload.command // "" | gsub("\\\\x[0-9a-f]{2}|\\\\u\\{[0-9a-f]+\\}"; "x") | length] | max <= 160')" true
