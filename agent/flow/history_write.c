/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_write.c - one job in one transaction, and what makes room for the next.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flow/history_priv.h"

#define UNANSWERED_SHARE 4    /* a scan leaves three quarters of a day's rows to conversations */
#define TRIM_ROWS	 5000 /* of one transaction */
#define TRIM_TO_PERCENT	 90

/* Numbers of the job to ids of the database, and what its rows did to each rule. */
struct rule_sum {
	uint64_t flows, would_deny, denied;
	int64_t last_s, last_deny_s;
};

struct writing {
	struct zt_hdb *db;
	const struct zt_job *job;
	int64_t *nodes, *owners, *rules;
	struct rule_sum *sums;
	uint64_t rows, unanswered; /* of the day */
	uint64_t day_rows;
	uint64_t over_cap;
};

static void free_writing(struct writing *w)
{
	free(w->nodes);
	free(w->owners);
	free(w->rules);
	free(w->sums);
}

/* --- names -------------------------------------------------------------------------------------
 */

/* The id that @find gives, or that of the row that @add makes. Both are bound. */
static int find_or_add(struct zt_hdb *db, enum zt_hdb_stmt find, enum zt_hdb_stmt add, int64_t *ret)
{
	sqlite3_stmt *q = zt_hdb_stmt(db, find);
	int r = zt_hdb_step(q);

	if (r < 0)
		return -1;
	if (r == 1) {
		*ret = sqlite3_column_int64(q, 0);
		sqlite3_reset(q);
		return 0;
	}
	if (zt_hdb_run(db, add) < 0)
		return -1;
	*ret = sqlite3_last_insert_rowid(db->db);
	return 0;
}

static int put_node(struct zt_hdb *db, const void *key, size_t len, int64_t *ret)
{
	const enum zt_hdb_stmt both[] = {ZT_Q_NODE_FIND, ZT_Q_NODE_ADD};
	const char *bytes = key;

	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		sqlite3_stmt *q = zt_hdb_stmt(db, both[i]);

		sqlite3_bind_blob(q, 1, bytes, 16, SQLITE_STATIC);
		sqlite3_bind_text(q, 2, bytes + 16, (int)(len - 16), SQLITE_STATIC);
	}
	return find_or_add(db, ZT_Q_NODE_FIND, ZT_Q_NODE_ADD, ret);
}

static void bind_field(sqlite3_stmt *q, int at, const char *text, size_t size)
{
	sqlite3_bind_text(q, at, text, (int)strnlen(text, size), SQLITE_STATIC);
}

static int put_owner(struct zt_hdb *db, const void *key, size_t len, int64_t *ret)
{
	const enum zt_hdb_stmt both[] = {ZT_Q_OWNER_FIND, ZT_Q_OWNER_ADD};
	struct zt_job_owner o;

	(void)len;
	memcpy(&o, key, sizeof(o));
	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		sqlite3_stmt *q = zt_hdb_stmt(db, both[i]);

		bind_field(q, 1, o.owner.unit, sizeof(o.owner.unit));
		bind_field(q, 2, o.owner.cgroup, sizeof(o.owner.cgroup));
		bind_field(q, 3, o.owner.exe, sizeof(o.owner.exe));
		sqlite3_bind_int64(q, 4, o.owner.uid);
		bind_field(q, 5, o.user, sizeof(o.user));
		sqlite3_bind_int64(q, 6, o.owner.exe_dev);
		sqlite3_bind_int64(q, 7, o.owner.flags);
	}
	return find_or_add(db, ZT_Q_OWNER_FIND, ZT_Q_OWNER_ADD, ret);
}

static int put_rule(struct zt_hdb *db, const void *key, size_t len, int64_t *ret)
{
	sqlite3_bind_text(zt_hdb_stmt(db, ZT_Q_RULE_FIND), 1, key, (int)len, SQLITE_STATIC);
	sqlite3_bind_text(zt_hdb_stmt(db, ZT_Q_RULE_ADD), 1, key, (int)len, SQLITE_STATIC);
	return find_or_add(db, ZT_Q_RULE_FIND, ZT_Q_RULE_ADD, ret);
}

