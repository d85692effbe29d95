/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.h - the dependency map in ztctl: read, merged, filtered, grouped, compared.
 *
 * A map is what docs/json.md calls `map`: nodes, edges between them, the window
 * they were seen in. It comes by address from an agent, a saved file or a
 * history, and is grouped here. Everything in it is hostile text of others: it
 * is kept as it came, escaped by whoever prints it, and never interpreted.
 * Errors are one sentence in @why; functions return 0, -EINVAL (the input is not
 * what it should be) or -ENOMEM unless they say otherwise.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/protocol.h"
#include "base/rtt.h"
#include "base/strbuf.h"
#include "bpf/abi.h"

#define ZTC_MAP_FORMAT	 1	    /* of saved maps; a map that says none is of this one */
#define ZTC_MAP_SIZE_MAX (1u << 30) /* bytes of a saved map */
#define ZTC_MAP_NONE	 UINT32_MAX

enum {
	ZTC_SRC,
	ZTC_DST,
	ZTC_ENDS
};
enum {
	ZTC_TO_DST,
	ZTC_TO_SRC
};

/* --- texts, shared by the maps of one command ------------------------------------------------ */

struct ztc_pool; /* opaque: every distinct text and workload once; equal ones have one address */

int ztc_pool_new(struct ztc_pool **ret);
void ztc_pool_free(struct ztc_pool **pool);

/* ztc_pool_text - @len bytes, kept as long as the pool. NULL without memory. */
const char *ztc_pool_text(struct ztc_pool *pool, const char *text, size_t len);

/* ztc_pool_alloc - zeroed memory of the pool. NULL without memory. */
void *ztc_pool_alloc(struct ztc_pool *pool, size_t size);

/*
 * Who owns the local end of an edge. Texts are NULL where they are not known. @who is the
 * same without what differs from one start to the next (pid, command): compare that.
 */
struct ztc_workload {
	const struct ztc_workload *who;
	const char *unit, *cgroup, *container, *user, *exe, *exe_path, *command;
	int64_t uid; /* -1 = not known */
	int64_t pid; /* 0 = not known */
	bool delegated, truncated;
};

/* ztc_pool_workload - a JSON workload, NULL for none. -1 on bad input or memory. */
int ztc_pool_workload(struct ztc_pool *pool, const json_t *json, const struct ztc_workload **ret);

/* A set of hosts by name, sorted; equal ones have one address. NULL = none. */
struct ztc_hosts {
	uint32_t count;
	const char *names[];
};

/* ztc_pool_hosts - the union of two sets; NULL without memory when neither is empty. */
const struct ztc_hosts *ztc_pool_hosts(struct ztc_pool *pool, const struct ztc_hosts *a,
				       const struct ztc_hosts *b);
/* ztc_pool_host - the set of one. */
const struct ztc_hosts *ztc_pool_host(struct ztc_pool *pool, const char *name);

/* --- the model ----------------------------------------------------------------------------------
 */

struct ztc_map_node {
	const char *id, *kind, *name;
	const char *host;    /* of an address: its name in the inventory, or NULL */
	struct zt_addr addr; /* where has_addr */
	bool has_addr;
	bool near;			   /* a guarded host's own */
	bool defined;			   /* it stands among the nodes, not only at an edge */
	json_t *segments, *labels, *hints; /* owned; NULL = none */
};

struct ztc_map_verdict {
	bool deny;
	const char *rule;
};

/* How often something was seen, by name; in a row. */
struct ztc_map_count {
	const char *name;
	uint64_t count;
};

struct ztc_map_health {
	bool known; /* the numbers mean something: TCP */
	uint64_t refused, unanswered, resets, retransmits;
	uint64_t p50_us, p99_us, samples; /* as read; written anew where there is a histogram */
	struct zt_rtt *rtt;		  /* of the pool; NULL = no histogram */
};

