/* SPDX-License-Identifier: Apache-2.0 */
/*
 * screen.h - the terminal of `ztctl top`: lines drawn, keys read. Wraps ncurses.
 */
#pragma once
#include "ctl/top/view.h"

struct ztc_screen;

enum ztc_key {
	ZTC_KEY_NONE, /* the time was over */
	ZTC_KEY_CHAR,
	ZTC_KEY_UP,
	ZTC_KEY_DOWN,
	ZTC_KEY_PAGE_UP,
	ZTC_KEY_PAGE_DOWN,
	ZTC_KEY_HOME,
	ZTC_KEY_ENTER,
	ZTC_KEY_ESCAPE,
	ZTC_KEY_ERASE,
	ZTC_KEY_RESIZED,
	ZTC_KEY_CLOSED, /* the terminal is gone */
};

/* ztc_screen_new - take over the terminal. 0, or -ENOTTY: stdin or stdout is none that it knows. */
int ztc_screen_new(struct ztc_screen **ret);
/* ztc_screen_free - give it back as it was. NULL is fine. */
void ztc_screen_free(struct ztc_screen **screen);

/* ztc_screen_size - columns and lines now, within the bounds of view.h. */
void ztc_screen_size(struct ztc_screen *screen, struct ztc_top_state *state);
void ztc_screen_draw(struct ztc_screen *screen, const struct ztc_top_line *lines, size_t count,
		     bool color);

/* ztc_screen_key - wait up to @wait_ms for a key; of ZTC_KEY_CHAR, *ret_char. */
enum ztc_key ztc_screen_key(struct ztc_screen *screen, int wait_ms, char *ret_char);
