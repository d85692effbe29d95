/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cursor_priv.h - what the two files of the cursor share: sums over buckets, and edges with names.
 *
 * cursor.c  the window, the walk over spans of edge ids
 * edges.c   one edge with its names, by its id
 */
#pragma once
#include "history/db.h"

/* What the buckets of one edge add up to. */
struct zt_hsum {
	uint64_t connections;
	uint64_t bytes[2];
	uint64_t packets[2];
	uint64_t refused, unanswered, resets, retransmits;
	int64_t first_s;
	int64_t last_s;
	struct zt_rtt *rtt; /* NULL = no samples */
	bool used;
};

/* One edge, and room for what its fields point to. */
struct zt_hnames {
	sqlite3_stmt *edge, *hint;
	struct zt_owner owners[2];
	struct zt_history_edge at;
	struct zt_hnames_hints {
		struct zt_addr addr;
		bool known;
		size_t count;
		struct zt_history_hint hints[ZT_HINTS_SHOWN];
		char texts[ZT_HINTS_SHOWN][256];
	} hints[2];
};

/* zt_hnames_open - prepare the questions. 0 or -errno; closed in any case. */
int zt_hnames_open(struct zt_hnames *names, sqlite3 *db);
void zt_hnames_close(struct zt_hnames *names);

/*
 * zt_hnames_read - edge @id into @names->at, with these sums; until zt_hnames_done().
 * 1, 0 (it is gone meanwhile) or -errno.
 */
int zt_hnames_read(struct zt_hnames *names, sqlite3 *db, int64_t id, const struct zt_hsum *sum);
void zt_hnames_done(struct zt_hnames *names);
