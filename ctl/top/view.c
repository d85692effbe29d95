/* SPDX-License-Identifier: Apache-2.0 */
/* view.c - what ztctl top shows, line by line. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/render/ends.h"
#include "ctl/render/losses.h"
#include "ctl/render/text.h"
#include "ctl/top/view.h"

#define VIOLATION_ROWS 4   /* below the edges */
#define WIDE	       100 /* columns from which the workload has room */

/* The screen while it is being filled. */
struct page {
	struct ztc_top_state *state;
	struct ztc_top_line *lines;
	size_t at, end;
};

/* --- lines ----------------------------------------------------------------------------------- */

/* Bytes of @text that @columns columns hold. */
static size_t fitting(const char *text, unsigned int columns)
{
	size_t len = strlen(text);

	while (len && ztc_width(text, len) > columns) {
		len--;
		while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
	}
	return len;
}

static struct ztc_top_line *next_line(struct page *page, enum ztc_color color)
{
	struct ztc_top_line *line = &page->lines[page->at];

	if (page->at >= page->end)
		return NULL;
	page->at++;
	line->color = color;
	line->bar = false;
	line->text[0] = '\0';
	return line;
}

/* One line of text, escaped and cut. */
static void put_line(struct page *page, enum ztc_color color, const char *text)
{
	struct ztc_top_line *line = next_line(page, color);
	zt_auto(zt_freep) char *safe = ztc_escaped(text);

	if (line && safe)
		snprintf(line->text, sizeof(line->text), "%.*s",
			 (int)fitting(safe, page->state->columns), safe);
}

struct column {
	unsigned int width;
	bool right;
};

/* Appends one cell, escaped, cut with an ellipsis and padded; a space behind it. */
static void put_cell(struct ztc_top_line *line, const struct column *column, const char *text)
{
	zt_auto(zt_freep) char *safe = ztc_escaped(text);
	size_t used = strlen(line->text), room = sizeof(line->text) - used;
	unsigned int pad, width;
	size_t len;
	bool cut;

	if (!safe)
		return;
	cut = ztc_width(safe, strlen(safe)) > column->width;
	len = fitting(safe, cut ? column->width - 1 : column->width);
	width = ztc_width(safe, len) + cut;
	pad = column->width > width ? column->width - width : 0;
	snprintf(line->text + used, room, "%*s%.*s%s%*s", column->right ? (int)pad : 0, "",
		 (int)len, safe, cut ? "~" : "", column->right ? 1 : (int)pad + 1, "");
}

/* --- numbers ---------------------------------------------------------------------------------- */

/* What was counted in an interval, per second. Small ones keep a digit behind the point. */
static void per_second(char ret[ZTC_TEXT_LEN], int64_t count, int64_t interval_ms)
{
	double rate = interval_ms > 0 ? (double)count * 1000 / (double)interval_ms : 0;

	if (rate > 0 && rate < 9.95)
		snprintf(ret, ZTC_TEXT_LEN, "%.1f", rate);
	else
		ztc_count(ret, (int64_t)(rate + 0.5));
}

static void bytes_per_second(char ret[ZTC_TEXT_LEN], int64_t count, int64_t interval_ms)
{
	ztc_bytes(ret, interval_ms > 0 ? count * 1000 / interval_ms : 0);
}

static int64_t both_ways(const json_t *object, const char *key)
{
	const json_t *pair = json_object_get(object, key);

	return ztc_int(pair, "to_dst") + ztc_int(pair, "to_src");
}

static int64_t lost(const json_t *losses)
{
	const char *cause;
	int64_t sum = 0;
	json_t *value;

	json_object_foreach ((json_t *)losses, cause, value)
		sum += json_integer_value(value);
	return sum;
}

/* --- edges ------------------------------------------------------------------------------------ */

enum edge_column {
	E_MARK,
	E_SERVICE,
	E_FROM,
	E_TO,
	E_CONNECTIONS,
	E_BYTES,
	E_PACKETS,
	E_VERDICT,
	E_PROTOCOL,
	E_WORKLOAD,
	E_COUNT,
};

