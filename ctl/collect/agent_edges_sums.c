// SPDX-License-Identifier: Apache-2.0
/*
 * agent_edges_sums.c - seven days: bytes by encryption, connections by what explains them, whose
 * they are.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/container.h"
#include "base/vec.h"
#include "ctl/collect/agent_edges.h"

#define NAMES_MAX  65536
#define ROWS_SHOWN 100

enum {
	APART_DNS,
	APART_NTP,
	APART_DHCP,
	APART_NONE
};

static const char *const apart_names[] = {"dns", "ntp", "dhcp"};

int ztc_week_init(struct ztc_week *week)
{
	int r = zt_strmap_new(&week->rules);

	week->plaintext.max = ZTC_TOP_PLAIN;
	r = r ?: zt_strmap_new(&week->services);
	r = r ?: zt_strmap_new(&week->callers);
	return r ?: zt_strmap_new(&week->served);
}

void ztc_week_free(struct ztc_week *week)
{
	struct ztc_top *tops[] = {&week->plaintext, &week->dir[0].top, &week->dir[1].top,
				  &week->segment.top, &week->unattributed};

	for (size_t i = 0; i < ARRAY_SIZE(tops); i++)
		json_decref(ztc_top_json(tops[i]));
	zt_strmap_free(&week->rules);
	zt_strmap_free(&week->services);
	zt_strmap_free(&week->callers);
	zt_strmap_free(&week->served);
	free(week->by_rule);
	free(week->by_service);
	*week = (struct ztc_week){0};
}

/* What names, time and addresses need is told apart from what a service sends. */
static int apart_of(const struct zt_history_edge *e)
{
	bool udp = e->proto == IPPROTO_UDP;

	if (e->app == ZT_APP_DNS ||
	    (e->port == 53 && (udp || e->proto == IPPROTO_TCP) && e->encryption == ZT_ENC_UNKNOWN))
		return APART_DNS;
	if (e->app == ZT_APP_NTP || (udp && e->port == 123 && e->encryption == ZT_ENC_UNKNOWN))
		return APART_NTP;
	if (e->app == ZT_APP_DHCP ||
	    (udp && (e->port == 67 || e->port == 68 || e->port == 546 || e->port == 547)))
		return APART_DHCP;
	return APART_NONE;
}

static void add_two(struct ztc_two *two, const struct ztc_edge_view *v)
{
	two->connections += v->edge->connections;
	two->bytes += v->bytes;
}

static int add_plain(struct zt_strmap *names, struct ztc_plain **rows, size_t *cap,
		     const char *name, const struct ztc_edge_view *v, bool secret)
{
	uint32_t n = zt_strmap_count(names) < NAMES_MAX
			     ? zt_strmap_intern(names, name, strlen(name), NULL)
			     : zt_strmap_find(names, name, strlen(name));
	size_t had = *cap;

	if (n == ZT_STRMAP_NONE)
		return 0;
	if (zt_vec_grow(rows, cap, n + 1, sizeof(**rows)) < 0)
		return -ENOMEM;
	if (*cap > had)
		memset(*rows + had, 0, (*cap - had) * sizeof(**rows));
	if (secret)
		(*rows)[n].encrypted_bytes += v->bytes;
	else
		add_two(&(*rows)[n].plain, v);
	return 0;
}

/* Bytes between hosts; what was denied never got there. */
static int add_encryption(struct ztc_week *week, const struct ztc_edge_view *v)
{
	enum zt_cover cover = zt_encryption_cover(v->edge->encryption);
	bool secret = zt_cover_secret(cover);
	char service[ZT_PORT_TEXT_LEN + 8];
	char port[ZT_PORT_TEXT_LEN];
	int apart = apart_of(v->edge), r;

	if (v->denied)
		return 0;
	if (apart != APART_NONE) {
		add_two(&week->apart[apart], v);
		return 0;
	}
	add_two(&week->cover[cover], v);
	if (!secret)
		ztc_top_add(&week->plaintext, v, v->bytes);
	snprintf(service, sizeof(service), "%s %s", v->in ? "in" : "out",
		 ztc_edge_service(v->edge, port));
	r = add_plain(week->rules, &week->by_rule, &week->by_rule_cap, v->edge->rule[ZT_LIVE] ?: "",
		      v, secret);
	return r
		       ?: add_plain(week->services, &week->by_service, &week->by_service_cap,
				    service, v, secret);
}

