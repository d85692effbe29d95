/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evidence.h - facts in a file: saved with --evidence, judged again with --from.
 *
 * {"format": "ztseg.facts/1", host, collected_at, observed_s, probe, facts, signature?}. A file
 * that is read is a stranger's until its seal says otherwise.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define ZTC_FACTS_FORMAT "ztseg.facts/1"
#define ZTC_EVIDENCE_MAX (64 << 20) /* bytes of a file of facts */

/* ztc_evidence_new - around facts as ztc_collect() returns them. Takes the reference to @facts. */
json_t *ztc_evidence_new(json_t *facts, bool probe, unsigned int observe_s, int64_t now_s);

/* ztc_evidence_time - when its facts were collected [seconds since 1970]. */
int64_t ztc_evidence_time(const json_t *evidence);

/**
 * ztc_evidence_read - a file ("-" = stdin).
 * @trust_dir:  keys of the role host seal it.
 * @ret_sealed: by such a key; else its grade is capped.
 * @ret_why:    a sentence; the caller's (free).
 *
 * Returns 0, -EINVAL (another format, another shape, a seal that does not fit), -errno.
 */
int ztc_evidence_read(const char *path, const char *trust_dir, json_t **ret, bool *ret_sealed,
		      char **ret_why);

/* ztc_file_or_stdin - a whole file, or stdin for "-"; more than @max is -EFBIG. The caller's
 * (free). */
int ztc_file_or_stdin(const char *path, size_t max, char **ret, size_t *ret_len);
