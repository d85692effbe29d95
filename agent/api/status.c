/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.c - requests about the agent itself: status, policy status, doctor, version.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/internal.h"
#include "api/render.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "datapath/datapath.h"
#include "datapath/intent.h"
#include "policy/policy.h"
#include "policy/rules.h"
#include "policy/tables.h"

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static json_t *count_json(const struct zt_count *count)
{
	return json_pack("{s:o, s:o}", "packets", zt_json_u64(count->packets), "bytes",
			 zt_json_u64(count->bytes));
}

/* What an error number means, or null. */
static json_t *error_json(int error)
{
	return error ? zt_json_str(strerror(error < 0 ? -error : error)) : json_null();
}

static json_t *ms_json(uint64_t ns)
{
	return json_real((double)(ns / 1000) / 1000.0);
}

/* --- datapath ---------------------------------------------------------------------- */

static const char *iface_state(enum zt_iface_state state)
{
	static const char *const names[ZT_IFACE_STATE_COUNT] = {
		[ZT_IFACE_GUARDED] = "guarded",	  [ZT_IFACE_COVERED] = "covered",
		[ZT_IFACE_SLAVE] = "slave",	  [ZT_IFACE_DOWN] = "down",
		[ZT_IFACE_LEFT_OUT] = "left-out", [ZT_IFACE_FAILED] = "failed",
	};

	return state < ZT_IFACE_STATE_COUNT && names[state] ? names[state] : "unknown";
}

json_t *zt_status_interfaces(struct zt_dp *dp)
{
	json_t *array = json_array();
	size_t count;
	const struct zt_dp_iface *ifaces = zt_dp_ifaces(dp, &count);

	for (size_t i = 0; i < count; i++) {
		const struct zt_dp_iface *f = &ifaces[i];
		json_t *o = json_object();

		set(o, "name", zt_json_strn(f->name, sizeof(f->name)));
		set(o, "ifindex", json_integer(f->ifindex));
		set(o, "state", json_string(iface_state(f->state)));
		set(o, "hook", zt_json_str(f->hook));
		set(o, "layer", json_integer(f->l3 ? 3 : 2));
		set(o, "at_head",
		    json_pack("{s:b, s:b}", "ingress", f->at_head[ZT_DIR_IN], "egress",
			      f->at_head[ZT_DIR_OUT]));
		set(o, "attached", zt_json_time(f->attached_ns));
		set(o, "attach_ms", ms_json(f->attach_took_ns));
		set(o, "unjudged", zt_json_u64(f->unjudged));
		set(o, "error", error_json(f->error));
		json_array_append_new(array, o);
	}
	return array;
}

json_t *zt_status_neighbours(struct zt_dp *dp)
{
	json_t *array = json_array();
	size_t count;
	const struct zt_dp_neighbour *neighbours = zt_dp_neighbours(dp, &count);

	for (size_t i = 0; i < count; i++) {
		const struct zt_dp_neighbour *n = &neighbours[i];
		json_t *o = json_object();

		set(o, "kind", zt_json_strn(n->kind, sizeof(n->kind)));
		set(o, "dev", zt_json_strn(n->dev, sizeof(n->dev)));
		set(o, "name", zt_json_strn(n->name, sizeof(n->name)));
		set(o, "id", json_integer(n->id));
		set(o, "ahead", json_boolean(n->ahead));
		set(o, "translates", json_boolean(n->translates));
		json_array_append_new(array, o);
	}
	return array;
}

json_t *zt_status_hooks(struct zt_dp *dp)
{
	struct zt_dp_state state;

	zt_dp_state(dp, &state);
	return json_pack("{s:s, s:b, s:b, s:b, s:o}", "kind", state.have_tcx ? "tcx" : "clsact",
			 "sockets", state.owners, "socket_destroy", state.have_destroy, "conntrack",
			 state.have_ct, "cgroup", zt_json_str(state.cgroup));
}

