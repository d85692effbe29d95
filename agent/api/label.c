// SPDX-License-Identifier: Apache-2.0
/*
 * label.c - requests about labels: set, unset, list; and their part of status.
 */
#include <errno.h>
#include <string.h>

#include "api/internal.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/strmap.h"
#include "base/time.h"
#include "datapath/datapath.h"
#include "datapath/intent.h"
#include "datapath/labels.h"
#include "policy/policy.h"

#define LIST_LIMIT    10000
#define UNKNOWN_SHOWN 10

/* --- hosts ------------------------------------------------------------------------------- */

/* A host of the policy in force, else of the candidate; NULL = of neither. */
static const struct zt_host *find_host(const struct zt_api_ctx *ctx, const char *name)
{
	const struct zt_policy *policy = zt_intent_policy(ctx->intent);
	const struct zt_policy *candidate = zt_intent_candidate_policy(ctx->intent);
	const struct zt_host *host = policy ? zt_policy_host(policy, name) : NULL;

	return host || !candidate || candidate == policy ? host : zt_policy_host(candidate, name);
}

static int need_host(struct zt_request *request, const char **ret)
{
	if (zt_json_get_str(request->args, "host", ret) < 0 || !*ret)
		return zt_request_fail(request, ZT_CODE_USAGE, "'host' must be a name");
	if (find_host(request->ctx, *ret))
		return 0;
	return zt_request_fail(request, ZT_CODE_USAGE,
			       "no host '%.64s' in the inventory of the policy in force", *ret);
}

static int need_labels(struct zt_request *request)
{
	return request->ctx->labels
		       ? 0
		       : zt_request_fail(request, ZT_CODE_FAILED, "this agent keeps no labels");
}

/* --- rows ---------------------------------------------------------------------------------- */

/* A list being made, of one host or of all. */
struct list {
	const struct zt_api_ctx *ctx;
	json_t *rows;
	size_t matched;
	size_t limit;
	/* Of one host: its labels in the inventory, and which of them are overridden. */
	const struct zt_host *host;
	bool hidden[256];
};

static json_t *row_json(const char *host, const char *key, const char *value, const char *source,
			const char *file, uint64_t until_ns, bool counts)
{
	uint64_t now_ns = zt_now_ns();
	double remaining = until_ns > now_ns ? (double)((until_ns - now_ns) / 1000000) / 1000 : 0;

	return json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:b}", "host", zt_json_str(host),
			 "key", zt_json_str(key), "value", zt_json_str(value), "source", source,
			 "file", zt_json_str(file), "until", zt_json_time(until_ns), "remaining_s",
			 until_ns ? json_real(remaining) : json_null(), "counts", counts);
}

static void add(struct list *list, json_t *row)
{
	if (list->matched++ < list->limit)
		json_array_append_new(list->rows, row);
	else
		json_decref(row);
}

static void add_dynamic(const struct zt_labels_row *row, void *ctx)
{
	struct list *list = ctx;

	for (size_t i = 0; list->host && i < list->host->label_count; i++)
		if (i < ARRAY_SIZE(list->hidden) && !strcmp(list->host->labels[i].key, row->key))
			list->hidden[i] = true;
	add(list, row_json(row->host, row->key, row->value, row->file ? "file" : "operator",
			   row->file, row->until_ns, row->counts));
}

/* What the inventory says of the host, below all else. */
static void add_inventory(struct list *list)
{
	for (size_t i = 0; list->host && i < list->host->label_count; i++) {
		const struct zt_label *label = &list->host->labels[i];

		add(list, row_json(list->host->name, label->key, label->value, "inventory", NULL, 0,
				   i >= ARRAY_SIZE(list->hidden) || !list->hidden[i]));
	}
}

/* All labels of one host, or with NULL the changing ones of all hosts. */
static json_t *list_json(const struct zt_api_ctx *ctx, const char *host, size_t limit,
			 size_t *ret_matched)
{
	struct list list = {.ctx = ctx, .rows = json_array(), .limit = limit};

	list.host = host ? find_host(ctx, host) : NULL;
	zt_labels_each(ctx->labels, host, add_dynamic, &list);
	add_inventory(&list);
	*ret_matched = list.matched;
	return list.rows;
}

