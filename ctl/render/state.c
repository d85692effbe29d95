// SPDX-License-Identifier: Apache-2.0
/* state.c - the state of the policy: candidate, promotions, deadline, hold, history. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "ctl/render/render.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

static bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* "root", "root (login 1000)". */
static void person(struct zt_strbuf *sb, const json_t *by)
{
	const json_t *login = json_object_get(by, "login_uid");

	if (*ztc_str(by, "user"))
		zt_strbuf_puts(sb, ztc_str(by, "user"));
	else
		zt_strbuf_printf(sb, "uid %lld", (long long)ztc_int(by, "uid"));
	if (json_is_integer(login) && json_integer_value(login) != ztc_int(by, "uid"))
		zt_strbuf_printf(sb, " (login %lld)", (long long)json_integer_value(login));
}

/* --- lines of status ------------------------------------------------------------------------ */

struct lines {
	FILE *out;
	const struct ztc_style *style;
	unsigned int indent;
};

static void put_line(const struct lines *l, enum ztc_color color, const struct zt_strbuf *sb)
{
	fprintf(l->out, "%*s", (int)l->indent, "");
	ztc_wrap(l->out, l->style, color, l->indent, l->indent, zt_strbuf_text(sb));
}

static void awaits_line(const struct lines *l, const json_t *policy)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;
	char ago[ZTC_TEXT_LEN];

	ztc_ago(ago, ztc_str(policy, "confirm_deadline"), l->style);
	zt_strbuf_printf(&sb, "not confirmed: taken back %s unless 'ztctl policy confirm'", ago);
	if (*ztc_str(policy, "action")) {
		zt_strbuf_printf(&sb, "; %s by ", ztc_str(policy, "action"));
		person(&sb, json_object_get(policy, "by"));
	}
	if (*ztc_str(policy, "why"))
		zt_strbuf_printf(&sb, ": %s", ztc_str(policy, "why"));
	put_line(l, ZTC_WARN, &sb);
}

static void candidate_line(const struct lines *l, const json_t *c)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;
	char ago[ZTC_TEXT_LEN];

	ztc_ago(ago, ztc_str(c, "at"), l->style);
	zt_strbuf_printf(&sb, "candidate '%s' revision %lld, %s %s", ztc_str(c, "policy"),
			 (long long)ztc_int(c, "revision"),
			 is_true(c, "from_file") ? "the changed file, found" : "staged", ago);
	if (!is_true(c, "from_file")) {
		zt_strbuf_puts(&sb, " by ");
		person(&sb, json_object_get(c, "by"));
	}
	if (*ztc_str(c, "why"))
		zt_strbuf_printf(&sb, ": %s", ztc_str(c, "why"));
	zt_strbuf_puts(&sb, is_true(c, "promoted")
				    ? " (promoted, a candidate again if not confirmed)"
				    : " (judged, not acted on; 'ztctl policy promote')");
	put_line(l, ZTC_PLAIN, &sb);
}

static void hold_line(const struct lines *l, const json_t *hold)
{
	static const char *const texts[][2] = {
		{"rollback", "it was rolled back from"},
		{"unconfirmed", "it was not confirmed in time and was taken back"},
		{"promoted", "another policy was promoted"},
	};
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;
	const char *reason = ztc_str(hold, "reason");
	long long revision = (long long)ztc_int(hold, "revision");

	if (!strcmp(reason, "pending")) {
		zt_strbuf_puts(&sb, "the file has changed and waits until what was promoted is "
				    "confirmed or taken back");
		put_line(l, ZTC_WARN, &sb);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (!strcmp(reason, texts[i][0]))
			reason = texts[i][1];
	if (is_true(hold, "file_held"))
		zt_strbuf_printf(
			&sb,
			"the file (revision %lld) is held back, for %s: raise its `revision:` "
			"above %lld to apply it",
			(long long)ztc_int(hold, "file_revision"), reason, revision);
	else if (strcmp(reason, "none") == 0)
		return;
	else
		zt_strbuf_printf(&sb, "a changed file applies when its revision is above %lld: %s",
				 revision, reason);
	put_line(l, is_true(hold, "file_held") ? ZTC_WARN : ZTC_PLAIN, &sb);
}

static void promotions_line(const struct lines *l, const json_t *rows, bool enforced)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;
	const char *comma = enforced ? "promoted beside the file: "
				     : "held back although the file enforces them: ";
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		long long percent = (long long)ztc_int(row, "percent");

		if (!strcmp(ztc_str(row, "mode"), "enforced") != enforced)
			continue;
		zt_strbuf_printf(&sb, "%s%s", comma, ztc_str(row, "id"));
		if (enforced && percent < 100)
			zt_strbuf_printf(&sb, " (%lld %% of remote hosts)", percent);
		comma = ", ";
	}
	if (sb.len)
		put_line(l, ZTC_PLAIN, &sb);
}

