/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intent.h - which policy is meant to be in force: the file, its last good reading, its tables.
 *
 * Reads the policy file or directory, follows it, compiles it for this host and
 * commits it. A file that cannot be read or compiled changes nothing and is
 * reported. What was committed last is kept in STATE-DIR/confirmed, which is
 * what boots when the file is broken.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sd_event;
struct zt_diag;
struct zt_dp;
struct zt_intent;
struct zt_policy;
struct zt_tables;

enum zt_intent_result {
	ZT_INTENT_SAME,	     /* read; nothing differs from what is in force */
	ZT_INTENT_COMMITTED, /* put in force */
	ZT_INTENT_WAITING,   /* held until zt_intent_apply() (`apply: manual`) */
	ZT_INTENT_BROKEN,    /* nothing was changed: state.error says why */
	ZT_INTENT_REVERTED,  /* not confirmed in time */
	ZT_INTENT_RESULT_COUNT,
};

struct zt_intent_config {
	const char *policy_path; /* file or directory; may not exist yet */
	const char *state_dir;
	const char *host;	    /* NULL = by unique match of local addresses */
	bool manual;		    /* `apply: manual`: hold changes until zt_intent_apply() */
	uint64_t confirm_within_ns; /* 0 = commits are final at once */
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
	ZT_INTENT_PINNED,    /* what an earlier agent committed; nothing readable on disk */
};

struct zt_intent_state {
	enum zt_intent_source source;
	const char *path;
	const char *name; /* `policy:` or "" */
	uint64_t revision;
	const char *host;  /* inventory name of this machine, NULL = unknown: observe */
	const char *error; /* text of the last broken reading, many lines; NULL = fine */
	size_t error_count;
	const char *warnings; /* of the last reading, many lines; NULL = none */
	uint64_t error_ns;    /* when it was found broken [CLOCK_MONOTONIC] */
	uint64_t committed_ns;
	uint64_t commit_took_ns; /* read + compile + commit */
	bool pending;		 /* `apply: manual` and the file differs from what is in force */
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

/* zt_intent_sync - after each guard round: notices that the datapath reverted by itself. */
void zt_intent_sync(struct zt_intent *intent);

/* zt_intent_apply - commit a held change (`apply: manual`). 0, -ENOENT when nothing is held. */
int zt_intent_apply(struct zt_intent *intent);

/* zt_intent_confirm - zt_dp_confirm() and keep the policy as the confirmed one. */
int zt_intent_confirm(struct zt_intent *intent);

void zt_intent_state(struct zt_intent *intent, struct zt_intent_state *ret);

/* The policy in force and its tables; NULL while there is none. Borrowed until the loop runs. */
const struct zt_policy *zt_intent_policy(struct zt_intent *intent);
const struct zt_tables *zt_intent_tables(struct zt_intent *intent);
