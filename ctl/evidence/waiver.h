/* SPDX-License-Identifier: Apache-2.0 */
/*
 * waiver.h - accepted risks (waivers) and results of manual checks (attestations).
 *
 * Files are read strictly before anything is checked: one defect and nothing runs. A check always
 * runs and its result stays what it is; a waiver only stands beside it, and neither a waiver nor an
 * attestation ever raises what was measured or satisfies a gate. docs/evidence.md has the formats.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/checks/check.h"
#include "ctl/evidence/seal.h"

#define ZTC_WAIVER_FORMAT	 "ztseg.waiver/1"
#define ZTC_ATTESTATION_FORMAT	 "ztseg.attestation/1"
#define ZTC_WAIVERS_DIR		 "/etc/ztseg/waivers" /* the register that is reported on */
#define ZTC_ATTESTATIONS_DIR	 "/etc/ztseg/attestations"
#define ZTC_PAPER_MAX		 (64 << 10) /* bytes of one file */
#define ZTC_PAPERS_MAX		 1000	    /* files of one directory */
#define ZTC_WAIVER_DAYS		 180
#define ZTC_WAIVER_CRITICAL_DAYS 90
#define ZTC_WAIVER_RENEWALS	 2
#define ZTC_ATTESTATION_DAYS	 365
#define ZTC_ATTESTATION_DEFAULT	 180

/**
 * struct ztc_papers_args - what is read, and against what; borrowed.
 * @waivers, @attestations: file, or directory of *.json; NULL = none.
 * @trust_dir: roles approver, owner, assessor count.
 * @host:      name of the host that is assessed.
 * @catalogue: array of the checks of checks.json (id, severity, gate).
 * @profile:   its limits may be stricter than ZTC_WAIVER_*, not laxer.
 */
struct ztc_papers_args {
	const char *waivers;
	const char *attestations;
	const char *trust_dir;
	const char *host;
	const json_t *catalogue;
	const json_t *profile;
	int64_t now_s;
};

struct ztc_papers; /* opaque */

/**
 * ztc_papers_load - read all files; call it before any check runs.
 * @ret:         the caller's (ztc_papers_free); untouched on failure.
 * @ret_defects: [{file, at ("line 3, column 7"), text: message, remedy: message}], every defect of
 *               every file; the caller's. An expired waiver is no defect, nor is a revoked one.
 *
 * Returns 0, -EBADMSG (there are defects: exit status 4, nothing runs), -ENOMEM.
 */
int ztc_papers_load(struct ztc_papers **ret, const struct ztc_papers_args *args,
		    json_t **ret_defects);
void ztc_papers_free(struct ztc_papers **papers);

/**
 * ztc_papers_join - put waivers and attestations beside the results.
 * @doc:   its checks[] (id, severity, gate, result, offenders, offenders_total) are there; gets
 *         checks[].disposition {state, waiver, expires_at, days_left, why?} and
 *         checks[].attestation {id, result, valid_until, assessor, why?}, waivers[],
 *         attestations[] and notes of what ends in 30, 14 or 7 days. Before levels are worked out.
 * @facts: "clock": unless synchronised no waiver is honoured.
 *
 * Returns 0 or -ENOMEM.
 */
int ztc_papers_join(const struct ztc_papers *papers, json_t *doc, const json_t *facts);

/* What a check of the document counts as on the other two bases; never better than its result for
 * a gate with an attestation. @waived also takes attestations in. */
enum ztc_state ztc_state_attested(const json_t *check);
enum ztc_state ztc_state_waived(const json_t *check);

/* ztc_papers_item - the worst attested result for a whole item ("3-1") on this host: for a system
 * without hosts, which has nothing else. ZTC_STATE_UNKNOWN without one that is valid. */
enum ztc_state ztc_papers_item(const struct ztc_papers *papers, const char *item);

/**
 * ztc_waivers_register - every waiver of a register, well made or not, for ZTS-3.7-07.
 * @ret: {path, waivers: [{file, id?, check?, resource?, owner?, approver?, signer?, granted_at?,
 *       expires_at?, renewals?, compensating: [check], critical: bool, state
 *       "valid"|"expired"|"revoked"|"invalid", days_left?, defects: [{at, text, remedy}]}]}
 *
 * A directory that is not there is an empty register. Returns 0, -EPERM, -EACCES, -errno.
 */
int ztc_waivers_register(const struct ztc_papers_args *args, json_t *ret);

/**
 * ztc_papers_lint - every defect of files, without using them.
 * @signatures: hold these too; else they do not count (before signing).
 * @ret:        the list of defects, maybe empty; the caller's. 0, -ENOMEM.
 */
int ztc_papers_lint(const struct ztc_papers_args *args, bool signatures, json_t **ret);
