/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_policy.h - the policy in force, parsed here: the agent's text, or the newest on disk.
 */
#pragma once
#include <jansson.h>

#include "ctl/collect/collect.h"
#include "ctl/local.h"

struct zt_host;
struct zt_policy;

/**
 * struct ztc_policy_now
 * @statements: of this host, {id, mode, percent?, expired?, flows?}; modes with promotions.
 * @host:       which host of the inventory this is, or NULL.
 * @source:     "agent", "state".
 */
struct ztc_policy_now {
	struct zt_policy *policy;
	json_t *statements;
	struct ztc_locals locals;
	const struct zt_host *host;
	const char *source;
};

/*
 * ztc_policy_now - 0, -ENOENT (no agent, and no policy was ever confirmed), -EACCES, -errno.
 * ztc_policy_now_free() in any case.
 */
int ztc_policy_now(const struct ztc_env *env, struct ztc_policy_now *ret);
void ztc_policy_now_free(struct ztc_policy_now *now);