/* What is left of the width goes to the names. */
static void layout(unsigned int columns, struct column ret[E_COUNT])
{
	static const struct column fixed[E_COUNT] = {
		[E_MARK] = {1, false},	   [E_SERVICE] = {10, false},	[E_FROM] = {0, false},
		[E_TO] = {0, false},	   [E_CONNECTIONS] = {7, true}, [E_BYTES] = {8, true},
		[E_PACKETS] = {7, true},   [E_VERDICT] = {0, false},	[E_PROTOCOL] = {0, false},
		[E_WORKLOAD] = {0, false},
	};
	bool wide = columns >= WIDE;
	unsigned int cells = wide ? E_COUNT : E_PROTOCOL;
	unsigned int left = columns - (1 + 10 + 7 + 8 + 7) - cells;

	memcpy(ret, fixed, sizeof(fixed));
	ret[E_VERDICT].width = wide ? left / 5 : left / 3;
	ret[E_WORKLOAD].width = wide ? left / 5 : 0;
	ret[E_PROTOCOL].width = wide ? 8 : 0;
	left -= ret[E_VERDICT].width + ret[E_WORKLOAD].width + ret[E_PROTOCOL].width;
	ret[E_FROM].width = left / 2;
	ret[E_TO].width = left - left / 2;
}

static void edge_header(struct page *page, const char *sort)
{
	static const char *const names[E_COUNT] = {
		[E_MARK] = "",
		[E_SERVICE] = "SERVICE",
		[E_FROM] = "FROM",
		[E_TO] = "TO",
		[E_CONNECTIONS] = "CONN/S",
		[E_BYTES] = "BYTES/S",
		[E_PACKETS] = "PKT/S",
		[E_VERDICT] = "DECIDED BY",
		[E_PROTOCOL] = "PROTOCOL",
		[E_WORKLOAD] = "WORKLOAD",
	};
	static const char *const sorts[E_COUNT] = {
		[E_CONNECTIONS] = "connections", [E_BYTES] = "bytes", [E_PACKETS] = "packets"};
	struct ztc_top_line *line = next_line(page, ZTC_BOLD);
	struct column columns[E_COUNT];
	char text[ZTC_TEXT_LEN];

	if (!line)
		return;
	line->bar = true;
	layout(page->state->columns, columns);
	for (int c = 0; c < E_COUNT; c++) {
		bool sorted = sorts[c] && strcmp(sorts[c], sort) == 0;

		snprintf(text, sizeof(text), "%s%s", sorted ? "*" : "", names[c]);
		if (columns[c].width)
			put_cell(line, &columns[c], text);
	}
}

/* Never by colour alone: x denied, ! would be denied by staged policy. */
static enum ztc_color mark_of(const json_t *verdict, char ret[2], const char **ret_plane)
{
	bool denied = ztc_denies(verdict, "live"), would = ztc_denies(verdict, "candidate");

	*ret_plane = would && !denied ? "candidate" : "live";
	snprintf(ret, 2, "%s", denied ? "x" : would ? "!" : " ");
	return denied ? ZTC_BAD : would ? ZTC_WARN : ZTC_PLAIN;
}

static void edge_cells(const json_t *edge, int64_t interval_ms, char ret[E_COUNT][ZTC_END_LEN])
{
	const json_t *verdict = json_object_get(edge, "verdict");
	const char *plane;
	char mark[2];

	mark_of(verdict, mark, &plane);
	snprintf(ret[E_MARK], ZTC_END_LEN, "%s", mark);
	ztc_service(ret[E_SERVICE], json_object_get(edge, "proto"), json_object_get(edge, "port"));
	ztc_end(ret[E_FROM], json_object_get(edge, "src"), false);
	ztc_end(ret[E_TO], json_object_get(edge, "dst"), false);
	per_second(ret[E_CONNECTIONS], ztc_int(edge, "connections"), interval_ms);
	bytes_per_second(ret[E_BYTES], both_ways(edge, "bytes"), interval_ms);
	per_second(ret[E_PACKETS], both_ways(edge, "packets"), interval_ms);
	snprintf(ret[E_VERDICT], ZTC_END_LEN, "%.400s",
		 ztc_str(json_object_get(verdict, plane), "rule"));
	snprintf(ret[E_PROTOCOL], ZTC_END_LEN, "%.400s", ztc_str(edge, "protocol"));
	ztc_workload(ret[E_WORKLOAD], json_object_get(edge, "workload"));
}

static bool has_text(const char *find, char cells[][ZTC_END_LEN], size_t count)
{
	bool found = !*find;

	for (size_t i = 0; i < count && !found; i++)
		found = strcasestr(cells[i], find) != NULL;
	return found;
}

