// SPDX-License-Identifier: Apache-2.0
/*
 * flows.c - denials, new edges and rule hits of a period, the same every time they are worked out.
 *
 * Only what neither rolling hours up into days nor a name that is learnt later changes goes in:
 * addresses, services, verdicts, sums.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/protocol.h"
#include "base/strmap.h"
#include "base/vec.h"
#include "ctl/review/pack.h"
#include "history/history.h"

#define TRIES	3 /* hours that were rolled up under a walk: begin anew */
#define LIVE	0
#define STAGED	1
#define RULELEN 256

/* One item while it is added up. */
struct item {
	uint64_t connections;
	uint64_t packets;
	uint64_t denied;
	bool staged; /* no live verdict denied it */
	bool known;  /* an edge of before */
	bool covered, plain;
};

struct list {
	struct zt_strmap *keys;
	struct item *items;
	size_t cap;
};

struct adder {
	struct list denials, edges, rules;
	bool before; /* walking over what was before the period */
};

static void free_adder(struct adder *a)
{
	zt_strmap_free(&a->denials.keys);
	zt_strmap_free(&a->edges.keys);
	zt_strmap_free(&a->rules.keys);
	free(a->denials.items);
	free(a->edges.items);
	free(a->rules.items);
}

static struct item *item_of(struct list *list, const char *key)
{
	bool is_new;
	uint32_t n = zt_strmap_intern(list->keys, key, strlen(key), &is_new);

	if (n == ZT_STRMAP_NONE || n >= ZTC_PACK_EDGES_MAX ||
	    zt_vec_grow(&list->items, &list->cap, n + 1, sizeof(*list->items)) < 0)
		return NULL;
	if (is_new)
		memset(&list->items[n], 0, sizeof(list->items[n]));
	return &list->items[n];
}

/* "10.0.0.1>10.0.0.2:tcp/22" */
static void edge_key(const struct zt_history_edge *row, char *buf, size_t size)
{
	char src[ZT_ADDR_TEXT_LEN], dst[ZT_ADDR_TEXT_LEN];

	snprintf(buf, size, "%s>%s:%s/%u", zt_addr_text(&row->src.addr, src),
		 zt_addr_text(&row->dst.addr, dst), zt_proto_name(row->proto), row->port);
}

static const char *rule_of(const struct zt_history_edge *row, int plane)
{
	return row->rule[plane] && *row->rule[plane] ? row->rule[plane] : "none";
}

static int add_denial(struct adder *a, const struct zt_history_edge *row, const char *edge)
{
	bool staged = row->action[LIVE] != ZT_DENY;
	char key[2 * ZT_ADDR_TEXT_LEN + RULELEN + 64];
	struct item *item;

	if (staged && row->action[STAGED] != ZT_DENY)
		return 0;
	snprintf(key, sizeof(key), "%s:%s:%.200s", edge, staged ? "staged" : "enforced",
		 rule_of(row, staged ? STAGED : LIVE));
	item = item_of(&a->denials, key);
	if (!item)
		return -E2BIG;
	item->connections += row->connections;
	item->packets += row->packets[0] + row->packets[1];
	item->staged = staged;
	return 0;
}

static int add_rule(struct adder *a, const struct zt_history_edge *row)
{
	struct item *item = item_of(&a->rules, rule_of(row, LIVE));

	if (!item)
		return -E2BIG;
	item->connections += row->connections;
	item->denied += row->action[LIVE] == ZT_DENY ? row->connections : 0;
	return 0;
}

static int add_edge(struct adder *a, const struct zt_history_edge *row, const char *edge)
{
	struct item *item;

	if (row->action[LIVE] == ZT_DENY || row->kind == ZT_KIND_LOOP)
		return 0;
	item = item_of(&a->edges, edge);
	if (!item)
		return -E2BIG;
	item->connections += row->connections;
	if (zt_encryption_cover(row->encryption) >= ZT_COVER_PLAINTEXT)
		item->plain = true;
	else
		item->covered = true;
	return 0;
}

static int take_row(const struct zt_history_edge *row, void *data)
{
	struct adder *a = data;
	char edge[2 * ZT_ADDR_TEXT_LEN + 64];
	uint32_t n;
	int r;

	edge_key(row, edge, sizeof(edge));
	if (a->before) {
		n = zt_strmap_find(a->edges.keys, edge, strlen(edge));
		if (n != ZT_STRMAP_NONE && row->action[LIVE] != ZT_DENY)
			a->edges.items[n].known = true;
		return 0;
	}
	r = add_denial(a, row, edge);
	r = r < 0 ? r : add_edge(a, row, edge);
	return r < 0 ? r : add_rule(a, row);
}

static int walk(struct adder *a, struct zt_history *history, int64_t from_s, int64_t to_s)
{
	struct zt_history_cursor *cursor = NULL;
	struct zt_history_window window;
	int r = zt_history_cursor_open(&cursor, history, from_s, to_s);

	if (r < 0)
		return r;
	zt_history_cursor_window(cursor, &window);
	do {
		r = zt_history_cursor_next(cursor, 0, take_row, a);
	} while (r == 1);
	zt_history_cursor_close(&cursor);
	return r;
}

/* --- as JSON, in one order --- */

struct sorted {
	const char *key;
	size_t len;
	const struct item *item;
};

static int by_weight(const void *va, const void *vb)
{
	const struct sorted *a = va, *b = vb;

	if (a->item->connections != b->item->connections)
		return a->item->connections < b->item->connections ? 1 : -1;
	return strcmp(a->key, b->key);
}

static int by_key(const void *va, const void *vb)
{
	const struct sorted *a = va, *b = vb;

	return strcmp(a->key, b->key);
}

