/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view.h - what `ztctl top` shows, as lines of text: a reply and a state in, lines out.
 *
 * No terminal here, so that a test can hold it to exact lines and --batch prints the same.
 * Names in a reply are hostile: every line is escaped and cut to the width.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "ctl/render/style.h"

#define ZTC_TOP_COLUMNS_MAX 250
#define ZTC_TOP_LINES_MAX   200
#define ZTC_TOP_COLUMNS_MIN 60
#define ZTC_TOP_LINES_MIN   12
#define ZTC_TOP_FIND_LEN    64

enum ztc_top_pane {
	ZTC_TOP_EDGES, /* with the last few violations below */
	ZTC_TOP_VIOLATIONS,
	ZTC_TOP_LOSSES,
	ZTC_TOP_HELP,
	ZTC_TOP_PANES,
};

/**
 * struct ztc_top_state - what the person at the terminal has chosen.
 * @columns, @lines: of the screen; less than the smallest shows one line that says so.
 * @now_s:  for ages [seconds since 1970].
 * @first:  first row shown of the pane; corrected to what there is.
 * @find:   only rows that have this text in them; "" = all. @typing: it is being typed.
 * @all:    the link's housekeeping too, see ztc_housekeeping().
 * @batch:  no keys to tell of.
 * @trouble: why there is no fresh reply, or NULL.
 */
struct ztc_top_state {
	unsigned int columns, lines;
	int64_t now_s;
	enum ztc_top_pane pane;
	size_t first;
	bool paused, typing, all, batch;
	char find[ZTC_TOP_FIND_LEN];
	const char *trouble;
};

struct ztc_top_line {
	enum ztc_color color;
	bool bar; /* drawn in reverse: headings */
	char text[4 * ZTC_TOP_COLUMNS_MAX + 1];
};

/**
 * ztc_top_view - fill state->lines lines.
 * @reply: what the agent answered to `top`; NULL = nothing yet.
 * @lines: room for state->lines.
 *
 * Corrects state->first. Returns the number of lines that hold anything.
 */
size_t ztc_top_view(const json_t *reply, struct ztc_top_state *state, struct ztc_top_line *lines);
