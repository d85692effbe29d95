#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# top - real traffic in ztctl top: as text, as JSON, and on a terminal of 80 by 24.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
puppet c a
A=${HOST_IP4[a]} B=${HOST_IP4[b]}
policy b <<-EOT
	version: 1
	policy: top
	revision: 1
	mode: enforced
	hosts:
	  a: {addresses: [$A], labels: {role: web}}
	  b: {addresses: [$B], labels: {role: db}}
	segments: {db: {select: {role: db}}}
	rules:
	  - {id: no-98, action: deny, from: any, to: db, ports: [udp/98]}
	  - {id: no-97, action: deny, from: any, to: db, ports: [udp/97], mode: staged}
EOT
must agent_start b
must tell b listen t80 tcp 0.0.0.0 80
for port in 97 98 99; do
	must tell b listen u$port udp 0.0.0.0 $port
	must tell a udp load$port v4
done
# 40, 80 and 160 datagrams of 8 bytes a second, until the end.
must tell a seqstart load97 "$B" 97 40
must tell a seqstart load98 "$B" 98 80
must tell a seqstart load99 "$B" 99 160
for i in 1 2 3 4 5; do says "connection $i" c connect "c$i" "$B" 80; done

# A whole interval under load: 50 bytes each on the wire.
settled() { jqc b top -- '.ready and .totals.packets > 280 * .interval_ms / 1000 * 0.9'; }
within "an interval is full" 10 settled
reading=$(ctlj b top)
# Of some interval, within a quarter: the sender shares the machine with others.
about() { # PORT PPS
	jqc b top -- '.interval_ms as $ms | [.edges[] | select(.proto == "udp" and .port == $port)
		| .packets.to_dst * 1000 / $ms / $pps] | length == 1 and .[0] > 0.75 and .[0] < 1.25' \
		--argjson port "$1" --argjson pps "$2"
}
((ZT_SCALE > 1)) || { # an emulated machine does not keep the pace
	within "160 packets a second to 99" 15 about 99 160
	within "80 to 98, though they are dropped" 15 about 98 80
	within "40 to 97" 15 about 97 40
}
is "bytes are those on the wire" \
	"$(jq '[.edges[] | select(.port == 99) | .bytes.to_dst / .packets.to_dst] | unique[]' <<<"$reading")" 50
is "sorted by bytes" "$(jq '[.edges[].bytes | .to_dst + .to_src] | . == (sort | reverse)' <<<"$reading")" true
is "verdicts" "$(jq -r '[.edges[] | select(.proto == "udp") | "\(.port) \(.verdict.live.action) \(.verdict.candidate.action)"]
	| sort | join(", ")' <<<"$reading")" "97 allow deny, 98 deny deny, 99 allow allow"
is "violations beside it" "$(jq -r '[.violations[].rule] | unique | join(" ")' <<<"$reading")" "no-97 no-98"
is "nothing lost" "$(jq '[.losses[]] | add' <<<"$reading")" 0
is "a filter" "$(jqr b top --verdict denied -- '[.edges[].port] | unique | map(tostring) | join(" ")')" 98

# As text, without a terminal.
text=$(ctl b top --batch 2 --interval 1s)
is "two readings" "$(grep -c '^ztctl top' <<<"$text")" 2
like "a denied edge has its mark" "$(grep -m1 'udp/98' <<<"$text")" "x udp/98 *no-98*"
like "one that staged policy would deny too" "$(grep -m1 'udp/97' <<<"$text")" "! udp/97 *no-97*"
is "fits 100 columns" "$(awk 'length > 100' <<<"$text")" ""
fails "no terminal and no --batch" ctl b top

# On a terminal: the driver presses keys, and fails when what it waits for does not come.
cat >"$TMP/keys.py" <<'PY'
import fcntl, os, pty, re, select, struct, sys, termios, time

scale = float(os.environ.get("ZT_TIME_SCALE", "1"))
pid, tty = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execvp(sys.argv[1], sys.argv[1:])
fcntl.ioctl(tty, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
before = termios.tcgetattr(tty)
seen = ""

def press(keys, *texts):
    """What is drawn after these keys has each of the texts."""
    global seen
    seen = ""
    os.write(tty, keys.encode())
    end = time.monotonic() + 10 * scale
    while not all(re.search(t, seen) for t in texts):
        left = end - time.monotonic()
        if left <= 0 or not select.select([tty], [], [], left)[0]:
            sys.exit("after %r no %r in %r" % (keys, texts, seen[-1500:]))
        seen += os.read(tty, 65536).decode(errors="replace")

press("", "ztctl top", r"udp/99", "no-97", "q quit")
press("v", "VIOLATIONS, last seen first")
press("l", "LOSSES since", "none: everything")
press("?", "KEYS", "sort by bytes")
press("c", r"\*CONN/S")
press("/", "type a text")
press("no-98\r", "q quit")
press("\x0c", "only: no-98") # drawn anew, not what changed alone
press("\x1b", r"udp/99")
press(" ", "STOPPED")
# A window may become too small, and large again, at any time.
fcntl.ioctl(tty, termios.TIOCSWINSZ, struct.pack("HHHH", 5, 20, 0, 0))
press("", "too small")
fcntl.ioctl(tty, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
press(" ", "WORKLOAD")
os.write(tty, b"q")
end = time.monotonic() + 10 * scale
while True:
    try:
        if not select.select([tty], [], [], max(0, end - time.monotonic()))[0]:
            sys.exit("q did not end it")
        if not os.read(tty, 65536):
            break
    except OSError:
        break
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(status and "exit status %d" % status)
PY
terminal() { on b python3 "$TMP/keys.py" "$ZTCTL" --socket "$TMP/b/run/agent.sock" top; }
holds "keys, panes and sizes on a terminal of 80 by 24" terminal

must tell a seqstop load99
