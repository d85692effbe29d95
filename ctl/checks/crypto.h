/* SPDX-License-Identifier: Apache-2.0 */
/* crypto.h - what the checks of item 3-4 share: the worst of many, snippets, paths, shares of
 * bytes. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/checks/check.h"

/* One file each. */
void ztc_judge_encrypted_share(const struct ztc_facts *facts, struct ztc_result *r); /* 3.4-01 */
void ztc_judge_clear_text(const struct ztc_facts *facts, struct ztc_result *r);	     /* 3.4-02 */
void ztc_judge_tls(const struct ztc_facts *facts, struct ztc_result *r);	     /* 3.4-03 */
void ztc_judge_ssh(const struct ztc_facts *facts, struct ztc_result *r);	     /* 3.4-04 */
void ztc_judge_tunnels(const struct ztc_facts *facts, struct ztc_result *r);	     /* 3.4-05 */
void ztc_judge_required(const struct ztc_facts *facts, struct ztc_result *r);	     /* 3.4-06 */
void ztc_judge_keys(const struct ztc_facts *facts, struct ztc_result *r);	     /* 3.4-07 */

/* ztc_member - a text of an object, "" when there is none. */
const char *ztc_member(const json_t *object, const char *key);
int64_t ztc_number(const json_t *object, const char *key); /* 0 when there is none */
bool ztc_is(const json_t *object, const char *key, const char *text);

/* ztc_not_seen - whether a listener of the fact "banners" was left out or could not be reached. */
bool ztc_not_seen(const json_t *row);

/* ztc_worse - the state that counts of two: fail, unknown, partial, pass. */
enum ztc_state ztc_worse(enum ztc_state a, enum ztc_state b);

/**
 * ztc_add_snippet - lines for a daemon's configuration, once per daemon.
 * @row:  a listener or key: comm, exe, service.
 * @what: "tls" (versions, ciphers, certificate) or "require" (no clear text).
 *
 * Goes to extra.snippets: [{program, file, text}].
 */
void ztc_add_snippet(struct ztc_result *r, const json_t *row, const char *what);
void ztc_add_ssh_snippet(struct ztc_result *r);
