// SPDX-License-Identifier: Apache-2.0
/*
 * patch.c - a few rows into a slot that is in use, and tables tried without being in force.
 *
 * A patch only adds rows and replaces address rows, in an order in which each row is there
 * before what refers to it. So a packet that is judged meanwhile gets the verdict of before
 * or of after. The epoch moves last: flows that were judged meanwhile are judged again.
 */
#include <errno.h>
#include <string.h>
#include <bpf/bpf.h>

#include "base/time.h"
#include "datapath/slot.h"
#include "policy/judge.h"
#include "policy/relabel.h"

#define ASKED_MAX 16 /* changed addresses that the loaded judge is asked about */

/* --- a patch ------------------------------------------------------------------------------ */

/* What a patch writes into one part. */
struct piece {
	enum zt_part part;
	struct zt_rows rows;
	size_t first; /* of an array */
};

#define PIECES 7

static void cut_up(const struct zt_tables *t, const struct zt_patch *p, struct piece ret[PIECES])
{
	const struct piece all[PIECES] = {
		{ZT_PART_META, {&t->meta, 1}, 0},
		{ZT_PART_QRULES, {p->qrules, p->qrule_count}, 0},
		{ZT_PART_CELLS, {p->cells, p->cell_count}, p->first_cell},
		{ZT_PART_CELLIX, {p->cell_index, p->cell_index_count}, 0},
		{ZT_PART_PAIRS, {p->pairs, p->pair_count}, 0},
		{ZT_PART_STEPS, {p->steps, p->step_count}, p->first_step},
		{ZT_PART_ADDRS, {p->addrs, p->addr_count}, 0},
	};

	memcpy(ret, all, sizeof(all));
}

/* Told before anything is written: half a patch would be neither policy. */
static bool fits(const struct zt_slot *s, const struct zt_tables *t)
{
	for (int part = 0; part < ZT_PART_COUNT; part++)
		if (s->fd[part] < 0 || zt_tables_part(t, part).count > s->size[part])
			return false;
	return true;
}

static int write_piece(const struct zt_slot *s, const struct piece *piece)
{
	const struct zt_part_type *type = zt_part_type(piece->part);

	for (size_t i = 0; i < piece->rows.count; i++) {
		const char *row = (const char *)piece->rows.base + i * type->stride;
		__u32 index = (__u32)(piece->first + i);
		const void *key = type->array ? (const void *)&index : row;

		if (bpf_map_update_elem(s->fd[piece->part], key, row + type->value_at, BPF_ANY) < 0)
			return -errno;
	}
	return 0;
}

/* The loaded judge must answer for what changed as the compiler does, before it is final. */
static int ask_changed(struct zt_dp *dp, uint32_t slot, const struct zt_tables *t,
		       const struct zt_patch *p, struct zt_commit_result *res)
{
	struct zt_query q = {.now_ns = zt_now_ns()};
	size_t step = p->addr_count / ASKED_MAX + 1;
	int r = 0;

	if (dp->env_local_count)
		q.near = dp->env_locals[0];
	for (size_t i = 0; i < p->addr_count && r == 0; i += step) {
		q.far = p->addrs[i].key;
		for (q.dir = ZT_DIR_IN; q.dir <= ZT_DIR_OUT && r == 0; q.dir++) {
			q.port_index = ZT_PORT_TCP + 443;
			r = zt_verify_one(dp, slot, t, &q, res);
		}
	}
	return r;
}

static int write_all(struct zt_dp *dp, uint32_t slot, const struct zt_tables *t,
		     const struct zt_patch *p, struct zt_commit_result *res)
{
	struct zt_slot *s = &dp->slots[slot];
	struct piece pieces[PIECES];
	int r = 0;

	cut_up(t, p, pieces);
	for (size_t i = 0; i < PIECES && r == 0; i++)
		r = write_piece(s, &pieces[i]);
	if (r < 0)
		return zt_dp_err(res->err, r, "cannot write changed rows into slot %u: %s", slot,
				 strerror(-r));
	for (int part = 0; part < ZT_PART_COUNT; part++)
		s->used[part] = (uint32_t)zt_tables_part(t, part).count;
	memcpy(s->digest, t->meta.digest, sizeof(s->digest));
	return ask_changed(dp, slot, t, p, res);
}

int zt_dp_patch(struct zt_dp *dp, const struct zt_tables *tables, const struct zt_patch *patch,
		struct zt_commit_result *ret)
{
	uint64_t begin = zt_now_ns();
	bool current;
	int r;

	memset(ret, 0, sizeof(*ret));
	zt_commit_settle(dp);
	current = tables == dp->tables;
	if (!current && tables != dp->prev_tables)
		return zt_dp_err(ret->err, -ESTALE, "these tables are in no slot any more");
	ret->slot = zt_commit_slot(dp, current);
	if (!dp->slots[ret->slot].filled)
		return zt_dp_err(ret->err, -ESTALE, "slot %u was not filled by this agent",
				 ret->slot);
	if (!fits(&dp->slots[ret->slot], tables))
		return zt_dp_err(ret->err, -ENOSPC, "slot %u has no room for more rows", ret->slot);
	r = zt_names_store(dp);
	if (r < 0)
		return zt_dp_err(ret->err, r, "cannot keep the rule names: %s", strerror(-r));
	r = write_all(dp, ret->slot, tables, patch, ret);
	if (r < 0)
		return r;
	ret->epoch = zt_commit_renew(dp, current);
	if (current)
		ret->reset = zt_reset_newly_denied(dp, tables);
	ret->took_ns = zt_now_ns() - begin;
	return 0;
}

/* --- tables on trial ----------------------------------------------------------------------- */

int zt_dp_try_begin(struct zt_dp *dp, const struct zt_tables *tables, struct zt_commit_result *ret)
{
	uint64_t begin = zt_now_ns();
	int r;

	memset(ret, 0, sizeof(*ret));
	r = zt_slot_check_capacity(tables, ret->err);
	if (r < 0)
		return r;
	zt_commit_settle(dp);
	r = zt_commit_prepare_spare(dp, tables, ret);
	if (r < 0)
		return r;
	dp->trying = true;
	dp->try_slot = ret->slot;
	ret->took_ns = zt_now_ns() - begin;
	return 0;
}

int zt_dp_try_probe(struct zt_dp *dp, struct zt_probe *probe)
{
	if (!dp->trying)
		return -ESTALE;
	return zt_verify_probe(dp, dp->try_slot, probe);
}
