// SPDX-License-Identifier: Apache-2.0
/*
 * commit.c - tables into the spare slot, proved, then in force by one store.
 *
 * Slots are {in force, previous, spare}. Only the spare is ever written. While a
 * commit awaits confirmation the previous slot is what the datapath itself goes
 * back to, so it is the spare's neighbour in safety: never reused before.
 */
#include <errno.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "datapath/slot.h"
#include "policy/compile.h"
#include "ztseg.skel.h"

static uint64_t load(const __u64 *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void store(__u64 *p, uint64_t value)
{
	/* Sequential: deadline and word must be seen in the order they are written. */
	__atomic_store_n(p, value, __ATOMIC_SEQ_CST);
}

uint64_t zt_commit_word(const struct zt_dp *dp, bool *ret_reverted)
{
	uint64_t deadline = load(&dp->ctl->deadline_ns);
	bool reverted = deadline && zt_now_ns() >= deadline;

	if (ret_reverted)
		*ret_reverted = reverted;
	return load(reverted ? &dp->ctl->prev_word : &dp->ctl->word);
}

/* A revert that the datapath made by itself becomes what the words say. */
void zt_commit_settle(struct zt_dp *dp)
{
	bool reverted;
	uint64_t word = zt_commit_word(dp, &reverted);

	if (!reverted)
		return;
	store(&dp->ctl->word, word);
	/* Who read the old word must be done before the deadline that overrules it goes. */
	zt_sys_settle();
	store(&dp->ctl->deadline_ns, 0);
	dp->tables = dp->prev_tables;
	dp->prev_tables = NULL;
	zt_alarm(dp, ZT_ALARM_REVERTED, "a policy was not confirmed in time: back to epoch %llu",
		 (unsigned long long)ZT_WORD_EPOCH(word));
}

uint64_t zt_dp_next_epoch(struct zt_dp *dp)
{
	uint64_t a = ZT_WORD_EPOCH(load(&dp->ctl->word));
	uint64_t b = ZT_WORD_EPOCH(load(&dp->ctl->prev_word));

	return (a > b ? a : b) + 1;
}

uint32_t zt_commit_slot(const struct zt_dp *dp, bool current)
{
	return ZT_WORD_SLOT(load(current ? &dp->ctl->word : &dp->ctl->prev_word));
}

/* The same slot under a new epoch: what was judged by its older rows is judged again. */
uint64_t zt_commit_renew(struct zt_dp *dp, bool current)
{
	uint64_t epoch = zt_dp_next_epoch(dp);

	store(current ? &dp->ctl->word : &dp->ctl->prev_word,
	      ZT_WORD(epoch, zt_commit_slot(dp, current)));
	return epoch;
}

static uint32_t spare_slot(const struct zt_dp *dp)
{
	uint32_t now = ZT_WORD_SLOT(load(&dp->ctl->word));
	uint32_t before = ZT_WORD_SLOT(load(&dp->ctl->prev_word));
	uint32_t slot = 0;

	while (slot == now || slot == before)
		slot++;
	return slot;
}

static void note_used(struct zt_slot *slot, const struct zt_tables *tables)
{
	for (int part = 0; part < ZT_PART_COUNT; part++)
		slot->used[part] = (uint32_t)zt_tables_part(tables, part).count;
}

/* The slot holds these very rows: told by its stored digest, then by reading all of it. */
static bool holds(struct zt_dp *dp, uint32_t slot, const struct zt_tables *tables)
{
	struct zt_slot *s = &dp->slots[slot];
	struct zt_slot_meta meta;
	uint8_t digest[32];
	__u32 zero = 0;

	if (zt_slot_open(dp, slot) < 0 || s->fd[ZT_PART_META] < 0 ||
	    bpf_map_lookup_elem(s->fd[ZT_PART_META], &zero, &meta) < 0 ||
	    memcmp(meta.digest, tables->meta.digest, sizeof(meta.digest)))
		return false;
	note_used(s, tables);
	if (s->used[ZT_PART_CELLS] > s->size[ZT_PART_CELLS] ||
	    zt_slot_digest(dp, slot, digest) < 0 ||
	    memcmp(digest, tables->meta.digest, sizeof(digest)))
		return false;
	memcpy(s->digest, digest, sizeof(digest));
	s->filled = true;
	return true;
}

const struct zt_tables *zt_dp_tables(struct zt_dp *dp)
{
	return dp->tables;
}

bool zt_dp_same(struct zt_dp *dp, const struct zt_tables *tables)
{
	return holds(dp, ZT_WORD_SLOT(zt_commit_word(dp, NULL)), tables);
}

/* Fill, read back, compare, test-run: nothing of it is in force yet. */
static int prepare(struct zt_dp *dp, uint32_t slot, const struct zt_tables *tables,
		   struct zt_commit_result *res)
{
	struct zt_slot *s = &dp->slots[slot];
	int r;

	dp->trying = false; /* what was on trial there is overwritten */
	r = zt_slot_fill(dp, slot, tables, res);
	if (r < 0)
		return zt_dp_err(res->err, r, "cannot write the policy into slot %u: %s", slot,
				 strerror(-r));
	r = zt_slot_digest(dp, slot, s->digest);
	if (r < 0)
		return zt_dp_err(res->err, r, "cannot read slot %u back: %s", slot, strerror(-r));
	if (memcmp(s->digest, tables->meta.digest, sizeof(s->digest)))
		return zt_dp_err(res->err, -EIO,
				 "what was read back from slot %u differs from what was written",
				 slot);
	r = zt_verify_slot(dp, slot, tables, res);
	if (r < 0)
		return r;
	s->filled = true;
	return 0;
}

int zt_commit_prepare_spare(struct zt_dp *dp, const struct zt_tables *tables,
			    struct zt_commit_result *res)
{
	res->slot = spare_slot(dp);
	return prepare(dp, res->slot, tables, res);
}

/* In force from here on, by the last store. */
static void flip(struct zt_dp *dp, uint64_t word, uint64_t deadline_ns)
{
	bool pending = load(&dp->ctl->deadline_ns) != 0;

	if (deadline_ns) {
		/* Over one that still awaits confirmation: the way back is the confirmed one. */
		if (!pending)
			store(&dp->ctl->prev_word, load(&dp->ctl->word));
		store(&dp->ctl->deadline_ns, deadline_ns);
		store(&dp->ctl->word, word);
		return;
	}
	if (!pending)
		store(&dp->ctl->prev_word, load(&dp->ctl->word));
	store(&dp->ctl->word, word);
	store(&dp->ctl->deadline_ns, 0);
}

int zt_dp_commit(struct zt_dp *dp, const struct zt_tables *tables,
		 const struct zt_commit_opts *opts, struct zt_commit_result *ret)
{
	uint64_t begin = zt_now_ns(), deadline = opts ? opts->deadline_ns : 0;
	bool pending;
	uint32_t slot;
	int r;

	memset(ret, 0, sizeof(*ret));
	r = zt_slot_check_capacity(tables, ret->err);
	if (r < 0)
		return r;
	r = zt_names_store(dp);
	if (r < 0)
		return zt_dp_err(ret->err, r, "cannot keep the rule names: %s", strerror(-r));
	zt_commit_settle(dp);
	pending = load(&dp->ctl->deadline_ns) != 0;
	slot = ZT_WORD_SLOT(load(&dp->ctl->word));
	/* With a deadline it must be a slot of its own, or there would be nothing to take back. */
	if (!pending && !deadline && holds(dp, slot, tables)) {
		dp->tables = tables;
		ret->slot = slot;
		ret->epoch = ZT_WORD_EPOCH(load(&dp->ctl->word));
		return 0;
	}
	r = zt_commit_prepare_spare(dp, tables, ret);
	if (r < 0)
		return r;
	dp->trying = false; /* from here on the spare is another slot */
	slot = ret->slot;
	/* Kept only as long as a revert may need them: the caller frees them after. */
	if (!deadline)
		dp->prev_tables = NULL;
	else if (!pending)
		dp->prev_tables = dp->tables;
	dp->tables = tables;
	ret->epoch = zt_dp_next_epoch(dp);
	flip(dp, ZT_WORD(ret->epoch, slot), deadline);
	ret->reset = zt_reset_newly_denied(dp, tables);
	ret->took_ns = zt_now_ns() - begin;
	return 0;
}

int zt_dp_commit_before(struct zt_dp *dp, const struct zt_tables *tables,
			struct zt_commit_result *ret)
{
	uint64_t begin = zt_now_ns();
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	zt_commit_settle(dp);
	if (!load(&dp->ctl->deadline_ns))
		return zt_dp_err(ret->err, -ENOENT, "nothing awaits confirmation");
	ret->slot = zt_commit_slot(dp, false);
	ret->epoch = ZT_WORD_EPOCH(load(&dp->ctl->prev_word));
	if (!holds(dp, ret->slot, tables)) {
		r = zt_slot_check_capacity(tables, ret->err);
		if (r == 0)
			r = zt_names_store(dp);
		if (r == 0)
			r = zt_commit_prepare_spare(dp, tables, ret);
		if (r < 0)
			return r;
		dp->trying = false; /* from here on the spare is another slot */
		ret->epoch = zt_dp_next_epoch(dp);
		store(&dp->ctl->prev_word, ZT_WORD(ret->epoch, ret->slot));
	}
	dp->prev_tables = tables;
	ret->took_ns = zt_now_ns() - begin;
	return 0;
}

int zt_dp_confirm(struct zt_dp *dp)
{
	uint64_t deadline = load(&dp->ctl->deadline_ns);

	if (!deadline)
		return -ENOENT;
	if (zt_now_ns() >= deadline) {
		zt_commit_settle(dp);
		return -ETIME;
	}
	store(&dp->ctl->deadline_ns, 0);
	dp->prev_tables = NULL;
	return 0;
}

int zt_dp_rollback(struct zt_dp *dp)
{
	uint64_t word, prev;

	zt_commit_settle(dp);
	word = load(&dp->ctl->word);
	prev = load(&dp->ctl->prev_word);
	/* Once a commit is final nobody keeps the slot before it up to date. */
	if (!load(&dp->ctl->deadline_ns))
		return -ENOENT;
	store(&dp->ctl->word, ZT_WORD(zt_dp_next_epoch(dp), ZT_WORD_SLOT(prev)));
	store(&dp->ctl->deadline_ns, 0);
	store(&dp->ctl->prev_word, word);
	dp->tables = dp->prev_tables;
	dp->prev_tables = NULL;
	return 0;
}

void zt_dp_observe(struct zt_dp *dp, uint64_t until_ns)
{
	store(&dp->ctl->observe_until_ns, until_ns);
}

/* New maps: an empty policy, so that the programs find every table. */
int zt_commit_first(struct zt_dp *dp)
{
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	zt_auto(zt_tables_free) struct zt_tables *tables = NULL;
	struct zt_compile_env env = {.offline = true};
	struct zt_commit_result res = {};
	uint64_t word;
	int r = 0;

	for (uint32_t slot = 0; slot < ZT_SLOTS && r == 0; slot++)
		r = zt_slot_open(dp, slot);
	if (r < 0 || load(&dp->ctl->word))
		return r;
	r = zt_policy_empty(&policy);
	if (r == 0)
		r = zt_policy_compile(policy, &env, dp->names, &tables, NULL);
	if (r == 0)
		r = zt_slot_fill(dp, 0, tables, &res);
	if (r == 0)
		r = zt_slot_digest(dp, 0, dp->slots[0].digest);
	if (r < 0)
		return r;
	dp->slots[0].filled = true;
	word = ZT_WORD(zt_dp_next_epoch(dp), 0);
	store(&dp->ctl->prev_word, word);
	store(&dp->ctl->word, word);
	return 0;
}

/*
 * Somebody wrote into the slot in force. The right rows go into the spare, and
 * are put in force as a new epoch; what was written in the meantime is gone then.
 */
int zt_commit_restore(struct zt_dp *dp)
{
	struct zt_commit_result res = {};
	uint32_t slot;
	int r;

	if (!dp->tables)
		return -ENOENT;
	slot = spare_slot(dp);
	r = prepare(dp, slot, dp->tables, &res);
	if (r < 0)
		return r;
	/* The tampered slot must not become the one to go back to, nor a pending one change. */
	store(&dp->ctl->word, ZT_WORD(zt_dp_next_epoch(dp), slot));
	return 0;
}
