/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.c - what the collector tells becomes jobs for the thread that writes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "flow/history_priv.h"

#define HINT_NAME_MAX 255
#define HINTS_PENDING 8192 /* between two writings */

static int64_t machine_wall(void *ctx)
{
	(void)ctx;
	return (int64_t)(zt_now_wall_ns() / ZT_NS_PER_S);
}

/* --- sweeps -------------------------------------------------------------------------------------
 */

/* What the thread has to say: the base once it is read, a new file. Whether a job is pending. */
static bool catch_up(struct zt_history_writer *h)
{
	zt_auto(zt_freep) struct zt_hdb_living *base = NULL;
	size_t count = 0;
	bool rewrite, busy;

	pthread_mutex_lock(&h->lock);
	if (h->prepared && !h->based) {
		base = zt_take(h->base);
		count = h->base_count;
		h->based = true;
	}
	rewrite = h->rewrite;
	h->rewrite = false;
	busy = h->job != NULL;
	pthread_mutex_unlock(&h->lock);
	for (size_t i = 0; i < count; i++)
		zt_ledger_base(h->ledger, &base[i].key, base[i].counts);
	if (rewrite) {
		zt_ledger_rewrite(h->ledger);
		h->stand_changed = h->stand != NULL;
	}
	return busy;
}

static int add_rows(struct zt_history_writer *h, struct zt_job *job)
{
	const struct zt_flow_names *names = h->cfg.names ? h->cfg.names(h->cfg.ctx) : NULL;
	const struct zt_ledger_row *rows;
	int count = zt_ledger_next(h->ledger, ZT_JOB_ROWS, &rows);
	int r = count < 0 ? count : 0;

	for (int i = 0; i < count && !r; i++)
		r = zt_job_add(job, &h->cfg, names, h->swept_ns, &rows[i]);
	job->last = count < ZT_JOB_ROWS;
	return r;
}

static int copy_stand(struct zt_history_writer *h, struct zt_job *job)
{
	/* One more than none: an empty set is not "as before". */
	job->stand = calloc(h->stand_count + 1, sizeof(*job->stand));
	if (!job->stand)
		return -ENOMEM;
	memcpy(job->stand, h->stand, h->stand_count * sizeof(*job->stand));
	job->stand_count = h->stand_count;
	h->stand_changed = false;
	return 0;
}

/* Without memory this heartbeat is missing, as it is when nobody has anything to say. */
static void add_beat(struct zt_history_writer *h, struct zt_job *job)
{
	if (!h->cfg.beat)
		return;
	job->beat = calloc(1, sizeof(*job->beat));
	if (job->beat && h->cfg.beat(h->cfg.ctx, job->beat)) {
		h->run_ms = job->beat->run_ms;
		h->beating = true;
		return;
	}
	free(job->beat);
	job->beat = NULL;
}

/* The next job of the writing that goes on; the last one ends it. */
static void make_job(struct zt_history_writer *h)
{
	struct zt_job *job = NULL;
	int r = zt_job_new(&job, h->cfg.wall(h->cfg.ctx));

	if (!r)
		r = add_rows(h, job);
	if (!r && job->last && h->stand_changed)
		r = copy_stand(h, job);
	if (r < 0) {
		/* Rows of this job are lost: there is no memory to say more. */
		h->edges_over_cap += job ? job->row_count + 1 : 0;
		zt_job_free(&job);
		return;
	}
	if (job->last) {
		job->recorded_s = h->watched_ns / ZT_NS_PER_S;
		h->watched_ns %= ZT_NS_PER_S;
		job->losses = h->losses;
		job->hints = zt_take(h->hints);
		add_beat(h, job);
		h->losses = 0;
		h->phase = ZT_HISTORY_IDLE;
		zt_ledger_done(h->ledger);
	}
	zt_history_give(h, job);
}

bool zt_history_due(struct zt_history *history, uint64_t now_ns)
{
	struct zt_history_writer *h = history->writer;
	uint64_t since_ns = h->looked_ns && now_ns > h->looked_ns ? now_ns - h->looked_ns : 0;
	bool busy = catch_up(h);

	if (since_ns <= h->cfg.gap_s * ZT_NS_PER_S)
		h->watched_ns += since_ns;
	h->looked_ns = now_ns;
	/* A walk that was given up is begun anew. */
	if (h->phase == ZT_HISTORY_SWEEP)
		h->phase = ZT_HISTORY_IDLE;
	if (h->phase == ZT_HISTORY_WRITE && !busy)
		make_job(h);
	return h->based && !busy && h->phase == ZT_HISTORY_IDLE && now_ns >= h->next_ns;
}

