// SPDX-License-Identifier: Apache-2.0
/* cmd_prioritize.c - ztctl prioritize: which systems of an inventory to deploy first, and why. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "ctl/client.h"
#include "ctl/map/source.h"
#include "ctl/prioritize/prioritize.h"
#include "ctl/render/text.h"

typedef int (*each_fn)(void *arg, const char *path);

static bool ends_with(const char *text, const char *end)
{
	const size_t len = strlen(text), n = strlen(end);

	return len > n && strcmp(text + len - n, end) == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_json(const struct dirent *entry)
{
	return ends_with(entry->d_name, ".json");
}

static int each_in_dir(const char *dir, each_fn each, void *arg)
{
	struct dirent **list = NULL;
	int count = scandir(dir, &list, is_json, by_name), status = ZTC_EXIT_OK;

	if (count < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "cannot read '%s': %s", dir, strerror(errno));
	for (int i = 0; i < count; i++) {
		zt_auto(zt_freep) char *path = NULL;

		if (!status && asprintf(&path, "%s/%s", dir, list[i]->d_name) >= 0)
			status = each(arg, path);
		free(list[i]);
	}
	free(list);
	if (!status && !count)
		return ztc_fail(ZTC_EXIT_USAGE, "there is no *.json in '%s'", dir);
	return status;
}

/*
 * A file, the *.json of a directory, or several of both with commas between. @word is no path,
 * whatever lies here by that name; NULL = none.
 */
static int each_file(const char *list, const char *word, each_fn each, void *arg)
{
	int status = ZTC_EXIT_OK;

	while (*list && !status) {
		size_t len = access(list, F_OK) == 0 ? strlen(list) : strcspn(list, ",");
		zt_auto(zt_freep) char *one = strndup(list, len);
		struct stat st;

		if (!one)
			return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
		if (word && strcmp(one, word) == 0)
			status = each(arg, one);
		else if (len && stat(one, &st) == 0 && S_ISDIR(st.st_mode))
			status = each_in_dir(one, each, arg);
		else if (len)
			status = each(arg, one);
		list += len + (list[len] == ',');
	}
	return status;
}

/* --- prefill --- */

struct prefill {
	struct ztc_ctx *ctx;
	struct ztc_inventory *inv;
};

