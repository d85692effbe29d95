/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_policy_relabel.c - changed labels as a patch: the same verdicts as a compile in full.
 *
 * Also that the patch is all there is: put into a copy of the rows as the datapath
 * puts it into its maps, it gives the rows that the tables have now.
 */
#include "policy/relabel.h"
#include "policy_trial.h"

#define TRIALS	400
#define ROUNDS	4
#define QUERIES 40

/* --- rows as the datapath has them --------------------------------------------------------- */

static void *copy(const void *rows, size_t bytes, size_t room)
{
	char *out = calloc(1, bytes + room + 1);

	assert_non_null(out);
	if (bytes)
		memcpy(out, rows, bytes);
	return out;
}

#define COPY(to, from, part, count, more)                                                          \
	do {                                                                                       \
		(to)->part = copy((from)->part, (from)->count * sizeof(*(from)->part),             \
				  (more) * sizeof(*(from)->part));                                 \
		(to)->count = (from)->count;                                                       \
	} while (0)

static void copy_rows(const struct zt_tables *t, struct zt_tables *ret)
{
	*ret = (struct zt_tables){.meta = t->meta};
	COPY(ret, t, addrs, addr_count, 0);
	COPY(ret, t, nets, net_count, 0);
	COPY(ret, t, pairs, pair_count, 0);
	COPY(ret, t, cell_index, cell_index_count, 0);
	COPY(ret, t, cells, cell_count, 0);
	COPY(ret, t, quals, qual_count, 0);
	COPY(ret, t, qrules, qrule_count, 0);
	COPY(ret, t, steps, step_count, 0);
	COPY(ret, t, windows, window_count, 0);
	ret->ports = copy(t->ports, ZT_PORT_BLOCKS * sizeof(*t->ports), 0);
}

static void free_rows(struct zt_tables *rows)
{
	free(rows->addrs);
	free(rows->nets);
	free(rows->pairs);
	free(rows->ports);
	free(rows->cell_index);
	free(rows->cells);
	free(rows->quals);
	free(rows->qrules);
	free(rows->steps);
	free(rows->windows);
}

/* Insert or replace by key, as a hash map does. */
#define PUT(rows, p, part, count)                                                                  \
	do {                                                                                       \
		void *grown = copy((rows)->part, (rows)->count * sizeof(*(rows)->part),            \
				   (p)->count * sizeof(*(rows)->part));                            \
		free((rows)->part);                                                                \
		(rows)->part = grown;                                                              \
		for (size_t a = 0; a < (p)->count; a++) {                                          \
			size_t at = 0;                                                             \
			while (at < (rows)->count &&                                               \
			       memcmp(&(rows)->part[at], &(p)->part[a], sizeof((p)->part->key)))   \
				at++;                                                              \
			(rows)->part[at] = (p)->part[a];                                           \
			(rows)->count += at == (rows)->count;                                      \
		}                                                                                  \
	} while (0)

#define APPEND(rows, p, part, count, first)                                                        \
	do {                                                                                       \
		void *grown = copy((rows)->part, (rows)->count * sizeof(*(rows)->part),            \
				   (p)->count * sizeof(*(rows)->part));                            \
		free((rows)->part);                                                                \
		(rows)->part = grown;                                                              \
		assert_true(!(p)->count || (p)->first == (rows)->count);                           \
		if ((p)->count)                                                                    \
			memcpy((rows)->part + (p)->first, (p)->part,                               \
			       (p)->count * sizeof(*(p)->part));                                   \
		(rows)->count += (p)->count;                                                       \
	} while (0)

static void check_patch(struct zt_tables *rows, const struct zt_patch *p, const struct zt_tables *t)
{
	uint8_t digest[32];

	PUT(rows, p, addrs, addr_count);
	PUT(rows, p, pairs, pair_count);
	PUT(rows, p, cell_index, cell_index_count);
	PUT(rows, p, qrules, qrule_count);
	APPEND(rows, p, cells, cell_count, first_cell);
	APPEND(rows, p, steps, step_count, first_step);
	if (p->meta)
		rows->meta = t->meta;
	zt_tables_sort(rows);
	assert_int_equal(zt_tables_digest(rows, digest), 0);
	assert_memory_equal(digest, t->meta.digest, sizeof(digest));
}

/* --- at random ----------------------------------------------------------------------------- */

static int tally[2]; /* relabelled; compiled in full */

/* Hosts that had or have a label of the overlay. */
static size_t name_hosts(const struct trial *t, const char *const *before, size_t before_count,
			 const char **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < before_count; i++)
		ret[n++] = before[i];
	for (size_t i = 0; i < t->overlay.label_count; i++)
		ret[n++] = t->labels[i].host;
	return n;
}

static void compare(const struct trial *t)
{
	for (int i = 0; i < QUERIES; i++) {
		struct zt_query q;
		struct zt_owner owner;
		struct zt_answer a;
		const struct zt_owner *o = pick(3) ? &owner : NULL;

		random_query(t, &q);
		random_owner(&owner);
		if (q.dir != ZT_DIR_FWD)
			q.qmask = zt_tables_qmask(t->tables, o);
		zt_tables_judge(t->tables, &q, &a);
		for (int plane = 0; plane < ZT_PLANE_COUNT; plane++)
			compare_plane(t, &q, o, &a, plane);
	}
}

static void relabel_once(struct trial *t)
{
	zt_auto(zt_patch_free) struct zt_patch *patch = NULL;
	static const char *const all[] = {"h0", "h1", "h2", "h3", "h4", "h5"};
	const char *hosts[ARRAY_SIZE(all) + OVERLAY_LABELS];
	struct zt_tables rows;
	uint8_t digest[32];
	int r;

	t->now_ns += pick(2) ? 0 : pick(3 * NAIVE_DAY_S) * NS_PER_S;
	do
		random_labels(t);
	while (!t->overlay.label_count);
	t->env.now_ns = t->now_ns;
	copy_rows(t->tables, &rows);
	memcpy(digest, t->tables->meta.digest, sizeof(digest));
	r = zt_tables_relabel(t->tables, t->policy, &t->env, hosts,
			      name_hosts(t, all, ARRAY_SIZE(all), hosts), &patch);
	if (r == 0) {
		tally[0]++;
		check_patch(&rows, patch, t->tables);
		if (zt_patch_empty(patch))
			assert_memory_equal(digest, t->tables->meta.digest, sizeof(digest));
	} else {
		tally[1]++;
		assert_int_equal(r, -EAGAIN);
		zt_tables_digest(t->tables, digest);
		assert_memory_equal(digest, t->tables->meta.digest, sizeof(digest));
		zt_tables_free(&t->tables);
		assert_int_equal(zt_policy_compile(t->policy, &t->env, t->names, &t->tables, NULL),
				 0);
		t->world.compiled_ns = t->other.compiled_ns = t->now_ns;
	}
	free_rows(&rows);
	compare(t);
}

static void test_random(void **state)
{
	(void)state;
	for (int i = 0; i < TRIALS; i++) {
		zt_auto(trial_free) struct trial t = {0};

		/* Labels must have something to decide. */
		if (!random_trial(&t) || t.policy->host_count < 9 || t.policy->segment_count < 3 ||
		    t.policy->stmt_count < 4)
			continue;
		for (int k = 0; k < ROUNDS; k++)
			relabel_once(&t);
	}
	assert_true(tally[0] > TRIALS / 3);
	assert_true(tally[1] > TRIALS / 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