void zt_history_hurry(struct zt_history *history)
{
	history->writer->next_ns = 0;
	history->writer->hurried = true;
}

void zt_history_sweep(struct zt_history *history)
{
	struct zt_history_writer *h = history->writer;

	h->phase = ZT_HISTORY_SWEEP;
	h->swept_ns = h->looked_ns;
	h->next_ns = h->looked_ns + h->cfg.write_ms * ZT_NS_PER_MS;
	zt_ledger_begin(h->ledger, h->swept_ns);
	if (h->hurried)
		zt_ledger_whole(h->ledger);
	h->hurried = false;
}

void zt_history_living(struct zt_history *history, const struct zt_flow_key *key,
		       const struct zt_flow *flow)
{
	zt_ledger_living(history->writer->ledger, key, flow);
}

void zt_history_ended(struct zt_history *history, const struct zt_flow_key *key,
		      const struct zt_flow *flow, bool walked)
{
	struct zt_history_writer *h = history->writer;

	walked = walked && h->phase == ZT_HISTORY_SWEEP;
	if (zt_ledger_ended(h->ledger, key, flow, walked) < 0) {
		h->edges_over_cap++;
		h->losses++;
	}
}

void zt_history_swept(struct zt_history *history, uint64_t losses)
{
	struct zt_history_writer *h = history->writer;

	if (h->losses_known && losses > h->losses_before)
		h->losses += losses - h->losses_before;
	h->losses_before = losses;
	h->losses_known = true;
	zt_ledger_cut(h->ledger);
	h->phase = ZT_HISTORY_WRITE;
	make_job(h);
}

/* 0 when the thread has nothing to do any more. */
static int wait_job(struct zt_history_writer *h, const struct timespec *until)
{
	uint64_t errors;
	int r = 0;

	pthread_mutex_lock(&h->lock);
	errors = h->stats.write_errors;
	if (h->stats.failing)
		pthread_cond_broadcast(&h->changed); /* try again at once */
	while ((h->job || !h->prepared) && !r) {
		if (pthread_cond_timedwait(&h->changed, &h->lock, until) == ETIMEDOUT)
			r = -ETIMEDOUT;
		else if (h->stats.write_errors != errors)
			r = -EIO;
	}
	pthread_mutex_unlock(&h->lock);
	return r;
}

static struct timespec deadline(unsigned int timeout_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (timeout_ms % 1000) * (long)ZT_NS_PER_MS;
	if (until.tv_nsec >= (long)ZT_NS_PER_S) {
		until.tv_sec++;
		until.tv_nsec -= (long)ZT_NS_PER_S;
	}
	return until;
}

static int sync_writer(struct zt_history_writer *w, unsigned int timeout_ms)
{
	struct timespec until = deadline(timeout_ms);
	int r;

	if (!w->have_thread)
		return 0;
	for (;;) {
		r = wait_job(w, &until);
		if (r < 0 || w->phase != ZT_HISTORY_WRITE)
			return r;
		make_job(w);
	}
}

int zt_history_sync(struct zt_history *history, unsigned int timeout_ms)
{
	return sync_writer(history->writer, timeout_ms);
}

int zt_history_settle(struct zt_history *history, unsigned int timeout_ms)
{
	struct zt_history_writer *h = history->writer;
	struct timespec until = deadline(timeout_ms);
	int r = 0;

	pthread_mutex_lock(&h->lock);
	while ((h->tidying || h->job || !h->prepared) && !r)
		r = -pthread_cond_timedwait(&h->changed, &h->lock, &until);
	pthread_mutex_unlock(&h->lock);
	return r;
}

void zt_history_hint(struct zt_history *history, const struct zt_addr *addr, const char *name,
		     uint8_t source)
{
	struct zt_history_writer *h = history->writer;
	struct zt_job_hint hint = {.addr = *addr, .source = source};
	char key[sizeof(hint) + HINT_NAME_MAX];
	size_t len = strnlen(name, HINT_NAME_MAX + 1);

	if (!len || len > HINT_NAME_MAX)
		return;
	memcpy(key, &hint, sizeof(hint));
	memcpy(key + sizeof(hint), name, len);
	if (!h->hints && zt_strmap_new(&h->hints) < 0) {
		h->hints_over_cap++;
		return;
	}
	if (zt_strmap_count(h->hints) >= HINTS_PENDING &&
	    zt_strmap_find(h->hints, key, sizeof(hint) + len) == ZT_STRMAP_NONE)
		h->hints_over_cap++;
	else if (zt_strmap_intern(h->hints, key, sizeof(hint) + len, NULL) == ZT_STRMAP_NONE)
		h->hints_over_cap++;
}

