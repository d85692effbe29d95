// SPDX-License-Identifier: Apache-2.0
/* cmd_drill.c - ztctl drill: one drill, its result for people, its record for the checks. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/cmd.h"
#include "ctl/drill/drill.h"
#include "ctl/evidence/record.h"

#define WITHIN_S     5
#define WITHIN_MAX_S 600
#define FOR_S	     60
#define FOR_MAX_S    3600

static const char *const result_names[] = {
	[ZTC_DRILL_FAIL] = "fail",
	[ZTC_DRILL_PARTIAL] = "partial",
	[ZTC_DRILL_PASS] = "pass",
};

static const struct ztc_drill_row *find(const char *name)
{
	for (const struct ztc_drill_row *row = ztc_drills; row->name; row++)
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

static int list(FILE *out)
{
	for (const struct ztc_drill_row *row = ztc_drills; row->name; row++)
		fprintf(out, "  %-12s%s\n", row->name, row->help);
	return ZTC_EXIT_OK;
}

static int add_seconds(const struct ztc_line *line, const char *option, unsigned int max,
		       unsigned int *ret)
{
	const char *text = ztc_value(line, option);
	uint64_t ns;

	if (!text)
		return ZTC_EXIT_OK;
	if (zt_duration_parse(text, &ns) < 0 || ns < ZT_NS_PER_S || ns > max * ZT_NS_PER_S)
		return ztc_fail(ZTC_EXIT_USAGE, "--%s '%s' is not a length of time from 1s to %us",
				option, text, max);
	*ret = (unsigned int)(ns / ZT_NS_PER_S);
	return ZTC_EXIT_OK;
}

static int keep(const char *state_dir, json_t *record)
{
	int r = ztc_record_store(state_dir, record, NULL);

	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED,
				"the drill is over, its record cannot be kept in %s: %s", state_dir,
				strerror(-r));
	return ZTC_EXIT_OK;
}

static int show(const struct ztc_ctx *ctx, const struct ztc_drill *drill, const json_t *record)
{
	if (ctx->json) {
		json_dumpf(record, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		printf("%s: %s\n", result_names[drill->result], drill->why ? drill->why : "");
		printf("record %s\n", json_string_value(json_object_get(record, "id")));
	}
	return drill->result == ZTC_DRILL_PASS ? ZTC_EXIT_OK : ZTC_EXIT_NO;
}

static int run(struct ztc_ctx *ctx, const struct ztc_line *line, const struct ztc_drill_row *row)
{
	zt_auto(ztc_drill_free) struct ztc_drill drill = {.ctx = ctx,
							  .peer = ZTC_PEER_INIT,
							  .within_s = WITHIN_S,
							  .for_s = FOR_S,
							  .body = json_object()};
	zt_auto(zt_json_decref) json_t *record = NULL;
	const char *state_dir = ztc_value(line, "state-dir");
	int status = add_seconds(line, "within", WITHIN_MAX_S, &drill.within_s);

	if (!status)
		status = add_seconds(line, "for", FOR_MAX_S, &drill.for_s);
	if (status)
		return status;
	if (ztc_record_new(&record, "drill", row->name) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	drill.log_socket = ztc_value(line, "log-socket");
	status = ztc_drill_run(&drill, row);
	if (status)
		return status;
	if (drill.why)
		json_object_set_new(drill.body, "why", zt_json_str(drill.why));
	json_object_set(record, "body", drill.body);
	ztc_record_end(record, result_names[drill.result]);
	status = keep(state_dir ? state_dir : ZTC_STATE_DIR, record);
	return status ? status : show(ctx, &drill, record);
}

int ztc_run_drill(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	const struct ztc_drill_row *row;

	if (ztc_value(line, "snippet")) {
		fputs(ztc_drill_snippet, stdout);
		return ZTC_EXIT_OK;
	}
	if (!line->argc) {
		puts("Drills, each with a signed record:");
		return list(stdout);
	}
	row = find(line->argv[0]);
	if (!row) {
		ztc_fail(ZTC_EXIT_USAGE, "there is no drill '%s'; there are:", line->argv[0]);
		list(stderr);
		return ZTC_EXIT_USAGE;
	}
	return run(ctx, line, row);
}
