/* SPDX-License-Identifier: Apache-2.0 */
/* input.c - maps of hosts to edges between nodes; hostile text in them is refused or escaped. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "ctl/recommend/recommend.h"
#include "ctl/render/text.h"
#include "policy/rules.h"

struct input {
	struct ztc_rec *rec;
	const json_t *map;
	struct zt_strmap *ids; /* of nodes in the map -> position in @found */
	uint32_t *found;       /* node, and whether it is this machine's */
	bool *near, *broadcast;
	uint32_t self; /* the host whose map it is */
};

static const char *keep(struct ztc_rec *rec, const char *text)
{
	return zt_arena_text(rec->arena, text, strlen(text));
}

/* --- hosts --------------------------------------------------------------------------------- */

static int claim_address(struct ztc_rec *rec, const struct zt_addr *addr, uint32_t host)
{
	bool is_new;
	uint32_t n = zt_strmap_intern(rec->host_addresses, addr, sizeof(*addr), &is_new);

	if (n == ZT_STRMAP_NONE ||
	    zt_vec_grow(&rec->host_of, &rec->host_of_cap, n + 1, sizeof(*rec->host_of)) < 0)
		return -ENOMEM;
	/* An address that several hosts have, as a service address may be, tells nothing. */
	if (is_new)
		rec->host_of[n] = host;
	else if (rec->host_of[n] != host)
		rec->host_of[n] = ZTC_REC_NONE;
	return 0;
}

static int add_host(struct ztc_rec *rec, const struct ztc_rec_host *host)
{
	if (zt_vec_grow(&rec->hosts, &rec->host_cap, rec->host_count + 1, sizeof(*host)) < 0)
		return -ENOMEM;
	rec->hosts[rec->host_count++] = *host;
	return 0;
}

static int take_inventory(struct ztc_rec *rec)
{
	const struct zt_policy *p = rec->inventory;
	int r = 0;

	for (size_t i = 0; p && i < p->host_count && r == 0; i++) {
		const struct zt_host *h = &p->hosts[i];
		struct ztc_rec_host host = {.name = h->name,
					    .address_count = h->address_count,
					    .labels = h->labels,
					    .label_count = h->label_count,
					    .segment = ZTC_REC_NONE};

		host.addresses =
			zt_arena_array(rec->arena, h->address_count + 1, sizeof(*host.addresses));
		if (!host.addresses)
			return -ENOMEM;
		for (size_t a = 0; a < h->address_count; a++) {
			memcpy(host.addresses[a].bytes, h->addresses[a].key.bytes,
			       sizeof(host.addresses[a].bytes));
			r = r ?: claim_address(rec, &host.addresses[a], (uint32_t)i);
		}
		r = r ?: add_host(rec, &host);
	}
	return r;
}

int ztc_rec_init(struct ztc_rec *rec)
{
	if (zt_arena_new(&rec->arena) < 0 || zt_strmap_new(&rec->host_addresses) < 0 ||
	    zt_strmap_new(&rec->node_keys) < 0 || zt_strmap_new(&rec->edge_keys) < 0 ||
	    zt_strmap_new(&rec->names) < 0)
		return -ENOMEM;
	return take_inventory(rec);
}

void ztc_rec_free(struct ztc_rec *rec)
{
	zt_arena_free(&rec->arena);
	zt_strmap_free(&rec->host_addresses);
	zt_strmap_free(&rec->node_keys);
	zt_strmap_free(&rec->edge_keys);
	zt_strmap_free(&rec->names);
	free(rec->hosts);
	free(rec->host_of);
	free(rec->nodes);
	free(rec->edges);
	free(rec->segments);
	free(rec->rules);
	zt_strbuf_free(&rec->why);
}

/* --- nodes ----------------------------------------------------------------------------------- */

static uint32_t find_host(const struct ztc_rec *rec, const char *name)
{
	for (size_t i = 0; i < rec->host_count; i++)
		if (strcmp(rec->hosts[i].name, name) == 0)
			return (uint32_t)i;
	return ZTC_REC_NONE;
}

uint32_t ztc_rec_host_at(const struct ztc_rec *rec, const struct zt_addr *addr)
{
	uint32_t n = zt_strmap_find(rec->host_addresses, addr, sizeof(*addr));

	return n == ZT_STRMAP_NONE ? ZTC_REC_NONE : rec->host_of[n];
}

/*
 * @own: the host whose address it is only where it was seen as its own: many hosts have 172.17.0.1
 * or fe80::1, and what others call by that address is another thing. ZTC_REC_NONE: the inventory's.
 */
