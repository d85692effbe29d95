// SPDX-License-Identifier: Apache-2.0
/* make.c - a pack of a period, and the records that a reviewer signs about it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/collect/collect.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/client.h"
#include "ctl/evidence/waiver.h"
#include "ctl/review/make.h"

static int64_t time_of(const json_t *object, const char *key)
{
	uint64_t ns;

	return zt_wall_parse(zt_json_text(object, key), &ns) < 0 ? -1 : (int64_t)(ns / ZT_NS_PER_S);
}

static json_t *prefixed(const char *kind, const char *id)
{
	return json_sprintf("%s:%.400s", kind, id);
}

/* --- statements that nothing hit: they are reviewed too --- */

static bool has_rule(const json_t *flows, const char *id)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(flows, "rules"), i, row) {
		if (strcmp(zt_json_text(row, "rule"), id) == 0)
			return true;
	}
	return false;
}

static void put_statements(const struct ztc_pack_args *args, json_t *pack)
{
	json_t *rows = json_object_get(pack, "statements"), *row;
	zt_auto(zt_json_decref) json_t *shown = NULL;
	zt_auto(zt_freep) char *why = NULL;
	const json_t *statement;
	size_t i;

	if (!args->ctx || !ztc_agent_alive(args->ctx) ||
	    ztc_try(args->ctx, "policy show", NULL, &shown, &why) != ZTC_EXIT_OK)
		return;
	json_object_set(pack, "policy", json_object_get(shown, "policy"));
	json_array_foreach (json_object_get(shown, "statements"), i, statement) {
		const char *id = zt_json_text(statement, "id");

		if (has_rule(json_object_get(pack, "flows"), id))
			continue;
		row = json_pack("{s:o, s:o, s:s, s:s}", "id", prefixed("rule", id), "rule",
				json_string(id), "mode", zt_json_text(statement, "mode"), "action",
				zt_json_text(statement, "action"));
		json_array_append_new(rows, row);
	}
}

/* --- waivers and alerts --- */

static int put_waivers(const struct ztc_pack_args *args, json_t *pack)
{
	static const char *const keys[] = {"check",    "resource",   "state",	  "owner",
					   "approver", "granted_at", "expires_at"};
	zt_auto(zt_json_decref) json_t *found = json_object();
	json_t *rows = json_object_get(pack, "waivers");
	struct ztc_papers_args papers = {.waivers = args->waivers,
					 .trust_dir = args->trust_dir,
					 .host = zt_json_text(pack, "host"),
					 .catalogue = ztc_catalogue(),
					 .now_s = args->to_s};
	const json_t *waiver;
	size_t i;
	int r = ztc_waivers_register(&papers, found);

	json_array_foreach (json_object_get(found, "waivers"), i, waiver) {
		json_t *row = json_object();

		json_object_set_new(row, "id",
				    prefixed("waiver", *zt_json_text(waiver, "id")
							       ? zt_json_text(waiver, "id")
							       : zt_json_text(waiver, "file")));
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
			if (json_object_get(waiver, keys[k]))
				json_object_set(row, keys[k], json_object_get(waiver, keys[k]));
		}
		json_array_append_new(rows, row);
	}
	return r;
}

static int put_alerts(const struct ztc_pack_args *args, json_t *pack, char **ret_why)
{
	zt_auto(zt_json_decref) json_t *records = json_object();
	json_t *rows = json_object_get(pack, "alerts");
	struct ztc_env env = {.root = "",
			      .state_dir = args->state_dir,
			      .trust_dir = args->trust_dir,
			      .now_s = (int64_t)(zt_now_wall_ns() / ZT_NS_PER_S)};
	const json_t *alert;
	size_t i;
	int r = ztc_records_read(&env, records, ret_why);

	json_array_foreach (json_object_get(records, "alerts"), i, alert) {
		int64_t at = time_of(alert, "started");
		const json_t *body = json_object_get(alert, "body");

		if (at < args->from_s || at >= args->to_s)
			continue;
		json_array_append_new(rows, json_pack("{s:o, s:s, s:s, s:s, s:s}", "id",
						      prefixed("alert", zt_json_text(alert, "id")),
						      "name", zt_json_text(alert, "name"), "at",
						      zt_json_text(alert, "started"), "severity",
						      zt_json_text(body, "severity"), "check",
						      zt_json_text(body, "check")));
	}
	return r;
}

