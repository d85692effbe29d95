/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failsafe.h - openings that a failsafe names, enough of them to notice one that fails.
 *
 * Private to this room.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "plan/classes.h"
#include "plan/opening.h"
#include "policy/policy.h"

struct zt_failsafe_env {
	const struct zt_policy *policy; /* that the failsafe is of */
	const struct zt_tables *tables; /* compiled from it */
	const struct zt_classes *classes;
	const struct zt_addr *locals;
	size_t local_count;
};

typedef int (*zt_failsafe_fn)(void *ctx, const struct zt_opening *o);

/**
 * zt_failsafe_each - openings between this host and others that @stmt allows.
 *
 * At every local address it covers: from (to) addresses of every class inside its other end, the
 * ends of its prefixes among them, at the first and last port of each of its ranges. Bounded.
 * Returns 0, or what @fn returned.
 */
int zt_failsafe_each(const struct zt_failsafe_env *env, const struct zt_stmt *stmt,
		     zt_failsafe_fn fn, void *ctx);
