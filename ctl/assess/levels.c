/* SPDX-License-Identifier: Apache-2.0 */
/* levels.c - the level that is reached on each basis, what stands in the way, and the target. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/assess/exit.h"
#include "ctl/assess/levels.h"

static const char *const level_texts[ZTC_LEVELS + 1] = {"0", "I", "II", "III", "IV"};

static const char *const status_keys[ZTC_BASIS_COUNT] = {"status", "status_attested",
							 "status_waived"};

const char *ztc_level_text(int level)
{
	return level_texts[level >= 0 && level <= ZTC_LEVELS ? level : 0];
}

int ztc_level_find(const char *text, int *ret)
{
	for (int level = 1; level <= ZTC_LEVELS; level++) {
		const char digit[] = {(char)('0' + level), '\0'};

		if (strcasecmp(text, level_texts[level]) == 0 || strcmp(text, digit) == 0) {
			*ret = level;
			return 0;
		}
	}
	return -EINVAL;
}

static bool is(const json_t *object, const char *key, const char *text)
{
	return strcmp(zt_json_text(object, key), text) == 0;
}

static bool at_level(const json_t *item, int level)
{
	return json_integer_value(json_object_get(item, "level")) == level;
}

static bool applies(const json_t *item)
{
	return json_is_true(json_object_get(item, "applicable"));
}

/* --- one level --- */

struct rung {
	unsigned int items, left_out; /* those that apply, and those that do not */
	unsigned int met, unknown;    /* of those that apply */
};

static struct rung look_at(const json_t *doc, int level, enum ztc_basis basis)
{
	struct rung rung = {0};
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(doc, "items"), i, item) {
		if (!at_level(item, level))
			continue;
		if (!applies(item)) {
			rung.left_out++;
			continue;
		}
		rung.items++;
		rung.met += is(item, status_keys[basis], "met");
		rung.unknown += is(item, status_keys[basis], "unknown");
	}
	return rung;
}

/* The ids of items that apply, up to a level. */
static json_t *items_up_to(const json_t *doc, int level)
{
	json_t *ids = json_array();
	const json_t *item;
	size_t i;

	for (int at = 1; at <= level; at++) {
		json_array_foreach (json_object_get(doc, "items"), i, item) {
			if (at_level(item, at) && applies(item))
				json_array_append(ids, json_object_get(item, "id"));
		}
	}
	return ids;
}

/* "I (3-4 only)" when an item of the level, or below it, does not apply. */
static json_t *level_text(const json_t *ids, int level, bool left_out)
{
	char list[64] = "";
	const json_t *id;
	size_t i;

	json_array_foreach (ids, i, id) {
		size_t len = strlen(list);

		snprintf(list + len, sizeof(list) - len, "%s%.8s", i ? ", " : "",
			 json_string_value(id));
	}
	return left_out ? json_sprintf("%s (%s only)", ztc_level_text(level), list)
			: json_string(ztc_level_text(level));
}

/* --- a level on one basis --- */

/*
 * A level without any item that applies is passed over, but never claimed: @ret_next is the first
 * level that is not met.
 */
static int reached(const json_t *doc, enum ztc_basis basis, int *ret_next, bool *ret_left_out,
		   bool *ret_vacuous)
{
	bool left_out = false;
	int level = 0, at;

	*ret_left_out = *ret_vacuous = false;
	for (at = 1; at <= ZTC_LEVELS; at++) {
		struct rung rung = look_at(doc, at, basis);

		left_out |= rung.left_out > 0;
		if (rung.met < rung.items)
			break;
		if (!rung.items) {
			*ret_vacuous = true;
			continue;
		}
		level = at;
		*ret_left_out = left_out;
	}
	*ret_next = at;
	return level;
}

static void add_blocker(json_t *blockers, const json_t *item, const json_t *check,
			enum ztc_basis basis)
{
	json_array_append_new(blockers,
			      json_pack("{s:s, s:O, s:O, s:O, s:O}", "basis", ztc_basis_name(basis),
					"level", json_object_get(item, "level"), "item",
					json_object_get(item, "id"), "check",
					json_object_get(check, "id"), "reason",
					json_object_get(check, "reason")));
}