static uint32_t take_node(struct ztc_rec *rec, const struct zt_addr *addr, uint32_t host,
			  uint32_t own)
{
	struct {
		struct zt_addr addr;
		uint32_t own;
	} key = {*addr, own};
	bool is_new;
	uint32_t n = zt_strmap_intern(rec->node_keys, &key, sizeof(key), &is_new);

	if (n == ZT_STRMAP_NONE ||
	    zt_vec_grow(&rec->nodes, &rec->node_cap, n + 1, sizeof(*rec->nodes)) < 0)
		return ZTC_REC_NONE;
	if (is_new)
		rec->nodes[n] = (struct ztc_rec_node){.addr = *addr,
						      .host = host,
						      .segment = ZTC_REC_NONE,
						      .own = own != ZTC_REC_NONE};
	return n;
}

/* The address a node of the map stands for. */
static int node_address(struct input *in, const json_t *node, struct zt_addr *ret)
{
	const char *kind = ztc_str(node, "kind"), *name = ztc_str(node, "name");
	struct zt_strbuf *why = &in->rec->why;
	uint32_t host;

	if (strcmp(kind, "address") == 0 && zt_addr_parse(name, ret) == 0)
		return 0;
	host = strcmp(kind, "host") == 0 ? find_host(in->rec, name) : ZTC_REC_NONE;
	if (host != ZTC_REC_NONE && in->rec->hosts[host].address_count) {
		*ret = in->rec->hosts[host].addresses[0];
		return 0;
	}
	zt_strbuf_puts(why, "node '");
	zt_strbuf_escape(why, name, strlen(name));
	zt_strbuf_puts(why, "' is no address; save maps with 'ztctl --json map --by address'");
	return -EINVAL;
}

static bool is_unicast(const struct zt_addr *addr)
{
	static const struct zt_addr broadcast4 = {
		.bytes = {[10] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

	return !zt_addr_is_multicast(addr) && !zt_addr_is_loopback(addr) &&
	       !zt_addr_is_unspecified(addr) && memcmp(addr, &broadcast4, sizeof(*addr)) != 0;
}

static bool is_broadcast(const json_t *node)
{
	json_t *name;
	size_t i;

	json_array_foreach (json_object_get(node, "segments"), i, name) {
		if (json_is_string(name) && strcmp(json_string_value(name), "broadcast") == 0)
			return true;
	}
	return false;
}

/* Is the i-th node an address that this machine alone has? */
static bool is_own(const struct input *in, size_t i, const struct zt_addr *addr)
{
	return in->near[i] && !in->broadcast[i] && is_unicast(addr);
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct zt_addr));
}

/* Which host this map is of: the one that has a near address; else a new one. */
static int find_self(struct input *in, const struct zt_addr *addrs, size_t count,
		     const char *machine)
{
	struct ztc_rec *rec = in->rec;
	struct ztc_rec_host host = {.segment = ZTC_REC_NONE, .label_count = 1};
	size_t n = 0, inventory = rec->inventory ? rec->inventory->host_count : 0;
	struct zt_label *label;

	in->self = ZTC_REC_NONE;
	for (size_t i = 0; i < count; i++) {
		if (in->near[i] && in->self == ZTC_REC_NONE)
			in->self = ztc_rec_host_at(rec, &addrs[i]);
		/* One made up for another machine may have the same 172.17.0.1. */
		if (in->self != ZTC_REC_NONE && in->self >= inventory)
			in->self = ZTC_REC_NONE;
		n += is_own(in, i, &addrs[i]);
	}
	if (in->self == ZTC_REC_NONE && inventory)
		in->self = find_host(rec, machine);
	if (in->self != ZTC_REC_NONE || !n)
		return 0;
	host.name = ztc_rec_name(rec, "host:", machine);
	host.addresses = zt_arena_array(rec->arena, n, sizeof(*host.addresses));
	label = zt_arena_alloc(rec->arena, sizeof(*label));
	if (!host.name || !host.addresses || !label)
		return -ENOMEM;
	*label = (struct zt_label){.key = "host", .value = host.name};
	host.labels = label;
	for (size_t i = 0; i < count; i++)
		if (is_own(in, i, &addrs[i]))
			host.addresses[host.address_count++] = addrs[i];
	qsort(host.addresses, host.address_count, sizeof(*host.addresses), by_bytes);
	in->self = (uint32_t)rec->host_count;
	for (size_t i = 0; i < host.address_count; i++)
		if (claim_address(rec, &host.addresses[i], in->self) < 0)
			return -ENOMEM;
	return add_host(rec, &host);
}

