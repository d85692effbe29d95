/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_write.c - one job in one transaction.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flow/history_priv.h"

#define UNANSWERED_SHARE 4 /* a scan leaves three quarters of a day's rows to conversations */

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
	const struct zt_history_config *cfg;
	uint64_t rows, unanswered; /* of the day */
	uint64_t hour_rows;
	bool by_hour; /* rows go to the hour, else to the day */
	struct zt_hdb_losses losses;
	struct zt_job_row **order; /* rows by edge id */
	uint64_t flow_bytes;
};

static void free_writing(struct writing *w)
{
	free(w->nodes);
	free(w->owners);
	free(w->rules);
	free(w->sums);
	free(w->order);
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

static bool has_increment(const struct zt_ledger_row *row, bool rtt)
{
	static const uint64_t none[ZT_L_COUNT];

	return row->flows || row->refused || row->unanswered || row->resets || rtt ||
	       memcmp(row->add, none, sizeof(none));
}

static bool has_counts(const struct zt_job_row *row)
{
	return has_increment(&row->row, row->rtt_len);
}

/* A day that has all the rows it may have takes no new edge. */
static bool is_full(const struct writing *w, const struct zt_job_row *row)
{
	return w->rows >= w->cfg->day_rows ||
	       (!row->row.answered && w->unanswered >= w->cfg->day_rows / UNANSWERED_SHARE);
}

/* The id of a row's edge; 0 when there is none and it must not or need not be made. */
static int put_edge(struct writing *w, struct zt_job_row *row)
{
	static const uint64_t none[ZT_L_COUNT];
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
		k->encryption,
		k->app,
	};
	sqlite3_stmt *find = zt_hdb_stmt(w->db, ZT_Q_EDGE_FIND);
	sqlite3_stmt *add = zt_hdb_stmt(w->db, ZT_Q_EDGE_ADD);
	bool lives = row->row.live_changed && memcmp(row->row.live, none, sizeof(none));
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		sqlite3_bind_int64(find, (int)i + 1, values[i]);
	r = zt_hdb_step(find);
	if (r == 1) {
		row->edge = sqlite3_column_int64(find, 0);
		sqlite3_reset(find);
	}
	if (r || is_full(w, row) || !(lives || has_counts(row)))
		return r < 0 ? -1 : 0;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		sqlite3_bind_int64(add, (int)i + 1, values[i]);
	if (zt_hdb_run(w->db, ZT_Q_EDGE_ADD) < 0)
		return -1;
	row->edge = sqlite3_last_insert_rowid(w->db->db);
	return 0;
}

static int by_edge(const void *a, const void *b)
{
	const struct zt_job_row *x = *(struct zt_job_row *const *)a;
	const struct zt_job_row *y = *(struct zt_job_row *const *)b;

	return x->edge < y->edge ? -1 : x->edge > y->edge;
}

/* In the order of the tables, so that each page of them is met once. */
static int put_edges(struct writing *w)
{
	const struct zt_job *job = w->job;

	w->order = calloc(job->row_count + 1, sizeof(*w->order));
	if (!w->order)
		return -ENOMEM;
	for (size_t i = 0; i < job->row_count; i++) {
		w->order[i] = &job->rows[i];
		w->order[i]->edge = 0;
		if (put_edge(w, w->order[i]) < 0)
			return -1;
	}
	qsort(w->order, job->row_count, sizeof(*w->order), by_edge);
	return 0;
}

static void bind_row(const struct writing *w, sqlite3_stmt *q, const struct zt_job_row *row)
{
	const uint64_t *add = row->row.add;
	const int64_t values[] = {
		w->by_hour ? w->job->hour : w->job->day,
		row->edge,
		(int64_t)add[ZT_L_CONNECTIONS],
		(int64_t)add[ZT_L_BYTES_TO_DST],
		(int64_t)add[ZT_L_BYTES_TO_SRC],
		(int64_t)add[ZT_L_PACKETS_TO_DST],
		(int64_t)add[ZT_L_PACKETS_TO_SRC],
		row->first_s,
		row->last_s,
		row->row.refused,
		row->row.unanswered,
		row->row.resets,
		(int64_t)add[ZT_L_RETRANSMITS],
	};
	const int count = ARRAY_SIZE(values);

	for (int i = 0; i < count; i++)
		sqlite3_bind_int64(q, i + 1, values[i]);
	if (row->rtt_len)
		sqlite3_bind_blob(q, count + 1, w->job->rtts + row->rtt, (int)row->rtt_len,
				  SQLITE_STATIC);
	else
		sqlite3_bind_null(q, count + 1);
}

