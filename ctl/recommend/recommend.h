/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recommend.h - from recorded flows to a least-privilege policy, as a person would write it.
 *
 * Hosts are named by their labels, other addresses by what they do. Only what was
 * seen is allowed; where a segment covers more than was seen, the text says so.
 * Deterministic: the same input gives the same bytes. Reads no clock and no file.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/strbuf.h"
#include "base/strmap.h"
#include "policy/policy.h"

#define ZTC_REC_NONE UINT32_MAX

/* A host of the policy to write: of the inventory, or made up for a machine it does not have. */
struct ztc_rec_host {
	const char *name;
	struct zt_addr *addresses;
	size_t address_count;
	const struct zt_label *labels; /* sorted by key */
	size_t label_count;
	bool recorded; /* flows were recorded on it */
	uint32_t segment;
};

/* One end of edges. */
struct ztc_rec_node {
	struct zt_addr addr;
	uint32_t host; /* or ZTC_REC_NONE */
	uint32_t segment;
	const char *signature; /* what it does; of addresses without host */
	bool own;	       /* of its host alone, which does not list it */
	bool learned;	       /* own, and another recorded host knows it: to be listed */
	bool broadcast;	       /* of an interface: 10.0.0.255 */
	bool seen;	       /* at an end of an edge that is kept */
};

enum ztc_rec_side {
	ZTC_REC_NEITHER, /* forwarded */
	ZTC_REC_SRC,
	ZTC_REC_DST,
};

/* One service that one node was seen to ask of another. */
struct ztc_rec_edge {
	uint32_t src, dst;		 /* nodes */
	uint32_t port;			 /* index */
	const char *src_unit, *dst_unit; /* systemd unit of a recorded end; NULL = not known */
	const char *owner;		 /* as people know it, of the recorded end; or NULL */
	enum ztc_rec_side side;		 /* the end that was recorded */
	uint32_t map;			 /* the map that it was seen in last */
	uint64_t here;			 /* connections in that map */
	uint64_t connections;		 /* the most that any map has */
	bool answered;
	bool gone;		  /* merged into another */
	const char *first, *last; /* RFC 3339 */
	uint32_t rule;
};

enum ztc_rec_kind {
	ZTC_REC_LABELS,	   /* select */
	ZTC_REC_ADDRESSES, /* nets */
	ZTC_REC_REUSED,	   /* of the inventory, as it is */
	ZTC_REC_BUILTIN,   /* multicast, broadcast */
};

struct ztc_rec_segment {
	const char *name;
	enum ztc_rec_kind kind;
	const struct zt_segment *reused;
	const struct zt_label **select;
	size_t select_count;
	struct zt_net_key *nets;
	size_t net_count;
	size_t addresses; /* that were seen, behind the nets */
	size_t widened;	  /* nets that stand for more than was seen */
	size_t hosts;	  /* that it selects */
	bool recorded;	  /* a recorded host is in it */
	bool used;
};

/* A rule to write: edges between two segments, by one workload. */
struct ztc_rec_rule {
	const char *id;
	uint32_t from, to; /* segments */
	const char *from_unit, *to_unit;
	bool icmp;
	size_t first, count; /* of the sorted edges */
};

/* Why a flow is in no rule. */
struct ztc_rec_left {
	uint64_t denied;     /* edges that are denied now */
	uint64_t few;	     /* fewer connections than asked for */
	uint64_t loopback;   /* inside a host */
	uint64_t builtin;    /* allowed by built-in rules */
	uint64_t other_host; /* at neither end the host asked for */
	uint64_t unanswered; /* never answered, and such were not wanted */
};

struct ztc_rec {
	/* Asked for. */
	const struct zt_policy *inventory; /* or NULL */
	const char *name; /* of the policy; NULL = the inventory's, or "recommended" */
	const char *only_host;
	uint64_t min_connections;
	bool answered_only;
	bool exact; /* no network for several addresses of it */

