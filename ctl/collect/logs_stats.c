// SPDX-License-Identifier: Apache-2.0
/*
 * logs_stats.c - counters of impstats: "name: origin=core.queue size=0 enqueued=9
 * discarded.full=0", or the same as JSON (rsyslog's documentation, "impstats").
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/strmap.h"
#include "ctl/collect/logs_stats.h"

#define TAIL_MAX  (1 << 20)
#define NAMES_MAX 512

/* One counter of one name: sums up what was before it began anew. */
struct counter {
	uint64_t last, before;
};

struct reading {
	struct zt_strmap *names;
	struct counter counters[NAMES_MAX];
	bool reset; /* every line counts from the one before */
	uint64_t lost, processed;
	unsigned int lines;
};

static void free_names(struct reading *rd)
{
	zt_strmap_free(&rd->names);
}

/* The number behind "key=" or "\"key\":"; false when the line has none. */
static bool value_of(const char *line, const char *key, uint64_t *ret)
{
	size_t len = strlen(key);

	for (const char *p = strstr(line, key); p; p = strstr(p + 1, key)) {
		const char *at = p + len;

		if (p == line || (p[-1] != ' ' && p[-1] != '"'))
			continue;
		at += *at == '"';
		at += strspn(at, " ");
		if (*at != '=' && *at != ':')
			continue;
		*ret = strtoull(at + 1, NULL, 10);
		return true;
	}
	return false;
}

/* Adds the counter's growth; a smaller number than before is a new beginning. */
static uint64_t growth(struct reading *rd, const char *line, const char *key, uint64_t value)
{
	const char *origin = strstr(line, "origin");
	const char *brace = strchr(line, '{'), *name = brace ? brace : line;
	char id[256];
	struct counter *c;
	uint32_t n;

	/* Without a brace the name stands between the date and ": origin"; all up to it will do,
	 * but the date. */
	if (!brace && origin) {
		const char *colon = origin;

		for (int colons = 0; colon > line && colons < 2; colon--)
			colons += colon[-1] == ':';
		name = colon + 1;
	}
	snprintf(id, sizeof(id), "%s %.*s", key,
		 (int)(origin && origin > name ? origin - name : 64), name);
	n = zt_strmap_intern(rd->names, id, strlen(id), NULL);
	if (n >= NAMES_MAX)
		return 0;
	c = &rd->counters[n];
	if (rd->reset || value < c->last) {
		c->last = value;
		return value;
	}
	value -= c->last;
	c->last += value;
	return value;
}

static void take_line(struct reading *rd, const char *line)
{
	static const char *const lost[] = {"failed", "discarded.full", "discarded.nf"};
	uint64_t value;
	bool any = false;

	if (!strstr(line, "origin"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(lost); i++) {
		if (!value_of(line, lost[i], &value))
			continue;
		rd->lost += growth(rd, line, lost[i], value);
		any = true;
	}
	if (strstr(line, "main Q") && value_of(line, "enqueued", &value)) {
		rd->processed += growth(rd, line, "enqueued", value);
		any = true;
	}
	rd->lines += any;
}

int ztc_stats_read(const struct ztc_env *env, const char *path, const json_t *params,
		   struct ztc_stats *ret)
{
	const char *reset = json_string_value(json_object_get(params, "resetcounters"));
	zt_auto(zt_fclosep) FILE *in = ztc_collect_open(env, path);
	zt_auto(zt_freep) struct reading *rd = calloc(1, sizeof(*rd));
	char line[4096];
	int r = rd ? zt_strmap_new(&rd->names) : -ENOMEM;

	*ret = (struct ztc_stats){0};
	if (r < 0)
		return r;
	if (!in) {
		r = -errno;
		free_names(rd);
		return r;
	}
	rd->reset = reset && strcasecmp(reset, "on") == 0;
	if (fseek(in, 0, SEEK_END) == 0 && ftell(in) > TAIL_MAX)
		fseek(in, -TAIL_MAX, SEEK_END);
	else
		rewind(in);
	while (fgets(line, sizeof(line), in))
		take_line(rd, line);
	*ret = (struct ztc_stats){rd->lost, rd->processed, rd->lines};
	free_names(rd);
	return 0;
}
