#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# owner_names - names that an owner could give itself: cgroups in a directory that is not root's, too
# long and too deep ones, programs mounted over others; and owners that change under a living process.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
for port in 80 82 83 84; do must tell a listen "t$port" tcp 0.0.0.0 $port; done
A=${HOST_IP4[a]} B=${HOST_IP4[b]} slice=$(basename "$CG")
allowed=$TMP/allowed other=$TMP/other
must cp "$(readlink -f /usr/bin/python3)" "$allowed"
must cp "$allowed" "$other"

rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny, outbound: deny}
	rules:
	  - {id: app-out, from: {segment: b, unit: app.service}, to: a, ports: [tcp/80, icmp/8]}
	  - {id: exe-out, from: {segment: b, exe: $allowed}, to: a, ports: [tcp/82]}
	  - {id: cgroup-out, from: {segment: b, cgroup: /$slice/b.slice/batch.slice}, to: a, ports: [tcp/83]}
	  - {id: all-out, from: b, to: a, ports: [tcp/84]}
	  - {id: not-evil, action: deny, from: {segment: b, unit: evil.service}, to: a, ports: [tcp/84]}
	  - {id: app-in, from: a, to: {segment: b, unit: app.service}, ports: [tcp/1024-65535]}
EOT
must agent_start b

# --- units -------------------------------------------------------------------------
puppet app b app.service
says "the unit" app connect x "$A" 80
says "its ping" app ping "$A"
puppet evil b evil.service
denies "another's ping" "ENOBUFS*" evil ping "$A" timeout=0.3

must mkdir -p "$CG/b.slice/box"
must chown 100000:100000 "$CG/b.slice/box"
puppet boxed b box/app.service
denies "a unit's name in a directory that is not root's" "EPERM*" boxed connect x "$A" 80
must mkdir -p "$CG/b.slice/del/app.service"
must chown 100000:100000 "$CG/b.slice/del/app.service"
puppet own b del/app.service/worker.service
says "a unit that is delegated is itself" own connect x "$A" 80
for unit in app.service.d app.services .service xapp.service app.scope; do
	puppet "odd-$unit" b "$unit"
	denies "not the unit: $unit" "EPERM*" "odd-$unit" connect x "$A" 80
done
puppet long b "$(printf 'u%.0s' {1..140}).service/app.service"
denies "a name too long to compare counts, and nothing below it" "EPERM*" long connect x "$A" 80

must tell evil cgroup "$CG/b.slice/app.service"
says "moved into the unit" evil connect x "$A" 80
must tell evil cgroup "$CG/b.slice/evil.service"
denies "and out of it" "EPERM*" evil connect x "$A" 80

# --- cgroups -----------------------------------------------------------------------
puppet batch b batch.slice
says "the cgroup itself" batch connect x "$A" 83
deep=$(printf 'a-rather-long-name-%d/' {1..14})
puppet deep b "batch.slice/$deep"
says "a path too long for a record is still below it" deep connect x "$A" 83
puppet near b batch.slice.d/x
denies "a name that begins like it" "EPERM*" near connect x "$A" 83
says "everybody but one unit" app connect x "$A" 84
denies "that unit" "EPERM*" evil connect x "$A" 84
puppet dug b "evil.service/$deep"
denies "and it cannot dig itself out of a deny" "EPERM*" dug connect x "$A" 84

# --- programs ----------------------------------------------------------------------
PUPPET_EXE=$allowed puppet exe b x.service
says "the program" exe connect x "$A" 82
PUPPET_EXE=$other puppet copy b x.service
denies "a copy of it elsewhere" "EPERM*" copy connect x "$A" 82
cat >"$TMP/wrapped" <<-EOT
	#!/bin/bash
	mount --bind "$other" "$allowed" && exec "$allowed" "\$@"
EOT
cat >"$TMP/masked" <<-EOT
	#!/bin/bash
	exec unshare --mount --propagation private bash "$TMP/wrapped" "\$@"
EOT
must chmod 755 "$TMP/wrapped" "$TMP/masked"
PUPPET_EXE=$TMP/masked puppet masked b x.service
denies "another program mounted over it" "EPERM*" masked connect x "$A" 82
must cp "$allowed" "$TMP/upgrade"
must mv "$TMP/upgrade" "$allowed"
says "upgraded: the process that still runs the old one" exe connect y "$A" 82
PUPPET_EXE=$allowed puppet exe2 b x.service
says "upgraded: a process of the new one" exe2 connect x "$A" 82

# --- listeners -----------------------------------------------------------------------
must tell app listen l tcp 0.0.0.0 auto
says "listen() without bind(): the unit's" a connect in "$B" "$REPLY"
must tell evil listen l tcp 0.0.0.0 auto
denies "listen() without bind(): another's" "TIMEOUT*" a connect x "$B" "$REPLY" timeout=0.3

is "flows name the outermost unit" "$(jqr b flows -- '[.flows[] | select(.verdict.live.rule == "app-out") |
	.src.workload.unit] | unique | join(" ")')" app.service
