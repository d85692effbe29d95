/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_map.c - ztctl map and map diff: who talks to whom, of one host or several, then and now. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "ctl/client.h"
#include "ctl/filters.h"
#include "ctl/map/source.h"
#include "ctl/render/map_parts.h"
#include "ctl/render/map_render.h"
#include "ctl/render/render.h"
#include "ctl/render/text.h"
#include "ctl/web/html.h"

#define LIMIT_MAX   1000000
#define COUNT_MAX   1000000000000ULL
#define DEPTH_MAX   64
#define FACTOR_MAX  1000000
#define FLOOR_BYTES 1000000
#define OUT_MODE    0644
#define CSV_EDGES   16384

enum format {
	AS_TEXT,
	AS_TREE,
	AS_JSON,
	AS_CSV,
	AS_DOT,
	AS_MERMAID,
	AS_HTML
};

/* What a command line asks for. */
struct wish {
	struct ztc_ctx *ctx;
	const struct ztc_line *line;
	struct ztc_map_by by;
	struct ztc_map_filter filter;
	json_t *args; /* the filters that an agent knows */
	struct ztc_span span;
	uint64_t depth, limit;
	enum format format;
	const char *out, *lang;
};

static void free_wish(struct wish *w)
{
	json_decref(w->args);
}

/* --- the command line ---------------------------------------------------------------------------
 */

static int read_format(struct wish *w)
{
	static const struct {
		const char *option;
		enum format format;
	} formats[] = {{"tree", AS_TREE},
		       {"csv", AS_CSV},
		       {"dot", AS_DOT},
		       {"mermaid", AS_MERMAID},
		       {"html", AS_HTML}};
	const char *chosen = w->ctx->json ? "json" : NULL;

	w->format = w->ctx->json ? AS_JSON : AS_TEXT;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (!ztc_value(w->line, formats[i].option))
			continue;
		if (chosen)
			return ztc_fail(ZTC_EXIT_USAGE, "--%s and --%s are two answers: take one",
					chosen, formats[i].option);
		chosen = formats[i].option;
		w->format = formats[i].format;
	}
	w->lang = ztc_value(w->line, "lang");
	if (w->lang && w->format != AS_HTML)
		return ztc_fail(ZTC_EXIT_USAGE, "--lang goes with --html");
	if (w->lang && ztc_html_lang(w->lang) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "--lang takes en or zh-TW, not '%s'", w->lang);
	w->out = ztc_value(w->line, "out");
	return ZTC_EXIT_OK;
}

static int read_by(const struct ztc_line *line, struct ztc_map_by *ret)
{
	const char *text = ztc_value(line, "by");

	if (ztc_map_by_parse(text ? text : "host", ret) < 0)
		return ztc_fail(ZTC_EXIT_USAGE,
				"--by takes host, segment, label:KEY, workload, process or "
				"address, not '%s'",
				text);
	return ZTC_EXIT_OK;
}

static int read_span(const struct ztc_ctx *ctx, const struct ztc_line *line, struct ztc_span *ret)
{
	const char *since = ztc_value(line, "since"), *until = ztc_value(line, "until");

	if (since && ztc_when(since, ctx->style.now_s, &ret->from_ms) < 0)
		return ztc_fail(ZTC_EXIT_USAGE,
				"--since takes a time such as 30m, 8h, 7d, 2026-11-14 or "
				"2026-11-14T08:00:00Z, not '%s'",
				since);
	if (until && ztc_when(until, ctx->style.now_s, &ret->to_ms) < 0)
		return ztc_fail(ZTC_EXIT_USAGE,
				"--until takes a time such as 30m, 8h, 7d, 2026-11-14, "
				"2026-11-14T08:00:00Z or now, not '%s'",
				until);
	if (ret->to_ms && ret->to_ms <= ret->from_ms)
		return ztc_fail(ZTC_EXIT_USAGE, "--until is not after --since");
	return ZTC_EXIT_OK;
}

static int read_number(const struct ztc_line *line, const char *name, uint64_t max, uint64_t *ret)
{
	const char *text = ztc_value(line, name);

	if (text && ztc_parse_count(text, max, ret) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "--%s takes a number from 1 to %llu, not '%s'",
				name, (unsigned long long)max, text);
	return ZTC_EXIT_OK;
}

