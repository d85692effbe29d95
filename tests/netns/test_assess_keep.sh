#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How records are kept and by which clock (ZTS-3.6-04, -05, -06): journals that journald's own writer made,
# in memory, on disk, sealed, altered, with suppressed messages; sources of time by a real chronyd, which
# is kept from touching the clock (-x).
# Processes of others are not seen; before lib.sh, whose cgroup is cleaned up by the shell that made it.
[[ $EUID != 0 || ${ZT_PIDNS:-} ]] || ZT_PIDNS=1 exec unshare --pid --fork --mount-proc -- bash "$0" "$@"
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/assess.sh
. "$(dirname "$0")/assess.sh"
zt_begin
must host app 1
must host ntp 2
WRITER=/lib/systemd/systemd-journal-remote
ID=$(cat /etc/machine-id)
# What this test writes there nobody else sees.
mkdir -p "$TMP/trust" /run/chrony /run/log
must mount -t tmpfs log /var/log
must mount -t tmpfs run /run/log
must mount -t tmpfs -o mode=750 chrony /run/chrony

facts() {
	ctlj app assess --state-dir "$TMP/app/state" --trust "$TMP/trust" --pin-dir "$TMP/app/bpf/ztseg" \
		--evidence "$TMP/facts.json" "$@" >"$TMP/doc.json"
}

# journal FILE DAYS-AGO COUNT [FIELD...]: that many entries, an hour apart.
journal() {
	local file=$1 at=$((($(date +%s) - $2 * 86400) * 1000000)) i
	for ((i = 0; i < $3; i++)); do
		printf '__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%s\n_MACHINE_ID=%s\nMESSAGE=line %d\n' \
			$((at + i * 3600000000)) $((i * 3600000000)) 11111111111111111111111111111111 "$ID" "$i"
		printf '%s\n' "${@:4}"
		echo
	done >"$TMP/export"
	"$WRITER" --split-mode=none --seal="${SEAL:-no}" -o "$file" "$TMP/export" >"$TMP/log/writer" 2>&1
}

if [[ ! -x $WRITER ]]; then
	skip "journals" "no systemd-journal-remote"
else
	facts
	is "nothing is kept" "$(of "$TMP/doc.json" 3.6-05 .result) $(of "$TMP/doc.json" 3.6-04 .result)" "fail unknown"
	echo x >/var/log/syslog
	facts
	is "text files" "$(of "$TMP/doc.json" 3.6-05 .result)" partial
	mkdir -p "/run/log/journal/$ID" "/var/log/journal/$ID"
	must journal "/run/log/journal/$ID/system.journal" 1 3
	facts
	like "a journal in memory" "$(of "$TMP/doc.json" 3.6-05 '"\(.result) \(.reason.en)"')" 'fail*in memory only*'

	must journal "/var/log/journal/$ID/system@1.journal" 200 50
	facts
	like "a journal that is not sealed" "$(of "$TMP/doc.json" 3.6-05 '"\(.result) \(.reason.en)"')" 'partial*not sealed*'
	is "how old it is" "$(of "$TMP/doc.json" 3.6-05 .numerator)" 200
	like "nothing was suppressed" "$(of "$TMP/doc.json" 3.6-04 '"\(.result) \(.numerator)/\(.denominator)"')" 'pass 0/50'
	must journal "/var/log/journal/$ID/system@2.journal" 2 1 MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e N_DROPPED=42
	facts
	is "suppressed messages are a loss" "$(of "$TMP/doc.json" 3.6-04 '"\(.result) \(.numerator)/\(.denominator)"')" "fail 42/93"
	cp "/var/log/journal/$ID/system@1.journal" "$TMP/whole"
	printf 'XXXXXXXX' | dd of="/var/log/journal/$ID/system@1.journal" bs=1 seek=$(($(stat -c %s "$TMP/whole") / 2)) conv=notrunc status=none
	printf '\377\377\377\377' | dd of="/var/log/journal/$ID/system@1.journal" bs=1 seek=400 conv=notrunc status=none
	facts
	like "a journal that was altered" "$(of "$TMP/doc.json" 3.6-05 '"\(.result) \(.offenders[0].resource)"')" 'fail */system@1.journal'
	rm "/var/log/journal/$ID/"*
	if journalctl --setup-keys --force --interval=1h >"$TMP/key" 2>"$TMP/log/keys" && [[ -s /var/log/journal/$ID/fss ]] &&
		SEAL=yes journal "/var/log/journal/$ID/system@3.journal" 0 1; then
		facts
		like "a sealed journal without its key" "$(of "$TMP/doc.json" 3.6-05 '"\(.result) \(.reason.en)"')" 'partial*key only*'
		mkdir -p /run/ztseg && mount -t tmpfs -o mode=700 key /run/ztseg
		install -m 600 "$TMP/key" /run/ztseg/journal.key
		facts
		like "with its key it verifies, and is young" "$(of "$TMP/doc.json" 3.6-05 '"\(.result) \(.reason.en)"')" 'partial*0 of 180 days*'
		jq '.checks."ZTS-3.6-05".retention_days.value = 0' "$ZT_ROOT/profiles/fsc-2024-net.json" >"$TMP/profile.json"
		facts --profile "$TMP/profile.json"
		is "old enough for a profile that asks for nothing" "$(of "$TMP/doc.json" 3.6-05 .result)" pass
		is "the key is in no document" "$(grep -cFf "$TMP/key" "$TMP/doc.json" "$TMP/facts.json" | tr '\n' ' ')" \
			"$TMP/doc.json:0 $TMP/facts.json:0 "
	else
		skip "a sealed journal" "$(tail -n 1 "$TMP/log/keys")"
	fi
