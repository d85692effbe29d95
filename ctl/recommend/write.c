/* SPDX-License-Identifier: Apache-2.0 */
/* write.c - the recommended policy as YAML that people read first and machines second. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/recommend/recommend.h"
#include "ctl/recommend/pieces.h"
#include "ctl/render/text.h"

#define NAMED	   3 /* hosts that a note names */
#define INLINE	   4 /* addresses that fit behind a segment's name */
#define HEAD_HOSTS 8

/* --- head ---------------------------------------------------------------------------------------
 */

static void add_left(struct zt_strbuf *sb, uint64_t count, const char *what)
{
	char text[ZTC_TEXT_LEN];

	if (!count)
		return;
	ztc_plural(text, (int64_t)count, "edge", "edges");
	zt_strbuf_printf(sb, "%s%s %s", sb->len ? "; " : "Left out: ", text, what);
}

static void put_left(const struct ztc_rec *rec, struct zt_strbuf *sb)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf left = ZT_STRBUF_INIT;

	add_left(&left, rec->left.denied, "denied by the policy in force");
	add_left(&left, rec->left.few, "with fewer connections than asked for");
	add_left(&left, rec->left.unanswered, "never answered");
	add_left(&left, rec->left.other_host, "of other hosts");
	add_left(&left, rec->left.loopback, "inside a host");
	add_left(&left, rec->left.builtin, "that built-in rules allow");
	if (left.len) {
		zt_strbuf_puts(&left, ".");
		ztc_put_comment(sb, "", zt_strbuf_text(&left));
	}
}

static void put_head(const struct ztc_rec *rec, struct zt_strbuf *sb)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	const char *first = NULL, *last = NULL;
	char edges[ZTC_TEXT_LEN];
	size_t named = 0;

	for (size_t i = 0; i < rec->edge_count; i++) {
		const struct ztc_rec_edge *e = &rec->edges[i];

		first = !first || strcmp(e->first, first) < 0 ? e->first : first;
		last = !last || strcmp(e->last, last) > 0 ? e->last : last;
	}
	ztc_plural(edges, (int64_t)rec->edge_count, "edge", "edges");
	zt_strbuf_printf(&text, "Recommended from %s", edges);
	if (first)
		zt_strbuf_printf(&text, ", seen from %.10s to %.10s", first, last);
	for (size_t i = 0; i < rec->host_count; i++)
		if (rec->hosts[i].recorded && ++named <= HEAD_HOSTS)
			zt_strbuf_printf(&text, "%s%s", named == 1 ? " on " : ", ",
					 rec->hosts[i].name);
	zt_strbuf_puts(&text, named > HEAD_HOSTS ? " and others." : ".");
	ztc_put_comment(sb, "", zt_strbuf_text(&text));
	ztc_put_comment(
		sb, "",
		"What was not seen is not allowed: stage it, see 'ztctl policy plan' and 'ztctl "
		"violations' for some weeks, month end included, and promote it when it is quiet.");
	put_left(rec, sb);
	zt_strbuf_puts(sb, "version: 1\npolicy: ");
	ztc_put_text(sb, rec->name				   ? rec->name
			 : rec->inventory && *rec->inventory->name ? rec->inventory->name
								   : "recommended");
	zt_strbuf_printf(sb, "\nrevision: %" PRIu64 "\nmode: staged\n",
			 rec->inventory ? rec->inventory->revision + 1 : 1);
}

/* --- inventory
 * ------------------------------------------------------------------------------------ */

static void put_labels(struct zt_strbuf *sb, const struct zt_label *labels, size_t count)
{
	zt_strbuf_puts(sb, "{");
	for (size_t i = 0; i < count; i++) {
		zt_strbuf_puts(sb, i ? ", " : "");
		ztc_put_text(sb, labels[i].key);
		zt_strbuf_puts(sb, ": ");
		ztc_put_text(sb, labels[i].value);
	}
	zt_strbuf_puts(sb, "}");
}

