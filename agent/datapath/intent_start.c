// SPDX-License-Identifier: Apache-2.0
/*
 * intent_start.c - the first moments: what was confirmed, what awaited confirmation, the file.
 *
 * What awaited confirmation goes on waiting only while its deadline runs in the
 * kernel, in the boot that it was committed in. Otherwise it was taken back,
 * for good: also across a reboot, until the revision of the file rises.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "datapath/intent_priv.h"

/* --- what is in the state directory ---------------------------------------------------------- */

/* Whether this is the state whose deadline runs in the kernel. */
static bool still_runs(struct zt_intent *intent, const struct zt_record *rec, bool boot)
{
	struct zt_dp_state state;
	char boot_id[ZT_BOOT_ID_LEN];

	zt_dp_state(intent->cfg.dp, &state);
	return !boot && !strcmp(zt_boot_id(boot_id), rec->boot_id) && !state.reverted &&
	       state.ctl.deadline_ns == rec->deadline_ns;
}

static void recall_reject(struct zt_intent *intent)
{
	zt_auto(zt_record_free) struct zt_record rec = {};
	const char *why;

	if (zt_store_read(intent->store, ZT_STORE_REVERTED, &rec, &why) < 0)
		return;
	intent->rejected = true;
	intent->reject = ZT_HOLD_UNCONFIRMED;
	intent->rejected_revision = rec.revision;
}

/* True when @ret is a state that goes on awaiting confirmation. */
static bool recall_pending(struct zt_intent *intent, bool boot, struct zt_record *ret)
{
	const char *why;
	int r = zt_store_read(intent->store, ZT_STORE_PENDING, ret, &why);

	/* Final, and the last agent died between the kernel and the rename, or shortly before. */
	if (r == 0 && !ret->deadline_ns)
		zt_store_confirm(intent->store, NULL, NULL);
	else if (r == 0 && still_runs(intent, ret, boot))
		return true;
	else if (r != -ENOENT)
		zt_store_reject(intent->store);
	zt_record_free(ret);
	recall_reject(intent);
	return false;
}

static void tell_history(struct zt_intent *intent, uint64_t bad, uint64_t used)
{
	int n;

	zt_freep(&intent->history_error);
	if (!bad)
		return;
	if (used)
		n = asprintf(
			&intent->history_error,
			"entry %llu of the policy history was altered or cannot be read: entry "
			"%llu is the confirmed policy (ztctl policy history)",
			(unsigned long long)bad, (unsigned long long)used);
	else
		n = asprintf(&intent->history_error,
			     "entry %llu of the policy history was altered or cannot be read, and "
			     "no other is intact: no policy is known as confirmed",
			     (unsigned long long)bad);
	if (n < 0)
		intent->history_error = NULL;
}

/* The newest confirmed state that is intact and still reads, as @now; not in force yet. */
static void recall_confirmed(struct zt_intent *intent)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	zt_auto(zt_record_free) struct zt_record rec = {};
	uint64_t bad;
	int r = zt_store_newest(intent->store, &rec, &bad);

	if (r == 0)
		r = zt_reading_restore(&intent->now, &rec, ZT_INTENT_CONFIRMED, &diag);
	if (r == -EINVAL) {
		/* Another version of the language, for its hash is right. */
		zt_intent_say(intent, &diag);
		bad = bad ?: rec.entry;
	}
	tell_history(intent, bad, r == 0 ? rec.entry : 0);
}

/* --- into force --------------------------------------------------------------------------------
 */

static int install_now(struct zt_intent *intent)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	char err[ZT_INTENT_ERR_LEN];
	int r = zt_reading_compile(intent, &intent->now, zt_intent_held_policy(intent), &diag);

	/* A candidate that does not compile any more is no reason to go without a policy. */
	if (r < 0 && zt_intent_held_policy(intent))
		r = zt_reading_compile(intent, &intent->now, NULL, &diag);
	if (r == 0)
		r = zt_intent_install(intent, &intent->now, err);
	if (r < 0)
		zt_tables_free(&intent->now.tables);
	return r;
}

static void observe(struct zt_intent *intent)
{
	zt_reading_free(&intent->now);
	if (zt_policy_empty(&intent->now.policy) < 0 || install_now(intent) < 0)
		zt_reading_free(&intent->now);
}