/* The same filters twice: for an agent, and for maps that were asked for without them. */
static void fill_filter(struct wish *w)
{
	struct ztc_map_filter *f = &w->filter;
	const json_t *port = json_object_get(w->args, "port");

	f->segment = ztc_value(w->line, "segment");
	f->host = ztc_value(w->line, "host");
	f->owner = ztc_value(w->line, "owner");
	f->proto = ztc_value(w->line, "proto");
	f->verdict = ztc_value(w->line, "verdict");
	f->encryption = ztc_value(w->line, "encryption");
	f->port = port ? (int)json_integer_value(port) : -1;
}

static int read_label(struct wish *w)
{
	const char *label = ztc_value(w->line, "label"), *equals;

	if (!label)
		return ZTC_EXIT_OK;
	equals = strchr(label, '=');
	if (!*label || equals == label)
		return ztc_fail(ZTC_EXIT_USAGE, "--label takes KEY=VALUE or KEY, not '%s'", label);
	w->filter.label_key = label;
	if (equals) {
		/* Arguments are ours to write to. */
		*(char *)equals = '\0';
		w->filter.label_value = equals + 1;
	}
	return ZTC_EXIT_OK;
}

static int read_wish(struct wish *w)
{
	int status = ztc_filters(w->line, w->args);

	w->ctx->style.all = ztc_value(w->line, "all") != NULL;
	json_object_del(w->args, "limit");
	if (!status)
		status = ztc_filter_encryption(w->line, w->args);
	if (!status)
		status = read_by(w->line, &w->by);
	if (!status)
		status = read_span(w->ctx, w->line, &w->span);
	if (!status)
		status = read_number(w->line, "limit", LIMIT_MAX, &w->limit);
	if (!status)
		status = read_number(w->line, "depth", DEPTH_MAX, &w->depth);
	if (!status)
		status = read_number(w->line, "min-connections", COUNT_MAX,
				     &w->filter.min_connections);
	if (status)
		return status;
	fill_filter(w);
	if (w->depth && w->format != AS_TREE && !w->filter.segment && !w->filter.host)
		return ztc_fail(ZTC_EXIT_USAGE, "--depth needs --segment or --host to begin at");
	return read_label(w);
}

/* --- one map, as it is wanted
 * ---------------------------------------------------------------------- */

/*
 * Filters that look at addresses come before grouping, numbers after it. What lies around a
 * segment or host is walked on the grouped map: steps go through hosts, not through addresses.
 */
static int shape(struct wish *w, struct ztc_map *from, bool filtered, struct ztc_map **ret)
{
	struct ztc_map_filter first = w->filter, last = {.port = -1};
	zt_auto(ztc_map_free) struct ztc_map *map = NULL;
	int r = 0;

	last.min_connections = first.min_connections;
	first.min_connections = 0;
	if (filtered)
		first = (struct ztc_map_filter){
			.port = -1, .label_key = first.label_key, .label_value = first.label_value};
	if (w->depth)
		first.segment = first.host = NULL;
	r = ztc_map_keep(from, &first);
	if (r == 0 && strcmp(from->by, "address") != 0 &&
	    (ztc_value(w->line, "by") || w->line->argc > 1))
		return ztc_fail(ZTC_EXIT_USAGE,
				"this map was saved grouped by %s and cannot be grouped otherwise: "
				"save it with 'ztctl --json map --by address'",
				from->by);
	if (r == 0 && strcmp(from->by, "address") == 0)
		r = ztc_map_group(&map, from, &w->by);
	if (r == 0 && w->depth && (w->filter.segment || w->filter.host))
		r = ztc_map_around(map ? map : from, w->filter.segment, w->filter.host,
				   (unsigned int)w->depth);
	if (r == 0 && last.min_connections)
		r = ztc_map_keep(map ? map : from, &last);
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	if (w->limit)
		ztc_map_limit(map ? map : from, w->limit);
	*ret = zt_take(map);
	return ZTC_EXIT_OK;
}

