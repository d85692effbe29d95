// SPDX-License-Identifier: Apache-2.0
/* crypto_samples.c - sums of samples: a table of sockets, a table of edges, never more. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/crypto_samples.h"

#define TOP_MAX 1000 /* rows that are handed out */
#define KEPT_S	180

struct seen {
	uint64_t cookie; /* 0 = free */
	uint64_t tuple;	 /* hash of both ends */
	uint64_t bytes;
	uint32_t tick; /* of the last look */
};

struct edge {
	struct zt_addr local, remote;
	uint16_t port; /* of the service */
	uint8_t proto;
	bool inbound, used;
	uint64_t bytes, ktls_bytes, connections;
};

struct ztc_samples {
	struct seen *seen;
	uint64_t *tuples; /* of those in seen, for what ends; 0 = free */
	struct edge *edges;
	uint32_t tick;
	size_t seen_count, edge_count;
	uint64_t lost, connections;
};

int ztc_samples_new(struct ztc_samples **ret)
{
	zt_auto(ztc_samples_free) struct ztc_samples *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->seen = calloc(ZTC_SAMPLED_SOCKETS, sizeof(*s->seen));
	s->tuples = calloc(ZTC_SAMPLED_SOCKETS, sizeof(*s->tuples));
	s->edges = calloc(ZTC_SAMPLED_EDGES, sizeof(*s->edges));
	if (!s->seen || !s->tuples || !s->edges)
		return -ENOMEM;
	*ret = zt_take(s);
	return 0;
}

void ztc_samples_free(struct ztc_samples **s)
{
	if (!*s)
		return;
	free((*s)->seen);
	free((*s)->tuples);
	free((*s)->edges);
	free(*s);
	*s = NULL;
}

static uint64_t tuple_of(const struct ztc_sample *sample)
{
	struct {
		struct zt_addr a, b;
		uint16_t pa, pb;
		uint8_t proto, zero[3];
	} key = {.a = sample->local,
		 .b = sample->remote,
		 .pa = sample->local_port,
		 .pb = sample->remote_port,
		 .proto = sample->proto};

	return XXH64(&key, sizeof(key), 0) | 1;
}

/* The socket's row, or a free one. The table is never full: a quarter stays free. */
static struct seen *find_seen(struct ztc_samples *s, uint64_t cookie)
{
	size_t at = XXH64(&cookie, sizeof(cookie), 0) & (ZTC_SAMPLED_SOCKETS - 1);

	while (s->seen[at].cookie && s->seen[at].cookie != cookie)
		at = (at + 1) & (ZTC_SAMPLED_SOCKETS - 1);
	return &s->seen[at];
}

static uint64_t *find_tuple(const struct ztc_samples *s, uint64_t tuple)
{
	size_t at = (tuple >> 1) & (ZTC_SAMPLED_SOCKETS - 1);

	while (s->tuples[at] && s->tuples[at] != tuple)
		at = (at + 1) & (ZTC_SAMPLED_SOCKETS - 1);
	return &s->tuples[at];
}

/* Keeps what was looked at in the last @ticks rounds. */
static void forget_older(struct ztc_samples *s, uint32_t ticks)
{
	struct seen *old = s->seen, *fresh = calloc(ZTC_SAMPLED_SOCKETS, sizeof(*fresh));

	if (!fresh)
		return;
	s->seen = fresh;
	s->seen_count = 0;
	memset(s->tuples, 0, ZTC_SAMPLED_SOCKETS * sizeof(*s->tuples));
	for (size_t i = 0; i < ZTC_SAMPLED_SOCKETS; i++) {
		if (!old[i].cookie || s->tick - old[i].tick > ticks)
			continue;
		*find_seen(s, old[i].cookie) = old[i];
		*find_tuple(s, old[i].tuple) = old[i].tuple;
		s->seen_count++;
	}
	free(old);
}

void ztc_samples_tick(struct ztc_samples *s)
{
	s->tick++;
	/* The last word of a connection may come as late as TIME_WAIT ends. */
	if (s->seen_count >= ZTC_SAMPLED_SOCKETS / 2)
		forget_older(s, KEPT_S);
	if (s->seen_count >= ZTC_SAMPLED_SOCKETS / 2)
		forget_older(s, 1);
}

static struct edge *find_edge(struct ztc_samples *s, const struct ztc_sample *sample)
{
	struct edge key = {.local = sample->local,
			   .remote = sample->remote,
			   .port = sample->inbound ? sample->local_port : sample->remote_port,
			   .proto = sample->proto,
			   .inbound = sample->inbound};
	size_t at = (XXH64(&key.local, sizeof(key.local), 1) ^
		     XXH64(&key.remote, sizeof(key.remote), key.port)) &
		    (ZTC_SAMPLED_EDGES - 1);

	for (; s->edges[at].used; at = (at + 1) & (ZTC_SAMPLED_EDGES - 1)) {
		const struct edge *e = &s->edges[at];

		if (memcmp(&e->local, &key.local, sizeof(key.local)) == 0 &&
		    memcmp(&e->remote, &key.remote, sizeof(key.remote)) == 0 &&
		    e->port == key.port && e->proto == key.proto && e->inbound == key.inbound)
			return &s->edges[at];
	}
	if (s->edge_count >= ZTC_SAMPLED_EDGES / 4 * 3)
		return NULL;
	s->edge_count++;
	key.used = true;
	s->edges[at] = key;
	return &s->edges[at];
}

