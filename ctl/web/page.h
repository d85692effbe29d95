/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.h - the parts of the HTML map that are the same in every file, linked into ztctl.
 */
#pragma once

/*
 * Each begins at its own symbol and ends where the next begins; none ends with NUL.
 * The sources are ctl/web/page.html, page.css and js/, in the order that page.c gives.
 */
extern const char ztc_page_html[];
extern const char ztc_page_css[];
extern const char ztc_page_js[];
extern const char ztc_page_end[];
