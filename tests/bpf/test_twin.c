// SPDX-License-Identifier: Apache-2.0
/*
 * test_twin.c - three judges, one verdict: the kernel's (zt_probe), the offline twin over the
 * same rows, and the policy's words read statement by statement; on policies made at random.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "any_policy.h"
#include "any_tables.h"
#include "base/cleanup.h"
#include "oracle.h"
#include "policy/diag.h"
#include "policy/judge.h"
#include "rig.h"

#define POLICIES 24 /* every fourth without conditions, every third with a held candidate */
#define QUERIES	 2000
#define PACKETS	 400

/* A policy at work: its rows are in the rig. */
struct trial {
	struct rig *rig;
	struct zt_policy *policy;
	struct zt_policy *candidate; /* or NULL */
	struct any_overlay overlay;
	__u64 now_ns; /* that it was compiled at, ANY_WALL_S on the wall */
};

/* --- questions ------------------------------------------------------------------------ */

static const char *const near_addrs[] = {"10.20.0.1", "10.20.0.77", "2001:db8:20::1"};
static const char *const far_addrs4[] = {"10.20.0.2", "10.20.0.3",   "10.20.0.5",  "10.20.0.7",
					 "10.20.0.9", "10.40.0.1",   "10.40.1.9",  "10.40.1.10",
					 "10.1.2.3",  "10.40.1.200", "192.0.2.77", "198.51.100.1"};
static const char *const far_addrs6[] = {"2001:db8:20::2", "2001:db8:20::5", "2001:db8:20::6",
					 "2001:db8:20::7", "2001:db8:40::1", "2a00::1"};
static const __u32 port_indices[] = {
	ZT_PORT_TCP + 443,  ZT_PORT_TCP + 22,	ZT_PORT_TCP + 1,    ZT_PORT_TCP + 1023,
	ZT_PORT_TCP + 1024, ZT_PORT_TCP + 8000, ZT_PORT_TCP + 8100, ZT_PORT_TCP + 8101,
	ZT_PORT_UDP + 53,   ZT_PORT_UDP + 54,	ZT_PORT_TCP + 0,    ZT_PORT_TCP + 65535,
	ZT_PORT_ICMP + 8,   ZT_PORT_ICMP + 3,	ZT_PORT_ICMPV6 + 1, ZT_PORT_PROTO + 132,
	ZT_PORT_PROTO + 47,
};

struct question {
	struct oracle_query words;
	struct zt_query rows;
	char text[200];
};

/* Now, at an edge of what is known, in the days to come, or past all that is known. */
static __u64 some_time(const struct trial *t)
{
	const struct zt_tables *rows = t->rig->tables;

	switch (any_pick(8)) {
	case 0:
		return t->now_ns;
	case 1:
		return t->now_ns + (16 * 24 + any_pick(1000)) * ANY_HOUR_NS;
	case 2:
		if (rows->window_count > 1) /* the first is of all time before */
			return rows->windows[1 + any_pick((unsigned int)rows->window_count - 1)]
				       .from_ns -
			       any_pick(2);
		return t->now_ns;
	case 3:
		if (rows->step_count > 1 && any_pick(2))
			return rows->steps[1 + any_pick((unsigned int)rows->step_count - 1)]
				.until_ns;
		if (rows->addr_count)
			return rows->addrs[any_pick((unsigned int)rows->addr_count)].value.until_ns;
		return t->now_ns;
	default:
		return t->now_ns + any_pick(13 * 24 * 60) * (ANY_HOUR_NS / 60);
	}
}

static void set_time(const struct trial *t, struct question *q, __u64 now_ns)
{
	q->rows.now_ns = q->words.now_ns = now_ns < t->now_ns ? t->now_ns : now_ns;
	q->words.wall_s =
		(__s64)((ANY_WALL_S * 1000000000ULL + q->rows.now_ns - t->now_ns) / 1000000000);
}

static void ask(const struct trial *t, struct question *q)
{
	const char *near = near_addrs[any_pick(ARRAY_SIZE(near_addrs))];
	const char *far = strchr(near, ':') ? far_addrs6[any_pick(ARRAY_SIZE(far_addrs6))]
					    : far_addrs4[any_pick(ARRAY_SIZE(far_addrs4))];
	struct zt_owner owner = {.uid = 4711, .cgroup = "/"};

	memset(q, 0, sizeof(*q));
	q->words.policy = t->policy;
	q->words.candidate = t->candidate;
	q->words.overlay = &t->overlay.is;
	q->words.host = "me";
	zt_addr_parse(near, &q->words.near);
	zt_addr_parse(far, &q->words.far);
	q->words.dir = any_pick(2);
	q->words.port_index = port_indices[any_pick(ARRAY_SIZE(port_indices))];
	if (any_pick(2)) {
		q->words.unit = any_units[any_pick(ANY_UNITS)];
		snprintf(owner.unit, sizeof(owner.unit), "%s", q->words.unit);
		q->words.user = any_users[any_pick(ANY_USERS)];
		owner.uid = atoi(q->words.user);
		q->rows.qmask = zt_tables_qmask(t->rig->tables, &owner);
	}
	q->rows.near = q->words.near;
	q->rows.far = q->words.far;
	q->rows.dir = q->words.dir;
	q->rows.port_index = q->words.port_index;
	set_time(t, q, some_time(t));
	snprintf(q->text, sizeof(q->text), "%s %s %s, port index %u, unit %s, user %s, at %lld",
		 near, q->words.dir == ZT_DIR_IN ? "from" : "to", far, q->words.port_index,
		 q->words.unit ?: "-", q->words.user ?: "-", (long long)q->words.wall_s);
}

