/* SPDX-License-Identifier: Apache-2.0 */
/* status.c - one page: is this host guarded, by which policy, and what is wrong. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/render/ends.h"
#include "ctl/render/history.h"
#include "ctl/render/losses.h"
#include "ctl/render/labels.h"
#include "ctl/render/render.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

#define LABEL_WIDTH 11 /* left column */

static void labelled(FILE *out, const struct ztc_style *style, const char *label,
		     enum ztc_color color, const char *text)
{
	ztc_put(out, style, ZTC_DIM, "%-*s", LABEL_WIDTH, label);
	ztc_wrap(out, style, color, LABEL_WIDTH, LABEL_WIDTH, text);
}

static bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static size_t alarms_now(const json_t *result)
{
	size_t i, now = 0;
	json_t *alarm;

	json_array_foreach (json_object_get(result, "alarms"), i, alarm)
		now += is_true(alarm, "now");
	return now;
}

/* The first line: what somebody wants to know at three in the morning. */
static void headline(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *agent = json_object_get(result, "agent");
	const json_t *policy = json_object_get(result, "policy");
	bool broken = json_is_object(json_object_get(policy, "load_error"));
	bool observing = true;
	size_t now = alarms_now(result);
	char alarms[ZTC_TEXT_LEN], line[512];
	int len;

	if (is_true(json_object_get(agent, "observe"), "active")) {
		len = snprintf(line, sizeof(line),
			       "OBSERVING: break-glass is on, nothing is denied");
	} else if (!*ztc_str(policy, "name")) {
		len = snprintf(line, sizeof(line), "OBSERVING: no policy, nothing is denied");
	} else if (!*ztc_str(agent, "host")) {
		len = snprintf(line, sizeof(line),
			       "OBSERVING: the policy does not know this host, nothing is denied");
	} else {
		observing = !ztc_int(policy, "live");
		len = snprintf(line, sizeof(line), "%s: policy %s, revision %lld, as host %s",
			       observing ? "OBSERVING, nothing is enforced yet" : "ENFORCING",
			       ztc_str(policy, "name"), (long long)ztc_int(policy, "revision"),
			       ztc_str(agent, "host"));
	}
	ztc_plural(alarms, (int64_t)now, "alarm", "alarms");
	snprintf(line + len, sizeof(line) - (size_t)len, "; %s%s.",
		 broken ? "the policy file is broken; " : "", now ? alarms : "no alarm");
	ztc_wrap(out, style, now || broken ? ZTC_BAD : observing ? ZTC_WARN : ZTC_GOOD, 0, 2, line);
	fputc('\n', out);
}

static void render_agent(FILE *out, const json_t *agent, const struct ztc_style *style)
{
	const json_t *observe = json_object_get(agent, "observe");
	char ago[ZTC_TEXT_LEN], clock[ZTC_TEXT_LEN], line[512];

	ztc_ago(ago, ztc_str(agent, "started"), style);
	snprintf(line, sizeof(line), "ztagent %s, pid %lld, started %s%s",
		 ztc_str(agent, "version"), (long long)ztc_int(agent, "pid"), ago,
		 is_true(agent, "taken_over") ? ", took over from an earlier agent" : "");
	labelled(out, style, "agent", ZTC_PLAIN, line);
	if (*ztc_str(agent, "alarm"))
		labelled(out, style, "", ZTC_BAD, ztc_str(agent, "alarm"));
	if (!is_true(observe, "active"))
		return;
	if (is_true(observe, "for_good")) {
		labelled(out, style, "observe", ZTC_WARN, "on, until 'ztctl observe --off'");
		return;
	}
	ztc_clock(clock, ztc_str(observe, "until"), style);
	ztc_ago(ago, ztc_str(observe, "until"), style);
	snprintf(line, sizeof(line), "on until %s (%s); 'ztctl observe --off' ends it", clock, ago);
	labelled(out, style, "observe", ZTC_WARN, line);
}

