/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make.h - packs are made on the host, signed by the reviewer wherever his key is.
 */
#pragma once
#include "ctl/cmd.h"
#include "ctl/evidence/record.h"
#include "ctl/review/pack.h"

/**
 * struct ztc_pack_args - what a pack is made of.
 * @ctx:       asks the agent which statements there are; without one there are none but those hit.
 * @db:        flows.db.
 * @waivers:   register.
 */
struct ztc_pack_args {
	struct ztc_ctx *ctx;
	const char *state_dir;
	const char *db;
	const char *trust_dir;
	const char *waivers;
	int64_t from_s, to_s;
};

/* ztc_pack_make - @ret: the caller's. Returns 0 or -errno with @ret_why, the caller's. */
int ztc_pack_make(json_t **ret, const struct ztc_pack_args *args, char **ret_why);

/**
 * ztc_review_records - the reviewer's records about a pack: the review, and for edges that were
 * approved or denied one more, which the check of new dependencies reads.
 * @dispositions: checked.
 * @ret:          array of records without signature; the caller's. Returns 0, -ENOMEM, -errno.
 */
int ztc_review_records(json_t **ret, const json_t *pack, const json_t *dispositions);

/* ztc_edges_record - decisions about edges alone: [{edge, decision, note}]. @about: of the host. */
int ztc_edges_record(json_t **ret, const json_t *about, json_t *edges);
