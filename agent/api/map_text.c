/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map_text.c - nodes and edges of the map as JSON text.
 */
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/map_text.h"
#include "api/render.h"
#include "base/addr.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"

#define RULES_CACHED 512 /* by number modulo this; a number keeps its name */
#define MS_PER_S     1000

struct kept {
	uint32_t number; /* of a rule, or the map that a workload was made for; 0 = unused */
	char *json;	 /* NULL: there is none */
};

struct zt_map_text {
	struct zt_render *render;
	struct kept rules[RULES_CACHED];
	struct kept *workloads; /* ZT_OWNERS_MAX + 1, by owner */
	uint32_t round;		/* counts maps */
	uint64_t wall_minus_mono_ns;
};

/* --- writing --------------------------------------------------------------------------- */

#define LIT(out, text) zt_strbuf_add(out, text, sizeof(text) - 1)

static void put_digits(char *at, unsigned int n, int digits)
{
	while (digits--) {
		at[digits] = (char)('0' + n % 10);
		n /= 10;
	}
}

/* RFC 3339 as zt_wall_text() has it, quoted. Days are counted as the proleptic calendar does. */
static void put_time(struct zt_strbuf *out, uint64_t ms)
{
	char buf[] = "\"2026-11-21T00:00:00.000Z\"";
	time_t s = (time_t)(ms / MS_PER_S);
	struct tm tm;

	gmtime_r(&s, &tm);
	put_digits(buf + 1, (unsigned int)tm.tm_year + 1900, 4);
	put_digits(buf + 6, (unsigned int)tm.tm_mon + 1, 2);
	put_digits(buf + 9, (unsigned int)tm.tm_mday, 2);
	put_digits(buf + 12, (unsigned int)tm.tm_hour, 2);
	put_digits(buf + 15, (unsigned int)tm.tm_min, 2);
	put_digits(buf + 18, (unsigned int)tm.tm_sec, 2);
	put_digits(buf + 21, (unsigned int)(ms % MS_PER_S), 3);
	zt_strbuf_add(out, buf, sizeof(buf) - 1);
}

void zt_map_text_string(struct zt_strbuf *out, const char *text)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf escaped = ZT_STRBUF_INIT;

	if (zt_json_is_plain(text, strlen(text))) {
		zt_json_put_string(out, text);
		return;
	}
	zt_strbuf_escape(&escaped, text, strlen(text));
	if (zt_strbuf_error(&escaped) < 0)
		out->error = -ENOMEM;
	else
		zt_json_put_string(out, zt_strbuf_text(&escaped));
}

const char *zt_map_text_id(const struct zt_addr *addr, char ret[ZT_NODE_ID_LEN])
{
	static const char before[] = "\"address:";
	size_t len = sizeof(before) - 1;

	memcpy(ret, before, len);
	zt_addr_text(addr, ret + len);
	len += strlen(ret + len);
	memcpy(ret + len, "\"", 2);
	return ret;
}

/* --- sums ------------------------------------------------------------------------------- */

void zt_edge_sum_begin(struct zt_edge_sum *sum)
{
	memset(sum, 0, offsetof(struct zt_edge_sum, protocols));
	sum->first_ms = UINT64_MAX;
}

void zt_edge_sum_class(struct zt_edge_sum *sum, uint8_t encryption, uint8_t app,
		       uint64_t connections)
{
	struct zt_protocol_count *p = sum->protocols;
	struct zt_protocol_count *end = p + sum->protocol_count;

	if (encryption >= ZT_ENC_COUNT)
		encryption = ZT_ENC_UNKNOWN;
	if (app >= ZT_APP_COUNT)
		app = ZT_APP_NONE;
	/* A protocol in the clear has one word, however it was found out. */
	if (app && !zt_cover_secret(zt_encryption_cover(encryption)))
		encryption = ZT_ENC_PLAINTEXT;
	if (!connections)
		connections = 1;
	sum->cover[zt_encryption_cover(encryption)] += connections;
	while (p < end && (p->encryption != encryption || p->app != app))
		p++;
	if (p == end) {
		*p = (struct zt_protocol_count){encryption, app, 0};
		sum->protocol_count++;
	}
	p->count += connections;
}

void zt_edge_sum_times(struct zt_edge_sum *sum, uint64_t first_ms, uint64_t last_ms)
{
	if (first_ms < sum->first_ms)
		sum->first_ms = first_ms;
	if (last_ms > sum->last_ms)
		sum->last_ms = last_ms;
}

/* --- an edge ------------------------------------------------------------------------------ */

static void put_pair(struct zt_strbuf *out, const uint64_t n[2])
{
	LIT(out, "{\"to_dst\":");
	zt_json_put_u64(out, n[ZT_TO_DST]);
	LIT(out, ",\"to_src\":");
	zt_json_put_u64(out, n[ZT_TO_SRC]);
	LIT(out, "}");
}

