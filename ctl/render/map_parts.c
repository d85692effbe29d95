/* SPDX-License-Identifier: Apache-2.0 */
/* map_parts.c - what every picture of a map shares: ends by name, encryption, health, summary. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/protocol.h"
#include "ctl/render/losses.h"
#include "ctl/render/map_parts.h"
#include "ctl/render/text.h"

void ztc_node_title(char ret[ZTC_END_LEN], const json_t *node, const char *id)
{
	const char *name = ztc_str(node, "name");
	const json_t *hint = json_array_get(json_object_get(node, "hints"), 0);

	if (*ztc_str(hint, "name") && !*ztc_str(node, "host"))
		snprintf(ret, ZTC_END_LEN, "%.200s ~%.255s", *name ? name : id,
			 ztc_str(hint, "name"));
	else
		snprintf(ret, ZTC_END_LEN, "%.500s", *name ? name : id);
}

/* --- edges ------------------------------------------------------------------------------------ */

static int index_nodes(json_t **ret, const json_t *nodes)
{
	zt_auto(zt_json_decref) json_t *by_id = json_object();
	json_t *node;
	size_t i;

	if (!by_id)
		return -ENOMEM;
	json_array_foreach (nodes, i, node) {
		const char *id = ztc_str(node, "id");

		if (*id && json_object_set(by_id, id, node) < 0)
			return -ENOMEM;
	}
	*ret = zt_take(by_id);
	return 0;
}

static const char *node_name(const json_t *node, const char *id)
{
	const char *name = ztc_str(node, "name");

	return *name ? name : id;
}

static void fill_edge(struct ztc_edge_view *v, const json_t *edge, const json_t *by_id)
{
	const char *src = ztc_str(edge, "src"), *dst = ztc_str(edge, "dst");
	const json_t *verdict = json_object_get(edge, "verdict");
	const json_t *owner = json_object_get(edge, "workload");

	v->edge = edge;
	v->src_node = json_object_get(by_id, src);
	v->dst_node = json_object_get(by_id, dst);
	v->src = node_name(v->src_node, src);
	v->dst = node_name(v->dst_node, dst);
	v->dst_workload = json_object_get(edge, "dst_workload");
	/* The local end's: the source's where that is local. */
	if (v->dst_workload || json_is_true(json_object_get(v->src_node, "near")))
		v->src_workload = owner;
	else
		v->dst_workload = owner;
	v->proto = ztc_str(edge, "proto");
	v->port = ztc_int(edge, "port");
	v->denied = ztc_denies(verdict, "live");
	v->would = !v->denied && ztc_denies(verdict, "candidate");
}

int ztc_map_edges(const json_t *map, bool all, struct ztc_edge_view **ret, size_t *ret_count)
{
	zt_auto(zt_freep) struct ztc_edge_view *views = NULL;
	zt_auto(zt_json_decref) json_t *by_id = NULL;
	const json_t *edges = json_object_get(map, "edges");
	size_t count = 0, i;
	json_t *edge;

	if (!json_is_array(edges))
		return -EINVAL;
	views = calloc(json_array_size(edges) + 1, sizeof(*views));
	if (!views || index_nodes(&by_id, json_object_get(map, "nodes")) < 0)
		return -ENOMEM;
	json_array_foreach (edges, i, edge) {
		if (all || !ztc_housekeeping(json_object_get(edge, "verdict")))
			fill_edge(&views[count++], edge, by_id);
	}
	*ret = zt_take(views);
	*ret_count = count;
	return 0;
}

int64_t ztc_edge_bytes(const json_t *edge)
{
	const json_t *bytes = json_object_get(edge, "bytes");

	return json_is_object(bytes) ? ztc_int(bytes, "to_dst") + ztc_int(bytes, "to_src")
				     : ztc_int(edge, "bytes");
}

enum ztc_color ztc_map_verdict(char ret[ZTC_END_LEN], const struct ztc_edge_view *e)
{
	const json_t *verdict = json_object_get(e->edge, "verdict");
	const char *rule = ztc_str(json_object_get(verdict, "live"), "rule");
	enum ztc_color color = ztc_verdict(ret, verdict);

