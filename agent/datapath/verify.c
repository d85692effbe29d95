// SPDX-License-Identifier: Apache-2.0
/*
 * verify.c - the loaded judge asked about a slot that is not in force yet.
 *
 * Its answers must equal the offline judge's in every field, for all openings
 * that a failsafe can save and for a sample of the others. One representative
 * address per identity, and one port per class, stand for all that the policy
 * does not tell apart.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "datapath/slot.h"
#include "policy/judge.h"
#include "ztseg.skel.h"

#define NEARS_MAX     8
#define FARS_MAX      512
#define PORTS_MAX     128
#define FAILSAFES_MAX 4096     /* asked of the kernel at most */
#define LOOKS_MAX     20000000 /* rows compared while looking for them */
#define SAMPLES	      512
#define IDS_MAX	      (4 << 20) /* identities that are given a representative */
#define ETH_BYTES     14

struct samples {
	struct zt_addr nears[NEARS_MAX];
	size_t near_count;
	struct zt_addr fars[FARS_MAX];
	size_t far_count;
	uint32_t ports[PORTS_MAX];
	size_t port_count;
};

int zt_verify_probe(struct zt_dp *dp, uint32_t slot, struct zt_probe *probe)
{
	unsigned char frame[ETH_BYTES + sizeof(*probe)] = {}, out[sizeof(frame)];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .data_out = out, .data_size_out = sizeof(out), .repeat = 1);

	probe->slot = slot;
	memcpy(frame + ETH_BYTES, probe, sizeof(*probe));
	if (bpf_prog_test_run_opts(bpf_program__fd(dp->skel->progs.zt_probe), &opts) < 0)
		return -errno;
	if (opts.retval)
		return -EIO;
	memcpy(probe, out + ETH_BYTES, sizeof(*probe));
	return 0;
}

int zt_dp_probe(struct zt_dp *dp, struct zt_probe *probe)
{
	return zt_verify_probe(dp, ZT_WORD_SLOT(zt_commit_word(dp, NULL)), probe);
}

int zt_verify_one(struct zt_dp *dp, uint32_t slot, const struct zt_tables *tables,
		  const struct zt_query *q, struct zt_commit_result *res)
{
	struct zt_probe probe = zt_query_probe(q);
	int r = zt_verify_probe(dp, slot, &probe);
	struct zt_answer expected;

	if (r < 0)
		return zt_dp_err(res->err, r, "the test run of the new policy failed: %s",
				 strerror(-r));
	zt_tables_judge(tables, q, &expected);
	if (!zt_answer_is(&expected, &probe))
		return zt_dp_err(
			res->err, -EIO,
			"the loaded programs judge differently from the compiler: rule %u/%u "
			"instead of %u/%u",
			probe.rule[ZT_LIVE], probe.rule[ZT_CANDIDATE], expected.rule[ZT_LIVE],
			expected.rule[ZT_CANDIDATE]);
	res->probes++;
	return 0;
}

/* --- what to ask ------------------------------------------------------------------------ */

static void collect_fars(const struct zt_tables *t, struct samples *s)
{
	size_t total = t->addr_count + t->net_count, step = total / (FARS_MAX - 1) + 1;
	struct zt_addr unknown = {.bytes = {0x20, 0x01, 0x0d, 0xb8, [15] = 0x77}};

	/* Rows are sorted by address; identities repeat along them, so even steps meet most. */
	for (size_t i = 0; i < total && s->far_count < FARS_MAX - 1; i += step) {
		struct zt_addr *far = &s->fars[s->far_count++];

		if (i < t->addr_count)
			*far = t->addrs[i].key;
		else
			memcpy(far->bytes, t->nets[i - t->addr_count].key.bytes, 16);
	}
	s->fars[s->far_count++] = unknown;
}