/* Addresses that a host was seen with and does not list. */
static void put_learned(const struct ztc_rec *rec, uint32_t host, bool first, struct zt_strbuf *sb)
{
	uint32_t count = zt_strmap_count(rec->node_keys);
	size_t n = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct ztc_rec_node *node = &rec->nodes[rec->order[i]];

		if (!node->learned || node->host != host)
			continue;
		ztc_next_item(sb, first && !n++, "      ");
		ztc_put_addr(sb, &node->addr);
	}
}

static void put_hosts(const struct ztc_rec *rec, struct zt_strbuf *sb)
{
	zt_strbuf_puts(sb, rec->host_count ? "\nhosts:\n" : "");
	for (uint32_t i = 0; i < rec->host_count; i++) {
		const struct ztc_rec_host *h = &rec->hosts[i];

		zt_strbuf_puts(sb, "  ");
		ztc_put_text(sb, h->name);
		zt_strbuf_puts(sb, ": {addresses: [");
		for (size_t a = 0; a < h->address_count; a++) {
			ztc_next_item(sb, a == 0, "      ");
			ztc_put_addr(sb, &h->addresses[a]);
		}
		put_learned(rec, i, h->address_count == 0, sb);
		zt_strbuf_puts(sb, "]");
		if (h->label_count) {
			zt_strbuf_puts(sb, ", labels: ");
			put_labels(sb, h->labels, h->label_count);
		}
		zt_strbuf_puts(sb, "}\n");
	}
}

static void put_nets(struct zt_strbuf *sb, const struct zt_net_key *nets, size_t count)
{
	zt_strbuf_puts(sb, "[");
	for (size_t i = 0; i < count; i++) {
		ztc_next_item(sb, i == 0, "      ");
		ztc_put_net(sb, &nets[i]);
	}
	zt_strbuf_puts(sb, "]");
}

/* One that exists, as it is. */
static void put_reused(struct zt_strbuf *sb, const struct zt_segment *s)
{
	const char *comma = "";

	zt_strbuf_puts(sb, "{");
	if (s->select_count) {
		zt_strbuf_puts(sb, "select: ");
		put_labels(sb, s->select, s->select_count);
		comma = ", ";
	}
	for (int except = 0; except < 2; except++) {
		const struct zt_net *nets = except ? s->except : s->addresses;
		size_t count = except ? s->except_count : s->address_count;

		if (!count)
			continue;
		zt_strbuf_printf(sb, "%s%s: [", comma, except ? "except" : "addresses");
		for (size_t i = 0; i < count; i++) {
			ztc_next_item(sb, i == 0, "      ");
			ztc_put_net(sb, &nets[i].key);
		}
		zt_strbuf_puts(sb, "]");
		comma = ", ";
	}
	zt_strbuf_puts(sb, "}\n");
}

static void put_widened(struct zt_strbuf *sb, const struct ztc_rec_segment *s)
{
	char text[256];

	if (s->widened) {
		snprintf(text, sizeof(text),
			 "wider than what was seen: %zu addresses, of which several in a network "
			 "stand for all of it (--exact lists them)",
			 s->addresses);
		ztc_put_comment(sb, "  ", text);
	} else if (s->net_count > INLINE) {
		snprintf(text, sizeof(text), "%zu addresses that were seen to do the same",
			 s->addresses);
		ztc_put_comment(sb, "  ", text);
	}
}

