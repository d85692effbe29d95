// SPDX-License-Identifier: Apache-2.0
/*
 * test_patch.c - slots of the real datapath: patched while in use, tried, gone back to.
 *
 * The datapath is opened, in a network namespace and on a bpffs of its own, but attached to
 * nothing. Tables are made at random, so that every kind of row is in a patch.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>
#include <sched.h>

#include "any_policy.h"
#include "any_tables.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "datapath/internal.h"
#include "policy/compile.h"
#include "policy/diag.h"
#include "policy/relabel.h"
#include "rig.h"
#include "ztseg.skel.h"

#define ROUNDS	  20
#define QUESTIONS 200
#define POLICIES  12
#define CHANGES	  12

struct test {
	struct rig rig; /* counts and prints */
	struct zt_dp *dp;
	struct sd_event *event;
	char dir[64];
};

static void die(const char *what, const char *why)
{
	printf("%s: %s\n", what, why);
	exit(99);
}

static void test_open(struct test *t)
{
	char err[ZT_DP_ERR_LEN], pins[96];
	struct zt_dp_config cfg = {.pin_dir = pins, .flow_entries = 1024};

	if (geteuid()) {
		printf("needs root: it loads BPF programs\n");
		exit(77);
	}
	snprintf(t->dir, sizeof(t->dir), "/tmp/zt-patch.XXXXXX");
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 || !mkdtemp(t->dir) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("bpf", t->dir, "bpf", 0, NULL) < 0)
		die("a namespace of its own", strerror(errno));
	snprintf(pins, sizeof(pins), "%s/ztseg", t->dir);
	if (sd_event_new(&t->event) < 0)
		die("event loop", "out of memory");
	cfg.event = t->event;
	if (zt_dp_open(&t->dp, &cfg, err) < 0)
		die("zt_dp_open", err);
}

static int test_close(struct test *t)
{
	zt_dp_close(&t->dp);
	sd_event_unref(t->event);
	umount2(t->dir, MNT_DETACH);
	rmdir(t->dir);
	printf("\n%d passed, %d failed, %d skipped\n", t->rig.passed, t->rig.failed,
	       t->rig.skipped);
	return t->rig.failed ? 1 : 0;
}

#define check(t, good, name, ...) rig_check(&(t)->rig, good, name, __VA_ARGS__)

/* --- tables and patches --------------------------------------------------------------- */

static struct zt_tables *digested(void)
{
	struct zt_tables *tables = any_tables();

	if (zt_tables_digest(tables, tables->meta.digest) < 0)
		abort();
	return tables;
}

static void *grown(void *rows, size_t size, size_t count, size_t more)
{
	char *at = realloc(rows, (count + more) * size);

	if (!at)
		abort();
	memset(at + count * size, 0, more * size);
	return at;
}

#define GROW(rows, count, more) ((rows) = grown(rows, sizeof(*(rows)), count, more))

