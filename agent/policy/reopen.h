/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reopen.h - what tables keep, as a compiler again, to add to them.
 *
 * Private to this room.
 */
#pragma once
#include "policy/lower.h"

/**
 * zt_compiler_borrow - begin: the compiler gets the tables' directory and sets on loan.
 *
 * Always to be followed by zt_compiler_return().
 */
void zt_compiler_borrow(struct zt_compiler *c, const struct zt_tables *tables,
			const struct zt_compile_env *env, struct zt_diag *diag);

/**
 * zt_compiler_reopen - the rest: identities by number, statements, room for new rows.
 * @policy: of which, with env->candidate, the tables were made.
 *
 * Afterwards c->t takes new rows; its steps are those of the tables, to be added
 * to. Returns 0, -EAGAIN when the tables are of other policies or of another host,
 * or -ENOMEM.
 */
int zt_compiler_reopen(struct zt_compiler *c, const struct zt_tables *tables,
		       const struct zt_policy *policy);

/** zt_compiler_return - give back what was on loan, its lists may have moved; free the rest. */
void zt_compiler_return(struct zt_compiler *c, struct zt_tables *tables);
