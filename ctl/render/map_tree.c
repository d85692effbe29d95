/* SPDX-License-Identifier: Apache-2.0 */
/* map_tree.c - the map as a tree: who is called and by whom, or who calls whom, step by step. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "ctl/render/map_parts.h"
#include "ctl/render/map_render.h"
#include "ctl/render/text.h"

#define PREFIX_MAX 160 /* columns of branches: deeper ones do not fit a screen */

struct tree {
	FILE *out;
	const struct ztc_style *style;
	struct ztc_edge_view *edges; /* by who calls, where steps are followed */
	size_t count;
	json_t *done; /* ids whose calls were shown */
};

/* One line behind its branch; what does not fit goes on below, the branch going on too. */
static void put_line(struct tree *t, enum ztc_color color, const char *branch, const char *below,
		     const char *text)
{
	zt_auto(zt_freep) char *safe = ztc_escaped(text);
	size_t deepest = strlen(branch) > strlen(below) ? strlen(branch) : strlen(below);
	unsigned int used = (unsigned int)deepest;
	unsigned int room = t->style->width > used + 20 ? t->style->width - used : 20;
	const char *p = safe ? safe : "", *lead = branch;
	size_t len, skip;

	do {
		len = ztc_break(p, room, &skip);
		fputs(lead, t->out);
		ztc_sgr(t->out, t->style, color);
		fprintf(t->out, "%.*s", (int)len, p);
		if (color != ZTC_PLAIN)
			ztc_sgr(t->out, t->style, ZTC_PLAIN);
		fputc('\n', t->out);
		p += len + skip;
		lead = below;
	} while (*p);
}

/* "4 conns, 2.8 kB, no (redis), allowed by app-to-db, 2 refused" */
static enum ztc_color append_counts(char *line, size_t size, const struct ztc_edge_view *e)
{
	char text[ZTC_END_LEN], number[ZTC_TEXT_LEN];
	enum ztc_color color;

	ztc_plural(number, ztc_int(e->edge, "connections"), "conn", "conns");
	ztc_append(line, size, ": %s", number);
	ztc_bytes(number, ztc_edge_bytes(e->edge));
	ztc_append(line, size, ", %s", number);
	ztc_encryption(text, e->edge);
	if (strcmp(text, "-") != 0)
		ztc_append(line, size, ", %s%s", strncmp(text, "no", 2) == 0 ? "encrypted: " : "",
			   text);
	color = ztc_map_verdict(text, e);
	ztc_append(line, size, ", %s%s", e->would ? "STAGED: " : "", text);
	ztc_health(text, e->edge);
	ztc_append(line, size, "%s%s", *text ? ", " : "", text);
	return color;
}

/* "app1 shop.service" */
static void append_end(char *line, size_t size, const json_t *node, const char *name,
		       const json_t *workload)
{
	char text[ZTC_END_LEN];

	ztc_node_title(text, node, name);
	ztc_append(line, size, "%s", text);
	ztc_workload(text, workload);
	ztc_append(line, size, "%s%s", *text ? " " : "", text);
}

static void title(struct tree *t, const json_t *node, const char *name)
{
	char line[ZTC_END_LEN * 2] = "", text[ZTC_END_LEN];

	ztc_node_title(line, node, name);
	ztc_segments(text, json_object_get(node, "segments"));
	if (*text && strcmp(ztc_str(node, "kind"), "segment") != 0)
		ztc_append(line, sizeof(line), " (%s)", text);
	put_line(t, ZTC_BOLD, "", "  ", line);
}

/* --- who is called, and by whom ----------------------------------------------------------------
 */

static int by_called(const void *left, const void *right)
{
	const struct ztc_edge_view *a = left, *b = right;
	int r = strcmp(a->dst, b->dst);

	r = r ? r : strcmp(a->proto, b->proto);
	r = r ? r : (a->port > b->port) - (a->port < b->port);
	r = r ? r : strcmp(a->src, b->src);
	return r ? r : (a->edge > b->edge) - (a->edge < b->edge);
}

static bool same_service(const struct ztc_edge_view *a, const struct ztc_edge_view *b)
{
	return strcmp(a->dst, b->dst) == 0 && strcmp(a->proto, b->proto) == 0 && a->port == b->port;
}

/* The callers of one service; @last: no other service of this node follows. */
static void put_service(struct tree *t, const struct ztc_edge_view *e, size_t count, bool last)
{
	char line[ZTC_END_LEN * 4], text[ZTC_END_LEN];
	enum ztc_color color;

	ztc_service(text, json_object_get(e->edge, "proto"), json_object_get(e->edge, "port"));
	put_line(t, ZTC_PLAIN, last ? "`- " : "|- ", last ? "   " : "|  ", text);
	for (size_t i = 0; i < count; i++) {
		const char *branch = last ? "   " : "|  ";
		char lead[16], below[16];

		line[0] = '\0';
		append_end(line, sizeof(line), e[i].src_node, e[i].src, e[i].src_workload);
		ztc_workload(text, e[i].dst_workload);
		if (*text)
			ztc_append(line, sizeof(line), " -> %s", text);
		color = append_counts(line, sizeof(line), &e[i]);
		snprintf(lead, sizeof(lead), "%s%s", branch, i + 1 == count ? "`- " : "|- ");
		snprintf(below, sizeof(below), "%s%s", branch, i + 1 == count ? "     " : "|    ");
		put_line(t, color, lead, below, line);
	}
}