/* Does this check keep its item from being met? */
static bool blocks(const json_t *check, enum ztc_basis basis, int64_t now_s)
{
	bool fail = is(check, "result", "fail");
	bool grave = is(check, "severity", "high") || is(check, "severity", "critical");

	if (basis == ZTC_WAIVED && (fail || is(check, "result", "partial")) &&
	    ztc_waived(check, now_s))
		return false;
	if (json_is_true(json_object_get(check, "gate")))
		return !is(check, "result", "pass") && !is(check, "result", "notapplicable");
	return grave && fail;
}

static void add_blockers(json_t *blockers, const json_t *doc, int level, enum ztc_basis basis,
			 int64_t now_s)
{
	const json_t *item, *check;
	size_t i, k;

	json_array_foreach (json_object_get(doc, "items"), i, item) {
		if (!at_level(item, level) || !applies(item) || is(item, status_keys[basis], "met"))
			continue;
		json_array_foreach (json_object_get(doc, "checks"), k, check) {
			if (is(check, "item", zt_json_text(item, "id")) &&
			    blocks(check, basis, now_s))
				add_blocker(blockers, item, check, basis);
		}
	}
}

static int judge_basis(json_t *doc, enum ztc_basis basis, json_t *levels, json_t *blockers,
		       int64_t now_s)
{
	bool left_out, vacuous;
	int next, level = reached(doc, basis, &next, &left_out, &vacuous);
	json_t *ids = items_up_to(doc, level);

	json_object_set_new(levels, ztc_basis_name(basis),
			    json_pack("{s:i, s:o, s:b, s:o}", "level", level, "text",
				      level_text(ids, level, left_out), "vacuous", vacuous, "items",
				      ids));
	if (next <= ZTC_LEVELS)
		add_blockers(blockers, doc, next, basis, now_s);
	return level;
}

/* --- the target --- */

static int judge_target(json_t *doc, int target, enum ztc_basis basis)
{
	static const char *const words[] = {
		[ZTC_ASSESS_MET] = "met",
		[ZTC_ASSESS_NOT_MET] = "not_met",
		[ZTC_ASSESS_UNDETERMINED] = "undetermined",
	};
	unsigned int items = 0, met = 0, unknown = 0;
	int status = ZTC_ASSESS_NOT_MET;

	for (int at = 1; at <= target; at++) {
		struct rung rung = look_at(doc, at, basis);

		items += rung.items;
		met += rung.met;
		unknown += rung.unknown;
	}
	if (items && met == items)
		status = ZTC_ASSESS_MET;
	else if (met + unknown == items)
		status = ZTC_ASSESS_UNDETERMINED;
	json_object_set_new(doc, "target",
			    json_pack("{s:i, s:s, s:s, s:i}", "level", target, "basis",
				      ztc_basis_name(basis), "status", words[status], "exit",
				      status));
	return status;
}

int ztc_levels_judge(json_t *doc, int target, bool accept_waivers, int64_t now_s)
{
	json_t *levels = json_object(), *blockers = json_array(), *also = json_array();
	int measured = 0;
	const json_t *item;
	size_t i;

	for (enum ztc_basis basis = 0; basis < ZTC_BASIS_COUNT; basis++) {
		int level = judge_basis(doc, basis, levels, blockers, now_s);

		if (basis == ZTC_MEASURED)
			measured = level;
	}
	json_array_foreach (json_object_get(doc, "items"), i, item) {
		if (json_integer_value(json_object_get(item, "level")) > measured &&
		    is(item, "status", "met"))
			json_array_append(also, json_object_get(item, "id"));
	}
	json_object_set_new(doc, "levels", levels);
	json_object_set_new(doc, "also_met", also);
	json_object_set_new(doc, "blockers", blockers);
	return judge_target(doc, target, accept_waivers ? ZTC_WAIVED : ZTC_MEASURED);
}
