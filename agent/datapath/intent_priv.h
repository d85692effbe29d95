/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intent_priv.h - what intent.c (decisions), store.c (the confirmed copy) and watch.c share.
 */
#pragma once
#include <limits.h>
#include <systemd/sd-event.h>

#include "datapath/datapath.h"
#include "datapath/intent.h"
#include "policy/compile.h"
#include "policy/policy.h"
#include "policy/tables.h"

/* One reading of a policy, compiled for this host. */
struct zt_reading {
	struct zt_policy *policy;
	struct zt_tables *tables;
	char *host; /* inventory name, NULL = unknown */
	enum zt_intent_source source;
};

struct zt_intent {
	struct zt_intent_config cfg;
	char *path;
	char *state_dir;
	char *host; /* as configured */

	struct zt_reading now;	  /* in force */
	struct zt_reading before; /* while @now awaits confirmation: what a revert goes back to */
	struct zt_reading held;	  /* `apply: manual` */
	const struct zt_policy *floor; /* while reading: the file's revision may not be below its */
	uint64_t rejected_revision; /* not confirmed in time: held back until the revision rises */
	bool rejected;
	bool resumed; /* an earlier agent's commit still awaits confirmation in the kernel */
	bool pending; /* @now awaits confirmation */

	char *error; /* of the last reading */
	char *warnings;
	size_t error_count;
	uint64_t error_ns;
	uint64_t committed_ns;
	uint64_t commit_took_ns;

	/* watch.c */
	int inotify_fd;
	sd_event_source *watch_source;
	sd_event_source *read_timer; /* a burst of changes is read once */
	sd_event_source *env_timer;
};

void zt_reading_free(struct zt_reading *reading);

/* zt_intent_say - keep a diag's text for status; sets or clears error and warnings. */
void zt_intent_say(struct zt_intent *intent, const struct zt_diag *diag);

/* --- store.c: STATE-DIR/confirmed --- */

/* zt_store_path - where the confirmed copy is. */
int zt_store_path(const struct zt_intent *intent, char *buf, size_t size);
/* zt_store_save - write it, durable and at once or not at all. 0 or -errno. */
int zt_store_save(const struct zt_intent *intent, const struct zt_policy *policy);
/*
 * zt_store_host - remember which host of the inventory the addresses said this is, for the time
 * at the next boot when there are none yet. zt_store_read_host() - the caller's (free), or NULL.
 */
int zt_store_host(const struct zt_intent *intent, const char *host);
char *zt_store_read_host(const struct zt_intent *intent);
/* zt_store_mark - this policy awaits confirmation; zt_store_unmark - none does any more. */
int zt_store_mark(const struct zt_intent *intent, const struct zt_policy *policy);
void zt_store_unmark(const struct zt_intent *intent);
/* zt_store_read_mark - revision of the one that did when the last agent ended. 0, -ENOENT. */
int zt_store_read_mark(const struct zt_intent *intent, uint64_t *ret_revision);

/* --- watch.c --- */
/* zt_watch_renew - watch the directories that the policy in force was read from. */
int zt_watch_renew(struct zt_intent *intent);
void zt_watch_close(struct zt_intent *intent);
