/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_recommend.c - ztctl policy recommend: a least-privilege policy from what was recorded. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "ctl/client.h"
#include "ctl/local.h"
#include "ctl/map/source.h"
#include "ctl/recommend/recommend.h"
#include "ctl/render/render.h"
#include "ctl/render/text.h"

#define MAP_SIZE_MAX (1u << 30) /* bytes of a saved map */
#define COUNT_MAX    1000000000000ULL

/* "maps/web1.json" is web1's. */
static char *machine_of(const char *path)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

	return strndup(base, strcspn(base, "."));
}

static int bad_map(struct ztc_rec *rec, const char *path, int r)
{
	if (r == -ENOMEM)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	return ztc_fail(ZTC_EXIT_USAGE, "cannot use the map '%s': %s", path,
			zt_strbuf_text(&rec->why));
}

static int add_saved(struct ztc_rec *rec, const char *path)
{
	zt_auto(zt_freep) char *text = NULL;
	zt_auto(zt_freep) char *machine = machine_of(path);
	zt_auto(zt_json_decref) json_t *map = NULL;
	json_error_t error;
	size_t len;
	int r = zt_file_read(path, MAP_SIZE_MAX, &text, &len, NULL);

	if (r < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "cannot read '%s': %s", path, strerror(-r));
	map = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!map)
		return ztc_fail(ZTC_EXIT_USAGE, "'%s' is no saved map: line %d: %s", path,
				error.line, error.text);
	r = ztc_rec_add(rec, map, machine ?: "host");
	return r < 0 ? bad_map(rec, path, r) : ZTC_EXIT_OK;
}

/* What was recorded: all that the agent has seen, or a time of its history. */
static int ask_map(struct ztc_ctx *ctx, const struct ztc_line *line, json_t **ret_map)
{
	const char *since = ztc_value(line, "since"), *until = ztc_value(line, "until");
	zt_auto(ztc_pool_free) struct ztc_pool *pool = NULL;
	zt_auto(ztc_map_free) struct ztc_map *asked = NULL;
	zt_auto(ztc_map_free) struct ztc_map *map = NULL;
	const struct ztc_map_by by = {.kind = ZTC_BY_ADDRESS};
	struct ztc_source source = {.ctx = ctx, .history = ztc_value(line, "history")};
	struct ztc_span span = {0};
	int status;

	if (since && ztc_when(since, ctx->style.now_s, &span.from_ms) < 0)
		return ztc_fail(ZTC_EXIT_USAGE,
				"--since takes a time such as 8h, 7d or 2026-11-14, not '%s'",
				since);
	if (until && ztc_when(until, ctx->style.now_s, &span.to_ms) < 0)
		return ztc_fail(ZTC_EXIT_USAGE,
				"--until takes a time such as 8h, 7d, 2026-11-14 or now, not '%s'",
				until);
	if (span.to_ms && span.to_ms <= span.from_ms)
		return ztc_fail(ZTC_EXIT_USAGE, "--until is not after --since");
	if (ztc_pool_new(&pool) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	source.pool = pool;
	status = ztc_source_ask(&source, &span, &asked);
	if (status)
		return status;
	/* A history tells protocols apart; here they are one edge. */
	if (ztc_map_group(&map, asked, &by) == 0)
		*ret_map = ztc_map_json(map);
	return *ret_map ? ZTC_EXIT_OK : ztc_fail(ZTC_EXIT_FAILED, "out of memory");
}

/* That, and the inventory of the policy that the agent follows. */
static int ask_agent(struct ztc_ctx *ctx, const struct ztc_line *line, struct zt_policy **inventory,
		     json_t **ret_map)
{
	zt_auto(zt_json_decref) json_t *policy = NULL;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	const char *text;
	int status = ask_map(ctx, line, ret_map);

	/* A history needs no agent. */
	if (!status && !*inventory && (!ztc_value(line, "history") || ztc_agent_alive(ctx)))
		status = ztc_ask(ctx, "policy show", json_pack("{s:b}", "canonical", 1), &policy);
	text = ztc_str(policy, "text");
	/* Without a policy there is no inventory either. */
	if (!status && *text && *ztc_str(json_object_get(policy, "policy"), "name") &&
	    zt_policy_parse(inventory, "policy in force", text, strlen(text), &diag) < 0) {
		zt_diag_print(&diag, stderr);
		return ztc_fail(ZTC_EXIT_FAILED, "the agent's own policy does not read back");
	}
	return status;
}

static int print_text(FILE *out, const json_t *result, const struct ztc_style *style)
{
	(void)style;
	fputs(ztc_str(json_object_get(result, "recommend"), "text"), out);
	return 0;
}

static int finish(struct ztc_ctx *ctx, const struct ztc_line *line, struct ztc_rec *rec)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT, why = ZT_STRBUF_INIT;
	zt_auto(zt_json_decref) json_t *result = NULL;
	const char *out = ztc_value(line, "out");
	size_t denied = 0;
	int r = ztc_rec_make(rec);

	if (r == 0 && !rec->edge_count)
		return ztc_fail(ZTC_EXIT_FAILED,
				"nothing to recommend: no flow is left of what was "
				"recorded");
	if (r == 0)
		r = ztc_rec_write(rec, &text);
	if (r == 0)
		r = ztc_rec_verify(rec, zt_strbuf_text(&text), &denied, &why);
	if (r == -ENOMEM)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	if (r < 0 || denied)
		return ztc_fail(ZTC_EXIT_FAILED,
				"the recommendation does not hold and is not shown, please report "
				"it: %s",
				zt_strbuf_text(&why));
	result = ztc_rec_json(rec, zt_strbuf_text(&text));
	if (!result)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	if (out) {
		r = zt_file_replace(out, text.data, text.len, 0644);
		if (r < 0)
			return ztc_fail(ZTC_EXIT_FAILED, "cannot write '%s': %s", out,
					strerror(-r));
		if (!ctx->json) {
			printf("%s: %zu rules from %zu edges, none of which they deny\n", out,
			       rec->rule_count, rec->edge_count);
			return ZTC_EXIT_OK;
		}
	}
	return ztc_answer(ctx, result, print_text);
}

