/* SPDX-License-Identifier: Apache-2.0 */
/* map_csv.c - the map as CSV (RFC 4180), safe to open in a spreadsheet. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/protocol.h"
#include "ctl/render/map_parts.h"
#include "ctl/render/map_render.h"
#include "ctl/render/text.h"

#define EOL "\r\n"

/* What spreadsheets take for a formula, in either width, and what they skip before one. */
static bool is_formula(const char *text)
{
	static const char *const wide[] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d",
					   "\xef\xbc\xa0"};

	text += strspn(text, " ");
	for (size_t i = 0; i < ARRAY_SIZE(wide); i++)
		if (strncmp(text, wide[i], 3) == 0)
			return true;
	return *text && strchr("=+-@", *text);
}

void ztc_csv_text(FILE *out, const char *text)
{
	zt_auto(zt_freep) char *safe = ztc_escaped(text);

	fputc('"', out);
	if (safe && is_formula(safe))
		fputc('\'', out);
	for (const char *p = safe ? safe : ""; *p; p++) {
		if (*p == '"')
			fputc('"', out);
		fputc(*p, out);
	}
	fputc('"', out);
}

void ztc_csv_cell(FILE *out, const char *text)
{
	ztc_csv_text(out, text);
	fputc(',', out);
}

void ztc_csv_number(FILE *out, const json_t *object, const char *key)
{
	if (json_is_integer(json_object_get(object, key)))
		fprintf(out, "%lld", (long long)ztc_int(object, key));
	fputc(',', out);
}

/* Names of a list with spaces between. */
static void put_list(FILE *out, const json_t *list, bool last)
{
	char text[ZTC_END_LEN * 2] = "";
	json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		ztc_append(text, sizeof(text), "%s%s", i ? " " : "",
			   json_is_string(item) ? json_string_value(item) : ztc_str(item, "name"));
	ztc_csv_text(out, text);
	fputs(last ? EOL : ",", out);
}

static void put_end(FILE *out, const json_t *node, const char *name)
{
	const char *host = ztc_str(node, "host");

	ztc_csv_cell(out, name);
	ztc_csv_cell(out, ztc_str(node, "kind"));
	ztc_csv_cell(out, strcmp(ztc_str(node, "kind"), "host") ? host : name);
	put_list(out, json_object_get(node, "segments"), false);
	put_list(out, json_object_get(node, "hints"), false);
}

static void put_owner(FILE *out, const json_t *workload)
{
	char name[ZTC_END_LEN];

	ztc_workload(name, workload);
	ztc_csv_cell(out, name);
	ztc_csv_cell(out, ztc_str(workload, "exe"));
	ztc_csv_cell(out, ztc_str(workload, "user"));
	ztc_csv_cell(out, ztc_str(workload, "container"));
	ztc_csv_cell(out, ztc_str(workload, "command"));
}

static void put_encryption(FILE *out, const json_t *edge)
{
	json_t *classes = json_object_get(edge, "encryption");
	int64_t secret = 0;
	char text[ZTC_END_LEN];
	enum zt_cover cover;
	const char *key;
	json_t *n;

	json_object_foreach (classes, key, n) {
		if (zt_cover_find(key, &cover) == 0 && zt_cover_secret(cover))
			secret += json_integer_value(n);
	}
	fprintf(out, "%lld,", (long long)secret);
	ztc_csv_number(out, classes, "plaintext");
	ztc_csv_number(out, classes, "unknown");
	ztc_protocols(text, edge);
	ztc_csv_cell(out, text);
}

static void put_health(FILE *out, const json_t *edge)
{
	static const char *const keys[] = {"refused", "unanswered", "resets", "retransmits"};
	const json_t *health = json_object_get(edge, "health");
	const json_t *rtt = json_object_get(health, "rtt_us");

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		ztc_csv_number(out, health, keys[i]);
	ztc_csv_number(out, rtt, "p50");
	ztc_csv_number(out, rtt, "p99");
}

static void put_edge(FILE *out, const struct ztc_edge_view *e)
{
	const json_t *verdict = json_object_get(e->edge, "verdict");
	static const char *const planes[] = {"live", "candidate"};

	put_end(out, e->src_node, e->src);
	put_end(out, e->dst_node, e->dst);
	ztc_csv_cell(out, e->proto);
	fprintf(out, "%lld,", (long long)e->port);
	put_owner(out, e->src_workload);
	put_owner(out, e->dst_workload);
	ztc_csv_cell(out, e->denied ? "denied" : e->would ? "would-deny" : "allowed");
	for (size_t i = 0; i < ARRAY_SIZE(planes); i++) {
		ztc_csv_cell(out, ztc_str(json_object_get(verdict, planes[i]), "action"));
		ztc_csv_cell(out, ztc_str(json_object_get(verdict, planes[i]), "rule"));
	}
	ztc_csv_number(out, e->edge, "connections");
	ztc_csv_number(out, json_object_get(e->edge, "bytes"), "to_dst");
	ztc_csv_number(out, json_object_get(e->edge, "bytes"), "to_src");
	ztc_csv_number(out, json_object_get(e->edge, "packets"), "to_dst");
	ztc_csv_number(out, json_object_get(e->edge, "packets"), "to_src");
	put_encryption(out, e->edge);
	put_health(out, e->edge);
	ztc_csv_cell(out, ztc_str(e->edge, "kind"));
	ztc_csv_cell(out, ztc_str(e->edge, "first_seen"));
	ztc_csv_cell(out, ztc_str(e->edge, "last_seen"));
	put_list(out, json_object_get(e->edge, "seen_by"), true);
}

int ztc_render_csv_rows(FILE *out, const json_t *map, const struct ztc_style *style)
{
	zt_auto(zt_freep) struct ztc_edge_view *edges = NULL;
	size_t count;
	int r = ztc_map_edges(map, style->all, &edges, &count);

	for (size_t i = 0; r == 0 && i < count; i++)
		put_edge(out, &edges[i]);
	return r;
}

int ztc_render_csv(FILE *out, const json_t *map, const struct ztc_style *style)
{
	fputs("src,src_kind,src_host,src_segments,src_hints,dst,dst_kind,dst_host,dst_segments,"
	      "dst_hints,proto,port,src_workload,src_exe,src_user,src_container,src_command,"
	      "dst_workload,dst_exe,dst_user,dst_container,dst_command,outcome,live,live_rule,"
	      "candidate,candidate_rule,connections,bytes_to_dst,bytes_to_src,packets_to_dst,"
	      "packets_to_src,encrypted,plaintext,unknown,protocols,refused,unanswered,resets,"
	      "retransmits,rtt_p50_us,rtt_p99_us,kind,first_seen,last_seen,seen_by" EOL,
	      out);
	return ztc_render_csv_rows(out, map, style);
}
