#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# refusals - where the agent cannot guard it says so in one sentence with the remedy, exits 1, and
# what is enforced stays: no BTF, no cgroup v2, no privilege, guarded already, newer pins.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
must netns c
puppet a a
puppet b b
must tell b listen t80 tcp 0.0.0.0 80
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
EOT
cp "$TMP/b/policy.yaml" "$TMP/c/policy.yaml"
must agent_start b

refused() { # NAME PATTERN COMMAND...: exit 1, one sentence that says it, enforcement untouched
	local name=$1 want=$2 out status
	shift 2
	out=$("$@" 2>&1)
	status=$?
	is "$name: exit status" $status 1
	like "$name: says it" "${out,,}" "$want"
	is "$name: in one line" "$(grep -vcE '^(<[4-7]>|warning:)' <<<"$out")" 1
	denies "$name: enforcement untouched" "TIMEOUT*" a connect x "${HOST_IP4[b]}" 80 timeout=0.2
	is "$name: by the same agent" "$(jqr b status -- .agent.pid)" "${AGENT_PID[b]}"
}

refused "guarded already" "*already*" agent_run b --run-dir "$TMP/b/run2" --state-dir "$TMP/b/state2"
mkdir -p "$TMP/b/bpf2"
mount -t bpf bpf "$TMP/b/bpf2"
refused "guarded already, other pins" "*already*" agent_run b --run-dir "$TMP/b/run2" \
	--state-dir "$TMP/b/state2" --pin-dir "$TMP/b/bpf2/ztseg"
is "guarded already: its pins are gone again" "$(find "$TMP/b/bpf2/ztseg" -type f 2>/dev/null | wc -l)" 0

unprivileged() {
	on c setpriv --reuid 65534 --regid 65534 --clear-groups -- "$ZTAGENT" --policy "$TMP/c/policy.yaml" \
		--state-dir "$TMP/c/state" --run-dir "$TMP/c/run" --pin-dir "$TMP/c/bpf/ztseg"
}
bpffs c
refused "no privilege" "*lacks*root*" unprivileged
no_caps() { # root in name only
	on c setpriv --bounding-set -all,+dac_override --inh-caps -all -- "$ZTAGENT" --policy "$TMP/c/policy.yaml" \
		--state-dir "$TMP/c/state" --run-dir "$TMP/c/run" --pin-dir "$TMP/c/bpf/ztseg"
}
refused "no capabilities" "*lacks*root*" no_caps

without() { # FILE-OR-DIR: starts with it hidden, in a mount namespace of its own
	# shellcheck disable=SC2016
	unshare --mount --propagation private sh -c '
		what=$1; shift
		if [ -d "$what" ]; then mount -t tmpfs none "$what"; else mount --bind /dev/null "$what"; fi
		exec "$@"' sh "$1" nsenter --net="/run/netns/$(ns c)" -- "$ZTAGENT" --policy "$TMP/c/policy.yaml" \
		--state-dir "$TMP/c/state" --run-dir "$TMP/c/run" --pin-dir "$TMP/c/bpf/ztseg"
}
no_cgroup() {
	# shellcheck disable=SC2016
	unshare --mount --propagation private sh -c '
		umount -l "$1" || exit 9; shift; exec "$@"' sh "$CGROOT" \
		nsenter --net="/run/netns/$(ns c)" -- "$ZTAGENT" --policy "$TMP/c/policy.yaml" \
		--state-dir "$TMP/c/state" --run-dir "$TMP/c/run" --pin-dir "$TMP/c/bpf/ztseg"
}
refused "no BTF" "*btf*" without /sys/kernel/btf
refused "no cgroup v2" "*cgroup*" no_cgroup

# Pins of a newer version: the control block says which made them.
must agent_start c
must agent_stop c
ctl_map=$TMP/c/bpf/ztseg/zt_ctl
must test -e "$ctl_map"
mapfile -t words < <(bpftool -j map dump pinned "$ctl_map" | jq -r '.[0].value[]')
offset=40 # of abi_version in struct zt_ctl
words[offset]=0x7f
must bpftool map update pinned "$ctl_map" key hex 0 0 0 0 value hex "${words[@]#0x}"
newer() {
	agent_run c
}
refused "newer pins" "*@(newer|version)*" newer
is "newer pins: left as they were" "$(bpftool -j map dump pinned "$ctl_map" | jq -r ".[0].value[$offset]")" 0x7f
is "newer pins: still attached" "$(($(bpftool -j map dump pinned "$ctl_map" | wc -c) > 0))" 1
