// SPDX-License-Identifier: Apache-2.0
/*
 * plan_json.c - plans and pre-flights as the JSON of docs/json.md.
 */
#include <string.h>

#include "api/internal.h"
#include "api/owner.h"
#include "api/plan.h"
#include "api/render.h"
#include "base/addr.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "plan/plan.h"
#include "policy/policy.h"
#include "policy/tables.h"

struct writing {
	const struct zt_plan *plan;
	const struct zt_preflight_env *env;
	struct zt_render *render;
	struct zt_users *users;
};

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static json_t *wall_json(int64_t wall_s)
{
	char text[ZT_TIME_TEXT_LEN];

	if (wall_s <= 0)
		return json_null();
	return json_string(zt_wall_text((uint64_t)wall_s * ZT_NS_PER_S, text));
}

static json_t *proto_json(uint8_t proto)
{
	const char *name = zt_proto_name(proto);

	return name ? json_string(name) : json_sprintf("proto/%u", proto);
}

static json_t *policy_json(const struct zt_tables *tables)
{
	if (!tables)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:I, s:I}", "name",
			 zt_json_str(tables->policy_name ?: ""), "revision",
			 zt_json_u64(tables->policy_revision), "digest",
			 zt_json_hex(tables->policy_digest, sizeof(tables->policy_digest)), "host",
			 zt_json_str(tables->host), "enforced", (json_int_t)tables->enforced_count,
			 "staged", (json_int_t)tables->staged_count);
}

static json_t *decision_json(const struct zt_tables *tables, uint8_t action, uint32_t rule,
			     int plane)
{
	return json_pack("{s:s, s:o}", "action", zt_action_name(action), "rule",
			 zt_json_str(zt_plan_rule_id(tables, rule, plane)));
}

static json_t *workload_json(const struct writing *w, uint32_t owner)
{
	const struct zt_owner *record = zt_judges_owner_of(&w->plan->evidence.judges, owner);

	return record ? zt_owner_json(record, w->users) : json_null();
}

/* --- edges -------------------------------------------------------------------------------------
 */

static void set_opening(const struct writing *w, json_t *o, const struct zt_opening *opening)
{
	struct zt_addr src, dst;
	uint8_t proto;
	uint16_t port;

	zt_opening_ends(opening, &src, &dst, &proto, &port);
	set(o, "src", zt_render_end(w->render, &src, opening->dir == ZT_DIR_OUT));
	set(o, "dst", zt_render_end(w->render, &dst, opening->dir == ZT_DIR_IN));
	set(o, "proto", proto_json(proto));
	set(o, "port", json_integer(port));
	set(o, "workload", workload_json(w, opening->owner));
}

static json_t *change_json(const struct writing *w, const struct zt_plan_change *c, int plane)
{
	json_t *o = json_object();

	set_opening(w, o, &c->edge.opening);
	set(o, "connections", zt_json_u64(c->edge.connections));
	set(o, "edges", zt_json_u64(c->edges));
	if (plane == ZT_CANDIDATE)
		set(o, "beyond", json_boolean(c->beyond));
	set(o, "first_seen", wall_json(c->edge.first_s));
	set(o, "last_seen", wall_json(c->edge.last_s));
	set(o, "now",
	    decision_json(w->env->tables_now, c->edge.now_action, c->edge.now_rule, ZT_LIVE));
	set(o, "then",
	    decision_json(w->env->tables, c->edge.then_action[plane], c->edge.then_rule[plane],
			  plane));
	return o;
}

static json_t *changes_json(const struct writing *w, int plane, enum zt_newly newly)
{
	const struct zt_plan_changes *changes = &w->plan->changes[plane][newly];
	json_t *rows = json_array(), *o;

	for (size_t i = 0; i < changes->count; i++)
		json_array_append_new(rows, change_json(w, &changes->rows[i], plane));
	o = json_pack("{s:o, s:o, s:o, s:I}", "rows", rows, "edges", zt_json_u64(changes->edges),
		      "connections", zt_json_u64(changes->connections), "left_out",
		      (json_int_t)changes->left_out);
	if (plane == ZT_CANDIDATE) {
		set(o, "beyond_edges", zt_json_u64(changes->beyond_edges));
		set(o, "beyond_connections", zt_json_u64(changes->beyond_connections));
	}
	return o;
}

static json_t *edges_json(const struct writing *w)
{
	const struct zt_plan_edges *edges = &w->plan->evidence.edges;
	json_t *planes[ZT_PLANE_COUNT];

	for (int plane = 0; plane < ZT_PLANE_COUNT; plane++)
		planes[plane] = json_pack("{s:o, s:o}", "newly_denied",
					  changes_json(w, plane, ZT_NEWLY_DENIED), "newly_allowed",
					  changes_json(w, plane, ZT_NEWLY_ALLOWED));
	return json_pack("{s:I, s:o, s:o, s:o}", "judged", (json_int_t)edges->count, "lost",
			 zt_json_u64(edges->lost), "live", planes[ZT_LIVE], "candidate",
			 planes[ZT_CANDIDATE]);
}

