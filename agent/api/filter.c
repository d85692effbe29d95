/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.c - which flows, violations and edges a request asks for.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/filter.h"
#include "api/owner.h"
#include "base/addr.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "flow/rates.h"
#include "history/history.h"

/* What all three kinds of row have in common. */
struct subject {
	const struct zt_addr *src;
	const struct zt_addr *dst;
	bool src_near;
	bool dst_near;
	uint32_t src_owner;
	uint32_t dst_owner;
	uint16_t port;
	uint8_t proto;
	const uint8_t *action;
	uint8_t encryption;
	uint8_t app;
};

static int bad(char *err, size_t len, const char *key, const char *want)
{
	snprintf(err, len, "argument '%s' must be %s", key, want);
	return -EINVAL;
}

/* A number may come as such or as text, as a person types it. */
static int get_number(const json_t *args, const char *key, uint64_t max, bool *ret_has,
		      uint64_t *ret)
{
	const char *text = NULL;
	char *end;

	if (json_is_null(json_object_get(args, key)) || !json_object_get(args, key))
		return 0;
	*ret_has = true;
	if (zt_json_get_u64(args, key, max, ret) == 0)
		return 0;
	if (zt_json_get_str(args, key, &text) < 0 || !text || !text[0] || strlen(text) > 5 ||
	    strspn(text, "0123456789") != strlen(text))
		return -EINVAL;
	*ret = strtoul(text, &end, 10);
	return *ret > max ? -EINVAL : 0;
}

static int get_text(const json_t *args, const char *key, char *buf, size_t size)
{
	const char *text = NULL;

	if (zt_json_get_str(args, key, &text) < 0)
		return -EINVAL;
	if (!text)
		return 0;
	if (!text[0] || strlen(text) >= size)
		return -EINVAL;
	strcpy(buf, text);
	return 0;
}

static int get_proto(const json_t *args, struct zt_filter *ret)
{
	const char *text = NULL;
	uint64_t number = 0;

	if (get_number(args, "proto", UINT8_MAX, &ret->has_proto, &number) == 0) {
		ret->proto = (uint8_t)number;
		return 0;
	}
	if (zt_json_get_str(args, "proto", &text) < 0 || !text)
		return -EINVAL;
	for (int p = 0; p <= UINT8_MAX; p++) {
		const char *name = zt_proto_name((uint8_t)p);

		if (name && !strcmp(name, text)) {
			ret->proto = (uint8_t)p;
			return 0;
		}
	}
	return -EINVAL;
}

static int get_verdict(const json_t *args, struct zt_filter *ret)
{
	static const char *const words[] = {"any", "allowed", "denied", "would-deny"};
	const char *text = NULL;

	if (zt_json_get_str(args, "verdict", &text) < 0)
		return -EINVAL;
	for (size_t i = 0; text && i < ARRAY_SIZE(words); i++) {
		if (strcmp(text, words[i]))
			continue;
		ret->verdict = (enum zt_filter_verdict)i;
		return 0;
	}
	return text ? -EINVAL : 0;
}

/* A class, a version, a protocol, or a protocol with what protects it; in this order. */
static int get_class(const json_t *args, struct zt_filter *ret)
{
	const char *text = NULL;

	if (zt_json_get_str(args, ZT_CLASS_KEY, &text) < 0)
		return -EINVAL;
	if (!text)
		return 0;
	if (!zt_cover_find(text, &ret->cover))
		ret->wants = ZT_WANT_COVER;
	else if (!zt_encryption_find(text, &ret->encryption))
		ret->wants = ZT_WANT_ENCRYPTION;
	else if (!zt_app_find(text, &ret->app))
		ret->wants = ZT_WANT_APP;
	else if (!zt_protocol_find(text, &ret->encryption, &ret->app))
		ret->wants = ZT_WANT_ENCRYPTION | ZT_WANT_APP;
	else
		return -EINVAL;
	return 0;
}

