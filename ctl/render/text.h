/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - numbers, times and hostile text as people read them on a terminal.
 *
 * Everything that came over the socket or out of the kernel is hostile: names
 * of processes, units and hosts are written by others. It reaches the terminal
 * through ztc_put() or a table cell, both of which escape.
 */
#pragma once
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "ctl/render/style.h"

#define ZTC_TEXT_LEN 64

/*
 * ztc_escaped - @text with control characters, bad UTF-8 and bidi marks made visible; free() it.
 * A backslash stays as it is: the agent has escaped what it sends already.
 */
char *ztc_escaped(const char *text);

/* ztc_width - columns that valid UTF-8 of @len bytes takes; wide characters take two. */
unsigned int ztc_width(const char *text, size_t len);

/**
 * ztc_break - where to end a line of at most @width columns.
 * @ret_skip: bytes to leave out after it (the space it was broken at).
 *
 * Breaks at a space or between wide characters, else behind one of / : , - @ or before .name, else
 * anywhere. Returns bytes, at least one character when @text is not empty.
 */
size_t ztc_break(const char *text, unsigned int width, size_t *ret_skip);

/* ztc_part - bytes of the first part of @text that ztc_break() keeps whole where it fits. */
size_t ztc_part(const char *text);

/* ztc_sgr - begin a colour; ztc_sgr(out, style, ZTC_PLAIN) ends it. Nothing without colour. */
void ztc_sgr(FILE *out, const struct ztc_style *style, enum ztc_color color);

/* ztc_put - printf, escaped, in a colour. */
__attribute__((format(printf, 4, 5))) void ztc_put(FILE *out, const struct ztc_style *style,
						   enum ztc_color color, const char *fmt, ...);

/* ztc_put_line - the same, and the line ends. */
__attribute__((format(printf, 4, 5))) void ztc_put_line(FILE *out, const struct ztc_style *style,
							enum ztc_color color, const char *fmt, ...);

/**
 * ztc_wrap - a paragraph, escaped, wrapped to style->width.
 * @first:  columns already written on the first line.
 * @indent: columns that later lines begin with.
 * Ends with a line feed.
 */
void ztc_wrap(FILE *out, const struct ztc_style *style, enum ztc_color color, unsigned int first,
	      unsigned int indent, const char *text);

/* ztc_lines - text of several lines, each escaped; ends with a line feed. */
void ztc_lines(FILE *out, const char *text);

/* Sizes and counts: "0 B", "1.2 kB" (decimal), "12,345", "3.4 M" from ten million on. */
void ztc_bytes(char ret[ZTC_TEXT_LEN], int64_t bytes);
void ztc_count(char ret[ZTC_TEXT_LEN], int64_t count);

/* ztc_duration - "5 s", "3 min", "2 h 10 min", "4 d 3 h". */
void ztc_duration(char ret[ZTC_TEXT_LEN], int64_t seconds);

/* ztc_plural - "1 flow", "1,234 flows". */
void ztc_plural(char ret[ZTC_TEXT_LEN], int64_t count, const char *one, const char *many);

/* ztc_time_parse - seconds of RFC 3339 UTC text, -1 when it is none. */
int64_t ztc_time_parse(const char *text);

/* ztc_ago - age of RFC 3339 @text: "now", "5 s ago", "in 3 min"; "-" without one. */
void ztc_ago(char ret[ZTC_TEXT_LEN], const char *text, const struct ztc_style *style);

/* ztc_age - the same in at most nine columns, for tables: "30s ago", "2h ago". */
void ztc_age(char ret[ZTC_TEXT_LEN], const char *text, const struct ztc_style *style);

/* ztc_times - "once", "12 times". */
void ztc_times(char ret[ZTC_TEXT_LEN], int64_t count);

/* ztc_clock - RFC 3339 @text as local "14:32:05", with the date when it is another day. */
void ztc_clock(char ret[ZTC_TEXT_LEN], const char *text, const struct ztc_style *style);

/* JSON members that may be absent: "" and 0 then. */
const char *ztc_str(const json_t *object, const char *key);
int64_t ztc_int(const json_t *object, const char *key);

/* ztc_append - printf behind what @line holds already; cut at @size. */
__attribute__((format(printf, 3, 4))) void ztc_append(char *line, size_t size, const char *fmt,
						      ...);