static void collect_ports(const struct zt_tables *t, struct samples *s)
{
	uint32_t step =
		t->port_classes > PORTS_MAX ? (uint32_t)(t->port_classes / PORTS_MAX) + 1 : 1;
	uint32_t last = UINT32_MAX, runs = 0;

	/* The first port of every run of one class: each edge of each range. */
	for (uint32_t i = 0; i < ZT_PORT_COUNT && s->port_count < PORTS_MAX; i++) {
		uint32_t class = t->ports[i >> 2].class[i & 3];

		if (class != last && runs++ % step == 0)
			s->ports[s->port_count++] = i;
		last = class;
	}
}

static void collect(struct zt_dp *dp, const struct zt_tables *t, struct samples *s)
{
	struct zt_addr other = {.bytes = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}};

	for (size_t i = 0; i < dp->env_local_count && s->near_count < NEARS_MAX - 1; i++)
		s->nears[s->near_count++] = dp->env_locals[i];
	s->nears[s->near_count++] = other; /* an address that is none of ours */
	collect_fars(t, s);
	collect_ports(t, s);
}

/* --- every opening that a failsafe can save --------------------------------------------------- */

/* Representatives: an address of each remote identity, a port of each class. */
struct picks {
	const struct zt_addr **far; /* by far identity; NULL = none */
	uint32_t far_count;
	uint32_t port[UINT16_MAX + 1]; /* by class; UINT32_MAX = none */
};

static void picks_free(struct picks **picks)
{
	if (*picks)
		free((*picks)->far);
	free(*picks);
	*picks = NULL;
}

static int pick_fars(const struct zt_tables *t, struct picks *p)
{
	uint32_t top = t->meta.unknown.far_id;

	for (size_t i = 0; i < t->addr_count; i++)
		top = t->addrs[i].value.far_id > top ? t->addrs[i].value.far_id : top;
	for (size_t i = 0; i < t->net_count; i++)
		top = t->nets[i].value.far_id > top ? t->nets[i].value.far_id : top;
	if (top >= IDS_MAX)
		return -E2BIG;
	p->far = calloc((size_t)top + 1, sizeof(*p->far));
	if (!p->far)
		return -ENOMEM;
	p->far_count = top + 1;
	/* An exact row answers for its own address only; it is put over a prefix's. */
	for (size_t i = 0; i < t->net_count; i++)
		p->far[t->nets[i].value.far_id] = (const struct zt_addr *)t->nets[i].key.bytes;
	for (size_t i = 0; i < t->addr_count; i++)
		p->far[t->addrs[i].value.far_id] = &t->addrs[i].key;
	return 0;
}

static void pick_ports(const struct zt_tables *t, struct picks *p)
{
	memset(p->port, 0xff, sizeof(p->port));
	for (uint32_t i = ZT_PORT_COUNT; i-- > 0;)
		p->port[t->ports[i >> 2].class[i & 3]] = i;
}

/* The near address that has an identity: of our own ones, else one that no row covers. */
static const struct zt_addr *near_of(const struct samples *s, const struct zt_tables *t,
				     uint32_t near_id)
{
	struct zt_identity id;

	for (size_t i = 0; i < s->near_count; i++) {
		zt_tables_identify(t, &s->nears[i], zt_now_ns(), &id);
		if (id.near_id == near_id)
			return &s->nears[i];
	}
	return NULL;
}

struct failsafes {
	struct zt_dp *dp;
	uint32_t slot;
	const struct zt_tables *tables;
	const struct samples *samples;
	const struct picks *picks;
	struct zt_commit_result *res;
};

static int ask_pair(const struct failsafes *f, const struct zt_pair_row *pair, uint32_t class)
{
	const struct zt_addr *near = near_of(f->samples, f->tables, pair->key.near_id);
	const struct zt_addr *far =
		pair->key.far_id < f->picks->far_count ? f->picks->far[pair->key.far_id] : NULL;
	struct zt_query q = {.now_ns = zt_now_ns(), .dir = pair->key.dir};

	q.port_index = f->picks->port[class & UINT16_MAX];
	if (!near || !far || q.port_index == UINT32_MAX || q.dir >= ZT_DIR_FWD)
		return 0;
	q.near = *near;
	q.far = *far;
	return zt_verify_one(f->dp, f->slot, f->tables, &q, f->res);
}

