/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drill.h - drills: the running protection put to the test on a canary, and a signed record of it.
 *
 * A drill acts on the canary neighbour (peer.h) and the canary statements of the policy in force
 * only (ztc_drill_snippet): it brings no text of its own into the policy and leaves none behind.
 * What it set it takes back however it ends; what it promoted has a deadline that the kernel keeps,
 * should it be killed.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/cmd.h"
#include "ctl/drill/peer.h"

#define ZTC_DRILL_HOST "zt-drill-peer" /* in the inventory: ZTC_PEER_ADDRESS */
#define ZTC_DRILL_RULE "zt-drill-change"
#define ZTC_DRILL_KEY  "zt-drill" /* the label that drills set */

/* What a policy has to say so that drills have something to act on; YAML for --snippet. */
extern const char ztc_drill_snippet[];

enum ztc_drill_result {
	ZTC_DRILL_FAIL, /* what the drill begins with */
	ZTC_DRILL_PARTIAL,
	ZTC_DRILL_PASS,
};

/**
 * struct ztc_drill - one run.
 * @peer:     the canary neighbour; made before @run of rows that want one.
 * @status:   the agent's status before anything was done.
 * @body:     numbers and findings, for the record: integers, strings, booleans.
 * @within_s: deadline of what is promoted; @for_s: how long is watched.
 * @promoted, @labelled: to be taken back.
 * @why:      one sentence on the result, the run's (free).
 */
struct ztc_drill {
	struct ztc_ctx *ctx;
	struct ztc_peer peer;
	json_t *status;
	json_t *body;
	unsigned int within_s;
	unsigned int for_s;
	const char *log_socket; /* of drill log; NULL = /dev/log */
	bool promoted;
	bool labelled;
	enum ztc_drill_result result;
	char *why;
};

/**
 * struct ztc_drill_row - a kind of drill.
 * @peer: it needs the canary neighbour and the canary statements.
 * @alone: it needs no agent.
 * @run:  sets result, why and body. Returns 0, or an exit status when it could not be run at all,
 * the reason having been printed; then there is no record.
 */
struct ztc_drill_row {
	const char *name;
	const char *help;
	bool peer;
	int (*run)(struct ztc_drill *drill);
	bool alone;
};

extern const struct ztc_drill_row ztc_drills[]; /* ends with a row without name */

int ztc_drill_change(struct ztc_drill *drill);	   /* change.c: canary */
int ztc_drill_rollback(struct ztc_drill *drill);   /* change.c */
int ztc_drill_bad_policy(struct ztc_drill *drill); /* change.c */
int ztc_drill_revoke(struct ztc_drill *drill);	   /* revoke.c */
int ztc_drill_signal(struct ztc_drill *drill);	   /* revoke.c */
int ztc_drill_drift(struct ztc_drill *drill);	   /* drift.c */
int ztc_drill_survive(struct ztc_drill *drill);	   /* survive.c */
int ztc_drill_tamper(struct ztc_drill *drill);	   /* tamper.c */
int ztc_drill_log(struct ztc_drill *drill);	   /* log.c */

/**
 * ztc_drill_run - ask, prepare, run, take back.
 * @drill: ctx, within_s, for_s set; peer ZTC_PEER_INIT; body an empty object.
 *
 * Returns 0 with the result in @drill, or an exit status, the reason having been printed.
 */
int ztc_drill_run(struct ztc_drill *drill, const struct ztc_drill_row *row);
void ztc_drill_free(struct ztc_drill *drill);

/* --- for the runs: run.c --- */

/* ztc_drill_conclude - the result and its sentence. */
__attribute__((format(printf, 3, 4))) void
ztc_drill_conclude(struct ztc_drill *drill, enum ztc_drill_result result, const char *fmt, ...);

/* ztc_drill_note - one number into the body. */
void ztc_drill_note(struct ztc_drill *drill, const char *key, int64_t value);

/* ztc_drill_say - a line of progress, for who waits. */
__attribute__((format(printf, 1, 2))) void ztc_drill_say(const char *fmt, ...);

/* ztc_drill_stopped - somebody pressed Ctrl-C: conclude, the caller takes back. */
bool ztc_drill_stopped(void);

/* ztc_drill_promote - the staged canary statement in force, until taken back or @within_s. Exit
 * status. */
int ztc_drill_promote(struct ztc_drill *drill);
int ztc_drill_demote(struct ztc_drill *drill);

/* ztc_drill_label - give the canary neighbour a label for ten minutes at most. Exit status. */
int ztc_drill_label(struct ztc_drill *drill, const char *value);

/**
 * ztc_drill_until - ask the neighbour to open connections to @port until they pass, or fail.
 * @open:   wait until they pass; else until they do not.
 * @ret_ms: since @from_ms: when the first of them passed, or when the first was sent that did not.
 *
 * Returns 0, -ETIMEDOUT (never within @limit_ms), -EINTR.
 */
int ztc_drill_until(struct ztc_drill *drill, uint16_t port, bool open, uint64_t from_ms,
		    unsigned int limit_ms, int64_t *ret_ms);

/* ztc_drill_policy - "policy" of a fresh status; NULL: the agent did not answer. New reference. */
json_t *ztc_drill_policy(struct ztc_drill *drill);