static void count(struct ztc_samples *s, const struct ztc_sample *sample, uint64_t bytes,
		  bool first)
{
	struct edge *edge = find_edge(s, sample);

	if (!edge) {
		s->lost += bytes;
		return;
	}
	edge->bytes += bytes;
	edge->ktls_bytes += sample->ktls ? bytes : 0;
	edge->connections += first;
	s->connections += first;
}

void ztc_samples_add(struct ztc_samples *s, const struct ztc_sample *sample)
{
	struct seen *seen = find_seen(s, sample->cookie);
	bool first = !seen->cookie;

	if (first && s->seen_count >= ZTC_SAMPLED_SOCKETS / 4 * 3) {
		s->lost++;
		return;
	}
	if (first) {
		s->seen_count++;
		seen->cookie = sample->cookie;
		seen->tuple = tuple_of(sample);
		*find_tuple(s, seen->tuple) = seen->tuple;
	}
	seen->tick = s->tick;
	/* What was there before the window began had its bytes before. */
	if (first && s->tick == 1)
		seen->bytes = sample->bytes;
	if (sample->bytes > seen->bytes)
		count(s, sample, sample->bytes - seen->bytes, first);
	else if (first)
		count(s, sample, 0, true);
	seen->bytes = sample->bytes;
}

void ztc_samples_end(struct ztc_samples *s, const struct ztc_sample *sample)
{
	if (sample->proto == IPPROTO_TCP && *find_tuple(s, tuple_of(sample)))
		return;
	count(s, sample, sample->bytes, true);
}

void ztc_samples_miss(struct ztc_samples *s)
{
	s->lost++;
}

/* --- as JSON --- */

struct two {
	uint64_t connections, bytes;
};

static json_t *two_json(const struct two *two)
{
	return json_pack("{s:o, s:o}", "connections", zt_json_u64(two->connections), "bytes",
			 zt_json_u64(two->bytes));
}

static const char *apart_of(const struct edge *e)
{
	bool udp = e->proto == IPPROTO_UDP;

	if (e->port == 53)
		return "dns";
	if (udp && e->port == 123)
		return "ntp";
	if (udp && (e->port == 67 || e->port == 68 || e->port == 546 || e->port == 547))
		return "dhcp";
	return NULL;
}

static int by_bytes(const void *a, const void *b)
{
	const struct edge *x = *(const struct edge *const *)a, *y = *(const struct edge *const *)b;

	return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

static json_t *edge_json(const struct edge *e)
{
	struct zt_port_range port = {.first = zt_port_index(e->proto, e->port)};
	char text[ZT_PORT_TEXT_LEN];

	port.last = port.first;
	return json_pack("{s:o, s:o, s:s, s:s, s:s, s:o, s:o}", "src",
			 zt_json_addr(e->inbound ? &e->remote : &e->local), "dst",
			 zt_json_addr(e->inbound ? &e->local : &e->remote), "service",
			 zt_port_text(&port, text), "direction", e->inbound ? "in" : "out",
			 "encryption", "unknown", "connections", zt_json_u64(e->connections),
			 "bytes", zt_json_u64(e->bytes - e->ktls_bytes));
}

static void add_top(const struct edge **order, size_t n, json_t *data)
{
	json_t *top = json_array();

	qsort(order, n, sizeof(*order), by_bytes);
	for (size_t i = 0; i < n && i < TOP_MAX; i++)
		json_array_append_new(top, edge_json(order[i]));
	json_object_set_new(data, "plaintext_top", top);
	json_object_set_new(data, "plaintext_cut", json_boolean(n > TOP_MAX));
}

void ztc_samples_json(const struct ztc_samples *s, json_t *data)
{
	zt_auto(zt_freep) const struct edge **order = calloc(ZTC_SAMPLED_EDGES, sizeof(*order));
	struct two dns = {0}, ntp = {0}, dhcp = {0}, tls = {0}, unknown = {0}, total = {0};
	size_t n = 0;

	for (size_t i = 0; order && i < ZTC_SAMPLED_EDGES; i++) {
		const struct edge *e = &s->edges[i];
		const char *apart = e->used ? apart_of(e) : NULL;
		struct two *two = !apart		      ? &unknown
				  : strcmp(apart, "dns") == 0 ? &dns
				  : strcmp(apart, "ntp") == 0 ? &ntp
							      : &dhcp;

		if (!e->used)
			continue;
		two->connections += e->connections;
		two->bytes += e->bytes - e->ktls_bytes;
		tls.bytes += apart ? 0 : e->ktls_bytes;
		total.bytes += e->bytes;
		total.connections += e->connections;
		if (!apart)
			order[n++] = e;
	}
	json_object_set_new(data, "total", two_json(&total));
	json_object_set_new(
		data, "encryption",
		json_pack("{s:o, s:o}", "tls", two_json(&tls), "unknown", two_json(&unknown)));
	json_object_set_new(data, "apart",
			    json_pack("{s:o, s:o, s:o}", "dns", two_json(&dns), "ntp",
				      two_json(&ntp), "dhcp", two_json(&dhcp)));
	json_object_set_new(data, "lost", zt_json_u64(s->lost));
	if (order)
		add_top(order, n, data);
}
