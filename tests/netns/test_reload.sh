#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# reload - the controller file is followed however it is written: in place, by rename, by an editor,
# through a link, in a directory; a broken one changes nothing and is said so everywhere.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
for p in 80 81 82; do must tell b listen t$p tcp 0.0.0.0 $p; done
B=${HOST_IP4[b]}
text() { # REVISION PORT
	cat <<-EOT
		version: 1
		policy: reload
		revision: $1
		mode: enforced
		hosts:
		  b: {addresses: [$B], labels: {name: b}}
		segments:
		  b: {select: {name: b}}
		boundaries:
		  - {id: b-closed, segment: b, inbound: deny}
		rules:
		  - {id: open, from: any, to: b, ports: [tcp/$2]}
	EOT
}
now_open() { # NAME PORT CLOSED-PORT
	says "$1: tcp/$2 is open" a connect x "$B" "$2"
	tell a close x
	denies "$1: tcp/$3 is not" "TIMEOUT*" a connect x "$B" "$3" timeout=0.2
}
file=$TMP/b/policy.yaml
text 1 80 >"$file"
must agent_start b
now_open "at start" 80 81
text 2 81 >"$file"
holds "written in place" revision b 2
now_open "written in place" 81 80
text 3 80 >"$TMP/b/.policy.yaml.swp"
mv "$TMP/b/.policy.yaml.swp" "$file"
holds "renamed over" revision b 3
mv "$file" "$file~"
text 4 81 >"$file"
holds "as an editor with backup does" revision b 4
sed -i 's/revision: 4/revision: 5/; s|tcp/81|tcp/80|' "$file"
holds "as sed -i does" revision b 5
now_open "as sed -i does" 80 81

# Broken, in several ways. What is in force stays.
epoch=$(jqr b status -- .policy.epoch)
bad() { # NAME PATTERN
	within "$1: status says so" 3 jqc b status -- '.policy.load_error != null'
	like "$1: and why" "$(jqr b status -- .policy.load_error.text)" "$2"
	is "$1: revision" "$(jqr b status -- .policy.revision)" 5
	is "$1: epoch" "$(jqr b status -- .policy.epoch)" "$epoch"
	now_open "$1" 80 81
}
good() { # back to a sound file of the same content
	text 5 80 >"$file.new"
	mv "$file.new" "$file"
	within "sound again: status forgets" 3 jqc b status -- '.policy.load_error == null'
}
text 6 81 | sed 's/segment: b, inbound/segment: nowhere, inbound/' >"$file"
bad "a name that resolves to nothing" "*:10:*nowhere*"
good
printf 'version: 1\nrules: [' >"$file"
bad "cut short" "*policy.yaml:2:*"
good
text 6 99999 >"$file"
bad "a port that is none" "*:12:*99999*"
good
text 6 81 | sed '$a unknown_key: 1' >"$file"
bad "an unknown key" "*unknown_key*"
out=$("$ZTCTL" policy check "$file" 2>&1)
is "policy check: exit status" $? 2
like "policy check: place, line and caret" "$out" "*policy.yaml:13:1:*unknown_key: 1*^*"
like "the agent's log says so too" "$(cat "$TMP/b/agent.log")" "*unknown_key*"
good
text 4 81 >"$file"
bad "a revision that goes down" "*revision*"
good
rm "$file"
within "removed: status says so" 3 jqc b status -- '.policy.load_error != null'
now_open "removed" 80 81
text 7 82 >"$file"
holds "written anew" revision b 7
now_open "written anew" 82 80
holds "policy check: a sound file" "$ZTCTL" policy check "$file"

# Started on a broken file: what was confirmed last is in force.
printf 'version: 1\nrules: [' >"$file"
must agent_kill b
must agent_start b
now_open "restarted on a broken file" 82 80
must agent_stop b
must stop_tool b detach
must agent_start b
now_open "the same after a reboot, with no pins" 82 80
must agent_stop b

# A directory, read in order of names, and an inventory that is included.
mkdir -p "$TMP/b/inventory" "$TMP/b/policy.d"
cat >"$TMP/b/inventory/hosts.yaml" <<-EOT
	version: 1
	hosts:
	  b: {addresses: [$B], labels: {name: b}}
EOT
cat >"$TMP/b/policy.d/10-base.yaml" <<-EOT
	version: 1
	policy: reload
	revision: 10
	mode: enforced
	include: ../inventory/hosts.yaml
	segments:
	  b: {select: {name: b}}
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
EOT
part() { # PORT
	printf 'version: 1\nrules:\n  - {id: open, from: any, to: b, ports: [tcp/%d]}\n' "$1"
}
part 80 >"$TMP/b/policy.d/20-rules.yaml"
must agent_start b --policy "$TMP/b/policy.d"
now_open "a directory" 80 81
part 81 >"$TMP/b/policy.d/.new"
sed -i 's/revision: 10/revision: 11/' "$TMP/b/policy.d/10-base.yaml"
mv "$TMP/b/policy.d/.new" "$TMP/b/policy.d/20-rules.yaml"
opened() { tell a connect x "$B" 81 timeout=0.2; }
within "a file of it replaced" 3 opened
rm "$TMP/b/policy.d/20-rules.yaml"
closed() { ! tell a connect x "$B" 81 timeout=0.2; }
within "a file of it removed" 3 closed
sed -i "s/$B/10.77.0.99/" "$TMP/b/inventory/hosts.yaml"
reopened() { tell a connect x "$B" 82 timeout=0.2; }
within "the included inventory changed: this is no host of it, and observes" 3 reopened