struct ztc_map_edge {
	uint32_t src, dst; /* positions in nodes */
	const char *proto, *kind;
	uint16_t port;
	struct ztc_map_verdict verdict[ZT_PLANE_COUNT];
	const struct ztc_workload *workload[ZTC_ENDS];
	uint64_t connections;
	uint64_t bytes[2], packets[2]; /* [ZTC_TO_DST], [ZTC_TO_SRC] */
	uint64_t cover[ZT_COVER_COUNT];
	struct ztc_map_count *protocols; /* of the pool */
	uint32_t protocol_count, protocol_cap;
	struct ztc_map_health health;
	int64_t first_ms, last_ms;	 /* since 1970 */
	const struct ztc_hosts *seen_by; /* NULL: the map's one host */
};

/* One host's own view, of which a map is made. */
struct ztc_map_view {
	const char *host;   /* inventory name, else hostname, else the file's name */
	const char *source; /* "agent", "history" */
	const char *origin; /* file it was read from, or NULL */
	int64_t from_ms, to_ms;
	bool complete; /* nothing was cut by a limit */
};

struct ztc_map {
	struct ztc_pool *pool; /* borrowed */
	const char *origin;    /* file it was read from, or NULL */
	const char *by;	       /* "address", "host", ... */
	const char *source;    /* "agent", "history", "merged", "file" */
	const char *host;      /* whose view; of a merged map NULL */
	int64_t started_ms;    /* when that agent began; 0 = not known */
	int64_t from_ms, to_ms;
	struct ztc_map_node *nodes;
	size_t node_count, node_cap;
	struct ztc_map_edge *edges;
	size_t edge_count, edge_cap;
	uint64_t matched;      /* edges before a limit cut; 0 = all are here */
	json_t *losses;	       /* owned object, cause -> count */
	json_t *disagreements; /* owned array of a merged map, else NULL */
	json_t *not_merged;    /* owned array: addresses that several hosts have */
	struct ztc_map_view *views;
	size_t view_count, view_cap;
	struct zt_strmap *node_ids; /* id -> position in nodes */
};

int ztc_map_new(struct ztc_map **ret, struct ztc_pool *pool);
void ztc_map_free(struct ztc_map **map);

/* ztc_map_node - the node with this id, made when there is none. NULL without memory. */
struct ztc_map_node *ztc_map_node(struct ztc_map *map, const char *id, uint32_t *ret_position);

/* ztc_map_view - one more view that the map is made of. 0 or -ENOMEM. */
int ztc_map_view(struct ztc_map *map, const struct ztc_map_view *view);

/* ztc_map_edge - room for one more edge, zeroed. NULL without memory. */
struct ztc_map_edge *ztc_map_edge(struct ztc_map *map);

/* ztc_map_protocol - one more name to the protocols of an edge. 0 or -ENOMEM. */
int ztc_map_protocol(struct ztc_map *map, struct ztc_map_edge *edge, const char *name,
		     uint64_t count);

/*
 * ztc_map_add - add the counts of @from to @into: sums, first and last, hosts.
 * @into: was begun empty, so that lists and histogram are its own. 0 or -ENOMEM.
 */
int ztc_map_add(struct ztc_map *map, struct ztc_map_edge *into, const struct ztc_map_edge *from);

/* ztc_map_max - as ztc_map_add(), of two counts of the same traffic: the larger of each. */
int ztc_map_max(struct ztc_map *map, struct ztc_map_edge *into, const struct ztc_map_edge *from);

/* --- reading and writing ------------------------------------------------------------------------
 */

/**
 * ztc_map_read - a map from JSON text: a saved map, or a reply of the agent's.
 * @name: what to call it in errors and, where the map does not say, its host.
 * @why:  on failure "NAME:LINE:COLUMN: what is wrong".
 *
 * The text is taken apart edge by edge: memory grows with what differs, not with its length.
 * An error of the agent's ({ok: false}) is -EREMOTEIO, @why its message.
 */
int ztc_map_read(struct ztc_map **ret, struct ztc_pool *pool, const char *text, size_t len,
		 const char *name, struct zt_strbuf *why);

/* ztc_map_load - the same of a file. Also -errno of open and read. */
int ztc_map_load(struct ztc_map **ret, struct ztc_pool *pool, const char *path,
		 struct zt_strbuf *why);

/* ztc_map_write - as docs/json.md has it, one line. 0, -ENOMEM or -EIO. */
int ztc_map_write(const struct ztc_map *map, FILE *out);

/* ztc_map_json - the same as an object; NULL without memory. New reference. */
json_t *ztc_map_json(const struct ztc_map *map);