/* Every name of the job once. 0, -1 (the database says why) or -ENOMEM. */
static int put_all(struct zt_hdb *db, const struct zt_strmap *names, int64_t **ret,
		   int (*put)(struct zt_hdb *db, const void *key, size_t len, int64_t *ret))
{
	uint32_t count = zt_strmap_count(names);
	int64_t *ids = calloc(count ?: 1, sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	*ret = ids;
	for (uint32_t i = 0; i < count; i++) {
		size_t len;
		const void *key = zt_strmap_key(names, i, &len);

		if (put(db, key, len, &ids[i]) < 0)
			return -1;
	}
	return 0;
}

/* --- rows --------------------------------------------------------------------------------------
 */

static int64_t owner_id(const struct writing *w, uint32_t number)
{
	return number == ZT_JOB_NONE ? 0 : w->owners[number];
}

static int put_edge(const struct writing *w, const struct zt_job_row *row, int64_t *ret)
{
	const struct zt_ledger_key *k = &row->row.key;
	const int64_t values[] = {
		w->nodes[row->src],
		w->nodes[row->dst],
		k->proto,
		k->port,
		k->kind,
		k->near,
		owner_id(w, row->src_owner),
		owner_id(w, row->dst_owner),
		w->rules[row->rule[ZT_LIVE]],
		w->rules[row->rule[ZT_CANDIDATE]],
		k->action[ZT_LIVE],
		k->action[ZT_CANDIDATE],
	};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		sqlite3_bind_int64(zt_hdb_stmt(w->db, ZT_Q_EDGE_FIND), (int)i + 1, values[i]);
		sqlite3_bind_int64(zt_hdb_stmt(w->db, ZT_Q_EDGE_ADD), (int)i + 1, values[i]);
	}
	return find_or_add(w->db, ZT_Q_EDGE_FIND, ZT_Q_EDGE_ADD, ret);
}

static void bind_row(sqlite3_stmt *q, int64_t day, int64_t edge, const struct zt_job_row *row)
{
	sqlite3_bind_int64(q, 1, day);
	sqlite3_bind_int64(q, 2, edge);
	for (int c = 0; c < ZT_L_RETRANSMITS; c++) /* version 1 has no column for these */
		sqlite3_bind_int64(q, 3 + c, (int64_t)row->row.add[c]);
	sqlite3_bind_int64(q, 3 + ZT_L_RETRANSMITS, row->first_s);
	sqlite3_bind_int64(q, 4 + ZT_L_RETRANSMITS, row->last_s);
}

static int put_row(struct writing *w, const struct zt_job_row *row)
{
	sqlite3_stmt *update = zt_hdb_stmt(w->db, ZT_Q_ROW_UPDATE);
	sqlite3_stmt *add = zt_hdb_stmt(w->db, ZT_Q_ROW_ADD);
	int64_t edge;

	if (put_edge(w, row, &edge) < 0)
		return -1;
	bind_row(update, w->job->day, edge, row);
	if (zt_hdb_run(w->db, ZT_Q_ROW_UPDATE) < 0)
		return -1;
	if (sqlite3_changes(w->db->db))
		return 0;
	if (w->rows >= w->day_rows ||
	    (!row->row.answered && w->unanswered >= w->day_rows / UNANSWERED_SHARE)) {
		w->over_cap++;
		return 0;
	}
	bind_row(add, w->job->day, edge, row);
	if (zt_hdb_run(w->db, ZT_Q_ROW_ADD) < 0)
		return -1;
	w->rows++;
	w->unanswered += !row->row.answered;
	return 0;
}

static int put_live(struct writing *w, const struct zt_job_row *row)
{
	static const uint64_t none[ZT_L_COUNT];
	bool gone = !memcmp(row->row.live, none, sizeof(none));
	enum zt_hdb_stmt which = gone ? ZT_Q_LIVE_DROP : ZT_Q_LIVE_SET;
	sqlite3_stmt *q = zt_hdb_stmt(w->db, which);

	if (!row->row.live_changed)
		return 0;
	sqlite3_bind_blob(q, 1, &row->row.key, sizeof(row->row.key), SQLITE_STATIC);
	if (!gone)
		sqlite3_bind_blob(q, 2, row->row.live, sizeof(row->row.live), SQLITE_STATIC);
	return zt_hdb_run(w->db, which);
}

static bool has_increment(const struct zt_ledger_row *row)
{
	static const uint64_t none[ZT_L_COUNT];

	return row->flows || memcmp(row->add, none, sizeof(none));
}

