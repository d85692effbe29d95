#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 90
# assess_hostile - listeners that mean harm to `ztctl assess --probe`: silent, endless, dripping, garbage
# as TLS, a KEXINIT of 4 GB, terminal control codes in banners and certificates. Each costs its own
# answer, in bounded time and memory; none of them passes, none is shown raw.
. "$(dirname "$0")/lib.sh"

must host s 12
S=10.77.0.12
ASSESS=(--socket "$TMP/none.sock" assess --netns own --state-dir "$TMP/none" --pin-dir "$TMP/none" --trust "$TMP/none")

cat >"$TMP/harm.py" <<-'EOT'
	import socket, sys, threading, time
	def serve(port, act):
	    def one(c):
	        try: act(c)
	        except OSError: pass
	        c.close()
	    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	    s.bind((sys.argv[1], port)); s.listen(64)
	    def loop():
	        while True: threading.Thread(target=one, args=(s.accept()[0],), daemon=True).start()
	    threading.Thread(target=loop, daemon=True).start()
	def forever(c, bytes, pause=0):
	    while True: c.sendall(bytes); time.sleep(pause)
	def drip(c, bytes, pause):
	    for b in bytes: c.sendall(b.to_bytes(1, 'big')); time.sleep(pause)
	hold = lambda c: c.settimeout(60) or c.recv(1 << 20) and hold(c)
	serve(9001, hold)
	serve(9002, lambda c: forever(c, b'A' * 65536))
	serve(9003, lambda c: (c.recv(1000), c.sendall(b'\x16\x03\x03\xff\xff' + b'\xff' * 70000), hold(c)))
	serve(9004, lambda c: (c.sendall(b'SSH-2.0-x\r\n' + b'\xff' * 99999), hold(c)))
	serve(9005, lambda c: drip(c, b'SSH-2.0-slow' * 100, 0.2))
	serve(9006, lambda c: (c.recv(1000), drip(c, b'\x16\x03\x03\x40\x00' + b'\x02' * 1000, 0.1)))
	serve(9007, lambda c: (c.recv(1000), forever(c, b'\x16\x03\x03\x00\x04\x0e\x00\x00\x00' * 100)))
	serve(9008, lambda c: (c.sendall(b'220 \x1b]0;owned\x07\x1b[31m<script>\r\n'), hold(c)))
	serve(9009, lambda c: (c.sendall(b'220 mail ESMTP\r\n'), forever(c, b'250-more\r\n')))
	serve(9010, lambda c: (c.sendall(b'\xff\xff\xff\x00\x0a' + b'x' * 9999), hold(c)))
	serve(9011, lambda c: (c.recv(1000), c.sendall(b'S')))
	serve(9012, lambda c: None)
	print('up', flush=True)
	time.sleep(600)
EOT
spawn s harm.service python3 "$TMP/harm.py" $S
must eventually 5 listening s 9012
begun=$EPOCHREALTIME
cat >"$TMP/measure.py" <<-'EOT'
	import resource, subprocess, sys
	subprocess.call(sys.argv[2:])
	with open(sys.argv[1], 'w') as f: print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=f)
EOT
on s python3 "$TMP/measure.py" "$TMP/memory" "$ZTCTL" --json "${ASSESS[@]}" --probe --evidence "$TMP/facts" \
	>"$TMP/doc" 2>"$TMP/doc.err" || :
took=$(((${EPOCHREALTIME/./} - ${begun/./}) / 1000000))
seen() { # PORT
	jq -r --argjson p "$1" '.facts.banners.data.listeners[] | select(.port == $p) | .clear' "$TMP/facts"
}
for port in 9001 9002 9003 9004 9005 9006 9007 9008 9010 9012; do
	is "port $port is not known to encrypt" "$(seen $port)" possible
done
is "none passes" "$(jq -r '(.assessment // .).checks[] | select(.id == "ZTS-3.4-02") | .result' "$TMP/doc")" \
	"$(jq -r 'if any(.facts.banners.data.listeners[]; .clear == "yes") then "fail" else "unknown" end' "$TMP/facts")"
is "all were asked" "$(jq -r '.facts.banners.data | "\(.complete) \(.listeners | length)"' "$TMP/facts")" "true 12"
holds "within a minute (${took} s)" test "$took" -lt $((60 * ZT_SCALE))
holds "and 64 MB ($(tail -n 1 "$TMP/memory") kB)" test "$(tail -n 1 "$TMP/memory")" -lt 65536
fails "no control character of theirs is shown" grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$TMP/doc" "$TMP/facts"