static void free_sorted(struct sorted *sorted, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free((char *)sorted[i].key);
	free(sorted);
}

/* Ends and service out of "SRC>DST:PROTO/PORT…"; addresses of version 6 have colons, no slashes. */
static void set_ends(json_t *row, const char *key)
{
	const char *to = strchr(key, '>'), *slash = strchr(to, '/'), *colon = slash;
	size_t digits = strspn(slash + 1, "0123456789");

	while (*colon != ':')
		colon--;
	json_object_set_new(row, "src", json_stringn(key, (size_t)(to - key)));
	json_object_set_new(row, "dst", json_stringn(to + 1, (size_t)(colon - to - 1)));
	json_object_set_new(row, "service",
			    json_stringn(colon + 1, (size_t)(slash - colon) + digits));
	if (slash[1 + digits] == ':')
		json_object_set_new(row, "rule", zt_json_str(strchr(slash + digits + 2, ':') + 1));
}

static json_t *number(uint64_t n)
{
	return json_integer(n > (1ULL << 53) ? (json_int_t)(1ULL << 53) : (json_int_t)n);
}

static json_t *item_json(const char *kind, const char *key, const struct item *item)
{
	zt_auto(zt_freep) char *id = NULL;
	json_t *row = json_object();

	if (asprintf(&id, "%s:%s", kind, key) < 0)
		return row;
	json_object_set_new(row, "id", zt_json_str(id));
	json_object_set_new(row, "connections", number(item->connections));
	if (strcmp(kind, "rule") == 0) {
		json_object_set_new(row, "rule", zt_json_str(key));
		json_object_set_new(row, "denied", number(item->denied));
		return row;
	}
	set_ends(row, key);
	if (strcmp(kind, "denial") == 0) {
		json_object_set_new(row, "mode", json_string(item->staged ? "staged" : "enforced"));
		json_object_set_new(row, "packets", number(item->packets));
	} else {
		json_object_set_new(row, "encryption",
				    json_string(!item->plain	? "encrypted"
						: item->covered ? "partly"
								: "plaintext"));
	}
	return row;
}

static int put_list(json_t *ret, json_t *left_out, const char *name, const char *kind,
		    const struct list *list)
{
	size_t all = zt_strmap_count(list->keys), count = 0, shown;
	struct sorted *sorted = calloc(all + 1, sizeof(*sorted));
	json_t *array = json_array();

	if (!sorted || !array)
		return -ENOMEM;
	for (size_t i = 0; i < all; i++) {
		size_t len;
		const char *key = zt_strmap_key(list->keys, (uint32_t)i, &len);

		if (list->items[i].known)
			continue;
		sorted[count].key = strndup(key, len);
		sorted[count++].item = &list->items[i];
	}
	shown = count < ZTC_PACK_ITEMS ? count : ZTC_PACK_ITEMS;
	qsort(sorted, count, sizeof(*sorted), by_weight);
	qsort(sorted, shown, sizeof(*sorted), by_key);
	for (size_t i = 0; i < shown; i++)
		json_array_append_new(array, item_json(kind, sorted[i].key, sorted[i].item));
	free_sorted(sorted, count);
	json_object_set_new(left_out, name, json_integer((json_int_t)(count - shown)));
	return json_object_set_new(ret, name, array);
}

static int to_json(const struct adder *a, json_t **ret)
{
	zt_auto(zt_json_decref) json_t *flows = json_object(), *left_out = json_object();
	int r = flows && left_out ? 0 : -ENOMEM;

	r = r < 0 ? r : put_list(flows, left_out, "denials", "denial", &a->denials);
	r = r < 0 ? r : put_list(flows, left_out, "edges", "new-edge", &a->edges);
	r = r < 0 ? r : put_list(flows, left_out, "rules", "rule", &a->rules);
	if (r < 0)
		return r;
	json_object_set(flows, "left_out", left_out);
	*ret = zt_take(flows);
	return 0;
}

/* --- all of it --- */

static int add_up(json_t **ret, struct zt_history *history, int64_t from_s, int64_t to_s)
{
	zt_auto(free_adder) struct adder a = {0};
	int r;

	if (zt_strmap_new(&a.denials.keys) < 0 || zt_strmap_new(&a.edges.keys) < 0 ||
	    zt_strmap_new(&a.rules.keys) < 0)
		return -ENOMEM;
	r = walk(&a, history, from_s, to_s);
	if (r < 0)
		return r == -EINVAL || r == -ENOENT ? -ENODATA : r;
	a.before = true;
	r = walk(&a, history, 0, from_s);
	/* Nothing was recorded before: everything is new. */
	if (r < 0 && r != -EINVAL)
		return r;
	return to_json(&a, ret);
}

static const char *reason(int r)
{
	switch (-r) {
	case EBADMSG:
		return "it is not a database of ours, or it is corrupt";
	case EPROTO:
		return "a later version of ztagent wrote it";
	case ENODATA:
		return "nothing was recorded in that time";
	case E2BIG:
		return "too many different edges: choose a shorter period";
	case ESTALE:
		return "its hours are being added up just now; try again";
	default:
		return strerror(-r);
	}
}

int ztc_pack_flows(json_t **ret, const char *db, int64_t from_s, int64_t to_s, char **ret_why)
{
	struct zt_history *history = NULL;
	int r = zt_history_open_read(&history, db);

	for (int i = 0; r >= 0 && i < TRIES; i++) {
		r = add_up(ret, history, from_s, to_s);
		if (r != -ESTALE)
			break;
		r = i + 1 < TRIES ? 0 : r;
	}
	zt_history_close(&history);
	if (r < 0 && asprintf(ret_why, "cannot use the history '%s': %s", db, reason(r)) < 0)
		*ret_why = NULL;
	return r;
}
