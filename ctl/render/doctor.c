/* SPDX-License-Identifier: Apache-2.0 */
/* doctor.c - the doctor's report: one line per check under its area, remedies below. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/render/render.h"
#include "ctl/render/text.h"

#define MARK_WIDTH 9 /* "  unknown" */

static const struct {
	const char *result;
	const char *mark;
	enum ztc_color color;
} results[] = {
	{"pass", "  pass   ", ZTC_GOOD},
	{"warn", "  warn   ", ZTC_WARN},
	{"fail", "  FAIL   ", ZTC_BAD},
	{"unknown", "  unknown", ZTC_WARN},
};

static void render_check(FILE *out, const json_t *check, const struct ztc_style *style,
			 int64_t *count)
{
	const char *result = ztc_str(check, "result"), *remedy = ztc_str(check, "remedy");
	size_t which = ARRAY_SIZE(results) - 1; /* a result that is not known is not good */
	char text[1024];

	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		if (strcmp(results[i].result, result) == 0)
			which = i;
	}
	count[which]++;
	ztc_put(out, style, results[which].color, "%s", results[which].mark);
	fputs("  ", out);
	ztc_wrap(out, style, ZTC_PLAIN, MARK_WIDTH + 2, MARK_WIDTH + 2, ztc_str(check, "text"));
	if (*remedy) {
		fprintf(out, "%*s", MARK_WIDTH + 2, "");
		snprintf(text, sizeof(text), "-> %s", remedy);
		ztc_wrap(out, style, ZTC_DIM, MARK_WIDTH + 2, MARK_WIDTH + 5, text);
	}
}

int ztc_render_doctor(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *checks = json_object_get(result, "checks");
	int64_t count[ARRAY_SIZE(results)] = {0};
	const char *area = "";
	char passed[ZTC_TEXT_LEN], warnings[ZTC_TEXT_LEN], line[256];
	json_t *check;
	size_t i;

	if (!json_is_array(checks))
		return -EINVAL;
	json_array_foreach (checks, i, check) {
		if (strcmp(ztc_str(check, "area"), area) != 0) {
			area = ztc_str(check, "area");
			ztc_put(out, style, ZTC_BOLD, "%s", area);
			fputc('\n', out);
		}
		render_check(out, check, style, count);
	}
	ztc_plural(passed, count[0], "check passed", "checks passed");
	ztc_plural(warnings, count[1], "warning", "warnings");
	snprintf(line, sizeof(line), "%s %s, %s, %lld failed, %lld unknown.",
		 count[2]   ? "Something must be done:"
		 : count[3] ? "No check failed, but not all is known:"
		 : count[1] ? "No check failed; some things should be known:"
			    : "All is well:",
		 passed, warnings, (long long)count[2], (long long)count[3]);
	fputc('\n', out);
	ztc_wrap(out, style, ZTC_BOLD, 0, 2, line);
	return 0;
}