/* Whether the day has a row of this edge in some hour. -1 on error. */
static int is_known(const struct writing *w, const struct zt_job_row *row)
{
	sqlite3_stmt *q = zt_hdb_stmt(w->db, ZT_Q_DAY_HAS);
	int r;

	sqlite3_bind_int64(q, 1, w->job->day);
	sqlite3_bind_int64(q, 2, row->edge);
	r = zt_hdb_step(q);
	sqlite3_reset(q);
	return r;
}

/* An hour with too many rows: this day is kept as a whole from now on. */
static int give_up_hours(struct writing *w)
{
	sqlite3_stmt *q = zt_hdb_stmt(w->db, ZT_Q_DAY_NO_HOURS);

	w->by_hour = false;
	w->losses.hours_over_cap++;
	sqlite3_bind_int64(q, 1, w->job->day);
	return zt_hdb_run(w->db, ZT_Q_DAY_NO_HOURS);
}

static int add_row(struct writing *w, const struct zt_job_row *row)
{
	enum zt_hdb_stmt which;
	int known = is_known(w, row);

	if (known < 0)
		return -1;
	if (!known && is_full(w, row)) {
		w->losses.rows_over_cap++;
		return 0;
	}
	if (w->by_hour && w->hour_rows >= w->cfg->hour_rows && give_up_hours(w) < 0)
		return -1;
	which = w->by_hour ? ZT_Q_HOUR_ROW_ADD : ZT_Q_DAY_ROW_ADD;
	bind_row(w, zt_hdb_stmt(w->db, which), row);
	if (zt_hdb_run(w->db, which) < 0)
		return -1;
	w->hour_rows += w->by_hour;
	w->rows += !known;
	w->unanswered += !known && !row->row.answered;
	return 0;
}

