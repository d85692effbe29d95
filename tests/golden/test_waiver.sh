#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# waiver - waivers and attestations: written, signed, verified with minisign; every defect with its
# place and what to do about it; and with one defect the assessment does not run.
# shellcheck source=tests/golden/lib.sh
. "$(dirname "$0")/lib.sh"
export LC_ALL=C.UTF-8

# --- people and their keys ---------------------------------------------------------------------
cd "$TMP" || exit 1
for who in chen wang lin wu; do "$ZTCTL" policy sign --generate "$who" --no-password >/dev/null; done
mkdir -p trust/approver trust/owner trust/assessor w
cp chen.pub trust/approver/ # approves
cp wang.pub trust/owner/    # owns the system
cp lin.pub trust/assessor/  # looks at things
waiver() { "$ZTCTL" waiver "$@"; }
attest() { "$ZTCTL" attest "$@"; }
new() { # ID MORE...
	local id=$1
	shift
	waiver new "$id" --check ZTS-3.1-06 --host app01 --resource tcp/0.0.0.0:22 \
		--reason "the jump host moves in January" --compensating ZTS-3.1-05 \
		--owner wang --approver chen --ticket R-1 "$@"
}

# --- the way it goes ----------------------------------------------------------------------------
ends "written" 0 new W-1 --days 60 --out w/1.json
ends "not signed yet" 2 waiver lint w --trust trust
says "is a defect, with what to do" "w/1.json: line 1, column 1: it is not signed - have it signed with the 'sign' command by a key of the role approver"
ends "signed" 0 waiver sign w/1.json --key chen.key
ends "no defect" 0 waiver lint w --trust trust
ends "listed" 0 waiver list w --trust trust
says "with what it is for" "W-1 ZTS-3.1-06 tcp/0.0.0.0:22 valid"
ends "ends within 30 days" 0 waiver list w --trust trust --expiring 30
says "is none yet" "No waiver"
ends "ends within 90 days" 0 waiver list w --trust trust --expiring 90
says "is one" "W-1"
ends "as JSON" 0 "$ZTCTL" --json waiver list w --trust trust
is "the same" "$(jq -c '.waivers[] | [.id, .state, .signer, .critical, (.days_left | . == 59 or . == 60)]' out)" '["W-1","valid","chen",false,true]'
ends "not written twice" 2 new W-1 --out w/1.json
jq -cSj 'del(.signature)' w/1.json >m
jq -r .signature.text w/1.json >m.minisig
if command -v minisign >/dev/null; then
	ends "minisign verifies it" 0 minisign -V -p chen.pub -m m
	says "and shows what it is" "ztseg waiver W-1"
else
	echo "skip minisign verifies it - the program is not installed"
fi
ends "renewed" 0 waiver new W-2 --renew w/1.json --days 30 --out 2.json
is "counts as a renewal" "$(jq -c '[.renews, .renewals, .check_id]' 2.json)" '["W-1",1,"ZTS-3.1-06"]'
cp w/1.json revoked.json
ends "revoked by the owner" 0 waiver revoke revoked.json --by wang --reason "moved already" --key wang.key
ends "is no defect" 0 waiver lint revoked.json --trust trust
ends "and says so" 0 waiver list revoked.json --trust trust
says "revoked" "revoked"
ends "revoked by nobody with a role" 0 waiver revoke revoked.json --by wu --reason "moved already" --key wu.key
ends "is one" 2 waiver lint revoked.json --trust trust

SCHEMAS=$OLDPWD/policies
answer() { # NAME SCHEMA STATUS COMMAND...: its JSON is as its schema has it
	local name=$1 schema=$2
	ends "$name, JSON" "$3" "$ZTCTL" --json "${@:4}"
	is "$name: as its schema has it" "$(python3 "$SCHEMAS/../tests/golden/schema/check.py" "$schema" <out 2>&1)" ""
}
answer "a list" waiver-list 0 waiver list w --trust trust
answer "a lint" waiver-lint 0 waiver lint w --trust trust
answer "a lint with defects" waiver-lint 2 waiver lint 2.json --trust trust
answer "signed again" waiver-sign 0 waiver sign 2.json --key chen.key
answer "no records" evidence-list 0 evidence list --state-dir "$TMP/state" --trust trust
valid() { # SCHEMA FILE: "" when it is
	python3 - "$SCHEMAS/$1.schema.json" "$2" 2>&1 <<-'PY'
		import json, sys, jsonschema
		schema, doc = (json.load(open(f)) for f in sys.argv[1:])
		for e in jsonschema.Draft202012Validator(schema).iter_errors(doc): print(e.message)
	PY
}
is "as its schema has it" "$(valid waiver w/1.json)" ""
is "revoked, too" "$(valid waiver revoked.json)" ""
like() { [[ -n $2 ]] && echo "ok $1" || { echo "not ok $1 - no error"; failed=1; }; }
jq '.expires_at = "soon"' w/1.json >bad.json
like "another is not" "$(valid waiver bad.json)"