/* --- answers
 * ------------------------------------------------------------------------------------------ */

/* Where a tree of calls begins: in the segment or at the host that was asked about. */
static bool is_root(void *data, const json_t *node)
{
	const struct ztc_map_filter *f = data;
	json_t *name;
	size_t i;

	if (f->host)
		return strcmp(ztc_str(node, "name"), f->host) == 0 ||
		       strcmp(ztc_str(node, "host"), f->host) == 0;
	json_array_foreach (json_object_get(node, "segments"), i, name) {
		if (json_is_string(name) && strcmp(json_string_value(name), f->segment) == 0)
			return true;
	}
	return false;
}

/* As somebody would type it again, for the foot of a printed page. */
static char *typed(const struct ztc_line *line)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;

	zt_strbuf_printf(&text, "ztctl %s", line->cmd->name);
	for (size_t i = 0; line->cmd->opts[i].name; i++) {
		if (line->values[i])
			zt_strbuf_printf(&text, " --%s%s%s", line->cmd->opts[i].name,
					 *line->values[i] ? " " : "", line->values[i]);
	}
	for (int i = 0; i < line->argc; i++)
		zt_strbuf_printf(&text, " %s", line->argv[i]);
	return zt_strbuf_steal(&text);
}

/* Edges as JSON take room: where a line is all that becomes of each, a few at a time. */
static int render_csv(struct wish *w, FILE *out, const struct ztc_map *map)
{
	struct ztc_map head = *map;
	zt_auto(zt_json_decref) json_t *whole = NULL;
	int r;

	head.edge_count = 0;
	whole = ztc_map_json(&head);
	r = whole ? ztc_render_csv(out, whole, &w->ctx->style) : -ENOMEM;
	for (size_t i = 0; i < map->edge_count && r == 0; i += CSV_EDGES) {
		size_t left = map->edge_count - i;
		zt_auto(zt_json_decref) json_t *part =
			ztc_map_slice(map, i, left < CSV_EDGES ? left : CSV_EDGES,
				      json_object_get(whole, "nodes"));

		r = part ? ztc_render_csv_rows(out, part, &w->ctx->style) : -ENOMEM;
	}
	return r;
}

static int render(struct wish *w, FILE *out, const json_t *map)
{
	const struct ztc_tree tree = {
		.depth = (unsigned int)w->depth,
		.is_root = w->filter.segment || w->filter.host ? is_root : NULL,
		.data = &w->filter,
	};
	zt_auto(zt_freep) char *command = NULL;
	struct ztc_html_options html = {.lang = w->lang};

	switch (w->format) {
	case AS_TREE:
		return ztc_render_tree(out, map, &w->ctx->style, &tree);
	case AS_DOT:
		return ztc_render_dot(out, map, &w->ctx->style);
	case AS_MERMAID:
		return ztc_render_mermaid(out, map, &w->ctx->style);
	case AS_HTML:
		html.command = command = typed(w->line);
		return ztc_render_html(out, map, &html);
	default:
		return ztc_render_map(out, map, &w->ctx->style);
	}
}

static int cannot(int r)
{
	return ztc_fail(ZTC_EXIT_FAILED, "cannot write the answer: %s", strerror(-r));
}

/* To --out as a whole or not at all, else to standard output. */
static int deliver(const char *path, int (*write)(void *data, FILE *out), void *data)
{
	zt_auto(zt_freep) char *text = NULL;
	size_t size;
	FILE *out = path ? open_memstream(&text, &size) : stdout;
	int r;

	if (!out)
		return cannot(-ENOMEM);
	r = write(data, out);
	if (!path)
		return r < 0 ? cannot(r) : ZTC_EXIT_OK;
	if (fclose(out) != 0 && r == 0)
		r = -ENOMEM;
	if (r < 0)
		return cannot(r);
	r = zt_file_replace(path, text, size, OUT_MODE);
	return r < 0 ? ztc_fail(ZTC_EXIT_FAILED, "cannot write '%s': %s", path, strerror(-r))
		     : ZTC_EXIT_OK;
}

struct delivery {
	struct wish *wish;
	struct ztc_map *map;
	const json_t *json; /* of a diff */
};

