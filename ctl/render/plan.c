// SPDX-License-Identifier: Apache-2.0
/* plan.c - what a policy would change, for people: the worst first, one line of summary last. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/render/ends.h"
#include "ctl/render/plan.h"
#include "ctl/render/render.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

#define ROWS_SHOWN 20
#define LINE_LEN   2048

static json_int_t in(const json_t *object, const char *key, const char *inner)
{
	return ztc_int(json_object_get(object, key), inner);
}

/* "1,234 thing(s)", appended. */
static void add_count(char *line, size_t size, json_int_t count, const char *one, const char *many)
{
	size_t len = strlen(line);
	char text[ZTC_TEXT_LEN];

	ztc_plural(text, count, one, many);
	snprintf(line + len, size - len, "%s", text);
}

void ztc_plan_title(FILE *out, const struct ztc_style *style, enum ztc_color color,
		    const char *text)
{
	fputc('\n', out);
	ztc_wrap(out, style, color == ZTC_PLAIN ? ZTC_BOLD : color, 0, 2, text);
}

void ztc_plan_more(FILE *out, json_int_t shown, json_int_t all, const char *what)
{
	char text[ZTC_TEXT_LEN];

	if (all <= shown)
		return;
	ztc_count(text, all - shown);
	fprintf(out, "  %s more%s; --json has them\n", text, what);
}

/* --- pre-flight ------------------------------------------------------------------------------- */

static bool is_vital(const json_t *cut)
{
	const char *kind = ztc_str(cut, "kind");

	return strcmp(kind, "listener") != 0 && strcmp(kind, "edge") != 0;
}

static void cut_line(FILE *out, const struct ztc_style *style, const json_t *cut)
{
	char src[ZTC_END_LEN], dst[ZTC_END_LEN], service[ZTC_END_LEN], line[LINE_LEN];

	ztc_end(src, json_object_get(cut, "src"), false);
	ztc_end(dst, json_object_get(cut, "dst"), false);
	ztc_service(service, json_object_get(cut, "proto"), json_object_get(cut, "port"));
	snprintf(line, sizeof(line), "%s: %s -> %s %s, denied by %s", ztc_str(cut, "what"), src,
		 dst, service, ztc_str(cut, "rule"));
	ztc_put(out, style, ZTC_BAD, "  CUT  ");
	ztc_wrap(out, style, ZTC_PLAIN, 7, 7, line);
}

static void ssh_line(char *line, size_t size, const json_t *ssh)
{
	const char *found = ztc_str(ssh, "found");

	if (strcmp(found, "yours") == 0)
		ztc_append(line, size, "your SSH connection from %s opened anew",
			   ztc_str(ssh, "src"));
	else if (strcmp(found, "all-to-sshd") == 0)
		ztc_append(
			line, size,
			"every SSH connection there is, since yours could not be told (tmux, console)");
	else
		ztc_append(line, size, "no SSH connection (there is none)");
}

/* What was asked, and of whom. */
static void asked_line(FILE *out, const struct ztc_style *style, const json_t *p)
{
	const json_t *asked = json_object_get(p, "asked");
	bool kernel = json_is_true(json_object_get(p, "kernel"));
	char line[LINE_LEN] = "";

	if (kernel) {
		add_count(line, sizeof(line), ztc_int(p, "probes"), "question", "questions");
		ztc_append(line, sizeof(line), " to the programs in the kernel, about ");
	} else {
		ztc_append(line, sizeof(line),
			   "The kernel could not be asked (%s). Worked out without it, about ",
			   ztc_str(p, "kernel_error"));
	}
	ssh_line(line, sizeof(line), json_object_get(p, "ssh"));
	ztc_append(line, sizeof(line), "; ");
	add_count(line, sizeof(line), ztc_int(asked, "failsafe"), "opening", "openings");
	ztc_append(line, sizeof(line), " of failsafes, ");
	add_count(line, sizeof(line), ztc_int(asked, "sshd-need"), "need", "needs");
	ztc_append(line, sizeof(line), " of sshd, ");
	add_count(line, sizeof(line), ztc_int(asked, "listener"), "way", "ways");
	ztc_append(line, sizeof(line), " to listeners, ");
	add_count(line, sizeof(line), ztc_int(asked, "edge"), "recorded edge", "recorded edges");
	ztc_append(line, sizeof(line), ".");
	fputs("  ", out);
	ztc_wrap(out, style, kernel ? ZTC_PLAIN : ZTC_WARN, 2, 2, line);
}

