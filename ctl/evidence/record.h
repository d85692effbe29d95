/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - signed records of what was done: drills, probes, receipts, reviews, runs, alerts.
 *
 * One JSON document each in STATE-DIR/records/ID.json, of root alone. A record speaks of one host:
 * of its maker, or of whom "about" names. docs/evidence.md describes every member and the bodies.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/evidence/seal.h"

struct ztc_env; /* collect/collect.h */

#define ZTC_RECORD_FORMAT "ztseg.record/1"
#define ZTC_RECORD_MAX	  (256 << 10) /* bytes of one record */
#define ZTC_RECORDS_MAX	  4096	      /* files that are read */
#define ZTC_RECORD_SKEW_S                                                                          \
	300 /* clocks may differ by so much before a record is from the                            \
	     * future */
#define ZTC_STATE_DIR "/var/lib/ztseg"
#define ZTC_TRUST_DIR "/etc/ztseg/trust"

/* Who this host is, for records and for who reads them. */
struct ztc_self {
	char host[256];			   /* as uname says */
	char machine[ZTC_DIGEST_TEXT_LEN]; /* of /etc/machine-id: "sha256:…"; "" = there is none */
	char boot_id[40];
};

/* ztc_self - @root: "" or a directory that stands for /. What is not known is "". */
void ztc_self(struct ztc_self *ret, const char *root);

/**
 * ztc_record_new - a record that begins now: everything but "ended", "result" and "body".
 * @kind: "drill", "probe", "receipt", "review", "assessment", "alert", "approval".
 * @name: which one of its kind ("rollback"), or NULL.
 * @ret:  "started" and "ended" are now, "result" is "fail", "body" is empty: set what was found.
 *
 * Returns 0, -EINVAL (no such kind), -ENOMEM.
 */
int ztc_record_new(json_t **ret, const char *kind, const char *name);

/* ztc_record_time - seconds since 1970 as a record has them: "2026-11-22T08:15:30Z". */
json_t *ztc_record_time(int64_t s);

/* ztc_record_end - set "ended" to now and "result": "pass", "fail", "partial". */
void ztc_record_end(json_t *record, const char *result);

/**
 * ztc_record_store - seal a record and keep it.
 * @state_dir: of the agent; STATE-DIR/records is made when it is not there.
 * @key:       seals it; NULL = this host's own, which is made on first use. A record that has a
 *             signature already is kept as it is (one from elsewhere; who stores it has looked).
 *
 * Of a kind that has 1,000 already the oldest goes. Returns 0, -EINVAL (not of the form; bigger
 * than ZTC_RECORD_MAX), -EEXIST, -EPERM (others may write there), -errno.
 */
int ztc_record_store(const char *state_dir, json_t *record, const struct zt_minisign_secret *key);

/* ztc_host_key - STATE-DIR/keys/host.key (0600) with host.pub beside it; both are made when they
 * are not there. Returns 0 or -errno. */
int ztc_host_key(const char *state_dir, struct zt_minisign_secret *ret);

/* ztc_host_pub - the public half, if there is one: nothing is made. 0, -ENOENT, -errno. */
int ztc_host_pub(const char *state_dir, struct zt_minisign_pub *ret);

/**
 * ztc_record_check - whether a document is a record that counts on this host.
 * @own:     this host's public key, or NULL.
 * @ret_why: when refused a sentence; static text.
 *
 * Sets "seal" ("ok", "none", "unknown"), "signer" and "grade" in @record. Grades: a probe by a key
 * of the role peer, a receipt by one of collector, a review or approval by one of reviewer,
 * approver or policy: A. By this host itself or one of the role host: B, alerts C. Without seal C,
 * by an unknown key D. Returns 0 or -EINVAL: of another form, about another host or machine, from
 * the future, or with a bad seal.
 */
int ztc_record_check(json_t *record, const struct ztc_self *self, const struct ztc_trust *trust,
		     const struct zt_minisign_pub *own, int64_t now_s, const char **ret_why);

/**
 * ztc_records_read - all records that count.
 * @ret: {drills, probes, receipts, reviews, assessments, alerts, approvals: [record + file, seal,
 *       signer?, key_id?, grade, without signature], refused: [{file, why}], refused_total}, newest
 *       ("ended") first; 256 drills, 64 probes and receipts, 32 reviews, 400 runs and approvals,
 *       1,000 alerts at most.
 *
 * Writes nothing. A directory that is not there is no records. Returns 0, -EPERM (others may write
 * the directory; @ret_why), -EACCES, -errno.
 */
int ztc_records_read(const struct ztc_env *env, json_t *ret, char **ret_why);

/**
 * ztc_assessment_record - keep a signed run as a record, for ZTS-3.7-06.
 * @doc: the document (assess/doc.h), sealed. Its digest, levels, states of the checks and how many
 *       waivers were honoured are kept, and which checks got worse since the newest such record.
 * @key: NULL = this host's own.
 *
 * Returns 0 or what ztc_record_store() returns.
 */
int ztc_assessment_record(const char *state_dir, const json_t *doc,
			  const struct zt_minisign_secret *key);