static void sum_rules(struct writing *w, const struct zt_job_row *row)
{
	const uint8_t *action = row->row.key.action;

	for (int p = 0; p < ZT_PLANE_COUNT; p++) {
		struct rule_sum *sum = &w->sums[row->rule[p]];

		/* The same rule in both planes decided once. */
		if (p == ZT_CANDIDATE && row->rule[p] == row->rule[ZT_LIVE])
			continue;
		sum->flows += row->row.flows;
		if (action[p] == ZT_DENY && p == ZT_LIVE)
			sum->denied += row->row.flows;
		else if (action[p] == ZT_DENY && action[ZT_LIVE] == ZT_ALLOW)
			sum->would_deny += row->row.flows;
		if (row->last_s > sum->last_s)
			sum->last_s = row->last_s;
		if (action[p] == ZT_DENY && row->last_s > sum->last_deny_s)
			sum->last_deny_s = row->last_s;
	}
}

static int put_rows(struct writing *w)
{
	for (size_t i = 0; i < w->job->row_count; i++) {
		const struct zt_job_row *row = &w->job->rows[i];

		if (has_increment(&row->row)) {
			sum_rules(w, row);
			if (put_row(w, row) < 0)
				return -1;
		}
		if (put_live(w, row) < 0)
			return -1;
	}
	return 0;
}

static int put_rule_days(struct writing *w)
{
	sqlite3_stmt *q = zt_hdb_stmt(w->db, ZT_Q_RULE_DAY);

	for (uint32_t i = 0; i < zt_strmap_count(w->job->rules); i++) {
		const struct rule_sum *sum = &w->sums[i];

		if (!sum->last_s)
			continue;
		sqlite3_bind_int64(q, 1, w->job->day);
		sqlite3_bind_int64(q, 2, w->rules[i]);
		sqlite3_bind_int64(q, 3, (int64_t)sum->flows);
		sqlite3_bind_int64(q, 4, (int64_t)sum->would_deny);
		sqlite3_bind_int64(q, 5, (int64_t)sum->denied);
		sqlite3_bind_int64(q, 6, sum->last_s);
		sqlite3_bind_int64(q, 7, sum->last_deny_s);
		if (zt_hdb_run(w->db, ZT_Q_RULE_DAY) < 0)
			return -1;
	}
	return 0;
}

/* --- the day -----------------------------------------------------------------------------------
 */

static int begin_day(struct writing *w)
{
	sqlite3_stmt *add = zt_hdb_stmt(w->db, ZT_Q_DAY_BEGIN);
	sqlite3_stmt *rows = zt_hdb_stmt(w->db, ZT_Q_DAY_ROWS);

	sqlite3_bind_int64(add, 1, w->job->day);
	sqlite3_bind_int64(add, 2, w->job->now_s);
	sqlite3_bind_int64(rows, 1, w->job->day);
	if (zt_hdb_run(w->db, ZT_Q_DAY_BEGIN) < 0 || zt_hdb_step(rows) != 1)
		return -1;
	w->rows = (uint64_t)sqlite3_column_int64(rows, 0);
	w->unanswered = (uint64_t)sqlite3_column_int64(rows, 1);
	sqlite3_reset(rows);
	return 0;
}

static int end_day(struct writing *w)
{
	sqlite3_stmt *q = zt_hdb_stmt(w->db, ZT_Q_DAY_SET_ROWS);

	sqlite3_bind_int64(q, 1, (int64_t)w->rows);
	sqlite3_bind_int64(q, 2, (int64_t)w->unanswered);
	sqlite3_bind_int64(q, 3, (int64_t)w->over_cap);
	sqlite3_bind_int64(q, 4, w->job->day);
	return zt_hdb_run(w->db, ZT_Q_DAY_SET_ROWS);
}

/* Every digest that stands gets this round's number; those without it have left. */
static int put_stand(struct zt_hdb *db, const struct zt_job *job, int64_t recorded_s)
{
	sqlite3_stmt *q = zt_hdb_stmt(db, ZT_Q_STAND), *end = zt_hdb_stmt(db, ZT_Q_STAND_END);
	int64_t round = zt_hdb_meta(db, "round") + 1;

	for (size_t i = 0; i < job->stand_count; i++) {
		sqlite3_bind_blob(q, 1, job->stand[i], ZT_HISTORY_DIGEST_LEN, SQLITE_STATIC);
		sqlite3_bind_int64(q, 2, job->now_s);
		sqlite3_bind_int64(q, 3, recorded_s);
		sqlite3_bind_int64(q, 4, round);
		if (zt_hdb_run(db, ZT_Q_STAND) < 0)
			return -1;
	}
	sqlite3_bind_int64(end, 1, recorded_s);
	sqlite3_bind_int64(end, 2, round);
	if (zt_hdb_run(db, ZT_Q_STAND_END) < 0)
		return -1;
	return zt_hdb_set_meta(db, "round", round);
}

