/* SPDX-License-Identifier: Apache-2.0 */
/*
 * render.c - flows, violations, nodes and workloads as JSON.
 */
#include <errno.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/owner.h"
#include "api/procs.h"
#include "api/render.h"
#include "base/addr.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/protocol.h"
#include "flow/rates.h"

#define WORKLOADS_CACHED 512 /* by owner index modulo this; an owner record never changes */

struct workload {
	uint32_t index; /* 0 = unused */
	json_t *json;
};

struct zt_render {
	const struct zt_flow_names *names;
	struct zt_users *users;
	struct zt_procs *procs;
	struct workload workloads[WORKLOADS_CACHED];
};

int zt_render_new(struct zt_render **ret, struct zt_users *users, struct zt_procs *procs)
{
	struct zt_render *render = calloc(1, sizeof(*render));

	if (!render)
		return -ENOMEM;
	render->users = users;
	render->procs = procs;
	*ret = render;
	return 0;
}

void zt_render_free(struct zt_render **render)
{
	if (!*render)
		return;
	for (size_t i = 0; i < WORKLOADS_CACHED; i++)
		json_decref((*render)->workloads[i].json);
	free(*render);
	*render = NULL;
}

void zt_render_names(struct zt_render *render, const struct zt_flow_names *names)
{
	render->names = names;
}

const struct zt_flow_names *zt_render_named_by(const struct zt_render *render)
{
	return render->names;
}

/* Borrowed from the cache; NULL when the owner is not known. */
static json_t *workload_of(struct zt_render *r, uint32_t index, struct zt_owner *ret_owner)
{
	struct workload *cached = &r->workloads[index % WORKLOADS_CACHED];

	if (!index || !r->names->owner || r->names->owner(r->names->ctx, index, ret_owner) < 0)
		return NULL;
	if (cached->index == index)
		return cached->json;
	json_decref(cached->json);
	cached->json = zt_owner_json(ret_owner, r->users);
	cached->index = cached->json ? index : 0;
	return cached->json;
}

/* What the kernel kept of the latest process, or what the process still says of itself. */
static json_t *latest_command(struct zt_render *r, uint32_t index, const struct zt_owner *owner)
{
	struct zt_proc_name name;
	struct zt_owner_cmd cmd;

	if (!r->names->command || r->names->command(r->names->ctx, index, &cmd) < 0)
		return NULL;
	if (cmd.args_len)
		return zt_owner_args(cmd.args, cmd.args_len);
	if (!zt_procs_started(r->procs, cmd.pid, cmd.start_ns, owner, &name) && name.args_len)
		return zt_owner_args(name.args, name.args_len);
	return cmd.comm[0] ? zt_json_strn(cmd.comm, sizeof(cmd.comm)) : NULL;
}

json_t *zt_render_workload(struct zt_render *render, uint32_t owner)
{
	struct zt_owner record;
	json_t *workload = workload_of(render, owner, &record);
	json_t *command;

	if (!workload)
		return NULL;
	workload = json_copy(workload);
	command = latest_command(render, owner, &record);
	if (workload && command)
		json_object_set_new(workload, "command", command);
	else
		json_decref(command);
	return workload;
}

static void set_workload(struct zt_render *r, json_t *object, const char *key, uint32_t index)
{
	json_t *workload = zt_render_workload(r, index);

	if (workload)
		json_object_set_new(object, key, workload);
}

/* A command line on a flow is its own process's: another one of the same owner proves nothing. */
static json_t *own_command(struct zt_render *r, uint32_t index, uint32_t pid, uint64_t first_ns,
			   const struct zt_proc_name *name)
{
	struct zt_owner_cmd cmd;

	if (r->names->command && !r->names->command(r->names->ctx, index, &cmd) && cmd.pid == pid &&
	    cmd.start_ns <= first_ns && cmd.args_len)
		return zt_owner_args(cmd.args, cmd.args_len);
	return name ? zt_owner_args(name->args, name->args_len) : NULL;
}

/* The same with the process that opened the socket, which only a single flow has. */
static void set_process(struct zt_render *r, json_t *object, uint32_t index, uint32_t pid,
			uint64_t first_ns)
{
	struct zt_proc_name name;
	struct zt_owner owner;
	json_t *workload = workload_of(r, index, &owner), *command;
	bool found;

	if (!workload)
		return;
	workload = json_copy(workload);
	found = pid && !zt_procs_name(r->procs, pid, first_ns, &owner, &name);
	command = pid ? own_command(r, index, pid, first_ns, found ? &name : NULL) : NULL;
	if (pid)
		json_object_set_new(workload, "pid", json_integer(pid));
	if (found) {
		json_object_set_new(workload, "comm", zt_json_str(name.comm));
		if (strncmp(name.exe, owner.exe, sizeof(owner.exe)))
			json_object_set_new(workload, "exe_path", zt_json_str(name.exe));
	}
	if (command)
		json_object_set_new(workload, "command", command);
	json_object_set_new(object, "workload", workload);
}

