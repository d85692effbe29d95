/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_trial.h - a random policy, compiled for a random host under a random overlay, and
 * random openings judged twice: over the rows, and by policy_naive.h.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "policy/compile.h"
#include "policy/judge.h"
#include "policy_naive.h"
#include "policy_random.h"

#define NS_PER_S       1000000000ULL
#define TRIAL_NOW_NS   (1000ULL * NS_PER_S)
#define OVERLAY_LABELS 4
#define OVERLAY_MODES  4
#define HOSTS_MAX      12

struct trial {
	struct zt_policy *policy;
	struct zt_policy *candidate; /* NULL: none is held */
	struct zt_rule_names *names;
	struct zt_tables *tables;
	struct world world;
	struct world other; /* of the candidate */
	struct zt_compile_env env;
	uint64_t now_ns; /* from when on it is asked */
	struct zt_overlay overlay;
	struct zt_overlay_label labels[OVERLAY_LABELS];
	struct zt_overlay_mode modes[OVERLAY_MODES];
	struct zt_overlay_host hosts[HOSTS_MAX];
	char mode_ids[OVERLAY_MODES][8];
	char host_names[OVERLAY_LABELS][8];
	char epoch_names[HOSTS_MAX][8];
	char *text;
	char *candidate_text;
};

static inline void trial_free(struct trial *t)
{
	zt_tables_free(&t->tables);
	zt_rule_names_free(&t->names);
	zt_policy_free(&t->policy);
	zt_policy_free(&t->candidate);
	free(t->text);
	free(t->candidate_text);
}

static inline void parse(const char *text, struct zt_addr *ret)
{
	assert_int_equal(zt_addr_parse(text, ret), 0);
}

/* --- the world ----------------------------------------------------------------------------- */

static inline int by_label(const void *a, const void *b)
{
	const struct zt_overlay_label *x = a, *y = b;

	return strcmp(x->host, y->host) ?: strcmp(x->key, y->key);
}

static inline int by_mode(const void *a, const void *b)
{
	const struct zt_overlay_mode *x = a, *y = b;

	return strcmp(x->id, y->id);
}

/* Few moments, so that labels often run out together. */
static inline uint64_t random_end(uint64_t now_ns)
{
	return pick(3) ? now_ns + pick(4) * NS_PER_S * 3600 * 10 - pick(2) : 0;
}

static inline void random_labels(struct trial *t)
{
	t->overlay.label_count = pick(2) ? pick(OVERLAY_LABELS + 1) : 0;
	for (size_t i = 0; i < t->overlay.label_count; i++) {
		uint32_t key = pick(ARRAY_SIZE(label_keys));

		snprintf(t->host_names[i], sizeof(t->host_names[i]), "h%u", pick(6));
		t->labels[i] = (struct zt_overlay_label){
			.host = t->host_names[i],
			.key = label_keys[key],
			.value = PICK(label_values[key]),
			.until_ns = random_end(t->now_ns),
			.under = pick(3) ? NULL : PICK(label_values[key]),
		};
	}
	qsort(t->labels, t->overlay.label_count, sizeof(*t->labels), by_label);
	t->overlay.labels = t->labels;
}

static inline void random_overlay(struct trial *t)
{
	size_t n = 0;

	random_labels(t);
	for (size_t i = pick(3) ? 0 : OVERLAY_MODES; i < OVERLAY_MODES; i++) {
		snprintf(t->mode_ids[n], sizeof(t->mode_ids[n]), "%c%u", pick(3) ? 'r' : 'b',
			 pick(10));
		t->modes[n] = (struct zt_overlay_mode){
			.id = t->mode_ids[n],
			.mode = pick(5) ? ZT_MODE_ENFORCED : ZT_MODE_STAGED,
			.percent = pick(2) ? 100 : 1 + pick(99),
		};
		n++;
	}
	qsort(t->modes, n, sizeof(*t->modes), by_mode);
	for (size_t i = 1; i < n; i++) /* of one id the first only */
		if (strcmp(t->modes[i].id, t->modes[i - 1].id) == 0) {
			memmove(&t->modes[i], &t->modes[i + 1], (n - i - 1) * sizeof(*t->modes));
			n--;
			i--;
		}
	t->overlay.modes = t->modes;
	t->overlay.mode_count = n;
}

static inline const struct zt_host *host_named(const struct zt_policy *policy, const char *name)
{
	return policy && name ? zt_policy_host(policy, name) : NULL;
}

