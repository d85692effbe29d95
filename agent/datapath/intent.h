/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intent.h - which policy is meant to be in force: file, candidate, promotions, history.
 *
 * Reads the policy file or directory, follows it, compiles it for this host and
 * commits it. A file that cannot be read or compiled changes nothing and is
 * reported. A state is the text of a policy and what was promoted in it; the
 * confirmed ones are kept in STATE-DIR/history, the newest is what boots.
 * Whatever a commit needs on disk is there before it is in force.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_t;
struct sd_event;
struct zt_diag;
struct zt_dp;
struct zt_intent;
struct zt_labels;
struct zt_policy;
struct zt_source_text;
struct zt_tables;

#define ZT_INTENT_ERR_LEN 4096 /* one sentence, or the lines of a report on a policy's text */

enum zt_intent_result {
	ZT_INTENT_SAME,	     /* read; nothing differs from what is in force */
	ZT_INTENT_COMMITTED, /* put in force */
	ZT_INTENT_WAITING,   /* the file is held: as the candidate (`apply: manual`), or see
				state.hold */
	ZT_INTENT_BROKEN,    /* nothing was changed: state.error says why */
	ZT_INTENT_REVERTED,  /* not confirmed in time */
	ZT_INTENT_RESULT_COUNT,
};

struct zt_intent_config {
	const char *policy_path; /* file or directory; may not exist yet */
	const char *state_dir;
	const char *host;	    /* NULL = by unique match of local addresses */
	bool manual;		    /* `apply: manual`: changes are held until promoted */
	uint64_t confirm_within_ns; /* 0 = commits are final at once */
	bool require_signature;
	const char *const *trusted_keys; /* paths of minisign public keys */
	size_t trusted_key_count;
	struct sd_event *event;
	struct zt_dp *dp;
	/* After every reading, good or broken, and after a revert: see zt_intent_state(). */
	void (*on_result)(enum zt_intent_result result, void *ctx);
	void *ctx;
};

enum zt_intent_source {
	ZT_INTENT_NONE,	     /* no policy: everything is allowed and recorded */
	ZT_INTENT_FILE,	     /* the policy file, as it is now */
	ZT_INTENT_HELD,	     /* an earlier reading: the file is broken now */
	ZT_INTENT_CONFIRMED, /* the copy in the state directory: the file is broken */
	ZT_INTENT_STATE,     /* promoted or rolled back to; the file is another */
	ZT_INTENT_PINNED,    /* what an earlier agent committed; nothing readable on disk */
};

/* Why the file at the policy path is not applied although it can be read. */
enum zt_intent_hold {
	ZT_HOLD_NONE,
	ZT_HOLD_ROLLBACK,    /* rolled back from it */
	ZT_HOLD_UNCONFIRMED, /* not confirmed in time */
	ZT_HOLD_PROMOTED,    /* something else was promoted */
	ZT_HOLD_PENDING,     /* something else awaits confirmation: read again after that */
	ZT_HOLD_COUNT,
};

/* Who asked for something, as the kernel told. */
struct zt_who {
	uint32_t uid;
	uint32_t login_uid; /* of the session, sudo or not; UINT32_MAX = none */
	int32_t pid;
	char user[64]; /* name of @uid, or "" */
};

/* A statement's mode where it is not the file's. */
struct zt_promoted {
	const char *id;
	bool enforced;	      /* false: held back although the file enforces it */
	unsigned int percent; /* of remote hosts, 100 = all */
};

/* A policy that is held as the candidate. */
struct zt_intent_candidate {
	const char *name; /* `policy:` */
	uint64_t revision;
	uint8_t digest[32];
	const char *path;
	const char *at; /* RFC 3339 UTC */
	struct zt_who by;
	const char *why; /* "" = none given */
	bool from_file;	 /* `apply: manual`: the file at the policy path */
	bool promoted;	 /* in force, not confirmed yet: a revert makes it the candidate again */
};

struct zt_intent_state {
	enum zt_intent_source source;
	const char *path;
	const char *name; /* `policy:` or "" */
	uint64_t revision;
	const char *host;  /* inventory name of this machine, NULL = unknown: observe */
	const char *error; /* text of the last broken reading, many lines; NULL = fine */
	size_t error_count;
	const char *warnings;	   /* of the last reading, many lines; NULL = none */
	const char *history_error; /* what booted is not the newest entry, ...; NULL = fine */
	uint64_t error_ns;	   /* when it was found broken [CLOCK_MONOTONIC] */
	uint64_t committed_ns;
	uint64_t commit_took_ns; /* read + compile + commit */

