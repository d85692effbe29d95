#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# test_bad_input.sh - policies that are not files of a sane size, or not files: refused at once, in
# little memory, with a message that says what it is; and a machine without time zones.
set -u
ctl=${OUT:-build}/ztctl
ctl=$(realpath "$ctl")
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0
head="version: 1
policy: p
revision: 1"

# refused NAME PATH WANT - exit status 2, WANT in the message, within 2 s and 32 MB.
refused() {
	local out status ms kb
	out=$(timeout 20 python3 - "$ctl" policy check "$2" 2>&1 <<'PY'
import resource, subprocess, sys, time
start = time.monotonic()
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
ms = int((time.monotonic() - start) * 1000)
print(done.returncode, ms, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.stdout.write(done.stdout.decode(errors="replace")[:2000])
PY
	)
	read -r status ms kb <<<"${out%%$'\n'*}"
	if [[ $status != 2 ]]; then
		echo "not ok $1 - exit status $status: ${out:0:300}"
	elif [[ $out != *"$3"* ]]; then
		echo "not ok $1 - '$3' is not in: ${out:0:300}"
	elif ((ms > 2000 * ${ZT_TIME_SCALE:-1} || kb > 32768)); then
		echo "not ok $1 - took $ms ms, $kb kB"
	else
		echo "ok $1 ($ms ms, $kb kB)"
		return
	fi
	failed=1
}

{
	echo "$head"
	echo "rules:"
	yes '  - {id: r, from: any, to: any, ports: [any]}' | head -c 100000000
} >"$dir/large.yaml"
refused "100 MB of rules" "$dir/large.yaml" "makes the policy larger than 16 MB"

truncate -s 100M "$dir/holes.yaml"
refused "100 MB of NUL bytes" "$dir/holes.yaml" "larger than 16 MB"
truncate -s 15M "$dir/fewer-holes.yaml"
refused "15 MB of NUL bytes" "$dir/fewer-holes.yaml" "byte 0x00 is not text"

printf '%s\ninclude: large.yaml\n' "$head" >"$dir/includes-large.yaml"
refused "100 MB in an include" "$dir/includes-large.yaml" "includes-large.yaml:4:10"

mkdir "$dir/many.d"
for i in $(seq 300); do echo "# $i" >"$dir/many.d/$i.yaml"; done
refused "300 files" "$dir/many.d" "or 256 files"

for i in $(seq 40); do printf 'include: %d.inc\n' $((i + 1)) >"$dir/$i.inc"; done
printf '%s\ninclude: 1.inc\n' "$head" >"$dir/deep.yaml"
refused "includes 40 deep" "$dir/deep.yaml" "nests too deeply"

mkfifo "$dir/fifo.yaml"
refused "a pipe that nobody writes to" "$dir/fifo.yaml" "cannot read"
refused "a device" /dev/zero "cannot read"
ln -s loop.yaml "$dir/loop.yaml"
refused "a symbolic link to itself" "$dir/loop.yaml" "symbolic links"
mkdir "$dir/empty.d"
refused "an empty directory" "$dir/empty.d" "no *.yaml file"
ln -s other.yaml "$dir/cycle.yaml"
printf '%s\ninclude: cycle.yaml\n' "$head" >"$dir/other.yaml"
refused "a cycle through a symbolic link" "$dir/other.yaml" "includes itself"

{
	echo "$head"
	printf 'note: "'
	head -c 3000000 /dev/zero | tr '\0' '['
} >"$dir/open.yaml"
refused "a scalar of 3 MB that does not end" "$dir/open.yaml" "a line of more than 131072 bytes"
{
	echo "$head"
	head -c 3000000 /dev/zero | tr '\0' '['
} >"$dir/brackets.yaml"
refused "3,000,000 brackets" "$dir/brackets.yaml" "a line of more than 131072 bytes"
{
	echo "$head"
	yes "$(head -c 3000 /dev/zero | tr '\0' '[')" | head -n 1000
} >"$dir/lines.yaml"
refused "1,000 lines of 3,000 brackets each" "$dir/lines.yaml" "nested deeper than 16"
{
	echo "$head"
	yes '{a: {b: [c, {"[": ' | head -n 100000
} >"$dir/mixed.yaml"
refused "400,000 open collections" "$dir/mixed.yaml" "nested deeper than 16"
# What only looks like it: 20,000 open brackets in texts and comments.
{
	echo "$head"
	echo "rules:"
	for i in $(seq 5000); do
		echo "  - {id: r$i, from: any, to: any, ports: [tcp/$i], note: \"[ { [\"} # [ {"
	done
} >"$dir/texts.yaml"
if out=$("$ctl" policy check "$dir/texts.yaml" 2>&1); then
	echo "ok brackets in texts and comments"
else
	echo "not ok brackets in texts and comments - ${out:0:300}"
	failed=1
fi

# Without tzdata: zones cannot be checked, UTC can.
printf '%s\nrules:\n  - {id: r, from: any, to: any, ports: [any], when: {hours: Mon, timezone: %s}}\n' \
	"$head" Asia/Taipei >"$dir/taipei.yaml"
sed 's,Asia/Taipei,UTC,' "$dir/taipei.yaml" >"$dir/utc.yaml"
if [[ $(id -u) != 0 ]]; then
	echo "skip a machine without tzdata - needs root, for a mount namespace"
else
	hidden='mount -t tmpfs none /usr/share/zoneinfo && exec "$@"'
	out=$(unshare -m sh -c "$hidden" sh "$ctl" policy check "$dir/taipei.yaml" 2>&1)
	status=$?
	if [[ $status == 2 && $out == *"taipei.yaml:5:"*"install the package tzdata"* ]]; then
		echo "ok a machine without tzdata"
	else
		echo "not ok a machine without tzdata - exit status $status: $out"
		failed=1
	fi
	if out=$(unshare -m sh -c "$hidden" sh "$ctl" policy check "$dir/utc.yaml" 2>&1); then
		echo "ok UTC needs no tzdata"
	else
		echo "not ok UTC needs no tzdata - $out"
		failed=1
	fi
fi
exit $failed
