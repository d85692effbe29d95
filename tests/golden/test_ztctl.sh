#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# ztctl - the command line without an agent: exit statuses, help, what is generated from the table.
# shellcheck source=tests/golden/lib.sh
. "$(dirname "$0")/lib.sh"

exits() { ends "$1" "$2" "$ZTCTL" --socket "$TMP/none.sock" "${@:3}"; } # NAME STATUS ARGUMENT...: also, an error is one line on stderr and nothing on stdout

# --- generated files are those of the table ---------------------------------------------
for f in completion:bash-completion man:8; do
	"$ZTCTL" --generate="${f%%:*}" >"$TMP/generated"
	if cmp -s "$TMP/generated" "packaging/ztctl.${f#*:}"; then
		ok "packaging/ztctl.${f#*:} is up to date"
	else
		not_ok "packaging/ztctl.${f#*:} is up to date" "write it with ztctl --generate=${f%%:*}"
	fi
done

# --- completion ------------------------------------------------------------------------------
complete_line() { # WORD...: what is offered for the last one
	bash -c '. packaging/ztctl.bash-completion; COMP_WORDS=(ztctl "$@"); COMP_CWORD=$#
		_ztctl; echo "${COMPREPLY[*]}"' _ "$@"
}
is "completes commands" "$(complete_line st)" "status"
is "completes a family" "$(complete_line policy c)" "check confirm"
is "completes behind global options" "$(complete_line --socket /x --json pol)" "policy"
is "completes options of a command" "$(complete_line flows --ver)" "--verdict"
is "completes options of a family's command" "$(complete_line policy explain --ex)" "--exe"

# --- help ----------------------------------------------------------------------------------------
"$ZTCTL" --help >"$TMP/help" 2>&1
is "--help" "$?" 0
is "help fits 80 columns" "$(awk 'length > 80' "$TMP/help")" ""
while read -r command; do
	# shellcheck disable=SC2086
	"$ZTCTL" $command --help >"$TMP/out" 2>&1
	is "$command --help" "$? $(head -c 6 "$TMP/out")" "0 Usage:"
done < <(sed -n "s/^\t'\(.*\)') words='.*/\1/p" packaging/ztctl.bash-completion)

# --- usage ------------------------------------------------------------------------------------------
exits "no command" 2
exits "unknown command" 2 flws
exits "no prefix is guessed" 2 stat
exits "half a command" 2 policy
exits "its list, asked for" 0 policy --help
exits "unknown option" 2 flows --colour
exits "argument too many" 2 status now
exits "argument missing" 2 policy check
exits "bad port" 2 flows --port 65536
exits "bad limit" 2 flows --limit 0
exits "bad verdict" 2 flows --verdict maybe
exits "bad mode" 2 violations --mode on
exits "bad grouping" 2 map --by colour
exits "bad time" 2 observe --for 5x
exits "options that exclude each other" 2 observe --off --for 5m
exits "bad colour" 2 --color sometimes status
exits "--host without --file" 2 policy explain --host a b c tcp/1

# --- no agent -----------------------------------------------------------------------------------------
for c in status flows violations map "policy show" "policy explain a b tcp/80" "flows --follow"; do
	# shellcheck disable=SC2086
	exits "no agent: $c" 1 $c
	is "no agent: $c: one sentence" "$(wc -l <"$TMP/err") $(wc -c <"$TMP/out")" "1 0"
done
exits "no agent, JSON" 1 --json status
is "no agent, JSON: the reason is JSON too" "$(jq -r .error.code "$TMP/out")" 1
exits "version needs no agent" 0 version
exits "nothing to detach" 1 detach --pin-dir "$TMP/none"
exits "nothing to observe" 1 observe --pin-dir "$TMP/none"
exits "built-in rules need no agent" 0 --json policy show --builtin
is "each has an id and a text" "$(jq '[.builtin[] | select(.id == "" or .text == "")] | length' "$TMP/out")" 0

