/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.h - how the evidence on disk fares, as lines of a status page.
 */
#pragma once
#include <jansson.h>
#include <stdio.h>

#include "ctl/render/style.h"

#define ZTC_HISTORY_LINES 5
#define ZTC_HISTORY_LEN	  512

struct ztc_history_line {
	enum ztc_color color;
	char text[ZTC_HISTORY_LEN];
};

/* ztc_history_lines - what there is to say; returns how many lines, 0 for null. */
size_t ztc_history_lines(const json_t *history, const struct ztc_style *style,
			 struct ztc_history_line ret[ZTC_HISTORY_LINES]);