/* What was recorded as a whole. Longer than a gap since the last time: nobody was looking. */
static int put_last(struct writing *w)
{
	const struct zt_job *job = w->job;
	int64_t recorded_s = zt_hdb_meta(w->db, "recorded_s") + (int64_t)job->recorded_s;
	int64_t before_s = zt_hdb_meta(w->db, "last_s");
	int64_t gap_s = before_s ? job->now_s - before_s - (int64_t)job->recorded_s : 0;
	sqlite3_stmt *q = zt_hdb_stmt(w->db, ZT_Q_DAY_END);

	sqlite3_bind_int64(q, 1, job->day);
	sqlite3_bind_int64(q, 2, job->now_s);
	sqlite3_bind_int64(q, 3, (int64_t)job->recorded_s);
	sqlite3_bind_int64(q, 4, gap_s > ZT_HISTORY_GAP_S ? gap_s : 0);
	sqlite3_bind_int64(q, 5, (int64_t)job->losses);
	if (zt_hdb_run(w->db, ZT_Q_DAY_END) < 0 ||
	    zt_hdb_set_meta(w->db, "recorded_s", recorded_s) < 0 ||
	    zt_hdb_set_meta(w->db, "last_s", job->now_s) < 0)
		return -1;
	return job->stand ? put_stand(w->db, job, recorded_s) : 0;
}

static int write_all(struct writing *w)
{
	const struct zt_job *job = w->job;
	int r;

	w->sums = calloc(zt_strmap_count(job->rules) + 1, sizeof(*w->sums));
	if (!w->sums)
		return -ENOMEM;
	r = begin_day(w);
	r = r ?: put_all(w->db, job->nodes, &w->nodes, put_node);
	r = r ?: put_all(w->db, job->owners, &w->owners, put_owner);
	r = r ?: put_all(w->db, job->rules, &w->rules, put_rule);
	r = r ?: put_rows(w);
	r = r ?: put_rule_days(w);
	r = r ?: end_day(w);
	if (!r && job->last)
		r = put_last(w);
	return r ?: zt_hdb_run(w->db, ZT_Q_COMMIT);
}

int zt_hdb_write(struct zt_hdb *db, const struct zt_job *job, uint32_t day_rows,
		 struct zt_hdb_losses *losses, char *err)
{
	zt_auto(free_writing) struct writing w = {.db = db, .job = job, .day_rows = day_rows};
	int r = zt_hdb_run(db, ZT_Q_BEGIN);

	if (r < 0)
		return zt_hdb_error(db->db, err);
	r = write_all(&w);
	if (r < 0) {
		if (r == -ENOMEM)
			snprintf(err, ZT_HISTORY_ERROR_LEN, "no memory");
		else
			r = zt_hdb_error(db->db, err);
		zt_hdb_run(db, ZT_Q_ROLLBACK); /* a full disk has rolled back already */
		return r;
	}
	losses->rows_over_cap += w.over_cap;
	return 0;
}

/* --- bounds ------------------------------------------------------------------------------------
 */

static int used_bytes(sqlite3 *db, uint64_t *ret)
{
	int64_t pages, free_pages, size;

	if (zt_hdb_number(db, "PRAGMA page_count", &pages) < 0 ||
	    zt_hdb_number(db, "PRAGMA freelist_count", &free_pages) < 0 ||
	    zt_hdb_number(db, "PRAGMA page_size", &size) < 0)
		return -1;
	*ret = (uint64_t)((pages - free_pages) * size);
	return 0;
}

int zt_hdb_size(sqlite3 *db, uint64_t *ret_bytes, uint64_t *ret_rows, uint64_t *ret_days)
{
	int64_t rows, days;

	if (used_bytes(db, ret_bytes) < 0 ||
	    zt_hdb_number(db, "SELECT ifnull(sum(rows), 0) FROM day", &rows) < 0 ||
	    zt_hdb_number(db, "SELECT count(*) FROM day", &days) < 0)
		return -EIO;
	*ret_rows = (uint64_t)rows;
	*ret_days = (uint64_t)days;
	return 0;
}

