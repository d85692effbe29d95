/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.h - the parts of the HTML map that are the same in every file, linked into ztctl.
 */
#pragma once
#include <stdint.h>

/*
 * The bytes of each, which end without NUL, and how many they are. The sources are
 * ctl/web/page.html, page.css and js/, in the order that page.c gives.
 */
extern const char ztc_page_html[];
extern const uint64_t ztc_page_html_len;
extern const char ztc_page_css[];
extern const uint64_t ztc_page_css_len;
extern const char ztc_page_js[];
extern const uint64_t ztc_page_js_len;