static void add_share(struct ztc_share *share, const struct ztc_edge_view *v)
{
	share->connections += v->edge->connections;
	if (v->explained)
		share->explained += v->edge->connections;
	else
		ztc_top_add(&share->top, v, v->edge->connections);
}

static bool owner_known(const struct zt_owner *owner)
{
	char container[ZT_CONTAINER_LEN], cgroup[ZT_PATH_LEN + 1];

	if (!owner)
		return false;
	if (owner->unit[0])
		return true;
	snprintf(cgroup, sizeof(cgroup), "%.*s", ZT_PATH_LEN, owner->cgroup);
	return zt_container_of(cgroup, container);
}

static void add_attribution(struct ztc_week *week, const struct ztc_edge_view *v)
{
	uint64_t n = v->edge->connections;
	const char *rule = v->edge->rule[ZT_LIVE];
	bool local = owner_known(v->near->owner);
	bool peer = v->far->host || v->far->hint_count;
	bool decided = rule && *rule;

	week->known_rule += decided ? n : 0;
	week->known_local += local ? n : 0;
	week->known_peer += peer ? n : 0;
	week->known_all += decided && local && peer ? n : 0;
	if (!local || !peer)
		ztc_top_add(&week->unattributed, v, n);
}

static int note_name(struct zt_strmap *names, const char *name)
{
	if (zt_strmap_count(names) < NAMES_MAX &&
	    zt_strmap_intern(names, name, strlen(name), NULL) == ZT_STRMAP_NONE)
		return -ENOMEM;
	return 0;
}

static int add_inbound(struct ztc_week *week, const struct ztc_edge_view *v)
{
	char service[ZT_PORT_TEXT_LEN];
	int r = 0;

	if (v->far->host)
		r = note_name(week->callers, v->far->host);
	else if (ztc_is_public(&v->far->addr))
		week->from_public += v->edge->connections;
	return r ?: note_name(week->served, ztc_edge_service(v->edge, service));
}

int ztc_week_add(struct ztc_week *week, const struct ztc_edge_view *v)
{
	int r;

	if (v->edge->kind == ZT_KIND_LOOP) {
		add_two(&week->loopback, v);
		/* A service that only this host itself calls is on the map too. */
		return v->edge->dst.near
			       ? note_name(week->served,
					   ztc_edge_service(v->edge, (char[ZT_PORT_TEXT_LEN]){0}))
			       : 0;
	}
	if (v->edge->kind == ZT_KIND_FWD) {
		add_two(&week->forwarded, v);
		return 0;
	}
	if (v->builtin) {
		add_two(&week->builtin, v);
		return 0;
	}
	add_two(&week->total, v);
	add_share(&week->dir[v->in], v);
	if (v->on_link && !v->denied && !zt_addr_is_multicast(&v->far->addr))
		add_share(&week->segment, v);
	add_attribution(week, v);
	r = add_encryption(week, v);
	return r ?: v->in ? add_inbound(week, v) : 0;
}

/* --- as JSON ------------------------------------------------------------------------------------
 */

static json_t *two_json(const struct ztc_two *two)
{
	json_t *o = json_object();

	ztc_set(o, "connections", zt_json_u64(two->connections));
	ztc_set(o, "bytes", zt_json_u64(two->bytes));
	return o;
}

static json_t *share_json(struct ztc_share *share)
{
	json_t *o = json_object();

	ztc_set(o, "connections", zt_json_u64(share->connections));
	ztc_set(o, "explained", zt_json_u64(share->explained));
	ztc_set(o, "top", ztc_top_json(&share->top));
	return o;
}

