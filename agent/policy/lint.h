/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lint.h - what a policy says in vain: statements that can never match.
 *
 * Only warnings, and only where it is certain whatever hosts and labels there
 * are. A staged statement hides an enforced one in the candidate alone.
 */
#pragma once
#include <stdint.h>
#include "policy/policy.h"

/**
 * zt_policy_lint - note as warnings what can never match, and what hides it.
 * @now_s: Unix time, for rules that have expired.
 * @diag:  gets the warnings.
 *
 * Work is bounded: in a policy made to be hard, some are not found. Returns 0 or -ENOMEM.
 */
int zt_policy_lint(const struct zt_policy *policy, int64_t now_s, struct zt_diag *diag);