json_t *zt_status_alarms(struct zt_dp *dp)
{
	const struct zt_dp_alarm *alarms = zt_dp_alarms(dp);
	json_t *array = json_array();

	for (size_t i = 0; i < ZT_ALARM_COUNT; i++) {
		const struct zt_dp_alarm *a = &alarms[i];
		json_t *o = json_object();

		set(o, "name", zt_json_str(a->name));
		set(o, "count", zt_json_u64(a->count));
		set(o, "last", zt_json_time(a->last_ns));
		set(o, "now", json_boolean(a->now));
		set(o, "detail", zt_json_strn(a->detail, sizeof(a->detail)));
		json_array_append_new(array, o);
	}
	return array;
}

static void add_table(json_t *array, const char *name, uint64_t used, uint64_t size)
{
	json_array_append_new(array, json_pack("{s:s, s:o, s:o}", "table", name, "used",
					       zt_json_u64(used), "size", zt_json_u64(size)));
}

/* How full the flow tables are is known exactly once a sweep has counted them. */
static json_t *capacity_json(struct zt_dp *dp, const struct zt_collector_stats *stats)
{
	static const char *const counted[] = {
		[ZT_IN_FLOWS] = "flows",
		[ZT_IN_OPENINGS] = "openings",
	};
	json_t *array = json_array();
	size_t count;
	const struct zt_dp_capacity *rows = zt_dp_capacity(dp, &count);

	for (size_t i = 0; i < count; i++) {
		uint64_t used = rows[i].used;

		for (size_t t = 0; stats->sweeps && t < ZT_IN_COUNT; t++) {
			if (!strcmp(rows[i].table, counted[t]))
				used = stats->present[t];
		}
		add_table(array, rows[i].table, used, rows[i].size);
	}
	return array;
}

json_t *zt_status_observe(struct zt_dp *dp)
{
	struct zt_dp_state state;
	uint64_t until_ns;
	bool active;

	zt_dp_state(dp, &state);
	until_ns = state.ctl.observe_until_ns;
	active = until_ns > zt_now_ns();
	return json_pack("{s:b, s:o, s:b}", "active", active, "until",
			 active && until_ns != UINT64_MAX ? zt_json_time(until_ns) : json_null(),
			 "for_good", until_ns == UINT64_MAX);
}

/* --- counters ------------------------------------------------------------------------ */

static const char *const counter_names[ZT_C_COUNT] = {
	[ZT_C_JUDGED] = "judged",
	[ZT_C_DENIED] = "denied",
	[ZT_C_WOULD_DENY] = "would_deny",
	[ZT_C_OBSERVED] = "observed",
	[ZT_C_NOT_IP] = "not_ip",
	[ZT_C_NOT_OURS] = "not_ours",
	[ZT_C_FRAGMENT] = "fragment",
	[ZT_C_TRANSIT] = "transit",
	[ZT_C_FAILSAFE] = "failsafe",
	[ZT_C_ICMP_ERROR] = "icmp_error",
	[ZT_C_EITHER] = "opener_unknown",
	[ZT_C_RESET_OUT] = "reset_out",
	[ZT_C_KEPT] = "kept",
	[ZT_C_BAD_HEADER] = "bad_header",
	[ZT_C_BAD_SOURCE] = "bad_source",
	[ZT_C_V4_MAPPED] = "v4_mapped",
	[ZT_C_SOURCE_ROUTE] = "source_route",
	[ZT_C_EXT_HEADERS] = "ext_headers",
	[ZT_C_SHORT_FRAGMENT] = "short_fragment",
	[ZT_C_LOST_RING] = "lost_ring",
	[ZT_C_LOST_INSERT] = "lost_insert",
	[ZT_C_LOST_OWNER] = "lost_owner",
	[ZT_C_LOST_PULL] = "lost_pull",
	[ZT_C_FLOW_INSERTED] = "flow_inserted",
	[ZT_C_FLOW_DELETED] = "flow_deleted",
	[ZT_C_OPENING_INSERTED] = "opening_inserted",
	[ZT_C_OPENING_DELETED] = "opening_deleted",
	[ZT_C_REFUSED] = "refused",
	[ZT_C_NO_TABLE] = "no_table",
};