static int by_bytes(const void *a, const void *b)
{
	const struct ztc_plain *x = *(const struct ztc_plain *const *)a;
	const struct ztc_plain *y = *(const struct ztc_plain *const *)b;

	if (x->plain.bytes != y->plain.bytes)
		return x->plain.bytes < y->plain.bytes ? 1 : -1;
	return (x > y) - (x < y);
}

/* Those with most clear bytes. */
static json_t *plain_json(const struct zt_strmap *names, struct ztc_plain *rows, const char *key)
{
	uint32_t count = zt_strmap_count(names);
	zt_auto(zt_freep) struct ztc_plain **order = calloc(count + 1, sizeof(struct ztc_plain *));
	json_t *list = json_array();

	for (uint32_t i = 0; order && i < count; i++)
		order[i] = &rows[i];
	if (order && count)
		qsort(order, count, sizeof(*order), by_bytes);
	for (uint32_t i = 0; order && i < count && i < ROWS_SHOWN; i++) {
		json_t *o = two_json(&order[i]->plain);
		size_t len;
		const char *name = zt_strmap_key(names, (uint32_t)(order[i] - rows), &len);
		const char *space = memchr(name, ' ', len);

		ztc_set(o, "encrypted_bytes", zt_json_u64(order[i]->encrypted_bytes));
		if (space) {
			ztc_set(o, "direction", zt_json_strn(name, (size_t)(space - name)));
			len -= (size_t)(space + 1 - name);
			name = space + 1;
		}
		ztc_set(o, key, zt_json_strn(name, len));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *attribution_json(struct ztc_week *week)
{
	json_t *o = json_object();

	ztc_set(o, "connections", zt_json_u64(week->total.connections));
	ztc_set(o, "rule", zt_json_u64(week->known_rule));
	ztc_set(o, "local", zt_json_u64(week->known_local));
	ztc_set(o, "peer", zt_json_u64(week->known_peer));
	ztc_set(o, "all", zt_json_u64(week->known_all));
	ztc_set(o, "top", ztc_top_json(&week->unattributed));
	return o;
}

static json_t *names_json(const struct zt_strmap *names)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < zt_strmap_count(names); i++) {
		size_t len;
		const char *name = zt_strmap_key(names, i, &len);

		json_array_append_new(list, zt_json_strn(name, len));
	}
	return list;
}

void ztc_week_json(struct ztc_week *week, json_t *data)
{
	json_t *encryption = json_object(), *apart = json_object();

	for (int i = 0; i < ZT_COVER_COUNT; i++)
		ztc_set(encryption, zt_cover_name(i), two_json(&week->cover[i]));
	for (size_t i = 0; i < ARRAY_SIZE(apart_names); i++)
		ztc_set(apart, apart_names[i], two_json(&week->apart[i]));
	ztc_set(data, "total", two_json(&week->total));
	ztc_set(data, "loopback", two_json(&week->loopback));
	ztc_set(data, "forwarded", two_json(&week->forwarded));
	ztc_set(data, "builtin", two_json(&week->builtin));
	ztc_set(data, "encryption", encryption);
	ztc_set(data, "apart", apart);
	ztc_set(data, "plaintext_cut", json_boolean(week->plaintext.cut));
	ztc_set(data, "plaintext_top", ztc_top_json(&week->plaintext));
	ztc_set(data, "plain_by_rule", plain_json(week->rules, week->by_rule, "rule"));
	ztc_set(data, "plain_by_service", plain_json(week->services, week->by_service, "service"));
	ztc_set(data, "out", share_json(&week->dir[0]));
	ztc_set(data, "in", share_json(&week->dir[1]));
	ztc_set(data, "segment", share_json(&week->segment));
	ztc_set(data, "attribution", attribution_json(week));
	ztc_set(data, "inbound_public", zt_json_u64(week->from_public));
	ztc_set(data, "served", names_json(week->served));
}
