#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# assess_language - the language of the assessment's commands: locale, --lang, their help in Chinese;
# manual page and completion stay English.
# shellcheck source=tests/golden/lib.sh
. "$(dirname "$0")/lib.sh"
unset LANGUAGE LC_MESSAGES LANG
export LC_ALL=C.UTF-8

# --- every word of the table is translated ---------------------------------------------------------
"$ZTCTL" --generate=msgids | msguniq -o "$TMP/table.pot"
is "the table's words are listed" "$(($(grep -c '^msgid' "$TMP/table.pot") > 40))" 1
msgcat --use-first -o "$TMP/have.po" po/zh_TW/*.po
msgmerge -q --no-fuzzy-matching -o "$TMP/all.po" "$TMP/have.po" "$TMP/table.pot"
is "each has a translation" "$(msgattrib --untranslated --no-obsolete --no-wrap "$TMP/all.po" |
	grep '^msgid "..*"$' | head -n 3)" ""
is "none is doubtful" "$(msgattrib --only-fuzzy "$TMP/have.po")" ""

# --- help ---------------------------------------------------------------------------------------------
mapfile -t commands < <("$ZTCTL" --generate=completion | sed -n "s/^\t'\(.*\)') words='.*/\1/p" |
	grep -E '^(assess|probe|receipt|evidence|waiver|attest|review|drill|prioritize)' | sort -u)
is "commands of the assessment" "$((${#commands[@]} >= 20))" 1
for command in "${commands[@]}"; do
	# shellcheck disable=SC2086
	LC_ALL=zh_TW.UTF-8 "$ZTCTL" $command --help >"$TMP/help" 2>"$TMP/err"
	is "$command --help in Chinese" "$? $(head -c 9 "$TMP/help") $(<"$TMP/err")" "0 用法： "
	is "$command: no line wider than 80 columns" "$(python3 - "$TMP/help" <<-'PY'
	import sys, unicodedata
	wide = lambda c: 2 if unicodedata.east_asian_width(c) in "WF" else 1
	print([l for l in open(sys.argv[1], encoding="utf-8").read().split("\n") if sum(map(wide, l)) > 80][:2])
	PY
	)" "[]"
	# shellcheck disable=SC2086
	"$ZTCTL" $command --help >"$TMP/english" 2>&1
	is "$command: the same options" "$(grep -oE '^ +(-., )?--[a-z-]+' "$TMP/help" | grep -oE -- '--[a-z-]+' | sort -u)" \
		"$(grep -oE '^ +(-., )?(-.,? )?--[a-z-]+' "$TMP/english" | grep -oE -- '--[a-z-]+' | grep -v -- --usage | sort -u)"
done
is "help of other commands stays" "$(LC_ALL=zh_TW.UTF-8 "$ZTCTL" status --help | head -c 6)" "Usage:"

# --- which language -------------------------------------------------------------------------------------
says() { says_in LC_ALL=C.UTF-8 "$@"; }
says_in() { # VARIABLE=VALUE COMMAND...
	env "$1" "$ZTCTL" "${@:2}" --help | head -n 1 | cut -d' ' -f1
}
installed=$TMP/prefix # another one than the build was made for
mkdir -p "$installed/bin" "$installed/share"
cp "$ZTCTL" "$installed/bin/ztctl"
cp -r "$(dirname "$ZTCTL")/locale" "$installed/share/locale"
is "installed anywhere, its catalogue is found" "$("$installed/bin/ztctl" assess --lang zh-TW --help | head -n 1 | cut -d' ' -f1)" "用法："
is "--lang=zh-TW" "$(says assess --lang=zh-TW)" "用法："
is "--lang zh-TW" "$(says assess --lang zh-TW)" "用法："
is "--lang zh_TW" "$(says assess --lang zh_TW)" "用法："
is "--lang en over the locale" "$(says_in LC_ALL=zh_TW.UTF-8 assess --lang en)" "Usage:"
is "LANGUAGE before LC_ALL" "$(says_in LANGUAGE=zh_TW assess)" "用法："
is "LANG alone" "$(unset LC_ALL; says_in LANG=zh_TW.UTF-8 assess)" "用法："
is "another language is English" "$(says_in LC_ALL=zh_CN.UTF-8 assess)" "Usage:"
is "LC_ALL before LANG" "$(says_in LANG=zh_TW.UTF-8 assess)" "Usage:"
"$ZTCTL" assess --lang klingon >"$TMP/out" 2>"$TMP/err"
is "no such language" "$? $(<"$TMP/out")$(<"$TMP/err")" "1 ztctl: --lang takes en or zh-TW, not 'klingon'"
"$ZTCTL" prioritize --lang klingon >"$TMP/out" 2>"$TMP/err"
is "the same of another command" "$? $(wc -l <"$TMP/err")" "2 1"
"$ZTCTL" assess --lang >"$TMP/out" 2>"$TMP/err"
is "--lang without a value" "$?" "1"

# --- what programs and the manual read stays English -----------------------------------------------------
for what in completion man; do
	is "$what does not follow the locale" "$(LC_ALL=zh_TW.UTF-8 LANGUAGE=zh_TW "$ZTCTL" --generate=$what | cksum)" \
		"$("$ZTCTL" --generate=$what | cksum)"
done
exit "$failed"
