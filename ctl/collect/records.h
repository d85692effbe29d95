/* SPDX-License-Identifier: Apache-2.0 */
/* records.h - collectors around reviews and changes of policy; docs/evidence.md has their facts. */
#pragma once
#include "ctl/collect/collect.h"

/*
 * review: {host_since?, recorded_since?: times, newest: null | {record, ended, from, to, signer?,
 * key_id?, grade, self_reviewed, author_known, pack: "ok"|"altered"|"missing", flows:
 * "same"|"different"|"unavailable", why, digest, items, disposed, short_period}, rules: {id: time}}
 */
int ztc_collect_review(const struct ztc_env *env, json_t *data);

/* changes: {entries: [{entry, at, action, revision, digest, signed}], complete, intact, observing}
 */
int ztc_collect_changes(const struct ztc_env *env, json_t *data);

/* bundle: {path, digest?, revision?, signed, signer?, key_id?, modified?, why?} */
int ztc_collect_bundle(const struct ztc_env *env, json_t *data);
