# SPDX-License-Identifier: Apache-2.0
# style.awk - names functions longer than MAX lines and files longer than FMAX.
#
# awk -v MAX=60 -v FMAX=600 -f tests/style.awk $(git ls-files '*.[ch]')
# Kernel style only: a function's braces are the ones in the first column.
FNR == 1 {
	if (prev && n > FMAX)
		bad(prev, n, "file")
	prev = FILENAME
	open = 0
}
{ n = FNR }
/^[{]/ { open = FNR }
/^[}]/ {
	if (open && FNR - open - 1 > MAX)
		bad(FILENAME ":" open, FNR - open - 1, "function")
	open = 0
}
END {
	if (n > FMAX)
		bad(prev, n, "file")
	exit fail
}
function bad(where, lines, what) {
	printf "%s: %s is %d lines\n", where, what, lines
	fail = 1
}