static int read_options(const struct ztc_line *line, struct ztc_rec *rec)
{
	const char *least = ztc_value(line, "min-connections"), *name = ztc_value(line, "name");
	size_t bad = name ? strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789-_.")
			  : 0;

	if (least && ztc_parse_count(least, COUNT_MAX, &rec->min_connections) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "--min-connections takes a number, not '%s'",
				least);
	if (name &&
	    (!*name || name[bad] || strlen(name) >= ZT_NAME_LEN || *name == '-' || *name == '.'))
		return ztc_fail(ZTC_EXIT_USAGE, "'%s' is not a name for a policy", name);
	rec->name = name;
	rec->only_host = ztc_value(line, "host");
	rec->exact = ztc_value(line, "exact") != NULL;
	rec->answered_only = ztc_value(line, "answered-only") != NULL;
	if (rec->only_host && rec->inventory && !zt_policy_host(rec->inventory, rec->only_host))
		return ztc_fail(ZTC_EXIT_USAGE, "the inventory has no host '%s'", rec->only_host);
	return ZTC_EXIT_OK;
}

int ztc_run_policy_recommend(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_policy_free) struct zt_policy *inventory = NULL;
	zt_auto(ztc_rec_free) struct ztc_rec rec = {0};
	zt_auto(zt_json_decref) json_t *map = NULL;
	const char *from = ztc_value(line, "from"), *path = ztc_value(line, "inventory");
	char machine[256] = "host";
	int r, status = path ? ztc_load_policy(path, &inventory) : ZTC_EXIT_OK;

	if (!status && !from && !line->argc)
		status = ask_agent(ctx, line, &inventory, &map);
	rec.inventory = inventory;
	if (!status)
		status = read_options(line, &rec);
	if (!status && ztc_rec_init(&rec) < 0)
		status = ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	if (!status && from)
		status = add_saved(&rec, from);
	for (int i = 0; i < line->argc && !status; i++)
		status = add_saved(&rec, line->argv[i]);
	if (!status && map) {
		gethostname(machine, sizeof(machine) - 1);
		machine[strcspn(machine, ".")] = '\0';
		r = ztc_rec_add(&rec, map, machine);
		status = r < 0 ? bad_map(&rec, "of the agent", r) : ZTC_EXIT_OK;
	}
	return status ? status : finish(ctx, line, &rec);
}
