/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intent_priv.h - what the files behind intent.h share.
 *
 *   intent.c         the object, its state, recompiling, a revert noticed
 *   intent_read.c    from text to tables: file, signature, host, compiler
 *   intent_commit.c  tables into force, with what must be on disk before
 *   intent_start.c   the first moments: confirmed, pending, candidate
 *   intent_file.c    a new reading of the file, and what becomes of it
 *   intent_stage.c   the candidate
 *   intent_modes.c   promotions as a list; statements compared
 *   intent_promote.c promote, and what it would do
 *   intent_back.c    confirm, rollback, history
 *   watch.c          the file followed
 */
#pragma once
#include <limits.h>
#include <systemd/sd-event.h>

#include "datapath/datapath.h"
#include "datapath/intent.h"
#include "datapath/store.h"
#include "policy/compile.h"
#include "policy/policy.h"
#include "policy/tables.h"

/* Promotions, sorted by id; ids are owned. */
struct zt_modes {
	struct zt_promoted *rows;
	size_t count;
	size_t cap;
};

/* One state: a policy, what is promoted in it, where it came from; compiled for this host. */
struct zt_reading {
	struct zt_policy *policy;
	struct zt_tables *tables;
	char *host; /* inventory name, NULL = unknown */
	enum zt_intent_source source;
	struct zt_modes modes;
	uint64_t entry; /* of the history, or the one that it will be; 0 = never kept */
	char *action;
	char *why;
	char *at;
	struct zt_who by;
	enum zt_intent_hold hold; /* of the file, while this is in force */
	uint64_t hold_revision;
	bool candidate; /* it is the candidate that is held, promoted */
};

/* The policy held as the candidate; its text is in STATE-DIR/candidate.json. */
struct zt_held {
	struct zt_policy *policy;
	struct zt_intent_candidate view; /* strings are owned by this, but name */
	char *path;
	char *at;
	char *why;
};

struct zt_intent {
	struct zt_intent_config cfg;
	char *path;
	char *host; /* as configured */
	struct zt_store *store;
	struct zt_labels *labels; /* NULL = none */

	struct zt_reading now;	  /* in force */
	struct zt_reading before; /* while @now awaits confirmation: what a revert goes back to */
	struct zt_held *candidate;
	bool started;
	bool pending;		    /* @now awaits confirmation */
	bool rejected;		    /* something was taken back since the last commit by file */
	enum zt_intent_hold reject; /* how */
	uint64_t rejected_revision; /* the file is held back until it rises above this */

	/* The file as it was read last. */
	bool file_known;
	uint8_t file_digest[ZT_DIGEST_LEN];
	uint64_t file_revision;
	bool file_again; /* the disk was full, or something was pending: read it once more */

	char *error; /* of the last reading */
	char *warnings;
	char *history_error; /* what booted is not the newest entry, or none was intact */
	size_t error_count;
	uint64_t error_ns;
	uint64_t committed_ns;
	uint64_t tidied_ns; /* tidy.c: looked for what time has made of the rows */
	uint64_t commit_took_ns;

	/* watch.c */
	int inotify_fd;
	sd_event_source *watch_source;
	sd_event_source *read_timer; /* a burst of changes is read once */
	sd_event_source *env_timer;
};

/* --- intent.c --- */

void zt_reading_free(struct zt_reading *reading);
void zt_intent_tell(struct zt_intent *intent, enum zt_intent_result result);
/* zt_intent_say - keep a diag's text for status; sets or clears error and warnings. */
void zt_intent_say(struct zt_intent *intent, const struct zt_diag *diag);
void zt_intent_say_one(struct zt_intent *intent, const char *text);
/* zt_intent_diag_text - the lines of a diag into ZT_INTENT_ERR_LEN bytes, cut at a line. */
void zt_intent_diag_text(const struct zt_diag *diag, char *err);
/* zt_intent_err - a sentence into ZT_INTENT_ERR_LEN bytes; returns @r. */
__attribute__((format(printf, 3, 4))) int zt_intent_err(char *err, int r, const char *fmt, ...);
/* zt_intent_rebuild - compile @now with this candidate (NULL = none) and commit it if it differs.
 */
int zt_intent_rebuild(struct zt_intent *intent, const struct zt_policy *candidate, char *err);
/* zt_intent_reverted - @now was taken back in the kernel: @before is in force. */
void zt_intent_reverted(struct zt_intent *intent, enum zt_intent_hold how);

/* --- intent_read.c --- */

/* What the compiler is given: borrowed but for @modes. */
struct zt_surroundings {
	struct zt_compile_env env;
	struct zt_overlay overlay;
	struct zt_overlay_mode *modes;
};

/* zt_surroundings_make - for a state, which knows its host already. 0 or -ENOMEM. */
int zt_surroundings_make(struct zt_intent *intent, const struct zt_reading *reading,
			 const struct zt_policy *candidate, struct zt_surroundings *ret);
void zt_surroundings_free(struct zt_surroundings *surroundings);

/* zt_reading_compile - sets host and tables. @diag may be NULL. 0, -EINVAL, -E2BIG, -errno. */
int zt_reading_compile(struct zt_intent *intent, struct zt_reading *reading,
		       const struct zt_policy *candidate, struct zt_diag *diag);
/* zt_reading_compile_in - the same with numbers from another registry of rule names. */
int zt_reading_compile_in(struct zt_intent *intent, struct zt_reading *reading,
			  const struct zt_policy *candidate, struct zt_rule_names *names,
			  struct zt_diag *diag);