int zt_filter_parse(const json_t *args, struct zt_filter *ret, char *err, size_t err_len)
{
	uint64_t port = 0;

	*ret = (struct zt_filter){0};
	if (get_text(args, "segment", ret->segment, sizeof(ret->segment)) < 0)
		return bad(err, err_len, "segment", "the name of a segment");
	if (get_text(args, "host", ret->host, sizeof(ret->host)) < 0)
		return bad(err, err_len, "host", "the name or address of a host");
	if (get_text(args, "owner", ret->owner, sizeof(ret->owner)) < 0)
		return bad(err, err_len, "owner", "a unit, cgroup, container, user or executable");
	if (get_number(args, "port", UINT16_MAX, &ret->has_port, &port) < 0)
		return bad(err, err_len, "port", "a number from 0 to 65535");
	if (get_proto(args, ret) < 0)
		return bad(err, err_len, "proto",
			   "tcp, udp, icmp, icmpv6, another protocol's name or its number");
	if (get_verdict(args, ret) < 0)
		return bad(err, err_len, "verdict", "allowed, denied or would-deny");
	if (get_class(args, ret) < 0)
		return bad(err, err_len, ZT_CLASS_KEY,
			   "a class such as tls, plaintext or unknown, a version such as tls1.2, "
			   "or a protocol such as http");
	ret->port = (uint16_t)port;
	ret->host_is_addr = ret->host[0] && !zt_addr_parse(ret->host, &ret->addr);
	return 0;
}

static bool in_segment(const struct zt_filter *f, const struct zt_addr *addr, bool near)
{
	const char *names[ZT_SEGMENTS_MAX];
	size_t count = 0;

	if (f->names->segments)
		count = f->names->segments(f->names->ctx, addr, near, names, ZT_SEGMENTS_MAX);
	for (size_t i = 0; i < count && i < ZT_SEGMENTS_MAX; i++) {
		if (!strcmp(names[i], f->segment))
			return true;
	}
	return false;
}

static bool is_host(const struct zt_filter *f, const struct zt_addr *addr, bool near)
{
	const char *name;

	if (f->host_is_addr)
		return !memcmp(&f->addr, addr, sizeof(*addr));
	name = f->names->host ? f->names->host(f->names->ctx, addr, near) : NULL;
	return name && !strcmp(name, f->host);
}

static bool is_owner(const struct zt_filter *f, uint32_t index)
{
	struct zt_owner owner;

	if (!index || !f->names->owner || f->names->owner(f->names->ctx, index, &owner) < 0)
		return false;
	return zt_owner_has(&owner, f->users, f->owner);
}

static bool has_verdict(const struct zt_filter *f, const uint8_t *action)
{
	switch (f->verdict) {
	case ZT_WANT_ALLOWED:
		return action[ZT_LIVE] == ZT_ALLOW;
	case ZT_WANT_DENIED:
		return action[ZT_LIVE] == ZT_DENY;
	case ZT_WANT_WOULD_DENY:
		return action[ZT_LIVE] == ZT_ALLOW && action[ZT_CANDIDATE] == ZT_DENY;
	default:
		return true;
	}
}

static bool is_class(const struct zt_filter *f, const struct subject *s)
{
	enum zt_cover cover = zt_encryption_cover(s->encryption);

	/* As it is shown: a known protocol that nothing protects is in the clear. */
	if (cover == ZT_COVER_UNKNOWN && zt_app_name(s->app))
		cover = ZT_COVER_PLAINTEXT;
	if (f->wants & ZT_WANT_COVER && cover != f->cover)
		return false;
	if (f->wants & ZT_WANT_ENCRYPTION && s->encryption != f->encryption)
		return false;
	return !(f->wants & ZT_WANT_APP) || s->app == f->app;
}

/* The cheap conditions first: a table may have a million rows. */
static bool matches(const struct zt_filter *f, const struct subject *s)
{
	if (f->has_port && f->port != s->port)
		return false;
	if (f->has_proto && f->proto != s->proto)
		return false;
	if (!has_verdict(f, s->action) || (f->wants && !is_class(f, s)))
		return false;
	if (f->host[0] && !is_host(f, s->src, s->src_near) && !is_host(f, s->dst, s->dst_near))
		return false;
	if (f->segment[0] && !in_segment(f, s->src, s->src_near) &&
	    !in_segment(f, s->dst, s->dst_near))
		return false;
	return !f->owner[0] || is_owner(f, s->src_owner) || is_owner(f, s->dst_owner);
}

