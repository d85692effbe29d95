/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - one question to the agent, one answer (or, following, many).
 *
 * Prints what went wrong, in one sentence with the remedy, and returns the exit
 * status for it; a caller only hands that status on.
 */
#pragma once
#include <jansson.h>
#include <stdio.h>

#include "ctl/cmd.h"

/* ztc_agent_alive - is somebody at the socket, whether or not we may speak to it? */
bool ztc_agent_alive(const struct ztc_ctx *ctx);

/**
 * ztc_ask - send one command, take its result.
 * @args:    object; the reference is taken over. NULL = none.
 * @ret:     on success the result object, the caller's.
 *
 * Returns ZTC_EXIT_OK, or the exit status, the reason having been printed.
 */
int ztc_ask(struct ztc_ctx *ctx, const char *command, json_t *args, json_t **ret);

/* ztc_try - as ztc_ask(), but prints nothing: @ret_why is one sentence, the caller's (free). */
int ztc_try(struct ztc_ctx *ctx, const char *command, json_t *args, json_t **ret, char **ret_why);

/*
 * ztc_ask_text - the whole reply as it came, {"ok": ..., "result": ...} or its error, for who takes
 * a long one apart by himself. @ret: the caller's (free). What kept it from coming is printed.
 */
int ztc_ask_text(struct ztc_ctx *ctx, const char *command, json_t *args, char **ret,
		 size_t *ret_len);

/**
 * ztc_follow - as ztc_ask(), handing every result to @each until the agent closes.
 * @each: borrows its result; not 0 = stop with that exit status.
 */
int ztc_follow(struct ztc_ctx *ctx, const char *command, json_t *args,
	       int (*each)(struct ztc_ctx *ctx, const json_t *result));

typedef int (*ztc_render_fn)(FILE *out, const json_t *result, const struct ztc_style *style);

/* ztc_answer - print @result: as JSON when asked for, else through @render. Exit status. */
int ztc_answer(struct ztc_ctx *ctx, const json_t *result, ztc_render_fn render);

/* ztc_ask_and_print - both in one; a long answer is not held in memory as JSON. Exit status. */
int ztc_ask_and_print(struct ztc_ctx *ctx, const char *command, json_t *args, ztc_render_fn render);
