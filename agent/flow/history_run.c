/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_run.c - the thread that writes: nobody else waits for the disk.
 *
 * It owns the database's connection; jobs and statistics pass under the lock. A job
 * that cannot be written is kept and tried again, so that a full disk loses nothing
 * while the ledger has room.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "flow/history_priv.h"

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * ZT_NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* --- with the lock held ------------------------------------------------------------------------
 */

static void wait_ms(struct zt_history_writer *h, unsigned int ms)
{
	uint64_t until = clock_ns(CLOCK_MONOTONIC) + ms * ZT_NS_PER_MS;
	struct timespec ts = {(time_t)(until / ZT_NS_PER_S), (long)(until % ZT_NS_PER_S)};

	pthread_cond_timedwait(&h->changed, &h->lock, &ts);
}

static void failed(struct zt_history_writer *h, const char *err)
{
	h->stats.failing = true;
	h->stats.write_errors++;
	snprintf(h->stats.error, sizeof(h->stats.error), "%s", err);
	pthread_cond_broadcast(&h->changed);
}

static void wrote(struct zt_history_writer *h, int64_t now_s, uint64_t took_ns)
{
	h->stats.failing = false;
	h->stats.error[0] = '\0';
	h->stats.writes++;
	h->stats.last_write_s = now_s;
	h->stats.write_took_ns = took_ns;
	pthread_cond_broadcast(&h->changed);
}

/* --- without it --------------------------------------------------------------------------------
 */

/* The file cannot be used: another name for it, so that a new one can be begun. */
static int put_aside(struct zt_history_writer *h, const char *why, const char *detail, char *err)
{
	char name[ZT_HISTORY_ERROR_LEN];
	int r = zt_hdb_set_aside(h->path, why, name, sizeof(name));

	if (r < 0) {
		snprintf(err, ZT_HISTORY_ERROR_LEN, "%s, and cannot be renamed: %s", detail,
			 strerror(-r));
		return r;
	}
	pthread_mutex_lock(&h->lock);
	snprintf(h->stats.set_aside, sizeof(h->stats.set_aside), "%.80s: kept as %.160s", detail,
		 name);
	h->stats.set_asides++;
	h->serial++;
	h->rewrite = h->prepared;
	pthread_mutex_unlock(&h->lock);
	return 0;
}

struct opening {
	struct zt_hdb *db;
	struct zt_hdb_living *base;
	size_t base_count;
	bool old; /* of version 1 */
};

static void close_opening(struct opening *o)
{
	zt_hdb_close(&o->db);
	zt_freep(&o->base);
}

static int try_open(struct zt_history_writer *h, struct opening *o, char *err)
{
	int r = zt_hdb_open(&o->db, h->path, err);

	if (!r)
		r = zt_hdb_generation(o->db, h->generation, err);
	if (!r && !h->prepared)
		r = zt_hdb_base(o->db, &o->base, &o->base_count, &o->old, err);
	if (r < 0)
		close_opening(o);
	return r;
}

/* With the lock held; @size was found out without it. */
static void set_size(struct zt_history_writer *h, const struct zt_history_stats *size)
{
	h->stats.size_bytes = size->size_bytes;
	h->stats.rows = size->rows;
	h->stats.days = size->days;
	h->stats.hours = size->hours;
	h->stats.hints = size->hints;
}

/* Open it; what is in the way goes aside. *ret stays NULL on failure. */
static int open_db(struct zt_history_writer *h, struct zt_hdb **ret, char *err)
{
	zt_auto(close_opening) struct opening o = {0};
	char detail[ZT_HISTORY_ERROR_LEN];
	struct zt_history_stats size;
	bool sized;
	int r = try_open(h, &o, err);

	if (r == -EBADMSG || r == -EPROTO) {
		snprintf(detail, sizeof(detail), "%s", err);
		r = put_aside(h, r == -EPROTO ? "newer" : "corrupt", detail, err);
		if (!r)
			r = try_open(h, &o, err);
	}
	if (r < 0)
		return r;
	sized = !zt_hdb_size(o.db, &size);
	pthread_mutex_lock(&h->lock);
	if (!h->prepared) {
		h->base = zt_take(o.base);
		h->base_count = o.base_count;
		h->prepared = true;
		h->rewrite |= o.old;
	}
	if (sized)
		set_size(h, &size);
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
	*ret = zt_take(o.db);
	return 0;
}

/* With the lock held. */
static void count_losses(struct zt_history_writer *h, const struct zt_hdb_losses *losses)
{
	h->stats.rows_over_cap += losses->rows_over_cap;
	h->stats.rows_aged += losses->rows_aged;
	h->stats.rows_over_size += losses->rows_over_size;
	h->stats.hours_over_cap += losses->hours_over_cap;
	h->stats.hints_over_cap += losses->hints_over_cap;
}

