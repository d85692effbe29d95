#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# A passive assessment of a busy host (200 listeners, 400 rules): at most 2 s and 64 MB, no file is
# written, no packet is sent; without privilege it says what would answer, and passes nothing it cannot see.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
zt_begin
must host app 1

cat >"$TMP/listen.py" <<'PY'
import signal, socket
held = []
for i in range(100):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        s = socket.socket(socket.AF_INET6, kind)
        s.bind(("::", 20000 + i))
        if kind == socket.SOCK_STREAM:
            s.listen()
        held.append(s)
print("ready", flush=True)
signal.pause()
PY
spawn app busy.service python3 "$TMP/listen.py"
must eventually 10 listening app 20099
{
	echo 'table inet t { chain input { type filter hook input priority 0; policy drop; iif lo accept; ct state established accept;'
	for i in $(seq 20000 20199); do
		echo "ip saddr 10.77.0.0/28 tcp dport $i accept; ip6 saddr fd77::/120 udp dport $i accept;"
	done
	printf '}\n}\n'
} >"$TMP/rules.nft"
must on app nft -f "$TMP/rules.nft"

# The run's time, and the most that it and all below it held at once (PSS: shared pages once).
cat >"$TMP/peak.py" <<'PY'
import glob, json, subprocess, sys, time

def tree(pid):
    pids = [pid]
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        try:
            for child in open(path).read().split():
                pids += tree(int(child))
        except OSError:
            pass
    return pids

def pss(pid):
    try:
        for line in open(f"/proc/{pid}/smaps_rollup"):
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0

begun, peak = time.monotonic(), 0
p = subprocess.Popen(sys.argv[2:], stdout=open(sys.argv[1], "w"))
while p.poll() is None:
    peak = max(peak, sum(pss(pid) for pid in tree(p.pid)))
    time.sleep(0.01)
print(json.dumps({"s": time.monotonic() - begun, "kb": peak, "exit": p.returncode}))
PY
assess=("$ZTCTL" --socket "$TMP/none.sock" --json assess --netns own --timeout "$((5 * ZT_SCALE))s" --state-dir "$TMP/state" --pin-dir "$TMP/pins" --trust "$TMP/trust")
on app python3 "$TMP/peak.py" "$TMP/doc.json" "${assess[@]}" >"$TMP/peak.json"
note "passive run: $(cat "$TMP/peak.json")"
is "all listeners are seen" "$(jq '[.checks[] | select(.id == "ZTS-3.1-04") | .denominator >= 200] | any' "$TMP/doc.json")" true
is "no collector failed or was late" \
	"$(jq -r '[.collectors[] | select(.status == ("error", "timeout", "denied")) | .name] | join(" ")' "$TMP/doc.json")" ""
if [[ $ZT_SCALE = 1 ]]; then
	is "it takes at most 2 s" "$(jq '.s <= 2' "$TMP/peak.json")" true
else
	skip "it takes at most 2 s" "an emulated machine's time says nothing; measured on the reference kernel"
fi
is "it takes at most 64 MB" "$(jq '.kb <= 65536' "$TMP/peak.json")" true

# --- nothing is written, nothing is sent --------------------------------------------------
on app strace -f -qq --seccomp-bpf -e trace=file,connect,sendto,sendmsg,bind,bpf,kill -o "$TMP/trace" "${assess[@]}" >"$TMP/traced.json"
is "the same under strace" "$(jq -r '.checks | length' "$TMP/traced.json")" 53
is "strace saw the run" "$(($(grep -c 'openat(' "$TMP/trace") > 100))" 1
is "no file is opened for writing" \
	"$(grep -E 'O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE|creat\(' "$TMP/trace" | grep -vE '"/dev/null"' | head -3)" ""
is "no file is made, moved, changed or removed" \
	"$(grep -E ' (mkdir|mknod|unlink|rmdir|rename|link|symlink|chmod|chown|fchmodat|truncate|setxattr|mount|utime)[a-z0-9]*\(' "$TMP/trace" | head -3)" ""
is "nobody is connected to or written to but the kernel and this host" \
	"$(grep -E ' (connect|sendto|sendmsg)\(.*AF_INET' "$TMP/trace" | grep -vE '127\.0\.0\.1|"::1"' | head -3)" ""
is "no map or program of the kernel is changed" \
	"$(grep -E 'BPF_(MAP_UPDATE|MAP_DELETE|PROG_ATTACH|PROG_DETACH|LINK_CREATE|LINK_UPDATE|OBJ_PIN|PROG_LOAD|MAP_CREATE)' "$TMP/trace" | head -3)" ""
