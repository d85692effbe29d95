// SPDX-License-Identifier: Apache-2.0
/*
 * diff.c - statements of two policies compared.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/strmap.h"
#include "plan/diff.h"
#include "policy/policy.h"
#include "policy/schedule.h"
#include "policy/tables.h"

/* Statements of one side, and what they compiled to, by id. */
struct side {
	const struct zt_diff_side *of;
	struct zt_strmap *ids;	    /* id -> statement number */
	struct zt_strmap *compiled; /* id -> number in tables->rules */
};

static void side_clear(struct side *s)
{
	zt_strmap_free(&s->ids);
	zt_strmap_free(&s->compiled);
}

static int index_side(const struct zt_diff_side *of, struct side *ret)
{
	int r = zt_strmap_new(&ret->ids);

	ret->of = of;
	if (r == 0)
		r = zt_strmap_new(&ret->compiled);
	for (size_t i = 0; r == 0 && of->policy && i < of->policy->stmt_count; i++) {
		const char *id = of->policy->stmts[i].id;

		if (zt_strmap_intern(ret->ids, id, strlen(id), NULL) == ZT_STRMAP_NONE)
			r = -ENOMEM;
	}
	for (size_t i = 0; r == 0 && of->tables && i < of->tables->rule_count; i++) {
		const char *id = of->tables->rules[i].id;

		if (zt_strmap_intern(ret->compiled, id, strlen(id), NULL) == ZT_STRMAP_NONE)
			r = -ENOMEM;
	}
	return r;
}

static const struct zt_stmt *find_stmt(const struct side *s, const char *id)
{
	uint32_t n = zt_strmap_find(s->ids, id, strlen(id));

	return n == ZT_STRMAP_NONE ? NULL : &s->of->policy->stmts[n];
}

/* What it compiled to on this host; NULL: it cannot involve this host. */
static const struct zt_rule_info *find_compiled(const struct side *s, const char *id)
{
	uint32_t n = zt_strmap_find(s->compiled, id, strlen(id));

	return n == ZT_STRMAP_NONE ? NULL : &s->of->tables->rules[n];
}

/* --- fields, as text ----------------------------------------------------------------------------
 */

typedef void (*field_fn)(const struct side *s, const struct zt_stmt *stmt, struct zt_strbuf *sb);

static void field_action(const struct side *s, const struct zt_stmt *stmt, struct zt_strbuf *sb)
{
	(void)s;
	zt_strbuf_puts(sb, zt_action_name(stmt->action));
}

static void field_mode(const struct side *s, const struct zt_stmt *stmt, struct zt_strbuf *sb)
{
	const struct zt_rule_info *info = find_compiled(s, stmt->id);

	zt_strbuf_puts(sb, zt_mode_name(info ? info->mode : stmt->mode));
	if (info && info->percent && info->percent < 100)
		zt_strbuf_printf(sb, " for %u %% of remote hosts", info->percent);
}

static void field_from(const struct side *s, const struct zt_stmt *stmt, struct zt_strbuf *sb)
{
	zt_end_text(s->of->policy, &stmt->from, sb);
}

static void field_to(const struct side *s, const struct zt_stmt *stmt, struct zt_strbuf *sb)
{
	zt_end_text(s->of->policy, &stmt->to, sb);
}

static void field_ports(const struct side *s, const struct zt_stmt *stmt, struct zt_strbuf *sb)
{
	(void)s;
	zt_ports_text(&stmt->ports, sb);
}

static void field_existing(const struct side *s, const struct zt_stmt *stmt, struct zt_strbuf *sb)
{
	(void)s;
	zt_strbuf_puts(sb, zt_existing_name(stmt->existing));
}

static void field_when(const struct side *s, const struct zt_stmt *stmt, struct zt_strbuf *sb)
{
	const struct zt_when *when = &stmt->when;

	(void)s;
	if (when->hour_count) {
		zt_schedule_text(when, sb);
		zt_strbuf_printf(sb, " %s", when->timezone);
	}
	for (size_t i = 0; i < when->label_count; i++) {
		zt_strbuf_puts(sb, sb->len ? ", " : "");
		zt_strbuf_escape(sb, when->labels[i].key, strlen(when->labels[i].key));
		zt_strbuf_puts(sb, "=");
		zt_strbuf_escape(sb, when->labels[i].value, strlen(when->labels[i].value));
	}
}

static void field_expires(const struct side *s, const struct zt_stmt *stmt, struct zt_strbuf *sb)
{
	(void)s;
	if (stmt->expires.s)
		zt_strbuf_escape(sb, stmt->expires.s, strlen(stmt->expires.s));
}

static void field_ready(const struct side *s, const struct zt_stmt *stmt, struct zt_strbuf *sb)
{
	(void)s;
	if (stmt->kind != ZT_STMT_FAILSAFE && stmt->ready.given)
		zt_strbuf_printf(sb, "days %u, flows %llu, would_deny %llu", stmt->ready.days,
				 (unsigned long long)stmt->ready.flows,
				 (unsigned long long)stmt->ready.would_deny);
}

