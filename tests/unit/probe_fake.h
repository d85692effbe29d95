/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe_fake.h - a judge that stands in for the loaded one: it answers by compiled tables.
 */
#pragma once
#include <string.h>

#include "policy/judge.h"

static inline void probe_fake(const struct zt_tables *tables, struct zt_probe *probe)
{
	const struct zt_query q = {
		.near = probe->near,
		.far = probe->far,
		.qmask = probe->qmask,
		.now_ns = probe->now_ns,
		.dir = probe->dir,
		.port_index = probe->port_index,
	};
	struct zt_answer a;

	zt_tables_judge(tables, &q, &a);
	memcpy(probe->rule, a.rule, sizeof(a.rule));
	memcpy(probe->action, a.action, sizeof(a.action));
	memcpy(probe->rank, a.rank, sizeof(a.rank));
	memcpy(probe->existing, a.existing, sizeof(a.existing));
	probe->failsafe = a.failsafe;
	probe->owner_dep = a.owner_dep;
	probe->near_id = a.near_id;
	probe->far_id = a.far_id;
	probe->valid_until_ns = a.valid_until_ns;
	probe->changed_ns = a.changed_ns;
	probe->label_epoch = a.label_epoch;
}
