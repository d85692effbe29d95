/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd.h - what a command of ztctl is: one table row, and what its function is given.
 *
 * The row is the only place that names a command: dispatch, arity check, usage,
 * --help, shell completion and the manual page are all made from it. Names are
 * exact, nothing is guessed from a prefix. A command's function returns an exit
 * status (ZTC_EXIT_*), never an errno.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "render/style.h"

/* Exit status, a contract with scripts. */
#define ZTC_EXIT_OK	0
#define ZTC_EXIT_FAILED 1
#define ZTC_EXIT_USAGE	2 /* bad usage or bad input */
#define ZTC_EXIT_NO	3 /* "no" as an answer */

#define ZTC_OPTS_MAX 48

/**
 * struct ztc_ctx - the global options and where text goes.
 * @socket: of the agent; borrowed.
 * @json:   print the answer as JSON, not as text.
 * @style:  width, colour and clock of text.
 */
struct ztc_ctx {
	const char *socket;
	bool json;
	struct ztc_style style;
};

/* One option of one command. @arg NULL: a flag. "verbose" is -v too. */
struct ztc_opt {
	const char *name;
	const char *arg;
	const char *help;
};

struct ztc_line;

/**
 * struct ztc_cmd - one command.
 * @name: one or two words, "policy check".
 * @args: what follows the options, as usage shows it; "" for nothing.
 * @help: one line for the list of commands.
 * @more: paragraphs for --help and the manual page.
 * @opts: ends with a row without name; NULL = none. At most ZTC_OPTS_MAX rows.
 * @min, @max: number of arguments; @max -1 = any number.
 * @usage_status: exit status of a bad command line; 0 = ZTC_EXIT_USAGE.
 */
struct ztc_cmd {
	const char *name;
	const char *args;
	const char *help;
	const char *more;
	const struct ztc_opt *opts;
	int min, max;
	int (*run)(struct ztc_ctx *ctx, const struct ztc_line *line);
	int usage_status;
};

/* A command line that fits its row. */
struct ztc_line {
	const struct ztc_cmd *cmd;
	const char *values[ZTC_OPTS_MAX]; /* by row of cmd->opts; a flag that is set has "" */
	int argc;
	char **argv;
};

/* commands.c: the rows in the order of help, and their number. */
size_t ztc_command_count(void);
const struct ztc_cmd *ztc_command(size_t row);

/* commands_assess.c: those around the assessment, behind the others. */
extern const struct ztc_cmd ztc_assess_commands[];
extern const size_t ztc_assess_command_count;

/* --- line.c --- */

/**
 * ztc_value - the value of an option of this command.
 * Returns NULL when it was not given, "" for a flag. Asking for an option that the row does not
 * have is a bug and aborts.
 */
const char *ztc_value(const struct ztc_line *line, const char *name);

/* ztc_bad_usage - exit status of a bad command line of this command. */
int ztc_bad_usage(const struct ztc_line *line);

/* ztc_fail - print "ztctl: " and one sentence to stderr; returns @status. */
__attribute__((format(printf, 2, 3))) int ztc_fail(int status, const char *fmt, ...);

/* ztc_parse_count - a decimal number from 1 to @max. Returns 0, -EINVAL. */
int ztc_parse_count(const char *text, uint64_t max, uint64_t *ret);

/* --- generated from the table (usage.c) --- */

void ztc_usage_list(FILE *out);
void ztc_write_completion(FILE *out);
void ztc_write_man(FILE *out);

/* --- help in other languages than English (help.c) --- */

/* ztc_help_translated - English is not the language in use, and the help is translated. */
bool ztc_help_translated(const struct ztc_cmd *cmd);
void ztc_help(FILE *out, const struct ztc_cmd *cmd);

/* ztc_write_msgids - what of the table is translated, as a catalogue without translations. */
void ztc_write_msgids(FILE *out);

/* --- commands, one file per family --- */

int ztc_run_status(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_flows(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_map(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_map_diff(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_top(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_violations(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_policy_check(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_policy_show(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_policy_plan(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_policy_explain(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_policy_test(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_policy_recommend(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_policy_sign(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_policy_verify(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_policy_stage(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_policy_promote(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_policy_confirm(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_policy_rollback(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_policy_history(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_label_set(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_label_unset(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_label_list(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_doctor(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_observe(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_detach(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_evidence_add(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_evidence_list(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_waiver_new(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_waiver_lint(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_waiver_list(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_waiver_sign(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_waiver_revoke(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_attest_new(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_attest_lint(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_attest_list(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_attest_sign(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_review_pack(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_review_show(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_review_sign(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_review_edges(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_probe(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_receipt(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_drill(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_version(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_prioritize(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_assess_hosts(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_assess(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_assess_show(struct ztc_ctx *ctx, const struct ztc_line *line);
int ztc_run_assess_diff(struct ztc_ctx *ctx, const struct ztc_line *line);
