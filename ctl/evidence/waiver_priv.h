/* SPDX-License-Identifier: Apache-2.0 */
/*
 * waiver_priv.h - waivers and attestations once they are read. Private to this room.
 */
#pragma once
#include "ctl/evidence/paper.h"
#include "ctl/evidence/waiver.h"

struct ztc_papers {
	struct ztc_paper *waivers;
	size_t waiver_count;
	struct ztc_paper *attestations;
	size_t attestation_count;
	char *host;
	int64_t now_s;
	json_t *catalogue;
};

/* waiver_read.c: every file on its own, then all together. */
void ztc_waivers_check(struct ztc_paper *papers, size_t count, const struct ztc_trust *trust,
		       const struct ztc_papers_args *args);
/* attestation_read.c; files of attestations are looked at, too: "file_error" in the document. */
void ztc_attestations_check(struct ztc_paper *papers, size_t count, const struct ztc_trust *trust,
			    const struct ztc_papers_args *args);

bool ztc_waiver_revoked(const struct ztc_paper *p);
bool ztc_waiver_critical(const json_t *catalogue, const char *check_id);