static int write_map(void *data, FILE *out)
{
	struct delivery *d = data;
	struct wish *w = d->wish;
	zt_auto(zt_json_decref) json_t *json = NULL;
	bool chosen = json_object_size(w->args) || w->filter.label_key ||
		      w->filter.min_connections || w->depth;

	if (w->format == AS_JSON)
		return ztc_map_write(d->map, out);
	/* The page draws all that it is given. */
	if (w->format == AS_HTML && !w->ctx->style.all && ztc_map_quiet(d->map) < 0)
		return -ENOMEM;
	if (w->format == AS_CSV)
		return render_csv(w, out, d->map);
	if ((w->format == AS_TEXT || w->format == AS_TREE) && chosen && !d->map->edge_count) {
		fputs("No edges match.\n", out);
		return 0;
	}
	json = ztc_map_json(d->map);
	return json ? render(w, out, json) : -ENOMEM;
}

/* Nothing is asked for that only ztctl can do: the agent's own words go through. */
static bool as_it_is(const struct wish *w)
{
	static const enum ztc_map_kind own[] = {ZTC_BY_HOST, ZTC_BY_SEGMENT, ZTC_BY_ADDRESS};
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		known = known || w->by.kind == own[i];
	if (w->format != AS_JSON || w->out || w->line->argc || ztc_value(w->line, "history") ||
	    w->filter.label_key || w->filter.min_connections || w->depth || w->limit || !known)
		return false;
	return !w->span.from_ms && !w->span.to_ms && ztc_agent_alive(w->ctx);
}

static int pass_on(struct wish *w)
{
	static const char *const names[] = {
		[ZTC_BY_HOST] = "host", [ZTC_BY_SEGMENT] = "segment", [ZTC_BY_ADDRESS] = "address"};

	json_object_set_new(w->args, "by", json_string(names[w->by.kind]));
	return ztc_ask_and_print(w->ctx, "map", zt_take(w->args), ztc_render_map);
}

