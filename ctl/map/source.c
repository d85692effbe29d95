/* SPDX-License-Identifier: Apache-2.0 */
/* source.c - where a map comes from: the agent, its history on disk, saved files. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/wire.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "ctl/client.h"
#include "ctl/map/source.h"
#include "ctl/render/text.h"
#include "history/history.h"

/* --- times ------------------------------------------------------------------------------------ */

static int parse_date(const char *text, int64_t *ret_ms)
{
	struct tm tm = {.tm_isdst = -1};
	const char *rest = strptime(text, "%Y-%m-%d", &tm);
	struct tm asked = tm;
	time_t at;

	if (!rest || *rest || strlen(text) != 10)
		return -EINVAL;
	at = mktime(&tm);
	/* The 31st of a month that has none becomes another day. */
	if (at <= 0 || tm.tm_mday != asked.tm_mday)
		return -EINVAL;
	*ret_ms = (int64_t)at * 1000;
	return 0;
}

int ztc_when(const char *text, int64_t now_s, int64_t *ret_ms)
{
	uint64_t ns;

	if (strcmp(text, "now") == 0) {
		*ret_ms = now_s * 1000;
		return 0;
	}
	if (zt_duration_parse(text, &ns) == 0) {
		*ret_ms = now_s * 1000 - (int64_t)(ns / ZT_NS_PER_MS);
		return *ret_ms > 0 ? 0 : -EINVAL;
	}
	if (zt_wall_parse(text, &ns) == 0) {
		*ret_ms = (int64_t)(ns / ZT_NS_PER_MS);
		return 0;
	}
	return parse_date(text, ret_ms);
}

int ztc_span_parse(const char *text, int64_t now_s, struct ztc_span *ret)
{
	const char *dots = strstr(text, "..");
	zt_auto(zt_freep) char *from = dots ? strndup(text, (size_t)(dots - text)) : NULL;

	*ret = (struct ztc_span){0};
	if (!from || (*from && ztc_when(from, now_s, &ret->from_ms) < 0) ||
	    (dots[2] && ztc_when(dots + 2, now_s, &ret->to_ms) < 0) || (!*from && !dots[2]))
		return -EINVAL;
	return ret->to_ms && ret->to_ms <= ret->from_ms ? -EINVAL : 0;
}

/* --- the agent ----------------------------------------------------------------------------------
 */

static void set_time(json_t *args, const char *key, int64_t ms)
{
	char text[ZT_TIME_TEXT_LEN];

	if (ms)
		json_object_set_new(args, key,
				    json_string(zt_wall_text((uint64_t)ms * ZT_NS_PER_MS, text)));
}

static int ask_agent(struct ztc_source *s, const struct ztc_span *span, struct ztc_map **ret)
{
	json_t *args = s->filters ? json_deep_copy(s->filters) : json_object();
	zt_auto(zt_strbuf_free) struct zt_strbuf why = ZT_STRBUF_INIT;
	zt_auto(zt_freep) char *text = NULL;
	size_t len;
	int r;

	json_object_set_new(args, "by", json_string("address"));
	set_time(args, "since", span->from_ms);
	set_time(args, "until", span->to_ms);
	r = ztc_ask_text(s->ctx, "map", args, &text, &len);
	if (r)
		return r;
	r = ztc_map_read(ret, s->pool, text, len, "the agent's answer", &why);
	return r < 0 ? ztc_fail(ZTC_EXIT_FAILED, "%s",
				r == -ENOMEM ? "out of memory" : zt_strbuf_text(&why))
		     : ZTC_EXIT_OK;
}

/* --- the history
 * ---------------------------------------------------------------------------------- */

static int read_history(struct ztc_source *s, const char *path, const struct ztc_span *span,
			struct ztc_map **ret)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf why = ZT_STRBUF_INIT;
	zt_auto(zt_freep) char *file = NULL;
	struct stat st;
	int r;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		if (asprintf(&file, "%s/%s", path, ZT_HISTORY_FILE) < 0)
			file = NULL;
		path = file ? file : path;
	}
	r = ztc_map_history(ret, s->pool, path, span, &why);
	if (r == -ENOMEM)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	s->filters = NULL;
	return r < 0 ? ztc_fail(ZTC_EXIT_USAGE, "%s", zt_strbuf_text(&why)) : ZTC_EXIT_OK;
}

int ztc_source_ask(struct ztc_source *source, const struct ztc_span *span, struct ztc_map **ret)
{
	static const char fallback[] = ZTC_STATE_DIR "/" ZT_HISTORY_FILE;

	if (source->history)
		return read_history(source, source->history, span, ret);
	/* Somebody who names a socket means that agent. */
	if (strcmp(source->ctx->socket, ZT_WIRE_SOCKET) == 0 && !ztc_agent_alive(source->ctx) &&
	    access(fallback, R_OK) == 0) {
		fprintf(stderr, "ztctl: no agent answers; this is what %s has\n", fallback);
		return read_history(source, fallback, span, ret);
	}
	return ask_agent(source, span, ret);
}

/* --- files
 * ---------------------------------------------------------------------------------------- */

static void free_maps(struct ztc_map ***maps)
{
	for (struct ztc_map **m = *maps; m && *m; m++)
		ztc_map_free(m);
	free(*maps);
}

int ztc_source_files(struct ztc_pool *pool, char *const *paths, int count, struct ztc_map **ret)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf why = ZT_STRBUF_INIT;
	zt_auto(free_maps) struct ztc_map **maps = calloc((size_t)count + 1, sizeof(*maps));
	int r = maps ? 0 : -ENOMEM;

	for (int i = 0; i < count && r == 0; i++)
		r = ztc_map_load(&maps[i], pool, paths[i], &why);
	if (r == 0 && count == 1)
		*ret = zt_take(maps[0]);
	else if (r == 0)
		r = ztc_map_merge(ret, maps, (size_t)count, &why);
	if (r == -ENOMEM)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	return r < 0 ? ztc_fail(ZTC_EXIT_USAGE, "%s", zt_strbuf_text(&why)) : ZTC_EXIT_OK;
}
