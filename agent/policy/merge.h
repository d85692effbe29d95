/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.h - rows added to tables that are in use.
 *
 * Private to this room. Room is made first, which may fail and changes nothing;
 * then the rows are put in their places, which cannot.
 */
#pragma once
#include "policy/relabel.h"
#include "policy/tables.h"

/**
 * zt_tables_room - make room for a patch's rows.
 * @limits: what the kernel side is made for.
 *
 * Returns 0, -EAGAIN past a limit, or -ENOMEM.
 */
int zt_tables_room(struct zt_tables *tables, const struct zt_patch *patch,
		   const struct zt_limits *limits);

/** zt_tables_merge - put them in; sorts the patch's rows. Room was made. */
void zt_tables_merge(struct zt_tables *tables, struct zt_patch *patch);