/* Where the policy in force came from. */
static const char *source_text(const char *source)
{
	static const struct {
		const char *source, *text;
	} texts[] = {
		{"file", "the file as it is now"},
		{"held", "an earlier reading: the file is broken now"},
		{"confirmed", "the last confirmed copy: the file is broken"},
		{"state", "promoted or rolled back to; the file is another"},
		{"pinned", "what an earlier agent committed: nothing readable on disk"},
		{"none", "no policy: everything is allowed and recorded"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (strcmp(texts[i].source, source) == 0)
			return texts[i].text;
	}
	return source;
}

static void render_policy(FILE *out, const json_t *policy, const struct ztc_style *style)
{
	const json_t *error = json_object_get(policy, "load_error");
	char ago[ZTC_TEXT_LEN], errors[ZTC_TEXT_LEN], line[1024 + ZTC_END_LEN], names[ZTC_END_LEN];

	ztc_ago(ago, ztc_str(policy, "committed"), style);
	snprintf(line, sizeof(line), "%.200s: %s", ztc_str(policy, "path"),
		 source_text(ztc_str(policy, "source")));
	labelled(out, style, "policy", error && !json_is_null(error) ? ZTC_BAD : ZTC_PLAIN, line);
	snprintf(line, sizeof(line), "%lld statements live, %lld with what is staged",
		 (long long)ztc_int(policy, "live"), (long long)ztc_int(policy, "candidate"));
	labelled(out, style, "", ZTC_PLAIN, line);
	if (json_array_size(json_object_get(policy, "expired"))) {
		ztc_segments(names, json_object_get(policy, "expired"));
		snprintf(line, sizeof(line), "expired, so that nothing matches: %s", names);
		labelled(out, style, "", ZTC_WARN, line);
	}
	snprintf(line, sizeof(line), "epoch %lld, committed %s, digest %.16s",
		 (long long)ztc_int(policy, "epoch"), ago, ztc_str(policy, "digest"));
	labelled(out, style, "", ZTC_PLAIN, line);
	ztc_state_lines(out, policy, style, LABEL_WIDTH);
	if (is_true(policy, "reverted"))
		labelled(out, style, "", ZTC_BAD, "was not confirmed in time and has reverted");
	if (*ztc_str(policy, "warnings"))
		ztc_lines(out, ztc_str(policy, "warnings"));
	if (error && !json_is_null(error)) {
		ztc_ago(ago, ztc_str(error, "since"), style);
		ztc_plural(errors, ztc_int(error, "errors"), "error", "errors");
		snprintf(line, sizeof(line), "found broken %s, %s:", ago, errors);
		labelled(out, style, "", ZTC_BAD, line);
		ztc_lines(out, ztc_str(error, "text"));
	}
}

static void render_alarms(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *alarms = json_object_get(result, "alarms");
	char ago[ZTC_TEXT_LEN], times[ZTC_TEXT_LEN], line[512];
	const char *label = "alarms";
	json_t *alarm;
	size_t i;

	json_array_foreach (alarms, i, alarm) {
		const char *detail = ztc_str(alarm, "detail");

		if (!is_true(alarm, "now") && !ztc_int(alarm, "count"))
			continue;
		ztc_ago(ago, ztc_str(alarm, "last"), style);
		ztc_times(times, ztc_int(alarm, "count"));
		snprintf(line, sizeof(line), "%s%s%s%s%s: %s, last %s",
			 is_true(alarm, "now") ? "" : "over: ", ztc_str(alarm, "name"),
			 *detail ? " (" : "", detail, *detail ? ")" : "", times, ago);
		labelled(out, style, label, is_true(alarm, "now") ? ZTC_BAD : ZTC_PLAIN, line);
		label = "";
	}
	if (*label)
		labelled(out, style, label, ZTC_PLAIN, "none, ever");
}

static const char *order_text(const json_t *one)
{
	const json_t *head = json_object_get(one, "at_head");

	if (!*ztc_str(one, "hook"))
		return "";
	return is_true(head, "ingress") && is_true(head, "egress") ? "first" : "NOT FIRST";
}

static int render_interfaces(FILE *out, const json_t *result, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"INTERFACE", false, 0, false}, {"STATE", false, 12, false},
		{"HOOK", false, 0, false},	{"IN CHAIN", false, 0, false},
		{"ATTACHED", false, 0, false},	{"UNJUDGED", true, 0, false},
		{"ERROR", false, 12, false},
	};
	const json_t *list = json_object_get(result, "interfaces");
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	char number[ZTC_TEXT_LEN];
	json_t *one;
	size_t i;
	int r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));

	if (r < 0)
		return r;
	json_array_foreach (list, i, one) {
		const char *state = ztc_str(one, "state"), *order = order_text(one);
		bool guarded = strcmp(state, "guarded") == 0;

		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(one, "name"));
		ztc_table_cell(table, guarded ? ZTC_GOOD : ZTC_WARN, "%s", state);
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(one, "hook"));
		ztc_table_cell(table, *order == 'N' ? ZTC_BAD : ZTC_PLAIN, "%s", order);
		ztc_age(number, ztc_str(one, "attached"), style);
		ztc_table_cell(table, ZTC_PLAIN, "%s", guarded ? number : "");
		ztc_count(number, ztc_int(one, "unjudged"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_int(one, "unjudged") ? number : "");
		ztc_table_cell(table, ZTC_BAD, "%s", ztc_str(one, "error"));
	}
	fputc('\n', out);
	if (!json_array_size(list))
		fputs("No interface but loopback: nothing is guarded yet.\n", out);
	return ztc_table_print(table, out, style, 0);
}

