/* SPDX-License-Identifier: Apache-2.0 */
/* read_edge.c - one node or one edge of a map out of its JSON. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "ctl/map/read.h"

static int bad(struct ztc_reader *in, const char *what)
{
	return ztc_read_fail(in, in->value_at, what);
}

static const char *text(struct ztc_reader *in, const json_t *json, const char *key)
{
	const json_t *value = json_object_get(json, key);

	return json_is_string(value) ? ztc_pool_text(in->map->pool, json_string_value(value),
						     json_string_length(value))
				     : NULL;
}

/* --- nodes ----------------------------------------------------------------------------------- */

static json_t *kept(const json_t *json, const char *key, bool is_list)
{
	json_t *value = json_object_get(json, key);

	if (is_list ? !json_array_size(value) : !json_object_size(value))
		return NULL;
	return json_incref(value);
}

int ztc_read_node(struct ztc_reader *in, const json_t *json)
{
	const json_t *id = json_object_get(json, "id");
	struct ztc_map_node *node;

	if (!json_is_string(id) || !json_string_length(id))
		return bad(in, "a node has no id");
	node = ztc_map_node(in->map, json_string_value(id), NULL);
	if (!node)
		return -ENOMEM;
	if (node->defined)
		return bad(in, "a node stands twice in the map");
	node->defined = true;
	node->kind = text(in, json, "kind");
	node->name = text(in, json, "name");
	node->host = text(in, json, "host");
	if (!node->kind || !node->name)
		return bad(in, "a node has no kind and name");
	node->near = json_is_true(json_object_get(json, "near"));
	node->segments = kept(json, "segments", true);
	node->labels = kept(json, "labels", false);
	node->hints = kept(json, "hints", true);
	if (strcmp(node->kind, "address") == 0) {
		/* "fe80::1@web1" in a merged map: what web1 knows by that address. */
		char text[ZT_ADDR_TEXT_LEN];

		snprintf(text, sizeof(text), "%.*s", (int)strcspn(node->name, "@"), node->name);
		if (zt_addr_parse(text, &node->addr) < 0)
			return bad(in, "a node's name is not the address that its kind promises");
		node->has_addr = true;
	}
	return 0;
}

/* --- edges --------------------------------------------------------------------------------------
 */