# --- defects ------------------------------------------------------------------------------------
# Each: what is wrong, how it comes about (jq), its place and text, the remedy.
defect() { # NAME FILTER TEXT REMEDY
	jq "$2" w/1.json >bad.json
	ends "$1" 2 waiver lint bad.json --trust trust
	says "$1: place and text" "$3"
	says "$1: remedy" "$4"
}
defect "another member" '.because = "so"' "line 28, column 3: there is no member 'because'" "docs/evidence.md lists every member"
defect "a member less" 'del(.ticket)' "line 1, column 1: 'ticket' is missing" "docs/evidence.md"
defect "a wrong type" '.renewals = "one"' "line 19, column 3: 'renewals' has to be a whole number" "docs/evidence.md"
defect "an empty text" '.ticket = ""' "line 18, column 3: 'ticket' is empty" "fill it in"
defect "another format" '.format = "ztseg.waiver/9"' "line 2, column 3: it is no waiver" "'format' is \"ztseg.waiver/1\""
defect "an id that is a path" '.id = "../../x"' "line 3, column 3: '../../x' is no id" "letters, digits, '-', '_' and '.'"
defect "no such check" '.check_id = "3.1-06"' "line 4, column 3: there is no check '3.1-06'" "use the id as the report prints it"
defect "signed policy waived" '.check_id = "ZTS-3.7-01"' "line 4, column 3: ZTS-3.7-01 cannot be waived" "make the check pass"
defect "waivers waived" '.check_id = "ZTS-3.7-07"' "ZTS-3.7-07 cannot be waived" "make the check pass"
defect "the clock waived" '.check_id = "ZTS-3.6-06"' "ZTS-3.6-06 cannot be waived" "make the check pass"
defect "every resource of a critical check" '.check_id = "ZTS-3.1-01" | .scope.resource = "*"' "line 9, column 5: '*' stands for every resource, and the check is critical" "name every host and the resource exactly"
defect "many hosts of a critical check" '.check_id = "ZTS-3.1-01" | .scope.hosts = ["app*"]' "line 6, column 5: 'app*' stands for several hosts, and the check is critical" "name every host"
defect "a pattern of resources" '.scope.resource = "tcp/*:22"' "'tcp/*:22' is a pattern: a resource is named exactly" "name every host"
defect "no host" '.scope.hosts = []' "'hosts' is empty" "name at least one"
defect "a host that is none" '.scope.hosts = [7]' "element 1 of 'hosts' is no host name" "name every host"
defect "unknown waived" '.raw_result_at_grant = "unknown"' "line 11, column 3: 'unknown' cannot be waived" "what is unknown has to be found out"
defect "no reason to speak of" '.reason = "why not"' "line 12, column 3: the reason is too short" "say why the risk is accepted"
defect "nothing compensates" '.compensating = []' "line 13, column 3: 'compensating' is empty" "name at least one"
defect "no such compensation" '.compensating = ["ZTS-9.9-99"]' "there is no check 'ZTS-9.9-99'" "use the id as the report prints it"
defect "it compensates for itself" '.compensating = ["ZTS-3.1-06"]' "ZTS-3.1-06 cannot compensate for itself" "name another check"
defect "approved by the owner" '.approver = "Wang"' "owner and approver are both wang" "somebody else than the owner has to approve"
defect "granted in the future" '.granted_at = "2126-01-01T00:00:00Z" | .expires_at = "2126-02-01T00:00:00Z"' "line 21, column 3: it is granted in the future" "correct the time, or the clock"
defect "no time" '.expires_at = "next week"' "line 22, column 3: 'expires_at' is no time: next week" "2026-11-22T08:00:00Z"
defect "without an end" 'del(.expires_at)' "'expires_at' is missing" "docs/evidence.md"
defect "ends before it begins" '.expires_at = "2020-01-01T00:00:00Z"' "it ends before it begins" "expires_at has to be later"
defect "too long" '.granted_at = "2026-01-01T00:00:00Z" | .expires_at = "2026-07-01T00:00:01Z"' "it lasts 181 days, more than 180" "end it earlier; it can be renewed 2 times"
defect "too long for a critical check" '.check_id = "ZTS-3.1-01" | .granted_at = "2026-01-01T00:00:00Z" | .expires_at = "2026-04-02T00:00:00Z"' "it lasts 91 days; a critical check may be waived for 90" "end it earlier"
defect "renewed too often" '.renewals = 3 | .renews = "W-0"' "'renewals' is 3, which is not allowed" "from 0 to 2"
defect "renewed more often than was allowed" '.renewals = 2 | .max_renewals = 1 | .renews = "W-0"' "it was renewed 2 times, of 1 allowed" "mend what the check finds"
defect "renews nothing" '.renewals = 1' "it renews another, but not said which" "put the id of the waiver before it into 'renews'"
defect "renews and does not count" '.renews = "W-0"' "it renews another, but counts no renewal" "one more than that of the waiver before"
defect "changed after signing" '.scope.hosts = ["app02"]' "its signature does not hold" "look at the change and sign it anew"
defect "no signature of minisign" '.signature = {"text": 1}' "its signature does not hold" "sign it anew"
defect "revoked, but how" '.revoked = {"at": "2026-01-01T00:00:00Z"}' "'reason' is missing" "docs/evidence.md"