is "nothing was made where the state would be" "$(find "$TMP/state" "$TMP/pins" "$TMP/trust" 2>/dev/null | wc -l)" 0

# --- a waiver with a defect: no collector is even started --------------------------------------
echo '{' >"$TMP/waiver.json"
on app strace -f -qq --seccomp-bpf -e trace=clone,clone3,fork,vfork -o "$TMP/forks" "${assess[@]}" --waivers "$TMP/waiver.json" \
	>"$TMP/none.json" 2>"$TMP/err"
is "a waiver with a defect: exit 4, nothing was run" "$? $(wc -c <"$TMP/none.json") $(wc -l <"$TMP/forks")" "4 0 0"
on app strace -f -qq --seccomp-bpf -e trace=clone,clone3,fork,vfork -o "$TMP/forks" "${assess[@]}" >/dev/null
is "strace would have seen it" "$(($(wc -l <"$TMP/forks") > 10))" 1

# --- the daily run keeps a record, signed by a key that is made for it ------------------------
for _ in 1 2; do
	on app "$ZTCTL" --socket "$TMP/none.sock" assess --netns own --record --state-dir "$TMP/kept" --trust "$TMP/trust" >/dev/null
done
is "--record: two runs, two records" "$(jq -r .kind "$TMP/kept/records/"*.json | xargs)" "assessment assessment"
like "--record: the next run counts them" \
	"$(on app "$ZTCTL" --socket "$TMP/none.sock" --json assess --netns own --state-dir "$TMP/kept" --trust "$TMP/trust" |
		jq -r '.checks[] | select(.id == "ZTS-3.7-06") | "\(.numerator)"')" "[12]"
is "a plain run makes no key" "$(find "$TMP/state" 2>/dev/null | wc -l)" 0

# --- facts that are kept: judged again, with the host's own seal as good as new ------------------
mkdir -p "$TMP/trust/host"
on app "$ZTCTL" policy sign --generate "$TMP/key" --no-password >/dev/null
cp "$TMP/key.pub" "$TMP/trust/host/app.pub"
on app "${assess[@]}" --evidence "$TMP/facts.json" --sign "$TMP/key.key" >"$TMP/live.json"
on app "$ZTCTL" --json assess --from "$TMP/facts.json" --trust "$TMP/trust" >"$TMP/again.json"
is "sealed facts give the results that they gave" "$(jq -cS '[.checks[] | [.id, .result, .grade, .digest]]' "$TMP/again.json")" \
	"$(jq -cS '[.checks[] | [.id, .result, .grade, .digest]]' "$TMP/live.json")"
on app "$ZTCTL" --json assess --from "$TMP/facts.json" --trust "$TMP/nobody" >"$TMP/again.json"
is "by a key that nobody trusts they are grade D" "$(jq -r '[.checks[].grade] | unique | join(" ")' "$TMP/again.json")" D
sed 's/"policy":"/"policy":"x/; s/"verdict":"deny"/"verdict":"any"/; s/"synchronised":false/"synchronised":true/' \
	"$TMP/facts.json" >"$TMP/forged.json"
on app "$ZTCTL" --json assess --from "$TMP/forged.json" --trust "$TMP/trust" >"$TMP/again.json" 2>"$TMP/err"
is "facts that were changed are refused" "$? $(wc -c <"$TMP/again.json")" "4 0"

# --- without privilege --------------------------------------------------------------------
chmod 755 "$TMP"
cp "$ZTCTL" "$TMP/ztctl"
on app setpriv --reuid 65534 --regid 65534 --clear-groups "$TMP/ztctl" --json --socket "$TMP/none.sock" \
	assess --timeout "$((5 * ZT_SCALE))s" --state-dir "$TMP/state" --pin-dir "$TMP/pins" --trust "$TMP/trust" >"$TMP/user.json"
like "without privilege: an answer, and no more" "$?" "[23]"
is "without privilege: it says so" "$(jq .privileged "$TMP/user.json")" false
is "without privilege: it says what is missing" \
	"$(jq '[.notes[].en | select(test("CAP_NET_ADMIN") and test("CAP_BPF"))] | length' "$TMP/user.json")" 1
is "without privilege: whoever was refused says what would answer" \
	"$(jq -r '[.collectors[] | select(.status == "denied" and (.needs // "") == "") | .name] | join(" ")' "$TMP/user.json")" ""
is "without privilege: nothing passes that root sees fail" \
	"$(jq -rn --slurpfile a "$TMP/doc.json" --slurpfile b "$TMP/user.json" '[$a[0].checks[] as $r | $b[0].checks[] |
		select(.id == $r.id and .result == "pass" and $r.result != "pass") | .id] | join(" ")')" ""