/* New rows of every array, and new and changed rows of every hash, in the tables and the patch. */
static void change(struct zt_tables *t, struct zt_patch *p)
{
	size_t cell = t->cell_count, step = t->step_count;

	memset(p, 0, sizeof(*p));
	p->meta = true;
	t->meta.near_count = 1 + any_pick(3);

	GROW(t->cells, cell, 2);
	for (unsigned int i = 0; i < 2; i++) {
		t->cells[cell + i] = t->cells[any_pick((unsigned int)cell)];
		t->cells[cell + i].plane[ZT_LIVE].rule = ZT_RULE_FIRST + any_pick(1000);
	}
	t->cell_count += 2;
	p->first_cell = cell;
	p->cells = t->cells + cell;
	p->cell_count = 2;

	GROW(t->steps, step, 1);
	t->steps[step] = (struct zt_step){.far_id = 1, .near_id = 1};
	t->step_count++;
	p->first_step = step;
	p->steps = t->steps + step;
	p->step_count = 1;

	GROW(p->qrules, 0, 1);
	p->qrules[p->qrule_count++] = (struct zt_qrule_row){.key = {.cell = (__u32)cell, .bit = 1},
							    .value = {.rule = ZT_RULE_FIRST + 7}};
	GROW(t->qrules, t->qrule_count, 1);
	t->qrules[t->qrule_count++] = p->qrules[0];

	GROW(p->cell_index, 0, 2);
	GROW(t->cell_index, t->cell_index_count, 2);
	for (unsigned int i = 0; i < 2; i++) {
		p->cell_index[i].key = (struct zt_cell_key){100 + (__u32)step, i};
		p->cell_index[i].cell = (__u32)cell + i;
		t->cell_index[t->cell_index_count++] = p->cell_index[i];
	}
	p->cell_index_count = 2;

	GROW(p->pairs, 0, 1);
	p->pairs[0] = (struct zt_pair_row){{1, 1000 + (__u32)step, ZT_DIR_IN}, 100 + (__u32)step};
	p->pair_count = 1;
	GROW(t->pairs, t->pair_count, 1);
	t->pairs[t->pair_count++] = p->pairs[0];

	GROW(p->addrs, 0, 8);
	for (unsigned int i = 0; i < 8; i++) {
		struct zt_addr_row *row = &t->addrs[8 * i + any_pick(8)];

		row->value = any_identity();
		row->value.step = (__u32)step;
		if (i == 0)
			row->value.far_id = 1000 + (__u32)step;
		p->addrs[p->addr_count++] = *row;
	}
	zt_tables_sort(t);
	if (zt_tables_digest(t, t->meta.digest) < 0)
		abort();
}

static void drop(struct zt_patch *p)
{
	free(p->qrules);
	free(p->cell_index);
	free(p->pairs);
	free(p->addrs);
}

/* --- what a slot answers -------------------------------------------------------------- */

typedef int (*probe_fn)(struct zt_dp *dp, struct zt_probe *probe);

static unsigned int differences(struct test *t, const struct zt_tables *tables, probe_fn ask)
{
	unsigned int differ = 0;

	for (unsigned int i = 0; i < QUESTIONS; i++) {
		struct zt_query q = any_question(tables);
		struct zt_probe probe = {.near = q.near,
					 .far = q.far,
					 .qmask = q.qmask,
					 .now_ns = q.now_ns,
					 .dir = q.dir,
					 .port_index = q.port_index};
		struct zt_answer twin;

		zt_tables_judge(tables, &q, &twin);
		differ += ask(t->dp, &probe) < 0 || !rig_same(&probe, &twin);
	}
	return differ;
}

static bool holds(struct test *t, const struct zt_tables *tables, uint32_t slot)
{
	uint8_t digest[32];

	return zt_slot_digest(t->dp, slot, digest) == 0 &&
	       !memcmp(digest, tables->meta.digest, sizeof(digest)) &&
	       !memcmp(t->dp->slots[slot].digest, digest, sizeof(digest));
}

static uint64_t epoch(struct test *t)
{
	return ZT_WORD_EPOCH(zt_commit_word(t->dp, NULL));
}

static bool commit(struct test *t, const struct zt_tables *tables, uint64_t deadline_ns)
{
	struct zt_commit_opts opts = {.deadline_ns = deadline_ns};
	struct zt_commit_result res;
	int r = zt_dp_commit(t->dp, tables, &opts, &res);

	return check(t, r == 0, "a commit", "%s", res.err);
}

static bool patch(struct test *t, struct zt_tables *tables, const char *name)
{
	uint64_t before = zt_dp_next_epoch(t->dp);
	struct zt_commit_result res;
	struct zt_patch p;
	int r;

	change(tables, &p);
	r = zt_dp_patch(t->dp, tables, &p, &res);
	drop(&p);
	if (!check(t, r == 0, name, "%s", res.err))
		return false;
	check(t, res.epoch == before, "it has the epoch that was next", "%llu, not %llu",
	      (unsigned long long)res.epoch, (unsigned long long)before);
	return check(t, holds(t, tables, res.slot), "its rows are those of the tables", "slot %u",
		     res.slot);
}