void zt_render_learn(struct zt_render *render, const struct zt_flow_item *item)
{
	struct zt_proc_name name;
	struct zt_owner owner;

	if (!item->flow.pid || !item->flow.owner || !render->names->owner)
		return;
	if (render->names->owner(render->names->ctx, item->flow.owner, &owner) < 0)
		return;
	zt_procs_name(render->procs, item->flow.pid, item->flow.first_ns, &owner, &name);
}

json_t *zt_render_rule(struct zt_render *render, uint32_t number)
{
	const char *name = NULL;

	if (number == ZT_RULE_NONE)
		return json_string("none");
	if (render->names->rule)
		name = render->names->rule(render->names->ctx, number);
	return name ? zt_json_str(name) : json_sprintf("rule-%u", number);
}

static json_t *proto_json(uint8_t proto)
{
	const char *name = zt_proto_name(proto);

	return name ? json_string(name) : json_sprintf("proto/%u", proto);
}

static json_t *segments_json(struct zt_render *r, const struct zt_addr *addr, bool near)
{
	const char *names[ZT_SEGMENTS_MAX];
	json_t *array = json_array();
	size_t count = 0;

	if (r->names->segments)
		count = r->names->segments(r->names->ctx, addr, near, names, ZT_SEGMENTS_MAX);
	for (size_t i = 0; i < count && i < ZT_SEGMENTS_MAX; i++)
		json_array_append_new(array, zt_json_str(names[i]));
	return array;
}

static void put_hints(json_t *object, const struct zt_hint *hints, size_t count)
{
	json_t *array = count ? json_array() : NULL;

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array,
				      json_pack("{s:o, s:s}", "name", zt_json_str(hints[i].name),
						"source", hints[i].source));
	if (array)
		json_object_set_new(object, "hints", array);
}

static void set_hints(struct zt_render *r, json_t *object, const struct zt_addr *addr)
{
	struct zt_hint hints[ZT_HINTS_MAX];

	if (r->names->hints)
		put_hints(object, hints, r->names->hints(r->names->ctx, addr, hints));
}

json_t *zt_render_end(struct zt_render *render, const struct zt_addr *addr, bool near)
{
	const struct zt_flow_names *names = render->names;
	const char *host = names->host ? names->host(names->ctx, addr, near) : NULL;
	json_t *end = json_object();

	json_object_set_new(end, "address", zt_json_addr(addr));
	if (host)
		json_object_set_new(end, "host", zt_json_str(host));
	set_hints(render, end, addr);
	json_object_set_new(end, "segments", segments_json(render, addr, near));
	json_object_set_new(end, "near", json_boolean(near));
	return end;
}

static json_t *plane_json(struct zt_render *r, uint8_t action, uint32_t rule)
{
	return json_pack("{s:s, s:o}", "action", action == ZT_DENY ? "deny" : "allow", "rule",
			 zt_render_rule(r, rule));
}

static json_t *verdict_json(struct zt_render *r, const uint8_t *action, const uint32_t *rule)
{
	return json_pack("{s:o, s:o}", "live", plane_json(r, action[ZT_LIVE], rule[ZT_LIVE]),
			 "candidate", plane_json(r, action[ZT_CANDIDATE], rule[ZT_CANDIDATE]));
}

static json_t *pair_json(uint64_t to_dst, uint64_t to_src)
{
	return json_pack("{s:o, s:o}", "to_dst", zt_json_u64(to_dst), "to_src",
			 zt_json_u64(to_src));
}

const char *zt_render_kind(uint8_t kind)
{
	static const char *const names[] = {
		[ZT_KIND_LOCAL] = "local",
		[ZT_KIND_FWD] = "forwarded",
		[ZT_KIND_LOOP] = "loopback",
	};

	return kind < ARRAY_SIZE(names) ? names[kind] : "unknown";
}

