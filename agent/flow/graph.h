/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph.h - who talks to whom: flows added up into edges between nodes, bounded.
 *
 * A node is an address, a host or a set of segments. An edge is everything that
 * one node opened to another with the same protocol, service port, workload,
 * verdicts, encryption and application protocol. Past its cap a graph takes no new edge and counts
 * what it left out; it never forgets an edge by itself. Knows nothing of BPF maps or of JSON.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rtt.h"
#include "bpf/abi.h"
#include "flow/names.h"

#define ZT_EDGES_DEFAULT 100000

/* Counters of an edge, by who receives. */
#define ZT_TO_DST 0
#define ZT_TO_SRC 1

enum zt_node_kind {
	ZT_NODE_ADDRESS, /* id "address:10.0.0.5" */
	ZT_NODE_HOST,	 /* id "host:web1" */
	ZT_NODE_SEGMENT, /* id "segment:db"; several names are joined by "," */
	ZT_NODE_KIND_COUNT,
};

struct zt_node {
	enum zt_node_kind kind;
	bool near;	     /* was the local end of a flow */
	struct zt_addr addr; /* of an address node; else one of its addresses */
	char *name;	     /* host or segment names; NULL for an address */
};

/* What is one edge. Compared as bytes; the first part, up to @encryption, is what people mean. */
struct zt_edge_key {
	uint32_t src; /* node numbers */
	uint32_t dst;
	uint32_t src_owner; /* owner index of the end that is local, 0 = unknown or elsewhere */
	uint32_t dst_owner; /* both are set on loopback edges */
	uint32_t rule[ZT_PLANE_COUNT];
	uint16_t port; /* service port, host order; ICMP: type */
	uint8_t proto; /* IPPROTO_* */
	uint8_t kind;  /* ZT_KIND_* */
	uint8_t action[ZT_PLANE_COUNT];
	uint8_t encryption; /* ZT_ENC_* */
	uint8_t app;	    /* ZT_APP_* */
};
_Static_assert(sizeof(struct zt_edge_key) == 32, "zt_edge_key has a hole");

struct zt_edge {
	struct zt_edge_key key;
	uint64_t connections;
	uint64_t bytes[2]; /* [ZT_TO_DST], [ZT_TO_SRC] */
	uint64_t packets[2];
	uint64_t first_ns;
	uint64_t last_ns;
	uint32_t health; /* see zt_graph_health() */
};

struct zt_graph;

/**
 * struct zt_flow_ends - one flow seen from the outside: source is who opened it.
 * @src, @dst:   addresses; @src_near, @dst_near: that end is local.
 * @src_port:    host order, 0 where the protocol has none.
 * @port:        service port, host order; ICMP and ICMPv6: type.
 * @src_owner, @dst_owner: owner indices, 0 = unknown.
 * @to_dst:      index into zt_flow.packets and .bytes of what goes to @dst.
 */
struct zt_flow_ends {
	struct zt_addr src;
	struct zt_addr dst;
	bool src_near;
	bool dst_near;
	uint16_t src_port;
	uint16_t port;
	uint32_t src_owner;
	uint32_t dst_owner;
	uint8_t to_dst;
};

/* zt_flow_ends - which end opened, and what that makes source, destination and service. */
void zt_flow_ends(const struct zt_flow_key *key, const struct zt_flow *flow,
		  struct zt_flow_ends *ret);

/**
 * zt_graph_new - an empty graph.
 * @edge_cap: edges it may hold; memory grows with use, about 110 bytes an edge.
 *
 * Returns 0, -EINVAL (cap 0 or above 2^24) or -ENOMEM.
 */
int zt_graph_new(struct zt_graph **ret, size_t edge_cap);
void zt_graph_free(struct zt_graph **graph);

/*
 * zt_graph_add_flow - add one entry of a flow table, its nodes being addresses.
 * @ended: these are its last values; of a living flow an opening may still be answered.
 *
 * Returns 0, -ENOSPC (over the cap: counted), -ENOMEM (counted too).
 */
int zt_graph_add_flow(struct zt_graph *graph, const struct zt_flow_key *key,
		      const struct zt_flow *flow, bool ended);

/**
 * struct zt_graph_view - which edges of a graph are wanted, and what their nodes become.
 * @kind:     ZT_NODE_ADDRESS keeps addresses; ZT_NODE_HOST makes one node of a host's addresses;
 *            ZT_NODE_SEGMENT one node per set of segments.
 * @since_ns: only edges seen at or after this; 0 = all.
 * @match:    asked per edge, with its nodes as addresses; NULL = all.
 */
struct zt_graph_view {
	enum zt_node_kind kind;
	uint64_t since_ns;
	bool (*match)(const struct zt_edge *edge, const struct zt_node *src,
		      const struct zt_node *dst, void *data);
	void *data;
};

/**
 * zt_graph_merge - add the edges of @from, whose nodes are addresses, that @view wants.
 *
 * Returns 0 or -ENOMEM. Edges over the cap are counted in @graph.
 */
int zt_graph_merge(struct zt_graph *graph, const struct zt_graph *from,
		   const struct zt_graph_view *view);

/**
 * zt_graph_finish - keep what @view wants, with its nodes renamed; in place, since a copy is large.
 *
 * Sorts the edges by source, destination, owners, rules and service, so that those which differ in
 * encryption and application protocol alone follow each other. Nothing can be added afterwards.
 * Returns 0 or -ENOMEM; after an error the graph can only be freed.
 */
int zt_graph_finish(struct zt_graph *graph, const struct zt_flow_names *names,
		    const struct zt_graph_view *view);

/* Borrowed until the graph changes. Node numbers index the array of nodes. */
const struct zt_edge *zt_graph_edges(const struct zt_graph *graph, size_t *ret_count);
const struct zt_node *zt_graph_nodes(const struct zt_graph *graph, size_t *ret_count);

/*
 * zt_graph_health - how the TCP connections of an edge went, up to now: a connection that lives
 * is one sample of its round trip. False, and @ret zero: there is nothing to tell.
 */
bool zt_graph_health(const struct zt_graph *graph, const struct zt_edge *edge,
		     struct zt_health *ret);

/* zt_graph_lost - flows and edges that the cap left out, since the graph was made. */
uint64_t zt_graph_lost(const struct zt_graph *graph);
