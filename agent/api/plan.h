/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - the pre-flight as promote asks for it, and plans as the JSON of docs/json.md.
 *
 * Private to this room.
 */
#pragma once
#include <jansson.h>

struct zt_names;
struct zt_plan;
struct zt_preflight;
struct zt_preflight_env;
struct zt_promotion;
struct zt_render;
struct zt_request;
struct zt_users;

/**
 * zt_request_way_in - ask the kernel whether a promotion would lock people out.
 *
 * Returns 0: it would not, or the promotion is wrong in another way, which it will say itself.
 * Else fails the request: with the answer "no" when something would be cut.
 */
int zt_request_way_in(struct zt_request *request, const struct zt_promotion *what);

/* zt_preflight_json - the `preflight` object. New reference. */
json_t *zt_preflight_json(const struct zt_preflight *preflight, struct zt_render *render);

/* zt_plan_json - the whole answer but for what was asked. New reference. */
json_t *zt_plan_json(const struct zt_plan *plan, const struct zt_preflight_env *env,
		     struct zt_render *render, struct zt_users *users);