void ztc_state_lines(FILE *out, const json_t *policy, const struct ztc_style *style,
		     unsigned int indent)
{
	const struct lines l = {out, style, indent};
	const json_t *candidate = json_object_get(policy, "held_candidate");
	const json_t *hold = json_object_get(policy, "hold");
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;

	if (*ztc_str(policy, "confirm_deadline"))
		awaits_line(&l, policy);
	if (json_is_object(candidate))
		candidate_line(&l, candidate);
	promotions_line(&l, json_object_get(policy, "promotions"), true);
	promotions_line(&l, json_object_get(policy, "promotions"), false);
	if (json_is_object(hold))
		hold_line(&l, hold);
	if (*ztc_str(policy, "history_error")) {
		zt_strbuf_puts(&sb, ztc_str(policy, "history_error"));
		put_line(&l, ZTC_BAD, &sb);
	}
}

/* --- what a change came to ----------------------------------------------------------------------
 */

/* "Enforced now: a, b (10 % of remote hosts)." for one kind of effect; nothing without any. */
static void effects(FILE *out, const json_t *result, const struct ztc_style *style,
		    const char *effect, const char *title, enum ztc_color color)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;
	const char *comma = title;
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(result, "effects"), i, one) {
		long long percent = (long long)ztc_int(one, "percent");

		if (strcmp(ztc_str(one, "effect"), effect) != 0)
			continue;
		zt_strbuf_printf(&sb, "%s%s", comma, ztc_str(one, "id"));
		if (percent && percent < 100)
			zt_strbuf_printf(&sb, " (%lld %% of remote hosts)", percent);
		comma = ", ";
	}
	if (sb.len)
		ztc_wrap(out, style, color, 0, 4, zt_strbuf_text(&sb));
}

static void all_effects(FILE *out, const json_t *result, const struct ztc_style *style)
{
	effects(out, result, style, "enforced", "Enforced now: ", ZTC_PLAIN);
	effects(out, result, style, "changed", "Enforced, and defined anew: ", ZTC_PLAIN);
	effects(out, result, style, "staged", "No longer enforced, staged: ", ZTC_WARN);
	effects(out, result, style, "removed", "No longer enforced, removed: ", ZTC_WARN);
	effects(out, result, style, "held-back", "Held back until promoted by name: ", ZTC_WARN);
}

static void in_force(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *policy = json_object_get(result, "policy");
	char line[512];

	snprintf(line, sizeof(line), "Policy '%.200s' revision %lld is in force, epoch %lld.",
		 ztc_str(policy, "name"), (long long)ztc_int(policy, "revision"),
		 (long long)ztc_int(policy, "epoch"));
	ztc_wrap(out, style, ZTC_PLAIN, 0, 0, line);
}

static void deadline(FILE *out, const json_t *result, const struct ztc_style *style)
{
	char clock[ZTC_TEXT_LEN], ago[ZTC_TEXT_LEN], line[256];

	if (!*ztc_str(result, "deadline")) {
		ztc_wrap(out, style, ZTC_PLAIN, 0, 0, "This is final.");
		return;
	}
	ztc_clock(clock, ztc_str(result, "deadline"), style);
	ztc_ago(ago, ztc_str(result, "deadline"), style);
	snprintf(line, sizeof(line),
		 "The kernel takes it back at %s (%s) unless it is confirmed: ztctl policy confirm",
		 clock, ago);
	ztc_wrap(out, style, ZTC_WARN, 0, 0, line);
}

int ztc_render_stage(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *c = json_object_get(json_object_get(result, "policy"), "held_candidate");
	char line[512];

	if (!json_is_object(c))
		return -EINVAL;
	snprintf(line, sizeof(line),
		 "Policy '%.200s' revision %lld is held as the candidate: every flow is judged by "
		 "it too, nothing is denied by it.",
		 ztc_str(c, "policy"), (long long)ztc_int(c, "revision"));
	ztc_wrap(out, style, ZTC_PLAIN, 0, 0, line);
	ztc_wrap(
		out, style, ZTC_DIM, 0, 0,
		"ztctl violations --mode staged shows what it would deny; ztctl policy promote puts "
		"it in force.");
	return 0;
}

int ztc_render_unstage(FILE *out, const json_t *result, const struct ztc_style *style)
{
	if (!json_is_object(result))
		return -EINVAL;
	ztc_wrap(out, style, ZTC_PLAIN, 0, 0,
		 "The candidate is dropped. What is in force stays as it is.");
	return 0;
}

int ztc_render_promote(FILE *out, const json_t *result, const struct ztc_style *style)
{
	if (!json_is_object(result))
		return -EINVAL;
	if (!is_true(result, "changed") && json_object_get(result, "readiness"))
		return ztc_render_ready(out, result, style);
	if (!is_true(result, "changed")) {
		ztc_wrap(out, style, ZTC_PLAIN, 0, 0, "Nothing changes: this is in force already.");
		return 0;
	}
	all_effects(out, result, style);
	in_force(out, result, style);
	deadline(out, result, style);
	return json_object_get(result, "readiness") ? ztc_render_lacking(out, result, style) : 0;
}

