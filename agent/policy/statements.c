/* SPDX-License-Identifier: Apache-2.0 */
/* statements.c - the sections that decide: boundaries, rules, failsafe. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "policy/build.h"

#define NOTE_MAX 1024 /* bytes */
#define USER_MAX 256

/* --- ends: a segment, and a workload of the host there -------------------------- */

static int end_segment(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_raw_end *raw = object;

	raw->name.loc = zt_node_loc(value);
	return zt_read_name(b, value, "the name of a segment", &raw->name.s);
}

static bool ends_with(const char *s, const char *tail)
{
	size_t n = strlen(s), m = strlen(tail);

	return n > m && strcmp(s + n - m, tail) == 0;
}

static int end_unit(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_qualifier *qual = &((struct zt_raw_end *)object)->end.qual;
	const char *s = NULL;
	int r;

	qual->unit.loc = zt_node_loc(value);
	r = zt_read_text(b, value, "the name of a unit", ZT_UNIT_LEN - 1, &s);
	if (r < 0 || !s)
		return r;
	if (strchr(s, '/')) {
		zt_diag_error(b->diag, &qual->unit.loc, "'%s' is a path, not the name of a unit",
			      s);
		zt_diag_remedy(b->diag, "write cgroup: for a path, or the unit's name alone");
	} else if (!ends_with(s, ".service") && !ends_with(s, ".scope")) {
		zt_diag_error(b->diag, &qual->unit.loc, "'%s' is not a unit that processes run in",
			      s);
		if (s[0] == '.')
			zt_diag_remedy(b->diag, "write the whole name, as app.service");
		else if (ends_with(s, ".socket"))
			zt_diag_remedy(b->diag, "name the service that the socket unit starts");
		else
			zt_diag_remedy(b->diag, "write %s.service, or %s.scope", s, s);
	} else {
		qual->unit.s = s;
	}
	return 0;
}