sign_as() { # WHO FILTER: a file that is changed and signed by somebody
	jq "del(.signature) | $2" w/1.json >bad.json
	waiver sign bad.json --key "$1.key" >/dev/null 2>sign.err
}
sign_as wu .
ends "signed by a stranger" 2 waiver lint bad.json --trust trust
says "is told" "which is no key of the role approver"
says "with what to do" "put the public key into the trust directory as approver/NAME.pub"
cp wu.pub trust/approver/
ends "signed by another approver than it names" 2 waiver lint bad.json --trust trust
says "is told, too" "'approver' is chen, but it is signed by wu"
rm trust/approver/wu.pub
cp chen.pub trust/owner/boss.pub
ends "signed with an owner's key of another name" 2 waiver lint w/1.json --trust trust
says "is found by the key" "the key that signed it is a system owner's too"
rm trust/owner/boss.pub

mkdir two
cp w/1.json two/1.json
cp w/1.json two/2.json
ends "two of the same id" 2 waiver lint two --trust trust
says "name each other" "two/1.json has the same id"
sign_as chen '.id = "W-9" | .granted_at |= (fromdate + 0 | todate)'
jq 'del(.signature) | .granted_at |= (fromdate - 8640000 | todate) | .expires_at |= (fromdate - 8640000 | todate)' w/1.json >two/1.json
waiver sign two/1.json --key chen.key >/dev/null
cp bad.json two/2.json
ends "the same once more" 2 waiver lint two --trust trust
says "is a renewal that does not say so" "the same was waived before by W-1, so it is a renewal"
sign_as chen '.id = "W-9" | .renews = "W-1" | .renewals = 2'
cp bad.json two/2.json
ends "a renewal that miscounts" 2 waiver lint two --trust trust
says "is told the number" "it renews W-1, which counts 0 renewals - 'renewals' is 1"
sign_as chen '.id = "W-9" | .renews = "W-1" | .renewals = 1 | .scope.resource = "tcp/0.0.0.0:23"'
cp bad.json two/2.json
ends "a renewal of something else" 2 waiver lint two --trust trust
says "is none" "W-1, which it renews, is about something else"
ends "what has a defect is not signed" 2 waiver sign 2.json --key nobody.key
jq '.reason = ""' w/1.json >bad.json
ends "nor is this" 2 waiver sign bad.json --key chen.key
says "and says why" "line 12, column 3: 'reason' is empty"

