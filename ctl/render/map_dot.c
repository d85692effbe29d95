/* SPDX-License-Identifier: Apache-2.0 */
/* map_dot.c - the map for Graphviz. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/render/map_graph.h"
#include "ctl/render/map_render.h"
#include "ctl/render/text.h"

/*
 * Inside quotes: quote and backslash are escaped; the backslash keeps \N, \G and \l from being
 * Graphviz's own (https://graphviz.org/docs/attr-types/escString/).
 */
static void put_escaped(FILE *out, const char *text)
{
	zt_auto(zt_freep) char *safe = ztc_escaped(text);

	for (const char *p = safe ? safe : ""; *p; p++) {
		if (*p == '"' || *p == '\\')
			fputc('\\', out);
		fputc(*p, out);
		/* Entities are resolved in labels: &lt; would become another text. */
		if (*p == '&')
			fputs("amp;", out);
	}
}

static void put_line(void *data, const char *line)
{
	put_escaped(data, line);
	fputs("\\n", data);
}

static void put_node(FILE *out, size_t n, const json_t *node)
{
	char text[ZTC_END_LEN];

	fprintf(out, "\tn%zu [label=\"", n);
	ztc_node_title(text, node, ztc_str(node, "id"));
	put_escaped(out, text);
	ztc_segments(text, json_object_get(node, "segments"));
	if (*text && strcmp(ztc_str(node, "kind"), "segment") != 0) {
		fputs("\\n", out);
		put_escaped(out, text);
	}
	fputs("\", tooltip=\"", out);
	put_escaped(out, ztc_str(node, "id"));
	fprintf(out, "\"%s];\n",
		json_is_true(json_object_get(node, "near")) ? ", style=\"filled,bold\"" : "");
}

/* Denials differ in dash and arrow head too, not in colour alone. */
static void put_arrow(FILE *out, const struct ztc_arrow *a)
{
	static const char *const looks[] = {
		[ZTC_ALLOWED] = "color=\"#1b4f8f\", style=solid",
		[ZTC_WOULD_DENY] = "color=\"#b35900\", style=dashed, arrowhead=empty",
		[ZTC_DENIED] = "color=\"#a0002a\", style=dotted, arrowhead=tee",
	};
	int width = 1;

	for (int64_t n = a->connections; n >= 10 && width < 6; n /= 10)
		width++;
	fprintf(out, "\tn%zu -> n%zu [%s, penwidth=%d.%d, label=\"", a->src, a->dst,
		looks[a->outcome], (width + 1) / 2, width % 2 ? 0 : 5);
	ztc_arrow_lines(a, put_line, out);
	fputs("\"];\n", out);
}

int ztc_render_dot(FILE *out, const json_t *map, const struct ztc_style *style)
{
	zt_auto(ztc_graph_free) struct ztc_graph graph = {0};
	const json_t *nodes = json_object_get(map, "nodes");
	const json_t *window = json_object_get(map, "window");
	json_t *node;
	size_t i;
	int r = ztc_graph_make(&graph, map, style->all);

	if (r < 0)
		return r;
	fputs("digraph map {\n"
	      "\tgraph [rankdir=LR, fontname=\"sans-serif\", labelloc=t, label=\"",
	      out);
	put_escaped(out, ztc_str(window, "from"));
	fputs(" to ", out);
	put_escaped(out, ztc_str(window, "to"));
	fputs("\\nsolid: allowed; dashed: staged policy would deny; dotted: denied\"];\n"
	      "\tnode [shape=box, fontname=\"sans-serif\", fillcolor=\"#eef3fa\"];\n"
	      "\tedge [fontname=\"sans-serif\", fontsize=10];\n",
	      out);
	json_array_foreach (nodes, i, node) {
		if (graph.used[i])
			put_node(out, i, node);
	}
	for (i = 0; i < graph.count; i++)
		put_arrow(out, &graph.arrows[i]);
	fputs("}\n", out);
	return 0;
}