void ztc_plan_preflight(FILE *out, const json_t *p, const struct ztc_style *style)
{
	const json_t *cuts = json_object_get(p, "cuts");
	json_int_t vital =
		in(p, "cut", "failsafe") + in(p, "cut", "ssh") + in(p, "cut", "sshd-need");
	json_int_t shown = 0;
	char line[LINE_LEN] = "";
	json_t *cut;
	size_t i;

	if (vital) {
		ztc_append(line, sizeof(line), "PRE-FLIGHT: STOP, ");
		add_count(line, sizeof(line), vital, "way in would be cut", "ways in would be cut");
	} else {
		ztc_append(line, sizeof(line),
			   "PRE-FLIGHT: nothing that keeps people in would be cut");
	}
	ztc_plan_title(out, style, vital ? ZTC_BAD : ZTC_GOOD, line);
	json_array_foreach (cuts, i, cut) {
		if (is_vital(cut) && shown < ROWS_SHOWN) {
			cut_line(out, style, cut);
			shown++;
		}
	}
	ztc_plan_more(out, shown, vital, "");
	if (ztc_int(p, "differ")) {
		line[0] = '\0';
		add_count(line, sizeof(line), ztc_int(p, "differ"), "answer of the kernel differs",
			  "answers of the kernel differ");
		ztc_append(line, sizeof(line),
			   " from the compiled policy, which is a fault to be reported: %s",
			   ztc_str(p, "differ_text"));
		ztc_put(out, style, ZTC_BAD, "  FAULT  ");
		ztc_wrap(out, style, ZTC_BAD, 9, 9, line);
	}
	asked_line(out, style, p);
}

/* --- edges -------------------------------------------------------------------------------------
 */

