#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a neighbour can reach, tried by it and judged here (ZTS-3.1-03): without a filter, with nftables that
# drops, rejects or lets one neighbour in; by a request file; where there is no neighbour.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
zt_begin
must host app 1
must host peer 2
app=${HOST_IP4[app]}
mkdir -p "$TMP/trust/peer" "$TMP/trust/host"

assess() { # JQ: of check 3.1-03 on app
	ctlj app assess --state-dir "$TMP/app/state" --trust "$TMP/trust" --pin-dir "$TMP/app/bpf/ztseg" |
		jq -r ".checks[] | select(.id == \"ZTS-3.1-03\") | $1"
}

probe() { # [OPTION...]: by peer of app; the record is taken in on app
	ctl peer probe --state-dir "$TMP/peer/state" --trust "$TMP/trust" --out "$TMP/record.json" "$@" >/dev/null &&
		ctl app probe --take "$TMP/record.json" --state-dir "$TMP/app/state" --trust "$TMP/trust"
}

outcomes() { # of the last record: "port outcome" each
	jq -r '.body.attempts[] | "\(.port) \(.outcome)"' "$TMP/record.json" | tr '\n' ' '
}

forget() { rm -f "$TMP/app/state/records/"*; }

is "never probed is unknown" "$(assess .result)" unknown
spawn app web.service socat TCP-LISTEN:8443,fork,reuseaddr /dev/null
must eventually 5 listening app 8443

holds "a probe of a host without a filter" probe --ports 8443,8444 "$app"
is "the listener answered, the canary was refused" "$(outcomes)" "61039 refused 8443 connected 8444 refused "
is "a record of a stranger counts for nothing" "$(assess .result)" unknown
cp "$TMP/peer/state/keys/host.pub" "$TMP/trust/peer/peer.pub"
chmod 644 "$TMP/trust/peer/peer.pub"
is "a listener that any neighbour reaches fails" "$(assess '"\(.result) \(.numerator)/\(.denominator) \(.grade)"')" \
	"fail 2/3 A"
is "it is named" "$(assess '.offenders[0].resource')" tcp/8443

# --- nftables: drop, reject, one neighbour let in ------------------------------------------------
on app nft -f - <<-EOT
	table inet f { chain input { type filter hook input priority 0; policy drop; ct state established accept; }; }
EOT
forget
holds "a probe of a host that drops" probe --ports 8443 "$app"
is "nothing answers" "$(outcomes)" "61039 timeout 8443 timeout "
is "no unexpected connection passes" "$(assess '"\(.result) \(.numerator)/\(.denominator)"')" "pass 2/2"

on app nft 'add rule inet f input meta l4proto tcp reject with icmpx type admin-prohibited'
forget
holds "a probe of a host that rejects by ICMP" probe --ports 8443 "$app"
is "an ICMP error of a filter is no missing host" "$(outcomes)" "61039 prohibited 8443 prohibited "
is "rejected is as good as dropped" "$(assess .result)" pass
is "an address that nobody has" \
	"$(ctlj peer probe --state-dir "$TMP/peer/state" --canary none --ports 8443 10.77.0.99 | jq -r '.body.attempts[0].outcome')" \
	unreachable

on app nft insert rule inet f input ip saddr "${HOST_IP4[peer]}" tcp dport 8443 accept
forget
holds "a probe by a neighbour that a rule names" probe --ports 8443 "$app"
is "a connection that a rule names is expected" "$(assess '"\(.result) \(.numerator)/\(.denominator)"')" "pass 2/2"

# --- from another network, tampered, a request file ------------------------------------------------
forget
jq '.body.attempts[].source = "203.0.113.9"' "$TMP/record.json" >"$TMP/forged.json"
fails "a record that was altered is refused" ctl app probe --take "$TMP/forged.json" --state-dir "$TMP/app/state" \
	--trust "$TMP/trust"
holds "a request for a neighbour" ctl app probe --write-request "$TMP/request.json" --state-dir "$TMP/app/state" "$app"
fails "a request of a stranger is refused" probe --request "$TMP/request.json"
cp "$TMP/app/state/keys/host.pub" "$TMP/trust/host/app.pub"
chmod 644 "$TMP/trust/host/app.pub"
holds "a request of a known host is carried out" probe --request "$TMP/request.json"
is "it names the listeners" "$(outcomes)" "61039 prohibited 8443 connected "
jq '.ports = [22]' "$TMP/request.json" >"$TMP/request2.json"
fails "a request that was altered is refused" probe --request "$TMP/request2.json"

# --- a point-to-point link only ------------------------------------------------------------------------
netns lone
netns far
must link lone p0 10.9.0.0/31 far p0 10.9.0.1/31
on lone sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
is "where no neighbour can be there is nothing to prove" \
	"$(ctlj lone assess --state-dir "$TMP/lone/state" --trust "$TMP/trust" | jq -r '.checks[] | select(.id == "ZTS-3.1-03").result')" \
	notapplicable
