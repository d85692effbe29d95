// SPDX-License-Identifier: Apache-2.0
/*
 * intent_file.c - a reading of the policy file, and what becomes of it: in force, held, reported.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "datapath/intent_priv.h"

void zt_intent_file_free(struct zt_intent_file *file)
{
	zt_policy_free(&file->policy);
	zt_freep(&file->signature);
	zt_diag_free(&file->diag);
}

static bool is_now(const struct zt_intent *intent, const uint8_t *digest)
{
	const struct zt_policy *now = intent->now.policy;

	return now && !memcmp(now->digest, digest, sizeof(now->digest));
}

enum zt_intent_hold zt_intent_file_hold(const struct zt_intent *intent, uint64_t *ret_revision)
{
	const struct zt_reading *now = &intent->now;
	bool rejected = intent->rejected && (now->hold == ZT_HOLD_NONE ||
					     intent->rejected_revision > now->hold_revision);

	*ret_revision = rejected ? intent->rejected_revision : now->hold_revision;
	return rejected ? intent->reject : now->hold;
}

enum zt_intent_hold zt_intent_file_held(const struct zt_intent *intent, const uint8_t *digest,
					uint64_t revision)
{
	uint64_t below;
	enum zt_intent_hold hold = zt_intent_file_hold(intent, &below);

	if (is_now(intent, digest))
		return ZT_HOLD_NONE;
	if (hold != ZT_HOLD_NONE && revision <= below)
		return hold;
	/* A promotion that nobody confirmed would become final under the file's change. */
	if (!intent->cfg.manual && intent->pending && strcmp(intent->now.action, "file") != 0)
		return ZT_HOLD_PENDING;
	return ZT_HOLD_NONE;
}

void zt_intent_file_set_hold(const struct zt_intent *intent, struct zt_reading *reading,
			     enum zt_intent_hold why, uint64_t revision)
{
	uint64_t below;
	enum zt_intent_hold hold = zt_intent_file_hold(intent, &below);

	reading->hold = hold;
	reading->hold_revision = below;
	if (intent->file_known &&
	    !memcmp(intent->file_digest, reading->policy->digest, ZT_DIGEST_LEN)) {
		reading->source = ZT_INTENT_FILE;
		reading->hold = ZT_HOLD_NONE;
		reading->hold_revision = 0;
		return;
	}
	if (why == ZT_HOLD_NONE)
		return;
	if (intent->file_known && intent->file_revision > revision)
		revision = intent->file_revision;
	if (hold == ZT_HOLD_NONE || revision >= below) {
		reading->hold = why;
		reading->hold_revision = revision;
	}
}

void zt_intent_file_read(struct zt_intent *intent, struct zt_intent_file *ret)
{
	const struct zt_reading *now = &intent->now;

	memset(ret, 0, sizeof(*ret));
	/* No file is no error on a machine that never had a policy; else it is a broken one. */
	ret->absent = access(intent->path, F_OK) < 0 && errno == ENOENT &&
		      (!now->policy || now->source == ZT_INTENT_NONE);
	ret->r = ret->absent ? -ENOENT : zt_policy_load(&ret->policy, intent->path, &ret->diag);
	if (ret->r < 0)
		return;
	ret->r = zt_intent_read_signature(intent, &ret->signature);
	/* One that is held back anyway is not judged yet. */
	if (ret->r == 0 &&
	    zt_intent_file_held(intent, ret->policy->digest, ret->policy->revision) == ZT_HOLD_NONE)
		ret->r = zt_intent_admit(intent, ret->policy, ret->signature, &ret->diag);
}

static int failed(struct zt_intent *intent, const struct zt_diag *diag, int r)
{
	zt_intent_say(intent, diag);
	if (!diag->errors)
		zt_intent_say_one(intent, strerror(-r));
	if (intent->now.source == ZT_INTENT_FILE)
		intent->now.source = ZT_INTENT_HELD;
	intent->file_known = false;
	zt_intent_tell(intent, ZT_INTENT_BROKEN);
	return r;
}

/* --- where it goes ------------------------------------------------------------------------------
 */

/* The same policy, perhaps written differently: no epoch, but lines of the file may have moved. */
static int put_same(struct zt_intent *intent, struct zt_intent_file *file)
{
	struct zt_reading again = {.source = ZT_INTENT_FILE};
	struct zt_reading *now = &intent->now;
	char err[ZT_INTENT_ERR_LEN];
	int r = 0;

	now->source = ZT_INTENT_FILE;
	if (intent->candidate && intent->candidate->view.from_file &&
	    !intent->candidate->view.promoted)
		zt_held_drop(intent, err);
	if (!intent->pending) {
		again.policy = file->policy;
		again.modes = now->modes;
		r = zt_reading_compile(intent, &again, zt_intent_held_policy(intent), &file->diag);
	}
	if (again.tables) {
		struct zt_commit_result res;

		r = zt_dp_commit(intent->cfg.dp, again.tables, NULL, &res);
		if (r == 0) {
			zt_tables_free(&now->tables);
			zt_policy_free(&now->policy);
			now->tables = zt_take(again.tables);
			now->policy = zt_take(file->policy);
			zt_policy_drop_text(now->policy);
			free(now->host);
			now->host = zt_take(again.host);
		} else {
			zt_intent_say_one(intent, res.err);
		}
	}
	zt_tables_free(&again.tables);
	free(again.host);
	zt_intent_tell(intent, r < 0 ? ZT_INTENT_BROKEN : ZT_INTENT_SAME);
	return r;
}

