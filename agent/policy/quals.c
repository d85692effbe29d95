/* SPDX-License-Identifier: Apache-2.0 */
/* quals.c - workloads that conditions ask for: rows for their names. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "policy/lower.h"

/* A qualifier as this machine knows it. */
struct resolved {
	const struct zt_qualifier *qual;
	bool asks[ZT_QUAL_COUNT];
	bool never; /* a name of it means nothing here */
	struct zt_qual_key key[ZT_QUAL_COUNT];
};

struct qualifier_maker {
	struct zt_compiler *c;
	struct resolved quals[ZT_QUALS_MAX];
	uint32_t count;
	struct zt_strmap *keys; /* struct zt_qual_key -> row */
	size_t row_cap;
};

/* Notes a name that means nothing here: in a deny rule that would fail open. */
static int unresolved(struct zt_compiler *c, const struct zt_cond *cond, const struct zt_text *text,
		      const char *what, int r)
{
	if (cond->deny && !c->env->offline) {
		zt_diag_error(c->diag, &text->loc, "no %s '%s' on this machine (%s)", what, text->s,
			      strerror(-r));
		zt_diag_remedy(c->diag,
			       "rule '%s' would deny nothing; correct the name, or give "
			       "a number or another condition",
			       cond->stmt->stmt->id);
		return -EINVAL;
	}
	zt_diag_warn(c->diag, &text->loc, "no %s '%s' on this machine (%s)", what, text->s,
		     strerror(-r));
	if (c->env->offline)
		zt_diag_remedy(c->diag, "it is looked up again on the host that the rule is for");
	else
		zt_diag_remedy(c->diag, "rule '%s' matches no workload here", cond->stmt->stmt->id);
	return 0;
}

static int resolve_user(struct zt_compiler *c, const struct zt_cond *cond, struct resolved *q)
{
	const struct zt_resolver *hooks = &c->env->resolver;
	uid_t uid = 0;
	int r = (hooks->user ?: zt_resolve_user)(hooks->ctx, q->qual->user.s, &uid);

	if (r == -ENOMEM)
		return r;
	q->never |= r < 0;
	q->key[ZT_QUAL_USER].num = uid;
	return r < 0 ? unresolved(c, cond, &q->qual->user, "user", r) : 0;
}

static int resolve_exe(struct zt_compiler *c, const struct zt_cond *cond, struct resolved *q)
{
	const struct zt_resolver *hooks = &c->env->resolver;
	struct zt_qual_key *key = &q->key[ZT_QUAL_EXE];
	bool exists = true;
	int r = (hooks->exe ?: zt_resolve_exe)(hooks->ctx, q->qual->exe.s, key->name, &key->num,
					       &exists);

	if (r == -ENOMEM)
		return r;
	q->never |= r < 0;
	if (r < 0)
		return unresolved(c, cond, &q->qual->exe, "program", r);
	if (!exists && !c->env->offline) {
		zt_diag_warn(c->diag, &q->qual->exe.loc, "no program '%s' on this machine yet",
			     q->qual->exe.s);
		zt_diag_remedy(c->diag, "the rule will match once it is there");
	}
	return 0;
}

static int resolve(struct zt_compiler *c, const struct zt_cond *cond, struct resolved *q)
{
	int r = 0;

	for (__u32 dim = 0; dim < ZT_QUAL_COUNT; dim++)
		q->key[dim].dim = dim;
	q->asks[ZT_QUAL_UNIT] = q->qual->unit.s;
	q->asks[ZT_QUAL_CGROUP] = q->qual->cgroup.s;
	q->asks[ZT_QUAL_USER] = q->qual->user.s;
	q->asks[ZT_QUAL_EXE] = q->qual->exe.s;
	/* The reader let no longer names in; the rest of the key stays zero. */
	if (q->qual->unit.s)
		memcpy(q->key[ZT_QUAL_UNIT].name, q->qual->unit.s, strlen(q->qual->unit.s));
	if (q->qual->cgroup.s)
		memcpy(q->key[ZT_QUAL_CGROUP].name, q->qual->cgroup.s, strlen(q->qual->cgroup.s));
	if (q->qual->user.s)
		r = resolve_user(c, cond, q);
	if (r == 0 && q->qual->exe.s)
		r = resolve_exe(c, cond, q);
	return r;
}

/* A row for every name asked for: the bits of all qualifiers that it does not rule out. */
static int add_rows(struct qualifier_maker *m, __u32 dim)
{
	struct zt_tables *t = m->c->t;
	uint32_t count = m->count;
	size_t first = t->qual_count;
	__u64 absent = 0;

	for (uint32_t bit = 0; bit < count; bit++)
		if (!m->quals[bit].asks[dim] && !m->quals[bit].never)
			absent |= 1ULL << bit;
	t->meta.q_absent[dim] = absent;
	for (uint32_t bit = 0; bit < count; bit++) {
		const struct resolved *q = &m->quals[bit];
		uint32_t row;
		bool is_new;

		if (!q->asks[dim] || q->never)
			continue;
		row = zt_strmap_intern(m->keys, &q->key[dim], sizeof(q->key[dim]), &is_new);
		if (row == ZT_STRMAP_NONE ||
		    zt_vec_grow(&t->quals, &m->row_cap, (size_t)row + 1, sizeof(*t->quals)) < 0)
			return -ENOMEM;
		if (is_new) {
			t->quals[row] = (struct zt_qual_row){.key = q->key[dim], .mask = absent};
			t->qual_count = (size_t)row + 1;
		}
		t->quals[row].mask |= 1ULL << bit;
	}
	return t->qual_count - first > m->c->limits->qual_rows
		       ? zt_over_limit(m->c, t->qual_count, false, m->c->limits->qual_rows,
				       "names in workload conditions")
		       : 0;
}

int zt_lower_quals(struct zt_compiler *c, const struct zt_cond *conds, uint32_t count)
{
	struct qualifier_maker m = {.c = c, .count = count};
	int r = zt_strmap_new(&m.keys);

	for (uint32_t bit = 0; bit < count && r == 0; bit++) {
		m.quals[bit].qual = conds[bit].qual;
		if (!conds[bit].qual)
			continue;
		zt_speak_of(c, conds[bit].stmt);
		r = resolve(c, &conds[bit], &m.quals[bit]);
	}
	for (__u32 dim = 0; dim < ZT_QUAL_COUNT && r == 0; dim++)
		r = add_rows(&m, dim);
	zt_strmap_free(&m.keys);
	return r;
}