	bool manual;	      /* `apply: manual` */
	uint64_t entry;	      /* of the history, in force or to go back to; 0 = none yet */
	bool pending;	      /* what is in force awaits zt_intent_confirm() */
	uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0 unless pending */
	const char *action;   /* what brought it: "file", "promote", "rollback", "boot" */
	const char *why;      /* "" = none given */
	const char *at;	      /* when, RFC 3339 UTC; NULL = unknown */
	struct zt_who by;

	enum zt_intent_hold hold; /* of the file at the policy path */
	uint64_t hold_revision;	  /* until the file's revision is above this */
	bool file_held;		  /* and the file as it is now is being held */
	uint64_t file_revision;	  /* of the file that is held */

	const struct zt_intent_candidate *candidate; /* NULL = none held */
	const struct zt_promoted *promoted;	     /* sorted by id */
	size_t promoted_count;
};

/* zt_intent_open - nothing is read yet. *ret is the caller's (zt_intent_close). 0 or -errno. */
int zt_intent_open(struct zt_intent **ret, const struct zt_intent_config *cfg);
void zt_intent_close(struct zt_intent **intent);

/**
 * zt_intent_load - read, compile, commit; call once before zt_dp_start(), then on SIGHUP.
 * @boot: no pins were found: fall back to the confirmed copy when the file is broken.
 *
 * Returns 0 (also when nothing changed), -EINVAL when the file is broken (see state), -errno.
 */
int zt_intent_load(struct zt_intent *intent, bool boot);

/* zt_intent_watch - from now on follow the file (inotify). 0 or -errno. */
int zt_intent_watch(struct zt_intent *intent);

/*
 * zt_intent_env_changed - addresses moved: compile the same policy again, commit if it differs.
 * Done 20 ms later, so that a burst of changes is one epoch.
 */
void zt_intent_env_changed(struct zt_intent *intent);

/* zt_intent_sync - notices that the datapath reverted by itself. */
void zt_intent_sync(struct zt_intent *intent);

/* zt_intent_round - after each guard round: that, and what waited for room on the disk. */
void zt_intent_round(struct zt_intent *intent);

/* --- staged, promoted, confirmed, rolled back ------------------------------------- */

/* A policy as a client sends it: no path in it is ever opened. */
struct zt_policy_set {
	const char *path; /* what the client called the file or directory */
	const struct zt_source_text *files;
	size_t count;
	const char *signature; /* text of the minisign file, NULL = none */
};

/**
 * struct zt_promotion - what becomes enforced.
 * @set:     a policy in place of the held candidate (for plans); NULL = the candidate, or without
 *           one the policy in force.
 * @ids:     statements by id; none of them and not @all: the candidate as written.
 * @all:     every statement.
 * @percent: 1 to 99: for that share of remote hosts only; 0 = all of them.
 * @within_ns: taken back unless confirmed; 0 = final at once; UINT64_MAX = the default.
 * @why:     kept in the history; NULL = none.
 */
struct zt_promotion {
	const struct zt_policy_set *set;
	const char *const *ids;
	size_t id_count;
	bool all;
	unsigned int percent;
	uint64_t within_ns;
	const char *why;
	struct zt_who who;
};

/* What a change of state does to one statement. */
enum zt_effect_kind {
	ZT_EFFECT_ENFORCED, /* now enforced, for @percent of remote hosts */
	ZT_EFFECT_CHANGED,  /* enforced before and after, defined differently */
	ZT_EFFECT_STAGED,   /* no longer enforced */
	ZT_EFFECT_REMOVED,  /* was enforced, is gone */
	ZT_EFFECT_HELD,	    /* enforced by its file, held back until promoted by name */
	ZT_EFFECT_COUNT,
};

struct zt_effect {
	char *id;
	enum zt_effect_kind kind;
	unsigned int percent;
};

/**
 * struct zt_outcome - what a change of state came to; zero it first, zt_outcome_free() after.
 * @refused: the answer is "no" (exit status 3), for the reasons in @err.
 * @err:     on failure: a sentence, or the report on a text.
 */
struct zt_outcome {
	struct zt_effect *effects;
	size_t effect_count;
	uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0 = final */
	uint64_t entry;	      /* of the history; 0 = not kept there (yet) */
	bool changed;
	bool refused;
	char err[ZT_INTENT_ERR_LEN];
};

void zt_outcome_free(struct zt_outcome *outcome);

