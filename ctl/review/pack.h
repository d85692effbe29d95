/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack.h - what happened in a period, as items that somebody has to look at, bound to a digest.
 *
 * What was recorded (denials, new edges, rule hits) is worked out from flows.db over whole UTC days
 * that are over, in one fixed order: anybody who has the database gets the same digest, which is
 * how a review is held against the data later. docs/evidence.md describes the members.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/evidence/seal.h"

#define ZTC_PACK_FORMAT	   "ztseg.review-pack/1"
#define ZTC_PACK_MAX	   (16 << 20) /* bytes of a pack */
#define ZTC_PACK_ITEMS	   5000	      /* of one list; of more those with most connections */
#define ZTC_PACK_DIR	   "reviews"  /* below the state directory */
#define ZTC_PACK_DAYS	   30	      /* of a period, unless told otherwise */
#define ZTC_PACK_EDGES_MAX 400000     /* that are looked at in one period */

/**
 * ztc_pack_flows - denials, new edges and rule hits of a period.
 * @db:      flows.db.
 * @from_s, @to_s: whole UTC days.
 * @ret:     {denials: [{id, src, dst, service, rule, mode, connections, packets}], edges: [{id,
 *           src, dst, service, encryption, connections}], rules: [{id, rule, connections, denied}],
 *           left_out: {denials, edges, rules}}, each list sorted by id.
 * @ret_why: a sentence; the caller's.
 *
 * An edge is new when no connection over it was allowed before the period. Returns 0, -ENOENT (no
 * database), -ENODATA (nothing was recorded then), -E2BIG (more edges than are looked at), -errno.
 */
int ztc_pack_flows(json_t **ret, const char *db, int64_t from_s, int64_t to_s, char **ret_why);

/* ztc_pack_check - whether a document is a pack, member by member. @ret_why: a sentence, the
 * caller's. 0, -EINVAL. */
int ztc_pack_check(const json_t *pack, char **ret_why);

/* ztc_pack_read - from a file, checked. Returns 0 or -errno with @ret_why. */
int ztc_pack_read(const char *path, json_t **ret, char **ret_why);

/* ztc_pack_path - STATE-DIR/reviews/HEX.json, the caller's (free). @digest: "sha256:HEX". */
char *ztc_pack_path(const char *state_dir, const char *digest);

/* ztc_pack_each - every item of a pack: of flows, then statements, waivers, alerts. */
void ztc_pack_each(const json_t *pack, void (*fn)(const json_t *item, const char *kind, void *ctx),
		   void *ctx);

/* --- dispositions: dispose.c --- */

/**
 * ztc_disposition_of - what the reviewer decided about an item.
 * @list: [{disposition, note?, items: [id or pattern]}]; the first that fits counts.
 *
 * A pattern (fnmatch) fits within its kind only: "denial:*". Returns the row or NULL.
 */
const json_t *ztc_disposition_of(const json_t *list, const char *id);

/* ztc_dispositions_check - 0 or -EINVAL with a sentence, the caller's. */
int ztc_dispositions_check(const json_t *list, char **ret_why);

/* How many items a pack has, and for how many of them there is a decision. */
void ztc_pack_count(const json_t *pack, const json_t *dispositions, int64_t *ret_items,
		    int64_t *ret_disposed);