/* Past a fortnight an hour window is no more known than the label that ends then. */
static bool is_known(const struct question *q)
{
	return q->words.wall_s < ANY_WALL_S + 14 * 24 * 3600;
}

/* --- comparing ------------------------------------------------------------------------- */

static bool words_agree(const struct rig *rig, const struct oracle_answer *words,
			const struct zt_answer *twin)
{
	for (int p = 0; p < ZT_PLANE_COUNT; p++) {
		if (words->action[p] != twin->action[p] || words->rank[p] != twin->rank[p])
			return false;
		if (words->rule[p] && rig_rule(rig, words->rule[p]) != twin->rule[p])
			return false;
	}
	return words->failsafe == twin->failsafe;
}

/* --- the same openings as packets -------------------------------------------------------- */

/* The packet that asks the question; false for one that no packet of this family can ask. */
static bool packet_of(const struct question *q, char *ret, size_t len)
{
	char near[ZT_ADDR_TEXT_LEN], far[ZT_ADDR_TEXT_LEN];
	bool in = q->words.dir == ZT_DIR_IN, v4 = zt_addr_is_v4(&q->words.near);
	const char *src, *dst;
	__u16 port;
	__u8 proto;

	zt_addr_text(&q->words.near, near);
	zt_addr_text(&q->words.far, far);
	src = in ? far : near;
	dst = in ? near : far;
	zt_port_proto(q->words.port_index, &proto, &port);
	if (proto == IPPROTO_TCP)
		snprintf(ret, len, "ip %s>%s / tcp 40000>%u S", src, dst, port);
	else if (proto == IPPROTO_UDP)
		snprintf(ret, len, "ip %s>%s / udp 40000>%u / data 8", src, dst, port);
	else if (proto == (v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		snprintf(ret, len, "ip %s>%s / icmp %u id=9", src, dst, port);
	else if (proto == 47)
		snprintf(ret, len, "ip %s>%s / gre / data 8", src, dst);
	else if (proto == IPPROTO_SCTP)
		snprintf(ret, len, "ip %s>%s / sctp 40000>5000 / data 8", src, dst);
	else
		return false;
	return true;
}

/* A packet of nobody's socket gets the verdict that the words have for no owner. */
static bool wire_agrees(struct rig *rig, const struct question *q,
			const struct oracle_answer *words)
{
	char hook = q->words.dir == ZT_DIR_IN ? 'i' : 'o', text[200];
	int family = zt_addr_is_v4(&q->words.near) ? AF_INET : AF_INET6, verdict;
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;

	if (q->words.unit || !packet_of(q, text, sizeof(text)))
		return true;
	rig_clear(rig);
	verdict = rig_send(rig, hook, family, text);
	if (!rig_one_flow(rig, &key, &flow, &in_flows))
		return false;
	for (int p = 0; p < ZT_PLANE_COUNT; p++) {
		if (flow.action[p] != words->action[p] || flow.rank[p] != words->rank[p])
			return false;
		if (words->rule[p] && flow.rule[p] != rig_rule(rig, words->rule[p]))
			return false;
	}
	return verdict == (words->action[ZT_LIVE] == ZT_DENY ? 2 : -1);
}

static const char *answer_text(const struct rig *rig, const struct zt_answer *a)
{
	static char text[200];

	snprintf(text, sizeof(text), "live %s by %s, candidate %s by %s",
		 zt_action_name(a->action[0]), rig_rule_name(rig, a->rule[0]),
		 zt_action_name(a->action[1]), rig_rule_name(rig, a->rule[1]));
	return text;
}

static bool leaves_no_trace(struct rig *rig)
{
	for (int c = 0; c < ZT_C_COUNT; c++)
		if (rig_counter(rig, c).packets)
			return false;
	return !rig_count_flows(rig, false) && !rig_count_flows(rig, true);
}

static void run_packets(const struct trial *t, unsigned int number)
{
	char name[100], first[300] = "";
	unsigned int differ = 0;

	for (unsigned int i = 0; i < PACKETS; i++) {
		struct oracle_answer words;
		struct question q;

		ask(t, &q);
		set_time(t, &q, rig_now_ns());
		oracle_judge(&q.words, &words);
		if (!wire_agrees(t->rig, &q, &words) && !differ++)
			snprintf(first, sizeof(first), "%s: words say live %s by %s", q.text,
				 zt_action_name(words.action[0]), words.rule[0] ?: "several");
	}
	snprintf(name, sizeof(name), "policy %u: packets get what the words say", number);
	rig_check(t->rig, !differ, name, "%u of %u differ; %s", differ, PACKETS, first);
	rig_forget(t->rig);
}

static void trial_free(struct trial *t)
{
	zt_policy_free(&t->policy);
	zt_policy_free(&t->candidate);
}

static void parse(const struct any_text *text, struct zt_policy **ret)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;

	if (zt_policy_parse(ret, "twin.yaml", text->at, text->len, &diag) == 0)
		return;
	zt_diag_print(&diag, stdout);
	exit(99);
}

static void trial_make(struct trial *t, unsigned int number)
{
	static struct any_text live, candidate;
	struct rig_layers layers = {.live = live.at, .overlay = &t->overlay.is};
	bool conditions = number % 4;

	any_seed(number);
	any_policy(&live, conditions);
	parse(&live, &t->policy);
	if (number % 3 == 2) {
		any_policy(&candidate, conditions);
		parse(&candidate, &t->candidate);
		layers.candidate = candidate.at;
	}
	t->now_ns = rig_now_ns();
	if (conditions)
		any_overlay(&t->overlay, t->now_ns);
	layers.now_ns = t->now_ns;
	layers.wall_offset_ns = ANY_WALL_S * 1000000000LL - (__s64)t->now_ns;
	rig_layers(t->rig, 0, &layers);
}

/* What was met over all policies: a test of nothing would pass as well. */
struct met {
	unsigned int timed, changed, planes, denied;
};

static void note(struct met *met, const struct zt_answer *a)
{
	met->timed += a->valid_until_ns != ZT_FOREVER;
	met->changed += a->changed_ns > 0;
	met->planes += a->action[ZT_LIVE] != a->action[ZT_CANDIDATE];
	met->denied += a->action[ZT_LIVE] == ZT_DENY;
}

static void run_policy(struct rig *rig, unsigned int number, struct met *met)
{
	zt_auto(trial_free) struct trial t = {.rig = rig};
	unsigned int kernel_differs = 0, words_differ = 0;
	char name[100], first_kernel[512] = "", first_words[512] = "";

	trial_make(&t, number);
	for (unsigned int i = 0; i < QUERIES; i++) {
		struct oracle_answer words;
		struct zt_answer twin;
		struct zt_probe kernel;
		struct question q;

		ask(&t, &q);
		zt_tables_judge(rig->tables, &q.rows, &twin);
		note(met, &twin);
		oracle_judge(&q.words, &words);
		if (rig_probe(rig, 0, &q.rows, &kernel) || !rig_same(&kernel, &twin))
			if (!kernel_differs++)
				snprintf(first_kernel, sizeof(first_kernel), "%s: twin says %s",
					 q.text, answer_text(rig, &twin));
		if (is_known(&q) && !words_agree(rig, &words, &twin) && !words_differ++)
			snprintf(first_words, sizeof(first_words),
				 "%s: rows say %s, words say live %s by %s, candidate %s by %s",
				 q.text, answer_text(rig, &twin), zt_action_name(words.action[0]),
				 words.rule[0] ?: "several", zt_action_name(words.action[1]),
				 words.rule[1] ?: "several");
	}
	snprintf(name, sizeof(name), "policy %u: test runs leave no trace", number);
	rig_check(rig, leaves_no_trace(rig), name, "a counter or a flow moved");
	snprintf(name, sizeof(name), "policy %u: kernel and offline judge agree", number);
	rig_check(rig, !kernel_differs, name, "%u of %u differ; %s", kernel_differs, QUERIES,
		  first_kernel);
	snprintf(name, sizeof(name), "policy %u: rows say what the words say", number);
	rig_check(rig, !words_differ, name, "%u of %u differ; %s", words_differ, QUERIES,
		  first_words);
	run_packets(&t, number);
}

int main(void)
{
	struct met met = {};
	struct rig rig;

	rig_open(&rig, 1024);
	rig_flip(&rig, 0);
	for (unsigned int i = 0; i < POLICIES; i++)
		run_policy(&rig, i, &met);
	rig_check(&rig, met.timed > 1000, "some answers end in time", "%u", met.timed);
	rig_check(&rig, met.changed > 1000, "some were changed by it", "%u", met.changed);
	rig_check(&rig, met.planes > 1000, "some differ between the planes", "%u", met.planes);
	rig_check(&rig, met.denied > 1000 && met.denied < POLICIES * QUERIES - 1000,
		  "some deny and some allow", "%u deny", met.denied);
	return rig_exit(&rig);
}