	if (!e->denied && !e->would && strcmp(rule, "default-allow") == 0)
		snprintf(ret, ZTC_END_LEN, "allowed");
	return color;
}

/* --- encryption ----------------------------------------------------------------------------------
 */

/* Connections of an edge: encrypted, in the clear for sure, not known. */
struct cover {
	int64_t secret, plain, unknown;
};

static struct cover cover_of(const json_t *edge)
{
	json_t *classes = json_object_get(edge, "encryption");
	struct cover sum = {0};
	const char *key;
	json_t *n;

	json_object_foreach (classes, key, n) {
		enum zt_cover cover;

		if (zt_cover_find(key, &cover) < 0 || cover == ZT_COVER_UNKNOWN)
			sum.unknown += json_integer_value(n);
		else if (cover == ZT_COVER_PLAINTEXT)
			sum.plain += json_integer_value(n);
		else
			sum.secret += json_integer_value(n);
	}
	return sum;
}

static bool is_secret(const char *protocol)
{
	uint8_t encryption, app;

	return zt_protocol_find(protocol, &encryption, &app) == 0 &&
	       zt_cover_secret(zt_encryption_cover(encryption));
}

/* The protocol with most connections among the encrypted ones, or among the others. */
static const char *main_protocol(const json_t *edge, bool secret)
{
	json_t *protocols = json_object_get(edge, "protocols");
	const char *key, *best = "";
	json_int_t most = -1;
	json_t *n;

	json_object_foreach (protocols, key, n) {
		if (is_secret(key) != secret || !strcmp(key, "unknown") ||
		    !strcmp(key, "plaintext"))
			continue;
		if (json_integer_value(n) > most ||
		    (json_integer_value(n) == most && strcmp(key, best) < 0)) {
			most = json_integer_value(n);
			best = key;
		}
	}
	return best;
}

/* The class when protocols are not told: of an older map. */
static const char *main_class(const json_t *edge)
{
	json_t *classes = json_object_get(edge, "encryption");
	const char *key, *best = "encrypted";
	json_int_t most = 0;
	json_t *n;

	json_object_foreach (classes, key, n) {
		enum zt_cover cover;

		if (zt_cover_find(key, &cover) == 0 && zt_cover_secret(cover) &&
		    json_integer_value(n) > most) {
			most = json_integer_value(n);
			best = key;
		}
	}
	return best;
}

enum ztc_color ztc_encryption(char ret[ZTC_END_LEN], const json_t *edge)
{
	struct cover c = cover_of(edge);
	const char *secret = main_protocol(edge, true), *plain = main_protocol(edge, false);
	int64_t all = c.secret + c.plain + c.unknown;

	if (!*secret)
		secret = main_class(edge);
	/* "postgresql+tls1.3": what is inside, the service says already. */
	if (strchr(secret, '+'))
		secret = strchr(secret, '+') + 1;
	if (c.secret && c.secret < all)
		snprintf(ret, ZTC_END_LEN, "%lld %% %.60s", (long long)(c.secret * 100 / all),
			 secret);
	else if (c.secret)
		snprintf(ret, ZTC_END_LEN, "%.60s", secret);
	else if (!all)
		snprintf(ret, ZTC_END_LEN, "-");
	else if (*plain)
		snprintf(ret, ZTC_END_LEN, "no (%.60s)", plain);
	else
		snprintf(ret, ZTC_END_LEN, "%s", c.plain ? "no" : "unknown");
	return c.secret == all ? ZTC_PLAIN : c.plain || c.secret ? ZTC_WARN : ZTC_DIM;
}

void ztc_protocols(char ret[ZTC_END_LEN], const json_t *edge)
{
	json_t *left = json_copy(json_object_get(edge, "protocols"));

	ret[0] = '\0';
	while (json_object_size(left)) {
		const char *key, *best = NULL;
		json_int_t most = -1;
		json_t *n;

		json_object_foreach (left, key, n) {
			if (json_integer_value(n) > most ||
			    (json_integer_value(n) == most && best && strcmp(key, best) < 0)) {
				most = json_integer_value(n);
				best = key;
			}
		}
		ztc_append(ret, ZTC_END_LEN, "%s%.60s", *ret ? ", " : "", best);
		json_object_del(left, best);
	}
	json_decref(left);
}

