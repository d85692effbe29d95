/* SPDX-License-Identifier: Apache-2.0 */
/* policy.c - statements in force, and why one of them decides. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/render/ends.h"
#include "ctl/render/render.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

/* Text of a member that is a string or an array of strings. */
static void text_of(char ret[ZTC_END_LEN], const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_array(value))
		ztc_segments(ret, value);
	else
		snprintf(ret, ZTC_END_LEN, "%s",
			 json_is_string(value) ? json_string_value(value) : "");
}

/* "core.yaml:12" of a statement, with or without its directory; "" without one. */
static void source_of(char ret[ZTC_END_LEN], const json_t *statement, bool whole)
{
	const char *file = ztc_str(statement, "file"), *slash = strrchr(file, '/');

	if (*file)
		snprintf(ret, ZTC_END_LEN, "%.400s:%lld", slash && !whole ? slash + 1 : file,
			 (long long)ztc_int(statement, "line"));
	else
		ret[0] = '\0';
}

/* Ports, and the conditions a rule has beside them. */
static void ports_cell(struct ztc_table *table, const json_t *statement)
{
	const char *when = ztc_str(statement, "when");
	char text[ZTC_END_LEN];

	text_of(text, statement, "ports");
	ztc_table_cell(table, ZTC_PLAIN, "%s%s%s", text, *when ? "; " : "", when);
}

static void statement_row(struct ztc_table *table, const json_t *statement)
{
	const char *action = ztc_str(statement, "action"), *mode = ztc_str(statement, "mode");
	const char *note = ztc_str(statement, "note");
	char text[ZTC_END_LEN], number[ZTC_TEXT_LEN];
	bool failsafe = strcmp(ztc_str(statement, "kind"), "failsafe") == 0;
	bool deny = strcmp(action, "deny") == 0;
	char share[32] = "";

	if (ztc_int(statement, "percent"))
		snprintf(share, sizeof(share), " for %lld %%",
			 (long long)ztc_int(statement, "percent"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(statement, "id"));
	/* A failsafe has no mode of its own: it is what it is. */
	ztc_table_cell(table,
		       strcmp(mode, "staged") == 0 ? ZTC_WARN
		       : deny			   ? ZTC_BAD
						   : ZTC_PLAIN,
		       "%s%s%s%s%s", failsafe ? "failsafe" : mode, failsafe || *mode ? " " : "",
		       action, share,
		       json_is_true(json_object_get(statement, "expired")) ? ", expired" : "");
	text_of(text, statement, "from");
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	text_of(text, statement, "to");
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	ports_cell(table, statement);
	if (json_object_get(statement, "flows"))
		ztc_count(number, ztc_int(statement, "flows"));
	else
		number[0] = '\0';
	ztc_table_cell(table, ZTC_PLAIN, "%s", number);
	source_of(text, statement, false);
	ztc_table_cell(table, ZTC_DIM, "%s", text);
	ztc_table_cell(table, ZTC_DIM, "%s", *note ? note : ztc_str(statement, "text"));
}

int ztc_render_statements(FILE *out, const json_t *result, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"ID", false, 16, false}, {"DOES", false, 0, false},  {"FROM", false, 8, false},
		{"TO", false, 8, false},  {"PORTS", false, 8, false}, {"FLOWS", true, 0, false},
		{"AT", false, 12, true},  {"NOTE", false, 10, true},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	const json_t *builtin = json_object_get(result, "builtin");
	const json_t *statements = builtin ? builtin : json_object_get(result, "statements");
	size_t i, enforced = 0, staged = 0, count = json_array_size(statements);
	json_t *one;
	char line[256];
	int r;

	if (!json_is_array(statements))
		return -EINVAL;
	if (!count) {
		fputs("No policy: everything is allowed and recorded (default-allow).\n", out);
		return 0;
	}
	r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));
	if (r < 0)
		return r;
	json_array_foreach (statements, i, one) {
		enforced += strcmp(ztc_str(one, "mode"), "enforced") == 0;
		staged += strcmp(ztc_str(one, "mode"), "staged") == 0;
		statement_row(table, one);
	}
	r = ztc_table_print(table, out, style, 0);
	if (r < 0)
		return r;
	if (!builtin)
		snprintf(line, sizeof(line),
			 "%zu statements that can concern this host: %zu enforced, %zu staged.",
			 count, enforced, staged);
	else
		snprintf(line, sizeof(line), "%zu built-in statements.", count);
	fputc('\n', out);
	ztc_wrap(out, style, ZTC_BOLD, 0, 2, line);
	return 0;
}