/* --- connections -------------------------------------------------------------------------------
 */

static json_t *connection_json(const struct writing *w, const struct zt_plan_connection *c)
{
	json_t *o = zt_render_flow(w->render, &c->item, NULL);

	set(o, "becomes", json_string(zt_fate_name(c->fate)));
	set(o, "rule", zt_json_str(zt_plan_rule_id(w->env->tables, c->rule, ZT_LIVE)));
	return o;
}

static json_t *connections_json(const struct writing *w)
{
	const struct zt_plan_connections *all = &w->plan->connections;
	json_t *rows = json_array(), *o;

	for (size_t i = 0; i < all->count; i++)
		json_array_append_new(rows, connection_json(w, &all->rows[i]));
	o = json_pack("{s:o, s:o}", "judged", zt_json_u64(all->judged), "rows", rows);
	for (int fate = 0; fate < ZT_FATE_COUNT; fate++)
		set(o, zt_fate_name((enum zt_fate)fate), zt_json_u64(all->total[fate]));
	return o;
}

/* --- listeners ---------------------------------------------------------------------------------
 */

static json_t *from_json(const struct writing *w, const struct zt_from *from)
{
	json_t *segments = json_array(), *others = json_array();

	for (size_t i = 0; i < from->segment_count; i++)
		json_array_append_new(segments, zt_json_str(from->segments[i]));
	for (size_t i = 0; i < from->other_count && i < ZT_FROM_OTHERS_MAX; i++)
		json_array_append_new(others, zt_render_end(w->render, &from->others[i], false));
	return json_pack("{s:b, s:o, s:o, s:I}", "any", from->any, "segments", segments, "others",
			 others, "other_count", (json_int_t)from->other_count);
}

static json_t *listener_json(const struct writing *w, const struct zt_plan_listener *l)
{
	return json_pack("{s:o, s:o, s:i, s:o}", "address", zt_json_addr(&l->socket.local), "proto",
			 proto_json(l->socket.proto), "port", l->socket.local_port, "workload",
			 workload_json(w, l->owner));
}

/* Open to all now, or closed to all: who else could reach it before does not matter then. */
static bool is_any(const struct zt_plan_listener *l, size_t classes, bool gained)
{
	for (size_t i = 0; i < classes; i++) {
		if (l->could[i] && (l->open[i] != 0) != gained)
			return false;
	}
	return true;
}

/* Listeners that gained (lost) somebody, and whom. */
static json_t *reach_json(const struct writing *w, const struct zt_class_names *names, bool gained)
{
	const struct zt_plan_listeners *all = &w->plan->evidence.listeners;
	size_t classes = w->plan->evidence.classes.count;
	json_t *rows = json_array();

	for (size_t i = 0; names && i < all->count; i++) {
		const struct zt_plan_listener *l = &all->rows[i];
		struct zt_from from = {0};
		json_t *o;

		if (!(gained ? l->gained_count : l->lost_count) ||
		    json_array_size(rows) == ZT_PLAN_ROWS_MAX ||
		    zt_class_names_from(names, gained ? l->gained : l->lost, l->could,
					is_any(l, classes, gained), &from) < 0)
			continue;
		o = listener_json(w, l);
		set(o, "from", from_json(w, &from));
		json_array_append_new(rows, o);
		zt_from_clear(&from);
	}
	return rows;
}

static json_t *listeners_json(const struct writing *w)
{
	const struct zt_evidence *e = &w->plan->evidence;
	zt_auto(zt_class_names_free) struct zt_class_names *names = NULL;
	json_t *o = json_object();
	size_t gained = 0, lost = 0;

	for (size_t i = 0; i < e->listeners.count; i++) {
		gained += e->listeners.rows[i].gained_count > 0;
		lost += e->listeners.rows[i].lost_count > 0;
	}
	if (gained || lost)
		zt_class_names_new(&names, &e->judges, &e->classes);
	set(o, "judged", json_integer((json_int_t)e->listeners.count));
	set(o, "left_out", json_integer((json_int_t)e->listeners.left_out));
	set(o, "classes_left_out", json_integer((json_int_t)e->classes.left_out));
	set(o, "reachable", reach_json(w, names, true));
	set(o, "unreachable", reach_json(w, names, false));
	set(o, "reachable_count", json_integer((json_int_t)gained));
	set(o, "unreachable_count", json_integer((json_int_t)lost));
	return o;
}

/* --- evidence, capacity -------------------------------------------------------------------------
 */

