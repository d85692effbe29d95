/* SPDX-License-Identifier: Apache-2.0 */
/* css.c - takes report.css into the program as it is. */
#include "ctl/embed.h"
#include "ctl/report/html.h"

/* clang-format off */
__asm__(".pushsection .rodata\n"
	ZTC_EMBED("ztc_report_css", "ctl/report/report.css")
	".popsection\n");
/* clang-format on */
