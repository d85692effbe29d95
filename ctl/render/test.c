/* SPDX-License-Identifier: Apache-2.0 */
/* test.c - cases of a policy: what does not hold, with the reason, and how many do. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/render/ends.h"
#include "ctl/render/render.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

static void end_text(char ret[ZTC_END_LEN], const json_t *end)
{
	const char *host = ztc_str(end, "host"), *address = ztc_str(end, "address");

	if (*host)
		snprintf(ret, ZTC_END_LEN, "%.200s (%.64s)", host, address);
	else
		snprintf(ret, ZTC_END_LEN, "%.64s", address);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "live       allowed by ops-ssh (allow rule), bank.yaml:54, at db1; expected: denied" */
static void plane_line(FILE *out, const struct ztc_style *style, const json_t *pair,
		       const json_t *expect, const char *plane)
{
	const json_t *one = json_object_get(json_object_get(pair, "verdict"), plane);
	const json_t *statement = json_object_get(one, "statement");
	const char *action = ztc_str(one, "action"), *want = ztc_str(expect, plane);
	bool other = *want && strcmp(want, action) != 0;
	char line[ZTC_END_LEN * 2], place[ZTC_END_LEN] = "";

	if (statement)
		snprintf(place, sizeof(place), " (%.40s), %.300s:%lld", ztc_str(one, "rank"),
			 base_name(ztc_str(statement, "file")),
			 (long long)ztc_int(statement, "line"));
	snprintf(line, sizeof(line), "%s by %.64s%s, at %.64s%s%s",
		 strcmp(action, "deny") == 0 ? "denied" : "allowed", ztc_str(one, "rule"), place,
		 ztc_str(one, "judged_at"), other ? "; expected: " : "", other ? want : "");
	ztc_put(out, style, ZTC_DIM, "    %-11s", plane);
	ztc_wrap(out, style, other ? ZTC_BAD : ZTC_PLAIN, 15, 15, line);
}

static void considered_row(struct ztc_table *table, const json_t *one)
{
	const char *live = ztc_str(one, "live"), *candidate = ztc_str(one, "candidate");

	ztc_table_cell(table,
		       strcmp(live, "decides") == 0 || strcmp(candidate, "decides") == 0
			       ? ZTC_BOLD
			       : ZTC_PLAIN,
		       "%s", ztc_str(one, "id"));
	ztc_table_cell(table, ZTC_PLAIN, "%s %s", ztc_str(one, "mode"), ztc_str(one, "action"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(one, "ports"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", live);
	ztc_table_cell(table, ZTC_PLAIN, "%s", candidate);
	ztc_table_cell(table, ZTC_DIM, "%s:%lld", base_name(ztc_str(one, "file")),
		       (long long)ztc_int(one, "line"));
}

static int considered(FILE *out, const struct ztc_style *style, const json_t *judged)
{
	static const struct ztc_column columns[] = {
		{"STATEMENT", false, 12, false}, {"DOES", false, 0, false},
		{"PORTS", false, 8, false},	 {"LIVE", false, 12, false},
		{"CANDIDATE", false, 12, false}, {"AT", false, 10, true},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	const json_t *list = json_object_get(judged, "considered");
	char from[ZTC_END_LEN], to[ZTC_END_LEN], line[ZTC_END_LEN * 3];
	json_t *one;
	size_t i;
	int r;

	ztc_segments(from, json_object_get(judged, "from_segments"));
	ztc_segments(to, json_object_get(judged, "to_segments"));
	snprintf(line, sizeof(line), "    at %.64s, from %s, to %s: %s", ztc_str(judged, "host"),
		 *from ? from : "no segment", *to ? to : "no segment",
		 json_array_size(list) ? "considered, strongest first"
				       : "no statement was considered");
	ztc_wrap(out, style, ZTC_DIM, 0, 6, line);
	if (!json_array_size(list))
		return 0;
	r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));
	if (r < 0)
		return r;
	json_array_foreach (list, i, one)
		considered_row(table, one);
	return ztc_table_print(table, out, style, 6);
}

/* Of the rule that was expected to decide, when the action is right. */
static void expected_rule(FILE *out, const struct ztc_style *style, const json_t *expect)
{
	char line[256];

	if (!*ztc_str(expect, "rule"))
		return;
	snprintf(line, sizeof(line), "%.64s", ztc_str(expect, "rule"));
	ztc_put(out, style, ZTC_DIM, "    %-11s", "by rule");
	ztc_put(out, style, ZTC_PLAIN, "%s expected", line);
	fputc('\n', out);
}

static int failing_case(FILE *out, const struct ztc_style *style, const json_t *one)
{
	const json_t *failures = json_object_get(one, "failures");
	const json_t *pair = json_array_get(failures, 0), *expect = json_object_get(one, "expect");
	const json_t *judged = json_object_get(pair, "judged");
	char src[ZTC_END_LEN], dst[ZTC_END_LEN], line[ZTC_END_LEN * 3];
	long long failed = ztc_int(one, "failed"), pairs = ztc_int(one, "pairs");
	size_t i;
	json_t *at;
	int r;

	snprintf(line, sizeof(line), "FAILS  %.300s:%lld: %.256s", ztc_str(one, "file"),
		 (long long)ztc_int(one, "line"), ztc_str(one, "name"));
	ztc_wrap(out, style, ZTC_BAD, 0, 7, line);
	end_text(src, json_object_get(pair, "src"));
	end_text(dst, json_object_get(pair, "dst"));
	snprintf(line, sizeof(line), "  %s to %s, %.40s%s%.40s", src, dst, ztc_str(one, "port"),
		 *ztc_str(one, "at") ? ", at " : "", ztc_str(one, "at"));
	ztc_wrap(out, style, ZTC_BOLD, 0, 4, line);
	plane_line(out, style, pair, expect, "live");
	plane_line(out, style, pair, expect, "candidate");
	expected_rule(out, style, expect);
	json_array_foreach (judged, i, at) {
		r = considered(out, style, at);
		if (r < 0)
			return r;
	}
	if (pairs > 1) {
		snprintf(line, sizeof(line), "  %lld of the %lld pairs of ends fail%s", failed,
			 pairs, failed > 1 ? "; the first is shown" : "");
		ztc_wrap(out, style, ZTC_DIM, 0, 4, line);
	}
	fputc('\n', out);
	return 0;
}

int ztc_render_test(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *cases = json_object_get(result, "cases");
	const json_t *summary = json_object_get(result, "summary");
	const json_t *policy = json_object_get(result, "policy");
	long long failed = ztc_int(summary, "failed");
	char count[ZTC_TEXT_LEN], line[256];
	json_t *one;
	size_t i;
	int r;

	if (!json_is_array(cases))
		return -EINVAL;
	json_array_foreach (cases, i, one) {
		r = json_is_true(json_object_get(one, "ok")) ? 0 : failing_case(out, style, one);
		if (r < 0)
			return r;
	}
	ztc_plural(count, (int64_t)json_array_size(cases), "case", "cases");
	snprintf(line, sizeof(line), "Policy %.64s, revision %lld: %s, %lld %s, %lld %s.",
		 *ztc_str(policy, "name") ? ztc_str(policy, "name") : "(no name)",
		 (long long)ztc_int(policy, "revision"), count,
		 (long long)ztc_int(summary, "passed"),
		 ztc_int(summary, "passed") == 1 ? "holds" : "hold", failed,
		 failed == 1 ? "does not" : "do not");
	ztc_wrap(out, style, failed ? ZTC_BAD : ZTC_GOOD, 0, 2, line);
	return 0;
}