/* --- opening ------------------------------------------------------------------------------------
 */

static void set_defaults(struct zt_history_config *cfg)
{
	cfg->wall = cfg->wall ?: machine_wall;
	cfg->size_cap = cfg->size_cap ?: ZT_HISTORY_SIZE_MAX;
	cfg->day_rows = cfg->day_rows ?: ZT_HISTORY_DAY_ROWS;
	cfg->hour_rows = cfg->hour_rows ?: ZT_HISTORY_HOUR_ROWS;
	cfg->hour_days = cfg->hour_days ?: ZT_HISTORY_HOUR_DAYS;
	cfg->age_days = cfg->age_days ?: ZT_HISTORY_AGE_DAYS;
	cfg->hint_rows = cfg->hint_rows ?: ZT_HISTORY_HINTS;
	cfg->edge_cap = cfg->edge_cap ?: ZT_HISTORY_EDGE_CAP;
	cfg->write_ms = cfg->write_ms ?: ZT_HISTORY_WRITE_MS;
	cfg->gap_s = cfg->gap_s ?: ZT_HISTORY_GAP_S;
}

static int new_writer(struct zt_history_writer **ret, const struct zt_history_config *cfg)
{
	struct zt_history_writer *w = calloc(1, sizeof(*w));
	pthread_condattr_t attr;

	if (!w)
		return -ENOMEM;
	w->cfg = *cfg;
	set_defaults(&w->cfg);
	w->path = strdup(cfg->path);
	w->generation = strdup(cfg->generation ?: "");
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->changed, &attr);
	pthread_condattr_destroy(&attr);
	*ret = w;
	return w->path && w->generation ? 0 : -ENOMEM;
}

static uint64_t serial_of(struct zt_history_writer *w)
{
	uint64_t serial;

	pthread_mutex_lock(&w->lock);
	serial = w->serial;
	pthread_mutex_unlock(&w->lock);
	return serial;
}

static void suspect(struct zt_history_writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->suspect = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

static void close_writer(struct zt_history_writer **writer)
{
	struct zt_history_writer *w = *writer;

	if (w->have_thread)
		sync_writer(w, 5000);
	zt_history_stop(w);
	zt_ledger_free(&w->ledger);
	zt_job_free(&w->job);
	zt_strmap_free(&w->hints);
	free(w->base);
	free(w->stand);
	free(w->path);
	free(w->generation);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
	*writer = NULL;
}

int zt_history_open(struct zt_history **ret, const struct zt_history_config *cfg)
{
	static const struct zt_history_hooks hooks = {serial_of, suspect, close_writer};
	zt_auto(zt_history_close) struct zt_history *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->hooks = &hooks;
	r = new_writer(&h->writer, cfg);
	h->path = strdup(cfg->path);
	if (!h->path)
		return -ENOMEM;
	if (!r)
		r = zt_ledger_new(&h->writer->ledger, h->writer->cfg.edge_cap);
	if (!r)
		r = zt_history_start(h->writer);
	if (r < 0)
		return r;
	*ret = zt_take(h);
	return 0;
}

/* --- statements ---------------------------------------------------------------------------------
 */

bool zt_history_stands(const struct zt_history *history, const uint8_t tag[ZT_HISTORY_DIGEST_LEN])
{
	const struct zt_history_writer *h = history->writer;

	return h->stand && !memcmp(h->stand_tag, tag, sizeof(h->stand_tag));
}

int zt_history_stand(struct zt_history *history, const uint8_t tag[ZT_HISTORY_DIGEST_LEN],
		     const uint8_t (*digests)[ZT_HISTORY_DIGEST_LEN], size_t count)
{
	struct zt_history_writer *h = history->writer;
	uint8_t(*copy)[ZT_HISTORY_DIGEST_LEN];

	if (zt_history_stands(history, tag))
		return 0;
	copy = calloc(count + 1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	if (count)
		memcpy(copy, digests, count * sizeof(*copy));
	memcpy(h->stand_tag, tag, sizeof(h->stand_tag));
	free(h->stand);
	h->stand = copy;
	h->stand_count = count;
	h->stand_changed = true;
	return 0;
}

/* --- status -------------------------------------------------------------------------------------
 */

void zt_history_stats(struct zt_history *history, struct zt_history_stats *ret)
{
	struct zt_history_writer *h = history->writer;

	pthread_mutex_lock(&h->lock);
	*ret = h->stats;
	pthread_mutex_unlock(&h->lock);
	ret->path = h->path;
	ret->size_cap = h->cfg.size_cap;
	ret->edges_over_cap = h->edges_over_cap;
	ret->hints_over_cap += h->hints_over_cap;
}
