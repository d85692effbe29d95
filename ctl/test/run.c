/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - one case: every pair of its ends, judged at each end that has an agent.
 *
 * A packet passes when both agents let it: the verdict is deny when either denies.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/explain.h"
#include "ctl/test/test.h"

/* One agent's answer. */
struct opinion {
	const struct zt_host *host; /* NULL: no agent at that end */
	const struct zt_tables *tables;
	struct zt_query query;
	struct zt_answer answer;
};

struct pair {
	const struct ztc_test_end *src, *dst;
	struct opinion at[2];	     /* of the end that opens, of the one that is called */
	int decides[ZT_PLANE_COUNT]; /* which of the two */
	bool loopback;
};

struct run {
	struct ztc_test *test;
	const struct zt_case *c;
	struct zt_owner owner[2];
	size_t pairs, failed;
	json_t *failures; /* of the first pairs that fail */
	json_t *verdict;  /* of the first pair */
};

static int ask(struct run *run, struct pair *p, int side)
{
	const struct ztc_test_end *near = side ? p->dst : p->src, *far = side ? p->src : p->dst;
	const struct zt_case_end *end = side ? &run->c->to : &run->c->from;
	struct opinion *o = &p->at[side];
	int r;

	if (!near->host || (run->test->only && near->host != run->test->only))
		return 0;
	r = ztc_test_tables(run->test, near->host, run->c, &o->tables);
	if (r < 0)
		return r;
	o->host = near->host;
	o->query = (struct zt_query){
		.near = near->addr,
		.far = far->addr,
		.now_ns = ZTC_TEST_MONO_NS,
		.dir = side ? ZT_DIR_IN : ZT_DIR_OUT,
		.port_index = run->c->port.first,
		.qmask = end->qualified ? zt_tables_qmask(o->tables, &run->owner[side]) : 0,
	};
	zt_tables_judge(o->tables, &o->query, &o->answer);
	return 0;
}

/* Which agent's rule is named: the one that denies; else the one that has something to say. */
static int who_decides(const struct pair *p, int plane)
{
	const struct opinion *from = &p->at[0], *to = &p->at[1];

	if (!from->host || !to->host)
		return from->host ? 0 : 1;
	if (from->answer.action[plane] == ZT_DENY)
		return 0;
	if (to->answer.action[plane] == ZT_DENY)
		return 1;
	return to->answer.rank[plane] == ZT_RANK_DEFAULT ? 0 : 1;
}

static int judge(struct run *run, struct pair *p)
{
	int r;

	if (p->src->host && p->src->host == p->dst->host) {
		/* It never meets the wire. */
		p->loopback = true;
		p->at[1].host = p->dst->host;
		p->at[1].answer = (struct zt_answer){
			.rule = {ZT_RULE_LOOPBACK, ZT_RULE_LOOPBACK},
			.action = {ZT_ALLOW, ZT_ALLOW},
			.rank = {ZT_RANK_BUILTIN, ZT_RANK_BUILTIN},
		};
		p->decides[ZT_LIVE] = p->decides[ZT_CANDIDATE] = 1;
		return 0;
	}
	r = ask(run, p, 0);
	if (r == 0)
		r = ask(run, p, 1);
	for (int plane = 0; plane < ZT_PLANE_COUNT && r == 0; plane++)
		p->decides[plane] = who_decides(p, plane);
	return r;
}

static __u8 action_of(const struct pair *p, int plane)
{
	return p->at[p->decides[plane]].answer.action[plane];
}

/* Does the rule that is expected decide, at an end that gives the verdict? */
static bool rule_holds(const struct run *run, const struct pair *p)
{
	int plane = run->c->expects[ZT_CANDIDATE] ? ZT_CANDIDATE : ZT_LIVE;

	if (!run->c->rule)
		return true;
	for (int side = 0; side < 2; side++) {
		const struct opinion *o = &p->at[side];
		const char *id;

		if (!o->host || o->answer.action[plane] != action_of(p, plane))
			continue;
		id = zt_rule_name(run->test->names, o->answer.rule[plane]);
		if (id && strcmp(id, run->c->rule) == 0)
			return true;
	}
	return false;
}

