/* SPDX-License-Identifier: Apache-2.0 */
/*
 * css.c - takes report.css into the program as it is; the Makefile names it as what this object
 * depends on.
 */
#include "ctl/report/html.h"

/* clang-format off */
__asm__(".pushsection .rodata\n"
	".global ztc_report_css\nztc_report_css:\n"
	".incbin \"ctl/report/report.css\"\n"
	"ztc_report_css_end: .byte 0\n"
	".balign 8\n"
	".global ztc_report_css_len\nztc_report_css_len:\n"
	".quad ztc_report_css_end - ztc_report_css\n"
	".popsection\n");
/* clang-format on */