int ztc_pack_make(json_t **ret, const struct ztc_pack_args *args, char **ret_why)
{
	zt_auto(zt_json_decref) json_t *pack = NULL, *flows = NULL;
	struct ztc_self self;
	int64_t now = (int64_t)(zt_now_wall_ns() / ZT_NS_PER_S), items, disposed;
	int r = ztc_pack_flows(&flows, args->db, args->from_s, args->to_s, ret_why);

	if (r < 0)
		return r;
	ztc_self(&self, "");
	pack = json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:O, s:[], s:[], s:[]}", "format",
			 ZTC_PACK_FORMAT, "host", zt_json_str(self.host), "machine", self.machine,
			 "made_at", ztc_record_time(now), "from", ztc_record_time(args->from_s),
			 "to", ztc_record_time(args->to_s), "flows", flows, "statements", "waivers",
			 "alerts");
	if (!pack)
		return -ENOMEM;
	put_statements(args, pack);
	r = put_waivers(args, pack);
	if (r == 0)
		r = put_alerts(args, pack, ret_why);
	if (r < 0)
		return r;
	ztc_pack_count(pack, NULL, &items, &disposed);
	json_object_set_new(pack, "items", json_integer(items));
	*ret = zt_take(pack);
	return 0;
}

/* --- records --- */

int ztc_edges_record(json_t **ret, const json_t *about, json_t *edges)
{
	zt_auto(zt_json_decref) json_t *record = NULL;
	int r = ztc_record_new(&record, "approval", "edges");

	if (r < 0)
		return r;
	json_object_set(record, "about", (json_t *)about);
	json_object_set_new(record, "body", json_pack("{s:O}", "edges", edges));
	ztc_record_end(record, "pass");
	*ret = zt_take(record);
	return 0;
}

struct edges {
	const json_t *dispositions;
	json_t *rows;
};

static void take_edge(const json_t *item, const char *kind, void *ctx)
{
	struct edges *edges = ctx;
	const char *id = zt_json_text(item, "id");
	const json_t *row;

	if (strcmp(kind, "new-edge") != 0)
		return;
	row = ztc_disposition_of(edges->dispositions, id);
	if (!row || strcmp(zt_json_text(row, "disposition"), "ticket") == 0)
		return;
	json_array_append_new(
		edges->rows,
		json_pack("{s:s, s:s, s:s}", "edge", id + strlen("new-edge:"), "decision",
			  strcmp(zt_json_text(row, "disposition"), "deny") == 0 ? "deny"
										: "approve",
			  "note", zt_json_text(row, "note")));
}

static int review_record(json_t **ret, const json_t *pack, const json_t *about,
			 const json_t *dispositions)
{
	zt_auto(zt_json_decref) json_t *record = NULL;
	char digest[ZTC_DIGEST_TEXT_LEN], flows[ZTC_DIGEST_TEXT_LEN];
	int64_t items, disposed;
	int r = ztc_digest(pack, digest);

	if (r == 0)
		r = ztc_digest(json_object_get(pack, "flows"), flows);
	if (r == 0)
		r = ztc_record_new(&record, "review", NULL);
	if (r < 0)
		return r;
	ztc_pack_count(pack, dispositions, &items, &disposed);
	json_object_set(record, "about", (json_t *)about);
	json_object_set_new(record, "body",
			    json_pack("{s:s, s:s, s:O, s:O, s:I, s:I, s:O}", "pack", digest,
				      "flows", flows, "from", json_object_get(pack, "from"), "to",
				      json_object_get(pack, "to"), "items", (json_int_t)items,
				      "disposed", (json_int_t)disposed, "dispositions",
				      dispositions));
	ztc_record_end(record, disposed == items ? "pass" : "partial");
	*ret = zt_take(record);
	return 0;
}

int ztc_review_records(json_t **ret, const json_t *pack, const json_t *dispositions)
{
	zt_auto(zt_json_decref) json_t *records = json_array(), *about = NULL, *rows = json_array();
	struct edges edges = {dispositions, rows};
	json_t *record = NULL;
	int r;

	about = json_pack("{s:O, s:O}", "host", json_object_get(pack, "host"), "machine",
			  json_object_get(pack, "machine"));
	if (!records || !rows || !about)
		return -ENOMEM;
	r = review_record(&record, pack, about, dispositions);
	if (r < 0)
		return r;
	json_array_append_new(records, record);
	ztc_pack_each(pack, take_edge, &edges);
	if (json_array_size(rows)) {
		r = ztc_edges_record(&record, about, rows);
		if (r < 0)
			return r;
		json_array_append_new(records, record);
	}
	*ret = zt_take(records);
	return 0;
}