static inline void random_world(struct trial *t)
{
	struct world *w = &t->world;
	const char *name = NULL;

	*w = (struct world){.policy = t->policy, .forwarding = pick(3) == 0};
	if (t->policy->host_count && pick(8))
		w->host = &t->policy->hosts[pick((uint32_t)t->policy->host_count)];
	name = w->host ? w->host->name : NULL;
	for (size_t i = 0; w->host && i < w->host->address_count; i++)
		if (pick(4) && w->local_count < 4)
			memcpy(w->locals[w->local_count++].bytes, w->host->addresses[i].key.bytes,
			       16);
	if (pick(2))
		parse(PICK(addresses), &w->locals[w->local_count++]);
	if (pick(4) == 0)
		parse("10.0.0.77", &w->locals[w->local_count++]);
	if (pick(2))
		parse("10.0.0.255", &w->broadcasts[w->broadcast_count++]);
	w->overlay = &t->overlay;
	w->compiled_ns = TRIAL_NOW_NS;
	w->wall_offset_ns = (int64_t)((RANDOM_WALL_S + pick(5) * NAIVE_DAY_S + pick(NAIVE_DAY_S)) *
				      (int64_t)NS_PER_S) -
			    (int64_t)TRIAL_NOW_NS + pick(1000);
	t->other = *w;
	t->other.policy = t->candidate;
	t->other.candidate = true;
	t->other.host = host_named(t->candidate, name);
	t->other.elsewhere = name && !t->other.host;
}

static inline int fake_exe(void *ctx, const char *path, char *ret_path, __u32 *ret_dev,
			   bool *ret_exists)
{
	(void)ctx;
	snprintf(ret_path, ZT_PATH_LEN, "%s", path);
	*ret_dev = 77;
	*ret_exists = true;
	return 0;
}

static inline int random_policy(struct zt_policy **ret, char **ret_text, bool conditions)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	uint32_t segments = pick(7);

	write_inventory(&sb, pick(6), segments);
	write_statements(&sb, segments, conditions);
	*ret_text = strdup(zt_strbuf_text(&sb));
	return zt_policy_parse(ret, "random.yaml", sb.data, sb.len, &diag);
}

static inline void set_env(struct trial *t)
{
	const struct world *w = &t->world;

	t->env = (struct zt_compile_env){
		.resolver = {.exe = fake_exe},
		.host = w->host ? w->host->name : NULL,
		.locals = w->locals,
		.local_count = w->local_count,
		.broadcasts = w->broadcasts,
		.broadcast_count = w->broadcast_count,
		.forwarding = w->forwarding,
		.candidate = t->candidate,
		.overlay = &t->overlay,
		.now_ns = w->compiled_ns,
		.wall_offset_ns = w->wall_offset_ns,
	};
}

/* A random policy compiled; false when it is refused (more than 64 different conditions, ...). */
static inline bool random_trial(struct trial *t)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	bool conditions = pick(2);
	int r;

	if (random_policy(&t->policy, &t->text, conditions) < 0)
		return false;
	if (pick(4) == 0 && random_policy(&t->candidate, &t->candidate_text, conditions) < 0)
		return false;
	t->now_ns = TRIAL_NOW_NS;
	random_overlay(t);
	random_world(t);
	set_env(t);
	assert_int_equal(zt_rule_names_new(&t->names), 0);
	r = zt_policy_compile(t->policy, &t->env, t->names, &t->tables, &diag);
	if (r == -E2BIG)
		return false;
	assert_int_equal(r, 0);
	return true;
}

/* --- the comparison -------------------------------------------------------------------------- */

static inline void show(const struct trial *t, const struct zt_query *q, const char *what)
{
	char a[ZT_ADDR_TEXT_LEN], b[ZT_ADDR_TEXT_LEN];

	fprintf(stderr, "%s\n", t->text);
	if (t->candidate_text)
		fprintf(stderr, "candidate:\n%s\n", t->candidate_text);
	for (size_t i = 0; i < t->overlay.label_count; i++)
		fprintf(stderr, "label %s %s=%s until %llu under %s\n", t->labels[i].host,
			t->labels[i].key, t->labels[i].value,
			(unsigned long long)t->labels[i].until_ns,
			t->labels[i].under ? t->labels[i].under : "-");
	for (size_t i = 0; i < t->overlay.mode_count; i++)
		fprintf(stderr, "mode %s %s %u %%\n", t->modes[i].id,
			zt_mode_name(t->modes[i].mode), t->modes[i].percent);
	fprintf(stderr, "host %s, near %s far %s dir %u port %u at %llu: %s\n",
		t->world.host ? t->world.host->name : "-", zt_addr_text(&q->near, a),
		zt_addr_text(&q->far, b), q->dir, q->port_index, (unsigned long long)q->now_ns,
		what);
}

