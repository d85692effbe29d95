/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff.h - two policies compared as texts that people wrote: statements, segments, hosts.
 *
 * By id and name, not by place. Labels set at run time are no part of it;
 * modes are as promotions have them. The objects are those of docs/json.md.
 */
#pragma once
#include <jansson.h>

struct zt_policy;
struct zt_tables;

#define ZT_DIFF_ROWS_MAX    1000 /* kept of each list */
#define ZT_DIFF_MEMBERS_MAX 200	 /* of one segment's gained or lost members */

/* A policy and what it was compiled to; both NULL = no policy. */
struct zt_diff_side {
	const struct zt_policy *policy;
	const struct zt_tables *tables;
};

/**
 * zt_diff_statements - {added, removed, changed, unchanged, left_out}.
 *
 * New reference; NULL when out of memory.
 */
json_t *zt_diff_statements(const struct zt_diff_side *now, const struct zt_diff_side *then);

/** zt_diff_definitions - {segments: {...}, hosts: {...}}. As above. */
json_t *zt_diff_definitions(const struct zt_policy *now, const struct zt_policy *then);