bool zt_filter_flow(const struct zt_filter *filter, const struct zt_flow_item *item)
{
	struct zt_flow_ends ends;
	struct subject s;

	zt_flow_ends(&item->key, &item->flow, &ends);
	s = (struct subject){
		.src = &ends.src,
		.dst = &ends.dst,
		.src_near = ends.src_near,
		.dst_near = ends.dst_near,
		.src_owner = ends.src_owner,
		.dst_owner = ends.dst_owner,
		.port = ends.port,
		.proto = item->key.proto,
		.action = item->flow.action,
		.encryption = item->flow.encryption,
		.app = item->flow.app,
	};
	return matches(filter, &s);
}

bool zt_filter_violation(const struct zt_filter *filter, const struct zt_violation *v)
{
	const uint8_t action[ZT_PLANE_COUNT] = {
		[ZT_LIVE] = v->key.mode == ZT_MODE_ENFORCED ? ZT_DENY : ZT_ALLOW,
		[ZT_CANDIDATE] = ZT_DENY,
	};
	struct subject s = {
		.src = &v->key.src,
		.dst = &v->key.dst,
		.src_near = v->key.near & 0x1,
		.dst_near = v->key.near & 0x2,
		.src_owner = v->key.owner,
		.port = v->key.port,
		.proto = v->key.proto,
		.action = action,
	};

	return matches(filter, &s);
}

bool zt_filter_rate(const struct zt_filter *filter, const struct zt_rate *rate)
{
	const struct zt_ledger_key *key = &rate->key;
	struct subject s = {
		.src = &key->src,
		.dst = &key->dst,
		.src_near = key->near & ZT_L_SRC_NEAR,
		.dst_near = key->near & ZT_L_DST_NEAR,
		.src_owner = key->src_owner,
		.dst_owner = key->dst_owner,
		.port = key->port,
		.proto = key->proto,
		.action = key->action,
	};

	return matches(filter, &s);
}

bool zt_filter_edge(const struct zt_filter *filter, const struct zt_edge *edge,
		    const struct zt_node *src, const struct zt_node *dst)
{
	struct subject s = {
		.src = &src->addr,
		.dst = &dst->addr,
		.src_near = src->near,
		.dst_near = dst->near,
		.src_owner = edge->key.src_owner,
		.dst_owner = edge->key.dst_owner,
		.port = edge->key.port,
		.proto = edge->key.proto,
		.action = edge->key.action,
		.encryption = edge->key.encryption,
		.app = edge->key.app,
	};

	return matches(filter, &s);
}

static bool is_recorded_host(const struct zt_filter *f, const struct zt_history_end *end)
{
	if (f->host_is_addr)
		return !memcmp(&f->addr, &end->addr, sizeof(end->addr));
	return end->host && !strcmp(end->host, f->host);
}

static bool is_recorded_owner(const struct zt_filter *f, const struct zt_history_end *end)
{
	return end->owner && ((end->user && !strcmp(end->user, f->owner)) ||
			      zt_owner_has(end->owner, f->users, f->owner));
}

bool zt_filter_recorded(const struct zt_filter *filter, const struct zt_history_edge *edge)
{
	struct zt_filter rest = *filter;
	struct subject s = {
		.src = &edge->src.addr,
		.dst = &edge->dst.addr,
		.src_near = edge->src.near,
		.dst_near = edge->dst.near,
		.port = edge->port,
		.proto = edge->proto,
		.action = edge->action,
		.encryption = edge->encryption,
		.app = edge->app,
	};

	if (filter->host[0] && !is_recorded_host(filter, &edge->src) &&
	    !is_recorded_host(filter, &edge->dst))
		return false;
	if (filter->owner[0] && !is_recorded_owner(filter, &edge->src) &&
	    !is_recorded_owner(filter, &edge->dst))
		return false;
	rest.host[0] = rest.owner[0] = '\0';
	return matches(&rest, &s);
}
