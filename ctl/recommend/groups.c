/* SPDX-License-Identifier: Apache-2.0 */
/*
 * groups.c - addresses of no host: those that do the same make one segment, named after it.
 *
 * "The same": asked by, or asking, the same segments for the same services; that DNS
 * is udp/53 and at times tcp/53, or that some were pinged too, makes no difference
 * unless exactness is asked for. A /24 (IPv6: /64) stands for its addresses only where several
 * of it are in the segment and nothing else that is known lies in it; that is counted as widened.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "ctl/recommend/recommend.h"

#define SEVERAL 4 /* addresses of a network that make it stand for them */

/* One thing that an address does: as server or client, what, with whom. */
struct deed {
	uint32_t node;
	uint32_t port;
	bool serves;
	uint32_t peer_segment; /* ZTC_REC_NONE: another address without host */
};

struct group {
	uint32_t *nodes; /* of one signature, in order of addresses */
	size_t count;
	const struct deed *deeds; /* of the first; the others' are the same */
	size_t deed_count;
};

static int by_deed(const void *x, const void *y)
{
	const struct deed *a = x, *b = y;

	if (a->node != b->node)
		return a->node < b->node ? -1 : 1;
	if (a->serves != b->serves)
		return a->serves ? -1 : 1;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	return a->peer_segment < b->peer_segment ? -1 : a->peer_segment > b->peer_segment;
}

static size_t find_deeds(const struct ztc_rec *rec, struct deed *deeds)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < rec->edge_count; i++) {
		const struct ztc_rec_edge *e = &rec->edges[i];

		if (rec->nodes[e->src].segment == ZTC_REC_NONE)
			deeds[n++] =
				(struct deed){e->src, e->port, false, rec->nodes[e->dst].segment};
		if (rec->nodes[e->dst].segment == ZTC_REC_NONE)
			deeds[n++] =
				(struct deed){e->dst, e->port, true, rec->nodes[e->src].segment};
	}
	qsort(deeds, n, sizeof(*deeds), by_deed);
	for (size_t i = 0; i < n; i++)
		if (!kept || by_deed(&deeds[kept - 1], &deeds[i]) != 0)
			deeds[kept++] = deeds[i];
	return kept;
}

/* "dns-servers", "postgresql-clients", "admins": by the service that says most. */
static const char *name_group(struct ztc_rec *rec, const struct group *g)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf name = ZT_STRBUF_INIT;
	const struct deed *d = &g->deeds[0];
	char buf[ZT_PORT_TEXT_LEN];

	/* A real service says more than that it answers pings. */
	for (size_t i = 0; i < g->deed_count && ztc_rec_is_icmp(d->port); i++)
		d = &g->deeds[i];
	if (!d->serves && d->port == ZT_PORT_TCP + 22)
		zt_strbuf_puts(&name, "admins");
	else
		zt_strbuf_printf(&name, "%s-%s", ztc_rec_service(d->port, buf),
				 d->serves ? "servers" : "clients");
	return ztc_rec_name(rec, "", zt_strbuf_text(&name));
}

static void network_of(const struct zt_addr *addr, struct zt_net_key *ret)
{
	ret->prefixlen = zt_addr_is_v4(addr) ? 96 + 24 : 64;
	memcpy(ret->bytes, addr->bytes, sizeof(ret->bytes));
	zt_net_mask(ret);
}

