/* SPDX-License-Identifier: Apache-2.0 */
/* map_mermaid.c - the map as a Mermaid flowchart. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "ctl/render/map_graph.h"
#include "ctl/render/map_render.h"
#include "ctl/render/text.h"

#define EDGES_MAX 500 /* Mermaid draws no more unless its maxEdges is raised */

/*
 * Between quotes: all that Mermaid or Markdown might read as syntax is an entity by number, #NN;
 * (https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters). So quotes,
 * #, ;, <, &, %, backticks and braces never stand in the text. @begins: a list item's - or 1. too.
 */
static void put_escaped(FILE *out, const char *text, bool begins)
{
	zt_auto(zt_freep) char *safe = ztc_escaped(text);
	size_t len = safe ? strlen(safe) : 0, n;
	unsigned int c;

	for (size_t i = 0; i < len; i += n) {
		n = zt_utf8_next((const unsigned char *)safe + i, len - i, &c);
		if (!n)
			break;
		if (c >= 0x80 || isalnum((int)c) || (c == '.' && safe[i + 1] != ' ') ||
		    strchr(" /:,()=_", (int)c) || (c == '-' && !(begins && i == 0)))
			fwrite(safe + i, 1, n, out);
		else
			fprintf(out, "#%u;", c);
	}
}

struct lines {
	FILE *out;
	bool more;
};

static void put_line(void *data, const char *line)
{
	struct lines *l = data;

	fputs(l->more ? "<br/>" : "", l->out);
	put_escaped(l->out, line, true);
	l->more = true;
}

static void put_node(FILE *out, size_t n, const json_t *node)
{
	char text[ZTC_END_LEN];

	ztc_node_title(text, node, ztc_str(node, "id"));
	fprintf(out, "    n%zu[\"", n);
	put_escaped(out, text, true);
	ztc_segments(text, json_object_get(node, "segments"));
	if (*text && strcmp(ztc_str(node, "kind"), "segment") != 0) {
		fputs("<br/>", out);
		put_escaped(out, text, true);
	}
	fprintf(out, "\"]%s\n", json_is_true(json_object_get(node, "near")) ? ":::near" : "");
}

static void put_arrow(FILE *out, const struct ztc_arrow *a)
{
	static const char *const arrows[] = {
		[ZTC_ALLOWED] = "-->",
		[ZTC_WOULD_DENY] = "-.->",
		[ZTC_DENIED] = "--x",
	};
	struct lines lines = {.out = out};

	fprintf(out, "    n%zu %s|\"", a->src, arrows[a->outcome]);
	ztc_arrow_lines(a, put_line, &lines);
	fprintf(out, "\"| n%zu\n", a->dst);
}

/* Colours of arrows go by their number. */
static void put_colors(FILE *out, const struct ztc_graph *graph, enum ztc_outcome outcome,
		       const char *color)
{
	const char *sep = "    linkStyle ";
	bool any = false;

	for (size_t i = 0; i < graph->count; i++) {
		if (graph->arrows[i].outcome != outcome)
			continue;
		fprintf(out, "%s%zu", sep, i);
		sep = ",";
		any = true;
	}
	if (any)
		fprintf(out, " stroke:%s\n", color);
}

int ztc_render_mermaid(FILE *out, const json_t *map, const struct ztc_style *style)
{
	zt_auto(ztc_graph_free) struct ztc_graph graph = {0};
	const json_t *nodes = json_object_get(map, "nodes");
	json_t *node;
	size_t i;
	int r = ztc_graph_make(&graph, map, style->all);

	if (r < 0)
		return r;
	fputs("%% solid: allowed; dotted: staged policy would deny; crossed: denied\n", out);
	if (graph.count > EDGES_MAX)
		fprintf(out, "%%%% %zu arrows: raise Mermaid's maxEdges, or group and filter\n",
			graph.count);
	fputs("flowchart LR\n", out);
	json_array_foreach (nodes, i, node) {
		if (graph.used[i])
			put_node(out, i, node);
	}
	for (i = 0; i < graph.count; i++)
		put_arrow(out, &graph.arrows[i]);
	put_colors(out, &graph, ZTC_WOULD_DENY, "#b35900");
	put_colors(out, &graph, ZTC_DENIED, "#a0002a");
	fputs("    classDef near stroke-width:3px\n", out);
	return 0;
}