static int prefill_machine(struct ztc_inventory *inv, const struct ztc_map *map)
{
	char name[256] = "";

	gethostname(name, sizeof(name) - 1);
	name[strcspn(name, ".")] = '\0';
	if (ztc_prefill_machine(inv, map->host ? map->host : name, "") < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	return ZTC_EXIT_OK;
}

/* The map of the agent here, or one that was saved with 'ztctl --json map --by address'. */
static int prefill_one(void *arg, const char *path)
{
	struct prefill *p = arg;
	zt_auto(ztc_pool_free) struct ztc_pool *pool = NULL;
	zt_auto(ztc_map_free) struct ztc_map *map = NULL;
	struct ztc_source source = {.ctx = p->ctx};
	struct ztc_span span = {0};
	const bool agent = strcmp(path, "agent") == 0;
	char *one = (char *)path;
	int status;

	if (ztc_pool_new(&pool) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	source.pool = pool;
	status = agent ? ztc_source_ask(&source, &span, &map)
		       : ztc_source_files(pool, &one, 1, &map);
	if (status)
		return status;
	if (ztc_prefill(p->inv, map) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	return agent ? prefill_machine(p->inv, map) : ZTC_EXIT_OK;
}

/* --- plan --- */

static int plan_one(void *arg, const char *path)
{
	zt_auto(zt_freep) char *why = NULL;

	if (ztc_plan_add(arg, path, &why) == 0)
		return ZTC_EXIT_OK;
	return ztc_fail(ZTC_EXIT_USAGE, "'%s' is no assessment: %s", path,
			why ? why : "out of memory");
}

/* --- the command --- */

static int load_all(const struct ztc_line *line, struct ztc_inventory *inv)
{
	char *from_stdin[] = {(char *)"-"};
	char **paths = line->argc ? line->argv : from_stdin;
	const int count = line->argc ? line->argc : 1;
	int r = 0;

	if (!line->argc && isatty(STDIN_FILENO))
		return ztc_fail(ZTC_EXIT_USAGE,
				"prioritize takes an inventory; 'ztctl prioritize --template csv' "
				"prints an empty one");
	for (int i = 0; i < count && r != -ENOMEM; i++) {
		r = ztc_inventory_load(inv, paths[i]);
		if (r < 0 && r != -EINVAL && r != -ENOMEM)
			return ztc_fail(ZTC_EXIT_USAGE, "cannot read '%s': %s", paths[i],
					strerror(-r));
	}
	if (r == -ENOMEM || ztc_inventory_check(inv) == -ENOMEM)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	if (!inv->error_count)
		return ZTC_EXIT_OK;
	fputs(zt_strbuf_text(&inv->errors), stderr);
	return ztc_fail(ZTC_EXIT_USAGE,
			ztc_tr(N_("%zu errors in the inventory; nothing was ranked")),
			inv->error_count);
}

static int read_method(const struct ztc_line *line, enum ztc_method *ret)
{
	const char *name = ztc_value(line, "method");

	*ret = ZTC_METHOD_BOTH;
	for (unsigned int m = 0; name && m < ZTC_METHOD_COUNT; m++) {
		if (strcmp(name, ztc_method_id(m)) == 0) {
			*ret = m;
			return ZTC_EXIT_OK;
		}
	}
	return name ? ztc_fail(ZTC_EXIT_USAGE, "--method takes gate, score or both, not '%s'", name)
		    : ZTC_EXIT_OK;
}

static int render(const struct ztc_ctx *ctx, const struct ztc_line *line, const json_t *doc,
		  FILE *out)
{
	const char *id = ztc_value(line, "explain");

	if (id)
		return ztc_priorities_explain(out, doc, id, &ctx->style);
	if (ctx->json)
		return json_dumpf(doc, out, JSON_INDENT(1) | JSON_SORT_KEYS) < 0 ||
				       fputc('\n', out) == EOF
			       ? -EIO
			       : 0;
	if (ztc_value(line, "csv"))
		return ztc_priorities_csv(out, doc);
	if (ztc_value(line, "markdown"))
		return ztc_priorities_markdown(out, doc);
	if (ztc_value(line, "html"))
		return ztc_priorities_html(out, doc);
	return ztc_priorities_text(out, doc, &ctx->style);
}

static int print(const struct ztc_ctx *ctx, const struct ztc_line *line, const json_t *doc)
{
	const char *path = ztc_value(line, "out");
	zt_auto(zt_freep) char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int r;

	if (!out)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	r = render(ctx, line, doc, out);
	if (fclose(out) != 0 && r == 0)
		r = -ENOMEM;
	if (r == -ENOENT)
		return ztc_fail(ZTC_EXIT_USAGE, "the inventory has no system '%s'",
				ztc_value(line, "explain"));
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot write the answer: %s", strerror(-r));
	if (!path) {
		fwrite(text, 1, len, stdout);
		return ZTC_EXIT_OK;
	}
	r = zt_file_replace(path, text, len, 0644);
	return r < 0 ? ztc_fail(ZTC_EXIT_FAILED, "cannot write '%s': %s", path, strerror(-r))
		     : ZTC_EXIT_OK;
}

static int rank(struct ztc_ctx *ctx, const struct ztc_line *line, struct ztc_inventory *inv,
		size_t top)
{
	zt_auto(zt_json_decref) json_t *doc = NULL, *known = json_object();
	const char *prefill = ztc_value(line, "prefill"), *plan = ztc_value(line, "plan");
	struct prefill p = {ctx, inv};
	enum ztc_method method;
	int status = read_method(line, &method), r = 0;

	if (!status)
		status = load_all(line, inv);
	if (!status && prefill)
		status = each_file(prefill, "agent", prefill_one, &p);
	if (!status && plan)
		status = each_file(plan, NULL, plan_one, known);
	if (status)
		return status;
	for (size_t i = 0; i < inv->count && r == 0; i++)
		r = ztc_scenario(inv->systems[i]);
	if (r == 0)
		r = ztc_score(inv, method);
	/* One that is to be explained may be anywhere. */
	if (r == 0)
		r = ztc_priorities_doc(inv, method, ztc_value(line, "explain") ? 0 : top, &doc);
	if (r == 0 && plan)
		r = ztc_plan_join(doc, inv, known);
	return r < 0 ? ztc_fail(ZTC_EXIT_FAILED, "out of memory") : print(ctx, line, doc);
}

static void free_inventory(struct ztc_inventory *inv)
{
	if (inv->arena)
		ztc_inventory_free(inv);
}

int ztc_run_prioritize(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(free_inventory) struct ztc_inventory inv = {0};
	const char *template = ztc_value(line, "template"), *count = ztc_value(line, "top");
	uint64_t top = 0;

	if (ztc_lang_set(ztc_value(line, "lang")) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "--lang takes en or zh-TW, not '%s'",
				ztc_value(line, "lang"));
	if (count && ztc_parse_count(count, ZTC_SYSTEMS_MAX, &top) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "--top takes a number from 1 to %d, not '%s'",
				ZTC_SYSTEMS_MAX, count);
	if (template) {
		if (strcmp(template, "csv") != 0 && strcmp(template, "yaml") != 0)
			return ztc_fail(ZTC_EXIT_USAGE, "--template takes csv or yaml, not '%s'",
					template);
		ztc_inventory_template(stdout, strcmp(template, "yaml") == 0);
		return ZTC_EXIT_OK;
	}
	if (ztc_inventory_init(&inv) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	return rank(ctx, line, &inv, top);
}
