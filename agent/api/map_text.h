/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map_text.h - nodes and edges of the map as JSON text (docs/json.md), a hundred thousand a second.
 *
 * What repeats from edge to edge (workloads, rules) is made text once. Strings
 * are escaped and quoted as everywhere else; only numbers and braces are put together here.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/protocol.h"
#include "base/rtt.h"
#include "base/strbuf.h"
#include "flow/graph.h"
#include "flow/names.h"

struct zt_map_text;
struct zt_render;

/* zt_map_text_new - @render makes what is not made here; borrowed. 0 or -ENOMEM. */
int zt_map_text_new(struct zt_map_text **ret, struct zt_render *render);
void zt_map_text_free(struct zt_map_text **text);

/* zt_map_text_begin - a map begins: workloads may have new command lines. */
void zt_map_text_begin(struct zt_map_text *text);

/* One way to protect a connection and what is inside, and how many there were. */
struct zt_protocol_count {
	uint8_t encryption;
	uint8_t app;
	uint64_t count;
};

#define ZT_PROTOCOLS_MAX (ZT_ENC_COUNT * ZT_APP_COUNT)

/* Sums over what is one edge in JSON: edges that differ in encryption and protocol only. */
struct zt_edge_sum {
	uint64_t connections;
	uint64_t bytes[2]; /* [ZT_TO_DST], [ZT_TO_SRC] */
	uint64_t packets[2];
	uint64_t first_ms; /* wall clock, since 1970 */
	uint64_t last_ms;
	uint64_t cover[ZT_COVER_COUNT];
	struct zt_health health;
	size_t protocol_count;
	struct zt_protocol_count protocols[ZT_PROTOCOLS_MAX];
};

/* zt_edge_sum_begin - empty; cheap, @protocols is not touched. */
void zt_edge_sum_begin(struct zt_edge_sum *sum);

/*
 * zt_edge_sum_class - count connections of one class. What moved bytes without a new connection
 * counts one.
 */
void zt_edge_sum_class(struct zt_edge_sum *sum, uint8_t encryption, uint8_t app,
		       uint64_t connections);

/* zt_edge_sum_times - widen by these. */
void zt_edge_sum_times(struct zt_edge_sum *sum, uint64_t first_ms, uint64_t last_ms);

/**
 * struct zt_edge_face - what an edge is, beside its sums.
 * @src, @dst, @workload, @dst_workload, @rule: JSON text; a workload may be NULL.
 * @rtt: whether the histogram of round trips is wanted too.
 */
struct zt_edge_face {
	const char *src;
	const char *dst;
	const char *workload;
	const char *dst_workload;
	const char *rule[ZT_PLANE_COUNT];
	uint8_t action[ZT_PLANE_COUNT];
	uint8_t proto;
	uint8_t kind;
	uint16_t port;
	bool rtt;
};

/* zt_edge_put - append one edge. */
void zt_edge_put(struct zt_strbuf *out, const struct zt_edge_face *face,
		 const struct zt_edge_sum *sum);

/**
 * zt_map_text_edge - one edge of a graph, with sums that may be over several.
 *
 * Everything but @sum is @edge's. 0 or -ENOMEM.
 */
int zt_map_text_edge(struct zt_map_text *text, struct zt_strbuf *out, const struct zt_node *nodes,
		     const struct zt_edge *edge, const struct zt_edge_sum *sum);

/* zt_map_text_node - one node of a graph. 0 or -ENOMEM. */
int zt_map_text_node(struct zt_map_text *text, struct zt_strbuf *out, const struct zt_node *node);

/* What an address was called when it was recorded. */
struct zt_node_then {
	const char *host; /* NULL = it had no name */
	const struct zt_hint *hints;
	size_t hint_count;
};

/* zt_map_text_address - an address that a history knows; @then: NULL: its names are those of now.
 */
int zt_map_text_address(struct zt_map_text *text, struct zt_strbuf *out, const struct zt_addr *addr,
			bool near, const struct zt_node_then *then);

/* zt_map_text_string - any text, escaped and quoted. */
void zt_map_text_string(struct zt_strbuf *out, const char *text);

/* zt_map_text_id - "address:A", quoted, into @ret; returns it. */
#define ZT_NODE_ID_LEN 64
const char *zt_map_text_id(const struct zt_addr *addr, char ret[ZT_NODE_ID_LEN]);

/* zt_map_text_ms - a time of the datapath's clock in milliseconds since 1970. */
uint64_t zt_map_text_ms(const struct zt_map_text *text, uint64_t mono_ns);
