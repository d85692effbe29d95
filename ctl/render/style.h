/* SPDX-License-Identifier: Apache-2.0 */
/*
 * style.h - how text for people looks here: width, colour, clock.
 *
 * A renderer takes JSON and a style and appends text; it does no I/O and asks
 * for no clock, so that a test can hold it to exact bytes.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define ZTC_WIDTH_MAX 100
#define ZTC_WIDTH_MIN 60

enum ztc_color {
	ZTC_PLAIN,
	ZTC_BOLD,
	ZTC_DIM,
	ZTC_GOOD,
	ZTC_WARN,
	ZTC_BAD,
	ZTC_COLOR_COUNT,
};

/**
 * struct ztc_style - borrowed by every renderer.
 * @width: columns, ZTC_WIDTH_MIN to ZTC_WIDTH_MAX.
 * @color: emit SGR sequences.
 * @all:   show the link's housekeeping too (neighbour discovery and the like).
 * @now_s: the time that ages are counted from [seconds, Unix]; 0 = show times, not ages.
 */
struct ztc_style {
	unsigned int width;
	bool color;
	bool all;
	int64_t now_s;
};