static const char *state_name(uint8_t state)
{
	static const char *const names[] = {
		[ZT_STATE_OPENING] = "opening",
		[ZT_STATE_ESTABLISHED] = "established",
		[ZT_STATE_CLOSING] = "closing",
		[ZT_STATE_CLOSED] = "closed",
	};

	return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

static json_t *flags_json(uint8_t flags)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} rows[] = {
		{ZT_FLOW_OWNER_DEP, "owner-dependent"}, {ZT_FLOW_KEPT, "kept"},
		{ZT_FLOW_MIDFLOW, "midflow"},		{ZT_FLOW_EITHER, "opener-unknown"},
		{ZT_FLOW_FAILSAFE, "failsafe"},		{ZT_FLOW_RESETTING, "resetting"},
	};
	json_t *array = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (flags & rows[i].bit)
			json_array_append_new(array, json_string(rows[i].name));
	}
	return array;
}

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static void set_ends(struct zt_render *r, json_t *object, const struct zt_flow_item *item)
{
	const struct zt_flow *flow = &item->flow;
	json_t *src, *dst, *near, *far;
	struct zt_flow_ends ends;
	bool near_is_src;

	zt_flow_ends(&item->key, flow, &ends);
	src = zt_render_end(r, &ends.src, ends.src_near);
	dst = zt_render_end(r, &ends.dst, ends.dst_near);
	set(src, "port", json_integer(ends.src_port));
	set(dst, "port", json_integer(ends.port));
	/* The recorded process is the near end's; of a loopback flow that is the source. */
	near_is_src = ends.src_near;
	near = near_is_src ? src : dst;
	far = near_is_src ? dst : src;
	set_process(r, near, flow->owner, flow->pid, flow->first_ns);
	set_workload(r, far, "workload", flow->far_owner);
	set(object, "src", src);
	set(object, "dst", dst);
	set(object, "bytes", pair_json(flow->bytes[ends.to_dst], flow->bytes[!ends.to_dst]));
	set(object, "packets", pair_json(flow->packets[ends.to_dst], flow->packets[!ends.to_dst]));
}

static void set_class(json_t *object, const struct zt_flow *flow)
{
	enum zt_cover cover = zt_encryption_cover(flow->encryption);
	char word[ZT_PROTOCOL_TEXT_LEN];

	/* A protocol that is known and not encrypted is in the clear. */
	if (cover == ZT_COVER_UNKNOWN && zt_app_name(flow->app))
		cover = ZT_COVER_PLAINTEXT;
	set(object, "encryption", json_string(zt_cover_name(cover)));
	set(object, "protocol", json_string(zt_protocol_text(flow->encryption, flow->app, word)));
}

static json_t *health_json(const struct zt_flow *flow)
{
	const char *near = flow->opener == ZT_DIR_IN ? "dst" : "src";
	const char *far = flow->opener == ZT_DIR_IN ? "src" : "dst";
	json_t *health = json_object();

	set(health, "answered", json_boolean(flow->health & ZT_HEALTH_ANSWERED));
	set(health, "retransmits", json_integer(flow->retrans));
	if (flow->rtt_us)
		set(health, "rtt_us", json_integer(flow->rtt_us));
	if (flow->health & (ZT_HEALTH_RST_NEAR | ZT_HEALTH_RST_FAR))
		set(health, "reset_by",
		    json_string(flow->health & ZT_HEALTH_RST_NEAR ? near : far));
	if (flow->health & ZT_HEALTH_UNREACHABLE)
		set(health, "unreachable", json_true());
	return health;
}

json_t *zt_render_flow(struct zt_render *render, const struct zt_flow_item *item,
		       const char *change)
{
	const struct zt_flow *flow = &item->flow;
	json_t *object = json_object();

	if (change)
		set(object, "change", json_string(change));
	set_ends(render, object, item);
	set(object, "proto", proto_json(item->key.proto));
	if ((item->key.proto == IPPROTO_ICMP || item->key.proto == IPPROTO_ICMPV6) &&
	    (item->key.far_port == ZT_ECHO_BY_NEAR || item->key.far_port == ZT_ECHO_BY_FAR))
		set(object, "echo_id", json_integer(ntohs(item->key.near_port)));
	set(object, "opened_by", json_string("src"));
	set(object, "state", json_string(state_name(flow->state)));
	set(object, "verdict", verdict_json(render, flow->action, flow->rule));
	set(object, "first_seen", zt_json_time(flow->first_ns));
	set(object, "last_seen", zt_json_time(flow->last_ns));
	set_class(object, flow);
	if (item->key.proto == IPPROTO_TCP)
		set(object, "health", health_json(flow));
	set(object, "policy_epoch", zt_json_u64(ZT_WORD_EPOCH(flow->state_word)));
	set(object, "connections", json_integer(flow->opens ?: 1));
	set(object, "denied_packets", zt_json_u64(flow->denied));
	set(object, "would_deny_packets", zt_json_u64(flow->would_deny));
	set(object, "kind", json_string(zt_render_kind(item->key.kind)));
	set(object, "ended", json_boolean(item->ended));
	set(object, "flags", flags_json(flow->flags));
	return object;
}

