/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segments.c - which segment a host belongs to: by its labels, or one that the inventory has.
 *
 * Labels are taken in the order that people think in: role, app, tier, env. A
 * further one is only added where hosts with the first differ in it, so that a
 * selector is as short as can be and test does not get what production was seen to need.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "ctl/recommend/recommend.h"

#define REUSE_V4                                                                                   \
	(96 + 16) /* shortest prefix of an existing segment that is taken for an address           \
		   */
#define REUSE_V6 48

static const char *const key_order[] = {"role", "app", "tier", "env"};

struct ztc_rec_segment *ztc_rec_segment(struct ztc_rec *rec, enum ztc_rec_kind kind)
{
	struct ztc_rec_segment *s;

	if (zt_vec_grow(&rec->segments, &rec->segment_cap, rec->segment_count + 1, sizeof(*s)) < 0)
		return NULL;
	s = &rec->segments[rec->segment_count++];
	*s = (struct ztc_rec_segment){.kind = kind};
	return s;
}

static const struct zt_label *label_of(const struct ztc_rec_host *host, const char *key)
{
	for (size_t i = 0; i < host->label_count; i++)
		if (strcmp(host->labels[i].key, key) == 0)
			return &host->labels[i];
	return NULL;
}

static bool selected(const struct ztc_rec_host *host, const struct zt_label *const *select,
		     size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct zt_label *label = label_of(host, select[i]->key);

		if (!label || strcmp(label->value, select[i]->value) != 0)
			return false;
	}
	return true;
}

static size_t count_selected(const struct ztc_rec *rec, const struct zt_label *const *select,
			     size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < rec->host_count; i++)
		n += selected(&rec->hosts[i], select, count);
	return n;
}

/* Do the hosts that are selected so far differ in this label? */
static bool differ(const struct ztc_rec *rec, const struct zt_label *const *select, size_t count,
		   const struct zt_label *label)
{
	for (size_t i = 0; i < rec->host_count; i++) {
		const struct zt_label *other;

		if (!selected(&rec->hosts[i], select, count))
			continue;
		other = label_of(&rec->hosts[i], label->key);
		if (!other || strcmp(other->value, label->value) != 0)
			return true;
	}
	return false;
}

/* The labels to know a host by; at most ARRAY_SIZE(key_order). Returns how many. */
static size_t choose_labels(const struct ztc_rec *rec, const struct ztc_rec_host *host,
			    const struct zt_label *ret[ARRAY_SIZE(key_order)])
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(key_order); i++) {
		const struct zt_label *label = label_of(host, key_order[i]);

		if (label && (!n || differ(rec, ret, n, label)))
			ret[n++] = label;
	}
	if (!n && host->label_count)
		ret[n++] = &host->labels[0];
	return n;
}

/* --- segments that exist ----------------------------------------------------------------- */

static bool net_has(const struct zt_net *nets, size_t count, const struct zt_addr *addr,
		    __u32 *ret_len)
{
	bool has = false;

	for (size_t i = 0; i < count; i++)
		if (zt_net_contains(&nets[i].key, addr)) {
			has = true;
			if (ret_len && nets[i].key.prefixlen > *ret_len)
				*ret_len = nets[i].key.prefixlen;
		}
	return has;
}

/* Whether all addresses of a host are in an existing segment, and it by its labels. */
static bool fits_host(const struct zt_segment *s, const struct ztc_rec_host *host)
{
	for (size_t i = 0; i < s->select_count; i++) {
		const struct zt_label *label = label_of(host, s->select[i].key);

		if (!label || strcmp(label->value, s->select[i].value) != 0)
			return false;
	}
	for (size_t i = 0; i < host->address_count; i++)
		if (net_has(s->except, s->except_count, &host->addresses[i], NULL))
			return false;
	return s->select_count > 0 && !s->address_count;
}

/* The existing segment with the fewest hosts, when it has no more than @most. */
static const struct zt_segment *existing_for_host(const struct ztc_rec *rec,
						  const struct ztc_rec_host *host, size_t most)
{
	const struct zt_policy *p = rec->inventory;
	const struct zt_segment *best = NULL;

	for (size_t i = 0; p && i < p->segment_count; i++)
		if (fits_host(&p->segments[i], host) && p->segments[i].selected <= most &&
		    (!best || p->segments[i].selected < best->selected))
			best = &p->segments[i];
	return best;
}

