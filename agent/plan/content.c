/* SPDX-License-Identifier: Apache-2.0 */
/*
 * content.c - what a statement means, as a digest.
 */
#include "base/addr.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "plan/content.h"
#include "policy/hours.h"

static void add_labels(struct zt_strbuf *sb, const char *what, const struct zt_label *labels,
		       size_t count)
{
	zt_strbuf_printf(sb, "%s %zu\n", what, count);
	for (size_t i = 0; i < count; i++)
		zt_strbuf_printf(sb, "%s=%s\n", labels[i].key, labels[i].value);
}

static void add_nets(struct zt_strbuf *sb, const char *what, const struct zt_net *nets,
		     size_t count)
{
	char text[ZT_NET_TEXT_LEN];

	zt_strbuf_printf(sb, "%s %zu\n", what, count);
	for (size_t i = 0; i < count; i++)
		zt_strbuf_printf(sb, "%s\n", zt_net_text(&nets[i].key, text));
}

/* Its name and conditions, and what the segment is made of: another selector is another meaning. */
static void add_end(struct zt_strbuf *sb, const struct zt_policy *policy, const struct zt_end *end)
{
	const struct zt_segment *s;

	zt_end_text(policy, end, sb);
	zt_strbuf_puts(sb, "\n");
	if (end->kind != ZT_END_SEGMENT)
		return;
	s = &policy->segments[end->segment];
	add_labels(sb, "select", s->select, s->select_count);
	add_nets(sb, "addresses", s->addresses, s->address_count);
	add_nets(sb, "except", s->except, s->except_count);
}

static void add_when(struct zt_strbuf *sb, const struct zt_stmt *stmt)
{
	const struct zt_when *when = &stmt->when;

	if (when->hour_count) {
		zt_hours_text(when->hours, when->hour_count, ",", sb);
		zt_strbuf_printf(sb, " %s\n", when->timezone);
	}
	add_labels(sb, "labels", when->labels, when->label_count);
	zt_strbuf_printf(sb, "expires %lld\n", (long long)stmt->expires_s);
}

int zt_content_digest(const struct zt_policy *policy, const struct zt_stmt *stmt,
		      uint8_t ret[ZT_DIGEST_LEN])
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;

	zt_strbuf_printf(&sb, "%s %s %s\n", zt_stmt_kind_name(stmt->kind), stmt->id,
			 zt_action_name(stmt->action));
	add_end(&sb, policy, &stmt->from);
	add_end(&sb, policy, &stmt->to);
	zt_ports_text(&stmt->ports, &sb);
	zt_strbuf_puts(&sb, "\n");
	add_when(&sb, stmt);
	if (zt_strbuf_error(&sb) < 0)
		return -ENOMEM;
	return zt_digest_of(zt_strbuf_text(&sb), sb.len, ret);
}