static void put_plane(struct zt_strbuf *out, const struct zt_edge_face *face, int plane)
{
	if (face->action[plane] == ZT_DENY)
		LIT(out, "{\"action\":\"deny\",\"rule\":");
	else
		LIT(out, "{\"action\":\"allow\",\"rule\":");
	zt_strbuf_puts(out, face->rule[plane]);
	LIT(out, "}");
}

static void put_proto(struct zt_strbuf *out, uint8_t proto)
{
	const char *name = zt_proto_name(proto);

	LIT(out, ",\"proto\":\"");
	if (name) {
		zt_strbuf_puts(out, name);
	} else {
		LIT(out, "proto/");
		zt_json_put_u64(out, proto);
	}
	LIT(out, "\",\"port\":");
}

static void put_classes(struct zt_strbuf *out, const struct zt_edge_sum *sum)
{
	char word[ZT_PROTOCOL_TEXT_LEN];

	LIT(out, ",\"encryption\":{");
	for (int c = 0; c < ZT_COVER_COUNT; c++) {
		if (!sum->cover[c] && c < ZT_COVER_PLAINTEXT)
			continue;
		LIT(out, "\"");
		zt_strbuf_puts(out, zt_cover_name((enum zt_cover)c));
		LIT(out, "\":");
		zt_json_put_u64(out, sum->cover[c]);
		if (c != ZT_COVER_COUNT - 1)
			LIT(out, ",");
	}
	LIT(out, "},\"protocols\":{");
	for (size_t i = 0; i < sum->protocol_count; i++) {
		const struct zt_protocol_count *p = &sum->protocols[i];

		if (i)
			LIT(out, ",");
		LIT(out, "\"");
		zt_strbuf_puts(out, zt_protocol_text(p->encryption, p->app, word));
		LIT(out, "\":");
		zt_json_put_u64(out, p->count);
	}
	LIT(out, "}");
}

static void put_buckets(struct zt_strbuf *out, const struct zt_rtt *rtt)
{
	bool first = true;

	LIT(out, ",\"rtt\":[");
	for (unsigned int b = 0; b < ZT_RTT_BUCKETS; b++) {
		if (!rtt->count[b])
			continue;
		if (!first)
			LIT(out, ",");
		LIT(out, "[");
		zt_json_put_u64(out, b);
		LIT(out, ",");
		zt_json_put_u64(out, rtt->count[b]);
		LIT(out, "]");
		first = false;
	}
	LIT(out, "]");
}

static void put_health(struct zt_strbuf *out, const struct zt_health *h, bool buckets)
{
	uint64_t samples = zt_rtt_samples(&h->rtt);

	LIT(out, ",\"health\":{\"refused\":");
	zt_json_put_u64(out, h->refused);
	LIT(out, ",\"unanswered\":");
	zt_json_put_u64(out, h->unanswered);
	LIT(out, ",\"resets\":");
	zt_json_put_u64(out, h->resets);
	LIT(out, ",\"retransmits\":");
	zt_json_put_u64(out, h->retransmits);
	if (samples) {
		LIT(out, ",\"rtt_us\":{\"p50\":");
		zt_json_put_u64(out, zt_rtt_percentile(&h->rtt, 50));
		LIT(out, ",\"p99\":");
		zt_json_put_u64(out, zt_rtt_percentile(&h->rtt, 99));
		LIT(out, ",\"samples\":");
		zt_json_put_u64(out, samples);
		LIT(out, "}");
		if (buckets)
			put_buckets(out, &h->rtt);
	}
	LIT(out, "}");
}

static void put_sums(struct zt_strbuf *out, const struct zt_edge_face *face,
		     const struct zt_edge_sum *sum)
{
	LIT(out, ",\"connections\":");
	zt_json_put_u64(out, sum->connections);
	LIT(out, ",\"bytes\":");
	put_pair(out, sum->bytes);
	LIT(out, ",\"packets\":");
	put_pair(out, sum->packets);
	put_classes(out, sum);
	if (face->proto == IPPROTO_TCP)
		put_health(out, &sum->health, face->rtt);
}

void zt_edge_put(struct zt_strbuf *out, const struct zt_edge_face *face,
		 const struct zt_edge_sum *sum)
{
	LIT(out, "{\"src\":");
	zt_strbuf_puts(out, face->src);
	LIT(out, ",\"dst\":");
	zt_strbuf_puts(out, face->dst);
	put_proto(out, face->proto);
	zt_json_put_u64(out, face->port);
	if (face->workload) {
		LIT(out, ",\"workload\":");
		zt_strbuf_puts(out, face->workload);
	}
	if (face->dst_workload) {
		LIT(out, ",\"dst_workload\":");
		zt_strbuf_puts(out, face->dst_workload);
	}
	LIT(out, ",\"verdict\":{\"live\":");
	put_plane(out, face, ZT_LIVE);
	LIT(out, ",\"candidate\":");
	put_plane(out, face, ZT_CANDIDATE);
	LIT(out, "}");
	put_sums(out, face, sum);
	LIT(out, ",\"kind\":\"");
	zt_strbuf_puts(out, zt_render_kind(face->kind));
	LIT(out, "\",\"first_seen\":");
	put_time(out, sum->first_ms);
	LIT(out, ",\"last_seen\":");
	put_time(out, sum->last_ms);
	LIT(out, "}");
}