static int by_name(const void *a, const void *b)
{
	const struct ztc_rec_segment *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* Those that rules use, by name; the caller frees it. NULL without memory. */
static const struct ztc_rec_segment **used_segments(const struct ztc_rec *rec, size_t *ret_count)
{
	const struct ztc_rec_segment **list = calloc(rec->segment_count + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; list && i < rec->segment_count; i++)
		if (rec->segments[i].used && rec->segments[i].kind != ZTC_REC_BUILTIN)
			list[n++] = &rec->segments[i];
	if (list)
		qsort(list, n, sizeof(*list), by_name);
	*ret_count = n;
	return list;
}

static void put_segment(struct zt_strbuf *sb, const struct ztc_rec_segment *s)
{
	put_widened(sb, s);
	zt_strbuf_puts(sb, "  ");
	ztc_put_text(sb, s->name);
	zt_strbuf_puts(sb, ": ");
	if (s->kind == ZTC_REC_REUSED) {
		put_reused(sb, s->reused);
	} else if (s->kind == ZTC_REC_LABELS) {
		zt_strbuf_puts(sb, "{select: {");
		for (size_t i = 0; i < s->select_count; i++) {
			zt_strbuf_puts(sb, i ? ", " : "");
			ztc_put_text(sb, s->select[i]->key);
			zt_strbuf_puts(sb, ": ");
			ztc_put_text(sb, s->select[i]->value);
		}
		zt_strbuf_puts(sb, "}}\n");
	} else {
		zt_strbuf_puts(sb, "{addresses: ");
		put_nets(sb, s->nets, s->net_count);
		zt_strbuf_puts(sb, "}\n");
	}
}

/* What nobody knows about a host must not be denied on it: boundaries stand around recorded ones.
 */
static void put_boundary(const struct ztc_rec *rec, struct zt_strbuf *sb,
			 const struct ztc_rec_segment *s)
{
	size_t recorded = 0;

	for (size_t i = 0; i < rec->host_count; i++)
		recorded += rec->hosts[i].recorded && rec->hosts[i].segment != ZTC_REC_NONE &&
			    &rec->segments[rec->hosts[i].segment] == s;
	zt_strbuf_puts(sb, "  - segment: ");
	ztc_put_text(sb, s->name);
	zt_strbuf_puts(sb, "\n    inbound: deny\n    outbound: deny\n    mode: staged\n");
	if (recorded < s->hosts)
		zt_strbuf_printf(sb,
				 "    note: recorded on %zu of its %zu hosts; record the others "
				 "before it is enforced\n",
				 recorded, s->hosts);
}

static int put_segments(const struct ztc_rec *rec, struct zt_strbuf *sb)
{
	size_t count, boundaries = 0;
	zt_auto(zt_freep) const struct ztc_rec_segment **list = used_segments(rec, &count);

	if (!list)
		return -ENOMEM;
	zt_strbuf_puts(sb, count ? "\nsegments:\n" : "");
	for (size_t i = 0; i < count; i++)
		put_segment(sb, list[i]);
	for (size_t i = 0; i < count; i++) {
		if (!list[i]->recorded)
			continue;
		if (boundaries++ == 0)
			zt_strbuf_puts(sb, "\nboundaries:\n");
		put_boundary(rec, sb, list[i]);
	}
	return 0;
}

/* --- rules ---------------------------------------------------------------------------------------
 */

static void put_end(const struct ztc_rec *rec, struct zt_strbuf *sb, uint32_t segment,
		    const char *unit)
{
	if (unit)
		zt_strbuf_puts(sb, "{segment: ");
	ztc_put_text(sb, rec->segments[segment].name);
	if (unit) {
		zt_strbuf_puts(sb, ", unit: ");
		ztc_put_text(sb, unit);
		zt_strbuf_puts(sb, "}");
	}
}

static int by_port(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Only what was seen: neighbouring ports make a range, nothing between them is filled in. */
static int put_ports(const struct ztc_rec *rec, const struct ztc_rec_rule *rule,
		     struct zt_strbuf *sb)
{
	zt_auto(zt_freep) uint32_t *ports = calloc(rule->count, sizeof(*ports));
	char text[ZT_PORT_TEXT_LEN];

	if (!ports)
		return -ENOMEM;
	for (size_t i = 0; i < rule->count; i++)
		ports[i] = rec->edges[rule->first + i].port;
	qsort(ports, rule->count, sizeof(*ports), by_port);
	zt_strbuf_puts(sb, "    ports: [");
	for (size_t i = 0, end; i < rule->count; i = end + 1) {
		struct zt_port_range range = {ports[i], ports[i]};

		/* A range stays within TCP or UDP; types and protocols are named one by one. */
		for (end = i; end + 1 < rule->count &&
			      (ports[end + 1] == ports[end] ||
			       (ports[end + 1] == ports[end] + 1 && ports[end + 1] < ZT_PORT_ICMP &&
				ports[end + 1] != ZT_PORT_UDP));
		     end++)
			range.last = ports[end + 1];
		ztc_next_item(sb, i == 0, "      ");
		zt_strbuf_puts(sb, zt_port_text(&range, text));
	}
	zt_strbuf_puts(sb, "]\n");
	return 0;
}

/* What was seen at one end of a rule's edges: hosts, and them and addresses. */
struct ends {
	size_t hosts;
	size_t all;
};

/* The hosts or addresses at one end of a rule's edges: "web1, web2 and 3 others". */
static int name_ends(const struct ztc_rec *rec, const struct ztc_rec_rule *rule, bool src,
		     struct zt_strbuf *sb, struct ends *ret)
{
	zt_auto(zt_strmap_free) struct zt_strmap *seen = NULL;
	char text[ZT_ADDR_TEXT_LEN];
	size_t named = 0;

	*ret = (struct ends){0};
	if (zt_strmap_new(&seen) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < rule->count; i++) {
		const struct ztc_rec_edge *e = &rec->edges[rule->first + i];
		const struct ztc_rec_node *node = &rec->nodes[src ? e->src : e->dst];
		const char *name = node->host != ZTC_REC_NONE ? rec->hosts[node->host].name
							      : zt_addr_text(&node->addr, text);
		bool is_new;

		if (zt_strmap_intern(seen, name, strlen(name), &is_new) == ZT_STRMAP_NONE)
			return -ENOMEM;
		if (!is_new)
			continue;
		ret->hosts += node->host != ZTC_REC_NONE;
		if (++named <= NAMED)
			zt_strbuf_printf(sb, "%s%s", named > 1 ? ", " : "", name);
	}
	if (named > NAMED)
		zt_strbuf_printf(sb, " and %zu more", named - NAMED);
	ret->all = named;
	return 0;
}

/* Is there a port that not every end was seen with which was seen at all? */
static int has_gaps(const struct ztc_rec *rec, const struct ztc_rec_rule *rule, bool src,
		    size_t ends, bool *ret)
{
	zt_auto(zt_strmap_free) struct zt_strmap *pairs = NULL, *ports = NULL;

	if (zt_strmap_new(&pairs) < 0 || zt_strmap_new(&ports) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < rule->count; i++) {
		const struct ztc_rec_edge *e = &rec->edges[rule->first + i];
		const struct ztc_rec_node *node = &rec->nodes[src ? e->src : e->dst];
		uint32_t pair[3] = {e->port, node->host,
				    node->host == ZTC_REC_NONE ? (src ? e->src : e->dst) : 0};

		if (zt_strmap_intern(pairs, pair, sizeof(pair), NULL) == ZT_STRMAP_NONE ||
		    zt_strmap_intern(ports, &e->port, sizeof(e->port), NULL) == ZT_STRMAP_NONE)
			return -ENOMEM;
	}
	*ret = zt_strmap_count(pairs) < ends * zt_strmap_count(ports);
	return 0;
}

/* A segment that covers more than was seen: that is said, never silent. */
static int note_wider(const struct ztc_rec *rec, const struct ztc_rec_rule *rule, bool src,
		      const struct ends *ends, struct zt_strbuf *note)
{
	const struct ztc_rec_segment *s = &rec->segments[src ? rule->from : rule->to];
	const char *end = src ? "from" : "to";
	bool gaps;

	if (has_gaps(rec, rule, src, ends->all, &gaps) < 0)
		return -ENOMEM;
	if (ends->hosts && ends->hosts < s->hosts)
		zt_strbuf_printf(note, "; wider than seen: %s %zu of the %zu hosts of %s", end,
				 ends->hosts, s->hosts, s->name);
	else if (s->kind == ZTC_REC_REUSED && !s->hosts)
		zt_strbuf_printf(note, "; wider than seen: %s all of %s", end, s->name);
	else if (s->widened)
		zt_strbuf_printf(note, "; wider than seen: %s whole networks of %s", end, s->name);
	else if (s->kind == ZTC_REC_ADDRESSES && ends->all < s->addresses)
		zt_strbuf_printf(note, "; wider than seen: %s %zu of the %zu addresses of %s", end,
				 ends->all, s->addresses, s->name);
	else if (gaps)
		zt_strbuf_printf(note, "; wider than seen: not each of %s with every port",
				 s->name);
	return 0;
}

static int put_note(const struct ztc_rec *rec, const struct ztc_rec_rule *rule,
		    struct zt_strbuf *sb)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf note = ZT_STRBUF_INIT;
	const struct ztc_rec_edge *e = &rec->edges[rule->first];
	const char *first = e->first, *last = e->last, *owner = e->owner;
	uint64_t connections = 0, unanswered = 0;
	char text[ZTC_TEXT_LEN];
	struct ends from, to;
	int r;

	for (size_t i = 0; i < rule->count; i++, e++) {
		connections += e->connections;
		unanswered += !e->answered;
		first = strcmp(e->first, first) < 0 ? e->first : first;
		last = strcmp(e->last, last) > 0 ? e->last : last;
		if (owner && (!e->owner || strcmp(owner, e->owner) != 0))
			owner = NULL;
	}
	ztc_plural(text, (int64_t)connections, "connection", "connections");
	zt_strbuf_printf(&note, "%s, %.16sZ to %.16sZ; ", text, first, last);
	r = name_ends(rec, rule, true, &note, &from);
	zt_strbuf_puts(&note, " to ");
	if (r == 0)
		r = name_ends(rec, rule, false, &note, &to);
	if (r < 0)
		return r;
	if (owner) {
		zt_strbuf_puts(&note, "; by ");
		zt_strbuf_escape(&note, owner, strnlen(owner, 100));
	}
	if (unanswered == rule->count)
		zt_strbuf_puts(&note, "; NEVER ANSWERED: a scan, or a service that is gone?");
	r = note_wider(rec, rule, true, &from, &note);
	if (r == 0)
		r = note_wider(rec, rule, false, &to, &note);
	zt_strbuf_puts(sb, "    note: ");
	ztc_put_folded(sb, zt_strbuf_text(&note));
	return r ?: zt_strbuf_error(&note);
}

static int put_rules(const struct ztc_rec *rec, struct zt_strbuf *sb)
{
	int r = 0;

	zt_strbuf_puts(sb, rec->rule_count ? "\nrules:\n" : "");
	for (size_t i = 0; i < rec->rule_count && r == 0; i++) {
		const struct ztc_rec_rule *rule = &rec->rules[i];

		zt_strbuf_puts(sb, "  - id: ");
		ztc_put_text(sb, rule->id);
		zt_strbuf_puts(sb, "\n    from: ");
		put_end(rec, sb, rule->from, rule->from_unit);
		zt_strbuf_puts(sb, "\n    to: ");
		put_end(rec, sb, rule->to, rule->to_unit);
		zt_strbuf_puts(sb, "\n");
		r = put_ports(rec, rule, sb);
		if (r == 0)
			r = put_note(rec, rule, sb);
	}
	return r;
}

int ztc_rec_write(const struct ztc_rec *rec, struct zt_strbuf *sb)
{
	int r;

	put_head(rec, sb);
	put_hosts(rec, sb);
	r = put_segments(rec, sb);
	if (r == 0)
		r = put_rules(rec, sb);
	if (r == 0)
		r = ztc_rec_put_failsafes(rec, sb);
	return r ?: zt_strbuf_error(sb);
}