static int read_nodes(struct input *in, const char *machine)
{
	const json_t *nodes = json_object_get(in->map, "nodes");
	size_t count = json_array_size(nodes), i;
	zt_auto(zt_freep) struct zt_addr *addrs = calloc(count + 1, sizeof(*addrs));
	json_t *node;
	int r;

	in->found = calloc(count + 1, sizeof(*in->found));
	in->near = calloc(count + 1, sizeof(*in->near));
	in->broadcast = calloc(count + 1, sizeof(*in->broadcast));
	if (!addrs || !in->found || !in->near || !in->broadcast || zt_strmap_new(&in->ids) < 0)
		return -ENOMEM;
	json_array_foreach (nodes, i, node) {
		const char *id = ztc_str(node, "id");

		r = node_address(in, node, &addrs[i]);
		if (r < 0)
			return r;
		/* What was sent to a group is this machine's, the group is not. */
		in->near[i] = json_is_true(json_object_get(node, "near"));
		in->broadcast[i] = is_broadcast(node);
		/* Numbers are given in order: the i-th id has the number i. */
		if (zt_strmap_intern(in->ids, id, strlen(id), NULL) != i) {
			zt_strbuf_puts(&in->rec->why, "a node stands twice in the map");
			return -EINVAL;
		}
	}
	r = find_self(in, addrs, count, machine);
	if (r < 0)
		return r;
	if (in->self != ZTC_REC_NONE)
		in->rec->hosts[in->self].recorded = true;
	for (i = 0; i < count; i++) {
		uint32_t host = ztc_rec_host_at(in->rec, &addrs[i]), own = ZTC_REC_NONE;

		/* An address of this machine that nobody lists as its: fe80::1, a DHCP one. */
		if (host != in->self && is_own(in, i, &addrs[i]))
			host = own = in->self;
		in->found[i] = take_node(in->rec, &addrs[i], host, own);
		if (in->found[i] == ZTC_REC_NONE)
			return -ENOMEM;
		in->rec->nodes[in->found[i]].broadcast |= in->broadcast[i];
	}
	return 0;
}

/* --- edges ---------------------------------------------------------------------------------------
 */

static int edge_port(const json_t *edge, uint32_t *ret)
{
	const char *proto = ztc_str(edge, "proto");
	int64_t port = ztc_int(edge, "port");
	char text[64];
	struct zt_port_range range;
	const char *why;

	if (port < 0 || port > 65535)
		return -EINVAL;
	for (unsigned int n = 0; n < 256; n++) {
		const char *name = zt_proto_name((uint8_t)n);

		if (name && strcmp(name, proto) == 0) {
			*ret = zt_port_index((uint8_t)n, (uint16_t)port);
			return 0;
		}
	}
	/* One without a name is a number, alone or behind "proto/". */
	snprintf(text, sizeof(text), "proto/%.20s",
		 strncmp(proto, "proto/", 6) == 0 ? proto + 6 : proto);
	if (zt_port_parse(text, &range, &why) < 0 || range.first != range.last)
		return -EINVAL;
	*ret = range.first;
	return 0;
}

/* A unit that is there after the next start too: no session, no transient scope. */
static const char *stable_unit(struct ztc_rec *rec, const json_t *workload)
{
	const char *unit = ztc_str(workload, "unit");
	size_t len = strlen(unit);

	if (len < 9 || len >= ZT_UNIT_LEN || strcmp(unit + len - 8, ".service") != 0 ||
	    strncmp(unit, "user@", 5) == 0 || strncmp(unit, "run-", 4) == 0 || strchr(unit, '\\'))
		return NULL;
	for (size_t i = 0; i < len; i++)
		if (unit[i] <= ' ' || unit[i] == '/' || unit[i] == 0x7f)
			return NULL;
	return keep(rec, unit);
}