/* The rows of the error posture that a counter stands for, and the rule that each goes by. */
static const struct {
	enum zt_counter counter;
	uint32_t rule; /* 0 = none: passed, or judged again */
	const char *event;
} posture_rows[] = {
	{ZT_C_LOST_INSERT, 0, "flow table full: judged again at each packet"},
	{ZT_C_BAD_HEADER, ZT_RULE_BAD_HEADER, "header cut short, bad length"},
	{ZT_C_BAD_SOURCE, ZT_RULE_BAD_SOURCE,
	 "source from the wire that is our own, loopback or multicast"},
	{ZT_C_V4_MAPPED, ZT_RULE_V4_MAPPED, "v4-mapped address in IPv6"},
	{ZT_C_SOURCE_ROUTE, ZT_RULE_SOURCE_ROUTE, "source routing"},
	{ZT_C_EXT_HEADERS, ZT_RULE_EXT_HEADERS, "extension headers beyond the parser"},
	{ZT_C_SHORT_FRAGMENT, ZT_RULE_SHORT_FRAGMENT,
	 "first fragment without its ports (TCP: flags)"},
	{ZT_C_FRAGMENT, ZT_RULE_FRAGMENT, "non-first fragment"},
	{ZT_C_NOT_IP, ZT_RULE_ARP, "frame that is not IP"},
	{ZT_C_LOST_RING, 0, "event ring full: the flow table still has it"},
	{ZT_C_NO_TABLE, 0, "policy slot without its map"},
};

static json_t *counters_json(const struct zt_count *counts)
{
	json_t *object = json_object();

	for (size_t i = 0; i < ZT_C_COUNT; i++) {
		if (counter_names[i])
			set(object, counter_names[i], count_json(&counts[i]));
	}
	return object;
}

/* What a row of the posture table does right now: with nothing enforced, denies are staged. */
static const char *posture_action(uint32_t rule, bool enforced)
{
	const struct zt_builtin_rule *builtin = rule ? zt_rule_builtin(rule) : NULL;

	if (!builtin || builtin->action == ZT_ALLOW)
		return "pass";
	return enforced ? "drop" : "would-drop";
}

static json_t *posture_json(const struct zt_api_ctx *ctx, const struct zt_count *counts)
{
	const struct zt_tables *tables = zt_intent_tables(ctx->intent);
	bool enforced = tables && (tables->meta.flags & ZT_META_ENFORCED);
	json_t *array = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(posture_rows); i++) {
		uint32_t rule = posture_rows[i].rule;
		const struct zt_builtin_rule *builtin = rule ? zt_rule_builtin(rule) : NULL;
		json_t *o = count_json(&counts[posture_rows[i].counter]);

		set(o, "event", json_string(posture_rows[i].event));
		set(o, "counter", json_string(counter_names[posture_rows[i].counter]));
		set(o, "rule", builtin ? json_string(builtin->id) : json_null());
		set(o, "action", json_string(posture_action(rule, enforced)));
		json_array_append_new(array, o);
	}
	return array;
}

json_t *zt_status_losses(struct zt_api_server *server)
{
	struct zt_collector_stats stats;
	const struct zt_flow_losses *l = &stats.losses;
	json_t *object = json_object();

	zt_collector_stats(server->ctx.collector, &stats);
	set(object, "flows_evicted", zt_json_u64(l->flows_evicted));
	set(object, "openings_evicted", zt_json_u64(l->openings_evicted));
	set(object, "ring_full", zt_json_u64(l->ring_full));
	set(object, "insert_failed", zt_json_u64(l->insert_failed));
	set(object, "owner_table_full", zt_json_u64(l->owner_table_full));
	set(object, "header_unreadable", zt_json_u64(l->header_unreadable));
	set(object, "dns_answers", zt_json_u64(l->dns_answers));
	set(object, "edges_over_cap", zt_json_u64(l->edges_over_cap));
	set(object, "violations_over_cap", zt_json_u64(l->violations_over_cap));
	set(object, "denials_forgotten", zt_json_u64(l->denials_forgotten));
	set(object, "events_unknown", zt_json_u64(l->events_unknown));
	set(object, "read_errors", zt_json_u64(l->read_errors));
	set(object, "follow_skipped", zt_json_u64(server->skipped));
	return object;
}

