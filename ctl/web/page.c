/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.c - takes page.html, page.css and the scripts into the program as they are.
 *
 * The assembler reads them; paths are from the top of the tree, where make runs. The Makefile
 * names the same files as what this object depends on.
 */
#include "ctl/web/page.h"

#define FILE_IS(name)	    ".incbin \"ctl/web/" name "\"\n"
#define PART(symbol)	    ".global " symbol "\n" symbol ":\n"
#define LENGTH(symbol, end) PART(symbol "_len") ".quad " end " - " symbol "\n"

/* One script in one scope: what a file defines, the files after it use. */
/* clang-format off */
__asm__(".pushsection .rodata\n"
	PART("ztc_page_html") FILE_IS("page.html")
	PART("ztc_page_css") FILE_IS("page.css")
	PART("ztc_page_js") ".ascii \"\\\"use strict\\\";{\\n\"\n"
	FILE_IS("js/words_en.js")
	FILE_IS("js/words_zh_tw.js")
	FILE_IS("js/base.js")
	FILE_IS("js/model.js")
	FILE_IS("js/disagree.js")
	FILE_IS("js/group.js")
	FILE_IS("js/layout.js")
	FILE_IS("js/place.js")
	FILE_IS("js/marks.js")
	FILE_IS("js/graph.js")
	FILE_IS("js/lines.js")
	FILE_IS("js/table.js")
	FILE_IS("js/matrix.js")
	FILE_IS("js/detail.js")
	FILE_IS("js/filters.js")
	FILE_IS("js/keys.js")
	FILE_IS("js/print.js")
	FILE_IS("js/main.js")
	".ascii \"}\\n\"\n"
	"ztc_page_end: .byte 0\n"
	".balign 8\n"
	LENGTH("ztc_page_html", "ztc_page_css")
	LENGTH("ztc_page_css", "ztc_page_js")
	LENGTH("ztc_page_js", "ztc_page_end")
	".popsection\n");
/* clang-format on */
