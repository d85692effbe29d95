#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# cases - policy test by example: each directory of tests/cases, its text, its JUnit, its JSON.
# shellcheck source=tests/golden/lib.sh
. "$(dirname "$0")/lib.sh"
top=$PWD

junit_ok() { # NAME FILE
	if ! command -v xmllint >/dev/null; then
		echo "skip $1 - xmllint is not installed"
	else
		is "$1" "$(xmllint --noout --schema "$top/tests/golden/schema/junit.xsd" "$2" 2>&1)" "$2 validates"
	fi
}
run() { # ARGUMENT...: text and exit status
	COLUMNS=100 "$ZTCTL" --color never policy test "$@" 2>&1 </dev/null
	echo "exit $?"
}

for dir in tests/cases/*/; do
	name=$(basename "$dir")
	cd "$top/$dir" || exit 1
	rm -f "$TMP/junit.xml"
	run policy.yaml cases.yaml --junit "$TMP/junit.xml" >"$TMP/got"
	[[ ${ZT_TEST_BLESS:-} ]] && cp "$TMP/got" expect
	is "$name" "$(diff expect "$TMP/got" | head -n 20)" ""
	is "$name fits 100 columns" "$(python3 -c 'import sys
for line in open(sys.argv[1], encoding="utf-8"):
    if len(line.rstrip("\n")) > 100 and not line.startswith("ztctl: "): print(line)' "$TMP/got")" ""
	# Bad input writes no results.
	if [[ $(tail -n 1 expect) == "exit 2" ]]; then
		is "$name: no JUnit" "$([[ -e $TMP/junit.xml ]]; echo $?)" 1
		continue
	fi
	junit_ok "$name: JUnit" "$TMP/junit.xml"
	"$ZTCTL" --json policy test policy.yaml cases.yaml >"$TMP/json" 2>&1
	is "$name: JSON" "$(python3 "$top/tests/golden/schema/check.py" policy-test <"$TMP/json" 2>&1)" ""
	is "$name: both count the same" "$(grep -c '<failure' "$TMP/junit.xml")" "$(jq .summary.failed "$TMP/json")"
done

cd "$top" || exit 1
for example in policies/cases/*.yaml; do
	is "$example holds" "$(run "policies/$(basename "$example")" "$example" | tail -n 1)" "exit 0"
done

# --- as one host ----------------------------------------------------------------------------
cd tests/cases/workloads || exit 1
printf 'cases:\n  - {from: {segment: a, unit: other.service}, to: b, port: tcp/1, expect: %s}\n' allow >"$TMP/b.yaml"
is "at the called end alone, which does not know the other's unit" "$(run policy.yaml "$TMP/b.yaml" --host b1 | tail -n 1)" "exit 0"
is "at both ends" "$(run policy.yaml "$TMP/b.yaml" | tail -n 1)" "exit 3"
is "no such host" "$(run policy.yaml cases.yaml --host nobody | tail -n 1)" "exit 2"
printf 'cases: []\n' >"$TMP/none.yaml"
is "no cases are no success" "$(run policy.yaml "$TMP/none.yaml" | tail -n 1)" "exit 2"
is "a file that is not there" "$(run policy.yaml "$TMP/nowhere.yaml" | tail -n 1)" "exit 2"
is "a policy that is broken" "$(run cases.yaml cases.yaml | tail -n 1)" "exit 2"
printf 'cases: [\0]\n' >"$TMP/nul.yaml"
is "NUL bytes" "$(run policy.yaml "$TMP/nul.yaml" | tail -n 1)" "exit 2"
head -c 5000000 /dev/zero | tr '\0' ' ' >"$TMP/big.yaml"
is "5 MB of cases" "$(run policy.yaml "$TMP/big.yaml" | tail -n 1)" "exit 2"
is "JUnit where nothing can be written" "$(run policy.yaml cases.yaml --junit "$TMP/none/junit.xml" | tail -n 1)" "exit 1"
if [[ $(id -u) = 0 ]]; then
	chmod 755 "$TMP"
	cp "$ZTCTL" "$TMP/ztctl"
	cp policy.yaml cases.yaml "$TMP"
	is "without root" "$(setpriv --reuid 65534 --regid 65534 --clear-groups "$TMP/ztctl" policy test \
		"$TMP/policy.yaml" "$TMP/cases.yaml" >/dev/null 2>&1; echo $?)" 0
fi
exit $failed
