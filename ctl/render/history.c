/* SPDX-License-Identifier: Apache-2.0 */
/* history.c - how the evidence on disk fares, in words. */
#include <string.h>

#include "base/cleanup.h"
#include "ctl/render/history.h"
#include "ctl/render/text.h"

static const struct {
	const char *cause;
	const char *text; /* follows the number */
} causes[] = {
	{"edges_over_cap", "flows ended while too many edges lived"},
	{"rows_over_cap", "edges came when their day had all its rows"},
	{"rows_over_size", "old edges made room for newer ones"},
	{"hours_over_cap", "days by the hour, for want of room"},
	{"hints_over_cap", "names of addresses"},
};

static void put_size(const json_t *history, struct ztc_history_line *ret)
{
	char rows[ZTC_TEXT_LEN], days[ZTC_TEXT_LEN], size[ZTC_TEXT_LEN], cap[ZTC_TEXT_LEN];

	ztc_plural(rows, ztc_int(history, "rows"), "edge", "edges");
	ztc_plural(days, ztc_int(history, "days"), "day", "days");
	ztc_bytes(size, ztc_int(history, "size_bytes"));
	ztc_bytes(cap, ztc_int(history, "size_cap_bytes"));
	snprintf(ret->text, sizeof(ret->text), "%s of %s in %s, %s of %s", rows, days,
		 ztc_str(history, "path"), size, cap);
}

static void put_time(const json_t *history, const struct ztc_style *style,
		     struct ztc_history_line *ret)
{
	char recorded[ZTC_TEXT_LEN], ago[ZTC_TEXT_LEN], gap[ZTC_TEXT_LEN], gaps[ZTC_TEXT_LEN];
	int64_t count = ztc_int(history, "gaps");
	size_t len;

	ztc_duration(recorded, ztc_int(history, "recorded_s"));
	len = (size_t)snprintf(ret->text, sizeof(ret->text), "%s recorded", recorded);
	if (count) {
		ztc_plural(gaps, count, "gap", "gaps");
		ztc_duration(gap, ztc_int(history, "longest_gap_s"));
		len += (size_t)snprintf(ret->text + len, sizeof(ret->text) - len,
					", %s, the longest %s", gaps, gap);
	}
	if (json_is_string(json_object_get(history, "last_write"))) {
		ztc_ago(ago, ztc_str(history, "last_write"), style);
		snprintf(ret->text + len, sizeof(ret->text) - len, "; written %s", ago);
	}
}

static bool put_lost(const json_t *history, struct ztc_history_line *ret)
{
	const json_t *losses = json_object_get(history, "losses");
	char number[ZTC_TEXT_LEN];
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
		int64_t count = ztc_int(losses, causes[i].cause);

		if (count <= 0)
			continue;
		ztc_count(number, count);
		len += (size_t)snprintf(ret->text + len, sizeof(ret->text) - len, "%s%s %s",
					len ? "; " : "not kept: ", number, causes[i].text);
	}
	return len > 0;
}

size_t ztc_history_lines(const json_t *history, const struct ztc_style *style,
			 struct ztc_history_line ret[ZTC_HISTORY_LINES])
{
	static const struct {
		const char *key, *text;
	} troubles[] = {{"error", "cannot be written, tried again: "},
			{"set_aside", "set aside: "}};
	size_t n = 2;

	if (!json_is_object(history))
		return 0;
	for (size_t i = 0; i < ZTC_HISTORY_LINES; i++)
		ret[i] = (struct ztc_history_line){.color = i < 2 ? ZTC_PLAIN : ZTC_WARN};
	put_size(history, &ret[0]);
	put_time(history, style, &ret[1]);
	for (size_t i = 0; i < ARRAY_SIZE(troubles); i++) {
		if (!json_is_string(json_object_get(history, troubles[i].key)))
			continue;
		snprintf(ret[n].text, sizeof(ret[n].text), "%s%s", troubles[i].text,
			 ztc_str(history, troubles[i].key));
		n++;
	}
	return n + put_lost(history, &ret[n]);
}
