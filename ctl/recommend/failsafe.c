/* SPDX-License-Identifier: Apache-2.0 */
/* failsafe.c - who must never be locked out: the failsafes there are, or a suggestion. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/recommend/recommend.h"
#include "ctl/recommend/pieces.h"

#define ADMINS 8 /* addresses that the suggested failsafe names */

static void put_end(const struct zt_policy *policy, const struct zt_end *end, struct zt_strbuf *sb)
{
	if (end->kind != ZT_END_NETS) {
		zt_end_text(policy, end, sb);
		return;
	}
	zt_strbuf_puts(sb, "[");
	for (size_t i = 0; i < end->net_count; i++) {
		zt_strbuf_puts(sb, i ? ", " : "");
		ztc_put_net(sb, &end->nets[i].key);
	}
	zt_strbuf_puts(sb, "]");
}

static void put_kept(const struct zt_policy *policy, const struct zt_stmt *stmt,
		     struct zt_strbuf *sb)
{
	zt_strbuf_puts(sb, "  - id: ");
	ztc_put_text(sb, stmt->id);
	zt_strbuf_puts(sb, "\n    from: ");
	put_end(policy, &stmt->from, sb);
	zt_strbuf_puts(sb, "\n    to: ");
	put_end(policy, &stmt->to, sb);
	zt_strbuf_puts(sb, "\n    ports: [");
	zt_ports_text(&stmt->ports, sb);
	zt_strbuf_puts(sb, "]\n");
	if (stmt->note) {
		zt_strbuf_puts(sb, "    note: ");
		ztc_put_folded(sb, stmt->note);
	}
}

/* A recording cannot tell that they are not needed any more: they are there for bad days. */
static bool keep(const struct ztc_rec *rec, struct zt_strbuf *sb)
{
	const struct zt_policy *policy = rec->inventory;
	bool any = false;

	for (size_t i = 0; policy && i < policy->stmt_count; i++) {
		if (policy->stmts[i].kind != ZT_STMT_FAILSAFE)
			continue;
		if (!any)
			zt_strbuf_puts(sb, "\n# As they are in the policy in force.\nfailsafe:\n");
		put_kept(policy, &policy->stmts[i], sb);
		any = true;
	}
	return any;
}

/* Who administrates is not for a recording to decide: a suggestion, commented out. */
static int suggest(const struct ztc_rec *rec, struct zt_strbuf *sb)
{
	zt_auto(zt_strmap_free) struct zt_strmap *seen = NULL;
	size_t named = 0;

	if (zt_strmap_new(&seen) < 0)
		return -ENOMEM;
	zt_strbuf_puts(
		sb, "\n# Whoever must never be locked out. Take away the signs when it is right:\n"
		    "# failsafe:\n#   - {id: admins, from: [");
	for (size_t i = 0; i < rec->edge_count && named < ADMINS; i++) {
		const struct ztc_rec_edge *e = &rec->edges[i];
		uint32_t host = rec->nodes[e->dst].host;
		const struct zt_addr *addr = &rec->nodes[e->src].addr;
		bool is_new;

		if (e->port != ZT_PORT_TCP + 22 || !e->answered || host == ZTC_REC_NONE ||
		    !rec->hosts[host].recorded)
			continue;
		if (zt_strmap_intern(seen, addr, sizeof(*addr), &is_new) == ZT_STRMAP_NONE)
			return -ENOMEM;
		if (!is_new)
			continue;
		zt_strbuf_puts(sb, named++ ? ", " : "");
		ztc_put_addr(sb, addr);
	}
	zt_strbuf_puts(sb, named ? "]" : "192.0.2.0/28]");
	zt_strbuf_puts(sb, ", to: this-host, ports: [tcp/22]}\n");
	return 0;
}

int ztc_rec_put_failsafes(const struct ztc_rec *rec, struct zt_strbuf *sb)
{
	return keep(rec, sb) ? 0 : suggest(rec, sb);
}
