/* SPDX-License-Identifier: Apache-2.0 */
/* disagree.c - where both ends of the same traffic do not say the same. */
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "ctl/map/merge.h"

#define BYTES_PERCENT 20 /* retransmits and offloads make less */
#define BYTES_FLOOR   65536
#define COUNT_PERCENT 10
#define COUNT_FLOOR   2

static json_t *end_json(const struct ztc_map_node *node)
{
	return json_pack("{s:s, s:s*}", "address", node->name, "host", node->host);
}

/* "allow", "deny", or "both": what rows of one end say. */
static const char *action(const struct ztc_side *side, int plane)
{
	size_t denied = 0;

	for (size_t i = 0; i < side->count; i++)
		denied += side->rows[i].edge->verdict[plane].deny;
	return !denied ? "allow" : denied == side->count ? "deny" : "both";
}

/* Known classes alone: what an end could not tell is no statement. */
static const char *encryption(const struct ztc_side *side)
{
	uint64_t secret = 0, plain = 0;

	for (size_t i = 0; i < side->count; i++) {
		const struct ztc_map_edge *e = side->rows[i].edge;

		for (int c = 0; c < ZT_COVER_COUNT; c++)
			if (zt_cover_secret((enum zt_cover)c))
				secret += e->cover[c];
		plain += e->cover[ZT_COVER_PLAINTEXT];
	}
	return secret && plain ? "mixed" : secret ? "encrypted" : plain ? "plaintext" : "unknown";
}

static json_t *side_json(const struct ztc_side *side)
{
	if (!side->count)
		return json_null();
	return json_pack("{s:s, s:I, s:I, s:s, s:s, s:s}", "host", side->host->name, "connections",
			 (json_int_t)side->connections, "bytes", (json_int_t)side->bytes, "live",
			 action(side, ZT_LIVE), "candidate", action(side, ZT_CANDIDATE),
			 "encryption", encryption(side));
}

static int note(struct ztc_merge *m, const char *kind, const struct ztc_map_edge *edge,
		const struct ztc_side *src, const struct ztc_side *dst,
		const struct ztc_merge_host *missing)
{
	json_t *row =
		json_pack("{s:s, s:o, s:o, s:s, s:i, s:o, s:o}", "kind", kind, "src",
			  end_json(&m->map->nodes[edge->src]), "dst",
			  end_json(&m->map->nodes[edge->dst]), "proto", edge->proto, "port",
			  (int)edge->port, "at_src", side_json(src), "at_dst", side_json(dst));

	if (!row)
		return -ENOMEM;
	if (missing) {
		json_object_set_new(row, "not_seen_by", json_string_nocheck(missing->name));
		json_object_set_new(row, "its_losses", json_integer((json_int_t)missing->losses));
	}
	return json_array_append_new(m->map->disagreements, row) < 0 ? -ENOMEM : 0;
}

/* Seen by one end, while the other's map is of that time and that address is its own. */
static int one_end(struct ztc_merge *m, const struct ztc_map_edge *edge, const struct ztc_side *src,
		   const struct ztc_side *dst)
{
	const struct ztc_side *seen = src->count ? src : dst;
	const struct ztc_merge_host *other = m->owner_of[src->count ? edge->dst : edge->src];

	if (!other || other == seen->host ||
	    !ztc_merge_covers(other, seen->first_ms, seen->last_ms))
		return 0;
	return note(m, "one-end", edge, src, dst, other);
}

static bool differ(uint64_t a, uint64_t b, uint64_t percent, uint64_t floor)
{
	uint64_t more = a > b ? a : b, apart = a > b ? a - b : b - a;

	return apart > floor && (double)apart * 100 >= (double)percent * (double)more;
}

static int both_ends(struct ztc_merge *m, const struct ztc_map_edge *edge,
		     const struct ztc_side *src, const struct ztc_side *dst)
{
	const char *at_src = encryption(src), *at_dst = encryption(dst);
	bool comparable = ztc_merge_covers(src->host, dst->first_ms, dst->last_ms) &&
			  ztc_merge_covers(dst->host, src->first_ms, src->last_ms);
	int r = 0;

	if (strcmp(action(src, ZT_LIVE), action(dst, ZT_LIVE)) != 0 ||
	    strcmp(action(src, ZT_CANDIDATE), action(dst, ZT_CANDIDATE)) != 0)
		r = note(m, "verdict", edge, src, dst, NULL);
	if (r == 0 && ((!strcmp(at_src, "encrypted") && !strcmp(at_dst, "plaintext")) ||
		       (!strcmp(at_src, "plaintext") && !strcmp(at_dst, "encrypted"))))
		r = note(m, "encryption", edge, src, dst, NULL);
	if (r < 0 || !comparable)
		return r;
	if (differ(src->connections, dst->connections, COUNT_PERCENT, COUNT_FLOOR))
		r = note(m, "connections", edge, src, dst, NULL);
	if (r == 0 && differ(src->bytes, dst->bytes, BYTES_PERCENT, BYTES_FLOOR))
		r = note(m, "bytes", edge, src, dst, NULL);
	return r;
}

int ztc_merge_compare(struct ztc_merge *m, const struct ztc_map_edge *edge,
		      const struct ztc_side *src, const struct ztc_side *dst)
{
	/* What stays in one host, or has no one host at its end, has no two views. */
	if (strcmp(edge->kind, "loopback") == 0 || (!src->count && !dst->count) ||
	    (src->count && !m->owner_of[edge->dst]) || (dst->count && !m->owner_of[edge->src]))
		return 0;
	return src->count && dst->count ? both_ends(m, edge, src, dst) : one_end(m, edge, src, dst);
}