static void set_named(struct zt_render *r, json_t *object, const char *host_key,
		      const char *segments_key, const struct zt_addr *addr, bool near)
{
	const char *host = r->names->host ? r->names->host(r->names->ctx, addr, near) : NULL;

	if (host)
		set(object, host_key, zt_json_str(host));
	set(object, segments_key, segments_json(r, addr, near));
}

json_t *zt_render_violation(struct zt_render *render, const struct zt_violation *v)
{
	const struct zt_violation_key *key = &v->key;
	json_t *object = json_object();

	set(object, "src", zt_json_addr(&key->src));
	set(object, "dst", zt_json_addr(&key->dst));
	set(object, "proto", proto_json(key->proto));
	set(object, "port", json_integer(key->port));
	set(object, "rule", zt_render_rule(render, key->rule));
	set(object, "mode", json_string(zt_mode_name((enum zt_mode)key->mode)));
	set(object, "count", zt_json_u64(v->count));
	set(object, "attempts", zt_json_u64(v->attempts));
	set(object, "first_seen", zt_json_time(v->first_ns));
	set(object, "last_seen", zt_json_time(v->last_ns));
	set_workload(render, object, "workload", key->owner);
	set_named(render, object, "src_host", "src_segments", &key->src, key->near & 0x1);
	set_named(render, object, "dst_host", "dst_segments", &key->dst, key->near & 0x2);
	return object;
}

json_t *zt_render_node_id(const struct zt_node *node)
{
	zt_auto(zt_json_decref) json_t *name = NULL;
	char text[ZT_ADDR_TEXT_LEN];

	if (node->kind == ZT_NODE_ADDRESS)
		return json_sprintf("address:%s", zt_addr_text(&node->addr, text));
	name = zt_json_str(node->name);
	return json_sprintf("%s:%s", node->kind == ZT_NODE_HOST ? "host" : "segment",
			    json_string_value(name));
}

static void add_label(const char *key, const char *value, void *data)
{
	zt_auto(zt_json_decref) json_t *escaped = zt_json_str(key);

	if (escaped)
		set(data, json_string_value(escaped), zt_json_str(value));
}

static json_t *names_json(const char *joined)
{
	zt_auto(zt_freep) char *copy = strdup(joined);
	json_t *array = json_array();
	char *save = NULL;

	for (char *s = copy ? strtok_r(copy, ",", &save) : NULL; s; s = strtok_r(NULL, ",", &save))
		json_array_append_new(array, zt_json_str(s));
	return array;
}

json_t *zt_render_node(struct zt_render *render, const struct zt_node *node)
{
	json_t *object = json_object(), *labels = json_object();
	bool is_host = node->kind == ZT_NODE_HOST;

	set(object, "id", zt_render_node_id(node));
	set(object, "kind", json_string(is_host ? "host" : "segment"));
	set(object, "name", zt_json_str(node->name));
	set(object, "segments",
	    is_host ? segments_json(render, &node->addr, node->near) : names_json(node->name));
	if (is_host && render->names->labels)
		render->names->labels(render->names->ctx, node->name, add_label, labels);
	set(object, "labels", labels);
	set(object, "near", json_boolean(node->near));
	return object;
}

json_t *zt_render_rate(struct zt_render *render, const struct zt_rate *rate)
{
	const struct zt_ledger_key *key = &rate->key;
	const uint64_t *add = rate->add;
	char word[ZT_PROTOCOL_TEXT_LEN];
	json_t *object = json_object();

	set(object, "src", zt_render_end(render, &key->src, key->near & ZT_L_SRC_NEAR));
	set(object, "dst", zt_render_end(render, &key->dst, key->near & ZT_L_DST_NEAR));
	set(object, "proto", proto_json(key->proto));
	set(object, "port", json_integer(key->port));
	set_workload(render, object, "workload", key->src_owner ?: key->dst_owner);
	if (key->src_owner)
		set_workload(render, object, "dst_workload", key->dst_owner);
	set(object, "verdict", verdict_json(render, key->action, key->rule));
	set(object, "protocol", json_string(zt_protocol_text(key->encryption, key->app, word)));
	set(object, "kind", json_string(zt_render_kind(key->kind)));
	set(object, "connections", zt_json_u64(add[ZT_L_CONNECTIONS]));
	set(object, "bytes", pair_json(add[ZT_L_BYTES_TO_DST], add[ZT_L_BYTES_TO_SRC]));
	set(object, "packets", pair_json(add[ZT_L_PACKETS_TO_DST], add[ZT_L_PACKETS_TO_SRC]));
	return object;
}
