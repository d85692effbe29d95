/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - what a policy would change, worked out beside the one in force without touching it.
 *
 * Statements and definitions compared; recorded edges, living connections and
 * listeners judged by both; evidence, capacity, pre-flight. Lists are bounded and
 * say how much they left out.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "flow/collect.h"
#include "plan/evidence.h"
#include "plan/preflight.h"

#define ZT_PLAN_ROWS_MAX 1000 /* kept of each list of edges, connections, listeners */

enum zt_newly {
	ZT_NEWLY_DENIED,
	ZT_NEWLY_ALLOWED,
	ZT_NEWLY_COUNT,
};

/* Edges whose verdict differs, those between the same two hosts added up. */
struct zt_plan_change {
	struct zt_plan_edge edge; /* addresses of one of them */
	uint64_t edges;		  /* added up in it */
	bool beyond;		  /* candidate plane: not in the live plane's list */
};

struct zt_plan_changes {
	struct zt_plan_change *rows; /* by connections, most first */
	size_t count;		     /* at most ZT_PLAN_ROWS_MAX */
	size_t left_out;	     /* rows beyond that */
	uint64_t edges;		     /* of all, before they were added up */
	uint64_t connections;
	uint64_t beyond_edges; /* of them, those that the live plane's list does not have */
	uint64_t beyond_connections;
};

/* What becomes of a living connection that would be denied. */
enum zt_fate {
	ZT_FATE_CUT,   /* at its next packet */
	ZT_FATE_RESET, /* its sockets are ended */
	ZT_FATE_KEPT,  /* `existing: keep`: until it closes */
	ZT_FATE_COUNT,
};

struct zt_plan_connection {
	struct zt_flow_item item;
	enum zt_fate fate;
	uint32_t rule; /* of the new policy */
	uint32_t now_rule;
};

struct zt_plan_connections {
	struct zt_plan_connection *rows; /* most recently seen first; at most ZT_PLAN_ROWS_MAX */
	size_t count;
	uint64_t judged; /* established ones */
	uint64_t total[ZT_FATE_COUNT];
};

struct zt_plan_capacity {
	const char *table;
	uint64_t size, now, then;
};

#define ZT_PLAN_CAPACITY_MAX 32

/* What was never seen cannot be judged. */
struct zt_plan_seen {
	int64_t first_s, last_s; /* of all edges; 0 = none was recorded */
	const char *
		*never_hit; /* statements of the new policy that decided nothing; borrowed ids */
	size_t never_hit_count;
	size_t statements; /* that can concern this host */
	const struct zt_plan_listener **never_contacted;
	size_t never_contacted_count;
	bool days_known; /* by the history */
	uint64_t days;	 /* UTC days with recording */
	uint64_t longest_gap_s;
	bool month_end; /* some month's last two days and the next one's first two */
};

struct zt_plan {
	struct zt_evidence evidence;
	struct zt_preflight *preflight;
	json_t *statements, *definitions; /* diff.h */
	/* In the live plane as written, and in the candidate's: with all statements enforced. */
	struct zt_plan_changes changes[ZT_PLANE_COUNT][ZT_NEWLY_COUNT];
	struct zt_plan_connections connections;
	struct zt_plan_seen seen;
	struct zt_plan_capacity capacity[ZT_PLAN_CAPACITY_MAX];
	size_t capacity_count;
	uint64_t took_ns;
};

/**
 * zt_plan_run - compare what env->tables and env->policy would do with what is in force.
 * @env: as for the pre-flight, which is part of it.
 * @ret: on success the caller's (zt_plan_free).
 *
 * Returns 0, -ENOMEM, or -errno when the flow tables cannot be read.
 */
int zt_plan_run(struct zt_plan **ret, const struct zt_preflight_env *env);

/* zt_plan_free - no-op on NULL; for zt_auto(). */
void zt_plan_free(struct zt_plan **plan);

/* zt_fate_name - "cut", "reset", "kept". */
const char *zt_fate_name(enum zt_fate fate);

/* --- parts, for the files of this room and for tests ---------------------------------- */

/* Those of the edges that @plane newly denies (allows), added up by host. 0 or -ENOMEM. */
int zt_plan_changes_make(const struct zt_evidence *evidence, int plane, enum zt_newly newly,
			 struct zt_plan_changes *ret);
void zt_plan_changes_clear(struct zt_plan_changes *changes);

/* What the recorded edges say nothing of; the datapath's counts of use count too. 0, -ENOMEM. */
int zt_plan_seen_make(const struct zt_evidence *evidence, const struct zt_preflight_env *env,
		      struct zt_plan_seen *ret);
void zt_plan_seen_clear(struct zt_plan_seen *seen);

/* Living connections that would be denied. 0, -ENOMEM, or -errno of the read. */
int zt_plan_connections_read(struct zt_collector *collector, struct zt_judges *judges,
			     struct zt_plan_connections *ret);
void zt_plan_connections_clear(struct zt_plan_connections *connections);
