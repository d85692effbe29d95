/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate.h - whether a staged statement has been seen long enough to be promoted.
 *
 * The condition is the policy's (`ready:`): days recorded while the statement
 * stood in the candidate plane with this very content, flows that it concerns,
 * and flows that it would newly deny. The last is judged, not looked up: what was
 * recorded is put to the tables that the promotion would put in force, together
 * with whatever else is ready, so that a boundary does not pass before the allow
 * rules that make holes in it. Reads only.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "policy/policy.h"

struct zt_history;
struct zt_tables;

/**
 * struct zt_gate_env - what is asked.
 * @history: NULL: nothing was recorded, nothing is ready.
 * @policy:  the candidate: what is held, else what is in force.
 * @now:     what is in force; may be @policy.
 * @tables:  compiled from both.
 * @would:   compile what promoting these statements would put in force. 0, or -errno with a
 *           sentence in @err (ZT_GATE_ERR_LEN).
 * @now_s:   seconds since 1970.
 * @now_ns:  CLOCK_MONOTONIC, for labels and hours.
 */
struct zt_gate_env {
	struct zt_history *history;
	const struct zt_policy *policy;
	const struct zt_policy *now;
	const struct zt_tables *tables;
	int (*would)(void *ctx, const char *const *ids, size_t count, struct zt_tables **ret,
		     char *err);
	void *ctx;
	int64_t now_s;
	uint64_t now_ns;
};

#define ZT_GATE_ERR_LEN 4096

/* One staged statement. */
struct zt_gate_item {
	const char *id; /* of the policy */
	bool met;
	/* Wanted. */
	uint64_t want_days;
	uint64_t want_flows;
	uint64_t max_would_deny;
	/* Found. */
	uint64_t days;	     /* whole ones, of recording */
	uint64_t flows;	     /* since it stood */
	uint64_t would_deny; /* in the last want_days days; all since it stood when that is 0 */
	int64_t stood_s;     /* first stood with this content; 0 = not noticed yet */
	int64_t last_deny_s; /* 0 = none */
	struct zt_addr last_src, last_dst; /* of that flow */
	uint32_t last_port;		   /* its ZT_PORT_* index */
	const char
		*allowed_by; /* staged statement, not ready itself, that would allow it; or NULL */
	char *lacks; /* "6 of 14 days; 3 would-deny, last 2026-...Z from 10.0.0.9 to tcp/5432" or ""
		      */
};

struct zt_gate {
	struct zt_gate_item *items; /* in the order of the file; enforced ones are not among them */
	size_t count;
};

/**
 * zt_gate_check - every staged rule and boundary of the policy, and what it lacks.
 * @ret: the caller's (zt_gate_free).
 * @err: on failure one sentence (ZT_GATE_ERR_LEN).
 *
 * Returns 0, -ENOMEM, or -errno of the reading or of @would.
 */
int zt_gate_check(struct zt_gate **ret, const struct zt_gate_env *env, char *err);

/** zt_gate_free - no-op on NULL; for zt_auto(). */
void zt_gate_free(struct zt_gate **gate);

/*
 * zt_gate_stood - since when a statement of @policy has stood with its content [Unix s]; 0 = it is
 * not known, or it is a failsafe, which is never staged. @at: where to begin to look for it; moved
 * behind it, so that asking for all in their order looks at each once.
 */
int64_t zt_gate_stood(struct zt_history *history, const struct zt_policy *policy, const char *id,
		      size_t *at);

/**
 * zt_gate_stand - tell the history which statements the candidate plane has from now on.
 *
 * To be called when the candidate changed; the same policy again costs nothing.
 * Returns 0 or -ENOMEM.
 */
int zt_gate_stand(struct zt_history *history, const struct zt_policy *policy);
