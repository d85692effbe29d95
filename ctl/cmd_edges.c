// SPDX-License-Identifier: Apache-2.0
/* cmd_edges.c - ztctl review edges: new dependencies, and who approved or denied them. */
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/collect/collect.h"
#include "ctl/client.h"
#include "ctl/evidence/record.h"
#include "ctl/password.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"
#include "ctl/review/make.h"
#include "history/history.h"

#define DAY_S  86400
#define DAYS   90
#define PREFIX "new-edge:"

static const char *value(const struct ztc_line *line, const char *name, const char *dflt)
{
	const char *text = ztc_value(line, name);

	return text ? text : dflt;
}

/* The newest word about an edge, by somebody who may say it. */
static const json_t *decision_on(const json_t *records, const char *edge)
{
	const json_t *record, *row;
	size_t i, j;

	json_array_foreach (json_object_get(records, "approvals"), i, record) {
		if (strcmp(ztc_str(record, "name"), "edges") != 0 ||
		    strcmp(ztc_str(record, "seal"), "ok") != 0)
			continue;
		json_array_foreach (json_object_get(json_object_get(record, "body"), "edges"), j,
				    row) {
			if (fnmatch(ztc_str(row, "edge"), edge, FNM_NOESCAPE) == 0)
				return row;
		}
	}
	return NULL;
}

static int load(const struct ztc_line *line, json_t **ret_flows, json_t **ret_records)
{
	const char *state_dir = value(line, "state-dir", ZTC_STATE_DIR);
	int64_t now = (int64_t)(zt_now_wall_ns() / ZT_NS_PER_S), today = now / DAY_S * DAY_S;
	struct ztc_env env = {.root = "",
			      .state_dir = state_dir,
			      .trust_dir = value(line, "trust", ZTC_TRUST_DIR),
			      .now_s = now};
	zt_auto(zt_freep) char *db = NULL, *why = NULL;
	uint64_t days = DAYS;
	int r;

	if (ztc_value(line, "days") && ztc_parse_count(ztc_value(line, "days"), 400, &days) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "--days '%s' is not a number from 1 to 400",
				ztc_value(line, "days"));
	*ret_records = json_object();
	if (asprintf(&db, "%s/" ZT_HISTORY_FILE, state_dir) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	r = ztc_records_read(&env, *ret_records, &why);
	if (r == 0)
		r = ztc_pack_flows(ret_flows, db, today - (int64_t)(days - 1) * DAY_S,
				   today + DAY_S, &why);
	return r < 0 ? ztc_fail(ZTC_EXIT_FAILED, "%s", why ? why : strerror(-r)) : ZTC_EXIT_OK;
}

/* --- list --- */

static int render_edges(FILE *out, const json_t *result, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"SOURCE", false, 8, false},	{"DESTINATION", false, 8, false},
		{"SERVICE", false, 0, false},	{"CONNECTIONS", true, 0, true},
		{"ENCRYPTION", false, 0, true}, {"DECISION", false, 0, false},
		{"NOTE", false, 8, false},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	const json_t *row;
	size_t i;
	int r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));

	if (r < 0)
		return r;
	json_array_foreach (json_object_get(result, "edges"), i, row) {
		const char *decision = ztc_str(row, "decision");

		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "src"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "dst"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "service"));
		ztc_table_cell(table, ZTC_PLAIN, "%lld", (long long)ztc_int(row, "connections"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "encryption"));
		ztc_table_cell(table, *decision ? ZTC_PLAIN : ZTC_WARN, "%s",
			       *decision ? decision : "open");
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "note"));
	}
	r = ztc_table_print(table, out, style, 0);
	ztc_put_line(out, style, ZTC_PLAIN, "%lld of %zu new edges undecided",
		     (long long)ztc_int(result, "open"),
		     json_array_size(json_object_get(result, "edges")));
	return r;
}

static int list_edges(struct ztc_ctx *ctx, json_t *flows, const json_t *records)
{
	json_t *edges = json_object_get(flows, "edges"), *row;
	zt_auto(zt_json_decref) json_t *result = NULL;
	json_int_t open = 0;
	size_t i;

	json_array_foreach (edges, i, row) {
		const json_t *said = decision_on(records, ztc_str(row, "id") + strlen(PREFIX));

		open += said == NULL;
		if (!said)
			continue;
		json_object_set(row, "decision", json_object_get(said, "decision"));
		json_object_set(row, "note", json_object_get(said, "note"));
	}
	result = json_pack("{s:O, s:I}", "edges", edges, "open", open);
	return ztc_answer(ctx, result, render_edges);
}

/* --- decide --- */

static void add_edges(json_t *rows, const char *patterns, const char *decision, const char *note)
{
	for (const char *p = patterns; p && *p;) {
		size_t n = strcspn(p, ",");
		size_t skip = strncmp(p, PREFIX, strlen(PREFIX)) == 0 ? strlen(PREFIX) : 0;

		if (n > skip)
			json_array_append_new(rows, json_pack("{s:o, s:s, s:s}", "edge",
							      json_stringn(p + skip, n - skip),
							      "decision", decision, "note", note));
		p += n + (p[n] == ',');
	}
}

static int decide(const struct ztc_line *line, json_t *rows)
{
	zt_auto(zt_minisign_secret_wipe) struct zt_minisign_secret key;
	zt_auto(zt_json_decref) json_t *record = NULL, *about = NULL;
	struct ztc_self self;
	int r, status;

	memset(&key, 0, sizeof(key));
	if (!ztc_value(line, "key"))
		return ztc_fail(ZTC_EXIT_USAGE, "with which key? --key SECKEY, of a reviewer");
	status = ztc_secret_load(ztc_value(line, "key"), ztc_value(line, "password-file"), &key);
	if (status)
		return status;
	ztc_self(&self, "");
	about = json_pack("{s:s, s:s}", "host", self.host, "machine", self.machine);
	r = about ? ztc_edges_record(&record, about, rows) : -ENOMEM;
	if (r == 0)
		r = ztc_record_store(value(line, "state-dir", ZTC_STATE_DIR), record, &key);
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot keep the decision: %s", strerror(-r));
	return ZTC_EXIT_OK;
}

int ztc_run_review_edges(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_json_decref) json_t *flows = NULL, *records = NULL, *rows = json_array();
	int status = ZTC_EXIT_OK;

	add_edges(rows, ztc_value(line, "deny"), "deny", value(line, "note", ""));
	add_edges(rows, ztc_value(line, "approve"), "approve", value(line, "note", ""));
	if (ztc_value(line, "deny") && !ztc_value(line, "note"))
		return ztc_fail(ZTC_EXIT_USAGE, "--deny needs a --note: what happens");
	if (json_array_size(rows))
		status = decide(line, rows);
	if (!status)
		status = load(line, &flows, &records);
	return status ? status : list_edges(ctx, flows, records);
}