/* The existing segment that names the longest prefix around an address, if it is not too wide. */
static const struct zt_segment *existing_for_address(const struct ztc_rec *rec,
						     const struct zt_addr *addr)
{
	const struct zt_policy *p = rec->inventory;
	const struct zt_segment *best = NULL;
	__u32 best_len = zt_addr_is_v4(addr) ? REUSE_V4 - 1 : REUSE_V6 - 1;

	for (size_t i = 0; p && i < p->segment_count; i++) {
		const struct zt_segment *s = &p->segments[i];
		__u32 len = 0;

		if (s->select_count || !net_has(s->addresses, s->address_count, addr, &len) ||
		    net_has(s->except, s->except_count, addr, NULL) || len <= best_len)
			continue;
		best = s;
		best_len = len;
	}
	return best;
}

static uint32_t reuse(struct ztc_rec *rec, const struct zt_segment *existing)
{
	struct ztc_rec_segment *s;

	for (size_t i = 0; i < rec->segment_count; i++)
		if (rec->segments[i].reused == existing)
			return (uint32_t)i;
	s = ztc_rec_segment(rec, ZTC_REC_REUSED);
	if (!s)
		return ZTC_REC_NONE;
	s->reused = existing;
	s->name = existing->name;
	s->hosts = existing->selected;
	return (uint32_t)rec->segment_count - 1;
}

/* --- new ones ------------------------------------------------------------------------------- */

static uint32_t segment_of_labels(struct ztc_rec *rec, const struct zt_label **select, size_t count)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf name = ZT_STRBUF_INIT;
	struct ztc_rec_segment *s;

	for (size_t i = 0; i < rec->segment_count; i++) {
		bool same = rec->segments[i].kind == ZTC_REC_LABELS &&
			    rec->segments[i].select_count == count;

		for (size_t k = 0; k < count && same; k++)
			same = strcmp(rec->segments[i].select[k]->key, select[k]->key) == 0 &&
			       strcmp(rec->segments[i].select[k]->value, select[k]->value) == 0;
		if (same)
			return (uint32_t)i;
	}
	s = ztc_rec_segment(rec, ZTC_REC_LABELS);
	if (!s)
		return ZTC_REC_NONE;
	s->select = zt_arena_array(rec->arena, count, sizeof(*s->select));
	for (size_t k = 0; k < count; k++)
		zt_strbuf_printf(&name, "%s%s", k ? "-" : "", select[k]->value);
	s->name = ztc_rec_name(rec, "", zt_strbuf_text(&name));
	if (!s->select || !s->name)
		return ZTC_REC_NONE;
	memcpy(s->select, select, count * sizeof(*select));
	s->select_count = count;
	s->hosts = count_selected(rec, select, count);
	return (uint32_t)rec->segment_count - 1;
}

static void add_net(struct ztc_rec_segment *s, const struct zt_addr *addr)
{
	struct zt_net_key *net = &s->nets[s->net_count++];

	net->prefixlen = 128;
	memcpy(net->bytes, addr->bytes, sizeof(net->bytes));
}

/* A host without labels: by its addresses, under its name. */
static uint32_t segment_of_host(struct ztc_rec *rec, const struct ztc_rec_host *host)
{
	struct ztc_rec_segment *s = ztc_rec_segment(rec, ZTC_REC_ADDRESSES);
	uint32_t nodes = zt_strmap_count(rec->node_keys);

	if (!s)
		return ZTC_REC_NONE;
	s->name = ztc_rec_name(rec, "", host->name);
	s->nets = zt_arena_array(rec->arena, host->address_count + nodes + 1, sizeof(*s->nets));
	if (!s->name || !s->nets)
		return ZTC_REC_NONE;
	for (size_t i = 0; i < host->address_count; i++)
		add_net(s, &host->addresses[i]);
	for (uint32_t i = 0; i < nodes; i++)
		if (rec->nodes[rec->order[i]].learned &&
		    &rec->hosts[rec->nodes[rec->order[i]].host] == host)
			add_net(s, &rec->nodes[rec->order[i]].addr);
	s->addresses = s->net_count;
	s->hosts = 1;
	return (uint32_t)rec->segment_count - 1;
}

static int place_host(struct ztc_rec *rec, struct ztc_rec_host *host)
{
	const struct zt_label *select[ARRAY_SIZE(key_order)];
	const struct zt_segment *existing;
	size_t count;

	if (host->segment == ZTC_REC_NONE) {
		count = choose_labels(rec, host, select);
		existing = existing_for_host(rec, host,
					     count ? count_selected(rec, select, count) : 1);
		host->segment = existing ? reuse(rec, existing)
				: count	 ? segment_of_labels(rec, select, count)
					 : segment_of_host(rec, host);
	}
	if (host->segment == ZTC_REC_NONE)
		return -ENOMEM;
	/* Of one host alone was asked: what its peers do with others is not looked at. */
	rec->segments[host->segment].recorded |=
		host->recorded && (!rec->only_host || strcmp(rec->only_host, host->name) == 0);
	return 0;
}

