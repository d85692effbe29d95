// SPDX-License-Identifier: Apache-2.0
/*
 * define.c - segments and hosts of two policies compared: what was defined anew, who is in it now.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/strmap.h"
#include "base/vec.h"
#include "plan/diff.h"
#include "policy/policy.h"

#define HOSTS_FOLLOWED 2000 /* changed hosts whose segments are worked out */

/* One policy's names; the numbers are places in its arrays. Made of NULL: of an empty policy. */
struct names {
	const struct zt_policy *policy;
	struct zt_strmap *hosts, *segments;
};

/* Who came into a segment and who left it. */
struct moves {
	json_t *gained, *lost;
	size_t gained_count, lost_count;
	bool redefined;
};

struct comparison {
	struct names now, then;
	struct moves *segments; /* by number in then */
	size_t followed;
};

static void names_clear(struct names *n)
{
	zt_strmap_free(&n->hosts);
	zt_strmap_free(&n->segments);
}

static int index_names(const struct zt_policy *policy, struct names *ret)
{
	int r = zt_strmap_new(&ret->hosts);

	ret->policy = policy;
	if (r == 0)
		r = zt_strmap_new(&ret->segments);
	for (size_t i = 0; r == 0 && policy && i < policy->host_count; i++) {
		const char *name = policy->hosts[i].name;

		if (zt_strmap_intern(ret->hosts, name, strlen(name), NULL) == ZT_STRMAP_NONE)
			r = -ENOMEM;
	}
	for (size_t i = 0; r == 0 && policy && i < policy->segment_count; i++) {
		const char *name = policy->segments[i].name;

		if (zt_strmap_intern(ret->segments, name, strlen(name), NULL) == ZT_STRMAP_NONE)
			r = -ENOMEM;
	}
	return r;
}

static const struct zt_host *find_host(const struct names *n, const char *name)
{
	uint32_t i = zt_strmap_find(n->hosts, name, strlen(name));

	return i == ZT_STRMAP_NONE ? NULL : &n->policy->hosts[i];
}

static const struct zt_segment *find_segment(const struct names *n, const char *name)
{
	uint32_t i = zt_strmap_find(n->segments, name, strlen(name));

	return i == ZT_STRMAP_NONE ? NULL : &n->policy->segments[i];
}

/* --- texts -------------------------------------------------------------------------------------
 */

static void labels_text(const struct zt_label *labels, size_t count, struct zt_strbuf *sb)
{
	for (size_t i = 0; i < count; i++) {
		zt_strbuf_puts(sb, i ? ", " : "");
		zt_strbuf_escape(sb, labels[i].key, strlen(labels[i].key));
		zt_strbuf_puts(sb, "=");
		zt_strbuf_escape(sb, labels[i].value, strlen(labels[i].value));
	}
}

static void nets_text(const struct zt_net *nets, size_t count, struct zt_strbuf *sb)
{
	char text[ZT_NET_TEXT_LEN];

	for (size_t i = 0; i < count; i++)
		zt_strbuf_printf(sb, "%s%s", i ? ", " : "", zt_net_text(&nets[i].key, text));
}

static bool same_labels(const struct zt_label *a, size_t a_count, const struct zt_label *b,
			size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++) {
		if (strcmp(a[i].key, b[i].key) || strcmp(a[i].value, b[i].value))
			return false;
	}
	return true;
}

static bool has_net(const struct zt_net *nets, size_t count, const struct zt_net_key *key)
{
	for (size_t i = 0; i < count; i++) {
		if (!memcmp(&nets[i].key, key, sizeof(*key)))
			return true;
	}
	return false;
}

static bool same_nets(const struct zt_net *a, size_t a_count, const struct zt_net *b,
		      size_t b_count)
{
	bool same = a_count == b_count;

	for (size_t i = 0; same && i < a_count; i++)
		same = !memcmp(&a[i].key, &b[i].key, sizeof(a[i].key)) ||
		       (has_net(b, b_count, &a[i].key) && has_net(a, a_count, &b[i].key));
	return same;
}

static bool selects(const struct zt_segment *segment, const struct zt_host *host)
{
	size_t at = 0;

	if (!segment || !host || !segment->select_count)
		return false;
	for (size_t i = 0; i < segment->select_count; i++) {
		const struct zt_label *want = &segment->select[i];

		while (at < host->label_count && strcmp(host->labels[at].key, want->key) < 0)
			at++;
		if (at == host->label_count || strcmp(host->labels[at].key, want->key) ||
		    strcmp(host->labels[at].value, want->value))
			return false;
	}
	return true;
}

