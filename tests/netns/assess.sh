# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# assess.sh - what tests of the assessment ask of its document. Sourced after lib.sh.

of() { # FILE CHECK [FILTER]: of that check; its result by default
	jq -r --arg id "ZTS-$2" "(.assessment // .).checks[] | select(.id == \$id) | ${3:-.result}" "$1"
}

told() { # FILE CHECK: its offenders, in English
	of "$1" "$2" '[.offenders[]? | "\(.resource) \(.text.en)"] | join("; ")'
}

# judge HOST FILE [OPTION...]: the host assessed beside its agent, under $TMP/profile.json.
judge() {
	local where=$1 out=$2
	shift 2
	ctlj "$where" assess --state-dir "$TMP/$where/state" --pin-dir "$TMP/$where/bpf/ztseg" --trust "$TMP/trust" \
		--profile "$TMP/profile.json" --netns own "$@" >"$out" 2>"$out.err"
}

judged() { # NAME FILE CHECK WANTED
	local got
	got=$(of "$2" "$3")
	if [[ $got == "$4" ]]; then
		ok "$3 $4: $1"
	else
		not_ok "$3 $4: $1" "$got: $(of "$2" "$3" '.reason.en + " | " + .observed.en')"
	fi
}