/* --- from a graph ---------------------------------------------------------------------------- */

int zt_map_text_new(struct zt_map_text **ret, struct zt_render *render)
{
	struct zt_map_text *text = calloc(1, sizeof(*text));

	if (!text)
		return -ENOMEM;
	text->render = render;
	*ret = text;
	return 0;
}

static void forget_workloads(struct zt_map_text *text)
{
	for (size_t i = 0; text->workloads && i <= ZT_OWNERS_MAX; i++)
		free(text->workloads[i].json);
	free(text->workloads);
	text->workloads = NULL;
}

void zt_map_text_free(struct zt_map_text **text)
{
	if (!*text)
		return;
	for (size_t i = 0; i < RULES_CACHED; i++)
		free((*text)->rules[i].json);
	forget_workloads(*text);
	free(*text);
	*text = NULL;
}

void zt_map_text_begin(struct zt_map_text *text)
{
	text->wall_minus_mono_ns = zt_mono_to_wall_ns(0);
	text->round++;
	if (!text->round)
		text->round++;
}

uint64_t zt_map_text_ms(const struct zt_map_text *text, uint64_t mono_ns)
{
	return (mono_ns + text->wall_minus_mono_ns) / ZT_NS_PER_MS;
}

static char *dumped(json_t *value)
{
	zt_auto(zt_json_decref) json_t *owned = value;

	return owned ? json_dumps(owned, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
}

/* NULL when out of memory. */
static const char *rule_text(struct zt_map_text *t, uint32_t number)
{
	struct kept *kept = &t->rules[number % RULES_CACHED];

	if (!number)
		return "\"none\"";
	if (kept->number != number) {
		free(kept->json);
		kept->json = dumped(zt_render_rule(t->render, number));
		kept->number = kept->json ? number : 0;
	}
	return kept->json;
}

static int workload_text(struct zt_map_text *t, uint32_t owner, const char **ret)
{
	struct kept *kept;

	*ret = NULL;
	if (!owner || owner > ZT_OWNERS_MAX)
		return 0;
	if (!t->workloads)
		t->workloads = calloc(ZT_OWNERS_MAX + 1, sizeof(*t->workloads));
	if (!t->workloads)
		return -ENOMEM;
	kept = &t->workloads[owner];
	if (kept->number != t->round) {
		free(kept->json);
		kept->json = dumped(zt_render_workload(t->render, owner));
		kept->number = t->round;
	}
	*ret = kept->json;
	return 0;
}

/* @room for the long ones, @address for the many. */
static const char *node_id(const struct zt_node *node, struct zt_strbuf *room,
			   char address[ZT_NODE_ID_LEN])
{
	if (node->kind == ZT_NODE_ADDRESS)
		return zt_map_text_id(&node->addr, address);
	if (zt_json_is_plain(node->name, strlen(node->name))) {
		zt_strbuf_puts(room, node->kind == ZT_NODE_HOST ? "\"host:" : "\"segment:");
		zt_strbuf_puts(room, node->name);
		LIT(room, "\"");
	} else {
		zt_auto(zt_freep) char *json = dumped(zt_render_node_id(node));

		zt_strbuf_puts(room, json ?: "");
	}
	return zt_strbuf_text(room);
}

int zt_map_text_edge(struct zt_map_text *text, struct zt_strbuf *out, const struct zt_node *nodes,
		     const struct zt_edge *edge, const struct zt_edge_sum *sum)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf src = ZT_STRBUF_INIT;
	zt_auto(zt_strbuf_free) struct zt_strbuf dst = ZT_STRBUF_INIT;
	const struct zt_edge_key *key = &edge->key;
	char src_address[ZT_NODE_ID_LEN], dst_address[ZT_NODE_ID_LEN];
	struct zt_edge_face face = {
		.src = node_id(&nodes[key->src], &src, src_address),
		.dst = node_id(&nodes[key->dst], &dst, dst_address),
		.action = {key->action[ZT_LIVE], key->action[ZT_CANDIDATE]},
		.proto = key->proto,
		.kind = key->kind,
		.port = key->port,
		.rtt = nodes[key->src].kind == ZT_NODE_ADDRESS &&
		       nodes[key->dst].kind == ZT_NODE_ADDRESS,
	};
	char live[ZT_NAME_LEN * 8];
	const char *rule = rule_text(text, key->rule[ZT_LIVE]);
	int r;

	/* The other plane's rule may take the first one's place in the cache. */
	if (!rule || zt_strbuf_error(&src) || zt_strbuf_error(&dst))
		return -ENOMEM;
	snprintf(live, sizeof(live), "%s", rule);
	face.rule[ZT_LIVE] = live;
	face.rule[ZT_CANDIDATE] = rule_text(text, key->rule[ZT_CANDIDATE]);
	if (!face.rule[ZT_CANDIDATE])
		return -ENOMEM;
	/* With both ends here each has its own place, also when only one is known. */
	if (key->src_owner || key->kind == ZT_KIND_LOOP) {
		r = workload_text(text, key->src_owner, &face.workload);
		r = r ?: workload_text(text, key->dst_owner, &face.dst_workload);
	} else {
		r = workload_text(text, key->dst_owner, &face.workload);
	}
	if (r < 0)
		return r;
	zt_edge_put(out, &face, sum);
	return zt_strbuf_error(out);
}