/* --- requests ------------------------------------------------------------------------------- */

static json_t *epoch_json(const struct zt_api_ctx *ctx)
{
	struct zt_dp_state dp;

	zt_dp_state(ctx->dp, &dp);
	return zt_json_u64(ZT_WORD_EPOCH(dp.word));
}

/* What both changes answer: the host's labels now, and whether the kernel has them. */
static int answer(struct zt_request *request, const char *host)
{
	const struct zt_api_ctx *ctx = request->ctx;
	bool done = zt_labels_flush(ctx->labels);
	size_t matched;

	request->result = json_pack("{s:o, s:b, s:o, s:o}", "host", zt_json_str(host), "in_force",
				    done, "epoch", epoch_json(ctx), "labels",
				    list_json(ctx, host, LIST_LIMIT, &matched));
	return request->result ? 0 : -ENOMEM;
}

static int fail_with(struct zt_request *request, int r, const char *err)
{
	bool usage = r == -EINVAL || r == -E2BIG;

	return zt_request_fail(request, usage ? ZT_CODE_USAGE : ZT_CODE_FAILED, "%s", err);
}

int zt_handle_label_set(struct zt_request *request)
{
	const json_t *given = json_object_get(request->args, "labels"), *value;
	struct zt_label_set sets[ZT_LABELS_HOST_MAX];
	char err[ZT_LABELS_ERR_LEN] = "";
	const char *host = NULL, *key;
	uint64_t ttl_s = 0;
	size_t count = 0;
	int r = need_labels(request);

	if (r == 0)
		r = need_host(request, &host);
	if (r < 0)
		return r;
	if (!json_is_object(given) || !json_object_size(given) ||
	    json_object_size(given) > ZT_LABELS_HOST_MAX)
		return zt_request_fail(request, ZT_CODE_USAGE,
				       "'labels' must be an object of 1 to %d keys and values",
				       ZT_LABELS_HOST_MAX);
	if (zt_json_get_u64(request->args, "ttl_s", ZT_LABELS_TTL_MAX_S, &ttl_s) < 0 ||
	    (json_object_get(request->args, "ttl_s") && !ttl_s))
		return zt_request_fail(request, ZT_CODE_USAGE,
				       "'ttl_s' must be a number of seconds from 1 to %llu",
				       ZT_LABELS_TTL_MAX_S);
	json_object_foreach ((json_t *)given, key, value) {
		sets[count].key = key;
		if (zt_json_get_str(given, key, &sets[count].value) < 0 || json_is_null(value))
			return zt_request_fail(request, ZT_CODE_USAGE,
					       "the value of label '%.64s' must be a text", key);
		count++;
	}
	r = zt_labels_set(request->ctx->labels, host, sets, count, ttl_s * ZT_NS_PER_S, err);
	return r < 0 ? fail_with(request, r, err) : answer(request, host);
}

int zt_handle_label_unset(struct zt_request *request)
{
	const json_t *given = json_object_get(request->args, "keys"), *one;
	const char *keys[ZT_LABELS_HOST_MAX];
	char err[ZT_LABELS_ERR_LEN] = "";
	const char *host = NULL;
	size_t i;
	int r = need_labels(request);

	if (r < 0)
		return r;
	/* A host that left the inventory must be possible to clean up. */
	if (zt_json_get_str(request->args, "host", &host) < 0 || !host)
		return zt_request_fail(request, ZT_CODE_USAGE, "'host' must be a name");
	if (!json_is_array(given) || !json_array_size(given) ||
	    json_array_size(given) > ZT_LABELS_HOST_MAX)
		return zt_request_fail(request, ZT_CODE_USAGE,
				       "'keys' must be a list of 1 to %d names of labels",
				       ZT_LABELS_HOST_MAX);
	json_array_foreach (given, i, one) {
		keys[i] = json_string_value(one);
		if (!keys[i])
			return zt_request_fail(request, ZT_CODE_USAGE,
					       "'keys' must be a list of names of labels");
	}
	r = zt_labels_unset(request->ctx->labels, host, keys, json_array_size(given), err);
	return r < 0 ? fail_with(request, r, err) : answer(request, host);
}