/* --- explain --- */

static void explain_end(FILE *out, const struct ztc_style *style, const char *label,
			const json_t *end, bool with_segments)
{
	char segments[ZTC_END_LEN], line[ZTC_END_LEN * 3];
	const char *host = ztc_str(end, "host"), *address = ztc_str(end, "address");

	ztc_segments(segments, json_object_get(end, "segments"));
	snprintf(line, sizeof(line), "%s%s%s%s%s%s", *host ? host : address, *host ? " (" : "",
		 *host ? address : "", *host ? ")" : "",
		 !with_segments ? ""
		 : *segments	? "; segments "
				: "; in no segment",
		 segments);
	ztc_put(out, style, ZTC_DIM, "%-11s", label);
	ztc_wrap(out, style, ZTC_PLAIN, 11, 11, line);
}

static void explain_plane(FILE *out, const struct ztc_style *style, const char *label,
			  const json_t *plane)
{
	const json_t *statement = json_object_get(plane, "statement");
	bool deny = strcmp(ztc_str(plane, "action"), "deny") == 0;
	const char *note =
		*ztc_str(statement, "note") ? ztc_str(statement, "note") : ztc_str(plane, "text");
	char source[ZTC_END_LEN], line[ZTC_END_LEN * 4];

	source_of(source, statement, true);
	ztc_put(out, style, ZTC_DIM, "%-11s", label);
	ztc_put(out, style, deny ? ZTC_BAD : ZTC_GOOD, "%s", deny ? "denied" : "allowed");
	snprintf(line, sizeof(line), " by %s%s%s%s%s%s%s%s", ztc_str(plane, "rule"),
		 statement ? " (" : "", statement ? ztc_str(plane, "rank") : "",
		 statement ? ")" : "", *source ? ", " : "", source, *note ? ": " : "", note);
	ztc_wrap(out, style, ZTC_PLAIN, deny ? 17 : 18, 11, line);
}

static void considered_row(struct ztc_table *table, const json_t *one)
{
	const char *live = ztc_str(one, "live"), *candidate = ztc_str(one, "candidate");
	bool decides = strncmp(live, "decides", 7) == 0 || strncmp(candidate, "decides", 7) == 0;
	const char *far_owner = json_is_true(json_object_get(one, "owner_ignored"))
					? " (its workload is the other host's to check)"
					: "";
	char text[ZTC_END_LEN];

	ztc_table_cell(table, decides ? ZTC_BOLD : ZTC_PLAIN, "%s", ztc_str(one, "id"));
	if (ztc_int(one, "percent"))
		ztc_table_cell(table, ZTC_WARN, "%s %s for %lld %%", ztc_str(one, "mode"),
			       ztc_str(one, "action"), (long long)ztc_int(one, "percent"));
	else
		ztc_table_cell(table, ZTC_PLAIN, "%s %s", ztc_str(one, "mode"),
			       ztc_str(one, "action"));
	ports_cell(table, one);
	ztc_table_cell(table, ZTC_PLAIN, "%s%s", live, far_owner);
	ztc_table_cell(table, ZTC_PLAIN, "%s", candidate);
	source_of(text, one, false);
	ztc_table_cell(table, ZTC_DIM, "%s", text);
}