/* --- cases ---------------------------------------------------------------------------- */

static void in_force(struct test *t)
{
	zt_auto(zt_tables_free) struct zt_tables *tables = digested(), *next = digested();
	unsigned int differ = 0;

	commit(t, tables, 0);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		patch(t, tables, "a patch in force");
		differ += differences(t, tables, zt_dp_probe);
	}
	check(t, !differ, "a patched slot answers as its tables do", "%u differ", differ);
	commit(t, next, 0);
	commit(t, tables, 0);
	differ = differences(t, tables, zt_dp_probe);
	check(t, !differ, "and so does one that was filled with them", "%u differ", differ);
}

/* While a commit awaits confirmation, labels change for the way back as well. */
static void way_back(struct test *t)
{
	zt_auto(zt_tables_free) struct zt_tables *old = digested(), *new = digested();
	uint64_t before;
	unsigned int differ;

	commit(t, old, 0);
	before = epoch(t);
	commit(t, new, zt_now_ns() + 600000000000ULL);
	patch(t, new, "a patch of what awaits confirmation");
	patch(t, old, "a patch of what it would go back to");
	differ = differences(t, new, zt_dp_probe);
	check(t, !differ, "the one in force is in force", "%u differ", differ);
	t->dp->ctl->deadline_ns = zt_now_ns(); /* as if it had come */
	differ = differences(t, old, zt_dp_probe);
	check(t, !differ, "past the deadline the other is, as patched", "%u differ", differ);
	check(t, epoch(t) > before, "no verdict of before the patch is good after it", "%llu",
	      (unsigned long long)epoch(t));
	zt_commit_settle(t->dp);
	check(t, zt_dp_tables(t->dp) == old, "its tables are what is in force", "%s", "not they");
	patch(t, old, "a patch after the revert");
}

/* An earlier agent's commit: the way back is made known, or made anew. */
static void way_back_anew(struct test *t)
{
	zt_auto(zt_tables_free) struct zt_tables *old = digested(), *new = digested();
	struct zt_commit_result res;
	unsigned int differ;

	check(t, zt_dp_commit_before(t->dp, old, &res) == -ENOENT, "nothing awaits: no way back",
	      "%s", res.err);
	commit(t, old, 0);
	commit(t, new, zt_now_ns() + 60000000000ULL);
	t->dp->prev_tables = NULL;
	check(t, zt_dp_commit_before(t->dp, old, &res) == 0 && !res.probes,
	      "the slot that holds it already stays", "%s", res.err);
	check(t, zt_dp_commit_before(t->dp, new, &res) == 0 && res.probes, "another is filled",
	      "%s", res.err);
	differ = differences(t, new, zt_dp_probe);
	check(t, !differ && !zt_dp_rollback(t->dp), "taken back", "%u differ", differ);
	differ = differences(t, new, zt_dp_probe);
	check(t, !differ, "what was made anew is in force", "%u differ", differ);
	check(t, zt_dp_rollback(t->dp) == -ENOENT, "once", "%s", "twice");
	commit(t, old, 0);
	check(t, zt_dp_rollback(t->dp) == -ENOENT, "and not what is final", "%s", "it was");
}

