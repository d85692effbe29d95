#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# vmtest.sh - run one command under another Linux kernel, leaving the machine as it is.
#
#   vmtest.sh [options] IMAGE COMMAND...
#
# IMAGE is a Debian kernel package, such as linux-image-6.1.0-56-cloud-amd64. It is
# downloaded and unpacked under the cache directory, never installed. The kernel boots in
# qemu under software emulation (no KVM needed), sees this machine's / below an overlay
# in memory, so that whatever COMMAND writes is gone afterwards, and runs
# `bash -c COMMAND` as root in the current directory. Its output and exit status are
# passed on. VMTEST holds the release there.
#
#   -m MIB       memory of the guest (2048)
#   -c CPUS      processors of the guest (2)
#   -t SECONDS   give up after that (900), exit status 124
#   -e NAME=VAL  environment of COMMAND; repeatable
#   -a TEXT      more kernel command line
#   -i           count instructions: one processor, whose clock moves one nanosecond per
#                instruction executed, so that a time difference is an instruction count
#   -v           print the guest's console too
#
# Exit status 125: the guest could not be made or it crashed.
# Needs: qemu-system-x86 qemu-system-common busybox-static kmod binutils xz-utils zstd lz4

set -u
set -o pipefail

CACHE=$(realpath -m "${ZT_VM_CACHE:-$(dirname "$0")/../../build/vm}")
readonly CACHE
readonly VIRTIOFSD=/usr/lib/qemu/virtiofsd
# What the guest needs before it can see this machine's files and be heard.
readonly BOOT_MODULES="virtio_pci fuse virtiofs overlay virtio_console virtio_rng"

mem_mib=2048 cpus=2 limit=900 append='' exports='' verbose='' accel='tcg,thread=multi' icount=()

die()
{
	echo "vmtest: $*" >&2
	exit 125
}

usage()
{
	sed -n '3,/^$/s/^# \{0,1\}//p' "$0"
	exit "$1"
}

# Both Debian releases' virtiofsd live here; /usr/sbin may be missing from PATH.
check_tools()
{
	local tool

	PATH=$PATH:/usr/sbin:/sbin
	for tool in qemu-system-x86_64 $VIRTIOFSD busybox modprobe depmod objcopy readelf; do
		command -v "$tool" >/dev/null || die "$tool is missing"
	done
	[ "$(id -u)" = 0 ] || die "must be root: the guest shares this machine's files"
}

# Prints the release of a kernel package: linux-image-6.1.0-56-cloud-amd64 -> 6.1.0-56-cloud-amd64
release_of()
{
	echo "${1#linux-image-}"
}

fetch_image()
{
	local image=$1 dir=$2 debs=$CACHE/debs

	mkdir -p "$debs" "$dir"
	rm -f "$debs/${image}"_*.deb
	(cd "$debs" && apt-get -q download "$image" >/dev/null 2>"$dir/apt.log") ||
		die "cannot download $image: $(tail -1 "$dir/apt.log")"
	dpkg -x "$debs/${image}"_*.deb "$dir" || die "cannot unpack $image"
	rm -f "$debs/${image}"_*.deb
}

# The compressed payload inside a bzImage, as an ELF file: qemu starts that directly, and
# the guest does not spend its first seconds decompressing under emulation.
extract_vmlinux()
{
	local bz=$1 out=$2 format magic offset

	for format in '\x28\xb5\x2f\xfd zstd' '\xfd7zXZ\x00 xz' '\x02\x21\x4c\x18 lz4' \
		      '\x1f\x8b\x08 gzip'; do
		magic=${format% *}
		while read -r offset; do
			tail -c +$((offset + 1)) "$bz" | "${format#* }" -dc >"$out" 2>/dev/null
			readelf -h "$out" >/dev/null 2>&1 && objcopy -g "$out" 2>/dev/null &&
				return 0
		done < <(LC_ALL=C grep -aobP "$magic" "$bz" | cut -d: -f1)
	done
	return 1
}