static void put_called(struct tree *t)
{
	size_t end, next;

	qsort(t->edges, t->count, sizeof(*t->edges), by_called);
	for (size_t i = 0; i < t->count; i = end) {
		const struct ztc_edge_view *e = &t->edges[i];

		for (end = i + 1; end < t->count && same_service(e, &t->edges[end]); end++)
			;
		if (i == 0 || strcmp(e->dst, e[-1].dst) != 0)
			title(t, e->dst_node, e->dst);
		next = end;
		put_service(t, e, end - i,
			    next == t->count || strcmp(t->edges[next].dst, e->dst) != 0);
	}
}

/* --- who calls whom, step by step
 * ----------------------------------------------------------------- */

static int by_caller(const void *left, const void *right)
{
	const struct ztc_edge_view *a = left, *b = right;
	int r = strcmp(ztc_str(a->edge, "src"), ztc_str(b->edge, "src"));

	r = r ? r : strcmp(a->dst, b->dst);
	r = r ? r : strcmp(a->proto, b->proto);
	r = r ? r : (a->port > b->port) - (a->port < b->port);
	return r ? r : (a->edge > b->edge) - (a->edge < b->edge);
}

/* First edge of this caller, and how many it has. */
static size_t calls_of(const struct tree *t, const char *id, size_t *ret_count)
{
	size_t low = 0, high = t->count, end;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(ztc_str(t->edges[mid].edge, "src"), id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (end = low; end < t->count && !strcmp(ztc_str(t->edges[end].edge, "src"), id); end++)
		;
	*ret_count = end - low;
	return low;
}

static void put_calls(struct tree *t, const char *id, const char *prefix, unsigned int depth)
{
	size_t count, first = calls_of(t, id, &count);

	json_object_set_new(t->done, id, json_true());
	for (size_t i = first; i < first + count; i++) {
		const struct ztc_edge_view *e = &t->edges[i];
		const char *to = ztc_str(e->edge, "dst");
		const bool last = i + 1 == first + count;
		const bool again = json_object_get(t->done, to) != NULL;
		/* Several services of one callee: what it calls stands under the last of them. */
		const bool more = !last && strcmp(ztc_str(t->edges[i + 1].edge, "dst"), to) == 0;
		char line[ZTC_END_LEN * 4] = "", lead[PREFIX_MAX + 8], below[PREFIX_MAX + 16];
		char branch[PREFIX_MAX + 8], text[ZTC_END_LEN];
		enum ztc_color color;
		size_t calls;

		ztc_service(text, json_object_get(e->edge, "proto"),
			    json_object_get(e->edge, "port"));
		ztc_workload(line, e->src_workload);
		ztc_append(line, sizeof(line), "%s-> %s ", *line ? " " : "", text);
		append_end(line, sizeof(line), e->dst_node, e->dst, e->dst_workload);
		color = append_counts(line, sizeof(line), e);
		calls_of(t, to, &calls);
		if (again && calls && !more && strcmp(to, id) != 0)
			ztc_append(line, sizeof(line), " (its calls: above)");
		snprintf(lead, sizeof(lead), "%s%s", prefix, last ? "`- " : "|- ");
		snprintf(branch, sizeof(branch), "%s%s", prefix, last ? "   " : "|  ");
		snprintf(below, sizeof(below), "%s  ", branch);
		put_line(t, color, lead, below, line);
		if (!again && !more && depth > 1 && strlen(branch) < PREFIX_MAX)
			put_calls(t, to, branch, depth - 1);
	}
}

/* Whom nobody else calls, else whoever has not been shown: every call is under some root. */
static void put_roots(struct tree *t, const json_t *map, bool (*is_root)(void *, const json_t *),
		      void *data, unsigned int depth)
{
	zt_auto(zt_json_decref) json_t *called = json_object();
	const json_t *nodes = json_object_get(map, "nodes");
	json_t *node;
	size_t i, n;

	for (i = 0; i < t->count; i++)
		if (strcmp(ztc_str(t->edges[i].edge, "src"), ztc_str(t->edges[i].edge, "dst")))
			json_object_set_new(called, ztc_str(t->edges[i].edge, "dst"), json_true());
	for (int pass = 0; pass < 2; pass++) {
		json_array_foreach (nodes, i, node) {
			const char *id = ztc_str(node, "id");
			bool first = is_root ? is_root(data, node) : !json_object_get(called, id);

			calls_of(t, id, &n);
			if (!n || json_object_get(t->done, id) || (!first && !pass))
				continue;
			/* Around a segment, what it does not lead to is somebody calling it. */
			title(t, node, ztc_str(node, "name"));
			put_calls(t, id, "", depth);
		}
	}
}

int ztc_render_tree(FILE *out, const json_t *map, const struct ztc_style *style,
		    const struct ztc_tree *how)
{
	zt_auto(zt_freep) struct ztc_edge_view *edges = NULL;
	zt_auto(zt_json_decref) json_t *done = json_object();
	struct tree t = {.out = out, .style = style, .done = done};
	int r = ztc_map_edges(map, style->all, &edges, &t.count);

	if (r < 0)
		return r;
	t.edges = edges;
	if (!t.count) {
		fputs("No edges.\n", out);
	} else if (how->depth) {
		qsort(t.edges, t.count, sizeof(*t.edges), by_caller);
		put_roots(&t, map, how->is_root, how->data, how->depth);
	} else {
		put_called(&t);
	}
	ztc_map_summary(out, map, edges, t.count, style);
	return ztc_map_disagreements(out, map, style);
}