static void refused(struct test *t)
{
	zt_auto(zt_tables_free) struct zt_tables *tables = digested(), *other = digested();
	struct zt_slot *slot;
	struct zt_commit_result res;
	uint64_t before;
	struct zt_patch p;
	uint32_t size;

	commit(t, tables, 0);
	before = epoch(t);
	change(other, &p);
	check(t, zt_dp_patch(t->dp, other, &p, &res) == -ESTALE, "tables of no slot", "%s",
	      res.err);
	drop(&p);
	slot = &t->dp->slots[zt_commit_slot(t->dp, true)];
	size = slot->size[ZT_PART_CELLS];
	slot->size[ZT_PART_CELLS] = (uint32_t)tables->cell_count;
	change(tables, &p);
	check(t, zt_dp_patch(t->dp, tables, &p, &res) == -ENOSPC, "no room", "%s", res.err);
	slot->size[ZT_PART_CELLS] = size;
	drop(&p);
	check(t, epoch(t) == before, "neither moves the epoch", "%llu",
	      (unsigned long long)epoch(t));
	check(t, commit(t, tables, 0) && epoch(t) > before, "a commit in full then does", "%llu",
	      (unsigned long long)epoch(t));
}

static void on_trial(struct test *t)
{
	zt_auto(zt_tables_free) struct zt_tables *tables = digested(), *other = digested();
	struct zt_probe probe = {};
	struct zt_commit_result res;
	unsigned int differ;
	uint64_t before;

	commit(t, tables, 0);
	before = epoch(t);
	check(t, zt_dp_try_probe(t->dp, &probe) == -ESTALE, "nothing is on trial", "%s", "it is");
	check(t, zt_dp_try_begin(t->dp, other, &res) == 0, "a trial", "%s", res.err);
	differ = differences(t, other, zt_dp_try_probe);
	check(t, !differ, "it answers as those tables do", "%u differ", differ);
	differ = differences(t, tables, zt_dp_probe);
	check(t, !differ && epoch(t) == before, "what is in force goes on", "%u differ", differ);
	patch(t, tables, "a patch meanwhile");
	differ = differences(t, other, zt_dp_try_probe);
	check(t, !differ, "leaves the trial alone", "%u differ", differ);
	commit(t, other, 0);
	check(t, zt_dp_try_probe(t->dp, &probe) == -ESTALE, "a commit ends it", "%s", "it goes on");
}

/* --- labels --------------------------------------------------------------------------- */

struct labelled {
	struct zt_policy *policy;
	struct zt_tables *tables;
	struct any_overlay overlay;
	struct zt_compile_env env;
	struct zt_addr local;
	unsigned int patches, empty, full;
};

static void labelled_free(struct labelled *l)
{
	zt_policy_free(&l->policy);
	zt_tables_free(&l->tables);
}

static struct zt_tables *compiled(struct test *t, struct labelled *l)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	struct zt_tables *tables = NULL;

	if (zt_policy_compile(l->policy, &l->env, zt_dp_rule_names(t->dp), &tables, &diag) < 0) {
		zt_diag_print(&diag, stdout);
		exit(99);
	}
	return tables;
}

static void labelled_open(struct test *t, struct labelled *l, unsigned int number)
{
	static struct any_text text;
	uint64_t now_ns = zt_now_ns();

	any_seed(number);
	any_policy(&text, number % 2);
	any_overlay(&l->overlay, now_ns);
	zt_addr_parse("10.20.0.1", &l->local);
	l->env = (struct zt_compile_env){.host = "me",
					 .locals = &l->local,
					 .local_count = 1,
					 .offline = true,
					 .overlay = &l->overlay.is,
					 .now_ns = now_ns};
	l->env.wall_offset_ns = ANY_WALL_S * 1000000000LL - (__s64)now_ns;
	if (zt_policy_parse(&l->policy, "patch.yaml", text.at, text.len, NULL) < 0)
		die("policy", "it does not parse");
	l->tables = compiled(t, l);
	commit(t, l->tables, 0);
}