/* Where in the order of addresses the first one stands that is not below @bytes. */
static size_t first_at(const struct ztc_rec *rec, const __u8 *bytes)
{
	size_t low = 0, high = zt_strmap_count(rec->node_keys);

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (memcmp(rec->nodes[rec->order[mid]].addr.bytes, bytes, sizeof(struct zt_addr)) <
		    0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Is anything else that is known in this network: a host, another address, a segment's part? */
static bool alone_in(const struct ztc_rec *rec, const struct zt_net_key *net, uint32_t segment)
{
	size_t count = zt_strmap_count(rec->node_keys);

	for (size_t i = first_at(rec, net->bytes); i < count; i++) {
		const struct ztc_rec_node *node = &rec->nodes[rec->order[i]];

		if (!zt_net_contains(net, &node->addr))
			break;
		if (node->segment != segment)
			return false;
	}
	for (size_t h = 0; h < rec->host_count; h++)
		for (size_t a = 0; a < rec->hosts[h].address_count; a++)
			if (zt_net_contains(net, &rec->hosts[h].addresses[a]))
				return false;
	for (size_t i = 0; rec->inventory && i < rec->inventory->segment_count; i++) {
		const struct zt_segment *s = &rec->inventory->segments[i];

		for (size_t a = 0; a < s->address_count; a++)
			if (zt_net_covers(net, &s->addresses[a].key))
				return false;
	}
	return true;
}

/* The addresses of a segment, networks where they may stand for several. */
static int write_nets(struct ztc_rec *rec, uint32_t number, const struct group *g)
{
	struct ztc_rec_segment *s = &rec->segments[number];

	s->nets = zt_arena_array(rec->arena, g->count, sizeof(*s->nets));
	if (!s->nets)
		return -ENOMEM;
	s->addresses = g->count;
	for (size_t i = 0, end; i < g->count; i = end) {
		struct zt_net_key net;

		network_of(&rec->nodes[g->nodes[i]].addr, &net);
		for (end = i;
		     end < g->count && zt_net_contains(&net, &rec->nodes[g->nodes[end]].addr);
		     end++)
			;
		if (!rec->exact && end - i >= SEVERAL && alone_in(rec, &net, number)) {
			s->nets[s->net_count++] = net;
			s->widened++;
			continue;
		}
		for (size_t k = i; k < end; k++) {
			struct zt_net_key *one = &s->nets[s->net_count++];

			one->prefixlen = 128;
			memcpy(one->bytes, rec->nodes[g->nodes[k]].addr.bytes, sizeof(one->bytes));
		}
	}
	return 0;
}

static int make_group(struct ztc_rec *rec, const struct group *g)
{
	const char *name = name_group(rec, g);
	struct ztc_rec_segment *s = name ? ztc_rec_segment(rec, ZTC_REC_ADDRESSES) : NULL;
	uint32_t number = (uint32_t)rec->segment_count - 1;

	if (!s)
		return -ENOMEM;
	s->name = name;
	for (size_t i = 0; i < g->count; i++)
		rec->nodes[g->nodes[i]].segment = number;
	return 0;
}

static int by_string(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One deed as text; NULL for one that makes no difference. */
static const char *deed_text(struct ztc_rec *rec, const struct deed *d, bool only_icmp)
{
	char service[ZT_PORT_TEXT_LEN], text[128];

	if (ztc_rec_is_icmp(d->port) && !only_icmp && !rec->exact)
		return "";
	if (rec->exact)
		snprintf(service, sizeof(service), "%u", d->port);
	snprintf(text, sizeof(text), "%c %.40s %u ", d->serves ? 's' : 'c',
		 rec->exact ? service : ztc_rec_service(d->port, service), d->peer_segment);
	return zt_arena_text(rec->arena, text, strlen(text));
}

/* What a node does, as text: equal exactly when they do the same. */
static int sign(struct ztc_rec *rec, const struct deed *deeds, size_t count)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf all = ZT_STRBUF_INIT;
	zt_auto(zt_freep) const char **texts = calloc(count, sizeof(*texts));
	bool only_icmp = true;

	if (!texts)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		only_icmp &= ztc_rec_is_icmp(deeds[i].port);
	for (size_t i = 0; i < count; i++) {
		texts[i] = deed_text(rec, &deeds[i], only_icmp);
		if (!texts[i])
			return -ENOMEM;
	}
	qsort(texts, count, sizeof(*texts), by_string);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || strcmp(texts[i - 1], texts[i]) != 0)
			zt_strbuf_puts(&all, texts[i]);
	if (zt_strbuf_error(&all))
		return -ENOMEM;
	rec->nodes[deeds[0].node].signature =
		zt_arena_text(rec->arena, zt_strbuf_text(&all), all.len);
	return rec->nodes[deeds[0].node].signature ? 0 : -ENOMEM;
}

struct member {
	uint32_t node;
	const struct deed *deeds;
	size_t deed_count;
};

static int by_signature(const void *x, const void *y, void *ctx)
{
	const struct ztc_rec *rec = ctx;
	const struct ztc_rec_node *a = &rec->nodes[((const struct member *)x)->node];
	const struct ztc_rec_node *b = &rec->nodes[((const struct member *)y)->node];
	int c = strcmp(a->signature, b->signature);

	return c ? c : memcmp(&a->addr, &b->addr, sizeof(a->addr));
}

static size_t find_members(struct ztc_rec *rec, const struct deed *deeds, size_t count,
			   struct member *members)
{
	size_t n = 0;

	for (size_t i = 0, end; i < count; i = end) {
		for (end = i; end < count && deeds[end].node == deeds[i].node; end++)
			;
		members[n] = (struct member){deeds[i].node, deeds + i, end - i};
		if (sign(rec, deeds + i, end - i) < 0)
			return SIZE_MAX;
		n++;
	}
	qsort_r(members, n, sizeof(*members), by_signature, rec);
	return n;
}

/* Nodes of all groups get their segment first: whether a network is theirs alone shows then. */
static int make_groups(struct ztc_rec *rec, const struct member *members, size_t count,
		       uint32_t *nodes)
{
	uint32_t first_segment = (uint32_t)rec->segment_count, number;
	int r = 0;

	for (size_t i = 0; i < count; i++)
		nodes[i] = members[i].node;
	for (int pass = 0; pass < 2; pass++) {
		number = first_segment;
		for (size_t i = 0, end; i < count && r == 0; i = end) {
			struct group g = {.nodes = nodes + i,
					  .deeds = members[i].deeds,
					  .deed_count = members[i].deed_count};

			for (end = i; end < count && strcmp(rec->nodes[nodes[end]].signature,
							    rec->nodes[nodes[i]].signature) == 0;
			     end++)
				;
			g.count = end - i;
			r = pass ? write_nets(rec, number++, &g) : make_group(rec, &g);
		}
	}
	return r;
}

int ztc_rec_group(struct ztc_rec *rec)
{
	zt_auto(zt_freep) struct deed *deeds = calloc(2 * rec->edge_count + 1, sizeof(*deeds));
	zt_auto(zt_freep) struct member *members = NULL;
	zt_auto(zt_freep) uint32_t *nodes = NULL;
	size_t count, n;

	if (!deeds)
		return -ENOMEM;
	count = find_deeds(rec, deeds);
	members = calloc(count + 1, sizeof(*members));
	nodes = calloc(count + 1, sizeof(*nodes));
	if (!members || !nodes)
		return -ENOMEM;
	n = find_members(rec, deeds, count, members);
	return n == SIZE_MAX ? -ENOMEM : make_groups(rec, members, n, nodes);
}