static bool holds(const struct run *run, const struct pair *p)
{
	for (int plane = 0; plane < ZT_PLANE_COUNT; plane++)
		if (run->c->expects[plane] && run->c->want[plane] != action_of(p, plane))
			return false;
	return rule_holds(run, p);
}

/* --- what is told ------------------------------------------------------------------------ */

static json_t *end_json(const struct ztc_test_end *end)
{
	return json_pack("{s:o, s:o*}", "address", zt_json_addr(&end->addr), "host",
			 end->host ? zt_json_str(end->host->name) : NULL);
}

static json_t *verdict_json(const struct run *run, const struct pair *p)
{
	json_t *verdict = json_object();

	for (int plane = 0; plane < ZT_PLANE_COUNT; plane++) {
		const struct opinion *o = &p->at[p->decides[plane]];
		json_t *one = ztc_plane_json(o->tables, run->test->names, &o->answer, plane);

		json_object_set_new(one, "judged_at", zt_json_str(o->host->name));
		json_object_set_new(verdict, plane == ZT_LIVE ? "live" : "candidate", one);
	}
	return verdict;
}

/* What each agent considered. */
static int opinion_json(const struct run *run, const struct opinion *o, int side, json_t *list)
{
	zt_auto(zt_explanation_free) struct zt_explanation why = {0};
	json_t *one, *segments[2] = {json_array(), json_array()};
	int r = zt_tables_explain(o->tables, &o->query, &why);

	if (r < 0)
		return r;
	for (size_t i = 0; i < why.near_segment_count; i++)
		json_array_append_new(segments[0], zt_json_str(why.near_segments[i]));
	for (size_t i = 0; i < why.far_segment_count; i++)
		json_array_append_new(segments[1], zt_json_str(why.far_segments[i]));
	one = json_pack(
		"{s:o, s:s, s:o, s:o, s:b, s:{s:o, s:o}, s:o}", "host", zt_json_str(o->host->name),
		"end", side ? "to" : "from", "from_segments", segments[side], "to_segments",
		segments[!side], "owner_dependent", o->answer.owner_dep != 0, "verdict", "live",
		ztc_plane_json(o->tables, run->test->names, &o->answer, ZT_LIVE), "candidate",
		ztc_plane_json(o->tables, run->test->names, &o->answer, ZT_CANDIDATE), "considered",
		ztc_candidates_json(&why));
	return json_array_append_new(list, one) < 0 ? -ENOMEM : 0;
}

static int tell_failure(struct run *run, const struct pair *p)
{
	json_t *judged = json_array();
	int r = 0;

	for (int side = 0; side < 2 && r == 0; side++)
		if (p->at[side].host && !p->loopback)
			r = opinion_json(run, &p->at[side], side, judged);
	if (r < 0) {
		json_decref(judged);
		return r;
	}
	return json_array_append_new(run->failures,
				     json_pack("{s:o, s:o, s:o, s:o}", "src", end_json(p->src),
					       "dst", end_json(p->dst), "verdict",
					       verdict_json(run, p), "judged", judged)) < 0
		       ? -ENOMEM
		       : 0;
}

static int take_pair(struct run *run, const struct ztc_test_end *src,
		     const struct ztc_test_end *dst)
{
	struct pair p = {.src = src, .dst = dst};
	int r = judge(run, &p);

	if (r < 0)
		return r;
	run->pairs++;
	if (!run->verdict)
		run->verdict = verdict_json(run, &p);
	if (!run->verdict)
		return -ENOMEM;
	if (holds(run, &p))
		return 0;
	run->failed++;
	return run->failed <= ZTC_TEST_SHOWN ? tell_failure(run, &p) : 0;
}