/* A change of labels, by a patch when it can be one. */
static bool relabel(struct test *t, struct labelled *l)
{
	const char *host = any_relabel(&l->overlay, l->env.now_ns, (__u32)zt_dp_next_epoch(t->dp));
	zt_auto(zt_patch_free) struct zt_patch *p = NULL;
	struct zt_tables *old = l->tables;
	struct zt_commit_result res;
	int r = zt_tables_relabel(old, l->policy, &l->env, &host, 1, &p);

	if (r == -EAGAIN) {
		l->full++;
		l->tables = compiled(t, l);
		r = zt_dp_commit(t->dp, l->tables, NULL, &res);
		zt_tables_free(&old);
		return r == 0;
	}
	if (r == 0 && zt_patch_empty(p)) {
		l->empty++;
		return true;
	}
	l->patches++;
	return r == 0 && zt_dp_patch(t->dp, old, p, &res) == 0 && holds(t, old, res.slot);
}

static bool same_verdict(const struct zt_probe *a, const struct zt_answer *b)
{
	return !memcmp(a->rule, b->rule, sizeof(a->rule)) &&
	       !memcmp(a->action, b->action, sizeof(a->action)) &&
	       !memcmp(a->rank, b->rank, sizeof(a->rank)) &&
	       !memcmp(a->existing, b->existing, sizeof(a->existing)) && a->failsafe == b->failsafe;
}

/* What is loaded against tables compiled from nothing, at any time. */
static unsigned int unlike_fresh(struct test *t, struct labelled *l)
{
	static const __u32 ports[] = {ZT_PORT_TCP + 443, ZT_PORT_TCP + 22, ZT_PORT_UDP + 53,
				      ZT_PORT_ICMP + 8, ZT_PORT_PROTO + 132};
	zt_auto(zt_tables_free) struct zt_tables *fresh = compiled(t, l);
	unsigned int differ = 0;

	for (unsigned int i = 0; i < QUESTIONS; i++) {
		struct zt_query q = {.near = l->local, .dir = any_pick(2)};
		struct zt_probe probe = {.near = q.near, .dir = q.dir};
		struct zt_answer a;

		q.far = (struct zt_addr){{[10] = 0xff, [11] = 0xff, 10, 20, 0, any_pick(14)}};
		q.port_index = ports[any_pick(ARRAY_SIZE(ports))];
		q.qmask = any_pick(2) ? ~0ULL : 0;
		q.now_ns = l->env.now_ns + any_pick(20 * 24) * ANY_HOUR_NS;
		probe.far = q.far;
		probe.port_index = q.port_index;
		probe.qmask = q.qmask;
		probe.now_ns = q.now_ns;
		zt_tables_judge(fresh, &q, &a);
		differ += zt_dp_probe(t->dp, &probe) < 0 || !same_verdict(&probe, &a);
	}
	return differ;
}

static void labels(struct test *t)
{
	unsigned int patches = 0, full = 0, failed = 0, differ = 0;

	for (unsigned int n = 0; n < POLICIES; n++) {
		zt_auto(labelled_free) struct labelled l = {};

		labelled_open(t, &l, n);
		for (unsigned int i = 0; i < CHANGES; i++) {
			failed += !relabel(t, &l);
			differ += unlike_fresh(t, &l);
		}
		patches += l.patches;
		full += l.full;
	}
	check(t, !failed, "changes of labels reach the slot in force", "%u did not", failed);
	check(t, !differ, "which answers as one that is compiled from nothing", "%u of %u differ",
	      differ, POLICIES * CHANGES * QUESTIONS);
	check(t, patches > POLICIES * CHANGES / 3, "mostly by patches", "%u, and %u in full",
	      patches, full);
}

/* --- hours that end ------------------------------------------------------------------- */

#define POLICY_HOURS                                                                               \
	"version: 1\npolicy: hours\nrevision: 1\nmode: enforced\n"                                 \
	"hosts:\n  me: {addresses: [10.20.0.1], labels: {role: me}}\n"                             \
	"segments:\n  me: {select: {role: me}}\n"                                                  \
	"boundaries:\n  - {id: closed, segment: me, inbound: deny, existing: reset}\n"             \
	"rules:\n  - {id: hours, from: any, to: me, ports: [tcp/443],"                             \
	" when: {hours: \"Wed 10:00-10:31\"}}\n" /* ANY_WALL_S is at 10:30:20 */