int zt_handle_label_list(struct zt_request *request)
{
	const char *host = NULL;
	size_t matched;
	json_t *rows;
	int r = need_labels(request);

	if (r == 0 && json_object_get(request->args, "host"))
		r = need_host(request, &host);
	if (r < 0)
		return r;
	rows = list_json(request->ctx, host, LIST_LIMIT, &matched);
	request->result =
		json_pack("{s:o, s:b, s:o, s:o, s:I, s:i}", "host", zt_json_str(host), "in_force",
			  zt_labels_flush(request->ctx->labels), "epoch", epoch_json(request->ctx),
			  "labels", rows, "matched", (json_int_t)matched, "limit", LIST_LIMIT);
	return request->result ? 0 : -ENOMEM;
}

/* --- status ---------------------------------------------------------------------------------- */

/* Hosts that a source names and the inventory does not. */
struct unknown {
	struct zt_strmap *known;
	json_t *hosts;
	size_t count;
	char last[ZT_NAME_LEN];
};

static void find_unknown(const struct zt_labels_row *row, void *ctx)
{
	struct unknown *unknown = ctx;

	/* Rows come by host: looked up once each. */
	if (!strncmp(unknown->last, row->host, sizeof(unknown->last) - 1))
		return;
	strncpy(unknown->last, row->host, sizeof(unknown->last) - 1);
	if (zt_strmap_find(unknown->known, row->host, strlen(row->host)) != ZT_STRMAP_NONE)
		return;
	if (unknown->count++ < UNKNOWN_SHOWN)
		json_array_append_new(unknown->hosts, zt_json_str(row->host));
}

static int know_hosts(struct zt_strmap *known, const struct zt_policy *policy)
{
	for (size_t i = 0; policy && i < policy->host_count; i++) {
		const char *name = policy->hosts[i].name;

		if (zt_strmap_intern(known, name, strlen(name), NULL) == ZT_STRMAP_NONE)
			return -ENOMEM;
	}
	return 0;
}

static size_t unknown_hosts(const struct zt_api_ctx *ctx, json_t *ret_some)
{
	zt_auto(zt_strmap_free) struct zt_strmap *known = NULL;
	struct unknown unknown = {.hosts = ret_some};

	if (zt_strmap_new(&known) < 0 || know_hosts(known, zt_intent_policy(ctx->intent)) < 0 ||
	    know_hosts(known, zt_intent_candidate_policy(ctx->intent)) < 0)
		return 0;
	unknown.known = known;
	zt_labels_each(ctx->labels, NULL, find_unknown, &unknown);
	return unknown.count;
}

static json_t *files_json(const struct zt_labels_state *state)
{
	json_t *files = json_array();

	for (size_t i = 0; i < state->file_count; i++) {
		const struct zt_labels_file *file = &state->files[i];

		json_array_append_new(files, json_pack("{s:o, s:I, s:o, s:o, s:o}", "name",
						       zt_json_str(file->name), "labels",
						       (json_int_t)file->labels, "read",
						       zt_json_time(file->read_ns), "error",
						       zt_json_str(file->error), "broken_since",
						       zt_json_time(file->error_ns)));
	}
	return files;
}

json_t *zt_status_labels(const struct zt_api_ctx *ctx)
{
	struct zt_labels_state state;
	json_t *some = json_array();
	size_t unknown;

	if (!ctx->labels) {
		json_decref(some);
		return json_null();
	}
	zt_labels_state(ctx->labels, &state);
	unknown = state.labels ? unknown_hosts(ctx, some) : 0;
	return json_pack("{s:I, s:I, s:I, s:o, s:b, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o}",
			 "labels", (json_int_t)state.labels, "by_operators", (json_int_t)state.set,
			 "hosts", (json_int_t)state.hosts, "dir", zt_json_str(state.dir),
			 "dir_exists", state.dir_exists, "dir_error", zt_json_str(state.dir_error),
			 "files", files_json(&state), "broken", (json_int_t)state.broken,
			 "unknown_count", (json_int_t)unknown, "unknown_hosts", some, "next_end",
			 zt_json_time(state.next_end_ns), "store_error",
			 zt_json_str(state.store_error), "changes", zt_json_u64(state.changes));
}
