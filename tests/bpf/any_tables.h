/* SPDX-License-Identifier: Apache-2.0 */
/*
 * any_tables.h - tables made at random, and questions about them.
 *
 * Not of policies: rows that no compiler would make are among them, so that every field of a
 * row counts. Repeatable on every machine.
 */
#pragma once
#include "policy/judge.h"

#define ANY_HORIZON 10000 /* times in the rows are below [ns] */

void any_seed(unsigned int number);
unsigned int any_pick(unsigned int n); /* below n */

/* any_tables - sorted, without a digest; the caller's (zt_tables_free()). */
struct zt_tables *any_tables(void);
struct zt_identity any_identity(void);
/* any_question - also about addresses without a row, and times at and far past every edge. */
struct zt_query any_question(const struct zt_tables *t);
