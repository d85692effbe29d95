// SPDX-License-Identifier: Apache-2.0
/*
 * plan.c - where the next level is cheapest: assessments joined to the systems of an inventory.
 *
 * Measured levels only. What a host still needs is counted from its gates and its failed checks of
 * high severity: a failed one has to be fixed, an unknown one has to be measured first.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/assess/assess.h"
#include "ctl/assess/doc.h"
#include "ctl/fleet/set.h"
#include "ctl/prioritize/prioritize.h"
#include "ctl/render/text.h"

static const char *const level_names[] = {"0", "I", "II", "III", "IV"};

static int item_level(const json_t *doc, const char *id)
{
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(doc, "items"), i, item)
		if (strcmp(ztc_str(item, "id"), id) == 0)
			return json_is_true(json_object_get(item, "applicable"))
				       ? (int)ztc_int(item, "level")
				       : 0;
	return 0;
}

/* What a check asks for before its item can be met: nothing, a repair, or evidence. */
enum work {
	WORK_NONE,
	WORK_FIX,
	WORK_MEASURE,
};

static enum work work_of(const json_t *check)
{
	const char *result = ztc_str(check, "result"), *severity = ztc_str(check, "severity");
	const bool gate = json_is_true(json_object_get(check, "gate"));
	const bool severe = strcmp(severity, "critical") == 0 || strcmp(severity, "high") == 0;

	if (strcmp(result, "fail") == 0)
		return gate || severe ? WORK_FIX : WORK_NONE;
	if (!gate || strcmp(result, "pass") == 0 || strcmp(result, "notapplicable") == 0)
		return WORK_NONE;
	return strcmp(result, "partial") == 0 ? WORK_FIX : WORK_MEASURE;
}

/* Fix and measure of every check at each level: {"level": n, "work": [{check, level, fix}]}. */
static json_t *host_work(const json_t *doc)
{
	const json_t *levels = json_object_get(doc, "levels"), *check;
	const json_t *measured = json_object_get(levels, "measured");
	json_t *work = json_array();
	size_t i;

	json_array_foreach (json_object_get(doc, "checks"), i, check) {
		const enum work what = work_of(check);
		const int level = item_level(doc, ztc_str(check, "item"));

		if (what != WORK_NONE && level)
			json_array_append_new(work, json_pack("{s:O, s:i, s:b}", "check",
							      json_object_get(check, "id"), "level",
							      level, "fix", what == WORK_FIX));
	}
	return json_pack("{s:I, s:o}", "level", (json_int_t)ztc_int(measured, "level"), "work",
			 work);
}

/*
 * Levels are worked out anew, as they were when the host was assessed: a plan is made for months,
 * and what a document says of its own level is not believed.
 */
static int add_doc(json_t *known, const json_t *host, const json_t *doc)
{
	zt_auto(zt_json_decref) json_t *copy = json_deep_copy(doc);
	const char *name = ztc_str(json_object_get(doc, "host"), "name");
	const char *ended = ztc_str(doc, "ended");
	json_t *work;

	if (!copy)
		return -ENOMEM;
	ztc_assess_again(copy, 1, false, ztc_time_parse(ended));
	work = host_work(copy);
	json_object_set(work, "as_of", json_object_get(doc, "ended"));
	/* A system without a host has its record under its own name. */
	if (*name)
		json_object_set(known, name, work);
	json_object_set(known, ztc_str(host, "name"), work);
	json_decref(work);
	return 0;
}

int ztc_plan_add(json_t *known, const char *path, char **ret_why)
{
	zt_auto(zt_json_decref) json_t *set = NULL;
	const json_t *host;
	size_t i;
	int r = ztc_set_read(path, &set, ret_why);

	json_array_foreach (json_object_get(set, "hosts"), i, host)
		if (r == 0 && json_is_object(json_object_get(host, "assessment")))
			r = add_doc(known, host, json_object_get(host, "assessment"));
	return r;
}

/* --- systems --- */

struct steps {
	int level, fix, measure;
	size_t known;
	json_t *checks;
	const char *as_of; /* of the oldest assessment; "" = none */
};