static void edge_row(struct ztc_table *table, const json_t *row, const struct ztc_style *style)
{
	char text[ZTC_END_LEN], number[ZTC_TEXT_LEN];

	ztc_end(text, json_object_get(row, "src"), false);
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	ztc_end(text, json_object_get(row, "dst"), false);
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	ztc_service(text, json_object_get(row, "proto"), json_object_get(row, "port"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	ztc_workload(text, json_object_get(row, "workload"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	ztc_count(number, ztc_int(row, "connections"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", number);
	ztc_age(number, ztc_str(row, "last_seen"), style);
	ztc_table_cell(table, ZTC_PLAIN, "%s", number);
	ztc_table_cell(table, ZTC_DIM, "%s", ztc_str(json_object_get(row, "now"), "rule"));
	ztc_table_cell(table, ZTC_BOLD, "%s", ztc_str(json_object_get(row, "then"), "rule"));
}

/* @beyond: only rows that follow when all is enforced. Returns how many were put, or -errno. */
static int edge_table(FILE *out, const json_t *rows, const struct ztc_style *style, bool beyond)
{
	static const struct ztc_column columns[] = {
		{"FROM", false, 8, false},    {"TO", false, 8, false},
		{"SERVICE", false, 0, false}, {"WORKLOAD", false, 8, false},
		{"SEEN", true, 0, false},     {"LAST", true, 0, false},
		{"NOW BY", false, 10, false}, {"THEN BY", false, 10, false},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	int r = ztc_table_new(&table, columns, ARRAY_SIZE(columns)), shown = 0;
	json_t *row;
	size_t i;

	if (r < 0)
		return r;
	json_array_foreach (rows, i, row) {
		if (beyond && !json_is_true(json_object_get(row, "beyond")))
			continue;
		if (shown++ < ROWS_SHOWN)
			edge_row(table, row, style);
	}
	r = ztc_table_print(table, out, style, 2);
	return r < 0 ? r : shown;
}

/* One of the four lists: @what says which, @color how bad it is. */
static int edges_part(FILE *out, const json_t *list, const struct ztc_style *style,
		      enum ztc_color color, const char *what, bool beyond)
{
	json_int_t edges = ztc_int(list, beyond ? "beyond_edges" : "edges");
	char line[LINE_LEN];
	int r;

	if (!edges)
		return 0;
	snprintf(line, sizeof(line), "%s: ", what);
	add_count(line, sizeof(line), edges, "edge", "edges");
	ztc_append(line, sizeof(line), ", ");
	add_count(line, sizeof(line), ztc_int(list, beyond ? "beyond_connections" : "connections"),
		  "connection seen", "connections seen");
	ztc_plan_title(out, style, color, line);
	r = edge_table(out, json_object_get(list, "rows"), style, beyond);
	if (r < 0)
		return r;
	ztc_plan_more(out, ROWS_SHOWN, r + ztc_int(list, "left_out"), "");
	return 0;
}

static int edges_of(FILE *out, const json_t *edges, const char *key, const struct ztc_style *style)
{
	bool denied = strcmp(key, "newly_denied") == 0;
	const json_t *live = json_object_get(json_object_get(edges, "live"), key);
	const json_t *then = json_object_get(json_object_get(edges, "candidate"), key);
	int r = edges_part(out, live, style, denied ? ZTC_BAD : ZTC_WARN,
			   denied ? "NEWLY DENIED" : "NEWLY ALLOWED", false);

	if (r < 0)
		return r;
	return edges_part(out, then, style, ZTC_WARN,
			  denied ? "DENIED TOO, once all its staged statements are enforced"
				 : "ALLOWED TOO, once all its staged statements are enforced",
			  true);
}

/* --- living connections --------------------------------------------------------------------------
 */

static void connection_row(struct ztc_table *table, const json_t *row,
			   const struct ztc_style *style)
{
	const char *becomes = ztc_str(row, "becomes");
	bool near_src = json_is_true(json_object_get(json_object_get(row, "src"), "near"));
	const json_t *near = json_object_get(row, near_src ? "src" : "dst");
	char text[ZTC_END_LEN], number[ZTC_TEXT_LEN];

	ztc_table_cell(table, strcmp(becomes, "kept") == 0 ? ZTC_GOOD : ZTC_BAD, "%s", becomes);
	ztc_end(text, json_object_get(row, "src"), true);
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	ztc_end(text, json_object_get(row, "dst"), false);
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	ztc_service(text, json_object_get(row, "proto"),
		    json_object_get(json_object_get(row, "dst"), "port"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	ztc_workload(text, json_object_get(near, "workload"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	ztc_age(number, ztc_str(row, "last_seen"), style);
	ztc_table_cell(table, ZTC_PLAIN, "%s", number);
	ztc_table_cell(table, ZTC_BOLD, "%s", ztc_str(row, "rule"));
}

static int connections(FILE *out, const json_t *all, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"BECOMES", false, 0, false},	 {"FROM", false, 8, false},
		{"TO", false, 8, false},	 {"SERVICE", false, 0, false},
		{"WORKLOAD", false, 8, false},	 {"LAST", true, 0, false},
		{"DENIED BY", false, 10, false},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	const json_t *rows = json_object_get(all, "rows");
	json_int_t cut = ztc_int(all, "cut"), reset = ztc_int(all, "reset");
	json_int_t kept = ztc_int(all, "kept");
	char line[LINE_LEN];
	json_t *row;
	size_t i;
	int r;

	if (!json_array_size(rows))
		return 0;
	snprintf(line, sizeof(line),
		 "LIVING CONNECTIONS that would be denied: %lld cut at their next packet, %lld "
		 "reset, %lld kept until they close",
		 (long long)cut, (long long)reset, (long long)kept);
	ztc_plan_title(out, style, cut + reset ? ZTC_BAD : ZTC_WARN, line);
	r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));
	if (r < 0)
		return r;
	json_array_foreach (rows, i, row) {
		if (i < ROWS_SHOWN)
			connection_row(table, row, style);
	}
	r = ztc_table_print(table, out, style, 2);
	ztc_plan_more(out, ROWS_SHOWN, cut + reset + kept, "");
	return r;
}

/* --- listeners
 * ------------------------------------------------------------------------------------ */

static void from_text(char *ret, size_t size, const json_t *from)
{
	const json_t *segments = json_object_get(from, "segments");
	const json_t *others = json_object_get(from, "others");
	json_int_t count = ztc_int(from, "other_count");
	char name[ZTC_END_LEN];
	json_t *one;
	size_t i;

	ret[0] = '\0';
	if (json_is_true(json_object_get(from, "any"))) {
		snprintf(ret, size, "any");
		return;
	}
	json_array_foreach (segments, i, one)
		ztc_append(ret, size, "%s%s", i ? ", " : "", json_string_value(one));
	json_array_foreach (others, i, one) {
		ztc_end(name, one, false);
		ztc_append(ret, size, "%s%s", *ret ? ", " : "", name);
	}
	if (count > (json_int_t)json_array_size(others))
		ztc_append(ret, size, " and %lld more",
			   (long long)(count - json_array_size(others)));
}

static void listener_row(struct ztc_table *table, const json_t *row, const char *what,
			 enum ztc_color color)
{
	char text[LINE_LEN], service[ZTC_END_LEN];

	ztc_table_cell(table, color, "%s", what);
	ztc_service(service, json_object_get(row, "proto"), json_object_get(row, "port"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", service);
	ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "address"));
	ztc_workload(service, json_object_get(row, "workload"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", service);
	from_text(text, sizeof(text), json_object_get(row, "from"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
}

static int listeners(FILE *out, const json_t *all, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"BECOMES", false, 0, false}, {"SERVICE", false, 0, false},
		{"AT", false, 8, false},      {"WORKLOAD", false, 8, false},
		{"FROM", false, 12, false},
	};
	static const char *const keys[] = {"unreachable", "reachable"};
	static const enum ztc_color colors[] = {ZTC_BAD, ZTC_WARN};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	json_int_t count = ztc_int(all, "reachable_count") + ztc_int(all, "unreachable_count");
	char line[LINE_LEN] = "LISTENERS: ";
	json_int_t shown = 0;
	json_t *row;
	size_t i;
	int r;

	if (!count)
		return 0;
	add_count(line, sizeof(line), ztc_int(all, "unreachable_count"), "becomes unreachable",
		  "become unreachable");
	ztc_append(line, sizeof(line), ", ");
	add_count(line, sizeof(line), ztc_int(all, "reachable_count"), "becomes reachable",
		  "become reachable");
	ztc_append(line, sizeof(line), " from somewhere");
	ztc_plan_title(out, style, ztc_int(all, "unreachable_count") ? ZTC_BAD : ZTC_WARN, line);
	r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));
	if (r < 0)
		return r;
	for (int k = 0; k < 2; k++) {
		json_array_foreach (json_object_get(all, keys[k]), i, row) {
			if (i >= ROWS_SHOWN)
				break;
			listener_row(table, row, keys[k], colors[k]);
			shown++;
		}
	}
	r = ztc_table_print(table, out, style, 2);
	ztc_plan_more(out, shown, count, "");
	return r;
}

/* --- all of it
 * -------------------------------------------------------------------------------------- */

static void head(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *policy = json_object_get(result, "policy"),
		     *now = json_object_get(result, "now");
	char line[LINE_LEN];

	snprintf(line, sizeof(line), "%s revision %lld on %s (%lld enforced, %lld staged), beside ",
		 ztc_str(policy, "name"), (long long)ztc_int(policy, "revision"),
		 *ztc_str(policy, "host") ? ztc_str(policy, "host") : "a host it does not know",
		 (long long)ztc_int(policy, "enforced"), (long long)ztc_int(policy, "staged"));
	if (json_is_object(now) && *ztc_str(now, "name"))
		ztc_append(line, sizeof(line),
			   "%s revision %lld in force (%lld enforced, %lld staged).",
			   ztc_str(now, "name"), (long long)ztc_int(now, "revision"),
			   (long long)ztc_int(now, "enforced"), (long long)ztc_int(now, "staged"));
	else
		ztc_append(line, sizeof(line), "no policy in force.");
	ztc_append(line, sizeof(line), " Nothing was changed.");
	ztc_wrap(out, style, ZTC_PLAIN, 0, 0, line);
}

static void summary(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *edges = json_object_get(result, "edges"),
		     *p = json_object_get(result, "preflight");
	const json_t *live = json_object_get(edges, "live");
	const json_t *count = json_object_get(json_object_get(result, "statements"), "count");
	const json_t *living = json_object_get(result, "connections");
	bool passed = json_is_true(json_object_get(p, "passed"));
	char line[LINE_LEN];

	snprintf(line, sizeof(line),
		 "Pre-flight %s. Statements: %lld added, %lld changed, %lld removed. Traffic: ",
		 passed ? "passed" : "FAILED", (long long)ztc_int(count, "added"),
		 (long long)ztc_int(count, "changed"), (long long)ztc_int(count, "removed"));
	add_count(line, sizeof(line), ztc_int(edges, "judged"), "recorded edge", "recorded edges");
	ztc_append(line, sizeof(line), ", %lld newly denied, %lld newly allowed. ",
		   (long long)in(live, "newly_denied", "edges"),
		   (long long)in(live, "newly_allowed", "edges"));
	add_count(line, sizeof(line), ztc_int(living, "cut") + ztc_int(living, "reset"),
		  "living connection ends", "living connections end");
	ztc_append(line, sizeof(line), "%s",
		   passed ? "." : ". To promote it all the same, from a console: --force.");
	fputc('\n', out);
	ztc_wrap(out, style, passed ? ZTC_BOLD : ZTC_BAD, 0, 2, line);
}

int ztc_render_plan(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *edges = json_object_get(result, "edges");
	int r;

	if (!json_is_object(json_object_get(result, "preflight")) || !json_is_object(edges))
		return -EINVAL;
	head(out, result, style);
	ztc_plan_preflight(out, json_object_get(result, "preflight"), style);
	r = edges_of(out, edges, "newly_denied", style);
	if (r == 0)
		r = connections(out, json_object_get(result, "connections"), style);
	if (r == 0)
		r = listeners(out, json_object_get(result, "listeners"), style);
	if (r == 0)
		r = edges_of(out, edges, "newly_allowed", style);
	if (r == 0)
		r = ztc_plan_statements(out, json_object_get(result, "statements"), style);
	if (r < 0)
		return r;
	ztc_plan_definitions(out, json_object_get(result, "definitions"), style);
	ztc_plan_evidence(out, result, style);
	r = ztc_plan_capacity(out, json_object_get(result, "capacity"), style);
	if (r == 0)
		summary(out, result, style);
	return r;
}