/* The confirmed policy; with none, a machine without pins observes, and one with pins goes on. */
static void install_confirmed(struct zt_intent *intent, bool boot)
{
	if (intent->now.policy && install_now(intent) == 0)
		return;
	if (boot)
		observe(intent);
	if (!intent->now.tables) {
		zt_reading_free(&intent->now);
		intent->now.source = ZT_INTENT_PINNED;
	}
}

/* The file is what is confirmed: its own lines, one compile. */
static bool adopt_file(struct zt_intent *intent, struct zt_intent_file *file)
{
	struct zt_reading *now = &intent->now;

	if (file->r < 0 || !now->policy ||
	    memcmp(now->policy->digest, file->policy->digest, ZT_DIGEST_LEN) != 0)
		return false;
	zt_policy_free(&now->policy);
	now->policy = zt_take(file->policy);
	zt_policy_drop_text(now->policy);
	now->source = ZT_INTENT_FILE;
	intent->file_known = true;
	memcpy(intent->file_digest, now->policy->digest, ZT_DIGEST_LEN);
	intent->file_revision = now->policy->revision;
	return install_now(intent) == 0;
}

static bool goes_in_at_once(const struct zt_intent *intent, const struct zt_intent_file *file)
{
	return file->r == 0 && !intent->cfg.manual && !intent->cfg.confirm_within_ns &&
	       zt_intent_file_held(intent, file->policy->digest, file->policy->revision) ==
		       ZT_HOLD_NONE;
}

/* What was awaiting confirmation goes on doing so, with the deadline that runs. */
static int resume(struct zt_intent *intent, const struct zt_record *rec)
{
	zt_auto(zt_reading_free) struct zt_reading reading = {};
	struct zt_commit_opts opts = {.deadline_ns = rec->deadline_ns};
	struct zt_commit_result res;
	struct zt_held *held = intent->candidate;
	int r = zt_reading_restore(&reading, rec, ZT_INTENT_STATE, NULL);

	if (r < 0)
		return r;
	if (held && rec->candidate)
		held->view.promoted = !memcmp(held->policy->digest, rec->digest, ZT_DIGEST_LEN);
	r = zt_reading_compile(intent, &reading, zt_intent_held_policy(intent), NULL);
	if (r == 0 && !intent->now.policy)
		r = zt_policy_empty(&intent->now.policy);
	if (r == 0)
		r = zt_reading_compile(intent, &intent->now, zt_intent_held_policy(intent), NULL);
	if (r == 0)
		r = zt_dp_commit(intent->cfg.dp, reading.tables, &opts, &res);
	if (r < 0)
		return r;
	intent->before = intent->now;
	/* So that the datapath knows the way back, and can keep its labels up to date. */
	zt_dp_commit_before(intent->cfg.dp, intent->before.tables, &res);
	intent->now = reading;
	memset(&reading, 0, sizeof(reading));
	intent->pending = true;
	intent->committed_ns = zt_now_ns();
	return 0;
}

int zt_intent_start(struct zt_intent *intent, bool boot)
{
	zt_auto(zt_record_free) struct zt_record awaited = {};
	zt_auto(zt_intent_file_free) struct zt_intent_file file = {};
	uint64_t begin_ns = zt_now_ns();
	bool resumes;
	int r = 0;

	intent->started = true;
	resumes = recall_pending(intent, boot, &awaited);
	recall_confirmed(intent);
	zt_held_load(intent);
	if (resumes && resume(intent, &awaited) < 0) {
		/* It cannot be read any more: back at once, rather than at the deadline. */
		zt_dp_rollback(intent->cfg.dp);
		zt_store_reject(intent->store);
		recall_reject(intent);
		resumes = false;
	}
	zt_intent_file_read(intent, &file);
	if (!resumes) {
		if (adopt_file(intent, &file))
			return 0;
		if (!goes_in_at_once(intent, &file))
			install_confirmed(intent, boot);
	}
	r = zt_intent_file_put(intent, &file, begin_ns);
	if (r < 0 && !intent->now.tables && intent->now.source != ZT_INTENT_PINNED)
		install_confirmed(intent, boot);
	return r;
}