fi

# --- the clock -------------------------------------------------------------------------------------------
facts
before=$(jq -c '.facts.clock.data | [.synchronised, .daemon]' "$TMP/facts.json")
like "without a daemon the kernel alone is asked" "$before" '\[*,null\]'
# Where the machine has another time daemon, chrony is unpacked beside it (make need-test) and laid over /usr for
# this test alone.
beside=$ZT_OUT/beside/chrony
if ! command -v chronyd >/dev/null && [[ -d $beside ]]; then
	mount -t overlay none -o "lowerdir=$beside/usr/bin:/usr/bin" /usr/bin &&
		mount -t overlay none -o "lowerdir=$beside/usr/sbin:/usr/sbin" /usr/sbin
	hash -r
fi
if ! command -v chronyd >/dev/null; then
	skip "sources of time" "no chronyd: make need-test unpacks it"
	exit
fi
for port in 1123 1124; do
	printf 'local stratum 3\nallow all\nport %d\ncmdport 0\nbindcmdaddress /\npidfile %s\n' $port "$TMP/ntp$port.pid" >"$TMP/ntp$port.conf"
	spawn ntp "chrony$port.service" chronyd -x -d -U -u root -f "$TMP/ntp$port.conf"
done
printf 'server %s port %d iburst minpoll -2 maxpoll -2\n' "${HOST_IP4[ntp]}" 1123 "${HOST_IP6[ntp]}" 1124 10.77.0.99 123 >"$TMP/chrony.conf"
printf 'bindcmdaddress /run/chrony/chronyd.sock\npidfile /run/chrony/chronyd.pid\n' >>"$TMP/chrony.conf"
spawn app chrony.service chronyd -x -d -U -u root -f "$TMP/chrony.conf"
CHRONY=$PID
sources() {
	facts
	[[ $(jq -c '.facts.clock.data | [.daemon, .sources, .reachable_sources]' "$TMP/facts.json") == "$1" ]]
}
within "two of three sources answer" 10 sources '["chrony",3,2]'
is "a daemon that may not touch the clock leaves it as the kernel says" \
	"$(jq '.facts.clock.data.synchronised' "$TMP/facts.json")" "$(jq '.[0]' <<<"$before")"
if [[ $(jq '.[0]' <<<"$before") = false ]]; then
	like "which fails, though chrony follows a source" "$(of "$TMP/doc.json" 3.6-06 '"\(.result) \(.reason.en)"')" 'fail*rtcsync*'
fi
kill -KILL "$CHRONY"
gone "$CHRONY" 5
facts
like "a daemon that died is none" "$(jq -c '.facts.clock.data.daemon' "$TMP/facts.json")" null
