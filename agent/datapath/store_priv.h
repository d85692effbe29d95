/* SPDX-License-Identifier: Apache-2.0 */
/* store_priv.h - what store.c (files) and history.c (the chain of states) share. */
#pragma once
#include "datapath/store.h"

#define ZT_STORE_BEFORE "pending.before.json" /* what was pending when another commit began */

struct zt_store {
	char *dir;
};

/* zt_store_path - of a name below the directory. 0 or -ENAMETOOLONG. */
int zt_store_path(const struct zt_store *store, const char *name, char *buf, size_t size);