	/* Made. */
	struct zt_arena *arena;
	struct ztc_rec_host *hosts;
	size_t host_count, host_cap;
	struct zt_strmap *host_addresses; /* address -> number in host_of */
	uint32_t *host_of;
	size_t host_of_cap;
	struct ztc_rec_node *nodes;
	size_t node_cap;
	struct zt_strmap *node_keys; /* address, and whose own it is -> node */
	uint32_t *order;	     /* nodes in the order of their addresses */
	struct ztc_rec_edge *edges;
	size_t edge_count, edge_cap;
	struct zt_strmap *edge_keys;
	uint32_t map_count;
	struct ztc_rec_segment *segments;
	size_t segment_count, segment_cap;
	struct zt_strmap *names; /* of segments and, behind "rule:", of rules: each once */
	struct ztc_rec_rule *rules;
	size_t rule_count, rule_cap;
	struct ztc_rec_left left;
	struct zt_strbuf why; /* what is wrong with the input, after -EINVAL */
};

/** ztc_rec_init - empty; what is asked for is set. Returns 0 or -ENOMEM. */
int ztc_rec_init(struct ztc_rec *rec);
void ztc_rec_free(struct ztc_rec *rec);

/**
 * ztc_rec_add - take the edges of one host's map.
 * @map:     the result of `map`, by address, or by host with an inventory.
 * @machine: what to call the host when the inventory does not have it.
 *
 * Returns 0, -EINVAL (@rec->why) or -ENOMEM. A service seen by several hosts counts once.
 */
int ztc_rec_add(struct ztc_rec *rec, const json_t *map, const char *machine);

/** ztc_rec_make - leave out what is not wanted, make segments and rules. 0, -EINVAL, -ENOMEM. */
int ztc_rec_make(struct ztc_rec *rec);

/** ztc_rec_write - the policy as YAML. Returns 0 or -ENOMEM. */
int ztc_rec_write(const struct ztc_rec *rec, struct zt_strbuf *sb);

/** ztc_rec_json - what was made and left out, and the text. NULL without memory. */
json_t *ztc_rec_json(const struct ztc_rec *rec, const char *text);

/**
 * ztc_rec_verify - judge every edge by the policy that was written, at each recorded end.
 * @ret_denied: edges that it would deny, candidate verdict: none, or this is wrong.
 * @why:	the first of them, for people.
 *
 * Returns 0, -EINVAL (the text is no policy: @why) or -ENOMEM.
 */
int ztc_rec_verify(const struct ztc_rec *rec, const char *text, size_t *ret_denied,
		   struct zt_strbuf *why);

/* --- between the files of this directory --- */

/** ztc_rec_put_failsafes - those of the inventory as they are; without any, one as a comment. */
int ztc_rec_put_failsafes(const struct ztc_rec *rec, struct zt_strbuf *sb);

/** ztc_rec_segments - give every node its segment. segments.c */
int ztc_rec_segments(struct ztc_rec *rec);

/** ztc_rec_group - give nodes without host a segment by what they do. groups.c */
int ztc_rec_group(struct ztc_rec *rec);

/** ztc_rec_rules - sort the edges and make rules of them. rules.c */
int ztc_rec_rules(struct ztc_rec *rec);

/** ztc_rec_host_at - the one host that has an address, or ZTC_REC_NONE. input.c */
uint32_t ztc_rec_host_at(const struct ztc_rec *rec, const struct zt_addr *addr);

/** ztc_rec_owner - which of two owners of the same edge is named; either may be NULL. */
const char *ztc_rec_owner(const char *a, const char *b);

/** ztc_rec_segment - a new segment. NULL without memory; its number is segment_count - 1. */
struct ztc_rec_segment *ztc_rec_segment(struct ztc_rec *rec, enum ztc_rec_kind kind);

/** ztc_rec_name - @text as a name of the language, not used before (@kind: "" or "rule:"). */
const char *ztc_rec_name(struct ztc_rec *rec, const char *kind, const char *text);

/** ztc_rec_service - "dns", "ssh", "tcp-8443" of a port index; @buf of ZT_PORT_TEXT_LEN. */
const char *ztc_rec_service(uint32_t port, char *buf);

/** ztc_rec_is_icmp, ztc_rec_is_ping - of a port index. */
bool ztc_rec_is_icmp(uint32_t port);
bool ztc_rec_is_ping(uint32_t port);