/* A connection on the loopback device, as @ret_near accepted it; its ports are 443 and 40000. */
static void connection(int *ret_near, int *ret_far)
{
	struct sockaddr_in near = {.sin_family = AF_INET, .sin_port = htons(443)};
	struct sockaddr_in far = {.sin_family = AF_INET, .sin_port = htons(40000)};
	zt_auto(zt_close) int l = socket(AF_INET, SOCK_STREAM, 0);

	near.sin_addr.s_addr = htonl(0x0a140001);
	far.sin_addr.s_addr = htonl(0x0a140002);
	*ret_far = socket(AF_INET, SOCK_STREAM, 0);
	if (system("ip link set lo up && ip addr add 10.20.0.1/32 dev lo && "
		   "ip addr add 10.20.0.2/32 dev lo") ||
	    bind(l, (struct sockaddr *)&near, sizeof(near)) || listen(l, 1) ||
	    bind(*ret_far, (struct sockaddr *)&far, sizeof(far)) ||
	    connect(*ret_far, (struct sockaddr *)&near, sizeof(near)))
		die("a connection", strerror(errno));
	*ret_near = accept(l, NULL, NULL);
}

static void note_flow(struct test *t)
{
	struct zt_flow_key key = {.near_port = htons(443),
				  .far_port = htons(40000),
				  .proto = IPPROTO_TCP,
				  .kind = ZT_KIND_LOCAL};
	struct zt_flow flow = {.opener = ZT_DIR_IN, .state = ZT_STATE_ESTABLISHED};
	struct zt_addr addr;

	zt_addr_parse("10.20.0.1", &addr);
	memcpy(key.near_addr, addr.bytes, sizeof(key.near_addr));
	zt_addr_parse("10.20.0.2", &addr);
	memcpy(key.far_addr, addr.bytes, sizeof(key.far_addr));
	if (bpf_map_update_elem(bpf_map__fd(t->dp->skel->maps.zt_flows), &key, &flow, BPF_ANY))
		die("zt_flows", strerror(errno));
}

static bool is_ended(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) < 0 && errno != EAGAIN;
}

static void hours(struct test *t)
{
	zt_auto(labelled_free) struct labelled l = {
		.env = {.host = "me", .local_count = 1, .offline = true}};
	const char *scale = getenv("ZT_TIME_SCALE"); /* an emulated machine is slow */
	int ahead_s = scale ? atoi(scale) : 1;
	zt_auto(zt_close) int near = -1, far = -1;

	connection(&near, &far);
	zt_addr_parse("10.20.0.1", &l.local);
	l.env.locals = &l.local;
	l.env.now_ns = zt_now_ns();
	/* A little before the hours end. */
	l.env.wall_offset_ns = (ANY_WALL_S + 40 - ahead_s) * 1000000000LL - (__s64)l.env.now_ns;
	if (zt_policy_parse(&l.policy, "hours.yaml", POLICY_HOURS, strlen(POLICY_HOURS), NULL) < 0)
		die("policy", "it does not parse");
	l.tables = compiled(t, &l);
	commit(t, l.tables, 0);
	note_flow(t);
	zt_reset_on_time(t->dp);
	check(t, !is_ended(near), "within its hours a connection goes on", "%s", "ended");
	while (zt_now_ns() < l.env.now_ns + ahead_s * 1000000000ULL)
		usleep(1000);
	zt_reset_on_time(t->dp);
	check(t, is_ended(near), "when they end it is reset, though it sends nothing", "%s",
	      "it goes on");
}

int main(void)
{
	struct test t = {};

	setlinebuf(stdout);
	test_open(&t);
	any_seed(1);
	in_force(&t);
	way_back(&t);
	way_back_anew(&t);
	refused(&t);
	on_trial(&t);
	labels(&t);
	hours(&t);
	return test_close(&t);
}