static void field_note(const struct side *s, const struct zt_stmt *stmt, struct zt_strbuf *sb)
{
	(void)s;
	if (stmt->note)
		zt_strbuf_escape(sb, stmt->note, strlen(stmt->note));
}

static const struct {
	const char *name;
	field_fn text;
} fields[] = {
	{"mode", field_mode}, {"action", field_action},	  {"from", field_from},
	{"to", field_to},     {"ports", field_ports},	  {"existing", field_existing},
	{"when", field_when}, {"expires", field_expires}, {"ready", field_ready},
	{"note", field_note},
};

/* --- rows
 * ------------------------------------------------------------------------------------------ */

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static json_t *stmt_json(const struct side *s, const struct zt_stmt *stmt)
{
	json_t *o = json_object();

	set(o, "id", zt_json_str(stmt->id));
	set(o, "kind", json_string(zt_stmt_kind_name(stmt->kind)));
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;

		fields[i].text(s, stmt, &sb);
		if (sb.len)
			set(o, fields[i].name, json_string(zt_strbuf_text(&sb)));
	}
	set(o, "here", json_boolean(find_compiled(s, stmt->id) != NULL));
	set(o, "file", zt_json_str(stmt->loc.file));
	set(o, "line", json_integer(stmt->loc.line));
	return o;
}

/* The fields that differ, or NULL when none does. */
static json_t *changed_fields(const struct side *now, const struct zt_stmt *was,
			      const struct side *then, const struct zt_stmt *is)
{
	json_t *list = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		zt_auto(zt_strbuf_free) struct zt_strbuf a = ZT_STRBUF_INIT;
		zt_auto(zt_strbuf_free) struct zt_strbuf b = ZT_STRBUF_INIT;

		fields[i].text(now, was, &a);
		fields[i].text(then, is, &b);
		if (!strcmp(zt_strbuf_text(&a), zt_strbuf_text(&b)))
			continue;
		list = list ?: json_array();
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s}", "field", fields[i].name, "from",
						zt_strbuf_text(&a), "to", zt_strbuf_text(&b)));
	}
	return list;
}

struct rows {
	json_t *list;
	size_t total;
};

static void append(struct rows *rows, json_t *row)
{
	if (rows->total++ < ZT_DIFF_ROWS_MAX)
		json_array_append_new(rows->list, row);
	else
		json_decref(row);
}

static json_t *changed_json(const struct side *then, const struct zt_stmt *stmt, json_t *list)
{
	return json_pack("{s:o, s:s, s:b, s:o, s:i, s:o}", "id", zt_json_str(stmt->id), "kind",
			 zt_stmt_kind_name(stmt->kind), "here",
			 find_compiled(then, stmt->id) != NULL, "file", zt_json_str(stmt->loc.file),
			 "line", (int)stmt->loc.line, "fields", list);
}

static size_t compare(const struct side *now, const struct side *then, struct rows *added,
		      struct rows *removed, struct rows *changed)
{
	size_t unchanged = 0;

	for (size_t i = 0; then->of->policy && i < then->of->policy->stmt_count; i++) {
		const struct zt_stmt *is = &then->of->policy->stmts[i];
		const struct zt_stmt *was = find_stmt(now, is->id);
		json_t *list = was ? changed_fields(now, was, then, is) : NULL;

		if (!was)
			append(added, stmt_json(then, is));
		else if (list)
			append(changed, changed_json(then, is, list));
		else
			unchanged++;
	}
	for (size_t i = 0; now->of->policy && i < now->of->policy->stmt_count; i++) {
		const struct zt_stmt *was = &now->of->policy->stmts[i];

		if (!find_stmt(then, was->id))
			append(removed, stmt_json(now, was));
	}
	return unchanged;
}

json_t *zt_diff_statements(const struct zt_diff_side *now, const struct zt_diff_side *then)
{
	struct rows added = {json_array(), 0}, removed = {json_array(), 0};
	struct rows changed = {json_array(), 0};
	zt_auto(side_clear) struct side a = {0};
	zt_auto(side_clear) struct side b = {0};
	size_t unchanged = 0;

	if (index_side(now, &a) < 0 || index_side(then, &b) < 0) {
		json_decref(added.list);
		json_decref(removed.list);
		json_decref(changed.list);
		return NULL;
	}
	unchanged = compare(&a, &b, &added, &removed, &changed);
	return json_pack("{s:o, s:o, s:o, s:{s:I, s:I, s:I, s:I}}", "added", added.list, "removed",
			 removed.list, "changed", changed.list, "count", "added",
			 (json_int_t)added.total, "removed", (json_int_t)removed.total, "changed",
			 (json_int_t)changed.total, "unchanged", (json_int_t)unchanged);
}
