/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases.h - what a policy is expected to do, written down as cases: who opens what to whom.
 *
 * YAML, read like a policy: bounded, every token with its place, unknown keys and
 * names errors, all of them listed. Names are those of the policy at hand.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "policy/diag.h"
#include "policy/overlay.h"
#include "policy/policy.h"

#define ZT_CASES_SIZE_MAX (4u << 20) /* bytes of a file of cases */
#define ZT_CASES_MAX	  10000

enum zt_case_end_kind {
	ZT_CASE_HOST,
	ZT_CASE_ADDRESS,
	ZT_CASE_SEGMENT, /* of the policy, or built in: any, unknown, multicast, broadcast */
};

struct zt_case_end {
	enum zt_case_end_kind kind;
	const char *text; /* as written */
	const struct zt_host
		*host;	     /* of ZT_CASE_HOST, and of an address that a host has; else NULL */
	struct zt_addr addr; /* of ZT_CASE_ADDRESS */
	struct zt_qualifier qual; /* who owns the socket there */
	bool qualified;
	struct zt_loc loc;
};

struct zt_case {
	const char *name;	 /* "case 3" when the file gives none */
	struct zt_case_end from; /* who opens */
	struct zt_case_end to;
	struct zt_port_range port;	 /* one port: first is last */
	uint64_t at_ns;			 /* wall clock of the case [ns since 1970]; 0 = now */
	struct zt_overlay_label *labels; /* that override the inventory's; sorted as an overlay's */
	size_t label_count;
	bool expects[ZT_PLANE_COUNT];
	__u8 want[ZT_PLANE_COUNT]; /* ZT_ALLOW, ZT_DENY, where expects[] */
	const char *rule; /* that decides; of the candidate verdict if that is expected; or NULL */
	struct zt_loc loc;
};

struct zt_cases {
	struct zt_case *cases;
	size_t count;
	struct zt_source source; /* the file */
	void *arena;		 /* owns all but the source */
};

/**
 * zt_cases_parse - read and check cases.
 * @name:   what to call the text in messages.
 * @text:   @len bytes, any content; copied.
 * @policy: whose hosts and segments they name; must outlive @ret.
 * @ret:    on success the caller's (zt_cases_free); untouched on error.
 *
 * Returns 0, -EINVAL (@diag says what) or -ENOMEM.
 */
int zt_cases_parse(struct zt_cases **ret, const char *name, const char *text, size_t len,
		   const struct zt_policy *policy, struct zt_diag *diag);

/** zt_cases_free - no-op on NULL; for zt_auto(). Diags made from it stay valid. */
void zt_cases_free(struct zt_cases **cases);
