# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# lib.sh - what tests of the command line share: the program, a directory that goes with the test, and what a
# test says. Sourced first; the test is at the top of the tree then, and ends with exit "$failed".
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

ZTCTL=${ZTCTL:-${OUT:-build}/ztctl}
[[ -x $ZTCTL ]] || { echo "not ok ztctl is there - $ZTCTL is missing"; exit 1; }
ZTCTL=$(realpath "$ZTCTL")
TMP=$(mktemp -d) || exit 1
trap 'rm -rf "$TMP"' EXIT
failed=0

ok() { echo "ok $1"; }

not_ok() { # NAME WHY
	echo "not ok $1 - $2"
	failed=1
}

is() { # NAME GOT WANTED
	if [[ $2 == "$3" ]]; then ok "$1"; else not_ok "$1" "got '${2:0:400}', wanted '${3:0:400}'"; fi
}

ends() { # NAME STATUS COMMAND...: what it writes is in $TMP/out and $TMP/err
	local name=$1 want=$2 got
	shift 2
	"$@" >"$TMP/out" 2>"$TMP/err" </dev/null
	got=$?
	is "$name" "$got" "$want"
}

says() { # NAME WORDS: what the last command wrote, line ends aside
	if cat "$TMP/err" "$TMP/out" | tr -s ' \n' '  ' | grep -qF -e "$2"; then
		ok "$1"
	else
		not_ok "$1" "no '$2' in: $(head -c 400 "$TMP/err" "$TMP/out")"
	fi
}