/* The lowest level of its hosts; then the work on all of them that the next one takes. */
static void count_steps(struct steps *steps, const struct ztc_system *system, const json_t *known)
{
	const json_t *row;
	size_t i;

	steps->level = 4;
	for (size_t h = 0; h < system->host_count; h++) {
		const json_t *host = json_object_get(known, system->hosts[h]);

		steps->known += host != NULL;
		if (host && (!*steps->as_of || strcmp(ztc_str(host, "as_of"), steps->as_of) < 0))
			steps->as_of = ztc_str(host, "as_of");
		if (host && ztc_int(host, "level") < steps->level)
			steps->level = (int)ztc_int(host, "level");
	}
	for (size_t h = 0; h < system->host_count; h++) {
		const json_t *host = json_object_get(known, system->hosts[h]);

		json_array_foreach (json_object_get(host, "work"), i, row) {
			const char *check = ztc_str(row, "check");

			if (ztc_int(row, "level") > steps->level + 1)
				continue;
			steps->fix += json_is_true(json_object_get(row, "fix"));
			steps->measure += !json_is_true(json_object_get(row, "fix"));
			if (!zt_json_has_text(steps->checks, check))
				json_array_append_new(steps->checks, json_string(check));
		}
	}
}

static json_t *plan_row(const struct ztc_system *system, const json_t *known)
{
	struct steps steps = {.checks = json_array(), .as_of = ""};
	const size_t hosts = system->host_count;
	const char *level = "?", *next = "";

	count_steps(&steps, system, known);
	/* A host that nobody has assessed may be anywhere, so the system's level is not known. */
	if (hosts && steps.known == hosts)
		level = level_names[steps.level];
	if (steps.known && steps.level < 4)
		next = level_names[steps.level + 1];
	return json_pack("{s:o, s:s, s:s, s:s, s:i, s:i, s:I, s:I, s:o}", "id",
			 zt_json_str(system->id), "level", level, "next", next, "as_of",
			 steps.as_of, "to_fix", steps.fix, "to_measure", steps.measure,
			 "hosts_known", (json_int_t)steps.known, "hosts", (json_int_t)hosts,
			 "checks", steps.checks);
}

static int by_work(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	const int64_t unknown_x = ztc_int(x, "hosts") - ztc_int(x, "hosts_known");
	const int64_t unknown_y = ztc_int(y, "hosts") - ztc_int(y, "hosts_known");
	const int64_t work_x = ztc_int(x, "to_fix") + ztc_int(x, "to_measure");
	const int64_t work_y = ztc_int(y, "to_fix") + ztc_int(y, "to_measure");

	if (!ztc_int(x, "hosts_known") != !ztc_int(y, "hosts_known"))
		return ztc_int(x, "hosts_known") ? -1 : 1;
	if (!unknown_x != !unknown_y)
		return unknown_x ? 1 : -1;
	if (work_x != work_y)
		return work_x < work_y ? -1 : 1;
	if (ztc_int(x, "to_fix") != ztc_int(y, "to_fix"))
		return ztc_int(x, "to_fix") < ztc_int(y, "to_fix") ? -1 : 1;
	return strcmp(ztc_str(x, "id"), ztc_str(y, "id"));
}

int ztc_plan_join(json_t *doc, const struct ztc_inventory *inv, const json_t *known)
{
	zt_auto(zt_freep) json_t **rows = calloc(inv->count + 1, sizeof(*rows));
	json_t *sorted = json_array();
	size_t count = 0;
	int r = 0;

	if (!rows || !sorted)
		return -ENOMEM;
	for (size_t i = 0; i < inv->count; i++)
		if (inv->systems[i]->rank && inv->systems[i]->host_count)
			rows[count++] = plan_row(inv->systems[i], known);
	qsort(rows, count, sizeof(*rows), by_work);
	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(sorted, rows[i]) < 0)
			r = -ENOMEM;
	return json_object_set_new(doc, "plan",
				   json_pack("{s:I, s:o}", "assessments",
					     (json_int_t)json_object_size((json_t *)known),
					     "systems", sorted)) < 0
		       ? -ENOMEM
		       : r;
}