/* --- health
 * --------------------------------------------------------------------------------------- */

void ztc_rtt(char ret[ZTC_END_LEN], int64_t us)
{
	if (us <= 0)
		ret[0] = '\0';
	else if (us < 1000)
		snprintf(ret, ZTC_END_LEN, "%lld us", (long long)us);
	else if (us < 10000)
		snprintf(ret, ZTC_END_LEN, "%.1f ms", (double)us / 1000);
	else if (us < 1000000)
		snprintf(ret, ZTC_END_LEN, "%lld ms", (long long)(us / 1000));
	else
		snprintf(ret, ZTC_END_LEN, "%.1f s", (double)us / 1e6);
}

/* Retransmits are worth a word from one segment in a hundred on. */
void ztc_health(char ret[ZTC_END_LEN], const json_t *edge)
{
	static const struct {
		const char *key, *word;
	} counts[] = {{"refused", "refused"}, {"unanswered", "unanswered"}, {"resets", "reset"}};
	const json_t *h = json_object_get(edge, "health");
	const json_t *packets = json_object_get(edge, "packets");
	int64_t sent = ztc_int(packets, "to_dst") + ztc_int(packets, "to_src");
	int64_t again = ztc_int(h, "retransmits");
	char number[ZTC_TEXT_LEN];

	ret[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		int64_t n = ztc_int(h, counts[i].key);

		if (!n)
			continue;
		ztc_count(number, n);
		ztc_append(ret, ZTC_END_LEN, "%s%s %s", *ret ? ", " : "", number, counts[i].word);
	}
	if (again && again * 100 >= sent)
		ztc_append(ret, ZTC_END_LEN, "%s%lld %% sent again", *ret ? ", " : "",
			   (long long)(sent ? again * 100 / sent : 100));
}

/* --- coverage
 * --------------------------------------------------------------------------------------- */

void ztc_coverage_add(struct ztc_coverage *sum, const json_t *edge)
{
	const char *proto = ztc_str(edge, "proto");
	struct cover c = cover_of(edge);
	double all = (double)(c.secret + c.plain + c.unknown), bytes;

	if (ztc_denies(json_object_get(edge, "verdict"), "live") ||
	    strncmp(proto, "icmp", 4) == 0 || strcmp(proto, "igmp") == 0 || all <= 0)
		return;
	if (strcmp(ztc_str(edge, "kind"), "loopback") == 0) {
		sum->loopback++;
		return;
	}
	bytes = (double)ztc_edge_bytes(edge);
	sum->connections += all;
	sum->secret_connections += (double)c.secret;
	sum->unknown_connections += (double)c.unknown;
	sum->bytes += bytes;
	/* Bytes are not counted by class: a mixed edge's are shared out by connections. */
	sum->secret_bytes += bytes * (double)c.secret / all;
}

static void percent(char ret[ZTC_TEXT_LEN], double part, double all)
{
	double p = all > 0 ? part * 100 / all : 0;

	/* 0 and 100 are said of nothing else. */
	if (p > 0 && p < 1)
		snprintf(ret, ZTC_TEXT_LEN, "under 1 %%");
	else if (p > 99 && p < 100)
		snprintf(ret, ZTC_TEXT_LEN, "over 99 %%");
	else
		snprintf(ret, ZTC_TEXT_LEN, "%.0f %%", p);
}

void ztc_coverage_text(char ret[ZTC_END_LEN], const struct ztc_coverage *sum)
{
	char conns[ZTC_TEXT_LEN], bytes[ZTC_TEXT_LEN], number[ZTC_TEXT_LEN];

	ret[0] = '\0';
	if (sum->connections <= 0)
		return;
	percent(conns, sum->secret_connections, sum->connections);
	percent(bytes, sum->secret_bytes, sum->bytes);
	ztc_append(ret, ZTC_END_LEN, "Encrypted: %s of connections, %s of bytes", conns, bytes);
	if (sum->unknown_connections > 0) {
		ztc_count(number, (int64_t)sum->unknown_connections);
		ztc_append(ret, ZTC_END_LEN, "; %s unknown, counted as plaintext", number);
	}
	if (sum->loopback)
		ztc_append(ret, ZTC_END_LEN, "; ICMP and what stays in one host aside");
}