/* A count; one that is missing is 0. */
static int count(struct ztc_reader *in, const json_t *json, const char *key, uint64_t *ret)
{
	const json_t *value = json_object_get(json, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return bad(in, "a count of an edge is not a number from 0");
	*ret = (uint64_t)json_integer_value(value);
	return 0;
}

static int pair(struct ztc_reader *in, const json_t *json, uint64_t ret[2])
{
	return count(in, json, "to_dst", &ret[ZTC_TO_DST])
		       ?: count(in, json, "to_src", &ret[ZTC_TO_SRC]);
}

static int verdict(struct ztc_reader *in, const json_t *json, struct ztc_map_verdict *ret)
{
	const char *action = json_string_value(json_object_get(json, "action"));

	ret->rule = text(in, json, "rule");
	if (!action || !ret->rule || (strcmp(action, "allow") && strcmp(action, "deny")))
		return bad(in, "an edge has no verdict of action and rule");
	ret->deny = *action == 'd';
	return 0;
}

/* Classes that a later version may add count as what they are here: not known. */
static int encryption(struct ztc_reader *in, const json_t *json, struct ztc_map_edge *edge)
{
	const char *key;
	json_t *value;
	uint64_t n = 0;

	if (!json_is_object(json)) {
		edge->cover[ZT_COVER_UNKNOWN] = edge->connections;
		return 0;
	}
	json_object_foreach ((json_t *)json, key, value) {
		enum zt_cover cover = ZT_COVER_UNKNOWN;

		if (count(in, json, key, &n) < 0)
			return -EINVAL;
		zt_cover_find(key, &cover);
		edge->cover[cover] += n;
	}
	return 0;
}

static int protocols(struct ztc_reader *in, const json_t *json, struct ztc_map_edge *edge)
{
	const char *key;
	json_t *value;
	uint64_t n = 0;

	json_object_foreach ((json_t *)json, key, value) {
		const char *name = ztc_pool_text(in->map->pool, key, strlen(key));

		if (count(in, json, key, &n) < 0)
			return -EINVAL;
		if (!name || ztc_map_protocol(in->map, edge, name, n) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int histogram(struct ztc_reader *in, const json_t *json, struct ztc_map_health *h)
{
	json_t *row;
	size_t i;

	if (!json_array_size(json))
		return 0;
	h->rtt = ztc_pool_alloc(in->map->pool, sizeof(*h->rtt));
	if (!h->rtt)
		return -ENOMEM;
	json_array_foreach (json, i, row) {
		const json_t *bucket = json_array_get(row, 0), *n = json_array_get(row, 1);

		if (!json_is_integer(bucket) || !json_is_integer(n) ||
		    json_integer_value(bucket) < 0 ||
		    json_integer_value(bucket) >= ZT_RTT_BUCKETS || json_integer_value(n) < 0 ||
		    json_integer_value(n) > UINT32_MAX)
			return bad(in, "an edge's round-trip times are not [bucket, count]");
		h->rtt->count[json_integer_value(bucket)] = (uint32_t)json_integer_value(n);
	}
	return 0;
}

static int health(struct ztc_reader *in, const json_t *json, struct ztc_map_health *h)
{
	const json_t *rtt_us = json_object_get(json, "rtt_us");
	int r;

	if (!json_is_object(json))
		return 0;
	h->known = true;
	r = count(in, json, "refused", &h->refused);
	r = r ?: count(in, json, "unanswered", &h->unanswered);
	r = r ?: count(in, json, "resets", &h->resets);
	r = r ?: count(in, json, "retransmits", &h->retransmits);
	r = r ?: count(in, rtt_us, "p50", &h->p50_us);
	r = r ?: count(in, rtt_us, "p99", &h->p99_us);
	r = r ?: count(in, rtt_us, "samples", &h->samples);
	return r ?: histogram(in, json_object_get(json, "rtt"), h);
}

static int seen_by(struct ztc_reader *in, const json_t *json, struct ztc_map_edge *edge)
{
	json_t *host;
	size_t i;

	json_array_foreach (json, i, host) {
		const char *name = json_string_value(host);
		const struct ztc_hosts *one;

		if (!name)
			return bad(in, "seen_by is not a list of names");
		name = ztc_pool_text(in->map->pool, name, strlen(name));
		one = name ? ztc_pool_host(in->map->pool, name) : NULL;
		edge->seen_by = one ? ztc_pool_hosts(in->map->pool, edge->seen_by, one) : NULL;
		if (!edge->seen_by)
			return -ENOMEM;
	}
	return 0;
}

static int64_t time_of(const json_t *json, const char *key)
{
	const char *when = json_string_value(json_object_get(json, key));
	uint64_t ns;

	return when && zt_wall_parse(when, &ns) == 0 ? (int64_t)(ns / ZT_NS_PER_MS) : 0;
}

/*
 * `workload` is the local end's: the source's where that is local. Nodes may stand behind the
 * edges, so which end that is waits until all are read.
 */
static int workloads(struct ztc_reader *in, const json_t *json, struct ztc_map_edge *edge)
{
	int r = ztc_pool_workload(in->map->pool, json_object_get(json, "workload"),
				  &edge->workload[ZTC_SRC]);

	if (r == 0)
		r = ztc_pool_workload(in->map->pool, json_object_get(json, "dst_workload"),
				      &edge->workload[ZTC_DST]);
	return r == -EINVAL ? bad(in, "an edge's workload is not what a map has") : r;
}

static int ends(struct ztc_reader *in, const json_t *json, struct ztc_map_edge *edge)
{
	const char *src = json_string_value(json_object_get(json, "src"));
	const char *dst = json_string_value(json_object_get(json, "dst"));
	const json_t *port = json_object_get(json, "port");

	edge->proto = text(in, json, "proto");
	edge->kind = text(in, json, "kind") ?: ztc_pool_text(in->map->pool, "local", 5);
	if (!src || !dst || !edge->proto)
		return bad(in, "an edge has no src, dst and proto");
	if (port && (!json_is_integer(port) || json_integer_value(port) < 0 ||
		     json_integer_value(port) > UINT16_MAX))
		return bad(in, "an edge's port is not from 0 to 65535");
	edge->port = (uint16_t)json_integer_value(port);
	if (!ztc_map_node(in->map, src, &edge->src) || !ztc_map_node(in->map, dst, &edge->dst))
		return -ENOMEM;
	return edge->kind ? 0 : -ENOMEM;
}

int ztc_read_edge(struct ztc_reader *in, const json_t *json)
{
	struct ztc_map_edge *edge = ztc_map_edge(in->map);
	const json_t *v = json_object_get(json, "verdict");
	int r;

	if (!edge)
		return -ENOMEM;
	r = ends(in, json, edge);
	r = r ?: verdict(in, json_object_get(v, "live"), &edge->verdict[ZT_LIVE]);
	r = r ?: verdict(in, json_object_get(v, "candidate"), &edge->verdict[ZT_CANDIDATE]);
	r = r ?: workloads(in, json, edge);
	r = r ?: count(in, json, "connections", &edge->connections);
	r = r ?: pair(in, json_object_get(json, "bytes"), edge->bytes);
	r = r ?: pair(in, json_object_get(json, "packets"), edge->packets);
	r = r ?: encryption(in, json_object_get(json, "encryption"), edge);
	r = r ?: protocols(in, json_object_get(json, "protocols"), edge);
	r = r ?: health(in, json_object_get(json, "health"), &edge->health);
	r = r ?: seen_by(in, json_object_get(json, "seen_by"), edge);
	edge->first_ms = time_of(json, "first_seen");
	edge->last_ms = time_of(json, "last_seen");
	return r;
}
