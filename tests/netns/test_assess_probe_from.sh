#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ZTS-3.1-03 over ssh: the neighbour probes on request, the agent has every denial on record; a canary
# neighbour of the host's own; units for a weekly probe; bad usage.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
zt_begin
must host app 1
must host peer 2
app=${HOST_IP4[app]}
mkdir -p "$TMP/trust/peer"

assess() { # JQ: of check 3.1-03 on app
	ctlj app assess --state-dir "$TMP/app/state" --trust "$TMP/trust" --pin-dir "$TMP/app/bpf/ztseg" |
		jq -r ".checks[] | select(.id == \"ZTS-3.1-03\") | $1"
}

forget() { rm -f "$TMP/app/state/records/"*; }

spawn app web.service socat TCP-LISTEN:8443,fork,reuseaddr /dev/null
must eventually 5 listening app 8443
holds "the neighbour's key" ctl peer probe --state-dir "$TMP/peer/state" --canary none --ports 8443 "$app"
cp "$TMP/peer/state/keys/host.pub" "$TMP/trust/peer/peer.pub"
chmod 644 "$TMP/trust/peer/peer.pub"

# --- over ssh, with the agent ----------------------------------------------------------------------
ssh-keygen -qt ed25519 -N '' -f "$TMP/id"
ssh-keygen -qt ed25519 -N '' -f "$TMP/sshd_key"
cp "$TMP/id.pub" "$TMP/authorized"
chmod 600 "$TMP/authorized"
cat >"$TMP/sshd_config" <<-EOT
	HostKey $TMP/sshd_key
	AuthorizedKeysFile $TMP/authorized
	StrictModes no
	UsePAM no
	PidFile none
EOT
cat >"$TMP/ssh_config" <<-EOT
	Host neighbour
	HostName ${HOST_IP4[peer]}
	User root
	IdentityFile $TMP/id
	UserKnownHostsFile $TMP/known
	StrictHostKeyChecking accept-new
EOT
mkdir -p /run/sshd
spawn peer ssh.service /usr/sbin/sshd -D -f "$TMP/sshd_config"
must eventually 5 listening peer 22
cat >"$TMP/app/policy.yaml" <<-EOT
	version: 1
	policy: probe
	revision: 1
	mode: enforced
	hosts:
	  app: {addresses: [$app], labels: {role: app}}
	  peer: {addresses: [${HOST_IP4[peer]}], labels: {role: peer}}
	segments:
	  app: {select: {role: app}}
	  peer: {select: {role: peer}}
	boundaries:
	  - {id: app-in, segment: app, inbound: deny}
EOT
must agent_start app --host app
# The neighbour's ztctl, with its own state directory.
printf '#!/bin/sh\nexec %s "$@" --state-dir %s\n' "$ZTCTL" "$TMP/peer/state" >"$TMP/ztctl"
chmod 755 "$TMP/ztctl"
from() {
	ctl app probe --from neighbour --ssh-config "$TMP/ssh_config" \
		--remote "$TMP/ztctl" --state-dir "$TMP/app/state" --trust "$TMP/trust" "$@"
}
forget
fails "a neighbour that has no ztctl" from --remote /nowhere/ztctl
holds "a probe over ssh" from
is "its denials are on record here" \
	"$(cat "$TMP/app/state/records/"*denials*.json | jq -c '[.body.by[0], .body.denied, .body.logged]')" \
	'["ztagent",2,2]'
is "with the agent it passes" "$(assess '"\(.result) \(.numerator)/\(.denominator)"')" "pass 2/2"
like "the neighbour saw the canary silent though somebody listened" \
	"$(cat "$TMP/app/state/records/"*-probe-[0-9a-f]*.json | jq -c 'select(.body.way == "peer") | [.body.canary_listens, .body.attempts[0].outcome]')" \
	'\[true,"timeout"\]'
# --- decisions on record: enough of them to be a share ------------------------------------------------
# shellcheck disable=SC2016
on app bash -c 'for i in {1..40}; do echo >/dev/udp/$1/9; done' - "${HOST_IP4[peer]}"
like "decisions are on record with rule, policy, subject, attributes (3.6-03)" \
	"$(ctlj app assess --state-dir "$TMP/app/state" --pin-dir "$TMP/app/bpf/ztseg" |
		jq -r '.checks[] | select(.id == "ZTS-3.6-03") | "\(.result) \(.reason.en)"')" 'pass *'
must agent_stop app
ctl app detach --pin-dir "$TMP/app/bpf/ztseg" >/dev/null

# --- from a canary neighbour of its own --------------------------------------------------------------
forget
holds "a probe from a namespace of its own" ctl app probe --netns --state-dir "$TMP/app/state"
is "without a filter it fails as well" "$(assess .result)" fail
on app nft 'table inet f { chain input { type filter hook input priority 0; policy drop; ct state established accept; }; }'
forget
holds "and with a filter" ctl app probe --netns --state-dir "$TMP/app/state"
is "it proves part of it" "$(assess .result)" partial
fails "no leftover link" on app ip link show zt-drill0

# --- usage -----------------------------------------------------------------------------------------------
fails "this host itself proves nothing" ctl app probe 127.0.0.1
fails "no list of ports" ctl app probe --ports 22,x "$app"
fails "no scanner" ctl app probe --ports "$(seq -s, 1 65)" "$app"
fails "no option of ssh for a name" ctl app probe --from -oProxyCommand=x
mkdir "$TMP/units"
holds "units for a weekly probe" from --install-timer --out "$TMP/units"
like "they run it" "$(cat "$TMP/units/ztseg-probe.service")" '*ExecStart="*" probe "--from=neighbour"*'
fails "a value that would need escaping in a unit" ctl app probe --from 'a"b' --install-timer --out "$TMP/units"