/* --- policy ---------------------------------------------------------------------------- */

/* Many lines, made safe by the policy's diagnostics already; one line when they were not. */
static json_t *lines_json(const char *text)
{
	json_t *lines = text ? json_string(text) : json_null();

	return lines ? lines : zt_json_str(text);
}

static json_t *load_error_json(const struct zt_intent_state *state)
{
	if (!state->error)
		return json_null();
	return json_pack("{s:o, s:I, s:o}", "text", lines_json(state->error), "errors",
			 (json_int_t)state->error_count, "since", zt_json_time(state->error_ns));
}

static void set_statements(json_t *o, const struct zt_tables *tables)
{
	json_t *expired = json_array();

	for (size_t i = 0; tables && i < tables->rule_count; i++)
		if (tables->rules[i].expired)
			json_array_append_new(expired, zt_json_str(tables->rules[i].id));
	set(o, "expired", expired);
	set(o, "live", json_integer(tables ? (json_int_t)tables->enforced_count : 0));
	set(o, "candidate",
	    json_integer(tables ? (json_int_t)(tables->enforced_count + tables->staged_count) : 0));
	set(o, "statements", json_integer(tables ? (json_int_t)tables->rule_count : 0));
	set(o, "enforces", json_boolean(tables && (tables->meta.flags & ZT_META_ENFORCED)));
	set(o, "digest",
	    tables ? zt_json_hex(tables->policy_digest, sizeof(tables->policy_digest))
		   : json_null());
}

json_t *zt_status_policy(const struct zt_api_ctx *ctx)
{
	static const char *const sources[] = {
		[ZT_INTENT_NONE] = "none",     [ZT_INTENT_FILE] = "file",
		[ZT_INTENT_HELD] = "held",     [ZT_INTENT_CONFIRMED] = "confirmed",
		[ZT_INTENT_PINNED] = "pinned", [ZT_INTENT_STATE] = "state",
	};
	struct zt_intent_state intent;
	struct zt_dp_state dp;
	json_t *o = json_object();

	zt_intent_state(ctx->intent, &intent);
	zt_dp_state(ctx->dp, &dp);
	set(o, "source",
	    json_string(intent.source < ARRAY_SIZE(sources) ? sources[intent.source] : "unknown"));
	set(o, "path", zt_json_str(intent.path));
	set(o, "name", zt_json_str(intent.name ?: ""));
	set(o, "revision", zt_json_u64(intent.revision));
	set_statements(o, zt_intent_tables(ctx->intent));
	set(o, "rows_digest", zt_json_hex(dp.digest, sizeof(dp.digest)));
	set(o, "epoch", zt_json_u64(ZT_WORD_EPOCH(dp.word)));
	set(o, "slot", json_integer(ZT_WORD_SLOT(dp.word)));
	set(o, "confirm_deadline", dp.reverted ? json_null() : zt_json_time(dp.ctl.deadline_ns));
	set(o, "reverted", json_boolean(dp.reverted));
	set(o, "committed", zt_json_time(intent.committed_ns));
	set(o, "commit_ms", ms_json(intent.commit_took_ns));
	set(o, "pending",
	    json_boolean(intent.candidate && intent.candidate->from_file &&
			 !intent.candidate->promoted));
	set(o, "load_error", load_error_json(&intent));
	set(o, "warnings", lines_json(intent.warnings));
	zt_state_json(o, &intent);
	return o;
}

/* Failsafes that let something through, and how often they were what decided. */
static json_t *failsafe_json(const struct zt_api_ctx *ctx, const struct zt_count *counts)
{
	const struct zt_tables *tables = zt_intent_tables(ctx->intent);
	json_t *o = count_json(&counts[ZT_C_FAILSAFE]);
	json_t *rules = json_array();

	for (size_t i = 0; tables && i < tables->rule_count; i++) {
		const struct zt_rule_info *info = &tables->rules[i];

		if (info->kind != ZT_STMT_FAILSAFE)
			continue;
		json_array_append_new(
			rules, json_pack("{s:o, s:o}", "rule", zt_json_str(info->id), "flows",
					 zt_json_u64(zt_dp_rule_hits(ctx->dp, info->number))));
	}
	set(o, "rules", rules);
	return o;
}