int ztc_render_confirm(FILE *out, const json_t *result, const struct ztc_style *style)
{
	char line[128];

	if (!json_is_object(result))
		return -EINVAL;
	in_force(out, result, style);
	snprintf(line, sizeof(line), "Confirmed, as entry %lld of the history.",
		 (long long)ztc_int(result, "entry"));
	ztc_wrap(out, style, ZTC_PLAIN, 0, 0, line);
	return 0;
}

int ztc_render_rollback(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *hold = json_object_get(json_object_get(result, "policy"), "hold");
	const struct lines l = {out, style, 0};

	if (!json_is_object(result))
		return -EINVAL;
	all_effects(out, result, style);
	in_force(out, result, style);
	if (*ztc_str(result, "deadline"))
		deadline(out, result, style);
	if (json_is_object(hold))
		hold_line(&l, hold);
	return 0;
}

/* --- history -------------------------------------------------------------------------------------
 */

static void entry_row(struct ztc_table *table, const json_t *e, const struct ztc_style *style)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf by = ZT_STRBUF_INIT;
	enum ztc_color color = is_true(e, "intact") ? ZTC_PLAIN : ZTC_BAD;
	char clock[ZTC_TEXT_LEN];

	person(&by, json_object_get(e, "by"));
	ztc_clock(clock, ztc_str(e, "at"), style);
	ztc_table_cell(table, color, "%lld%s", (long long)ztc_int(e, "entry"),
		       is_true(e, "in_force") ? "*" : "");
	ztc_table_cell(table, color, "%s", clock);
	ztc_table_cell(table, color, "%s", zt_strbuf_text(&by));
	ztc_table_cell(table, color, "%s", ztc_str(e, "action"));
	ztc_table_cell(table, color, "%lld", (long long)ztc_int(e, "revision"));
	ztc_table_cell(table, color, "%.12s", ztc_str(e, "digest"));
	ztc_table_cell(table, color, "%zu", json_array_size(json_object_get(e, "promotions")));
	ztc_table_cell(table, color, "%s", ztc_str(e, "why"));
}

int ztc_render_history(FILE *out, const json_t *result, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"ENTRY", true, 0, false},    {"WHEN", false, 0, false},
		{"BY", false, 8, false},      {"BY WAY OF", false, 0, false},
		{"REVISION", true, 0, false}, {"DIGEST", false, 0, true},
		{"PROMOTED", true, 0, true},  {"WHY", false, 16, false},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	const json_t *entries = json_object_get(result, "entries");
	json_t *one;
	size_t i;
	int r;

	if (!json_is_array(entries))
		return -EINVAL;
	r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));
	if (r < 0)
		return r;
	json_array_foreach (entries, i, one)
		entry_row(table, one, style);
	r = ztc_table_print(table, out, style, 0);
	json_array_foreach (json_object_get(result, "breaks"), i, one) {
		char line[256];

		snprintf(line, sizeof(line), "Entry %lld: %.200s.",
			 (long long)ztc_int(one, "entry"), ztc_str(one, "why"));
		ztc_wrap(out, style, ZTC_BAD, 0, 4, line);
	}
	if (!json_array_size(entries))
		fputs("No policy has been confirmed here yet.\n", out);
	else if (is_true(result, "intact"))
		ztc_wrap(
			out, style, ZTC_DIM, 0, 0,
			"The chain of hashes is whole. * is in force, or what a revert goes back to.");
	return r;
}

int ztc_render_entry(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *state = json_object_get(result, "state");
	char line[512], clock[ZTC_TEXT_LEN];
	json_t *one;
	size_t i;

	if (!json_is_object(state))
		return -EINVAL;
	ztc_clock(clock, ztc_str(state, "at"), style);
	snprintf(line, sizeof(line), "Entry %lld, %s, %.200s revision %lld, digest %.64s%s",
		 (long long)ztc_int(state, "entry"), clock, ztc_str(state, "policy"),
		 (long long)ztc_int(state, "revision"), ztc_str(state, "digest"),
		 is_true(state, "intact") ? "" : ": ALTERED after it was written");
	ztc_wrap(out, style, is_true(state, "intact") ? ZTC_PLAIN : ZTC_BAD, 0, 4, line);
	ztc_state_lines(out, state, style, 0);
	json_array_foreach (json_object_get(state, "files"), i, one) {
		ztc_put(out, style, ZTC_DIM, "# %s", ztc_str(one, "path"));
		fputc('\n', out);
		ztc_lines(out, ztc_str(one, "text"));
	}
	return 0;
}