static const char *owner_name(struct ztc_rec *rec, const json_t *workload)
{
	static const char *const keys[] = {"unit", "container", "exe", "cgroup", "user"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (*ztc_str(workload, keys[i]))
			return keep(rec, ztc_str(workload, keys[i]));
	return NULL;
}

/* The same service seen again: by another workload or verdict of this map, or by the other end. */
static void merge_edge(struct ztc_rec_edge *to, const struct ztc_rec_edge *from)
{
	to->connections = to->connections > from->connections ? to->connections : from->connections;
	to->answered |= from->answered;
	to->src_unit = to->src_unit ?: from->src_unit;
	to->dst_unit = to->dst_unit ?: from->dst_unit;
	to->owner = ztc_rec_owner(to->owner, from->owner);
	if (strcmp(from->first, to->first) < 0)
		to->first = from->first;
	if (strcmp(from->last, to->last) > 0)
		to->last = from->last;
}

/* Each host knows the owner of its own end only; what two hosts saw is put together later. */
static int add_edge(struct ztc_rec *rec, const struct ztc_rec_edge *edge)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf key = ZT_STRBUF_INIT;
	bool is_new;
	uint32_t n;

	zt_strbuf_printf(&key, "%u %u %u %d %s %s", edge->src, edge->dst, edge->port,
			 (int)edge->side, edge->src_unit ?: "", edge->dst_unit ?: "");
	if (zt_strbuf_error(&key))
		return -ENOMEM;
	n = zt_strmap_intern(rec->edge_keys, key.data, key.len, &is_new);
	if (n == ZT_STRMAP_NONE)
		return -ENOMEM;
	if (!is_new) {
		merge_edge(&rec->edges[n], edge);
		return 0;
	}
	if (zt_vec_grow(&rec->edges, &rec->edge_cap, n + 1, sizeof(*edge)) < 0)
		return -ENOMEM;
	rec->edges[n] = *edge;
	rec->edge_count = n + 1;
	return 0;
}

static bool is_builtin(const char *rule)
{
	for (uint32_t n = ZT_RULE_DEFAULT + 1; n < ZT_RULE_BUILTIN_COUNT; n++)
		if (zt_rule_builtin(n) && strcmp(zt_rule_builtin(n)->id, rule) == 0)
			return true;
	return false;
}

/* Whether an edge is wanted at all; counts it when not. */
static bool wanted(struct ztc_rec *rec, const json_t *edge)
{
	const json_t *live = json_object_get(json_object_get(edge, "verdict"), "live");

	if (strcmp(ztc_str(edge, "kind"), "loopback") == 0)
		rec->left.loopback++;
	else if (strcmp(ztc_str(live, "action"), "deny") == 0)
		rec->left.denied++;
	else if (is_builtin(ztc_str(live, "rule")))
		rec->left.builtin++;
	else
		return true;
	return false;
}

static int read_edge(struct input *in, const json_t *json)
{
	struct ztc_rec *rec = in->rec;
	const char *src = ztc_str(json, "src"), *dst = ztc_str(json, "dst");
	uint32_t s = zt_strmap_find(in->ids, src, strlen(src));
	uint32_t d = zt_strmap_find(in->ids, dst, strlen(dst));
	const json_t *workload = json_object_get(json, "workload");
	struct ztc_rec_edge edge = {.rule = ZTC_REC_NONE};
	const char *unit;

	if (!wanted(rec, json))
		return 0;
	if (s == ZT_STRMAP_NONE || d == ZT_STRMAP_NONE || edge_port(json, &edge.port) < 0) {
		zt_strbuf_puts(&rec->why, "an edge has an end, protocol or port that cannot be");
		return -EINVAL;
	}
	edge.src = in->found[s];
	edge.dst = in->found[d];
	edge.map = rec->map_count;
	edge.here = edge.connections = (uint64_t)ztc_int(json, "connections");
	edge.answered = ztc_int(json_object_get(json, "packets"), "to_src") > 0;
	edge.first = keep(rec, ztc_str(json, "first_seen"));
	edge.last = keep(rec, ztc_str(json, "last_seen"));
	edge.owner = owner_name(rec, workload);
	unit = stable_unit(rec, workload);
	/* The workload is the local end's: where both are this machine's there is no wire. */
	if (in->near[s] && !in->near[d]) {
		edge.side = ZTC_REC_SRC;
		edge.src_unit = unit;
	} else if (in->near[d] && !in->near[s]) {
		edge.side = ZTC_REC_DST;
		edge.dst_unit = unit;
	}
	if (zt_arena_error(rec->arena))
		return -ENOMEM;
	return add_edge(rec, &edge);
}

int ztc_rec_add(struct ztc_rec *rec, const json_t *map, const char *machine)
{
	struct input in = {.rec = rec, .map = map};
	const json_t *edges = json_object_get(map, "edges");
	json_t *edge;
	size_t i;
	int r;

	if (!json_is_array(json_object_get(map, "nodes")) || !json_is_array(edges)) {
		zt_strbuf_puts(&rec->why, "it has no nodes and edges: is it a saved map?");
		return -EINVAL;
	}
	rec->map_count++;
	r = read_nodes(&in, machine);
	json_array_foreach (edges, i, edge) {
		if (r == 0)
			r = read_edge(&in, edge);
	}
	zt_strmap_free(&in.ids);
	free(in.found);
	free(in.near);
	free(in.broadcast);
	return r;
}
