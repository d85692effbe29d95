#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# test_scale.sh - 10,000 rules over 100,000 addresses: read, checked and compiled by ztctl within
# 200 MB, for hosts that few and that all of the rules concern. The time is shown, not judged:
# what it takes is measured by `make bench`, on a machine that does nothing else.
set -u
ctl=${OUT:-build}/ztctl
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

# generate KIND - a policy on standard output. "chain": 1,000 segments, 10 rules for each, none of
# them about `me`; "mine": 10,000 segments with one rule to `me` each; "ports": 10,000 rules about
# any source, each with a port of its own.
generate() {
	awk -v kind="$1" 'BEGIN {
		segments = kind == "mine" ? 10000 : 1000
		print "version: 1\npolicy: scale\nrevision: 1\nmode: enforced\nhosts:"
		print "  me: {addresses: [10.255.0.1], labels: {role: me}}"
		for (i = 0; i < 99999; i++)
			printf "  h%d: {addresses: [10.%d.%d.%d], labels: {role: r%d, env: prod}}\n",
				i, i / 65536, i / 256 % 256, i % 256, i % segments
		print "segments:\n  me: {select: {role: me}}"
		for (i = 0; i < segments; i++)
			printf "  s%d: {select: {role: r%d}}\n", i, i
		print "boundaries:\n  - {segment: me, inbound: deny, outbound: deny}\nrules:"
		for (i = 0; i < 10000; i++) {
			from = kind == "ports" ? "any" : "s" i % segments
			to = kind == "chain" ? "s" i * 7 % segments : "me"
			printf "  - {id: rule%d, from: %s, to: %s, ports: [tcp/%d]}\n", i, from, to, i + 1
		}
	}'
}

# Wall time and the largest resident set of one run, in milliseconds and kilobytes.
measure() {
	python3 - "$@" <<'PY'
import resource, subprocess, sys, time
start = time.monotonic()
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
ms = int((time.monotonic() - start) * 1000)
if done.returncode:
    sys.exit(done.stdout[:400])
print(ms, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
PY
}

failed=0
for kind in chain mine ports; do
	generate $kind >"$dir/$kind.yaml"
	read -r ms kb < <(measure "$ctl" policy check --host me "$dir/$kind.yaml" 2>&1) || ms=failed
	if [[ ! $ms =~ ^[0-9]+$ ]]; then
		echo "not ok $kind - $ms ${kb-}"
		failed=1
	elif ((kb > 200 * 1024)); then
		echo "not ok $kind - took $kb kB (limit 204800)"
		failed=1
	else
		echo "ok $kind ($ms ms, $((kb / 1024)) MB)"
	fi
done
exit $failed
