/* SPDX-License-Identifier: Apache-2.0 */
/* judge.c - the offline twin of bpf/judge.bpf.h: keep its order of steps. */
#include "policy/judge.h"

#include <stdlib.h>
#include <string.h>

#include "policy/lower.h"

/* Rows are sorted bytewise by the key they begin with. */
#define FIND_ROW(rows, count, key) find_row(rows, count, sizeof(*(rows)), key, sizeof(*(key)))

static const void *find_row(const void *rows, size_t count, size_t size, const void *key,
			    size_t key_len)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const char *row = (const char *)rows + mid * size;
		int r = memcmp(row, key, key_len);

		if (r == 0)
			return row;
		if (r < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

const struct zt_identity *zt_tables_net_row(const struct zt_tables *t, const struct zt_net_key *net)
{
	for (__u32 len = net->prefixlen + 1; len-- > 0;) {
		struct zt_net_key key = *net;
		const struct zt_net_row *row;

		key.prefixlen = len;
		zt_net_mask(&key);
		row = FIND_ROW(t->nets, t->net_count, &key);
		if (row)
			return &row->value;
	}
	return &t->meta.unknown;
}

const struct zt_identity *zt_tables_row(const struct zt_tables *t, const struct zt_addr *addr)
{
	const struct zt_addr_row *exact = FIND_ROW(t->addrs, t->addr_count, addr);
	struct zt_net_key net = {.prefixlen = 128};

	if (exact)
		return &exact->value;
	memcpy(net.bytes, addr->bytes, sizeof(net.bytes));
	return zt_tables_net_row(t, &net);
}

/* Returns when the latest of the steps that were taken was due; 0 = none. */
static __u64 step_on(const struct zt_tables *t, __u64 now_ns, struct zt_identity *id)
{
	__u64 changed_ns = 0;

	for (int i = 0; i < ZT_STEPS_MAX && id->until_ns && now_ns >= id->until_ns; i++) {
		const struct zt_step *step;

		if (id->step >= t->step_count)
			break;
		step = &t->steps[id->step];
		changed_ns = id->until_ns > changed_ns ? id->until_ns : changed_ns;
		id->far_id = step->far_id;
		id->near_id = step->near_id;
		id->until_ns = step->until_ns;
		id->step = step->next;
	}
	if (!id->until_ns || now_ns >= id->until_ns)
		id->until_ns = ZT_FOREVER;
	return changed_ns;
}

static __u64 identify(const struct zt_tables *t, const struct zt_addr *addr, __u64 now_ns,
		      struct zt_identity *ret)
{
	__u64 changed_ns;

	*ret = *zt_tables_row(t, addr);
	changed_ns = step_on(t, now_ns, ret);
	ret->bucket = ret->bucket ? ret->bucket - 1 : zt_addr_bucket(addr);
	ret->step = 0;
	return changed_ns;
}

void zt_tables_identify(const struct zt_tables *t, const struct zt_addr *addr, __u64 now_ns,
			struct zt_identity *ret)
{
	identify(t, addr, now_ns, ret);
}

static __u32 find_cell(const struct zt_tables *t, __u32 port_set, __u32 class)
{
	struct zt_cell_key key = {.port_set = port_set, .class = class};
	const struct zt_cell_row *row = FIND_ROW(t->cell_index, t->cell_index_count, &key);

	if (!row && class) {
		key.class = 0;
		row = FIND_ROW(t->cell_index, t->cell_index_count, &key);
	}
	return row ? row->cell : 0;
}

static void good_until(struct zt_answer *a, __u64 until_ns)
{
	if (until_ns < a->valid_until_ns)
		a->valid_until_ns = until_ns;
}

static void changed_at(struct zt_answer *a, __u64 at_ns)
{
	if (at_ns > a->changed_ns)
		a->changed_ns = at_ns;
}

/* Which timed conditions are open: by the last row of the windows that has begun. */
static __u64 open_now(const struct zt_tables *t, __u64 now_ns, struct zt_answer *a)
{
	__u32 at = 0, count = t->meta.window_count;

	if (!count || count > t->window_count)
		return 0;
	for (__u32 half = ZT_WINDOWS_MAX / 2; half; half /= 2)
		if (at + half < count && t->windows[at + half].from_ns <= now_ns)
			at += half;
	if (at + 1 < count)
		good_until(a, t->windows[at + 1].from_ns);
	changed_at(a, t->windows[at].from_ns);
	return t->windows[at].open;
}

__u64 zt_tables_open(const struct zt_tables *t, __u64 now_ns)
{
	struct zt_answer unused = {0};

	return open_now(t, now_ns, &unused);
}

/* Which of a cell's conditions hold. */
static __u64 conditions(const struct zt_tables *t, const struct zt_query *q, __u64 bits,
			struct zt_answer *a)
{
	__u64 mask = bits & (q->qmask | t->meta.q_free);

	if (bits & ~t->meta.q_free)
		a->owner_dep = 1;
	if (a->bucket < ZT_BUCKETS)
		mask &= t->meta.share[a->bucket];
	if (bits & t->meta.q_timed)
		mask &= open_now(t, q->now_ns, a) | ~t->meta.q_timed;
	return mask;
}

static __u64 plane_bits(const struct zt_plane *p)
{
	return p->deny_q | p->allow_q | p->bound_q;
}

/* Statements with a condition: the first bit that holds, when it outranks the base answer. */
static void qualify(const struct zt_tables *t, __u8 plane, const struct zt_plane *p, __u64 mask,
		    struct zt_answer *a)
{
	struct zt_qrule_key key = {.cell = a->cell, .plane = plane};
	const struct zt_qrule_row *row;

	if ((p->deny_q & mask) && a->rank[plane] < ZT_RANK_DENY) {
		key.action = ZT_DENY;
		key.bit = (__u8)__builtin_ctzll(p->deny_q & mask);
		a->rank[plane] = ZT_RANK_DENY;
	} else if ((p->allow_q & mask) && a->rank[plane] < ZT_RANK_ALLOW) {
		key.action = ZT_ALLOW;
		key.bit = (__u8)__builtin_ctzll(p->allow_q & mask);
		a->rank[plane] = ZT_RANK_ALLOW;
	} else if ((p->bound_q & mask) && a->rank[plane] < ZT_RANK_BOUNDARY) {
		key.action = ZT_Q_BOUNDARY;
		key.bit = (__u8)__builtin_ctzll(p->bound_q & mask);
		a->rank[plane] = ZT_RANK_BOUNDARY;
	} else {
		return;
	}
	a->action[plane] = key.action == ZT_ALLOW ? ZT_ALLOW : ZT_DENY;
	row = FIND_ROW(t->qrules, t->qrule_count, &key);
	if (row) {
		a->rule[plane] = row->value.rule;
		a->existing[plane] = (__u8)row->value.existing;
	}
}

static void answer_cell(const struct zt_tables *t, const struct zt_query *q,
			const struct zt_cell *cell, struct zt_answer *a)
{
	__u64 bits = plane_bits(&cell->plane[ZT_LIVE]) | plane_bits(&cell->plane[ZT_CANDIDATE]);
	__u64 mask = bits ? conditions(t, q, bits, a) : 0;

	for (__u8 plane = 0; plane < ZT_PLANE_COUNT; plane++) {
		const struct zt_plane *p = &cell->plane[plane];

		a->rule[plane] = p->rule;
		a->rank[plane] = p->rank;
		a->action[plane] = p->action;
		a->existing[plane] = p->existing;
		if (plane_bits(p) & mask)
			qualify(t, plane, p, mask, a);
		if (a->action[plane] == ZT_DENY && cell->failsafe[plane]) {
			if (plane == ZT_LIVE)
				a->failsafe = 1;
			a->action[plane] = ZT_ALLOW;
			a->rank[plane] = ZT_RANK_FAILSAFE;
			a->rule[plane] = cell->failsafe[plane];
		}
	}
}

void zt_tables_judge(const struct zt_tables *t, const struct zt_query *q, struct zt_answer *ret)
{
	struct zt_identity near = {.near_id = q->near_id, .until_ns = ZT_FOREVER}, far;
	struct zt_pair_key pair = {.dir = q->dir};
	const struct zt_pair_row *row;

	*ret = (struct zt_answer){.rule = {ZT_RULE_DEFAULT, ZT_RULE_DEFAULT}};
	if (!q->near_id)
		changed_at(ret, identify(t, &q->near, q->now_ns, &near));
	changed_at(ret, identify(t, &q->far, q->now_ns, &far));
	ret->valid_until_ns = near.until_ns < far.until_ns ? near.until_ns : far.until_ns;
	ret->label_epoch = near.label_epoch > far.label_epoch ? near.label_epoch : far.label_epoch;
	ret->bucket = far.bucket;

	pair.near_id = q->dir == ZT_DIR_FWD ? near.far_id : near.near_id;
	pair.far_id = far.far_id;
	ret->near_id = pair.near_id;
	ret->far_id = pair.far_id;
	row = FIND_ROW(t->pairs, t->pair_count, &pair);
	ret->port_set = row ? row->port_set : 0;
	if (q->port_index < ZT_PORT_COUNT)
		ret->port_class = t->ports[q->port_index >> 2].class[q->port_index & 3];
	ret->cell = find_cell(t, ret->port_set, ret->port_class);
	if (ret->cell < t->cell_count)
		answer_cell(t, q, &t->cells[ret->cell], ret);
}

bool zt_answer_is(const struct zt_answer *a, const struct zt_probe *p)
{
	return !memcmp(p->rule, a->rule, sizeof(p->rule)) &&
	       !memcmp(p->action, a->action, sizeof(p->action)) &&
	       !memcmp(p->rank, a->rank, sizeof(p->rank)) &&
	       !memcmp(p->existing, a->existing, sizeof(p->existing)) &&
	       p->failsafe == a->failsafe && p->owner_dep == a->owner_dep &&
	       p->near_id == a->near_id && p->far_id == a->far_id &&
	       p->valid_until_ns == a->valid_until_ns && p->changed_ns == a->changed_ns &&
	       p->label_epoch == a->label_epoch;
}

struct zt_probe zt_query_probe(const struct zt_query *q)
{
	return (struct zt_probe){
		.near = q->near,
		.far = q->far,
		.qmask = q->qmask,
		.now_ns = q->now_ns,
		.dir = q->dir,
		.port_index = q->port_index,
	};
}

/* Bits that a name leaves standing in one dimension. */
static __u64 name_bits(const struct zt_tables *t, __u32 dim, __u32 num, const char *name,
		       size_t len)
{
	struct zt_qual_key key = {.dim = dim, .num = num};
	const struct zt_qual_row *row;

	if (len >= sizeof(key.name))
		return t->meta.q_absent[dim];
	memcpy(key.name, name, len);
	row = FIND_ROW(t->quals, t->qual_count, &key);
	return row ? row->mask : t->meta.q_absent[dim];
}

/* "Is or is below": what any cgroup on the way from the root leaves standing. */
static __u64 cgroup_bits(const struct zt_tables *t, const char *path, size_t len)
{
	__u64 bits = t->meta.q_absent[ZT_QUAL_CGROUP] | name_bits(t, ZT_QUAL_CGROUP, 0, "/", 1);

	for (size_t i = 1; i <= len; i++)
		if (i > 1 && (i == len || path[i] == '/'))
			bits |= name_bits(t, ZT_QUAL_CGROUP, 0, path, i);
	return bits;
}

__u64 zt_tables_qmask(const struct zt_tables *t, const struct zt_owner *owner)
{
	size_t len;
	__u64 bits;

	if (!owner)
		return 0;
	bits = name_bits(t, ZT_QUAL_UNIT, 0, owner->unit, strnlen(owner->unit, ZT_UNIT_LEN));
	len = strnlen(owner->cgroup, ZT_PATH_LEN);
	bits &= owner->flags & ZT_OWNER_TRUNC_CGROUP ? t->meta.q_absent[ZT_QUAL_CGROUP]
						     : cgroup_bits(t, owner->cgroup, len);
	bits &= name_bits(t, ZT_QUAL_USER, owner->uid, "", 0);
	len = strnlen(owner->exe, ZT_PATH_LEN);
	bits &= owner->flags & ZT_OWNER_TRUNC_EXE
			? t->meta.q_absent[ZT_QUAL_EXE]
			: name_bits(t, ZT_QUAL_EXE, owner->exe_dev, owner->exe, len);
	return bits;
}