static int put_row(struct writing *w, const struct zt_job_row *row)
{
	enum zt_hdb_stmt which = w->by_hour ? ZT_Q_HOUR_ROW_UPDATE : ZT_Q_DAY_ROW_UPDATE;

	if (!row->edge) {
		w->losses.rows_over_cap++;
		return 0;
	}
	bind_row(w, zt_hdb_stmt(w->db, which), row);
	if (zt_hdb_run(w->db, which) < 0)
		return -1;
	return sqlite3_changes(w->db->db) ? 0 : add_row(w, row);
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
	uint64_t lost;

	for (size_t i = 0; i < w->job->row_count; i++) {
		const struct zt_job_row *row = w->order[i];

		if (!has_counts(row))
			continue;
		sum_rules(w, row);
		lost = w->losses.rows_over_cap;
		if (put_row(w, row) < 0)
			return -1;
		w->flow_bytes += lost == w->losses.rows_over_cap ? zt_job_row_bytes(row) : 0;
	}
	for (size_t i = 0; i < w->job->row_count; i++) {
		if (zt_hdb_live(w->db, w->order[i]) < 0)
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

/* --- the hour and the day
 * -----------------------------------------------------------------------------------
 */

static int begin_hour(struct writing *w)
{
	sqlite3_stmt *add = zt_hdb_stmt(w->db, ZT_Q_HOUR_BEGIN);
	sqlite3_stmt *rows = zt_hdb_stmt(w->db, ZT_Q_HOUR_ROWS);

	sqlite3_bind_int64(add, 1, w->job->hour);
	sqlite3_bind_int64(rows, 1, w->job->hour);
	if (zt_hdb_run(w->db, ZT_Q_HOUR_BEGIN) < 0 || zt_hdb_step(rows) != 1)
		return -1;
	w->hour_rows = (uint64_t)sqlite3_column_int64(rows, 0);
	sqlite3_reset(rows);
	return 0;
}

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
	w->by_hour = sqlite3_column_int(rows, 2);
	sqlite3_reset(rows);
	return w->by_hour ? begin_hour(w) : 0;
}

static int end_day(struct writing *w)
{
	sqlite3_stmt *hour = zt_hdb_stmt(w->db, ZT_Q_HOUR_SET_ROWS);
	sqlite3_stmt *day = zt_hdb_stmt(w->db, ZT_Q_DAY_SET_ROWS);

	sqlite3_bind_int64(hour, 1, (int64_t)w->hour_rows);
	sqlite3_bind_int64(hour, 2, w->job->hour);
	sqlite3_bind_int64(day, 1, (int64_t)w->rows);
	sqlite3_bind_int64(day, 2, (int64_t)w->unanswered);
	sqlite3_bind_int64(day, 3, (int64_t)w->losses.rows_over_cap);
	sqlite3_bind_int64(day, 4, w->job->day);
	if (w->by_hour && zt_hdb_run(w->db, ZT_Q_HOUR_SET_ROWS) < 0)
		return -1;
	return zt_hdb_run(w->db, ZT_Q_DAY_SET_ROWS);
}

/* --- names beside addresses ---------------------------------------------------------------------
 */

/* Past the bound the tenth that was not heard of for the longest time goes. */
static int trim_hints(struct writing *w, int64_t cap)
{
	char sql[256];

	if (zt_hdb_number(w->db->db, "SELECT count(*) FROM hint", &w->db->hints) < 0)
		return -1;
	if (w->db->hints <= cap)
		return 0;
	snprintf(sql, sizeof(sql),
		 "DELETE FROM hint WHERE (addr, source, name) IN (SELECT addr, source, name "
		 "FROM hint ORDER BY last_s LIMIT %lld)",
		 (long long)(w->db->hints - cap + cap / 10));
	if (zt_hdb_exec(w->db->db, sql) < 0)
		return -1;
	w->losses.hints_over_cap += (uint64_t)(w->db->hints - cap + cap / 10);
	w->db->hints = cap - cap / 10;
	return 0;
}

static int put_hints(struct writing *w)
{
	const struct zt_strmap *hints = w->job->hints;
	sqlite3_stmt *q = zt_hdb_stmt(w->db, ZT_Q_HINT);
	uint32_t count = hints ? zt_strmap_count(hints) : 0;

	for (uint32_t i = 0; i < count; i++) {
		struct zt_job_hint hint;
		size_t len;
		const char *key = zt_strmap_key(hints, i, &len);

		memcpy(&hint, key, sizeof(hint));
		sqlite3_bind_blob(q, 1, hint.addr.bytes, sizeof(hint.addr.bytes), SQLITE_STATIC);
		sqlite3_bind_int64(q, 2, hint.source);
		sqlite3_bind_text(q, 3, key + sizeof(hint), (int)(len - sizeof(hint)),
				  SQLITE_STATIC);
		sqlite3_bind_int64(q, 4, w->job->now_s);
		if (zt_hdb_run(w->db, ZT_Q_HINT) < 0)
			return -1;
	}
	return count ? trim_hints(w, w->cfg->hint_rows) : 0;
}

/* --- the end of a writing -----------------------------------------------------------------------
 */

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
	if (zt_hdb_run(w->db, ZT_Q_DAY_END) < 0 || zt_hdb_run(w->db, ZT_Q_LIVE_OLD) < 0 ||
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
	r = r ?: put_edges(w);
	r = r ?: put_rows(w);
	r = r ?: put_rule_days(w);
	r = r ?: end_day(w);
	r = r ?: put_hints(w);
	r = r ?: zt_hdb_put_bytes(w->db, job, w->cfg->gap_s, w->flow_bytes);
	if (!r && job->last)
		r = put_last(w);
	return r ?: zt_hdb_run(w->db, ZT_Q_COMMIT);
}

static void add_losses(struct zt_hdb_losses *to, const struct zt_hdb_losses *from)
{
	to->rows_over_cap += from->rows_over_cap;
	to->hours_over_cap += from->hours_over_cap;
	to->hints_over_cap += from->hints_over_cap;
}

int zt_hdb_write(struct zt_hdb *db, const struct zt_job *job, const struct zt_history_config *cfg,
		 struct zt_hdb_losses *losses, char *err)
{
	zt_auto(free_writing) struct writing w = {.db = db, .job = job, .cfg = cfg};
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
	add_losses(losses, &w.losses);
	return 0;
}