static int run_sql(sqlite3 *db, const char *sql, int64_t day)
{
	sqlite3_stmt *q = NULL;
	int r = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK) {
		if (sqlite3_bind_parameter_count(q))
			sqlite3_bind_int64(q, 1, day);
		do {
			r = sqlite3_step(q);
		} while (r == SQLITE_ROW);
		r = r == SQLITE_DONE ? sqlite3_changes(db) : -1;
	}
	sqlite3_finalize(q);
	return r;
}

/* Some rows of the oldest day; with the last of them the day. Returns rows removed, or -1. */
static int drop_some(struct zt_hdb *db, int64_t day)
{
	char rows[160];
	int removed, r;

	snprintf(rows, sizeof(rows),
		 "DELETE FROM edge_day WHERE day = ?1 AND edge IN (SELECT edge FROM edge_day "
		 "WHERE day = ?1 LIMIT %d)",
		 TRIM_ROWS);
	if (zt_hdb_run(db, ZT_Q_BEGIN) < 0)
		return -1;
	removed = run_sql(db->db, rows, day);
	if (removed >= 0 && removed < TRIM_ROWS) {
		r = run_sql(db->db, "DELETE FROM rule_day WHERE day = ?1", day);
		if (r >= 0)
			r = run_sql(db->db, "DELETE FROM day WHERE day = ?1", day);
	} else {
		r = run_sql(db->db, "UPDATE day SET rows = max(rows - 5000, 0) WHERE day = ?1",
			    day);
	}
	if (removed < 0 || r < 0 || zt_hdb_run(db, ZT_Q_COMMIT) < 0) {
		zt_hdb_run(db, ZT_Q_ROLLBACK);
		return -1;
	}
	return removed;
}

/* Names that no row speaks of any more. */
static int drop_unused(struct zt_hdb *db)
{
	static const char *const sql[] = {
		"DELETE FROM edge WHERE id NOT IN (SELECT edge FROM edge_day)",
		"DELETE FROM node WHERE id NOT IN (SELECT src FROM edge UNION SELECT dst FROM edge)",
		"DELETE FROM owner WHERE id NOT IN (SELECT src_owner FROM edge UNION "
		"SELECT dst_owner FROM edge)",
		"DELETE FROM rule WHERE id NOT IN (SELECT live_rule FROM edge UNION SELECT cand_rule "
		"FROM edge UNION SELECT rule FROM rule_day)",
		"DELETE FROM stood WHERE since_s IS NULL AND "
		"first_s < (SELECT min(day) * 86400 FROM day)",
	};

	for (size_t i = 0; i < ARRAY_SIZE(sql); i++) {
		if (run_sql(db->db, sql[i], 0) < 0)
			return -1;
	}
	return 0;
}

static int trim(struct zt_hdb *db, uint64_t size_cap, uint32_t age_days,
		struct zt_hdb_losses *losses)
{
	int64_t days, oldest;
	uint64_t used, limit = size_cap;
	bool dropped = false;
	int removed;

	for (;;) {
		if (zt_hdb_number(db->db, "SELECT count(*) FROM day", &days) < 0 ||
		    zt_hdb_number(db->db, "SELECT ifnull(min(day), 0) FROM day", &oldest) < 0 ||
		    used_bytes(db->db, &used) < 0)
			return -1;
		if (days <= age_days && (used <= limit || !days))
			break;
		removed = drop_some(db, oldest);
		if (removed < 0)
			return -1;
		if (days > age_days)
			losses->rows_aged += (uint64_t)removed;
		else
			losses->rows_over_size += (uint64_t)removed;
		/* A little more than needed, so that it is not done again at once. */
		limit = size_cap / 100 * TRIM_TO_PERCENT;
		dropped = true;
		if (removed < TRIM_ROWS && drop_unused(db) < 0)
			return -1;
	}
	if (!dropped)
		return 0;
	return run_sql(db->db, "PRAGMA incremental_vacuum(2000)", 0) < 0 ? -1 : 0;
}

int zt_hdb_trim(struct zt_hdb *db, uint64_t size_cap, uint32_t age_days,
		struct zt_hdb_losses *losses, char *err)
{
	return trim(db, size_cap, age_days, losses) < 0 ? zt_hdb_error(db->db, err) : 0;
}
