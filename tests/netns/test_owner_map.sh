#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# owner_map - what flows and map call the owner of a connection: containers by the names that Docker, Podman
# and Kubernetes give their cgroups, units, users, commands; TCP and UDP, opened and accepted; and a process
# number used again names nobody but its own process.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
A=${HOST_IP4[a]} B=${HOST_IP4[b]}
puppet server a server.service
must tell server listen tcp tcp 0.0.0.0 80
must tell server listen udp udp 0.0.0.0 53
puppet far a client.service
must agent_start b

# --- containers -------------------------------------------------------------------------

id() { # LETTER: of a container
	printf "$1%.0s" {1..64}
}
pod=01234567_89ab_cdef_0123_456789abcdef
declare -A path=(
	[docker]=docker/$(id a)
	[docker-systemd]=system.slice/docker-$(id b).scope
	[podman]=machine.slice/libpod-$(id c).scope/container
	[containerd]=kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod$pod.slice/cri-containerd-$(id d).scope
	[cri-o]=kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod$pod.slice/crio-$(id e).scope
	[kubernetes-cgroupfs]=kubepods/burstable/pod${pod//_/-}/$(id f)
)
declare -A letter=([docker]=a [docker-systemd]=b [podman]=c [containerd]=d [cri-o]=e [kubernetes-cgroupfs]=f)
port=8000
for kind in "${!path[@]}"; do
	port=$((port + 1))
	puppet "$kind" b "${path[$kind]}"
	must tell "$kind" listen tcp tcp "$B" $port
	must tell "$kind" listen udp udp "$B" $port
	must tell "$kind" connect out $A 80
	must tell "$kind" udp udp v4
	must tell "$kind" askto udp $A 53
	must tell far connect "$kind" $B $port
	must tell far udp "$kind-udp" v4
	must tell far askto "$kind-udp" $B $port
	want=$(id "${letter[$kind]}")
	# A process opened two of the edges and serves the other two.
	named() {
		jqc b map --by address -- "[.edges[] | select(.workload.container == \"$want\") |
			\"\(.proto) \(.port)\"] | sort == ([\"tcp 80\", \"tcp $port\", \"udp 53\", \"udp $port\"] | sort)"
	}
	within "$kind: its container at both ends, TCP and UDP" 3 named
	is "$kind: flows name it" "$(jqr b flows -- "[.flows[] | (.src, .dst) | select(.near) | .workload.container |
		select(. == \"$want\")] | length")" 4
done
is "flows by the beginning of a container's id" "$(ctlj b flows --owner "$(id c | cut -c 1-12)" | jq '.flows | length')" 4

# --- users and commands ---------------------------------------------------------------------

spawn b job.service setpriv --reuid nobody --regid nogroup --clear-groups nc -d -w 30 $A 80
job() {
	jqr b map --by address -- '.edges[] | select(.workload.unit == "job.service") | .workload |
		"\(.user) \(.exe | split("/") | last) \(.command)"'
}
told() { [[ $(job) == "nobody nc.openbsd nc -d -w 30 $A 80" ]]; }
within "a user, a program, a command line" 3 told

# --- a process number used again ------------------------------------------------------------------

# The first connects and ends; the second, of another unit, gets its number.
spawn b reuse.service python3 "$ZT_HERE/reuse.py" "$(cg b first.service)" "$(cg b second.service)" $A 80
report=$TMP/log/b.reuse.service.log
must eventually 5 grep -q "^again" "$report"
read -r _ number <"$report"
flow=$(jqr b flows -- ".flows[] | (.src, .dst) | select(.near and .workload.pid == $number) | .workload | tojson")
is "a number used again: it is in use" "$(cat "/proc/$number/comm")" sleep
is "a number used again: the flow is its own process's" "$(jq -r .unit <<<"$flow")" first.service
is "its program" "$(jq -r '.exe | test("python")' <<<"$flow")" true
is "its command line, or none" "$(jq -r '.command // "reuse.py" | test("reuse.py")' <<<"$flow")" true
is "nothing of the process that has the number now" "$(grep -c sleep <<<"$flow")" 0
is "the map names the first" "$(jqr b map --by address -- '[.edges[] | .workload.unit |
	select(. == "first.service" or . == "second.service")] | unique | join(" ")')" first.service