/*
 * ztc_map_slice - the same of some of the edges alone, for who can do without the others.
 * @nodes: `nodes` of the whole map, to be referred to.
 */
json_t *ztc_map_slice(const struct ztc_map *map, size_t first, size_t count, json_t *nodes);

/* --- grouping and filtering ----------------------------------------------------------------------
 */

enum ztc_map_kind {
	ZTC_BY_HOST,
	ZTC_BY_SEGMENT,
	ZTC_BY_LABEL,
	ZTC_BY_WORKLOAD,
	ZTC_BY_PROCESS,
	ZTC_BY_ADDRESS,
};

struct ztc_map_by {
	enum ztc_map_kind kind;
	const char *label; /* its key, of ZTC_BY_LABEL */
};

/* ztc_map_by_parse - "host", "label:role", ... 0 or -EINVAL. @ret->label borrows from @text. */
int ztc_map_by_parse(const char *text, struct ztc_map_by *ret);

/**
 * ztc_map_group - the map with other nodes; edges that become the same are added up.
 * @from: by address. What has no host, segment, label, workload or program of the kind that is
 *        asked for stays what it is closest to: the host, else the address.
 */
int ztc_map_group(struct ztc_map **ret, const struct ztc_map *from, const struct ztc_map_by *by);

/* What is wanted; all that is set must hold. Texts are borrowed. */
struct ztc_map_filter {
	const char *segment, *host, *owner;
	const char *label_key, *label_value;
	const char *proto;
	int port;		/* -1 = any */
	const char *verdict;	/* "allowed", "denied", "would-deny" */
	const char *encryption; /* a cover or protocol name, "encrypted" or "plaintext"... */
	uint64_t min_connections;
};

/* ztc_map_keep - leave out the edges that are not wanted, and nodes without an edge. */
int ztc_map_keep(struct ztc_map *map, const struct ztc_map_filter *filter);

/* ztc_map_housekeeping - is it what every link has: neighbour discovery, MLD, IGMP, DHCP? */
bool ztc_map_housekeeping(const struct ztc_map_edge *edge);

/* ztc_map_quiet - leave that out. */
int ztc_map_quiet(struct ztc_map *map);

/**
 * ztc_map_around - leave only what is within @depth steps of a segment or host, either way.
 * @map: grouped. An edge stays when one of its ends is less than @depth steps away, or when both
 * ends are in the segment.
 */
int ztc_map_around(struct ztc_map *map, const char *segment, const char *host, unsigned int depth);

/* ztc_map_limit - the @limit edges with most connections; matched tells how many there were. */
void ztc_map_limit(struct ztc_map *map, uint64_t limit);

/* ztc_map_sort - edges, and the nodes at their ends, in the one order that every output has. */
int ztc_map_sort(struct ztc_map *map);
/* ztc_map_sort_all - the same; nodes without an edge stay. */
int ztc_map_sort_all(struct ztc_map *map);

/* --- several hosts -------------------------------------------------------------------------------
 */

/**
 * ztc_map_merge - maps of several hosts, or of one host at several times, as one map.
 * @maps: by address; their order makes no difference. Which view of an edge counts is told in
 *        docs/design.md.
 */
int ztc_map_merge(struct ztc_map **ret, struct ztc_map *const *maps, size_t count,
		  struct zt_strbuf *why);

/* --- two times
 * ------------------------------------------------------------------------------------ */

/**
 * struct ztc_diff_how - what counts as a change.
 * @factor:      of a volume per time, more or less; above 1.
 * @floor_bytes: a smaller difference, over the shorter of the windows, is none.
 * @all:         the link's housekeeping too.
 */
struct ztc_diff_how {
	double factor;
	uint64_t floor_bytes;
	bool all;
};

/**
 * ztc_map_diff - what changed from @a to @b, both grouped the same way and of one pool.
 * @ret: {by, a, b, appeared, gone, changed, unchanged, summary}, as docs/json.md has it. New
 *       reference. Swapping @a and @b swaps appeared and gone, before and after, nothing else.
 */
int ztc_map_diff(json_t **ret, const struct ztc_map *a, const struct ztc_map *b,
		 const struct ztc_diff_how *how);