/**
 * zt_intent_stage - hold a policy as the candidate: the candidate plane is judged by it.
 *
 * The live plane goes on as it is. Kept in STATE-DIR/candidate.json. Replaces an earlier one.
 * Returns 0, -EINVAL (the text is wrong: ret->err has the report), -EPERM (not signed as
 * required), -errno; nothing has changed then.
 */
int zt_intent_stage(struct zt_intent *intent, const struct zt_policy_set *set,
		    const struct zt_who *who, const char *why, struct zt_outcome *ret);

/* zt_intent_unstage - drop the candidate. 0, -ENOENT when none is held, -errno. */
int zt_intent_unstage(struct zt_intent *intent, const struct zt_who *who, struct zt_outcome *ret);

/**
 * zt_intent_promote - put it in force, with a deadline.
 *
 * Returns 0 (ret->changed false: it is so already), -EINVAL (unknown names, nothing to promote),
 * -EPERM (refused, ret->refused: signature, or it would touch what was not named), -errno.
 */
int zt_intent_promote(struct zt_intent *intent, const struct zt_promotion *what,
		      struct zt_outcome *ret);

/**
 * zt_intent_would - what a promotion would put in force; nothing that runs is touched.
 * @ret_policy: on success the caller's; with the text of its files dropped. May be NULL.
 * @ret:        on success the tables, the caller's (zt_tables_free).
 * @err:        ZT_INTENT_ERR_LEN bytes.
 *
 * With what->set the policy of that set as a plain promote of it would have it, signature not
 * asked for. Returns as zt_intent_promote().
 */
int zt_intent_would(struct zt_intent *intent, const struct zt_promotion *what,
		    struct zt_policy **ret_policy, struct zt_tables **ret, char *err);

/**
 * zt_intent_confirm - what is in force stays.
 *
 * Returns 0, -ENOENT (nothing awaits it), -ETIME (too late: it was taken back), -errno.
 */
int zt_intent_confirm(struct zt_intent *intent, const struct zt_who *who, struct zt_outcome *ret);

/**
 * struct zt_rollback - where to.
 * @entry:    of the history; 0 = what awaits confirmation is taken back, or with nothing
 *            awaiting it the confirmed state before this one.
 * @revision: the newest entry with this policy revision, when @by_revision.
 * @within_ns: as in a promotion, but 0 by default.
 */
struct zt_rollback {
	uint64_t entry;
	uint64_t revision;
	bool by_revision;
	uint64_t within_ns;
	const char *why;
	struct zt_who who;
};

/* zt_intent_rollback - 0, -ENOENT (no such entry), -EBADMSG (it was tampered with), -errno. */
int zt_intent_rollback(struct zt_intent *intent, const struct zt_rollback *to,
		       struct zt_outcome *ret);

/*
 * zt_intent_history - {entries: [...], intact, breaks: [...]} as docs/json.md has it, oldest first,
 * without texts. @ret is a new reference. 0 or -errno.
 */
int zt_intent_history(struct zt_intent *intent, struct json_t **ret);

/* zt_intent_history_show - one entry with its texts. 0, -ENOENT, -errno. */
int zt_intent_history_show(struct zt_intent *intent, uint64_t entry, struct json_t **ret);

/* zt_intent_recompile - the same state for the surroundings as they are now. 0 or -errno. */
int zt_intent_recompile(struct zt_intent *intent);

/* zt_intent_relabel - labels of these hosts changed: rows patched, or compiled again. 0, -errno. */
int zt_intent_relabel(struct zt_intent *intent, const char *const *hosts, size_t count);

/* zt_intent_tidy - every few seconds: compile again when hours began or ended, and daily. */
void zt_intent_tidy(struct zt_intent *intent);

/* zt_intent_use_labels - labels set at run time, from now on; borrowed until zt_intent_close(). */
void zt_intent_use_labels(struct zt_intent *intent, struct zt_labels *labels);

/* zt_intent_hold_name - "rollback", ... ; docs/json.md has them. */
const char *zt_intent_hold_name(enum zt_intent_hold hold);

/* As JSON, for replies and for what is kept. New references. */
struct json_t *zt_who_json(const struct zt_who *who);
struct json_t *zt_promoted_json(const struct zt_promoted *rows, size_t count);

void zt_intent_state(struct zt_intent *intent, struct zt_intent_state *ret);

/* The policy in force and its tables; NULL while there is none. Borrowed until the loop runs. */
const struct zt_policy *zt_intent_policy(struct zt_intent *intent);
const struct zt_tables *zt_intent_tables(struct zt_intent *intent);

/* The policy that the candidate plane is judged by: the candidate held, else the one in force. */
const struct zt_policy *zt_intent_candidate_policy(struct zt_intent *intent);
