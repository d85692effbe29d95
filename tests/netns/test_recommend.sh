#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# recommend - traffic is recorded without a policy; what is recommended from it, enforced, cuts none
# of it and lets nothing else in. The same from a saved map and with an inventory.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a client.service
puppet b b shop.service
A=${HOST_IP4[a]} B=${HOST_IP4[b]}
must tell b listen t80 tcp 0.0.0.0 80
must tell b listen t81 tcp 0.0.0.0 81
must tell b listen u514 udp 0.0.0.0 514
must tell a listen t25 tcp 0.0.0.0 25
must agent_start b
says "seen: a TCP service" a connect c80 "$B" 80
says "its data" a ask c80 hello
must tell a udp u v4
says "seen: a UDP service" a askto u "$B" 514
says "seen: one that b asks for" b connect c25 "$A" 25
holds "seen: a ping" on a ping -qc 1 -W 2 "$B"

ctl b policy recommend --out "$TMP/rec.yaml" >"$TMP/rec.txt" 2>&1
is "a policy is recommended" "$?" 0
is "which policy check takes" "$(ctl b policy check "$TMP/rec.yaml" >/dev/null 2>&1; echo $?)" 0
is "with the unit that always served" "$(grep -c 'unit: shop.service' "$TMP/rec.yaml")" 2
is "everything is staged" "$(grep -c '^mode: staged' "$TMP/rec.yaml")" 1

# As it is, it denies nothing; enforced, it denies what was not seen.
plan_denies() { # what `policy plan` finds newly denied among the recorded flows
	jqr b policy plan --all "$TMP/rec.yaml" -- '.flows.newly_denied | length'
}
is "plan: none of the recorded flows is denied" "$(plan_denies)" 0
sed 's/staged$/enforced/' "$TMP/rec.yaml" | policy b
within "in force" 10 jqc b status -- '.policy.live > 4'
says "TCP goes on" a ask c80 again
says "a new connection" a connect n80 "$B" 80
says "UDP goes on" a askto u "$B" 514
says "b may ask again" b connect n25 "$A" 25
holds "ping goes on" on a ping -qc 1 -W 2 "$B"
denies "what was not seen is denied" "TIMEOUT*" a connect x "$B" 81 timeout=0.3
denies "and what b did not ask for" "EPERM*" b connect y "$A" 22 timeout=0.3

# With an inventory from a file, and the map saved.
cat >"$TMP/inventory.yaml" <<-EOT
	version: 1
	policy: shop
	revision: 8
	hosts:
	  a: {addresses: [$A], labels: {role: client}}
	  b: {addresses: [$B], labels: {role: shop, env: prod}}
EOT
ctlj b map --by address >"$TMP/b.json"
"$ZTCTL" policy recommend --inventory "$TMP/inventory.yaml" "$TMP/b.json" >"$TMP/named.yaml"
is "from a saved map, by labels" "$(grep -c -e '^  client: {select: {role: client}}' -e '^  shop: {select: {role: shop}}' \
	-e 'id: client-to-shop' -e 'id: shop-to-client' "$TMP/named.yaml")" 4
is "what is denied now is not in it" "$(grep -c tcp/81 "$TMP/named.yaml")" 0
is "its revision may follow" "$(sed -n 's/^revision: //p' "$TMP/named.yaml")" 9
