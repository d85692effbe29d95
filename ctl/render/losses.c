/* SPDX-License-Identifier: Apache-2.0 */
/* losses.c - what was not seen or not kept, in words. */
#include <string.h>

#include "base/cleanup.h"
#include "ctl/render/losses.h"
#include "ctl/render/text.h"

static const struct {
	const char *cause;
	const char *text; /* follows the number */
} causes[] = {
	{"flows_evicted", "flows were pushed out of the full flow table before they were read"},
	{"openings_evicted", "denied or unanswered openings were pushed out before they were read"},
	{"ring_full", "events were not sent, the ring being full (the flow table has the flows)"},
	{"insert_failed", "packets were judged without an entry, the flow table being full"},
	{"owner_table_full", "sockets have no known owner, the owner table being full"},
	{"header_unreadable", "packets had headers that could not be read"},
	{"dns_answers", "DNS answers were not read for names: too many at once"},
	{"edges_over_cap", "flows are not on the map, it being full"},
	{"violations_over_cap", "rows of violations made room for newer ones"},
	{"denials_forgotten",
	 "denied packets are in no violation: their flow was pushed out first"},
	{"follow_skipped", "changes were left out of 'flows --follow': its reader was too slow"},
	{"events_unknown", "events were of another version"},
	{"read_errors", "reads of the flow table were refused by the kernel"},
};

static int64_t one(FILE *out, const struct ztc_style *style, const char *cause, int64_t count)
{
	char number[ZTC_TEXT_LEN], line[256];
	const char *text = cause;

	if (count <= 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
		if (strcmp(causes[i].cause, cause) == 0)
			text = causes[i].text;
	}
	ztc_count(number, count);
	snprintf(line, sizeof(line), "lost: %s %s", number, text);
	ztc_wrap(out, style, ZTC_WARN, 0, 6, line);
	return count;
}

int64_t ztc_render_losses(FILE *out, const json_t *losses, const struct ztc_style *style)
{
	int64_t sum = 0;
	const char *cause;
	json_t *value;
	size_t i;

	json_object_foreach ((json_t *)losses, cause, value)
		sum += one(out, style, cause, json_integer_value(value));
	json_array_foreach (losses, i, value)
		sum += one(out, style, ztc_str(value, "cause"), ztc_int(value, "count"));
	return sum;
}