static int explain_considered(FILE *out, const json_t *list, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"STATEMENT", false, 12, false}, {"DOES", false, 0, false},
		{"PORTS", false, 8, false},	 {"LIVE", false, 12, false},
		{"CANDIDATE", false, 12, false}, {"AT", false, 10, true},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	json_t *one;
	size_t i;
	int r;

	if (!json_array_size(list)) {
		fputs("\nNo statement of the policy was considered for these two ends.\n", out);
		return 0;
	}
	r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));
	if (r < 0)
		return r;
	json_array_foreach (list, i, one)
		considered_row(table, one);
	fputs("\nConsidered, strongest first:\n", out);
	return ztc_table_print(table, out, style, 2);
}

/* What else is to be known about the answer: failsafe, owner, the kernel's own opinion. */
static void explain_notes(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *builtin = json_object_get(result, "builtin");
	const json_t *kernel = json_object_get(result, "kernel");
	char line[ZTC_END_LEN];

	if (json_is_object(builtin)) {
		snprintf(line, sizeof(line), "built-in   before all this comes %.64s: %.300s",
			 ztc_str(builtin, "rule"), ztc_str(builtin, "text"));
		ztc_wrap(out, style, ZTC_WARN, 0, 11, line);
	}
	if (json_is_true(json_object_get(result, "failsafe_used")))
		ztc_wrap(out, style, ZTC_WARN, 0, 11,
			 "failsafe   this failsafe is what saves it: policy itself would deny");
	if (json_is_true(json_object_get(result, "owner_dependent")))
		ztc_wrap(
			out, style, ZTC_WARN, 0, 11,
			json_object_get(result, "owner")
				? "owner      another owner of the local socket may get another answer"
				: "owner      judged without an owner; --unit, --user, --exe or --cgroup "
				  "may change the answer");
	if (json_is_true(json_object_get(kernel, "asked")) &&
	    !json_is_true(json_object_get(kernel, "agrees")))
		ztc_wrap(
			out, style, ZTC_BAD, 0, 11,
			"kernel     the datapath answers differently from this explanation: see 'ztctl "
			"status' for alarms, and report it");
	else if (json_is_true(json_object_get(kernel, "asked")))
		ztc_wrap(out, style, ZTC_PLAIN, 0, 11,
			 "kernel     asked by a test run: the datapath gives the same answer");
}

int ztc_render_explain(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *verdict = json_object_get(result, "verdict");
	bool at_src = strcmp(ztc_str(result, "near"), "src") == 0;
	const json_t *near = json_object_get(result, at_src ? "src" : "dst");
	char name[ZTC_END_LEN], line[ZTC_END_LEN + 64];
	bool loopback;

	if (!json_is_object(verdict))
		return -EINVAL;
	loopback = strcmp(ztc_str(json_object_get(verdict, "live"), "rule"), "loopback") == 0;
	explain_end(out, style, "from", json_object_get(result, "src"), !loopback);
	explain_end(out, style, "to", json_object_get(result, "dst"), !loopback);
	ztc_put(out, style, ZTC_DIM, "%-11s", "service");
	ztc_put(out, style, ZTC_PLAIN, "%s", ztc_str(result, "service"));
	fputc('\n', out);
	ztc_end(name, near, false);
	if (loopback)
		snprintf(line, sizeof(line), "%s, both ends: it never meets the wire", name);
	else if (strcmp(ztc_str(result, "direction"), "forwarded") == 0)
		snprintf(line, sizeof(line), "%.400s, which forwards it",
			 *ztc_str(result, "judged_at") ? ztc_str(result, "judged_at")
						       : "this host");
	else
		snprintf(line, sizeof(line), "%s, the end that %s; the other end's host judges too",
			 name, at_src ? "opens" : "is called");
	ztc_put(out, style, ZTC_DIM, "%-11s", "judged at");
	ztc_wrap(out, style, ZTC_PLAIN, 11, 11, line);
	explain_plane(out, style, "live", json_object_get(verdict, "live"));
	explain_plane(out, style, "candidate", json_object_get(verdict, "candidate"));
	explain_notes(out, result, style);
	return explain_considered(out, json_object_get(result, "candidates"), style);
}