static void render_neighbours(FILE *out, const json_t *result, const struct ztc_style *style)
{
	json_t *one;
	char line[512];
	size_t i;

	json_array_foreach (json_object_get(result, "neighbours"), i, one) {
		bool ahead = is_true(one, "ahead"), translates = is_true(one, "translates");
		const char *dev = ztc_str(one, "dev");

		snprintf(line, sizeof(line), "%s '%s'%s%s%s%s", ztc_str(one, "kind"),
			 ztc_str(one, "name"), *dev ? " on " : "", dev,
			 ahead ? ", meets packets before us" : "",
			 translates ? ", translates or redirects" : "");
		labelled(out, style, i ? "" : "neighbours",
			 ahead || translates ? ZTC_WARN : ZTC_PLAIN, line);
	}
}

/* Tables that people ask for, and any that is more than half full. */
static bool table_shown(const char *name, double part)
{
	static const char *const always[] = {"flows", "openings", "owners", "edges", "violations"};

	for (size_t i = 0; i < ARRAY_SIZE(always); i++) {
		if (strcmp(always[i], name) == 0)
			return true;
	}
	return part >= 50;
}

static int render_capacity(FILE *out, const json_t *result, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {{"TABLE", false, 0, false},
						    {"USED", true, 0, false},
						    {"SIZE", true, 0, false},
						    {"", true, 0, false}};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	char number[ZTC_TEXT_LEN];
	size_t i, left_out = 0;
	json_t *one;
	int r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));

	if (r < 0)
		return r;
	json_array_foreach (json_object_get(result, "capacity"), i, one) {
		int64_t used = ztc_int(one, "used"), size = ztc_int(one, "size");
		double part = size > 0 ? 100.0 * (double)used / (double)size : 0;

		if (!table_shown(ztc_str(one, "table"), part)) {
			left_out++;
			continue;
		}
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(one, "table"));
		ztc_count(number, used);
		ztc_table_cell(table, ZTC_PLAIN, "%s", number);
		ztc_count(number, size);
		ztc_table_cell(table, ZTC_PLAIN, "%s", number);
		ztc_table_cell(table,
			       part >= 90   ? ZTC_BAD
			       : part >= 70 ? ZTC_WARN
					    : ZTC_PLAIN,
			       part > 0 && part < 1 ? "< 1 %%" : "%.0f %%", part);
	}
	fputc('\n', out);
	r = ztc_table_print(table, out, style, 0);
	if (left_out)
		ztc_put(out, style, ZTC_DIM,
			"%zu more tables, each less than half full (--json has them)", left_out);
	if (left_out)
		fputc('\n', out);
	return r;
}