static void edge_row(struct page *page, const json_t *edge, char cells[E_COUNT][ZTC_END_LEN])
{
	struct column columns[E_COUNT];
	struct ztc_top_line *line;
	const char *plane;
	char mark[2];

	line = next_line(page, mark_of(json_object_get(edge, "verdict"), mark, &plane));
	if (!line)
		return;
	layout(page->state->columns, columns);
	for (int c = 0; c < E_COUNT; c++) {
		if (columns[c].width)
			put_cell(line, &columns[c], cells[c]);
	}
}

/* Rows from state->first on, as many as there is room for. */
static void edges(struct page *page, const json_t *reply, size_t room)
{
	const json_t *rows = json_object_get(reply, "edges");
	int64_t interval_ms = ztc_int(reply, "interval_ms");
	char cells[E_COUNT][ZTC_END_LEN];
	size_t i, seen = 0, shown = 0;
	json_t *edge;

	edge_header(page, ztc_str(reply, "sort"));
	json_array_foreach (rows, i, edge) {
		if (!page->state->all && ztc_housekeeping(json_object_get(edge, "verdict")))
			continue;
		edge_cells(edge, interval_ms, cells);
		if (!has_text(page->state->find, cells, E_COUNT) || seen++ < page->state->first)
			continue;
		if (shown++ < room)
			edge_row(page, edge, cells);
	}
	if (page->state->first && page->state->first >= seen)
		page->state->first = seen ? seen - 1 : 0;
	if (!seen)
		put_line(page, ZTC_DIM,
			 *page->state->find ? " nothing that moved has this text"
			 : json_is_true(json_object_get(reply, "ready"))
				 ? " nothing moved"
				 : " two sweeps have to be compared first: a few seconds");
}

/* --- violations and losses ---------------------------------------------------------------------
 */

static void violation_row(struct page *page, const json_t *row)
{
	bool staged = strcmp(ztc_str(row, "mode"), "staged") == 0;
	char src[ZTC_END_LEN], dst[ZTC_END_LEN], service[ZTC_END_LEN], line[4 * ZTC_END_LEN];
	struct ztc_style style = {.now_s = page->state->now_s};
	char count[ZTC_TEXT_LEN], age[ZTC_TEXT_LEN];

	ztc_row_end(src, row, "src_host", "src");
	ztc_row_end(dst, row, "dst_host", "dst");
	ztc_service(service, json_object_get(row, "proto"), json_object_get(row, "port"));
	ztc_count(count, ztc_int(row, "count"));
	ztc_age(age, ztc_str(row, "last_seen"), &style);
	snprintf(line, sizeof(line), "%s %9s  %s %s -> %s by %.64s, %s packets", staged ? "!" : "x",
		 age, service, src, dst, ztc_str(row, "rule"), count);
	if (!*page->state->find || strcasestr(line, page->state->find))
		put_line(page, staged ? ZTC_WARN : ZTC_BAD, line);
}

static void bar(struct page *page, const char *text)
{
	struct ztc_top_line *line;
	size_t at = page->at;

	put_line(page, ZTC_BOLD, text);
	if (at < page->at) {
		line = &page->lines[at];
		line->bar = true;
	}
}

static void violations(struct page *page, const json_t *reply, size_t first, size_t room)
{
	const json_t *rows = json_object_get(reply, "violations");
	char text[128], count[ZTC_TEXT_LEN];
	json_t *row;
	size_t i;

	ztc_plural(count, ztc_int(reply, "violations_matched"), "VIOLATION", "VIOLATIONS");
	snprintf(text, sizeof(text), "  %s, last seen first", count);
	bar(page, text);
	json_array_foreach (rows, i, row) {
		if (i >= first && i < first + room)
			violation_row(page, row);
	}
	if (!json_array_size(rows))
		put_line(page, ZTC_DIM,
			 " none: nothing was denied, and staged policy would deny nothing");
}

static void losses(struct page *page, const json_t *reply)
{
	const json_t *all = json_object_get(reply, "losses");
	struct ztc_style style = {.width = page->state->columns};
	zt_auto(zt_freep) char *text = NULL;
	char *save = NULL;
	size_t len;
	FILE *out;

	bar(page, "  LOSSES since the agent began");
	if (!lost(all)) {
		put_line(page, ZTC_GOOD, " none: everything was seen and kept");
		return;
	}
	out = open_memstream(&text, &len);
	if (!out)
		return;
	ztc_render_losses(out, all, &style);
	fclose(out);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		put_line(page, ZTC_WARN, line);
}

