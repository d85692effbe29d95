/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html.h - the dependency map as one HTML file that needs nothing else.
 *
 * The file holds the page, its style, its script and the map; it never asks a network for
 * anything and runs nothing but its own script. What is in the map stays text there, whatever
 * it contains.
 */
#pragma once
#include <jansson.h>
#include <stdio.h>

/**
 * struct ztc_html_options - how the page opens.
 * @lang: "en" or "zh-TW"; NULL is "en". Both are in every file, and the page can switch.
 * @command: what made the map, as typed, for the title of a printed page; NULL leaves it out.
 * @made: when, RFC 3339; NULL is the end of the map's window.
 */
struct ztc_html_options {
	const char *lang;
	const char *command;
	const char *made;
};

/**
 * ztc_html_lang - whether the page speaks @lang.
 *
 * Returns 0 or -ENOENT.
 */
int ztc_html_lang(const char *lang);

/**
 * ztc_render_html - write the page for one map.
 * @out: what it is written to; not flushed, not closed.
 * @map: the result of `map` as docs/json.md has it, grouped by anything; borrowed, not changed.
 *	Members that are missing are shown as not known. Histograms of round-trip times are left
 *	out of the file, percentiles are kept.
 * @options: may be NULL.
 *
 * Returns 0; -EINVAL when @map has no edges or nodes, or the language is unknown; -ENOMEM; -EIO
 * when @out took less than all of it.
 */
int ztc_render_html(FILE *out, const json_t *map, const struct ztc_html_options *options);
