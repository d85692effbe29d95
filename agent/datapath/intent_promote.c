// SPDX-License-Identifier: Apache-2.0
/*
 * intent_promote.c - statements become enforced, with a deadline that the kernel keeps.
 *
 * Without a candidate, statements of the policy in force are promoted beside
 * its text. With one, its text comes into force: as written, or, when
 * statements are named, with nothing else enforced that was not enforced before.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/time.h"
#include "datapath/intent_priv.h"
#include "policy/rules.h"
#include "policy/signed.h"

#define WITHIN_DEFAULT_NS (60 * ZT_NS_PER_S)

/* What is to be in force: a state of its own, and the text that it is kept with. */
struct target {
	struct zt_reading reading;
	struct zt_record rec; /* texts are borrowed from it */
	struct zt_change change;
	struct zt_source_text canonical; /* when the text that was read is not at hand */
	char *text;
	bool candidate;
};

static void target_free(struct target *target)
{
	zt_reading_free(&target->reading);
	zt_record_free(&target->rec);
	zt_freep(&target->text);
}

static bool named(const struct zt_promotion *what, const char *id)
{
	for (size_t i = 0; i < what->id_count; i++)
		if (!strcmp(what->ids[i], id))
			return true;
	return false;
}

/* --- which text ------------------------------------------------------------------------------- */

static int parse_again(struct target *t, const char *path, const struct zt_source_text *files,
		       size_t count, char *err)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	int r = zt_policy_parse_set(&t->reading.policy, path, files, count, &diag);

	if (r < 0) {
		zt_intent_diag_text(&diag, err);
		return diag.errors ? r : zt_intent_err(err, r, "%s", strerror(-r));
	}
	zt_policy_drop_text(t->reading.policy);
	t->change.path = path;
	t->change.files = files;
	t->change.file_count = count;
	return 0;
}

static int from_set(struct target *t, const struct zt_policy_set *set, char *err)
{
	t->candidate = true;
	t->reading.source = ZT_INTENT_STATE;
	t->change.signature = set->signature;
	return parse_again(t, set->path, set->files, set->count, err);
}

static int from_candidate(struct zt_intent *intent, struct target *t, char *err)
{
	const struct zt_policy *held = intent->candidate->policy;
	const char *why = "";
	int r = zt_store_read(intent->store, ZT_STORE_CANDIDATE, &t->rec, &why);

	if (r == 0 && memcmp(t->rec.digest, held->digest, sizeof(held->digest)) != 0) {
		r = -EBADMSG;
		why = "it is another than the one that is held";
	}
	if (r < 0)
		return zt_intent_err(
			err, r,
			"the text of the candidate cannot be read from '%s': %s. Stage it "
			"again",
			zt_store_dir(intent->store), why);
	t->candidate = true;
	t->reading.source = ZT_INTENT_STATE;
	t->change.signature = t->rec.signature;
	return parse_again(t, t->rec.path, t->rec.files, t->rec.file_count, err);
}

/* The text of what is in force; from memory when the state directory does not have it. */
static int from_now(struct zt_intent *intent, struct target *t, char *err)
{
	const struct zt_reading *now = &intent->now;
	char name[ZT_ENTRY_NAME_LEN];
	const char *why;
	int r;

	if (!now->policy || now->source == ZT_INTENT_NONE)
		return zt_intent_err(err, -EINVAL,
				     "no policy is in force and no candidate is held: stage one");
	zt_store_entry_name(now->entry, name);
	r = zt_store_read(intent->store, intent->pending ? ZT_STORE_PENDING : name, &t->rec, &why);
	t->reading.source = now->source;
	if (r == 0 && !memcmp(t->rec.digest, now->policy->digest, ZT_DIGEST_LEN)) {
		t->change.signature = t->rec.signature;
		return parse_again(t, t->rec.path, t->rec.files, t->rec.file_count, err);
	}
	r = zt_policy_canonical(now->policy, &t->text, &t->canonical.len);
	if (r < 0)
		return zt_intent_err(err, r, "%s", strerror(-r));
	t->canonical.path = intent->path;
	t->canonical.text = t->text;
	return parse_again(t, intent->path, &t->canonical, 1, err);
}

/* --- which modes ---------------------------------------------------------------------------------
 */

