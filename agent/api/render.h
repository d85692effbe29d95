/* SPDX-License-Identifier: Apache-2.0 */
/*
 * render.h - flows, violations, nodes and workloads as the JSON of docs/json.md.
 */
#pragma once
#include <jansson.h>
#include <stdint.h>

#include "flow/collect.h"
#include "flow/names.h"

struct zt_procs;
struct zt_rate;
struct zt_render;
struct zt_users;

/* zt_render_new - @users and @procs are borrowed. 0 or -ENOMEM. */
int zt_render_new(struct zt_render **ret, struct zt_users *users, struct zt_procs *procs);
void zt_render_free(struct zt_render **render);

/* zt_render_names - from now on name by these; before every use. */
void zt_render_names(struct zt_render *render, const struct zt_flow_names *names);

/* zt_render_named_by - the names in use. */
const struct zt_flow_names *zt_render_named_by(const struct zt_render *render);

/* New references; NULL when out of memory. @change: NULL, or what happened to a followed flow. */
json_t *zt_render_flow(struct zt_render *render, const struct zt_flow_item *item,
		       const char *change);
json_t *zt_render_violation(struct zt_render *render, const struct zt_violation *v);

/* zt_render_node - a host, or a set of segments; addresses are made by map_text.c. */
json_t *zt_render_node(struct zt_render *render, const struct zt_node *node);
json_t *zt_render_node_id(const struct zt_node *node);

/* zt_render_workload - of an owner, with the command line of its latest process; NULL: unknown. */
json_t *zt_render_workload(struct zt_render *render, uint32_t owner);

/* zt_render_kind - "local", "forwarded", "loopback". */
const char *zt_render_kind(uint8_t kind);

/* zt_render_rate - one edge of `top`: its ends, and what it moved. */
json_t *zt_render_rate(struct zt_render *render, const struct zt_rate *rate);

/* zt_render_end - an address with host and segments, without port and workload. */
json_t *zt_render_end(struct zt_render *render, const struct zt_addr *addr, bool near);

/* zt_render_rule - the id of a rule number; "none" for ZT_RULE_NONE, "rule-N" when unknown. */
json_t *zt_render_rule(struct zt_render *render, uint32_t number);

/* zt_render_learn - remember the process behind a flow that just began, while it lives. */
void zt_render_learn(struct zt_render *render, const struct zt_flow_item *item);
