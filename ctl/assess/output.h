/* SPDX-License-Identifier: Apache-2.0 */
/* output.h - one document, written as it was asked for. */
#pragma once
#include <jansson.h>

#include "ctl/cmd.h"

/* Options of assess and assess show that say how the result is written. */
#define ZTC_OUTPUT_OPTS                                                                            \
	{"verbose", NULL, "every check with its reason (also -v)"},                                \
		{"html", NULL, "as one page that needs no network and prints to A4"},              \
		{"map", "FILE", "with --html: draw this saved map"},                               \
		{"oscal", NULL, "as OSCAL assessment results"},                                    \
		{"sarif", NULL, "as SARIF: what fails or passes in part"},                         \
		{"sarif-all", NULL, "as SARIF, every check"}, {"junit", NULL, "as JUnit XML"},     \
		{"csv", NULL, "as CSV, one check a line"},                                         \
		{"prometheus", NULL, "for the textfile collector of Prometheus' node_exporter"},   \
		{"out", "FILE", "write it to FILE"},                                               \
	{                                                                                          \
		"lang", "LANG", "en or zh-TW (default: by the locale)"                             \
	}

/* ztc_output_check - at most one format, and a language that exists. An exit status. */
int ztc_output_check(const struct ztc_ctx *ctx, const struct ztc_line *line);

/**
 * ztc_output - write @doc to --out or stdout.
 * @map: for the picture in HTML, or NULL.
 *
 * Returns an exit status, ZTC_ASSESS_FAILED with the reason printed.
 */
int ztc_output(const struct ztc_ctx *ctx, const struct ztc_line *line, const json_t *doc,
	       const json_t *map);

/* ztc_output_html - was HTML asked for? Then a map is worth asking the agent for. */
bool ztc_output_html(const struct ztc_line *line);

/* ztc_write_file - @doc in canonical form, replacing the file whole; mode 0600. 0 or -errno. */
int ztc_write_file(const char *path, const json_t *doc);
