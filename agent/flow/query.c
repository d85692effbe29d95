/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query.c - what the collector answers: the sums, and the flows in the kernel right now.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flow/collect_priv.h"

/* Both tables from start to end, as they are now. */
static int walk_all(struct zt_collector *c, zt_flow_visit_fn fn, void *data)
{
	for (uint32_t table = 0; table < ZT_IN_COUNT; table++) {
		struct zt_flow_walk walk = {.table = table};

		while (!walk.done) {
			int r = c->source.walk(c->source.ctx, &walk, ZT_WALK_BUDGET, fn, data);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static void add_live(uint32_t table, const struct zt_flow_key *key, const struct zt_flow *flow,
		     void *data)
{
	(void)table;
	zt_graph_add_flow(data, key, flow, false); /* over the cap: counted there */
}

/*
 * One graph, and no copy of it: at a hundred thousand edges it is the largest thing that the agent
 * ever holds. The living come first, then what is folded is added to them.
 */
struct zt_graph_read {
	struct zt_collector *c;
	struct zt_graph *graph;
	struct zt_flow_walk walk;
};

int zt_graph_read_begin(struct zt_collector *collector, struct zt_graph_read **ret)
{
	zt_auto(zt_graph_read_free) struct zt_graph_read *read = calloc(1, sizeof(*read));
	int r;

	if (!read)
		return -ENOMEM;
	read->c = collector;
	collector->reads++;
	r = zt_graph_new(&read->graph, collector->edge_cap * 3);
	if (r < 0)
		return r;
	*ret = zt_take(read);
	return 0;
}

void zt_graph_read_free(struct zt_graph_read **read)
{
	if (!*read)
		return;
	(*read)->c->reads--;
	zt_graph_free(&(*read)->graph);
	free(*read);
	*read = NULL;
}

int zt_graph_read_step(struct zt_graph_read *read)
{
	const struct zt_flow_source *s = &read->c->source;
	int r;

	if (read->walk.done && read->walk.table + 1 == ZT_IN_COUNT)
		return 0;
	if (read->walk.done)
		read->walk = (struct zt_flow_walk){.table = read->walk.table + 1};
	r = s->walk(s->ctx, &read->walk, ZT_WALK_BUDGET, add_live, read->graph);
	return r < 0 ? r : 1;
}

int zt_graph_read_finish(struct zt_graph_read *read, const struct zt_flow_names *names,
			 const struct zt_graph_view *view, struct zt_graph **ret)
{
	const struct zt_graph *folded[] = {read->c->answered, read->c->openings};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(folded) && !r; i++)
		r = zt_graph_merge(read->graph, folded[i], view);
	if (!r)
		r = zt_graph_finish(read->graph, names, view);
	if (r < 0)
		return r;
	*ret = zt_take(read->graph);
	return 0;
}

int zt_collector_graph(struct zt_collector *collector, const struct zt_flow_names *names,
		       const struct zt_graph_view *view, struct zt_graph **ret)
{
	zt_auto(zt_graph_read_free) struct zt_graph_read *read = NULL;
	int r = zt_graph_read_begin(collector, &read);

	if (r < 0)
		return r;
	do {
		r = zt_graph_read_step(read);
	} while (r > 0);
	return r < 0 ? r : zt_graph_read_finish(read, names, view, ret);
}

struct violation_read {
	struct zt_collector *c;
	struct zt_violations *v;
	int error;
};

static void add_denied(uint32_t table, const struct zt_flow_key *key, const struct zt_flow *flow,
		       void *data)
{
	struct violation_read *read = data;
	int r;

	(void)table;
	if (!flow->denied && !flow->would_deny)
		return;
	r = zt_violations_add_flow(read->v, key, flow, zt_denials_seen(read->c->denials, key));
	if (r < 0)
		read->error = r;
}

int zt_collector_violations(struct zt_collector *collector, struct zt_violations **ret)
{
	zt_auto(zt_violations_free) struct zt_violations *v = NULL;
	struct violation_read read = {.c = collector};
	int r;

	r = zt_violations_new(&v, collector->violation_cap);
	if (!r)
		r = zt_violations_merge(v, collector->violations);
	if (r < 0)
		return r;
	read.v = v;
	r = walk_all(collector, add_denied, &read);
	if (!r)
		r = read.error;
	if (r < 0)
		return r;
	*ret = zt_take(v);
	return 0;
}

/* The most recently seen flows, as a heap with the least recent on top, to be replaced. */
struct flow_read {
	struct zt_flow_list *list;
	size_t room, limit;
	zt_flow_match_fn match;
	void *match_data;
	int error;
};

static bool earlier(const struct zt_flow_item *a, const struct zt_flow_item *b)
{
	return a->flow.last_ns < b->flow.last_ns;
}

static void swap(struct zt_flow_item *a, struct zt_flow_item *b)
{
	struct zt_flow_item t = *a;

	*a = *b;
	*b = t;
}

static void sift_down(struct zt_flow_item *heap, size_t count, size_t at)
{
	for (;;) {
		size_t least = at, child = 2 * at + 1;

		for (size_t i = child; i < child + 2 && i < count; i++) {
			if (earlier(&heap[i], &heap[least]))
				least = i;
		}
		if (least == at)
			return;
		swap(&heap[at], &heap[least]);
		at = least;
	}
}

static void sift_up(struct zt_flow_item *heap, size_t at)
{
	while (at && earlier(&heap[at], &heap[(at - 1) / 2])) {
		swap(&heap[at], &heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
}

static int make_room(struct flow_read *read)
{
	size_t want = read->room ? read->room * 2 : 256;
	struct zt_flow_item *grown;

	if (read->list->count < read->room)
		return 0;
	if (want > read->limit)
		want = read->limit;
	grown = realloc(read->list->items, want * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	read->list->items = grown;
	read->room = want;
	return 0;
}

static void keep(struct flow_read *read, const struct zt_flow_item *item)
{
	struct zt_flow_list *list = read->list;

	if (read->match && !read->match(item, read->match_data))
		return;
	list->matched++;
	if (list->count == read->limit) {
		if (!earlier(&list->items[0], item))
			return;
		list->items[0] = *item;
		sift_down(list->items, list->count, 0);
		return;
	}
	if (make_room(read) < 0) {
		read->error = -ENOMEM;
		return;
	}
	list->items[list->count] = *item;
	sift_up(list->items, list->count++);
}

static void keep_live(uint32_t table, const struct zt_flow_key *key, const struct zt_flow *flow,
		      void *data)
{
	struct zt_flow_item item = {.key = *key, .flow = *flow, .table = table};

	keep(data, &item);
}

static int by_last_seen(const void *a, const void *b)
{
	uint64_t x = ((const struct zt_flow_item *)a)->flow.last_ns;
	uint64_t y = ((const struct zt_flow_item *)b)->flow.last_ns;

	return x < y ? 1 : x > y ? -1 : 0;
}

int zt_collector_flows(struct zt_collector *collector, zt_flow_match_fn match, void *data,
		       size_t limit, struct zt_flow_list *ret)
{
	zt_auto(zt_flow_list_clear) struct zt_flow_list list = {0};
	struct flow_read read = {.list = &list, .limit = limit, .match = match, .match_data = data};
	int r;

	if (!limit)
		return -EINVAL;
	r = walk_all(collector, keep_live, &read);
	if (r < 0)
		return r;
	for (size_t i = 0; i < collector->recent_count; i++)
		keep(&read, &collector->recent[i]);
	if (read.error)
		return read.error;
	if (list.count)
		qsort(list.items, list.count, sizeof(*list.items), by_last_seen);
	*ret = list;
	list = (struct zt_flow_list){0};
	return 0;
}

void zt_flow_list_clear(struct zt_flow_list *list)
{
	free(list->items);
	*list = (struct zt_flow_list){0};
}

void zt_collector_stats(struct zt_collector *collector, struct zt_collector_stats *ret)
{
	struct zt_count now[ZT_C_COUNT] = {{0}};
	struct zt_flow_losses *losses = &ret->losses;
	size_t answered, openings;

	*ret = collector->stats;
	if (collector->source.counters(collector->source.ctx, now) < 0)
		losses->read_errors++;
	losses->flows_evicted = collector->evictions[ZT_IN_FLOWS].evicted;
	losses->openings_evicted = collector->evictions[ZT_IN_OPENINGS].evicted;
	losses->ring_full = now[ZT_C_LOST_RING].packets;
	losses->insert_failed = now[ZT_C_LOST_INSERT].packets;
	losses->owner_table_full = now[ZT_C_LOST_OWNER].packets;
	losses->header_unreadable = now[ZT_C_LOST_PULL].packets;
	losses->dns_answers = now[ZT_C_LOST_DNS].packets;
	losses->edges_over_cap =
		zt_graph_lost(collector->answered) + zt_graph_lost(collector->openings);
	losses->violations_over_cap = zt_violations_lost(collector->violations);
	losses->denials_forgotten = zt_denials_lost(collector->denials);
	zt_graph_edges(collector->answered, &answered);
	zt_graph_edges(collector->openings, &openings);
	ret->edges = answered + openings;
	ret->edge_cap = collector->edge_cap;
	ret->violations = zt_violations_count(collector->violations);
	ret->violation_cap = collector->violation_cap;
}