static int check_names(const struct zt_intent *intent, const struct target *t,
		       const struct zt_promotion *what, char *err)
{
	const struct zt_policy *now = intent->now.policy;

	for (size_t i = 0; i < what->id_count; i++) {
		const char *id = what->ids[i];
		const struct zt_stmt *stmt = zt_policy_stmt(t->reading.policy, id);

		if (!stmt && !(t->candidate && now && zt_policy_stmt(now, id)))
			return zt_intent_err(
				err, -EINVAL,
				"%s has no statement '%s' (ztctl policy show lists them)",
				t->candidate ? "the candidate" : "the policy in force", id);
		if (what->percent && stmt && stmt->kind == ZT_STMT_FAILSAFE)
			return zt_intent_err(err, -EINVAL,
					     "'%s' is a failsafe: always enforced, for everybody",
					     id);
		if (what->percent && stmt && zt_mode_of(stmt, &intent->now.modes) == 100)
			return zt_intent_err(
				err, -EINVAL,
				"'%s' is enforced for all remote hosts already: rollback "
				"undoes that, a smaller share does not",
				id);
	}
	return 0;
}

static int enforce(struct target *t, const char *id, unsigned int percent)
{
	return zt_modes_set(&t->reading.modes, id, true, percent ? percent : 100);
}

static int enforce_all(struct target *t)
{
	const struct zt_policy *policy = t->reading.policy;
	int r = 0;

	for (size_t i = 0; i < policy->stmt_count && r == 0; i++)
		if (policy->stmts[i].kind != ZT_STMT_FAILSAFE)
			r = enforce(t, policy->stmts[i].id, 100);
	return r;
}

/* A statement of the candidate that was not named goes on as it is in force, or stays staged. */
static int leave_alone(const struct zt_intent *intent, struct target *t, const struct zt_stmt *stmt,
		       struct zt_strbuf *touched)
{
	const struct zt_policy *now = intent->now.policy;
	const struct zt_stmt *old = now ? zt_policy_stmt(now, stmt->id) : NULL;
	unsigned int was = old ? zt_mode_of(old, &intent->now.modes) : 0;
	bool same = old && zt_stmt_same(now, old, t->reading.policy, stmt);

	if (!same && (was || stmt->kind == ZT_STMT_FAILSAFE)) {
		zt_strbuf_printf(touched, "%s%s (%s)", touched->len ? ", " : "", stmt->id,
				 !old ? "a new failsafe" : "changed");
		return 0;
	}
	if (stmt->kind == ZT_STMT_FAILSAFE)
		return 0;
	return zt_modes_set(&t->reading.modes, stmt->id, was != 0, was ? was : 100);
}

static int name_some(const struct zt_intent *intent, struct target *t,
		     const struct zt_promotion *what, char *err)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf touched = ZT_STRBUF_INIT;
	const struct zt_policy *policy = t->reading.policy, *now = intent->now.policy;
	int r = 0;

	for (size_t i = 0; i < policy->stmt_count && r == 0; i++) {
		const struct zt_stmt *stmt = &policy->stmts[i];

		if (!named(what, stmt->id))
			r = t->candidate ? leave_alone(intent, t, stmt, &touched) : 0;
		else if (stmt->kind != ZT_STMT_FAILSAFE)
			r = enforce(t, stmt->id, what->percent);
	}
	for (size_t i = 0; t->candidate && now && i < now->stmt_count; i++) {
		const struct zt_stmt *old = &now->stmts[i];

		if (zt_mode_of(old, &intent->now.modes) && !named(what, old->id) &&
		    !zt_policy_stmt(policy, old->id))
			zt_strbuf_printf(&touched, "%s%s (removed)", touched.len ? ", " : "",
					 old->id);
	}
	if (r < 0 || zt_strbuf_error(&touched))
		return zt_intent_err(err, -ENOMEM, "out of memory");
	if (touched.len)
		return zt_intent_err(
			err, -EPERM,
			"this would change what is enforced without being named: %.3000s. "
			"Name these too, or promote without names",
			zt_strbuf_text(&touched));
	return 0;
}

static int set_modes(const struct zt_intent *intent, struct target *t,
		     const struct zt_promotion *what, char *err)
{
	const struct zt_modes *now = &intent->now.modes;
	bool as_written = t->candidate && !what->id_count;
	int r = 0;

	if (what->all && what->id_count)
		return zt_intent_err(err, -EINVAL, "name statements, or promote all of them");
	if (what->percent && !what->id_count)
		return zt_intent_err(err, -EINVAL, "a share of remote hosts is for named rules");
	if (!t->candidate && !what->all && !what->id_count)
		return zt_intent_err(
			err, -EINVAL,
			"no candidate is held: name the statements of the policy in force "
			"that become enforced, or all of them");
	r = check_names(intent, t, what, err);
	if (r < 0)
		return r;
	/* Named: worked out one by one. Else what was promoted before stays so. */
	if (!t->candidate || !what->id_count)
		r = zt_modes_copy(&t->reading.modes, now->rows, now->count);
	if (r == 0 && what->all)
		r = enforce_all(t);
	if (r < 0)
		return zt_intent_err(err, r, "out of memory");
	if (what->id_count)
		r = name_some(intent, t, what, err);
	zt_modes_prune(&t->reading.modes, t->reading.policy, as_written);
	return r;
}

