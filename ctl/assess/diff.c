/* SPDX-License-Identifier: Apache-2.0 */
/* diff.c - compares levels, items, checks and their offenders. */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/assess/assess.h"
#include "ctl/assess/diff.h"
#include "ctl/assess/levels.h"
#include "ctl/evidence/seal.h"
#include "ctl/i18n/say.h"

/* Of results and of items' status, the smaller the better. */
static int rank(const char *word)
{
	static const struct {
		const char *word;
		int rank;
	} ranks[] = {
		{"pass", 0},  {"notapplicable", 0}, {"met", 0},	 {"na", 0},	 {"partial", 1},
		{"error", 2}, {"unknown", 2},	    {"fail", 3}, {"not_met", 3},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranks); i++) {
		if (strcmp(ranks[i].word, word) == 0)
			return ranks[i].rank;
	}
	return 2;
}

static const char *change_of(const char *a, const char *b)
{
	int from = rank(a), to = rank(b);

	return to > from ? "worse" : to < from ? "better" : "same";
}

static const json_t *by_id(const json_t *list, const char *id)
{
	const json_t *row;
	size_t i;

	json_array_foreach (list, i, row) {
		if (strcmp(zt_json_text(row, "id"), id) == 0)
			return row;
	}
	return NULL;
}

static json_t *side(const json_t *doc)
{
	char digest[ZTC_DIGEST_TEXT_LEN] = "";

	if (ztc_digest(doc, digest) < 0)
		*digest = '\0';
	return json_pack("{s:o, s:o, s:s, s:o}", "host",
			 zt_json_str(zt_json_text(json_object_get(doc, "host"), "name")), "ended",
			 zt_json_str(zt_json_text(doc, "ended")), "digest", digest, "profile",
			 zt_json_str(zt_json_text(json_object_get(doc, "profile"), "digest")));
}

static json_t *levels_of(const json_t *a, const json_t *b)
{
	json_t *rows = json_array();

	for (enum ztc_basis basis = 0; basis < ZTC_BASIS_COUNT; basis++) {
		const char *name = ztc_basis_name(basis);
		const char *from =
			zt_json_text(json_object_get(json_object_get(a, "levels"), name), "text");
		const char *to =
			zt_json_text(json_object_get(json_object_get(b, "levels"), name), "text");

		if (strcmp(from, to) != 0)
			json_array_append_new(rows,
					      json_pack("{s:s, s:o, s:o}", "basis", name, "a",
							zt_json_str(from), "b", zt_json_str(to)));
	}
	return rows;
}

static json_t *items_of(const json_t *a, const json_t *b)
{
	json_t *rows = json_array();
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(b, "items"), i, item) {
		const char *from = zt_json_text(
			by_id(json_object_get(a, "items"), zt_json_text(item, "id")), "status");
		const char *to = zt_json_text(item, "status");

		if (strcmp(from, to) != 0)
			json_array_append_new(rows, json_pack("{s:o, s:s, s:s, s:s}", "id",
							      zt_json_str(zt_json_text(item, "id")),
							      "a", from, "b", to, "change",
							      change_of(from, to)));
	}
	return rows;
}

/* Resources that @have names and @other does not. */
static json_t *only_in(const json_t *have, const json_t *other)
{
	json_t *names = json_array();
	const json_t *row, *known;
	size_t i, k;

	json_array_foreach (json_object_get(have, "offenders"), i, row) {
		bool found = false;

		json_array_foreach (json_object_get(other, "offenders"), k, known)
			found |= strcmp(zt_json_text(row, "resource"),
					zt_json_text(known, "resource")) == 0;
		if (!found)
			json_array_append_new(names, zt_json_str(zt_json_text(row, "resource")));
	}
	return names;
}

static void add_check(json_t *rows, const json_t *from, const json_t *to)
{
	const char *a = from ? zt_json_text(from, "result") : "unknown",
		   *b = zt_json_text(to, "result");
	json_t *appeared = only_in(to, from), *gone = only_in(from, to);

	if (strcmp(a, b) == 0 && !json_array_size(appeared) && !json_array_size(gone)) {
		json_decref(appeared);
		json_decref(gone);
		return;
	}
	json_array_append_new(rows, json_pack("{s:o, s:o, s:s, s:s, s:s, s:O, s:o, s:o}", "id",
					      zt_json_str(zt_json_text(to, "id")), "item",
					      zt_json_str(zt_json_text(to, "item")), "a", a, "b", b,
					      "change", change_of(a, b), "reason",
					      json_object_get(to, "reason"), "new_offenders",
					      appeared, "gone_offenders", gone));
}

static void count(const json_t *rows, json_int_t *better, json_int_t *worse)
{
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		*better += strcmp(zt_json_text(row, "change"), "better") == 0;
		*worse += strcmp(zt_json_text(row, "change"), "worse") == 0;
	}
}

/* What makes two documents hard to compare. */
static json_t *notes_of(const json_t *a, const json_t *b)
{
	const json_t *from = json_object_get(a, "host"), *to = json_object_get(b, "host");
	json_t *notes = json_array();

	if (strcmp(zt_json_text(from, "machine"), zt_json_text(to, "machine")) != 0 ||
	    strcmp(zt_json_text(from, "name"), zt_json_text(to, "name")) != 0)
		json_array_append_new(notes, ztc_say(N_("two hosts are compared: %s and %s"),
						     zt_json_text(from, "name"),
						     zt_json_text(to, "name")));
	if (strcmp(zt_json_text(json_object_get(a, "profile"), "digest"),
		   zt_json_text(json_object_get(b, "profile"), "digest")) != 0)
		json_array_append_new(notes, ztc_say(N_("the profiles differ: a change may be one "
							"of thresholds, not of the host")));
	if (strcmp(zt_json_text(a, "ended"), zt_json_text(b, "ended")) > 0)
		json_array_append_new(notes, ztc_say(N_("the first is the newer one")));
	return notes;
}

json_t *ztc_assess_diff(const json_t *a, const json_t *b)
{
	json_t *checks = json_array(), *items = items_of(a, b);
	json_int_t better = 0, worse = 0;
	const json_t *check;
	size_t i;

	json_array_foreach (json_object_get(b, "checks"), i, check)
		add_check(checks, by_id(json_object_get(a, "checks"), zt_json_text(check, "id")),
			  check);
	count(checks, &better, &worse);
	count(items, &better, &worse);
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "format",
			 ZTC_ASSESS_DIFF_FORMAT, "statement", ztc_assess_statement(), "a", side(a),
			 "b", side(b), "levels", levels_of(a, b), "items", items, "checks", checks,
			 "better", better, "worse", worse, "notes", notes_of(a, b));
}
