/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - where a map comes from: the agent, its history on disk, saved files.
 *
 * All of these print what went wrong and return an exit status.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "ctl/cmd.h"
#include "ctl/map/map.h"

#define ZTC_STATE_DIR "/var/lib/ztseg" /* the agent's, unless it is told another */

/* A stretch of time [ms since 1970]; 0 = open at that end. */
struct ztc_span {
	int64_t from_ms, to_ms;
};

/**
 * ztc_when - a point in time as people write it.
 * @text:  "30m", "8h", "7d" (ago), "2026-11-14" (its midnight here), RFC 3339, "now".
 * @now_s: the present.
 * Returns 0 or -EINVAL.
 */
int ztc_when(const char *text, int64_t now_s, int64_t *ret_ms);

/* ztc_span_parse - "14d..7d"; an end may be left out. 0 or -EINVAL. */
int ztc_span_parse(const char *text, int64_t now_s, struct ztc_span *ret);

/**
 * struct ztc_source - where maps are asked for.
 * @history: file or state directory; NULL = the agent, and its history when none answers.
 * @filters: for the agent, borrowed; NULL = none. Set to NULL when the answer is unfiltered.
 */
struct ztc_source {
	struct ztc_ctx *ctx;
	struct ztc_pool *pool;
	const char *history;
	const json_t *filters;
};

/* ztc_source_ask - the map by address of a time, or of all that the agent has seen. */
int ztc_source_ask(struct ztc_source *source, const struct ztc_span *span, struct ztc_map **ret);

/* ztc_source_files - saved maps; of several one merged map. */
int ztc_source_files(struct ztc_pool *pool, char *const *paths, int count, struct ztc_map **ret);

/* ztc_map_history - the map by address that a database holds. 0 or -errno, @why set. */
int ztc_map_history(struct ztc_map **ret, struct ztc_pool *pool, const char *path,
		    const struct ztc_span *span, struct zt_strbuf *why);