/* zt_intent_held_policy - the candidate that makes the candidate plane now, or NULL. */
const struct zt_policy *zt_intent_held_policy(const struct zt_intent *intent);
/* zt_intent_read_signature - of the file at the policy path. *ret NULL when there is none. */
int zt_intent_read_signature(const struct zt_intent *intent, char **ret);
/* zt_intent_admit - signature and revision of a policy that comes from outside. 0, -EINVAL. */
int zt_intent_admit(const struct zt_intent *intent, const struct zt_policy *policy,
		    const char *signature, struct zt_diag *diag);
/* zt_reading_restore - a kept state as a reading, not compiled. 0, -EINVAL (@diag), -errno. */
int zt_reading_restore(struct zt_reading *ret, const struct zt_record *record,
		       enum zt_intent_source source, struct zt_diag *diag);

/* --- intent_commit.c --- */

/* How a state comes into force. All borrowed. */
struct zt_change {
	const char *action;
	const struct zt_who *by; /* NULL = the agent by itself */
	const char *why;
	uint64_t deadline_ns; /* 0 = final */
	const char *path;
	const struct zt_source_text *files;
	size_t file_count;
	const char *signature;
};

/**
 * zt_intent_commit - on disk first, then in the kernel, then @now.
 * @reading: compiled; taken over on success. Its modes, hold and candidate are set.
 * @err:     ZT_INTENT_ERR_LEN bytes.
 *
 * Returns 0 or -errno; then nothing has changed, on disk neither.
 */
int zt_intent_commit(struct zt_intent *intent, struct zt_reading *reading,
		     const struct zt_change *change, char *err);
/*
 * zt_intent_install - into force as what is confirmed already: nothing is written. Takes @reading
 * over on success. 0 or -errno.
 */
int zt_intent_install(struct zt_intent *intent, struct zt_reading *reading, char *err);
bool zt_intent_disk_is_full(int r);
/* zt_who_agent - for what happens by itself. */
void zt_who_agent(struct zt_who *ret);

/* --- intent_start.c, intent_file.c --- */

int zt_intent_start(struct zt_intent *intent, bool boot);

/* What is at the policy path. */
struct zt_intent_file {
	int r; /* of reading it; -ENOENT with @absent: no file, and no error */
	bool absent;
	struct zt_policy *policy;
	char *signature;
	struct zt_diag diag;
};

/* zt_intent_file_read - load, signature, revision. Against @intent->now. */
void zt_intent_file_read(struct zt_intent *intent, struct zt_intent_file *ret);
void zt_intent_file_free(struct zt_intent_file *file);
/* zt_intent_file_held - whether, and why, such a file may not go into force by itself now. */
enum zt_intent_hold zt_intent_file_held(const struct zt_intent *intent, const uint8_t *digest,
					uint64_t revision);
/* zt_intent_file_hold - why, and up to which revision, a file would be held now; beside what is
 * pending.
 */
enum zt_intent_hold zt_intent_file_hold(const struct zt_intent *intent, uint64_t *ret_revision);
/* zt_intent_file_set_hold - of a state that is not the file's: what was held goes on being so. */
void zt_intent_file_set_hold(const struct zt_intent *intent, struct zt_reading *reading,
			     enum zt_intent_hold why, uint64_t revision);
/* zt_intent_file_put - what was read goes where it belongs: in force, held, or is a report. */
int zt_intent_file_put(struct zt_intent *intent, struct zt_intent_file *file, uint64_t begin_ns);

/* --- intent_stage.c --- */

void zt_held_free(struct zt_held **held);
/* zt_held_load - the one in the state directory; a broken one is put aside and told. */
void zt_held_load(struct zt_intent *intent);
/*
 * zt_held_set - in place of the one held. Takes *@policy over on success.
 * @from_file: `apply: manual`.
 */
int zt_held_set(struct zt_intent *intent, struct zt_policy **policy, const struct zt_change *change,
		bool from_file, char *err);
int zt_held_drop(struct zt_intent *intent, char *err);

/* --- intent_modes.c --- */

void zt_modes_free(struct zt_modes *modes);
int zt_modes_copy(struct zt_modes *ret, const struct zt_promoted *rows, size_t count);
const struct zt_promoted *zt_modes_get(const struct zt_modes *modes, const char *id);
int zt_modes_set(struct zt_modes *modes, const char *id, bool enforced, unsigned int percent);
/*
 * zt_modes_prune - forget what the policy says itself, and names it does not have.
 * @as_written: also what was held back.
 */
void zt_modes_prune(struct zt_modes *modes, const struct zt_policy *policy, bool as_written);
/* zt_mode_of - the percentage of remote hosts for which it is enforced; 0 = staged. */
unsigned int zt_mode_of(const struct zt_stmt *stmt, const struct zt_modes *modes);
const struct zt_stmt *zt_policy_stmt(const struct zt_policy *policy, const char *id);
/* zt_stmt_same - the same in meaning; notes, modes and conditions of promotion aside. */
bool zt_stmt_same(const struct zt_policy *pa, const struct zt_stmt *a, const struct zt_policy *pb,
		  const struct zt_stmt *b);
/* zt_outcome_effects - what going from one state to the other does to each statement. */
int zt_outcome_effects(struct zt_outcome *outcome, const struct zt_reading *from,
		       const struct zt_reading *to);

/* --- watch.c --- */
/* zt_watch_renew - watch the directories that the policy in force was read from. */
int zt_watch_renew(struct zt_intent *intent);
void zt_watch_close(struct zt_intent *intent);