/* --- hosts -------------------------------------------------------------------------------------
 */

static bool same_host(const struct zt_host *a, const struct zt_host *b)
{
	return same_labels(a->labels, a->label_count, b->labels, b->label_count) &&
	       same_nets(a->addresses, a->address_count, b->addresses, b->address_count);
}

static json_t *host_fields(const struct zt_host *was, const struct zt_host *is)
{
	json_t *list = json_array();

	for (int addresses = 0; addresses < 2; addresses++) {
		zt_auto(zt_strbuf_free) struct zt_strbuf a = ZT_STRBUF_INIT;
		zt_auto(zt_strbuf_free) struct zt_strbuf b = ZT_STRBUF_INIT;

		if (addresses) {
			nets_text(was->addresses, was->address_count, &a);
			nets_text(is->addresses, is->address_count, &b);
		} else {
			labels_text(was->labels, was->label_count, &a);
			labels_text(is->labels, is->label_count, &b);
		}
		if (strcmp(zt_strbuf_text(&a), zt_strbuf_text(&b)))
			json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "field",
							      addresses ? "addresses" : "labels",
							      "from", zt_strbuf_text(&a), "to",
							      zt_strbuf_text(&b)));
	}
	return list;
}

static void push(json_t **list, size_t *count, json_t *item)
{
	if (!*list)
		*list = json_array();
	if ((*count)++ < ZT_DIFF_MEMBERS_MAX)
		json_array_append_new(*list, item);
	else
		json_decref(item);
}

static void move(struct moves *m, const char *member, const char *prefix, bool in)
{
	zt_auto(zt_json_decref) json_t *name = zt_json_str(member);
	json_t *text = json_sprintf("%s%s", prefix, json_string_value(name));

	if (in)
		push(&m->gained, &m->gained_count, text);
	else
		push(&m->lost, &m->lost_count, text);
}

/* A host that changed moves between segments that did not. */
static void follow_host(struct comparison *c, const struct zt_host *was, const struct zt_host *is)
{
	const struct zt_policy *then = c->then.policy;

	if (c->followed++ >= HOSTS_FOLLOWED)
		return;
	for (size_t i = 0; then && i < then->segment_count; i++) {
		const struct zt_segment *segment = &then->segments[i];
		bool before, after;

		if (!segment->select_count || c->segments[i].redefined)
			continue;
		before = selects(find_segment(&c->now, segment->name), was);
		after = selects(segment, is);
		if (before != after)
			move(&c->segments[i], is ? is->name : was->name, "", after);
	}
}

struct lists {
	json_t *added, *removed, *changed;
	size_t count[3];
};

static void append(json_t *list, size_t *count, json_t *row)
{
	if ((*count)++ < ZT_DIFF_ROWS_MAX)
		json_array_append_new(list, row);
	else
		json_decref(row);
}

static json_t *lists_json(struct lists *l)
{
	return json_pack("{s:o, s:o, s:o, s:{s:I, s:I, s:I}}", "added", l->added, "removed",
			 l->removed, "changed", l->changed, "count", "added",
			 (json_int_t)l->count[0], "removed", (json_int_t)l->count[1], "changed",
			 (json_int_t)l->count[2]);
}

static json_t *compare_hosts(struct comparison *c)
{
	struct lists l = {json_array(), json_array(), json_array(), {0}};
	const struct zt_policy *now = c->now.policy, *then = c->then.policy;

	for (size_t i = 0; then && i < then->host_count; i++) {
		const struct zt_host *is = &then->hosts[i], *was = find_host(&c->now, is->name);

		if (was && same_host(was, is))
			continue;
		follow_host(c, was, is);
		if (was)
			append(l.changed, &l.count[2],
			       json_pack("{s:o, s:o}", "name", zt_json_str(is->name), "fields",
					 host_fields(was, is)));
		else
			append(l.added, &l.count[0], zt_json_str(is->name));
	}
	for (size_t i = 0; now && i < now->host_count; i++) {
		const struct zt_host *was = &now->hosts[i];

		if (find_host(&c->then, was->name))
			continue;
		follow_host(c, was, NULL);
		append(l.removed, &l.count[1], zt_json_str(was->name));
	}
	return lists_json(&l);
}