/* --- the agent ---------------------------------------------------------------------------- */

static json_t *alarm_json(const struct zt_intent_state *intent)
{
	if (intent->source == ZT_INTENT_NONE || intent->source == ZT_INTENT_PINNED || intent->host)
		return json_null();
	return json_string("this machine matches no host of the inventory, so nothing is denied: "
			   "name it with `host:` in the agent's settings or add its address");
}

static json_t *agent_json(struct zt_api_server *server)
{
	const struct zt_api_ctx *ctx = &server->ctx;
	struct zt_intent_state intent;
	struct zt_dp_state dp;
	json_t *o = json_object();

	zt_intent_state(ctx->intent, &intent);
	zt_dp_state(ctx->dp, &dp);
	set(o, "pid", json_integer(getpid()));
	set(o, "version", json_string(ZT_VERSION));
	set(o, "abi_version", json_integer(ZT_ABI_VERSION));
	set(o, "started", zt_json_time(ctx->started_ns));
	set(o, "host", zt_json_str(intent.host));
	set(o, "alarm", alarm_json(&intent));
	set(o, "observe", zt_status_observe(ctx->dp));
	set(o, "config", zt_json_str(ctx->config_path));
	set(o, "state_dir", zt_json_str(ctx->state_dir));
	set(o, "run_dir", zt_json_str(ctx->run_dir));
	set(o, "pin_dir", zt_json_str(ctx->pin_dir));
	set(o, "taken_over", json_boolean(dp.taken_over));
	set(o, "forwarding", json_boolean(zt_dp_forwarding(ctx->dp)));
	set(o, "netns_cookie", zt_json_u64(dp.ctl.netns_cookie));
	set(o, "clients", json_integer((json_int_t)server->client_count));
	set(o, "clients_refused", zt_json_u64(server->refused));
	return o;
}

static json_t *collector_json(const struct zt_collector_stats *stats)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "sweeps", zt_json_u64(stats->sweeps),
			 "sweep_ms", ms_json(stats->sweep_took_ns), "folded",
			 zt_json_u64(stats->folded), "flows",
			 zt_json_u64(stats->present[ZT_IN_FLOWS]), "openings",
			 zt_json_u64(stats->present[ZT_IN_OPENINGS]), "started",
			 zt_json_time(stats->started_ns));
}

int zt_handle_status(struct zt_request *request)
{
	struct zt_count counts[ZT_C_COUNT] = {{0}};
	const struct zt_api_ctx *ctx = request->ctx;
	struct zt_collector_stats stats;
	struct zt_dp_state dp;
	json_t *o, *capacity;
	int r = zt_dp_counters(ctx->dp, counts);

	if (r < 0)
		return zt_request_fail(request, ZT_CODE_FAILED, "cannot read the counters: %s",
				       strerror(-r));
	zt_collector_stats(ctx->collector, &stats);
	zt_dp_state(ctx->dp, &dp);
	capacity = capacity_json(ctx->dp, &stats);
	add_table(capacity, "edges", stats.edges, stats.edge_cap);
	add_table(capacity, "violations", stats.violations, stats.violation_cap);
	add_table(capacity, "clients", request->server->client_count, request->server->max_clients);
	o = json_object();
	set(o, "agent", agent_json(request->server));
	set(o, "policy", zt_status_policy(ctx));
	set(o, "labels", zt_status_labels(ctx));
	set(o, "hooks", zt_status_hooks(ctx->dp));
	set(o, "interfaces", zt_status_interfaces(ctx->dp));
	set(o, "neighbours", zt_status_neighbours(ctx->dp));
	set(o, "capacity", capacity);
	set(o, "counters", counters_json(counts));
	set(o, "posture", posture_json(ctx, counts));
	set(o, "losses", zt_status_losses(request->server));
	set(o, "failsafe", failsafe_json(ctx, counts));
	set(o, "alarms", zt_status_alarms(ctx->dp));
	set(o, "collector", collector_json(&stats));
	set(o, "history", zt_status_history(ctx->history));
	set(o, "map_bytes", zt_json_u64(dp.map_bytes));
	request->result = o;
	return 0;
}