static void help(struct page *page)
{
	static const char *const lines[] = {
		" b c p          sort by bytes, connections or packets",
		" v  l  e        violations, losses, edges",
		" up down PgUp PgDn Home   move within the rows",
		" /              only rows with a text; Enter keeps it, Esc clears it",
		" space          stop and go on",
		" ?  q           this page; leave",
		"",
		" x  denied by policy in force     !  would be denied by staged policy",
		" Rates are what the flow tables counted between the last two sweeps.",
	};

	bar(page, "  KEYS");
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		put_line(page, ZTC_PLAIN, lines[i]);
}

/* --- the page -----------------------------------------------------------------------------------
 */

static void title(struct page *page, const json_t *reply)
{
	const struct ztc_top_state *s = page->state;
	const json_t *totals = json_object_get(reply, "totals");
	int64_t ms = ztc_int(reply, "interval_ms");
	char conns[ZTC_TEXT_LEN], bytes[ZTC_TEXT_LEN], packets[ZTC_TEXT_LEN], at[ZTC_TEXT_LEN] = "";
	char denied[ZTC_TEXT_LEN], would[ZTC_TEXT_LEN], gone[ZTC_TEXT_LEN], line[512];
	struct ztc_style style = {.now_s = s->now_s};
	int64_t missing = lost(json_object_get(reply, "losses"));

	if (reply)
		ztc_clock(at, ztc_str(reply, "at"), &style);
	snprintf(line, sizeof(line), "ztctl top  %s  every %.1f s  %lld of %lld edges moved%s%s%s",
		 at, (double)ms / 1000, (long long)ztc_int(reply, "matched"),
		 (long long)ztc_int(reply, "moved"), s->paused ? "  STOPPED" : "",
		 *s->find || s->typing ? "  only: " : "", s->find);
	put_line(page, ZTC_BOLD, line);
	per_second(conns, ztc_int(totals, "connections"), ms);
	bytes_per_second(bytes, ztc_int(totals, "bytes"), ms);
	per_second(packets, ztc_int(totals, "packets"), ms);
	per_second(denied, ztc_int(totals, "denied"), ms);
	per_second(would, ztc_int(totals, "would_deny"), ms);
	ztc_count(gone, missing);
	snprintf(line, sizeof(line),
		 "%s conn/s  %s/s  %s pkt/s  denied %s/s  would deny %s/s  lost %s", conns, bytes,
		 packets, denied, would, gone);
	put_line(page, missing ? ZTC_WARN : ZTC_PLAIN, line);
	if (s->trouble)
		put_line(page, ZTC_BAD, s->trouble);
}

static void body(struct page *page, const json_t *reply)
{
	struct ztc_top_state *s = page->state;
	size_t room = page->end - page->at;

	switch (s->pane) {
	case ZTC_TOP_VIOLATIONS:
		if (s->first >= json_array_size(json_object_get(reply, "violations")))
			s->first = 0;
		violations(page, reply, s->first, room - 1);
		return;
	case ZTC_TOP_LOSSES:
		losses(page, reply);
		return;
	case ZTC_TOP_HELP:
		help(page);
		return;
	default:
		edges(page, reply, room - VIOLATION_ROWS - 2);
		/* The violations keep their place, however many edges moved. */
		while (!s->batch && page->at < page->end - VIOLATION_ROWS - 1)
			next_line(page, ZTC_PLAIN);
		violations(page, reply, 0, VIOLATION_ROWS);
	}
}

size_t ztc_top_view(const json_t *reply, struct ztc_top_state *state, struct ztc_top_line *lines)
{
	struct page page = {.state = state, .lines = lines, .end = state->lines};
	struct ztc_top_line *last;

	if (state->columns < ZTC_TOP_COLUMNS_MIN || state->lines < ZTC_TOP_LINES_MIN) {
		put_line(&page, ZTC_WARN, "too small: 60x12 at least");
		return page.at;
	}
	if (!state->batch)
		page.end--; /* for the keys */
	title(&page, reply);
	body(&page, reply);
	if (state->batch)
		return page.at;
	while (page.at < page.end)
		next_line(&page, ZTC_PLAIN);
	page.end++;
	put_line(
		&page, ZTC_DIM,
		state->typing
			? "type a text; Enter keeps it, Esc clears it"
			: "q quit  b c p sort  / find  v violations  l losses  space stop  ? help");
	last = &lines[page.at - 1];
	last->bar = true;
	return page.at;
}