/* --- below the map
 * ----------------------------------------------------------------------------------- */

/* Nodes at the ends of what is shown. */
static int64_t count_nodes(const struct ztc_edge_view *edges, size_t count)
{
	zt_auto(zt_json_decref) json_t *seen = json_object();

	for (size_t i = 0; i < count; i++) {
		json_object_set_new(seen, ztc_str(edges[i].edge, "src"), json_true());
		json_object_set_new(seen, ztc_str(edges[i].edge, "dst"), json_true());
	}
	return (int64_t)json_object_size(seen);
}

static void append_window(char line[ZTC_END_LEN * 2], const json_t *map,
			  const struct ztc_style *style)
{
	const json_t *window = json_object_get(map, "window");
	const char *source = ztc_str(json_object_get(map, "view"), "source");
	char from[ZTC_TEXT_LEN], to[ZTC_TEXT_LEN];
	const bool lives = !*source || strcmp(source, "agent") == 0;
	int64_t end = ztc_time_parse(ztc_str(window, "to"));

	if (ztc_time_parse(ztc_str(window, "from")) < 0)
		return;
	ztc_clock(from, ztc_str(window, "from"), style);
	ztc_clock(to, ztc_str(window, "to"), style);
	/* Of what an agent sees the end is now, and need not be said. */
	if (lives && (!style->now_s || style->now_s - end < 60))
		ztc_append(line, ZTC_END_LEN * 2, "; seen since %s", from);
	else
		ztc_append(line, ZTC_END_LEN * 2, "; %s to %s", from, to);
	if (strcmp(source, "history") == 0)
		ztc_append(line, ZTC_END_LEN * 2, " (history, whole hours or days)");
}

static void put_cut(FILE *out, const json_t *map, const struct ztc_style *style)
{
	size_t there = json_array_size(json_object_get(map, "edges"));
	char line[ZTC_END_LEN], all[ZTC_TEXT_LEN], some[ZTC_TEXT_LEN];

	if (ztc_int(map, "matched") <= (int64_t)there)
		return;
	ztc_count(all, ztc_int(map, "matched"));
	ztc_count(some, (int64_t)there);
	snprintf(line, sizeof(line), "Only %s of %s edges: the limit cut", some, all);
	ztc_wrap(out, style, ZTC_WARN, 0, 2, line);
}

void ztc_map_summary(FILE *out, const json_t *map, const struct ztc_edge_view *edges, size_t count,
		     const struct ztc_style *style)
{
	size_t denied = 0, would = 0, hidden = json_array_size(json_object_get(map, "edges"));
	char nodes[ZTC_TEXT_LEN], number[ZTC_TEXT_LEN], line[ZTC_END_LEN * 2], cover[ZTC_END_LEN];
	struct ztc_coverage sum = {0};

	for (size_t i = 0; i < count; i++) {
		denied += edges[i].denied;
		would += edges[i].would;
		ztc_coverage_add(&sum, edges[i].edge);
	}
	hidden = hidden > count ? hidden - count : 0;
	ztc_plural(nodes, count_nodes(edges, count), "node", "nodes");
	ztc_plural(number, (int64_t)count, "edge", "edges");
	snprintf(line, sizeof(line), "%s, %s: %zu denied", nodes, number, denied);
	if (would)
		ztc_append(line, sizeof(line), ", %zu more would be by staged policy", would);
	append_window(line, map, style);
	if (hidden)
		ztc_append(line, sizeof(line), "; %zu of link housekeeping hidden (--all)", hidden);
	fputc('\n', out);
	ztc_wrap(out, style, ZTC_BOLD, 0, 2, line);
	ztc_coverage_text(cover, &sum);
	if (*cover)
		ztc_wrap(out, style, ZTC_PLAIN, 0, 2, cover);
	put_cut(out, map, style);
	ztc_render_losses(out, json_object_get(map, "losses"), style);
}
