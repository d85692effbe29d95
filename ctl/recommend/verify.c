/* SPDX-License-Identifier: Apache-2.0 */
/* verify.c - what was recommended, put to the test: it denies nothing that it was made from. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/recommend/recommend.h"
#include "policy/compile.h"
#include "policy/judge.h"
#include "policy/rules.h"

struct verify {
	const struct ztc_rec *rec;
	const struct zt_policy *policy;
	struct zt_rule_names *names;
	const struct ztc_rec_host *host; /* whose agent judges */
	uint32_t number;
	struct zt_tables *tables;
	size_t denied;
	struct zt_strbuf *why;
};

/* As it is on the host: its addresses, those it was seen with, and its broadcast addresses. */
static int compile(struct verify *v)
{
	uint32_t nodes = zt_strmap_count(v->rec->node_keys);
	size_t room = v->host->address_count + nodes + 1;
	zt_auto(zt_freep) struct zt_addr *locals = calloc(room, sizeof(*locals));
	zt_auto(zt_freep) struct zt_addr *broadcasts = calloc(room, sizeof(*broadcasts));
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	struct zt_compile_env env = {.host = v->host->name, .offline = true};
	int r;

	if (!locals || !broadcasts)
		return -ENOMEM;
	for (size_t i = 0; i < v->host->address_count; i++)
		locals[env.local_count++] = v->host->addresses[i];
	for (uint32_t n = 0; n < nodes; n++) {
		if (v->rec->nodes[n].broadcast)
			broadcasts[env.broadcast_count++] = v->rec->nodes[n].addr;
		else if (v->rec->nodes[n].host == v->number)
			locals[env.local_count++] = v->rec->nodes[n].addr;
	}
	env.locals = locals;
	env.broadcasts = broadcasts;
	zt_tables_free(&v->tables);
	r = zt_policy_compile(v->policy, &env, v->names, &v->tables, &diag);
	if (r < 0 && diag.count)
		zt_strbuf_printf(v->why, "on %s: %s", v->host->name, diag.entries[0].message);
	return r;
}

static void tell(struct verify *v, const struct ztc_rec_edge *e, const struct zt_answer *answer)
{
	const struct zt_port_range range = {e->port, e->port};
	char src[ZT_ADDR_TEXT_LEN], dst[ZT_ADDR_TEXT_LEN], port[ZT_PORT_TEXT_LEN];

	if (v->denied++)
		return;
	zt_strbuf_printf(v->why, "%s to %s %s, denied on %s by %s",
			 zt_addr_text(&v->rec->nodes[e->src].addr, src),
			 zt_addr_text(&v->rec->nodes[e->dst].addr, dst), zt_port_text(&range, port),
			 v->host->name, zt_rule_name(v->names, answer->rule[ZT_CANDIDATE]));
}

static void judge(struct verify *v, const struct ztc_rec_edge *e, bool opens)
{
	const char *unit = opens ? e->src_unit : e->dst_unit;
	struct zt_owner owner = {.uid = UINT32_MAX};
	struct zt_query query = {
		.near = v->rec->nodes[opens ? e->src : e->dst].addr,
		.far = v->rec->nodes[opens ? e->dst : e->src].addr,
		.dir = opens ? ZT_DIR_OUT : ZT_DIR_IN,
		.port_index = e->port,
	};
	struct zt_answer answer;

	if (unit) {
		snprintf(owner.unit, sizeof(owner.unit), "%s", unit);
		query.qmask = zt_tables_qmask(v->tables, &owner);
	}
	zt_tables_judge(v->tables, &query, &answer);
	if (answer.action[ZT_CANDIDATE] == ZT_DENY)
		tell(v, e, &answer);
}

int ztc_rec_verify(const struct ztc_rec *rec, const char *text, size_t *ret_denied,
		   struct zt_strbuf *why)
{
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	zt_auto(zt_rule_names_free) struct zt_rule_names *names = NULL;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	struct verify v = {.rec = rec, .why = why};
	int r = zt_policy_parse(&policy, "recommended", text, strlen(text), &diag);

	if (r < 0 && diag.count)
		zt_strbuf_printf(why, "line %u: %s", diag.entries[0].line, diag.entries[0].message);
	if (r == 0)
		r = zt_rule_names_new(&names);
	v.policy = policy;
	v.names = names;
	for (uint32_t h = 0; h < rec->host_count && r == 0; h++) {
		v.host = &rec->hosts[h];
		v.number = h;
		if (!v.host->recorded)
			continue;
		r = compile(&v);
		for (size_t i = 0; i < rec->edge_count && r == 0; i++) {
			const struct ztc_rec_edge *e = &rec->edges[i];

			if (rec->nodes[e->src].host == h)
				judge(&v, e, true);
			if (rec->nodes[e->dst].host == h)
				judge(&v, e, false);
		}
	}
	zt_tables_free(&v.tables);
	*ret_denied = v.denied;
	return r;
}

json_t *ztc_rec_json(const struct ztc_rec *rec, const char *text)
{
	json_t *segments = json_array(), *rules = json_array(), *left;

	for (size_t i = 0; i < rec->segment_count; i++) {
		const struct ztc_rec_segment *s = &rec->segments[i];
		static const char *const kinds[] = {"labels", "addresses", "existing", "builtin"};

		if (!s->used)
			continue;
		json_array_append_new(segments,
				      json_pack("{s:o, s:s, s:i, s:i, s:i}", "name",
						zt_json_str(s->name), "kind", kinds[s->kind],
						"hosts", (int)s->hosts, "addresses",
						(int)s->addresses, "widened", (int)s->widened));
	}
	for (size_t i = 0; i < rec->rule_count; i++) {
		const struct ztc_rec_rule *rule = &rec->rules[i];

		json_array_append_new(rules,
				      json_pack("{s:s, s:o, s:o, s:i}", "id", rule->id, "from",
						zt_json_str(rec->segments[rule->from].name), "to",
						zt_json_str(rec->segments[rule->to].name), "edges",
						(int)rule->count));
	}
	left = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "denied", (json_int_t)rec->left.denied,
			 "few", (json_int_t)rec->left.few, "unanswered",
			 (json_int_t)rec->left.unanswered, "other_host",
			 (json_int_t)rec->left.other_host, "loopback",
			 (json_int_t)rec->left.loopback, "builtin", (json_int_t)rec->left.builtin);
	return json_pack("{s:{s:s, s:i, s:o, s:o, s:o}}", "recommend", "text", text, "edges",
			 (int)rec->edge_count, "segments", segments, "rules", rules, "left_out",
			 left);
}
