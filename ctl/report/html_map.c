/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html_map.c - the dependency map as a picture in the report, with its arrows as a table below.
 *
 * Three columns: who only asks, who does both, who only answers; so arrows go from left to right,
 * but for those within the middle. What is too much for a page is not drawn, and counted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "ctl/render/map_graph.h"
#include "ctl/render/text.h"
#include "ctl/report/html.h"
#include "ctl/report/report.h"

#define COLUMNS	   3
#define ROWS_MAX   40  /* nodes of one column that are drawn */
#define ARROWS_MAX 200 /* rows of the table */
#define NAME_MAX_W 25  /* columns of text in a box; the whole name is its title and in the table */

/* User units of the picture. */
#define BOX_W	188
#define BOX_H	24
#define COL_GAP 118
#define ROW_GAP 12

struct place {
	size_t node;
	int column, row; /* row -1: not drawn */
	int64_t weight;
	bool asks, answers;
};

struct picture {
	struct ztc_graph graph;
	const json_t *nodes;
	struct place *places; /* by node */
	int rows[COLUMNS];
	size_t left_out;
};

static void picture_free(struct picture *p)
{
	ztc_graph_free(&p->graph);
	free(p->places);
}

/* The heaviest first; equals by their place in the map. */
static int heavier(const void *left, const void *right)
{
	const struct place *a = *(struct place *const *)left;
	const struct place *b = *(struct place *const *)right;

	if (a->weight != b->weight)
		return a->weight < b->weight ? 1 : -1;
	return (a->node > b->node) - (a->node < b->node);
}

static void weigh(struct picture *p)
{
	for (size_t i = 0; i < p->graph.count; i++) {
		const struct ztc_arrow *arrow = &p->graph.arrows[i];

		p->places[arrow->src].asks = true;
		p->places[arrow->dst].answers = true;
		p->places[arrow->src].weight += arrow->connections;
		p->places[arrow->dst].weight += arrow->connections;
	}
}

static int arrange(struct picture *p)
{
	size_t count = json_array_size(p->nodes), used = 0;
	zt_auto(zt_freep) struct place **order = calloc(count + 1, sizeof(*order));

	p->places = calloc(count + 1, sizeof(*p->places));
	if (!order || !p->places)
		return -ENOMEM;
	weigh(p);
	for (size_t i = 0; i < count; i++) {
		p->places[i].node = i;
		p->places[i].row = -1;
		if (p->graph.used[i])
			order[used++] = &p->places[i];
	}
	qsort(order, used, sizeof(*order), heavier);
	for (size_t i = 0; i < used; i++) {
		struct place *at = order[i];

		at->column = at->asks && at->answers ? 1 : at->asks ? 0 : 2;
		if (p->rows[at->column] < ROWS_MAX)
			at->row = p->rows[at->column]++;
		else
			p->left_out++;
	}
	return 0;
}

static int x_of(const struct place *at)
{
	return at->column * (BOX_W + COL_GAP);
}

static int y_of(const struct place *at)
{
	return at->row * (BOX_H + ROW_GAP) + 4;
}

static const char *class_of(const struct ztc_arrow *arrow)
{
	static const char *const names[] = {
		[ZTC_ALLOWED] = "allowed", [ZTC_WOULD_DENY] = "would", [ZTC_DENIED] = "denied"};

	return names[arrow->outcome];
}

static void put_arrow(FILE *out, const struct picture *p, const struct ztc_arrow *arrow)
{
	const struct place *a = &p->places[arrow->src], *b = &p->places[arrow->dst];
	int x1 = x_of(a) + BOX_W, y1 = y_of(a) + BOX_H / 2;
	int x2 = x_of(b), y2 = y_of(b) + BOX_H / 2, bend = COL_GAP / 2;

	if (a->row < 0 || b->row < 0)
		return;
	/* Within the middle column an arrow goes round on the right. */
	if (a->column == b->column)
		x2 += BOX_W;
	fprintf(out,
		"<path class=\"arrow %s%s\" marker-end=\"url(#tip-%s)\" d=\"M%d %dC%d %d %d %d %d %d\"/>\n",
		class_of(arrow), arrow->clear ? " clear" : "", class_of(arrow), x1, y1, x1 + bend,
		y1, a->column == b->column ? x2 + bend : x2 - bend, y2,
		a->column == b->column ? x2 + 5 : x2 - 5, y2);
}

static void put_name(FILE *out, const json_t *nodes, size_t node)
{
	const json_t *one = json_array_get(nodes, node);
	char name[ZTC_END_LEN];

	ztc_node_title(name, one, ztc_str(one, "id"));
	ztc_xml_text(out, name);
}

static void put_box(FILE *out, const struct picture *p, const struct place *at)
{
	const json_t *node = json_array_get(p->nodes, at->node);
	zt_auto(zt_freep) char *safe = NULL;
	char name[ZTC_END_LEN];
	size_t len = 0, n;

	if (at->row < 0)
		return;
	ztc_node_title(name, node, ztc_str(node, "id"));
	safe = ztc_escaped(name);
	if (!safe)
		return;
	while (safe[len] && ztc_width(safe, len) < NAME_MAX_W) {
		n = zt_utf8_next((const unsigned char *)safe + len, strlen(safe + len), NULL);
		len += n ? n : 1;
	}
	fprintf(out, "<g><title>");
	ztc_xml_text(out, safe);
	fprintf(out,
		"</title><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\"/>"
		"<text x=\"%d\" y=\"%d\">",
		x_of(at), y_of(at), BOX_W, BOX_H, x_of(at) + 8, y_of(at) + 16);
	if (safe[len]) {
		safe[len] = '\0';
		ztc_xml_text(out, safe);
		fputs("\xe2\x80\xa6", out);
	} else {
		ztc_xml_text(out, safe);
	}
	fputs("</text></g>\n", out);
}

