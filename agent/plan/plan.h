/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - what a policy would change, worked out beside the one in force without touching it.
 *
 * Statements and definitions compared; recorded edges, living connections and
 * listeners judged by both; evidence, capacity, pre-flight. Lists are bounded and
 * say how much they left out.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "plan/preflight.h"
#include "policy/policy.h"

#define ZT_PLAN_ROWS_MAX 1000 /* kept of each list of edges, connections, listeners */

struct zt_plan;

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
