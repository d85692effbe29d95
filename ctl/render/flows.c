/* SPDX-License-Identifier: Apache-2.0 */
/* flows.c - flows, one row each; and one line each while they are followed. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/render/ends.h"
#include "ctl/render/render.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

/* An end and, where it is the local one, who owns it: "web1:51234 (app.service)". */
static void end_and_owner(char ret[ZTC_END_LEN], const json_t *end, bool port)
{
	char workload[ZTC_END_LEN];
	size_t len;

	ztc_end(ret, end, port);
	ztc_workload(workload, json_object_get(end, "workload"));
	len = strlen(ret);
	if (*workload && len < ZTC_END_LEN)
		snprintf(ret + len, ZTC_END_LEN - len, " (%.200s)", workload);
}

/* The service is at the end that did not open. */
static void service_of(char ret[ZTC_END_LEN], const json_t *flow)
{
	const json_t *dst = json_object_get(flow, "dst");
	const json_t *port = json_object_get(flow, "port");

	ztc_service(ret, json_object_get(flow, "proto"),
		    port ? port : json_object_get(dst, "port"));
}

/* What is not ordinary about it: "" for an established flow, and for a denied opening. */
static void state_text(char ret[ZTC_END_LEN], const json_t *flow)
{
	static const char *const plain[] = {"midflow", "owner-dependent"};
	const char *state = ztc_str(flow, "state");
	json_t *flag;
	size_t i, len;

	if (strcmp(state, "established") == 0 ||
	    (strcmp(state, "opening") == 0 && ztc_denies(json_object_get(flow, "verdict"), "live")))
		state = "";
	len = (size_t)snprintf(ret, ZTC_END_LEN, "%.40s", state);
	json_array_foreach (json_object_get(flow, "flags"), i, flag) {
		const char *text = json_string_value(flag);

		if (!text || strcmp(text, plain[0]) == 0 || strcmp(text, plain[1]) == 0)
			continue;
		if (len + strlen(text) + 2 < ZTC_END_LEN)
			len += (size_t)snprintf(ret + len, ZTC_END_LEN - len, "%s%s",
						len ? " " : "", text);
	}
}

static void flow_row(struct ztc_table *table, const json_t *flow, const struct ztc_style *style)
{
	const json_t *bytes = json_object_get(flow, "bytes");
	char text[ZTC_END_LEN], number[ZTC_TEXT_LEN];
	enum ztc_color color;

	end_and_owner(text, json_object_get(flow, "src"), true);
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	end_and_owner(text, json_object_get(flow, "dst"), false);
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	service_of(text, flow);
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	color = ztc_verdict(text, json_object_get(flow, "verdict"));
	ztc_table_cell(table, color, "%s", text);
	state_text(text, flow);
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	ztc_bytes(number, ztc_int(bytes, "to_dst") + ztc_int(bytes, "to_src"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", number);
	ztc_age(number, ztc_str(flow, "last_seen"), style);
	ztc_table_cell(table, ZTC_PLAIN, "%s", number);
}

static void flows_summary(FILE *out, const struct ztc_style *style, const json_t *result,
			  const int64_t *count)
{
	char all[ZTC_TEXT_LEN], allowed[ZTC_TEXT_LEN], denied[ZTC_TEXT_LEN], would[ZTC_TEXT_LEN];
	char line[512];
	int64_t matched = ztc_int(result, "matched");
	int len;

	ztc_plural(all, count[0], "flow", "flows");
	ztc_count(allowed, count[0] - count[1]);
	ztc_count(denied, count[1]);
	ztc_count(would, count[2]);
	len = snprintf(line, sizeof(line), "%s: %s allowed, %s denied", all, allowed, denied);
	if (count[2])
		len += snprintf(line + len, sizeof(line) - len,
				"; staged policy would deny %s more", would);
	if (count[3])
		len += snprintf(line + len, sizeof(line) - len,
				"; %lld of link housekeeping hidden (--all)", (long long)count[3]);
	if (matched > count[0] + count[3]) {
		ztc_count(all, matched);
		snprintf(line + len, sizeof(line) - len,
			 "; the most recent of %s that match (--limit for more)", all);
	}
	fputc('\n', out);
	ztc_wrap(out, style, ZTC_BOLD, 0, 2, line);
}

int ztc_render_flows(FILE *out, const json_t *result, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"FROM", false, 14, false},   {"TO", false, 10, false},
		{"SERVICE", false, 0, false}, {"VERDICT", false, 14, false},
		{"STATE", false, 7, true},    {"BYTES", true, 0, false},
		{"SEEN", true, 0, false},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	const json_t *flows = json_object_get(result, "flows");
	int64_t count[4] = {0}; /* shown, denied, would be, housekeeping */
	json_t *flow;
	size_t i;
	int r;

	if (!json_is_array(flows))
		return -EINVAL;
	if (!json_array_size(flows)) {
		fputs("No flows.\n", out);
		return 0;
	}
	r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));
	if (r < 0)
		return r;
	json_array_foreach (flows, i, flow) {
		const json_t *verdict = json_object_get(flow, "verdict");
		bool denied = ztc_denies(verdict, "live");

		if (!style->all && ztc_housekeeping(verdict)) {
			count[3]++;
			continue;
		}
		count[0]++;
		count[1] += denied;
		count[2] += !denied && ztc_denies(verdict, "candidate");
		flow_row(table, flow, style);
	}
	r = ztc_table_print(table, out, style, 0);
	if (r == 0)
		flows_summary(out, style, result, count);
	return r;
}

int ztc_render_change(FILE *out, const json_t *flow, const struct ztc_style *style)
{
	const json_t *bytes = json_object_get(flow, "bytes");
	const char *change = ztc_str(flow, "change");
	char src[ZTC_END_LEN], dst[ZTC_END_LEN], service[ZTC_END_LEN], verdict[ZTC_END_LEN];
	char clock[ZTC_TEXT_LEN], number[ZTC_TEXT_LEN] = "", line[ZTC_END_LEN * 5];
	int64_t sum = ztc_int(bytes, "to_dst") + ztc_int(bytes, "to_src");
	enum ztc_color color;

	if (!json_is_object(json_object_get(flow, "verdict")))
		return -EINVAL;
	end_and_owner(src, json_object_get(flow, "src"), true);
	end_and_owner(dst, json_object_get(flow, "dst"), false);
	service_of(service, flow);
	color = ztc_verdict(verdict, json_object_get(flow, "verdict"));
	if (sum)
		ztc_bytes(number, sum);
	snprintf(line, sizeof(line), "%-9s%s -> %s %s, %s%s%s", change, src, dst, service, verdict,
		 sum ? ", " : "", number);
	ztc_clock(clock, ztc_str(flow, "last_seen"), style);
	ztc_put(out, style, ZTC_DIM, "%s", clock);
	fputs("  ", out);
	ztc_wrap(out, style, color, (unsigned int)strlen(clock) + 2, 19, line);
	return 0;
}