# Copies the boot modules and what they depend on, numbered in the order of loading.
copy_modules()
{
	local dir=$1 release=$2 out=$3 module file name n=100

	for module in $BOOT_MODULES; do
		modprobe -d "$dir" -S "$release" --show-depends "$module" |
			sed -n 's/^insmod \([^ ]*\).*/\1/p'
	done | awk '!seen[$0]++' | while read -r file; do
		name=${file##*/}
		n=$((n + 1))
		case $file in
		*.xz) xz -dc "$file" ;;
		*.zst) zstd -dc "$file" ;;
		*) cat "$file" ;;
		esac >"$out/$n-${name%%.ko*}.ko"
	done
}

# First process of the guest: mounts this machine's / under an overlay and goes there.
write_first_init()
{
	cat >"$1" <<'INIT'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
for module in /modules/*.ko; do
	$b insmod "$module" 2>/dev/null
done
for word in $($b cat /proc/cmdline); do
	case $word in
	zt.job=*) job=${word#zt.job=} ;;
	esac
done
$b mount -t virtiofs -o ro host /lower || $b poweroff -f
$b mount -t tmpfs -o size=75% upper /upper
$b mkdir -p /upper/work /upper/data
$b mount -t overlay -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work root /root ||
	$b poweroff -f
cd /root
$b mkdir -p .host
$b mount --move /lower .host
$b umount /proc
$b umount /dev
exec $b switch_root /root /bin/bash "/.host$job/init"
INIT
	chmod +x "$1"
}

make_initrd()
{
	local dir=$1 release=$2 tree=$1/initrd.d

	rm -rf "$tree"
	mkdir -p "$tree"/{bin,modules,proc,dev,lower,upper,root}
	cp "$(command -v busybox)" "$tree/bin/busybox"
	copy_modules "$dir" "$release" "$tree/modules"
	write_first_init "$tree/init"
	(cd "$tree" && find . | busybox cpio -o -H newc 2>/dev/null) >"$dir/initrd" ||
		die "cannot make the initial file system"
	rm -rf "$tree"
}

# Makes $CACHE/RELEASE/{vmlinux,initrd,lib/modules}; the last step marks it whole.
prepare_image()
{
	local image=$1 release dir

	release=$(release_of "$image")
	dir=$CACHE/$release
	[ -e "$dir/ready" ] && return 0
	rm -rf "$dir"
	fetch_image "$image" "$dir"
	extract_vmlinux "$dir/boot/vmlinuz-$release" "$dir/vmlinux" ||
		die "cannot unpack the kernel of $image"
	depmod -b "$dir" "$release" || die "depmod failed"
	make_initrd "$dir" "$release"
	touch "$dir/ready"
}

# Second process: a machine that looks like Debian 12 to COMMAND, then off.
write_second_init()
{
	local file=$1 release=$2 command=$3

	cat >"$file" <<INIT
cd /
while read -r type dir; do
	mkdir -p \$dir
	mount -t \$type \$type \$dir || echo "vmtest: no \$dir" >/dev/console
done <<MOUNTS
proc /proc
sysfs /sys
devtmpfs /dev
tmpfs /run
tmpfs /dev/shm
devpts /dev/pts
bpf /sys/fs/bpf
cgroup2 /sys/fs/cgroup
tracefs /sys/kernel/tracing
MOUNTS
ln -sfn /proc/self/fd /dev/fd
ln -sfn fd/0 /dev/stdin
ln -sfn fd/1 /dev/stdout
ln -sfn fd/2 /dev/stderr
# What udev would have made before the module is there: opening it loads the module.
mkdir -p /dev/net
mknod /dev/net/tun c 10 200
mkdir -p /usr/lib/modules
mount --bind /.host$CACHE/$release/lib/modules /usr/lib/modules
ip link set lo up
hostname vmtest
ulimit -l unlimited; ulimit -n 65536; ulimit -c 0
export PATH=$(printf %q "$PATH") HOME=/root TERM=dumb VMTEST=$release
$exports
cd $(printf %q "$PWD")
# Through a pipe, so that a process left behind by COMMAND cannot hold the port open.
mkfifo /run/out
setsid cat /run/out >\$(echo /dev/vport*p1) &
writer=\$!
exec 3>/run/out
setsid bash -c $(printf %q "$command") </dev/null >&3 2>&3 3>&- &
command=\$!
exec 3>&-
wait \$command
status=\$?
for i in 1 2 3 4 5 6 7 8 9 10; do
	kill -0 \$writer 2>/dev/null || break
	sleep 0.1
done
echo \$status >\$(echo /dev/vport*p2)
echo o >/proc/sysrq-trigger
sleep 60
INIT
}

start_virtiofsd()
{
	local job=$1 i

	"$VIRTIOFSD" --socket-path="$job/fs" -o source=/ -o sandbox=chroot -o cache=always \
		-o no_posix_lock --thread-pool-size=4 >"$job/virtiofsd.log" 2>&1 &
	pids+=" $!"
	for ((i = 0; i < 250; i++)); do
		[ -S "$job/fs" ] && return 0
		sleep 0.02
	done
	die "virtiofsd did not start: $(tail -1 "$job/virtiofsd.log")"
}

start_qemu()
{
	local job=$1 dir=$2

	qemu-system-x86_64 -M q35,memory-backend=ram,vmport=off -accel "$accel" "${icount[@]}" \
		-cpu max -smp "$cpus" -m "$mem_mib" \
		-object "memory-backend-memfd,id=ram,size=${mem_mib}M,share=on" \
		-nodefaults -no-user-config -display none -no-reboot \
		-kernel "$dir/vmlinux" -initrd "$dir/initrd" -serial "file:$job/console" \
		-chardev "socket,id=fs,path=$job/fs" \
		-device vhost-user-fs-pci,chardev=fs,tag=host \
		-device virtio-rng-pci -device virtio-serial-pci \
		-chardev "file,id=out,path=$job/out" -device virtserialport,chardev=out,nr=1 \
		-chardev "file,id=status,path=$job/status" \
		-device virtserialport,chardev=status,nr=2 \
		-append "console=ttyS0 panic=-1 loglevel=4 mitigations=off random.trust_cpu=on \
audit=0 no_timer_check nokaslr tsc=reliable lsm=landlock,lockdown,yama,bpf $append zt.job=$job" \
		</dev/null >"$job/qemu.log" 2>&1 &
	qemu=$!
	pids+=" $qemu"
}

# Waits for the guest to switch itself off; the limit is kept by a second process.
await_guest()
{
	local job=$1 tail_pid guard

	tail -f -c +1 --pid="$qemu" -s 0.05 "$job/out" &
	tail_pid=$!
	(
		sleep "$limit" &
		trap 'kill $!; exit' TERM
		wait $!
		: >"$job/late"
		kill "$qemu"
	) >/dev/null 2>&1 &
	guard=$!
	wait "$qemu" 2>/dev/null
	kill "$guard" 2>/dev/null
	wait "$guard" "$tail_pid" 2>/dev/null
}

run_guest()
{
	local release=$1 command=$2 job status pids=''

	mkdir -p "$CACHE"
	job=$(mktemp -d "$CACHE/job.XXXXXX")
	# Expanded when it fires: pids grows.
	trap 'kill $pids 2>/dev/null; rm -rf "'"$job"'"' EXIT
	trap 'exit 130' INT TERM
	: >"$job/out"
	: >"$job/status"
	: >"$job/console"
	write_second_init "$job/init" "$release" "$command"
	start_virtiofsd "$job"
	start_qemu "$job" "$CACHE/$release"
	await_guest "$job"

	[ -z "$verbose" ] || cat "$job/console" >&2
	if [ -e "$job/late" ]; then
		tail -40 "$job/console" >&2
		echo "vmtest: not done within $limit s" >&2
		exit 124
	fi
	status=$(cat "$job/status")
	if [ -z "$status" ]; then
		tail -60 "$job/console" >&2
		cat "$job/qemu.log" "$job/virtiofsd.log" >&2
		die "the guest went away without an exit status"
	fi
	exit "$status"
}

while getopts m:c:t:e:a:ivh option; do
	case $option in
	m) mem_mib=$OPTARG ;;
	c) cpus=$OPTARG ;;
	t) limit=$OPTARG ;;
	e) exports+="export $(printf %q "$OPTARG")"$'\n' ;;
	a) append=$OPTARG ;;
	i) accel='tcg,thread=single' cpus=1 icount=(-icount "shift=0,sleep=on") ;;
	v) verbose=1 ;;
	h) usage 0 ;;
	*) usage 2 >&2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || usage 2 >&2

check_tools
prepare_image "$1"
release=$(release_of "$1")
shift
run_guest "$release" "$*"