static int write_job(struct zt_history_writer *h, struct zt_hdb *db, const struct zt_job *job,
		     char *err)
{
	struct zt_hdb_losses losses = {0};
	struct zt_history_stats size;
	int r = zt_hdb_write(db, job, &h->cfg, &losses, err);
	bool last = !r && job->last && !zt_hdb_size(db, &size);

	pthread_mutex_lock(&h->lock);
	count_losses(h, &losses);
	if (last) {
		set_size(h, &size);
		h->tidying = true;
		h->tidy_s = job->now_s;
	}
	pthread_mutex_unlock(&h->lock);
	return r;
}

/* One step of it. What cannot be done now is tried again after the next writing. */
static void tidy(struct zt_history_writer *h, struct zt_hdb *db)
{
	char err[ZT_HISTORY_ERROR_LEN];
	struct zt_hdb_losses losses = {0};
	struct zt_history_stats size;
	int r = zt_hdb_tidy(db, &h->cfg, h->tidy_s, &losses, err);
	bool sized = r != 1 && !zt_hdb_size(db, &size);

	pthread_mutex_lock(&h->lock);
	count_losses(h, &losses);
	h->suspect |= r == -EBADMSG;
	h->tidying = r == 1;
	if (r != 1) {
		if (sized)
			set_size(h, &size);
		pthread_cond_broadcast(&h->changed);
	}
	pthread_mutex_unlock(&h->lock);
}

static void drop_corrupt(struct zt_history_writer *h, struct zt_hdb **db, const char *detail)
{
	char err[ZT_HISTORY_ERROR_LEN];

	zt_hdb_close(db);
	if (put_aside(h, "corrupt", detail, err) < 0) {
		pthread_mutex_lock(&h->lock);
		failed(h, err);
		pthread_mutex_unlock(&h->lock);
	}
}

/* Somebody moved or removed it: what is written from now on must not go where nobody looks. */
static void forget(struct zt_history_writer *h, struct zt_hdb **db)
{
	zt_hdb_close(db);
	pthread_mutex_lock(&h->lock);
	h->serial++;
	h->rewrite = true;
	pthread_mutex_unlock(&h->lock);
}

/* One round: open if need be, look at what a reader complained of, write the job. 0 or -errno. */
static int work(struct zt_history_writer *h, struct zt_hdb **db, const struct zt_job *job,
		bool suspect)
{
	char err[ZT_HISTORY_ERROR_LEN] = "";
	uint64_t began = clock_ns(CLOCK_MONOTONIC);
	int r;

	if (*db && zt_hdb_moved(*db, h->path))
		forget(h, db);
	r = *db ? 0 : open_db(h, db, err);

	if (!r && suspect && !zt_hdb_sound((*db)->db)) {
		drop_corrupt(h, db, "damaged");
		r = open_db(h, db, err);
	}
	if (!r && job)
		r = write_job(h, *db, job, err);
	if (r == -EBADMSG && *db) {
		drop_corrupt(h, db, err);
		r = open_db(h, db, err);
		if (!r && job)
			r = write_job(h, *db, job, err);
	}
	pthread_mutex_lock(&h->lock);
	if (r < 0)
		failed(h, err);
	else if (job)
		wrote(h, job->now_s, clock_ns(CLOCK_MONOTONIC) - began);
	else
		h->stats.failing = false;
	pthread_mutex_unlock(&h->lock);
	return r;
}

static void *run(void *arg)
{
	struct zt_history_writer *h = arg;
	struct zt_hdb *db = NULL;

	pthread_mutex_lock(&h->lock);
	for (;;) {
		struct zt_job *job = h->job;
		bool suspect = h->suspect, stopping = h->stopping;
		int r;

		if (db && !job && !suspect) {
			if (stopping)
				break;
			if (h->tidying) {
				pthread_mutex_unlock(&h->lock);
				tidy(h, db);
				pthread_mutex_lock(&h->lock);
			} else {
				pthread_cond_wait(&h->changed, &h->lock);
			}
			continue;
		}
		h->suspect = false;
		pthread_mutex_unlock(&h->lock);
		r = work(h, &db, job, suspect);
		pthread_mutex_lock(&h->lock);
		if (!r && job) {
			zt_job_free(&h->job);
			pthread_cond_broadcast(&h->changed);
		}
		if (r < 0 && (stopping || h->stopping))
			break;
		if (r < 0)
			wait_ms(h, h->cfg.write_ms);
	}
	pthread_mutex_unlock(&h->lock);
	if (db && h->beating)
		zt_hdb_beat_end(db, h->run_ms);
	zt_hdb_close(&db);
	return NULL;
}

/* --- the loop's side ---------------------------------------------------------------------------
 */

int zt_history_start(struct zt_history_writer *h)
{
	sigset_t all, before;
	int r;

	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&h->thread, NULL, run, h);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	h->have_thread = !r;
	return r;
}

void zt_history_stop(struct zt_history_writer *h)
{
	if (!h->have_thread)
		return;
	pthread_mutex_lock(&h->lock);
	h->stopping = true;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	h->have_thread = false;
}

void zt_history_give(struct zt_history_writer *h, struct zt_job *job)
{
	pthread_mutex_lock(&h->lock);
	h->job = job;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
}