static json_t *evidence_json(const struct writing *w)
{
	const struct zt_plan_seen *seen = &w->plan->seen;
	json_t *never_hit = json_array(), *never_contacted = json_array(), *o;

	for (size_t i = 0; i < seen->never_hit_count && i < ZT_PLAN_ROWS_MAX; i++)
		json_array_append_new(never_hit, zt_json_str(seen->never_hit[i]));
	for (size_t i = 0; i < seen->never_contacted_count && i < ZT_PLAN_ROWS_MAX; i++)
		json_array_append_new(never_contacted, listener_json(w, seen->never_contacted[i]));
	o = json_pack("{s:o, s:o, s:I, s:I, s:o, s:I, s:o}", "first_seen", wall_json(seen->first_s),
		      "last_seen", wall_json(seen->last_s), "statements",
		      (json_int_t)seen->statements, "never_hit_count",
		      (json_int_t)seen->never_hit_count, "never_hit", never_hit,
		      "never_contacted_count", (json_int_t)seen->never_contacted_count,
		      "never_contacted", never_contacted);
	set(o, "days", seen->days_known ? zt_json_u64(seen->days) : json_null());
	set(o, "longest_gap_s", seen->days_known ? zt_json_u64(seen->longest_gap_s) : json_null());
	set(o, "month_end", seen->days_known ? json_boolean(seen->month_end) : json_null());
	return o;
}

static json_t *capacity_json(const struct zt_plan *plan)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < plan->capacity_count; i++) {
		const struct zt_plan_capacity *c = &plan->capacity[i];

		json_array_append_new(rows,
				      json_pack("{s:s, s:o, s:o, s:o}", "table", c->table, "size",
						zt_json_u64(c->size), "now", zt_json_u64(c->now),
						"then", zt_json_u64(c->then)));
	}
	return rows;
}

/* --- pre-flight ----------------------------------------------------------------------------------
 */

static json_t *cut_json(const struct zt_preflight_cut *cut, struct zt_render *render)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:i, s:o, s:o}", "kind",
			 zt_preflight_kind_name(cut->kind), "what", zt_json_str(cut->what), "src",
			 zt_render_end(render, &cut->src, false), "dst",
			 zt_render_end(render, &cut->dst, false), "proto", proto_json(cut->proto),
			 "port", cut->port, "rule", zt_json_str(cut->rule_id), "connections",
			 zt_json_u64(cut->count));
}

static json_t *ssh_json(const struct zt_preflight *p)
{
	static const char *const found[] = {"none", "yours", "all-to-sshd"};
	json_t *o = json_pack("{s:s}", "found", found[p->ssh]);

	if (p->ssh != ZT_SSH_FOUND)
		return o;
	set(o, "src", zt_json_addr(&p->ssh_src));
	set(o, "src_port", json_integer(p->ssh_src_port));
	set(o, "dst", zt_json_addr(&p->ssh_dst));
	set(o, "port", json_integer(p->ssh_port));
	set(o, "pid", json_integer(p->ssh_pid));
	return o;
}

json_t *zt_preflight_json(const struct zt_preflight *p, struct zt_render *render)
{
	json_t *cuts = json_array(), *asked = json_object(), *cut = json_object();
	char sentence[512];

	for (size_t i = 0; i < p->cut_count; i++)
		json_array_append_new(cuts, cut_json(&p->cuts[i], render));
	for (int kind = 0; kind < ZT_PREFLIGHT_KIND_COUNT; kind++) {
		const char *name = zt_preflight_kind_name((enum zt_preflight_kind)kind);

		set(asked, name, json_integer((json_int_t)p->asked[kind]));
		set(cut, name, json_integer((json_int_t)p->cut[kind]));
	}
	zt_preflight_sentence(p, sentence, sizeof(sentence));
	return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:f}", "passed",
			 !p->vital && !p->differ, "why",
			 sentence[0] ? zt_json_str(sentence) : json_null(), "ssh", ssh_json(p),
			 "asked", asked, "cut", cut, "cuts", cuts, "kernel", p->kernel,
			 "kernel_error", zt_json_str(p->kernel_error), "probes",
			 zt_json_u64(p->probes), "differ", zt_json_u64(p->differ), "differ_text",
			 zt_json_str(p->differ_text), "took_ms", (double)p->took_ns / 1e6);
}

json_t *zt_plan_json(const struct zt_plan *plan, const struct zt_preflight_env *env,
		     struct zt_render *render, struct zt_users *users)
{
	const struct writing w = {plan, env, render, users};
	json_t *o = json_object();

	set(o, "policy", policy_json(env->tables));
	set(o, "now", policy_json(env->tables_now));
	set(o, "statements", json_incref(plan->statements));
	set(o, "definitions", json_incref(plan->definitions));
	set(o, "edges", edges_json(&w));
	set(o, "connections", connections_json(&w));
	set(o, "listeners", listeners_json(&w));
	set(o, "evidence", evidence_json(&w));
	set(o, "capacity", capacity_json(plan));
	set(o, "preflight", zt_preflight_json(plan->preflight, render));
	set(o, "took_ms", json_real((double)plan->took_ns / 1e6));
	return o;
}
