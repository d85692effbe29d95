#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 40
# signed - with require_signature, file, stage and promote take only what a trusted key has signed,
# and only revisions that rise; what is refused changes nothing.
. "$(dirname "$0")/lib.sh"

must host a 11
must host b 12
puppet a a
puppet b b
for p in 80 81; do must tell b listen t$p tcp 0.0.0.0 $p; done
B=${HOST_IP4[b]}
opens() { tell a connect o "$B" "$1" timeout=0.1 && tell a close o; }
sign() { rm -f "$1.minisig"; "$ZTCTL" policy sign "$1" --key "$TMP/$2.key"; }
for k in good other; do must "$ZTCTL" policy sign --generate "$TMP/$k" --no-password; done
rules b 1 enforced <<-EOT
	boundaries:
	  - {id: b-closed, segment: b, inbound: deny}
	rules:
	  - {id: open, from: a, to: b, ports: [tcp/80]}
EOT
text() { sed "s/^revision: .*/revision: $1/; s|tcp/[0-9]*|tcp/$2|" "$TMP/b/policy.text"; }
put_signed() { # REVISION PORT KEY: signature first, as a deployment does
	text "$1" "$2" >"$TMP/b/next.yaml"
	sign "$TMP/b/next.yaml" "$3" || return 1
	mv "$TMP/b/next.yaml.minisig" "$TMP/b/policy.yaml.minisig"
	mv "$TMP/b/next.yaml" "$TMP/b/policy.yaml"
}
refused() { # NAME PATTERN: as a load error, with revision 1 in force
	within "$1: status says why" 5 jqc b status -- ".policy.load_error | tostring | test(\"$2\")"
	is "$1: revision" "$(jqr b status -- .policy.revision)" 1
	holds "$1: its port" opens 80
}
settings b <<-EOT
	require_signature: true
	trusted_keys: [$TMP/good.pub]
EOT
must put_signed 1 80 good
must agent_start b
is "signed: in force" "$(jqr b status -- .policy.revision)" 1
fails "and it denies" opens 81
text 2 81 | policy b
refused "the old signature over another text" "signature refused"
rm "$TMP/b/policy.yaml.minisig"
refused "unsigned" "not signed"
must put_signed 2 81 other
refused "another key" "signature refused"
must put_signed 1 81 good
refused "the same revision, another policy" "revision must rise"
must put_signed 0 81 good
refused "an older revision" "revision"
must put_signed 1 80 good
within "the same again" 5 jqc b status -- '.policy.load_error == null'

text 2 81 >"$TMP/two.yaml"
out=$(ctl b policy stage "$TMP/two.yaml" 2>&1)
is "stage, unsigned: exit status" $? 2
like "stage, unsigned: why" "$out" "*not signed*"
must sign "$TMP/two.yaml" other
fails "stage, another key" ctl b policy stage "$TMP/two.yaml"
rm "$TMP/two.yaml.minisig"
must sign "$TMP/two.yaml" good
holds "stage, signed" ctl b policy stage "$TMP/two.yaml"
must mv "$TMP/good.pub" "$TMP/good.was"
cp "$TMP/other.pub" "$TMP/good.pub"
out=$(ctl b policy promote 2>&1)
is "promote, the key no longer trusted: exit status" $? 3
like "promote, the key no longer trusted: why" "$out" "*signature refused*"
holds "and revision 1 stays" opens 80
must mv "$TMP/good.was" "$TMP/good.pub"
holds "promote" ctl b policy promote --within 0
holds "revision 2" opens 81
is "the history knows that it was signed" "$(jqr b policy history -- '[.entries[].signed] | join(" ")')" "true true"
holds "back to what was signed before" ctl b policy rollback
holds "revision 1" opens 80