int zt_handle_policy_status(struct zt_request *request)
{
	request->result = json_pack("{s:o}", "policy", zt_status_policy(request->ctx));
	return request->result ? 0 : -ENOMEM;
}

int zt_handle_version(struct zt_request *request)
{
	request->result = json_pack("{s:s, s:i, s:i}", "version", ZT_VERSION, "abi_version",
				    ZT_ABI_VERSION, "pid", (int)getpid());
	return request->result ? 0 : -ENOMEM;
}

/* --- doctor ---------------------------------------------------------------------------------- */

static void add_limit(json_t *array, const char *name, bool applies, const char *text)
{
	json_array_append_new(array, json_pack("{s:s, s:b, s:s}", "name", name, "applies", applies,
					       "text", text));
}

static bool any_iface(struct zt_dp *dp, enum zt_iface_state state)
{
	size_t count;
	const struct zt_dp_iface *ifaces = zt_dp_ifaces(dp, &count);

	for (size_t i = 0; i < count; i++) {
		if (ifaces[i].state == state)
			return true;
	}
	return false;
}

/* The design's limits that depend on how this agent runs, as they are here and now. */
static json_t *limits_json(const struct zt_api_ctx *ctx)
{
	json_t *array = json_array();
	struct zt_intent_state intent;
	struct zt_dp_state dp;

	zt_intent_state(ctx->intent, &intent);
	zt_dp_state(ctx->dp, &dp);
	add_limit(array, "no-owners", !dp.owners,
		  "socket hooks are not attached: rules that ask for a workload match nothing, and "
		  "a denied connect fails by timeout instead of at once");
	add_limit(array, "nat-out", dp.ctl.flags & ZT_CTL_NAT_OUT,
		  "outgoing destinations are translated in this namespace: connects are judged on "
		  "the wire, not refused at once");
	add_limit(array, "bridge-ports", any_iface(ctx->dp, ZT_IFACE_SLAVE),
		  "traffic bridged between the ports of a bridge or bond is not judged, only what "
		  "passes its master");
	add_limit(array, "left-out", any_iface(ctx->dp, ZT_IFACE_LEFT_OUT),
		  "interfaces that are not among --interface carry traffic unjudged");
	add_limit(array, "attach-failed", any_iface(ctx->dp, ZT_IFACE_FAILED),
		  "an interface could not be attached: its traffic is not judged");
	add_limit(array, "clsact", !dp.have_tcx,
		  "the kernel has no tcx (6.6): clsact filters are used, and another filter of "
		  "the same preference may be put ahead of ours");
	add_limit(array, "no-socket-destroy", !dp.have_destroy,
		  "the kernel has no bpf_sock_destroy (6.5): `existing: reset` ends sockets by "
		  "SOCK_DESTROY, one at a time");
	add_limit(array, "unknown-host", intent.source != ZT_INTENT_NONE && !intent.host,
		  "this machine matches no host of the inventory: nothing is denied");
	return array;
}

int zt_handle_doctor(struct zt_request *request)
{
	const struct zt_api_ctx *ctx = request->ctx;
	json_t *o = json_object();

	set(o, "interfaces", zt_status_interfaces(ctx->dp));
	set(o, "neighbours", zt_status_neighbours(ctx->dp));
	set(o, "hooks", zt_status_hooks(ctx->dp));
	set(o, "alarms", zt_status_alarms(ctx->dp));
	set(o, "losses", zt_status_losses(request->server));
	set(o, "observe", zt_status_observe(ctx->dp));
	set(o, "limits", limits_json(ctx));
	request->result = o;
	return 0;
}