/* --- segments -----------------------------------------------------------------------------------
 */

static bool same_segment(const struct zt_segment *a, const struct zt_segment *b)
{
	return same_labels(a->select, a->select_count, b->select, b->select_count) &&
	       same_nets(a->addresses, a->address_count, b->addresses, b->address_count) &&
	       same_nets(a->except, a->except_count, b->except, b->except_count);
}

static void move_nets(struct moves *m, const struct zt_net *now, size_t now_count,
		      const struct zt_net *then, size_t then_count, const char *prefix)
{
	char text[ZT_NET_TEXT_LEN];

	for (size_t i = 0; i < then_count; i++) {
		if (!has_net(now, now_count, &then[i].key))
			move(m, zt_net_text(&then[i].key, text), prefix, true);
	}
	for (size_t i = 0; i < now_count; i++) {
		if (!has_net(then, then_count, &now[i].key))
			move(m, zt_net_text(&now[i].key, text), prefix, false);
	}
}

/* Every host is looked at: it may be in by the new selector, or out. */
static void redefine(struct comparison *c, const struct zt_segment *was,
		     const struct zt_segment *is, struct moves *m)
{
	const struct zt_policy *now = c->now.policy, *then = c->then.policy;

	m->redefined = true;
	for (size_t i = 0; i < then->host_count; i++) {
		const struct zt_host *host = &then->hosts[i];
		bool before = selects(was, find_host(&c->now, host->name));
		bool after = selects(is, host);

		if (before != after)
			move(m, host->name, "", after);
	}
	for (size_t i = 0; i < now->host_count; i++) {
		const struct zt_host *host = &now->hosts[i];

		if (!find_host(&c->then, host->name) && selects(was, host))
			move(m, host->name, "", false);
	}
	move_nets(m, was->addresses, was->address_count, is->addresses, is->address_count, "");
	move_nets(m, was->except, was->except_count, is->except, is->except_count, "except ");
}

static json_t *moves_json(const char *name, struct moves *m)
{
	json_t *row =
		json_pack("{s:o, s:b, s:o, s:o, s:I, s:I}", "name", zt_json_str(name), "redefined",
			  m->redefined, "gained", m->gained ?: json_array(), "lost",
			  m->lost ?: json_array(), "gained_count", (json_int_t)m->gained_count,
			  "lost_count", (json_int_t)m->lost_count);

	m->gained = m->lost = NULL;
	return row;
}

static void compare_definitions(struct comparison *c)
{
	const struct zt_policy *then = c->then.policy;

	for (size_t i = 0; then && i < then->segment_count; i++) {
		const struct zt_segment *is = &then->segments[i];
		const struct zt_segment *was = find_segment(&c->now, is->name);

		if (was && !same_segment(was, is))
			redefine(c, was, is, &c->segments[i]);
	}
}

static json_t *segments_json(struct comparison *c)
{
	struct lists l = {json_array(), json_array(), json_array(), {0}};
	const struct zt_policy *now = c->now.policy, *then = c->then.policy;

	for (size_t i = 0; then && i < then->segment_count; i++) {
		const char *name = then->segments[i].name;
		struct moves *m = &c->segments[i];

		if (!find_segment(&c->now, name))
			append(l.added, &l.count[0], zt_json_str(name));
		else if (m->redefined || m->gained_count || m->lost_count)
			append(l.changed, &l.count[2], moves_json(name, m));
		json_decref(m->gained);
		json_decref(m->lost);
		m->gained = m->lost = NULL;
	}
	for (size_t i = 0; now && i < now->segment_count; i++) {
		if (!find_segment(&c->then, now->segments[i].name))
			append(l.removed, &l.count[1], zt_json_str(now->segments[i].name));
	}
	return lists_json(&l);
}

json_t *zt_diff_definitions(const struct zt_policy *now, const struct zt_policy *then)
{
	struct comparison c = {0};
	json_t *hosts, *result = NULL;

	c.segments = calloc((then ? then->segment_count : 0) + 1, sizeof(*c.segments));
	if (c.segments && index_names(now, &c.now) == 0 && index_names(then, &c.then) == 0) {
		compare_definitions(&c);
		hosts = compare_hosts(&c);
		result = json_pack("{s:o, s:o}", "segments", segments_json(&c), "hosts", hosts);
	}
	names_clear(&c.now);
	names_clear(&c.then);
	free(c.segments);
	return result;
}
