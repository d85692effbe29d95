/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.h - the offline twin of bpf/judge.bpf.h, over the same rows.
 *
 * explain, plan and tests ask here; the kernel and this file must agree on
 * every field of the answer. Of statements of equal rank the one without a
 * workload qualifier is named, then the first in the file; among qualified
 * ones the qualifier that comes first in the file.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bpf/abi.h"
#include "policy/tables.h"

#define ZT_FOREVER (~0ULL)

struct zt_query {
	struct zt_addr near;
	struct zt_addr far;
	__u64 qmask;	  /* zt_tables_qmask() of the near end's owner; 0 = no owner */
	__u64 now_ns;	  /* label steps and hours are taken as of then */
	__u32 dir;	  /* ZT_DIR_IN: far opened; ZT_DIR_OUT: near opened; ZT_DIR_FWD: near did */
	__u32 port_index; /* zt_port_index() of the service's port */
	__u32 near_id;	  /* when not 0: take this near identity, leave the address alone */
};

struct zt_answer {
	__u64 valid_until_ns; /* ZT_FOREVER = until the epoch moves */
	__u64 changed_ns;     /* when time last changed what this rests on; 0 = it did not */
	__u32 rule[ZT_PLANE_COUNT];
	__u8 action[ZT_PLANE_COUNT];   /* ZT_ALLOW, ZT_DENY */
	__u8 rank[ZT_PLANE_COUNT];     /* ZT_RANK_* */
	__u8 existing[ZT_PLANE_COUNT]; /* ZT_EXISTING_* */
	__u8 failsafe;		       /* 1: live would have denied */
	__u8 owner_dep;		       /* 1: another owner could get another answer */
	__u32 near_id;
	__u32 far_id;
	__u32 label_epoch; /* of the last change of either end's labels, 0 = none */
	__u32 bucket;	   /* share bucket of the far end */
	__u32 port_set;
	__u32 port_class;
	__u32 cell;
};

/**
 * zt_tables_judge - both verdicts for one opening.
 * @ret: always filled; without a matching row the answer is "default-allow".
 *
 * Pure; constant time but for one probe per distinct prefix length.
 */
void zt_tables_judge(const struct zt_tables *tables, const struct zt_query *q,
		     struct zt_answer *ret);

/**
 * zt_answer_is - whether the loaded judge said the same, in every field that it answers.
 * @probe: answered by a test run of zt_probe (bpf/probe.bpf.c).
 */
bool zt_answer_is(const struct zt_answer *answer, const struct zt_probe *probe);

/** zt_query_probe - the same question for a test run; slot and answer are zero. */
struct zt_probe zt_query_probe(const struct zt_query *q);

/**
 * zt_tables_qmask - which qualifiers an owner matches.
 * @owner: as the socket hooks record it; exe as path inside its file system
 *         plus exe_dev. NULL: no owner known, which matches none.
 *
 * Returns one bit per qualifier of the compiled policy.
 */
__u64 zt_tables_qmask(const struct zt_tables *tables, const struct zt_owner *owner);

/**
 * zt_tables_identify - the identity row in force for an address at @now_ns.
 * @ret: label steps taken: ids as of then, until_ns when the next is due (ZT_FOREVER:
 *       none), bucket as a number below ZT_BUCKETS, and step 0.
 */
void zt_tables_identify(const struct zt_tables *tables, const struct zt_addr *addr, __u64 now_ns,
			struct zt_identity *ret);

/** zt_tables_open - timed condition bits that are open at a moment. */
__u64 zt_tables_open(const struct zt_tables *tables, __u64 now_ns);

/* Why a statement about these two ends did or did not decide. */
enum zt_why {
	ZT_WHY_DECIDES,	  /* gives the verdict of this plane */
	ZT_WHY_OUTRANKED, /* matches; a higher rank, or an earlier statement, decides */
	ZT_WHY_PORT,	  /* names other ports */
	ZT_WHY_OWNER,	  /* asks for a workload that this owner is not */
	ZT_WHY_STAGED,	  /* would match, but is not enforced (live plane only) */
	ZT_WHY_UNUSED,	  /* failsafe that was not needed */
	ZT_WHY_FAR_OWNER, /* a deny that asks for the other host's workload: skipped here */
	ZT_WHY_HOURS,	  /* outside its hours */
	ZT_WHY_EXPIRED,
	ZT_WHY_LABELS, /* the `from` end has not the labels that it asks for */
	ZT_WHY_CANARY, /* enforced for a share of far hosts, and not for this one */
	ZT_WHY_LAYER,  /* of the other policy: in force, or the held candidate */
	ZT_WHY_COUNT,
};

struct zt_candidate {
	const struct zt_rule_info *rule;
	enum zt_why why[ZT_PLANE_COUNT];
	bool owner_ignored; /* an allow that asks for the other host's workload */
};

struct zt_explanation {
	struct zt_answer answer;
	const char **near_segments; /* names, borrowed from the tables */
	size_t near_segment_count;
	const char **far_segments;
	size_t far_segment_count;
	struct zt_candidate *candidates; /* statements about these two ends, by rank, file order */
	size_t candidate_count;
};

/**
 * zt_tables_explain - the answer and every statement that was considered for it.
 * @ret: on success filled, to be freed with zt_explanation_free().
 *
 * Returns 0 or -ENOMEM.
 */
int zt_tables_explain(const struct zt_tables *tables, const struct zt_query *q,
		      struct zt_explanation *ret);

/** zt_explanation_free - release what it holds; for zt_auto(). */
void zt_explanation_free(struct zt_explanation *explanation);

/**
 * zt_why_text - in a word or two: "decides", "outranked", "other ports", "other workload",
 * "staged", "not needed" (a failsafe), "far workload" (a deny that is skipped here),
 * "outside its hours", "expired", "labels do not hold", "not in the share" (of far hosts),
 * "other policy".
 */
const char *zt_why_text(enum zt_why why);