# --- hostile files --------------------------------------------------------------------------------
hostile() { # NAME TEXT: of bad.json as it is
	ends "$1" 2 waiver lint bad.json --trust trust
	says "$1: text" "$2"
}
printf '{"format": "ztseg.waiver/1", "id": "a", "id": "b"}' >bad.json
hostile "a member twice" "cannot be used: no valid JSON: duplicate object key"
printf '{"format": \n  oops}' >bad.json
hostile "no JSON" "line 2, column 6"
printf '[1]' >bad.json
hostile "no object" "not a JSON object"
: >bad.json
hostile "empty" "cannot be used"
printf '\xff\xfe{' >bad.json
hostile "no UTF-8" "cannot be used"
{ printf '{"a":'; head -c 5000 /dev/zero | tr '\0' '['; } >bad.json
hostile "nested without end" "cannot be used"
{ printf '{"reason": "'; head -c 70000 /dev/zero | tr '\0' 'a'; printf '"}'; } >bad.json
hostile "too long" "cannot be read: it is too long - make it a regular file of root"
jq '.reason = "a\u0007b real long reason"' w/1.json >bad.json
hostile "control characters" "control characters"
jq '.renewals = 0.5' w/1.json >bad.json
hostile "a real number" "'renewals' has to be a whole number"
jq '.id = "\u202eW-1"' w/1.json >bad.json
hostile "text that runs backwards" 'u{202e}W-1'
rm bad.json
ln -s w/1.json bad.json
hostile "a symbolic link" "it is a symbolic link: put the file itself there"
rm bad.json
mkfifo bad.json
hostile "a pipe" "it is no regular file"
rm bad.json
cp w/1.json bad.json
chmod 666 bad.json
hostile "a file that anybody may write" "others than root may write it: chown root, chmod go-w"
chmod 777 two
ends "a directory that anybody may write" 2 waiver lint two --trust trust
says "is not read" "others than root may write it"
ends "nothing of that name" 2 waiver lint nowhere --trust trust
says "is told" "it is not there"
chmod 666 trust/approver/chen.pub
ends "keys that anybody may write" 2 waiver lint w --trust trust
says "are not used" "the key 'trust/approver/chen.pub' is not used: others than root may write it"
chmod 644 trust/approver/chen.pub

# --- attestations ---------------------------------------------------------------------------------
mkdir a
echo "uplink 1, uplink 2" >a/net.txt
ends "an attestation with a file" 0 attest new A-1 a/net.txt --check ZTS-3.5-07 --host app01 --result pass \
	--statement "two uplinks were seen" --assessor lin --out a/1.json
ends "is signed" 0 attest sign a/1.json --key lin.key
ends "is good" 0 attest lint a/1.json --trust trust
is "as its schema has it" "$(valid attestation a/1.json)" ""
is "180 days unless told otherwise" "$(jq '(.valid_until | fromdate) - (.collected_at | fromdate)' a/1.json)" $((180 * 86400))
answer "attestations" attest-list 0 attest list a/1.json --trust trust
ends "is listed" 0 attest list a/1.json --trust trust
says "as valid" "A-1 ZTS-3.5-07 pass valid"
echo "uplink 1" >a/net.txt
ends "its file changed" 0 attest list a/1.json --trust trust
says "is an error" "A-1 ZTS-3.5-07 pass error"
says "with the name" "its file 'net.txt' is another than was attested"
rm a/net.txt
ends "its file is gone" 0 attest list a/1.json --trust trust
says "is an error, too" "its file 'net.txt' is missing"
attested() { # NAME FILTER TEXT
	jq "$2" a/1.json >bad.json
	chmod 644 bad.json
	ends "$1" 2 attest lint bad.json --trust trust
	says "$1: text" "$3"
}
attested "a check and an item" '.item = "3-5"' "it has to be about one check or one item"
attested "about nothing" 'del(.check_id)' "it has to be about one check or one item"
attested "no such item" 'del(.check_id) | .item = "3-9"' "there is no item '3-9'"
attested "not applicable, by hand" '.result = "notapplicable"' "'notapplicable' is no result - pass, partial, fail; 'claimed-na'"
attested "no method" '.method = "GUESS"' "'GUESS' is no method - EXAMINE or INTERVIEW"
attested "valid for too long" '.valid_until = "2028-01-01T00:00:00Z"' "more than 365"
attested "a file elsewhere" '.files[0].name = "../../etc/passwd"' "line 13, column 3: element 1 of 'files' is no file"
attested "signed for another result" '.result = "fail"' "its signature does not hold"
jq 'del(.signature) | .assessor = "wang"' a/1.json >a/2.json
ends "somebody else's word" 0 attest sign a/2.json --key lin.key
ends "is known by the key" 2 attest lint a/2.json --trust trust
says "and told" "'assessor' is wang, but it is signed by lin"
cp lin.pub trust/owner/me.pub
ends "an owner who assesses himself" 2 attest lint a/1.json --trust trust
says "is found by the key" "the key that signed it is a system owner's too"
rm trust/owner/me.pub

# --- nothing runs with a defect ---------------------------------------------------------------------
jq '.reason = ""' w/1.json >bad.json
ends "the assessment does not run" 4 "$ZTCTL" assess --waivers bad.json --trust trust --state-dir "$TMP/state" --socket "$TMP/none"
says "and says why" "'reason' is empty"
is "nothing but that" "$(grep -c 3-1 out)" 0
ends "in Traditional Chinese, too" 4 env LC_ALL=zh_TW.UTF-8 "$ZTCTL" assess --waivers bad.json --trust trust --state-dir "$TMP/state" --socket "$TMP/none"
says "the text" "「reason」是空的"
exit $failed