static void put_tips(FILE *out)
{
	static const char *const names[] = {"allowed", "would", "denied"};

	fputs("<defs>", out);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		fprintf(out,
			"<marker id=\"tip-%s\" class=\"tip %s\" viewBox=\"0 0 8 8\" refX=\"3\" "
			"refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">"
			"<path d=\"M0 0L8 4L0 8z\"/></marker>",
			names[i], names[i]);
	fputs("</defs>\n", out);
}

static void put_picture(FILE *out, const struct picture *p)
{
	int width = COLUMNS * BOX_W + (COLUMNS - 1) * COL_GAP, rows = 1;
	size_t count = json_array_size(p->nodes);

	for (int i = 0; i < COLUMNS; i++)
		rows = p->rows[i] > rows ? p->rows[i] : rows;
	fprintf(out, "<svg class=\"map\" viewBox=\"-2 0 %d %d\" role=\"img\" aria-label=\"",
		width + 4, rows * (BOX_H + ROW_GAP) + 8);
	ztc_xml_text(out, ztc_tr(N_("Who talks to whom")));
	fputs("\">\n", out);
	put_tips(out);
	for (size_t i = 0; i < p->graph.count; i++)
		put_arrow(out, p, &p->graph.arrows[i]);
	for (size_t i = 0; i < count; i++) {
		if (p->graph.used[i])
			put_box(out, p, &p->places[i]);
	}
	fputs("</svg>\n", out);
}

/* "tcp/443 tls1.3", a service a line. */
static void put_services(FILE *out, const struct ztc_arrow *arrow)
{
	char text[ZTC_END_LEN];

	for (size_t i = 0; i < arrow->count; i++) {
		const struct ztc_edge_view *e = &arrow->edges[i];

		fputs(i ? "<br>" : "", out);
		if (i == ZTC_ARROW_SERVICES) {
			fprintf(out, "+ %zu", arrow->count - i);
			return;
		}
		ztc_xml_text(out, e->proto);
		if (e->port)
			fprintf(out, "/%lld", (long long)e->port);
		ztc_protocols(text, e->edge);
		fputc(' ', out);
		ztc_xml_text(out, text);
		if (ztc_encryption(text, e->edge) != ZTC_PLAIN) {
			fputs(" (", out);
			ztc_html_say(out, N_("not encrypted, or not known to be"));
			fputc(')', out);
		}
	}
}

static void put_table(FILE *out, const struct picture *p)
{
	static const char *const heads[] = {N_("from"),	   N_("to"),	      N_("services"),
					    N_("verdict"), N_("connections"), NULL};
	static const char *const verdicts[] = {[ZTC_ALLOWED] = N_("allowed"),
					       [ZTC_WOULD_DENY] = N_("would be denied"),
					       [ZTC_DENIED] = N_("denied")};
	char count[ZTC_TEXT_LEN];

	fputs("<table class=\"grid arrows\">", out);
	ztc_html_heads(out, heads);
	fputs("<tbody>\n", out);
	for (size_t i = 0; i < p->graph.count && i < ARROWS_MAX; i++) {
		const struct ztc_arrow *arrow = &p->graph.arrows[i];

		fputs("<tr><td>", out);
		put_name(out, p->nodes, arrow->src);
		fputs("</td><td>", out);
		put_name(out, p->nodes, arrow->dst);
		fputs("</td><td>", out);
		put_services(out, arrow);
		fputs("</td><td>", out);
		ztc_html_badge(out, class_of(arrow), verdicts[arrow->outcome]);
		ztc_count(count, arrow->connections);
		fprintf(out, "</td><td class=\"number\">%s</td></tr>\n", count);
	}
	fputs("</tbody></table>\n", out);
	if (p->graph.count > ARROWS_MAX) {
		fprintf(out, "<p>%d / %zu ", ARROWS_MAX, p->graph.count);
		ztc_html_say(out, N_("arrows are listed."));
		fputs("</p>\n", out);
	}
}

int ztc_html_map(FILE *out, const json_t *map)
{
	zt_auto(picture_free) struct picture p = {.nodes = json_object_get(map, "nodes")};
	struct ztc_html h = {.out = out};
	int r = ztc_graph_make(&p.graph, map, false);

	if (r == 0)
		r = arrange(&p);
	if (r < 0)
		return r;
	fputs("<section class=\"keep\">", out);
	ztc_html_head(&h, 2, "map", N_("Who talks to whom"));
	fputs("<p>", out);
	ztc_html_say(out,
		     N_("From left to right: who opens connections, who does both, who answers. "
			"Dashed: not encrypted, or not known to be. Orange would be denied by "
			"staged policy, red is denied."));
	fputs("</p>\n", out);
	put_picture(out, &p);
	fputs("</section>\n", out);
	if (p.left_out) {
		fprintf(out, "<p>%zu ", p.left_out);
		ztc_html_say(out, N_("ends with the fewest connections are not drawn."));
		fputs("</p>\n", out);
	}
	put_table(out, &p);
	return 0;
}
