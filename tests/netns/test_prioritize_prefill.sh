#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# prioritize_prefill - what a real agent saw of a system's host: how it was reached, and administered.
. "$(dirname "$0")/lib.sh"
zt_begin

host srv 1
host user 2
puppet web srv nginx.service
puppet who user client.service
must tell web listen www tcp 0.0.0.0 80
must tell web listen adm tcp 0.0.0.0 22
must agent_start srv
must tell who connect a "${HOST_IP4[srv]}" 80
printf 'id,fields,hosts,connection\nshop,remote_work,%s,\ngiven,remote_work,%s,internet\n' \
	"${HOST_IP4[srv]}" "${HOST_IP4[srv]}" >"$TMP/inventory.csv"
prefill() { on srv "$ZTCTL" --socket "$TMP/srv/run/agent.sock" --json prioritize --prefill agent "$TMP/inventory.csv"; }
factor() { # ID NUMBER
	prefill | jq -c --arg id "$1" --argjson n "$2" '.systems[] | select(.id == $id) | .risk.factors[$n] | [.level, .measured]'
}
connection() { [[ $(factor shop 5) == '[1,true]' ]]; }
within "reached from inside, measured" 10 connection
is "not administered yet" "$(factor shop 2)" '[null,false]'
is "what was given stays" "$(factor given 5)" '[3,false]'
is "a person has to confirm it" "$(prefill | jq -c '.systems[] | select(.id == "shop") | .confirm')" '["connection"]'
must tell who connect b "${HOST_IP4[srv]}" 22
privilege() { [[ $(factor shop 2) == '[3,true]' ]]; }
within "administered over ssh" 10 privilege