/* Its texts, as they were read. */
static struct zt_source_text *texts_of(const struct zt_policy *policy, size_t *ret_count)
{
	struct zt_source_text *list;
	size_t count = 0;

	for (const struct zt_source *s = policy->sources; s; s = s->next)
		count++;
	list = calloc(count + 1, sizeof(*list));
	*ret_count = count;
	count = 0;
	for (const struct zt_source *s = policy->sources; list && s; s = s->next)
		list[count++] = (struct zt_source_text){
			.path = s->name, .text = s->text ?: "", .len = s->len};
	return list;
}

static int put_held(struct zt_intent *intent, struct zt_intent_file *file,
		    const struct zt_change *change)
{
	const struct zt_held *held = intent->candidate;
	char err[ZT_INTENT_ERR_LEN];
	int r = 0;

	if (!held || memcmp(held->policy->digest, file->policy->digest, ZT_DIGEST_LEN) != 0)
		r = zt_held_set(intent, &file->policy, change, true, err);
	if (r < 0) {
		zt_intent_say_one(intent, err);
		intent->file_again = zt_intent_disk_is_full(r);
	}
	zt_intent_tell(intent, r < 0 ? ZT_INTENT_BROKEN : ZT_INTENT_WAITING);
	return r;
}

static int put_in_force(struct zt_intent *intent, struct zt_intent_file *file,
			struct zt_change *change, uint64_t begin_ns)
{
	zt_auto(zt_reading_free) struct zt_reading reading = {.source = ZT_INTENT_FILE};
	const struct zt_modes *modes = &intent->now.modes;
	char err[ZT_INTENT_ERR_LEN];
	int r = zt_modes_copy(&reading.modes, modes->rows, modes->count);

	if (r < 0)
		return r;
	zt_modes_prune(&reading.modes, file->policy, true);
	reading.policy = file->policy;
	r = zt_reading_compile(intent, &reading, zt_intent_held_policy(intent), &file->diag);
	if (r < 0) {
		reading.policy = NULL; /* the file's still */
		return failed(intent, &file->diag, r);
	}
	file->policy = NULL;
	zt_intent_say(intent, &file->diag);
	if (intent->cfg.confirm_within_ns)
		change->deadline_ns = zt_now_ns() + intent->cfg.confirm_within_ns;
	r = zt_intent_commit(intent, &reading, change, err);
	if (r < 0) {
		zt_intent_say_one(intent, err);
		intent->file_again = zt_intent_disk_is_full(r);
		zt_intent_tell(intent, ZT_INTENT_BROKEN);
		return r;
	}
	zt_policy_drop_text(intent->now.policy);
	intent->commit_took_ns = zt_now_ns() - begin_ns;
	intent->rejected = false;
	zt_intent_tell(intent, ZT_INTENT_COMMITTED);
	return 0;
}

static int put_other(struct zt_intent *intent, struct zt_intent_file *file, uint64_t begin_ns)
{
	zt_auto(zt_freep) struct zt_source_text *files = NULL;
	struct zt_change change = {
		.action = "file", .path = intent->path, .signature = file->signature};

	files = texts_of(file->policy, &change.file_count);
	if (!files)
		return -ENOMEM;
	change.files = files;
	if (intent->cfg.manual && intent->now.tables)
		return put_held(intent, file, &change);
	return put_in_force(intent, file, &change, begin_ns);
}

int zt_intent_file_put(struct zt_intent *intent, struct zt_intent_file *file, uint64_t begin_ns)
{
	enum zt_intent_hold hold;
	bool news;

	intent->file_again = false;
	if (file->absent)
		return 0;
	if (file->r < 0)
		return failed(intent, &file->diag, file->r);
	zt_intent_say(intent, &file->diag);
	news = !intent->file_known ||
	       memcmp(intent->file_digest, file->policy->digest, ZT_DIGEST_LEN) != 0;
	intent->file_known = true;
	memcpy(intent->file_digest, file->policy->digest, ZT_DIGEST_LEN);
	intent->file_revision = file->policy->revision;
	hold = zt_intent_file_held(intent, file->policy->digest, file->policy->revision);
	if (is_now(intent, file->policy->digest) && intent->now.tables)
		return put_same(intent, file);
	if (hold != ZT_HOLD_NONE) {
		intent->file_again = hold == ZT_HOLD_PENDING;
		if (news)
			zt_intent_tell(intent, ZT_INTENT_WAITING);
		return 0;
	}
	return put_other(intent, file, begin_ns);
}

int zt_intent_load(struct zt_intent *intent, bool boot)
{
	zt_auto(zt_intent_file_free) struct zt_intent_file file = {};
	uint64_t begin_ns = zt_now_ns();
	int r;

	zt_intent_sync(intent);
	if (!intent->started) {
		r = zt_intent_start(intent, boot);
	} else {
		zt_intent_file_read(intent, &file);
		r = zt_intent_file_put(intent, &file, begin_ns);
	}
	if (intent->watch_source)
		zt_watch_renew(intent);
	/* Reading a large policy takes many times what is kept of it. */
	malloc_trim(0);
	return r;
}