/* --- nodes ------------------------------------------------------------------------------------ */

static int put_node(struct zt_strbuf *out, json_t *node)
{
	zt_auto(zt_freep) char *json = dumped(node);

	zt_strbuf_puts(out, json ?: "");
	return json ? zt_strbuf_error(out) : -ENOMEM;
}

struct label_list {
	struct zt_strbuf *out;
	bool some;
};

static void put_label(const char *key, const char *value, void *data)
{
	struct label_list *list = data;

	if (list->some)
		LIT(list->out, ",");
	list->some = true;
	zt_map_text_string(list->out, key);
	LIT(list->out, ":");
	zt_map_text_string(list->out, value);
}

static void put_segments(struct zt_strbuf *out, const struct zt_flow_names *names,
			 const struct zt_addr *addr, bool near)
{
	const char *segments[ZT_SEGMENTS_MAX];
	size_t count = 0;

	if (names->segments)
		count = names->segments(names->ctx, addr, near, segments, ZT_SEGMENTS_MAX);
	LIT(out, ",\"segments\":[");
	for (size_t i = 0; i < count && i < ZT_SEGMENTS_MAX; i++) {
		if (i)
			LIT(out, ",");
		zt_map_text_string(out, segments[i]);
	}
	LIT(out, "]");
}

static void put_hints(struct zt_strbuf *out, const struct zt_hint *hints, size_t count)
{
	if (!count)
		return;
	LIT(out, ",\"hints\":[");
	for (size_t i = 0; i < count; i++) {
		if (i)
			LIT(out, ",");
		LIT(out, "{\"name\":");
		zt_map_text_string(out, hints[i].name);
		LIT(out, ",\"source\":");
		zt_map_text_string(out, hints[i].source);
		LIT(out, "}");
	}
	LIT(out, "]");
}

/* There may be as many addresses as edges: the same as zt_render_node() makes, without its trees.
 */
int zt_map_text_address(struct zt_map_text *text, struct zt_strbuf *out, const struct zt_addr *addr,
			bool near, const struct zt_node_then *then)
{
	const struct zt_flow_names *names = zt_render_named_by(text->render);
	const char *now = names->host ? names->host(names->ctx, addr, near) : NULL;
	const char *host = then ? then->host : now;
	struct label_list labels = {.out = out};
	struct zt_hint hints[ZT_HINTS_MAX];
	char name[ZT_ADDR_TEXT_LEN];

	zt_addr_text(addr, name);
	LIT(out, "{\"id\":\"address:");
	zt_strbuf_puts(out, name);
	LIT(out, "\",\"kind\":\"address\",\"name\":\"");
	zt_strbuf_puts(out, name);
	LIT(out, "\"");
	put_segments(out, names, addr, near);
	LIT(out, ",\"labels\":{");
	if (now && names->labels)
		names->labels(names->ctx, now, put_label, &labels);
	LIT(out, "},\"near\":");
	zt_strbuf_puts(out, near ? "true" : "false");
	if (host) {
		LIT(out, ",\"host\":");
		zt_map_text_string(out, host);
	}
	if (then && then->hint_count)
		put_hints(out, then->hints, then->hint_count);
	else if (names->hints)
		put_hints(out, hints, names->hints(names->ctx, addr, hints));
	LIT(out, "}");
	return zt_strbuf_error(out);
}

int zt_map_text_node(struct zt_map_text *text, struct zt_strbuf *out, const struct zt_node *node)
{
	if (node->kind == ZT_NODE_ADDRESS)
		return zt_map_text_address(text, out, &node->addr, node->near, NULL);
	return put_node(out, zt_render_node(text->render, node));
}
