/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oracle.h - the verdict as the policy's words have it, statement by statement.
 *
 * Slow and plain on purpose: no identities, no port classes, no tables. What the compiler and
 * the kernel make of a policy is held against this.
 */
#pragma once
#include <stdbool.h>

#include "bpf/abi.h"
#include "policy/overlay.h"
#include "policy/policy.h"

/* One opening, as the design speaks of it. */
struct oracle_query {
	const struct zt_policy *policy;
	const struct zt_policy *candidate; /* held; NULL: none */
	const struct zt_overlay *overlay;  /* or NULL */
	const char *host;		   /* this machine */
	__u64 now_ns;			   /* by the clock of the overlay */
	__s64 wall_s;			   /* Unix time; hours are of UTC or Asia/Taipei */
	struct zt_addr near;		   /* the local address used */
	struct zt_addr far;
	__u8 dir;	  /* ZT_DIR_IN: the far end opens; ZT_DIR_OUT: the near end does */
	__u32 port_index; /* of the service */
	const char *unit; /* the local owner's unit, user (a number) and nothing else; or NULL */
	const char *user;
};

struct oracle_answer {
	__u8 action[ZT_PLANE_COUNT];
	__u8 rank[ZT_PLANE_COUNT];
	bool failsafe; /* saved the live plane */
	/* The statement, where the words leave only one; NULL: several of that rank match. */
	const char *rule[ZT_PLANE_COUNT];
};

void oracle_judge(const struct oracle_query *q, struct oracle_answer *ret);
