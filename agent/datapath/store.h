/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - the state directory: confirmed states, what awaits confirmation, the candidate.
 *
 *   STATE-DIR/history/NNNNNN.json  confirmed states, the last ZT_HISTORY_MAX; the newest boots
 *   STATE-DIR/pending.json         the state that a commit is bringing, or that awaits confirmation
 *   STATE-DIR/reverted.json        the last one that was taken back
 *   STATE-DIR/candidate.json       the policy held as the candidate
 *   STATE-DIR/host                 which host of the inventory the addresses said this is
 *
 * Every file is whole and durable under its name, or not there. A state holds
 * its policy's text and SHA-256 over itself and the one before, so that an
 * altered or missing one is told. Judges nothing: what a state means is intent.h's.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/time.h"
#include "datapath/intent.h"
#include "policy/policy.h"

#define ZT_HISTORY_MAX	   20
#define ZT_RECORD_SIZE_MAX (64u << 20) /* bytes of one file */
#define ZT_BOOT_ID_LEN	   40

struct zt_store;

/*
 * One state. Strings are borrowed, or when it was read belong to @root; the arrays are its own.
 * Zero it before use.
 */
struct zt_record {
	uint64_t entry;
	const char *at; /* RFC 3339 UTC */
	struct zt_who by;
	const char *action; /* "file", "promote", "rollback", "stage" */
	const char *why;    /* "" = none given */
	const char *policy; /* its name */
	uint64_t revision;
	uint8_t digest[ZT_DIGEST_LEN]; /* of the policy's canonical form */
	const char *path;
	struct zt_source_text *files;
	size_t file_count;
	const char *signature; /* NULL = none */
	struct zt_promoted *promoted;
	size_t promoted_count;
	bool candidate; /* what was promoted is the candidate that is held */

	enum zt_intent_hold hold; /* of the file at the policy path, while this is in force */
	uint64_t hold_revision;

	const char *boot_id;	  /* of the boot it was committed in */
	uint64_t deadline_ns;	  /* CLOCK_MONOTONIC of that boot; 0 = final at once */
	const char *confirmed_at; /* NULL = not by anybody, or not known */
	struct zt_who confirmed_by;

	char prev[ZT_DIGEST_TEXT_LEN]; /* hash of the entry before; "" = the first */
	char hash[ZT_DIGEST_TEXT_LEN];
	json_t *root;
};

/* zt_record_free - for zt_auto(); a zeroed one is fine. */
void zt_record_free(struct zt_record *record);

/* --- record.c: one state as JSON --- */

/* zt_record_json - with ->hash, which is worked out. A new reference, or NULL (-ENOMEM). */
json_t *zt_record_json(struct zt_record *record);

/**
 * zt_record_parse - the reverse.
 * @root: a reference is kept.
 * @why:  on failure one static sentence.
 *
 * Returns 0, -EINVAL (not a state), -EBADMSG (its hash is another: it was altered), -ENOMEM.
 * With -EBADMSG @ret is filled all the same.
 */
int zt_record_parse(struct zt_record *ret, json_t *root, const char **why);

/* --- store.c: files --- */

/* zt_store_new - @dir is made when missing. 0 or -errno. */
int zt_store_new(struct zt_store **ret, const char *dir);
void zt_store_free(struct zt_store **store);
const char *zt_store_dir(const struct zt_store *store);

/* Names below the directory. */
#define ZT_STORE_PENDING   "pending.json"
#define ZT_STORE_REVERTED  "reverted.json"
#define ZT_STORE_CANDIDATE "candidate.json"

/* zt_store_write - durable and at once, or not at all. 0 or -errno (-ENOSPC: @name is as it was).
 */
int zt_store_write(const struct zt_store *store, const char *name, const json_t *json);
/* zt_store_read - as zt_record_parse(); -ENOENT, -EFBIG, -errno. */
int zt_store_read(const struct zt_store *store, const char *name, struct zt_record *ret,
		  const char **why);
/* zt_store_drop - gone, durably; one that is not there is fine. */
int zt_store_drop(const struct zt_store *store, const char *name);
/* zt_store_rename - durably. 0, -ENOENT, -errno. */
int zt_store_rename(const struct zt_store *store, const char *from, const char *to);

/*
 * zt_store_set_host - remember which host of the inventory the addresses said this is, for the time
 * at the next boot when there are none yet. zt_store_host() - the caller's (free), or NULL.
 */
int zt_store_set_host(const struct zt_store *store, const char *host);
char *zt_store_host(const struct zt_store *store);

/* zt_boot_id - of this boot; "" when the kernel does not tell. Returns @buf. */
const char *zt_boot_id(char buf[ZT_BOOT_ID_LEN]);

/* --- history.c --- */

/**
 * zt_store_begin - a state is about to be committed: it is in pending.json, on disk, before.
 * @record: gets entry, prev and hash.
 *
 * One that was pending already is kept aside until zt_store_begun(), or put back by
 * zt_store_undo(). 0 or -errno; on error nothing has changed.
 */
int zt_store_begin(struct zt_store *store, struct zt_record *record);
void zt_store_undo(struct zt_store *store);
void zt_store_begun(struct zt_store *store);

/**
 * zt_store_confirm - what is pending is the newest confirmed state; the oldest ones go.
 * @who: NULL = final by itself.
 * @ret_entry: its number; may be NULL.
 *
 * With a disk too full to note who confirmed it is kept without that. 0, -ENOENT, -errno.
 */
int zt_store_confirm(struct zt_store *store, const struct zt_who *who, uint64_t *ret_entry);

/* zt_store_unconfirm - the entry just confirmed is the pending one again (the kernel said no). */
int zt_store_unconfirm(struct zt_store *store, uint64_t entry);

/* zt_store_reject - what is pending was taken back: it is kept as reverted.json only. */
int zt_store_reject(struct zt_store *store);

/*
 * zt_store_newest - the newest entry that is intact. @ret_bad: number of a newer one that is not,
 * 0 = none. 0, -ENOENT, -errno.
 */
int zt_store_newest(struct zt_store *store, struct zt_record *ret, uint64_t *ret_bad);

/* zt_store_entry - one entry. As zt_store_read(). */
int zt_store_entry(struct zt_store *store, uint64_t entry, struct zt_record *ret, const char **why);

/* zt_store_entry_name - its name below the directory; returns @buf. */
#define ZT_ENTRY_NAME_LEN 48
const char *zt_store_entry_name(uint64_t entry, char buf[ZT_ENTRY_NAME_LEN]);

/* zt_store_entries - numbers, ascending; the caller's (free). 0 or -errno. */
int zt_store_entries(struct zt_store *store, uint64_t **ret, size_t *ret_count);

/* zt_store_history - as zt_intent_history(). @current: number of the one in force, 0 = none. */
int zt_store_history(struct zt_store *store, uint64_t current, json_t **ret);