# --- doctor: every line has a result, and a remedy unless it is good -----------------------------------
"$ZTCTL" --socket "$TMP/none.sock" --json doctor --pin-dir "$TMP/none" >"$TMP/out" 2>"$TMP/err"
status=$?
is "doctor: results" "$(jq -r '[.checks[].result] | unique - ["pass", "warn", "fail", "unknown"] | length' "$TMP/out")" 0
is "doctor: remedies" "$(jq -r '[.checks[] | select(.result != "pass" and (.remedy // "") == "") | .check] | join(" ")' "$TMP/out")" ""
is "doctor: status 3 exactly when a check fails" "$status" "$(jq 'if .summary.fail > 0 then 3 else 0 end' "$TMP/out")"
if [[ $(id -u) = 0 ]]; then
	chmod 755 "$TMP"
	cp "$ZTCTL" "$TMP/ztctl"
	setpriv --reuid 65534 --regid 65534 --clear-groups "$TMP/ztctl" --socket "$TMP/none.sock" --json \
		doctor --pin-dir "$TMP/none" >"$TMP/user" 2>&1
	is "doctor: what a user cannot see is unknown, not good" \
		"$(jq -r '[.checks[] | select(.check == ("capabilities", "neighbours", "ipsec")) | .result] | unique | join(" ")' "$TMP/user")" unknown
fi

# --- policy check and explain, offline --------------------------------------------------------------------
cat >"$TMP/good.yaml" <<'YAML'
version: 1
policy: two
revision: 1
hosts:
  a: {addresses: [192.0.2.1, "2001:db8::1"], labels: {role: a}}
  b: {addresses: [192.0.2.2, "2001:db8::2"], labels: {role: b}}
segments:
  a: {select: {role: a}}
  b: {select: {role: b}}
boundaries:
  - {segment: b, inbound: deny, mode: enforced}
rules:
  - {id: a-to-b, from: {segment: a, unit: app.service}, to: b, ports: [tcp/80], mode: staged}
YAML
sed 's,tcp/80,tcp/99999,' "$TMP/good.yaml" >"$TMP/bad.yaml"
exits "policy check: good" 0 policy check "$TMP/good.yaml"
exits "policy check: one of two is bad" 2 policy check "$TMP/good.yaml" "$TMP/bad.yaml"
is "policy check: place and caret" "$(grep -c -e 'bad.yaml:13:.*error' -e '|  *^' "$TMP/err")" 2
exits "policy check: JSON" 2 --json policy check "$TMP/bad.yaml"
is "policy check: the line, for programs" "$(jq -c '.files[0] | [.ok, .diagnostics[0].line]' "$TMP/out")" "[false,13]"
exits "policy check: no such file" 2 policy check "$TMP/none.yaml"
exits "policy check: no such host" 2 policy check --host c "$TMP/good.yaml"
exits "policy check: the agent is asked for and is not there" 1 policy check --agent "$TMP/good.yaml"
explain() { # ARGUMENT...: "live candidate"
	"$ZTCTL" --json policy explain --file "$TMP/good.yaml" "$@" |
		jq -r '.verdict | "\(.live.action) \(.candidate.action)"'
}
is "explain: at the destination" "$(explain a b tcp/80)" "deny allow"
is "explain: another port" "$(explain a b tcp/81)" "deny deny"
is "explain: by address, IPv6" "$(explain 2001:db8::1 b tcp/80)" "deny allow"
is "explain: at the source, without owner" "$(explain --host a a b tcp/80)" "deny deny"
is "explain: at the source, the unit" "$(explain --host a --unit app.service a b tcp/80)" "deny allow"
is "explain: the other way" "$(explain b a tcp/80)" "allow allow"
is "explain: one host" "$(explain a a tcp/80)" "allow allow"
fits() { # NAME SCHEMA <JSON
	local why
	if why=$(python3 tests/golden/schema/check.py "$2" 2>&1); then ok "$1"; else not_ok "$1" "${why%%$'\n'*}"; fi
}
fits "explain: JSON is the agent's" policy-explain < <("$ZTCTL" --json policy explain --file "$TMP/good.yaml" a b tcp/80)
fits "explain: of one host too" policy-explain < <("$ZTCTL" --json policy explain --file "$TMP/good.yaml" a a tcp/80)
# What the renderers are tested with is what the agent says.
for pair in flows:flows flows-empty:flows violations:violations violations-empty:violations map:map map-empty:map \
	status:status status-broken:status status-labels:status labels:label-list \
	labels-empty:label-list label-set:label-set explain:policy-explain statements:policy-show observe:observe; do
	fits "golden ${pair%:*}.json" "${pair#*:}" <"tests/golden/ctl/${pair%:*}.json"
done
exits "explain: unknown name" 2 policy explain --file "$TMP/good.yaml" x b tcp/80
exits "explain: no service" 2 policy explain --file "$TMP/good.yaml" a b tcp
exits "explain: nobody judges" 2 policy explain --file "$TMP/good.yaml" 10.0.0.1 10.0.0.2 tcp/80

exit $failed