/* An absolute path without empty, "." or ".." parts. */
static bool is_path(const char *s)
{
	const char *next;

	if (s[0] != '/')
		return false;
	if (!s[1])
		return true;
	for (; *s; s = next) {
		size_t n;

		s++;
		next = strchrnul(s, '/');
		n = (size_t)(next - s);
		if (n == 0 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return false;
	}
	return true;
}

static int read_path(struct zt_builder *b, const struct zt_node *value, const char *what,
		     const char *example, struct zt_text *ret)
{
	const char *s = NULL;
	int r;

	ret->loc = zt_node_loc(value);
	r = zt_read_text(b, value, what, ZT_PATH_LEN - 1, &s);
	if (r < 0 || !s)
		return r;
	if (is_path(s)) {
		ret->s = s;
		return 0;
	}
	zt_diag_error(b->diag, &ret->loc, "'%s' is not %s", s, what);
	zt_diag_remedy(b->diag,
		       "write an absolute path without '.', '..' or a '/' at its end, as %s",
		       example);
	return 0;
}

static int end_cgroup(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return read_path(b, value, "the path of a cgroup", "/system.slice/app.service",
			 &((struct zt_raw_end *)object)->end.qual.cgroup);
}

static int end_exe(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return read_path(b, value, "the path of a program", "/usr/sbin/nginx",
			 &((struct zt_raw_end *)object)->end.qual.exe);
}

static int end_user(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_text *user = &((struct zt_raw_end *)object)->end.qual.user;

	user->loc = zt_node_loc(value);
	return zt_read_text(b, value, "the name or number of a user", USER_MAX, &user->s);
}

static const struct zt_field end_fields[] = {
	{.key = "segment", .read = end_segment, .required = true},
	{.key = "unit", .read = end_unit},
	{.key = "cgroup", .read = end_cgroup},
	{.key = "user", .read = end_user},
	{.key = "exe", .read = end_exe},
};

const struct zt_field zt_workload_fields[ZT_QUAL_COUNT] = {
	{.key = "unit", .read = end_unit},
	{.key = "cgroup", .read = end_cgroup},
	{.key = "user", .read = end_user},
	{.key = "exe", .read = end_exe},
};

static int read_end(struct zt_builder *b, const struct zt_node *value, struct zt_raw_end *raw)
{
	struct zt_loc loc = zt_node_loc(value);
	const struct zt_qualifier *qual = &raw->end.qual;
	int r;

	raw->end.loc = loc;
	if (value->kind == ZT_NODE_SEQUENCE) {
		zt_diag_error(b->diag, &loc, "one segment is expected here, not a list");
		zt_diag_remedy(b->diag, "declare a segment for it, or write one rule for each");
		return 0;
	}
	if (value->kind == ZT_NODE_SCALAR)
		return end_segment(b, value, raw);
	r = zt_read_fields(b, value, "an end", end_fields, ARRAY_SIZE(end_fields), raw);
	raw->end.qualified = qual->unit.s || qual->cgroup.s || qual->user.s || qual->exe.s;
	return r;
}

/* A failsafe also takes prefixes, so that it does not depend on the inventory. */
static int read_failsafe_end(struct zt_builder *b, const struct zt_node *value,
			     struct zt_raw_end *raw)
{
	struct zt_loc loc = zt_node_loc(value);
	struct zt_net_key net;

	raw->end.loc = loc;
	if (value->kind == ZT_NODE_MAPPING) {
		zt_diag_error(b->diag, &loc, "a failsafe takes a segment or prefixes");
		zt_diag_remedy(b->diag, "a failsafe cannot ask for a workload");
		return 0;
	}
	if (value->kind == ZT_NODE_SCALAR && zt_net_parse(value->text, &net) == -EINVAL &&
	    !strchr(value->text, '/'))
		return end_segment(b, value, raw);
	if (value->kind == ZT_NODE_SEQUENCE && !value->first) {
		zt_diag_error(b->diag, &loc, "an empty list of prefixes");
		return 0;
	}
	raw->end.kind = ZT_END_NETS;
	return zt_read_nets(b, value, false, &raw->end.nets, &raw->end.net_count);
}

/* --- boundaries ------------------------------------------------------------------- */

static int boundary_segment(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_raw_boundary *raw = object;
	struct zt_loc loc = zt_node_loc(value);

	if (value->kind != ZT_NODE_SCALAR) {
		zt_diag_error(b->diag, &loc, "the name of a segment is expected here, not %s",
			      zt_node_what(value));
		zt_diag_remedy(b->diag, "a boundary is around one whole segment");
		return 0;
	}
	return read_end(b, value, &raw->segment);
}

static int read_direction(struct zt_builder *b, const struct zt_node *value, bool *ret)
{
	struct zt_loc loc = zt_node_loc(value);

	if (value->kind == ZT_NODE_SCALAR && strcmp(value->text, "deny") == 0) {
		*ret = true;
		return 0;
	}
	zt_diag_error(b->diag, &loc, "a boundary can only deny");
	zt_diag_remedy(b->diag, "write deny, or leave the key out for no boundary");
	return 0;
}

static int boundary_inbound(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return read_direction(b, value, &((struct zt_raw_boundary *)object)->boundary.inbound);
}

static int boundary_outbound(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return read_direction(b, value, &((struct zt_raw_boundary *)object)->boundary.outbound);
}

static int boundary_id(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return zt_read_name(b, value, "an id", &((struct zt_raw_boundary *)object)->boundary.id);
}

static int boundary_mode(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_raw_boundary *raw = object;

	raw->mode_given = true;
	return zt_read_mode(b, value, &raw->boundary.mode);
}

static int boundary_existing(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return zt_read_existing(b, value, &((struct zt_raw_boundary *)object)->boundary.existing);
}

static int boundary_note(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return zt_read_text(b, value, "a note", NOTE_MAX,
			    &((struct zt_raw_boundary *)object)->boundary.note);
}

static int boundary_ready(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return zt_read_ready(b, value, &((struct zt_raw_boundary *)object)->ready);
}

static const struct zt_field boundary_fields[] = {
	{.key = "segment", .read = boundary_segment, .required = true},
	{.key = "inbound", .read = boundary_inbound},
	{.key = "outbound", .read = boundary_outbound},
	{.key = "id", .read = boundary_id},
	{.key = "mode", .read = boundary_mode},
	{.key = "existing", .read = boundary_existing},
	{.key = "ready", .read = boundary_ready},
	{.key = "note", .read = boundary_note},
	{.key = "when", .read = zt_refuse_when, .refused = true},
	{.key = "expires", .read = zt_refuse_when, .refused = true},
};

static int read_boundary(struct zt_builder *b, const struct zt_node *node)
{
	struct zt_raw_boundary raw = {.boundary = {.loc = zt_node_loc(node)}};
	size_t errors = b->diag->errors;
	int r;

	r = zt_read_fields(b, node, "a boundary", boundary_fields, ARRAY_SIZE(boundary_fields),
			   &raw);
	if (r < 0)
		return r;
	if (b->diag->errors == errors && !raw.boundary.inbound && !raw.boundary.outbound) {
		zt_diag_error(b->diag, &raw.boundary.loc, "a boundary without a direction");
		zt_diag_remedy(b->diag, "add inbound: deny, outbound: deny, or both");
	}
	raw.broken = b->diag->errors != errors;
	if (zt_vec_grow(&b->boundaries, &b->boundary_cap, b->boundary_count + 1, sizeof(raw)) < 0)
		return -ENOMEM;
	b->boundaries[b->boundary_count++] = raw;
	return 0;
}

/* --- rules and failsafes ------------------------------------------------------------ */

static int stmt_id(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return zt_read_name(b, value, "an id", &((struct zt_raw_stmt *)object)->stmt.id);
}

static int stmt_from(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return read_end(b, value, &((struct zt_raw_stmt *)object)->from);
}

static int stmt_to(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return read_end(b, value, &((struct zt_raw_stmt *)object)->to);
}

static int failsafe_from(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return read_failsafe_end(b, value, &((struct zt_raw_stmt *)object)->from);
}

static int failsafe_to(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return read_failsafe_end(b, value, &((struct zt_raw_stmt *)object)->to);
}

static int stmt_ports(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return zt_read_ports(b, value, &((struct zt_raw_stmt *)object)->stmt.ports);
}

static int stmt_action(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return zt_read_action(b, value, &((struct zt_raw_stmt *)object)->stmt.action);
}

static int stmt_mode(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_raw_stmt *raw = object;

	raw->mode_given = true;
	return zt_read_mode(b, value, &raw->stmt.mode);
}

static int stmt_existing(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return zt_read_existing(b, value, &((struct zt_raw_stmt *)object)->stmt.existing);
}

static int stmt_note(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return zt_read_text(b, value, "a note", NOTE_MAX,
			    &((struct zt_raw_stmt *)object)->stmt.note);
}

static int stmt_ready(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return zt_read_ready(b, value, &((struct zt_raw_stmt *)object)->ready);
}

static const struct zt_field rule_fields[] = {
	{.key = "id", .read = stmt_id, .required = true},
	{.key = "action", .read = stmt_action},
	{.key = "from", .read = stmt_from, .required = true},
	{.key = "to", .read = stmt_to, .required = true},
	{.key = "ports", .read = stmt_ports, .required = true},
	{.key = "when", .read = zt_read_when},
	{.key = "expires", .read = zt_read_expires},
	{.key = "mode", .read = stmt_mode},
	{.key = "existing", .read = stmt_existing},
	{.key = "ready", .read = stmt_ready},
	{.key = "note", .read = stmt_note},
};

static const struct zt_field failsafe_fields[] = {
	{.key = "id", .read = stmt_id, .required = true},
	{.key = "from", .read = failsafe_from, .required = true},
	{.key = "to", .read = failsafe_to, .required = true},
	{.key = "ports", .read = stmt_ports, .required = true},
	{.key = "note", .read = stmt_note},
	{.key = "when", .read = zt_refuse_when, .refused = true},
	{.key = "expires", .read = zt_refuse_when, .refused = true},
};

static int read_rule(struct zt_builder *b, const struct zt_node *node)
{
	struct zt_raw_stmt raw = {.stmt = {.kind = ZT_STMT_RULE, .loc = zt_node_loc(node)}};
	size_t errors = b->diag->errors;
	int r;

	r = zt_read_fields(b, node, "a rule", rule_fields, ARRAY_SIZE(rule_fields), &raw);
	if (r < 0)
		return r;
	raw.broken = b->diag->errors != errors;
	if (zt_vec_grow(&b->rules, &b->rule_cap, b->rule_count + 1, sizeof(raw)) < 0)
		return -ENOMEM;
	b->rules[b->rule_count++] = raw;
	return 0;
}

static int read_failsafe(struct zt_builder *b, const struct zt_node *node)
{
	struct zt_raw_stmt raw = {.stmt = {.kind = ZT_STMT_FAILSAFE,
					   .mode = ZT_MODE_ENFORCED,
					   .loc = zt_node_loc(node)},
				  .mode_given = true};
	size_t errors = b->diag->errors;
	int r;

	r = zt_read_fields(b, node, "a failsafe", failsafe_fields, ARRAY_SIZE(failsafe_fields),
			   &raw);
	if (r < 0)
		return r;
	raw.broken = b->diag->errors != errors;
	if (zt_vec_grow(&b->failsafes, &b->failsafe_cap, b->failsafe_count + 1, sizeof(raw)) < 0)
		return -ENOMEM;
	b->failsafes[b->failsafe_count++] = raw;
	return 0;
}

int zt_read_boundaries(struct zt_builder *b, const struct zt_node *node)
{
	return zt_read_list(b, node, "a list of boundaries", read_boundary);
}

int zt_read_rules(struct zt_builder *b, const struct zt_node *node)
{
	return zt_read_list(b, node, "a list of rules", read_rule);
}

int zt_read_failsafe(struct zt_builder *b, const struct zt_node *node)
{
	return zt_read_list(b, node, "a list of failsafes", read_failsafe);
}