static inline const struct zt_stmt *by_id(const struct zt_policy *p, const char *id)
{
	for (size_t i = 0; i < p->stmt_count; i++)
		if (strcmp(p->stmts[i].id, id) == 0)
			return &p->stmts[i];
	return NULL;
}

static inline void compare_plane(const struct trial *t, const struct zt_query *q,
				 const struct zt_owner *o, const struct zt_answer *a, int plane)
{
	const struct world *w = plane == ZT_CANDIDATE && t->candidate ? &t->other : &t->world;
	const struct zt_stmt *rule, *named, *saved;
	int rank = decide(w, q, o, plane, &rule);
	int action = rank == ZT_RANK_BOUNDARY || rank == ZT_RANK_DENY ? ZT_DENY : ZT_ALLOW;
	const char *name = zt_rule_name(t->names, a->rule[plane]);
	bool bound;

	saved = action == ZT_DENY ? failsafe(w, q, plane) : NULL;
	if (saved) {
		rank = ZT_RANK_FAILSAFE;
		action = ZT_ALLOW;
		rule = saved;
	}
	if (a->action[plane] != action || a->rank[plane] != rank)
		show(t, q, plane == ZT_LIVE ? "live differs" : "candidate differs");
	assert_int_equal(a->action[plane], action);
	assert_int_equal(a->rank[plane], rank);
	assert_non_null(name);
	if (plane == ZT_LIVE)
		assert_int_equal(a->failsafe, saved != NULL);
	if (rank == ZT_RANK_DEFAULT) {
		assert_int_equal(a->rule[plane], ZT_RULE_DEFAULT);
		return;
	}
	if (rule && strcmp(name, rule->id) != 0)
		show(t, q, "another rule is named");
	named = by_id(w->policy, name);
	assert_non_null(named);
	if (rule)
		assert_string_equal(name, rule->id);
	else
		assert_true(matches(w, named, q, o, plane, &bound) && bound &&
			    rank_of(named) == rank);
	if (!saved)
		assert_int_equal(a->existing[plane], named->existing);
}

/* --- openings -------------------------------------------------------------------------------- */

static inline void random_owner(struct zt_owner *o)
{
	memset(o, 0, sizeof(*o));
	snprintf(o->unit, sizeof(o->unit), "%s", pick(4) ? PICK(units) : "");
	snprintf(o->cgroup, sizeof(o->cgroup), "%s", pick(3) ? PICK(cgroups) : "/x/y/z");
	snprintf(o->exe, sizeof(o->exe), "%s", PICK(exes));
	o->uid = pick(3) ? 1000 : 0;
	o->exe_dev = pick(5) ? 77 : 78;
}

static inline void random_address(const struct world *w, struct zt_addr *ret)
{
	if (pick(3) == 0 && w->local_count)
		*ret = w->locals[pick((uint32_t)w->local_count)];
	else if (pick(3))
		parse(PICK(addresses), ret);
	else
		parse(PICK(others), ret);
}

/* Now, a moment at which a label runs out, or any within three weeks. */
static inline uint64_t random_moment(const struct trial *t)
{
	uint64_t from = t->now_ns;

	switch (pick(4)) {
	case 0:
		return from;
	case 1:
		return from + pick(21 * NAIVE_DAY_S) * NS_PER_S;
	case 2:
		return from + pick(2 * NAIVE_DAY_S) * NS_PER_S + pick(NS_PER_S);
	default:
		if (t->overlay.label_count) {
			uint64_t at = t->labels[pick((uint32_t)t->overlay.label_count)].until_ns;

			return at > from ? at - pick(2) : from;
		}
		return from;
	}
}

static inline void random_query(const struct trial *t, struct zt_query *q)
{
	static const uint32_t indices[] = {
		ZT_PORT_TCP + 443,   ZT_PORT_TCP + 80,	  ZT_PORT_TCP + 22,   ZT_PORT_TCP + 499,
		ZT_PORT_TCP + 500,   ZT_PORT_TCP + 600,	  ZT_PORT_TCP + 601,  ZT_PORT_UDP + 53,
		ZT_PORT_UDP + 450,   ZT_PORT_ICMP + 8,	  ZT_PORT_ICMP + 0,   ZT_PORT_ICMPV6 + 128,
		ZT_PORT_PROTO + 132, ZT_PORT_PROTO + 131, ZT_PORT_PROTO + 47, ZT_PORT_TCP + 65535,
		ZT_PORT_TCP + 0,
	};

	*q = (struct zt_query){.dir = pick(t->world.forwarding ? 3 : 2),
			       .port_index = PICK(indices)};
	random_address(&t->world, &q->near);
	random_address(&t->world, &q->far);
	q->now_ns = random_moment(t);
}