int ztc_run_map(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(free_wish) struct wish w = {.ctx = ctx, .line = line, .args = json_object()};
	zt_auto(ztc_pool_free) struct ztc_pool *pool = NULL;
	zt_auto(ztc_map_free) struct ztc_map *asked = NULL;
	zt_auto(ztc_map_free) struct ztc_map *map = NULL;
	struct ztc_source source = {.ctx = ctx, .history = ztc_value(line, "history")};
	struct delivery delivery = {.wish = &w};
	int status = read_format(&w);

	if (!status)
		status = read_wish(&w);
	if (!status && line->argc && (w.span.from_ms || w.span.to_ms || source.history))
		status = ztc_fail(ZTC_EXIT_USAGE,
				  "a saved map has the time it was saved with: no --since, --until "
				  "or --history with files");
	if (status)
		return status;
	if (as_it_is(&w))
		return pass_on(&w);
	if (ztc_pool_new(&pool) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	source.pool = pool;
	/* Around a segment or host other edges count than theirs alone. */
	source.filters = w.args;
	if (w.depth) {
		json_object_del(w.args, "segment");
		json_object_del(w.args, "host");
	}
	if (line->argc)
		status = ztc_source_files(pool, line->argv, line->argc, &asked);
	else
		status = ztc_source_ask(&source, &w.span, &asked);
	if (!status)
		status = shape(&w, asked, !line->argc && source.filters, &map);
	if (status)
		return status;
	delivery.map = map ? map : asked;
	return deliver(w.out, write_map, &delivery);
}

/* --- map diff
 * ------------------------------------------------------------------------------------------ */

static int read_how(struct ztc_ctx *ctx, const struct ztc_line *line, struct ztc_diff_how *how)
{
	static const struct {
		char unit;
		uint64_t bytes;
	} units[] = {{'k', 1000}, {'M', 1000000}, {'G', 1000000000}};
	const char *factor = ztc_value(line, "factor"), *floor = ztc_value(line, "floor");
	char *end = NULL;
	uint64_t unit = 1;

	*how = (struct ztc_diff_how){.factor = 2, .floor_bytes = FLOOR_BYTES};
	how->all = ctx->style.all = ztc_value(line, "all") != NULL;
	if (factor) {
		how->factor = strtod(factor, &end);
		if (end == factor || *end || !(how->factor > 1) || how->factor > FACTOR_MAX)
			return ztc_fail(
				ZTC_EXIT_USAGE,
				"--factor takes a number above 1, such as 2 or 1.5, not '%s'",
				factor);
	}
	if (!floor)
		return ZTC_EXIT_OK;
	how->floor_bytes = strtoull(floor, &end, 10);
	for (size_t i = 0; i < ARRAY_SIZE(units) && end != floor; i++) {
		if (*end != units[i].unit || end[1])
			continue;
		unit = units[i].bytes;
		end++;
	}
	if (end == floor || *end || *floor == '-' || how->floor_bytes > COUNT_MAX)
		return ztc_fail(ZTC_EXIT_USAGE,
				"--floor takes bytes, such as 50000, 500k or 2M, not '%s'", floor);
	how->floor_bytes *= unit;
	return ZTC_EXIT_OK;
}

/* A file, else a time. */
static int take_side(struct ztc_source *source, char *text, const struct ztc_map_by *by,
		     struct ztc_map **ret)
{
	zt_auto(ztc_map_free) struct ztc_map *map = NULL;
	struct ztc_span span;
	int status;

	if (strstr(text, "..") && ztc_span_parse(text, source->ctx->style.now_s, &span) == 0)
		status = ztc_source_ask(source, &span, &map);
	else
		status = ztc_source_files(source->pool, &text, 1, &map);
	if (status)
		return status;
	if (strcmp(map->by, "address") != 0)
		return ztc_fail(ZTC_EXIT_USAGE,
				"'%s' was saved grouped by %s: maps to be compared are saved by "
				"'ztctl --json map --by address'",
				text, map->by);
	if (ztc_map_group(ret, map, by) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	(*ret)->origin = map->origin;
	return ZTC_EXIT_OK;
}

static int write_diff(void *data, FILE *out)
{
	struct delivery *d = data;
	struct wish *w = d->wish;

	if (w->format == AS_JSON)
		return json_dumpf(d->json, out, JSON_INDENT(2)) < 0 || fputc('\n', out) == EOF
			       ? -EIO
			       : 0;
	return w->format == AS_CSV ? ztc_render_diff_csv(out, d->json, &w->ctx->style)
				   : ztc_render_diff(out, d->json, &w->ctx->style);
}

int ztc_run_map_diff(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	struct wish w = {.ctx = ctx, .line = line, .out = ztc_value(line, "out")};
	zt_auto(ztc_pool_free) struct ztc_pool *pool = NULL;
	zt_auto(ztc_map_free) struct ztc_map *a = NULL;
	zt_auto(ztc_map_free) struct ztc_map *b = NULL;
	zt_auto(zt_json_decref) json_t *diff = NULL;
	struct ztc_source source = {.ctx = ctx, .history = ztc_value(line, "history")};
	struct delivery delivery = {.wish = &w};
	struct ztc_diff_how how;
	int status = read_how(ctx, line, &how);

	if (!status)
		status = read_by(line, &w.by);
	if (!status && ctx->json && ztc_value(line, "csv"))
		status = ztc_fail(ZTC_EXIT_USAGE, "--json and --csv are two answers: take one");
	if (!status && ztc_pool_new(&pool) < 0)
		status = ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	source.pool = pool;
	if (!status)
		status = take_side(&source, line->argv[0], &w.by, &a);
	if (!status)
		status = take_side(&source, line->argv[1], &w.by, &b);
	if (status)
		return status;
	if (ztc_map_diff(&diff, a, b, &how) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	w.format = ctx->json ? AS_JSON : ztc_value(line, "csv") ? AS_CSV : AS_TEXT;
	delivery.json = diff;
	status = deliver(w.out, write_diff, &delivery);
	if (!status && ztc_value(line, "fail") &&
	    json_is_true(json_object_get(json_object_get(diff, "summary"), "fails")))
		return ZTC_EXIT_NO;
	return status;
}
