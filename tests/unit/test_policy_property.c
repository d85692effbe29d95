/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_policy_property.c - compiled tables against the words of the design.
 *
 * Random policies, written as text and read by the reader, are compiled for a
 * random host, beside a held candidate or not, under random promotions and labels;
 * random openings at random times are then judged twice: by zt_tables_judge() over
 * the rows, and by a direct evaluator that knows nothing of identities, classes,
 * steps or cells, only the sentences of docs/design.md.
 */
#include "policy_trial.h"

#define POLICIES 1000
#define QUERIES	 60

static void check_explanation(const struct trial *t, const struct zt_query *q,
			      const struct zt_answer *a)
{
	zt_auto(zt_explanation_free) struct zt_explanation e = {0};

	assert_int_equal(zt_tables_explain(t->tables, q, &e), 0);
	for (int plane = 0; plane < ZT_PLANE_COUNT; plane++) {
		size_t deciding = 0;

		for (size_t i = 0; i < e.candidate_count; i++)
			if (e.candidates[i].why[plane] == ZT_WHY_DECIDES) {
				assert_int_equal(e.candidates[i].rule->number, a->rule[plane]);
				assert_ptr_equal(
					e.candidates[i].rule,
					zt_tables_rule_in(t->tables, a->rule[plane], plane));
				deciding++;
			}
		if (deciding != (a->rule[plane] >= ZT_RULE_FIRST))
			show(t, q, "the explanation does not name the rule");
		assert_int_equal(deciding, a->rule[plane] >= ZT_RULE_FIRST);
	}
}

/* What an answer says it is good for, it is good for. */
static void check_validity(const struct trial *t, const struct zt_query *q,
			   const struct zt_answer *a)
{
	struct zt_query later = *q;
	struct zt_answer again;

	assert_true(a->valid_until_ns > q->now_ns);
	assert_true(a->changed_ns <= q->now_ns);
	later.now_ns = a->valid_until_ns == ZT_FOREVER
			       ? q->now_ns + pick(30 * NAIVE_DAY_S) * NS_PER_S
			       : a->valid_until_ns - 1;
	zt_tables_judge(t->tables, &later, &again);
	if (memcmp(a->action, again.action, sizeof(a->action)) ||
	    memcmp(a->rule, again.rule, sizeof(a->rule)))
		show(t, q, "the answer changed before its time");
	assert_memory_equal(a->action, again.action, sizeof(a->action));
	assert_memory_equal(a->rule, again.rule, sizeof(a->rule));
}

static void query_once(const struct trial *t)
{
	struct zt_query q;
	struct zt_owner owner;
	const struct zt_owner *o = pick(3) ? &owner : NULL;
	struct zt_answer a, other;

	random_query(t, &q);
	random_owner(&owner);
	if (q.dir != ZT_DIR_FWD)
		q.qmask = zt_tables_qmask(t->tables, o);
	zt_tables_judge(t->tables, &q, &a);
	for (int plane = 0; plane < ZT_PLANE_COUNT; plane++)
		compare_plane(t, &q, o, &a, plane);
	check_explanation(t, &q, &a);
	check_validity(t, &q, &a);
	if (!a.owner_dep) {
		q.qmask = ~q.qmask;
		zt_tables_judge(t->tables, &q, &other);
		assert_memory_equal(&a, &other, sizeof(a));
	}
}

static bool try_policy(void)
{
	zt_auto(trial_free) struct trial t = {0};

	if (!random_trial(&t))
		return false;
	for (int i = 0; i < QUERIES; i++)
		query_once(&t);
	return true;
}

static void test_random(void **state)
{
	const char *seed = getenv("ZT_TEST_SEED");
	int tried = 0;

	(void)state;
	if (seed)
		chance = strtoull(seed, NULL, 0) | 1;
	for (int i = 0; i < POLICIES; i++)
		tried += try_policy();
	assert_true(tried > POLICIES / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