/* Malformed and special packets: only rows that have happened. */
static int render_posture(FILE *out, const json_t *result, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {{"SPECIAL PACKETS", false, 20, false},
						    {"RULE", false, 12, false},
						    {"DONE", false, 0, false},
						    {"PACKETS", true, 0, false}};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	char number[ZTC_TEXT_LEN];
	bool any = false;
	json_t *one;
	size_t i;
	int r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));

	if (r < 0)
		return r;
	json_array_foreach (json_object_get(result, "posture"), i, one) {
		if (!ztc_int(one, "packets"))
			continue;
		any = true;
		ztc_count(number, ztc_int(one, "packets"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(one, "event"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(one, "rule"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(one, "action"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", number);
	}
	if (any)
		fputc('\n', out);
	return ztc_table_print(table, out, style, 0);
}

/* Packets by what became of them; the sum is what was judged. */
static void render_packets(FILE *out, const json_t *result, const struct ztc_style *style)
{
	static const struct {
		const char *counter, *text;
	} rows[] = {{"judged", "judged"},
		    {"denied", "denied"},
		    {"would_deny", "would be denied by staged policy"},
		    {"observed", "denied by policy but passed (observe)"},
		    {"refused", "connects and sends refused at once"}};
	const json_t *counters = json_object_get(result, "counters");
	const json_t *failsafe = json_object_get(result, "failsafe");
	char number[ZTC_TEXT_LEN], line[512] = "";
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t packets = ztc_int(json_object_get(counters, rows[i].counter), "packets");

		if (!packets && i)
			continue;
		ztc_count(number, packets);
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s %s", len ? ", " : "",
					number, rows[i].text);
	}
	labelled(out, style, "packets", ZTC_PLAIN, line);
	if (!ztc_int(failsafe, "packets")) {
		labelled(out, style, "failsafe", ZTC_PLAIN, "never needed");
		return;
	}
	ztc_count(number, ztc_int(failsafe, "packets"));
	snprintf(line, sizeof(line),
		 "saved %s packets that policy would have denied: review the policy", number);
	labelled(out, style, "failsafe", ZTC_WARN, line);
}

static void render_history(FILE *out, const json_t *result, const struct ztc_style *style)
{
	struct ztc_history_line lines[ZTC_HISTORY_LINES];
	size_t count = ztc_history_lines(json_object_get(result, "history"), style, lines);

	for (size_t i = 0; i < count; i++)
		labelled(out, style, i ? "" : "evidence", lines[i].color, lines[i].text);
}

int ztc_render_status(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *agent = json_object_get(result, "agent");
	int r;

	if (!json_is_object(agent))
		return -EINVAL;
	headline(out, result, style);
	render_agent(out, agent, style);
	render_policy(out, json_object_get(result, "policy"), style);
	render_alarms(out, result, style);
	ztc_render_status_labels(out, json_object_get(result, "labels"), style);
	render_packets(out, result, style);
	render_history(out, result, style);
	render_neighbours(out, result, style);
	r = render_interfaces(out, result, style);
	if (r == 0)
		r = render_posture(out, result, style);
	if (r == 0)
		r = render_capacity(out, result, style);
	if (r < 0)
		return r;
	fputc('\n', out);
	if (!ztc_render_losses(out, json_object_get(result, "losses"), style))
		labelled(out, style, "losses", ZTC_GOOD, "none");
	return 0;
}