/* --- the whole -----------------------------------------------------------------------------------
 */

/* What only may come into force takes no numbers for good. */
static int scratch_names(const struct zt_rule_names *from, struct zt_rule_names **ret)
{
	zt_auto(zt_rule_names_free) struct zt_rule_names *names = NULL;
	int r = zt_rule_names_new(&names);

	for (uint32_t n = ZT_RULE_FIRST; r == 0 && n < zt_rule_end(from); n++) {
		const char *id = zt_rule_name(from, n);

		r = id ? zt_rule_restore(names, n, id) : 0;
	}
	if (r == 0)
		*ret = zt_take(names);
	return r;
}

/* The state that a promotion asks for, compiled. */
static int make_target(struct zt_intent *intent, const struct zt_promotion *what, struct target *t,
		       char *err)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	zt_auto(zt_rule_names_free) struct zt_rule_names *scratch = NULL;
	const struct zt_policy *held = zt_intent_held_policy(intent);
	struct zt_rule_names *names = zt_dp_rule_names(intent->cfg.dp);
	int r;

	if (what->set)
		r = from_set(t, what->set, err);
	else
		r = held ? from_candidate(intent, t, err) : from_now(intent, t, err);
	/* Trusted keys may have changed since it was staged; so may what is in force. */
	if (r == 0 && t->candidate && !what->set)
		r = zt_intent_admit(intent, t->reading.policy, t->change.signature, &diag);
	if (diag.errors) {
		zt_intent_diag_text(&diag, err);
		return -EPERM;
	}
	if (r == 0)
		r = set_modes(intent, t, what, err);
	if (r < 0)
		return r;
	zt_intent_file_set_hold(intent, &t->reading, t->candidate ? ZT_HOLD_PROMOTED : ZT_HOLD_NONE,
				t->reading.policy->revision);
	t->reading.candidate = t->candidate;
	if (what->set)
		r = scratch_names(names, &scratch);
	if (r == 0)
		r = zt_reading_compile_in(intent, &t->reading, NULL, scratch ?: names, &diag);
	if (r < 0) {
		zt_intent_diag_text(&diag, err);
		if (!diag.errors)
			zt_intent_err(err, r, "%s", strerror(-r));
	}
	return r;
}

int zt_intent_would(struct zt_intent *intent, const struct zt_promotion *what,
		    struct zt_policy **ret_policy, struct zt_tables **ret, char *err)
{
	zt_auto(target_free) struct target t = {};
	int r;

	zt_intent_sync(intent);
	r = make_target(intent, what, &t, err);
	if (r < 0)
		return r;
	if (ret_policy)
		*ret_policy = zt_take(t.reading.policy);
	*ret = zt_take(t.reading.tables);
	return 0;
}

static uint64_t deadline(const struct zt_intent *intent, uint64_t within_ns)
{
	if (within_ns == UINT64_MAX)
		within_ns = intent->cfg.confirm_within_ns ?: WITHIN_DEFAULT_NS;
	return within_ns ? zt_now_ns() + within_ns : 0;
}

/* The very state that is in force for good: its text, its promotions. A deadline may move. */
static bool is_there(const struct zt_intent *intent, const struct target *t,
		     const struct zt_outcome *outcome)
{
	const struct zt_policy *now = intent->now.policy;

	return now && !intent->pending && !outcome->effect_count &&
	       !memcmp(now->digest, t->reading.policy->digest, ZT_DIGEST_LEN);
}

int zt_intent_promote(struct zt_intent *intent, const struct zt_promotion *what,
		      struct zt_outcome *ret)
{
	zt_auto(target_free) struct target t = {};
	int r;

	zt_intent_sync(intent);
	r = make_target(intent, what, &t, ret->err);
	ret->refused = r == -EPERM;
	if (r == 0 && zt_outcome_effects(ret, &intent->now, &t.reading) < 0)
		r = zt_intent_err(ret->err, -ENOMEM, "out of memory");
	if (r < 0)
		return r;
	if (is_there(intent, &t, ret))
		return t.candidate ? zt_held_drop(intent, ret->err) : 0;
	t.change.action = "promote";
	t.change.by = &what->who;
	t.change.why = what->why;
	t.change.deadline_ns = deadline(intent, what->within_ns);
	r = zt_intent_commit(intent, &t.reading, &t.change, ret->err);
	if (r < 0)
		return r;
	ret->changed = true;
	ret->deadline_ns = t.change.deadline_ns;
	ret->entry = intent->pending ? 0 : intent->now.entry;
	if (t.candidate && !intent->pending)
		r = zt_held_drop(intent, ret->err);
	else if (t.candidate)
		intent->candidate->view.promoted = true;
	zt_intent_tell(intent, ZT_INTENT_COMMITTED);
	return 0;
}
