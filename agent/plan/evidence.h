/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evidence.h - what a policy is held against, read once for the pre-flight and the plan.
 *
 * Private to this room.
 */
#pragma once
#include "plan/classes.h"
#include "plan/edges.h"
#include "plan/listeners.h"
#include "plan/opening.h"
#include "plan/preflight.h"

struct zt_evidence {
	struct zt_judges judges;
	const struct zt_addr *locals; /* borrowed from the datapath, or @own_locals */
	size_t local_count;
	struct zt_addr *own_locals;
	struct zt_sockets sockets;
	struct zt_classes classes;
	struct zt_plan_edges edges; /* judged */
	struct zt_plan_listeners listeners;
};

/* zt_evidence_read - all but the listeners, which the pre-flight fills in. 0 or -errno. */
int zt_evidence_read(struct zt_evidence *ret, const struct zt_preflight_env *env);
void zt_evidence_clear(struct zt_evidence *evidence);

/* zt_preflight_on - the pre-flight over evidence that was read; fills in evidence->listeners. */
int zt_preflight_on(struct zt_preflight **ret, const struct zt_preflight_env *env,
		    struct zt_evidence *evidence);