static bool has_failsafe(const struct zt_cell *cell)
{
	return cell->failsafe[ZT_LIVE] || cell->failsafe[ZT_CANDIDATE];
}

static int ask_failsafes(const struct failsafes *f)
{
	const struct zt_tables *t = f->tables;
	size_t looks = 0;
	int r = 0;

	for (size_t i = 0; i < t->cell_index_count && looks < LOOKS_MAX && r == 0; i++) {
		const struct zt_cell_row *row = &t->cell_index[i];

		if (row->cell >= t->cell_count || !has_failsafe(&t->cells[row->cell]))
			continue;
		looks += t->pair_count;
		for (size_t k = 0; k < t->pair_count && r == 0; k++) {
			if (t->pairs[k].port_set != row->key.port_set)
				continue;
			if (f->res->probes >= FAILSAFES_MAX)
				return 0;
			r = ask_pair(f, &t->pairs[k], row->key.class);
		}
	}
	return r;
}

static int verify_failsafes(struct zt_dp *dp, uint32_t slot, const struct zt_tables *tables,
			    const struct samples *s, struct zt_commit_result *res)
{
	zt_auto(picks_free) struct picks *picks = calloc(1, sizeof(*picks));
	struct failsafes f = {dp, slot, tables, s, picks, res};
	int r = picks ? pick_fars(tables, picks) : -ENOMEM;

	if (r < 0)
		return r == -E2BIG ? 0 : r;
	pick_ports(tables, picks);
	return ask_failsafes(&f);
}

/* --- a sample of the rest --------------------------------------------------------------------- */

/* Opening number i of all combinations. */
static void opening(const struct samples *s, size_t i, size_t dirs, struct zt_query *q)
{
	q->dir = (uint32_t)(i % dirs);
	i /= dirs;
	q->near = s->nears[i % s->near_count];
	i /= s->near_count;
	q->port_index = s->ports[i % s->port_count];
	i /= s->port_count;
	q->far = s->fars[i % s->far_count];
}

/* Now, when a label or a window ends, and past all that is known: in turns. */
static uint64_t moment(const struct zt_tables *t, uint64_t now_ns, size_t n)
{
	uint64_t at = 0;

	switch (n % 4) {
	case 1:
		if (t->step_count > 1)
			at = t->steps[1 + n % (t->step_count - 1)].until_ns;
		break;
	case 2:
		if (t->window_count)
			at = t->windows[n % t->window_count].from_ns;
		break;
	case 3:
		at = UINT64_MAX - 1;
		break;
	}
	return at > now_ns ? at : now_ns;
}

static int verify_sample(struct zt_dp *dp, uint32_t slot, const struct zt_tables *tables,
			 const struct samples *s, struct zt_commit_result *res)
{
	size_t dirs = dp->ctl->flags & ZT_CTL_FORWARDING ? 3 : 2;
	size_t total = s->near_count * s->far_count * s->port_count * dirs;
	/* Odd steps, so that they do not beat with the factors of the combinations. */
	size_t step = (total / SAMPLES) | 1;
	uint64_t now_ns = zt_now_ns();
	struct zt_query q = {};
	int r = 0;

	for (size_t i = 0, n = 0; i < total && r == 0; i += step, n++) {
		opening(s, i, dirs, &q);
		q.qmask = n & 1 ? ~0ULL : 0;
		q.now_ns = moment(tables, now_ns, n / 2);
		r = zt_verify_one(dp, slot, tables, &q, res);
	}
	return r;
}

int zt_verify_slot(struct zt_dp *dp, uint32_t slot, const struct zt_tables *tables,
		   struct zt_commit_result *res)
{
	zt_auto(zt_freep) struct samples *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	collect(dp, tables, s);
	r = verify_failsafes(dp, slot, tables, s, res);
	return r == 0 ? verify_sample(dp, slot, tables, s, res) : r;
}
