/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - the words of the language, and parts of a policy as text. */
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "policy/build.h"

static const char *const end_names[ZT_END_COUNT] = {
	[ZT_END_ANY] = "any",
	[ZT_END_THIS_HOST] = "this-host",
	[ZT_END_UNKNOWN] = "unknown",
	[ZT_END_MULTICAST] = "multicast",
	[ZT_END_BROADCAST] = "broadcast",
};

enum zt_end_kind zt_end_builtin(const char *name)
{
	for (int i = 0; i < ZT_END_SEGMENT; i++)
		if (strcmp(name, end_names[i]) == 0)
			return (enum zt_end_kind)i;
	return ZT_END_SEGMENT;
}

const char *zt_end_builtin_name(enum zt_end_kind kind)
{
	return kind < ZT_END_COUNT ? end_names[kind] : NULL;
}

const char *zt_mode_name(enum zt_mode mode)
{
	return mode == ZT_MODE_ENFORCED ? "enforced" : "staged";
}

const char *zt_stmt_kind_name(enum zt_stmt_kind kind)
{
	static const char *const names[ZT_STMT_COUNT] = {"boundary", "rule", "failsafe"};

	return kind < ZT_STMT_COUNT ? names[kind] : "unknown";
}

const char *zt_existing_name(__u8 existing)
{
	static const char *const names[] = {"recheck", "keep", "reset"};

	return existing < ARRAY_SIZE(names) ? names[existing] : "unknown";
}

const char *zt_action_name(__u8 action)
{
	return action == ZT_DENY ? "deny" : "allow";
}

const char *zt_rank_name(__u8 rank)
{
	static const char *const names[] = {
		[ZT_RANK_DEFAULT] = "default",	   [ZT_RANK_BOUNDARY] = "boundary",
		[ZT_RANK_ALLOW] = "allow rule",	   [ZT_RANK_DENY] = "deny rule",
		[ZT_RANK_CONTAIN] = "containment", [ZT_RANK_BUILTIN] = "built-in",
		[ZT_RANK_FAILSAFE] = "failsafe",
	};

	return rank < ARRAY_SIZE(names) ? names[rank] : "unknown";
}

static void add_condition(struct zt_strbuf *sb, const char *what, const struct zt_text *text,
			  bool *first)
{
	if (!text->s)
		return;
	zt_strbuf_printf(sb, "%s%s ", *first ? " (" : ", ", what);
	zt_strbuf_escape(sb, text->s, strlen(text->s));
	*first = false;
}

void zt_end_text(const struct zt_policy *policy, const struct zt_end *end, struct zt_strbuf *sb)
{
	char net[ZT_NET_TEXT_LEN];
	bool first = true;

	if (end->kind == ZT_END_SEGMENT)
		zt_strbuf_puts(sb, policy->segments[end->segment].name);
	else if (end->kind != ZT_END_NETS)
		zt_strbuf_puts(sb, zt_end_builtin_name(end->kind) ?: "");
	for (size_t i = 0; i < end->net_count; i++)
		zt_strbuf_printf(sb, "%s%s", i ? ", " : "", zt_net_text(&end->nets[i].key, net));
	add_condition(sb, "unit", &end->qual.unit, &first);
	add_condition(sb, "cgroup", &end->qual.cgroup, &first);
	add_condition(sb, "user", &end->qual.user, &first);
	add_condition(sb, "exe", &end->qual.exe, &first);
	if (!first)
		zt_strbuf_puts(sb, ")");
}