/* Pairs that can be: of one family, not a host with itself unless that is what was written. */
static bool can_be(const struct run *run, const struct ztc_test_end *src,
		   const struct ztc_test_end *dst)
{
	const struct zt_case *c = run->c;
	bool v4 = zt_addr_is_v4(&src->addr);
	uint8_t proto;
	uint16_t port;

	zt_port_proto(c->port.first, &proto, &port);
	if (v4 != zt_addr_is_v4(&dst->addr) || (proto == IPPROTO_ICMP && !v4) ||
	    (proto == IPPROTO_ICMPV6 && v4) || zt_addr_is_multicast(&src->addr))
		return false;
	if (run->test->only && src->host != run->test->only && dst->host != run->test->only)
		return false;
	if (!src->host && !dst->host)
		return false;
	return src->host != dst->host ||
	       (c->from.kind != ZT_CASE_SEGMENT && c->to.kind != ZT_CASE_SEGMENT);
}

static int take_pairs(struct run *run, const struct ztc_test_ends *from,
		      const struct ztc_test_ends *to)
{
	struct zt_diag *diag = run->test->diag;

	if (from->count * to->count > ZTC_TEST_PAIRS_MAX) {
		zt_diag_error(diag, &run->c->loc, "%zu pairs of ends; at most %d are tried",
			      from->count * to->count, ZTC_TEST_PAIRS_MAX);
		zt_diag_remedy(diag, "name hosts, or smaller segments");
		return -EINVAL;
	}
	for (size_t i = 0; i < from->count; i++)
		for (size_t k = 0; k < to->count; k++) {
			int r = 0;

			if (can_be(run, &from->ends[i], &to->ends[k]))
				r = take_pair(run, &from->ends[i], &to->ends[k]);
			if (r < 0)
				return r;
		}
	if (run->pairs)
		return 0;
	zt_diag_error(diag, &run->c->loc, "nobody judges this: %s",
		      run->test->only ? "the host asked for is at neither end"
				      : "no two addresses of one family, one of them a host's");
	return -EINVAL;
}

static json_t *expectation_json(const struct zt_case *c)
{
	json_t *json = json_object();

	for (int plane = 0; plane < ZT_PLANE_COUNT; plane++)
		if (c->expects[plane])
			json_object_set_new(json, plane == ZT_LIVE ? "live" : "candidate",
					    json_string(zt_action_name(c->want[plane])));
	if (c->rule)
		json_object_set_new(json, "rule", zt_json_str(c->rule));
	return json;
}

static json_t *result_json(const struct run *run)
{
	const struct zt_case *c = run->c;
	char port[ZT_PORT_TEXT_LEN], time[ZT_TIME_TEXT_LEN];

	return json_pack("{s:o, s:o, s:i, s:b, s:o, s:o, s:s, s:o, s:o, s:i, s:i, s:O, s:O}",
			 "name", zt_json_str(c->name), "file", zt_json_str(c->loc.file), "line",
			 (int)c->loc.line, "ok", run->failed == 0, "from",
			 zt_json_str(c->from.text), "to", zt_json_str(c->to.text), "port",
			 zt_port_text(&c->port, port), "at",
			 c->at_ns ? json_string(zt_wall_text(c->at_ns, time)) : json_null(),
			 "expect", expectation_json(c), "pairs", (int)run->pairs, "failed",
			 (int)run->failed, "verdict", run->verdict, "failures", run->failures);
}

int ztc_test_run(struct ztc_test *test, const struct zt_case *c, json_t **ret, bool *ret_ok)
{
	zt_auto(ztc_test_ends_free) struct ztc_test_ends from = {0}, to = {0};
	struct run run = {.test = test, .c = c, .failures = json_array()};
	int r = run.failures ? 0 : -ENOMEM;

	if (r == 0)
		r = ztc_test_owner(test, &c->from, &run.owner[0]);
	if (r == 0)
		r = ztc_test_owner(test, &c->to, &run.owner[1]);
	if (r == 0)
		r = ztc_test_expand(test, c, &c->from, &from);
	if (r == 0)
		r = ztc_test_expand(test, c, &c->to, &to);
	if (r == 0)
		r = take_pairs(&run, &from, &to);
	if (r == 0) {
		*ret = result_json(&run);
		*ret_ok = run.failed == 0;
		r = *ret ? 0 : -ENOMEM;
	}
	json_decref(run.failures);
	json_decref(run.verdict);
	if (test->table_count > ZTC_TEST_TABLES_MAX)
		ztc_test_forget(test);
	return r;
}
