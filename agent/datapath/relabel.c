// SPDX-License-Identifier: Apache-2.0
/*
 * relabel.c - changed labels into force: a few rows where that is enough, else compiled again.
 *
 * What is in force and what a pending commit would go back to are brought up to date alike,
 * so that a revert, with the agent dead too, takes no posture back. A change that moves no
 * identity moves no epoch.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "datapath/intent_priv.h"
#include "datapath/labels.h"
#include "policy/relabel.h"

/* One of the two states that are in the kernel. */
struct target {
	struct zt_reading *reading;
	const struct zt_policy *candidate;
	bool before;
};

/* --- a few rows ---------------------------------------------------------------------------- */

/* A candidate staged since these tables were made: the rows say nothing of it. */
static bool other_candidate(const struct target *t)
{
	const struct zt_tables *tables = t->reading->tables;

	if (!tables->candidate_name != !t->candidate)
		return true;
	return t->candidate && memcmp(tables->candidate_digest, t->candidate->digest,
				      sizeof(tables->candidate_digest)) != 0;
}

/* 1: rows were written; 0: no identity changed; -EAGAIN: it has to be compiled in full. */
static int patch(struct zt_intent *intent, struct target *t, const char *const *hosts, size_t count)
{
	zt_auto(zt_surroundings_free) struct zt_surroundings s = {};
	zt_auto(zt_patch_free) struct zt_patch *rows = NULL;
	struct zt_reading *reading = t->reading;
	struct zt_commit_result res;
	int r;

	if (other_candidate(t))
		return -EAGAIN;
	r = zt_surroundings_make(intent, reading, t->candidate, &s);
	if (r == 0)
		r = zt_tables_relabel(reading->tables, reading->policy, &s.env, hosts, count,
				      &rows);
	if (r < 0)
		return -EAGAIN;
	if (zt_patch_empty(rows))
		return 0;
	r = zt_dp_patch(intent->cfg.dp, reading->tables, rows, &res);
	if (r == 0)
		return 1;
	/* These tables are no longer what the kernel has: never taken for it. */
	memset(reading->tables->meta.digest, 0, sizeof(reading->tables->meta.digest));
	return -EAGAIN;
}

/* --- in full --------------------------------------------------------------------------------- */

/*
 * Label epochs alone are no change. Where everything else is as it was, they stay
 * as they were. Returns 1 when it is, 0 when rows differ, -errno.
 */
static int same_but_epochs(struct zt_tables *fresh, const struct zt_tables *old)
{
	zt_auto(zt_freep) __u32 *epochs = NULL;
	uint8_t digest[ZT_DIGEST_LEN];
	int r;

	if (fresh->addr_count != old->addr_count)
		return 0;
	epochs = calloc(fresh->addr_count + 1, sizeof(*epochs));
	if (!epochs)
		return -ENOMEM;
	for (size_t i = 0; i < fresh->addr_count; i++) {
		epochs[i] = fresh->addrs[i].value.label_epoch;
		fresh->addrs[i].value.label_epoch = old->addrs[i].value.label_epoch;
	}
	r = zt_tables_digest(fresh, digest);
	for (size_t i = 0; i < fresh->addr_count; i++)
		fresh->addrs[i].value.label_epoch = epochs[i];
	return r < 0 ? r : !memcmp(digest, old->meta.digest, sizeof(digest));
}

static int commit(struct zt_intent *intent, const struct target *t, const struct zt_tables *tables,
		  char *err)
{
	struct zt_dp *dp = intent->cfg.dp;
	struct zt_commit_opts opts = {};
	struct zt_commit_result res;
	struct zt_dp_state state;
	int r;

	if (t->before) {
		r = zt_dp_commit_before(dp, tables, &res);
	} else {
		zt_dp_state(dp, &state);
		opts.deadline_ns = intent->pending ? state.ctl.deadline_ns : 0;
		r = zt_dp_commit(dp, tables, &opts, &res);
	}
	return r < 0 ? zt_intent_err(err, r, "%s", res.err) : 0;
}

static int in_full(struct zt_intent *intent, struct target *t, char *err)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	struct zt_reading *reading = t->reading;
	struct zt_reading again = {
		.policy = reading->policy, .source = reading->source, .modes = reading->modes};
	int r = zt_reading_compile(intent, &again, t->candidate, &diag);

	if (r < 0) {
		zt_intent_diag_text(&diag, err);
		if (!diag.errors)
			zt_intent_err(err, r, "%s", strerror(-r));
	} else {
		r = same_but_epochs(again.tables, reading->tables);
		if (r < 0)
			zt_intent_err(err, r, "%s", strerror(-r));
		else
			r = r ? 0 : commit(intent, t, again.tables, err) ?: 1;
	}
	if (r <= 0) {
		zt_tables_free(&again.tables);
		free(again.host);
		return r;
	}
	zt_tables_free(&reading->tables);
	reading->tables = again.tables;
	free(reading->host);
	reading->host = again.host;
	return 1;
}

/* 1: in the kernel; 0: nothing to do; -errno with @err. */
static int update(struct zt_intent *intent, struct target *t, const char *const *hosts,
		  size_t count, char *err)
{
	int r = patch(intent, t, hosts, count);

	return r == -EAGAIN ? in_full(intent, t, err) : r;
}

/* --- both ------------------------------------------------------------------------------------- */

static int update_both(struct zt_intent *intent, const char *const *hosts, size_t count, char *err)
{
	struct target now = {&intent->now, zt_intent_held_policy(intent), false};
	/* Its candidate plane was made by what is promoted now, if anything was held. */
	struct target before = {&intent->before,
				intent->candidate ? intent->candidate->policy : NULL, true};
	int changed = update(intent, &now, hosts, count, err), r;

	if (changed < 0 || !intent->pending || !intent->before.tables || !intent->before.policy)
		return changed;
	r = update(intent, &before, hosts, count, err);
	return r < 0 ? r : changed || r;
}

/* Once for each cause, not at each of many attempts. */
static void complain(struct zt_intent *intent, const char *err)
{
	bool again = intent->error && !strcmp(intent->error, err);

	zt_intent_say_one(intent, err);
	if (!again)
		zt_intent_tell(intent, ZT_INTENT_BROKEN);
}

int zt_intent_relabel(struct zt_intent *intent, const char *const *hosts, size_t count)
{
	char err[ZT_INTENT_ERR_LEN] = "";
	int r;

	zt_intent_sync(intent);
	if (!intent->now.tables || !intent->now.policy)
		return 0;
	r = zt_labels_enter(intent->labels, hosts, count,
			    (uint32_t)zt_dp_next_epoch(intent->cfg.dp));
	if (r < 0)
		return r;
	r = update_both(intent, hosts, count, err);
	if (r == 0)
		return zt_labels_leave(intent->labels, hosts, count);
	if (r < 0)
		complain(intent, err);
	return r < 0 ? r : 0;
}