/* Which of the two built-in ones, by name. */
static int place_group(struct ztc_rec *rec, struct ztc_rec_node *node)
{
	const char *name = zt_addr_is_multicast(&node->addr) ? "multicast" : "broadcast";
	struct ztc_rec_segment *s;

	for (size_t i = 0; i < rec->segment_count; i++)
		if (rec->segments[i].kind == ZTC_REC_BUILTIN &&
		    strcmp(rec->segments[i].name, name) == 0) {
			node->segment = (uint32_t)i;
			return 0;
		}
	s = ztc_rec_segment(rec, ZTC_REC_BUILTIN);
	if (!s)
		return -ENOMEM;
	s->name = name;
	node->segment = (uint32_t)rec->segment_count - 1;
	return 0;
}

static bool is_group(const struct ztc_rec_node *node)
{
	static const struct zt_addr broadcast4 = {
		.bytes = {[10] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

	return node->broadcast || zt_addr_is_multicast(&node->addr) ||
	       memcmp(&node->addr, &broadcast4, sizeof(broadcast4)) == 0;
}

static int place_node(struct ztc_rec *rec, struct ztc_rec_node *node)
{
	const struct zt_segment *existing;

	if (node->host != ZTC_REC_NONE) {
		if (place_host(rec, &rec->hosts[node->host]) < 0)
			return -ENOMEM;
		node->segment = rec->hosts[node->host].segment;
		return 0;
	}
	if (is_group(node))
		return place_group(rec, node);
	existing = existing_for_address(rec, &node->addr);
	if (!existing)
		return 0; /* by what it does: ztc_rec_group() */
	node->segment = reuse(rec, existing);
	return node->segment == ZTC_REC_NONE ? -ENOMEM : 0;
}

/* In the order of addresses, so that names do not depend on the order of the input. */
static int by_address(const void *a, const void *b, void *ctx)
{
	const struct ztc_rec *rec = ctx;

	const struct ztc_rec_node *x = &rec->nodes[*(const uint32_t *)a];
	const struct ztc_rec_node *y = &rec->nodes[*(const uint32_t *)b];
	int c = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	if (c || x->host == y->host)
		return c;
	/* Hosts are in the order of the inventory, and those made up in that of the maps. */
	return x->host < y->host ? -1 : 1;
}

/* Who must never be locked out stays so: what a failsafe names is written, seen or not. */
static int keep_failsafe_ends(struct ztc_rec *rec)
{
	const struct zt_policy *p = rec->inventory;

	for (size_t i = 0; p && i < p->stmt_count; i++) {
		const struct zt_end *ends[] = {&p->stmts[i].from, &p->stmts[i].to};

		if (p->stmts[i].kind != ZT_STMT_FAILSAFE)
			continue;
		/* Its id is taken, too. */
		if (!ztc_rec_name(rec, "rule:", p->stmts[i].id))
			return -ENOMEM;
		for (size_t k = 0; k < ARRAY_SIZE(ends); k++) {
			uint32_t segment;

			if (ends[k]->kind != ZT_END_SEGMENT)
				continue;
			segment = reuse(rec, &p->segments[ends[k]->segment]);
			if (segment == ZTC_REC_NONE)
				return -ENOMEM;
			rec->segments[segment].used = true;
		}
	}
	return 0;
}

int ztc_rec_segments(struct ztc_rec *rec)
{
	uint32_t count = zt_strmap_count(rec->node_keys);
	uint32_t *order = zt_arena_array(rec->arena, count + 1, sizeof(*order));
	int r = 0;

	if (!order)
		return -ENOMEM;
	/* The names of what exists are taken, used or not: nobody should read one name as two. */
	for (size_t i = 0; rec->inventory && i < rec->inventory->segment_count; i++)
		if (!ztc_rec_name(rec, "", rec->inventory->segments[i].name))
			return -ENOMEM;
	for (uint32_t n = 0; n < count; n++)
		order[n] = n;
	rec->order = order;
	qsort_r(order, count, sizeof(*order), by_address, rec);
	for (uint32_t n = 0; n < count && r == 0; n++)
		if (rec->nodes[order[n]].seen)
			r = place_node(rec, &rec->nodes[order[n]]);
	if (r == 0)
		r = keep_failsafe_ends(rec);
	return r < 0 ? r : ztc_rec_group(rec);
}
