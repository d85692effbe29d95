// SPDX-License-Identifier: Apache-2.0
/*
 * test_twin.c - three judges, one verdict: the kernel's (zt_probe), the offline twin over the
 * same rows, and the policy's words read statement by statement; on policies made at random.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "oracle.h"
#include "policy/judge.h"
#include "rig.h"

#define POLICIES 12
#define QUERIES	 1500
#define PACKETS	 1000
#define TEXT_MAX 32768

/* Repeatable on every machine: the test prints its seed by its number. */
static unsigned long long state;

static unsigned int pick(unsigned int n)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned int)(state >> 33) % n;
}

/* --- policies ----------------------------------------------------------------------- */

struct text {
	char at[TEXT_MAX];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->at + t->len, sizeof(t->at) - t->len, fmt, ap);
	va_end(ap);
	if (n < 0 || (t->len += n) >= sizeof(t->at))
		abort();
}

static const char *const units[] = {"app.service", "db.service", "cron.service"};
static const char *const users[] = {"33", "1000"};
static const char *const segment_names[] = {"alpha", "beta",   "gamma", "delta",
					    "wide",  "narrow", "six"};
static const char *const port_texts[] = {
	"tcp/443", "tcp/1-1023", "tcp/8000-8100", "udp/53", "udp",
	"icmp/8",  "icmpv6",	 "proto/132",	  "tcp",    "any",
};

static void add_hosts(struct text *t)
{
	static const char *const roles[] = {"a", "b", "c"};
	static const char *const envs[] = {"prod", "test"};

	add(t,
	    "hosts:\n  me: {addresses: [10.20.0.1, \"2001:db8:20::1\"], labels: {role: a, env: %s}}\n",
	    envs[pick(2)]);
	/* Each segment has somebody in it. */
	add(t,
	    "  h2: {addresses: [10.20.0.2, \"2001:db8:20::2\"], labels: {role: c, env: prod}}\n"
	    "  h3: {addresses: [10.20.0.3, \"2001:db8:20::3\"], labels: {role: b, env: test}}\n");
	for (int i = 4; i < 12; i++)
		add(t,
		    "  h%d: {addresses: [10.20.0.%d, \"2001:db8:20::%x\"], labels: {role: %s, env: %s}}\n",
		    i, i, i, roles[pick(3)], envs[pick(2)]);
	add(t,
	    "segments:\n"
	    "  alpha: {select: {role: a}}\n"
	    "  beta: {select: {role: b}, addresses: [10.40.0.0/16]}\n"
	    "  gamma: {select: {role: c, env: prod}}\n"
	    "  delta: {select: {env: test}}\n"
	    "  wide: {addresses: [10.0.0.0/8], except: [10.40.1.0/24, 10.20.0.5]}\n"
	    "  narrow: {addresses: [10.40.1.0/25, 10.20.0.7, 192.0.2.0/24], except: [10.40.1.9]}\n"
	    "  six: {addresses: [\"2001:db8::/32\"], except: [\"2001:db8:20::6\"]}\n");
}

static void add_end(struct text *t, const char *key, bool may_qualify)
{
	static const char *const built_in[] = {"any", "this-host", "unknown"};
	const char *name =
		pick(4) ? segment_names[pick(ARRAY_SIZE(segment_names))] : built_in[pick(3)];

	if (may_qualify && pick(2))
		add(t, "%s: {segment: %s, unit: %s}, ", key, name, units[pick(3)]);
	else if (may_qualify && pick(2))
		add(t, "%s: {segment: %s, user: \"%s\"}, ", key, name, users[pick(2)]);
	else
		add(t, "%s: %s, ", key, name);
}

static void add_rules(struct text *t)
{
	unsigned int qualified;

	add(t, "boundaries:\n");
	for (int i = 0; i < 3; i++)
		add(t, "  - {id: b%d, segment: %s, %s: deny, mode: %s}\n", i,
		    segment_names[pick(ARRAY_SIZE(segment_names))],
		    pick(2) ? "inbound" : "outbound", pick(2) ? "enforced" : "staged");
	add(t, "rules:\n");
	for (int i = 0; i < 30; i++) {
		add(t, "  - {id: r%d, action: %s, ", i, pick(3) ? "allow" : "deny");
		/* At both ends it could bind nowhere, which a deny is refused for. */
		qualified = pick(3);
		add_end(t, "from", qualified == 1);
		add_end(t, "to", qualified == 2);
		add(t, "ports: [%s], mode: %s}\n", port_texts[pick(ARRAY_SIZE(port_texts))],
		    pick(2) ? "enforced" : "staged");
	}
	add(t, "failsafe:\n"
	       "  - {id: safe, from: [10.40.1.0/26], to: this-host, ports: [tcp/22]}\n");
}

static void make_policy(struct text *t)
{
	t->len = 0;
	add(t, "version: 1\npolicy: twin\nrevision: 1\nmode: staged\n");
	add_hosts(t);
	add_rules(t);
}

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

static void ask(const struct rig *rig, const struct zt_policy *policy, struct question *q)
{
	const char *near = near_addrs[pick(ARRAY_SIZE(near_addrs))];
	const char *far = strchr(near, ':') ? far_addrs6[pick(ARRAY_SIZE(far_addrs6))]
					    : far_addrs4[pick(ARRAY_SIZE(far_addrs4))];
	struct zt_owner owner = {.uid = 4711, .cgroup = "/"};

	memset(q, 0, sizeof(*q));
	q->words.host = zt_policy_host(policy, "me");
	zt_addr_parse(near, &q->words.near);
	zt_addr_parse(far, &q->words.far);
	q->words.dir = pick(2);
	q->words.port_index = port_indices[pick(ARRAY_SIZE(port_indices))];
	if (pick(2)) {
		q->words.unit = units[pick(3)];
		snprintf(owner.unit, sizeof(owner.unit), "%s", q->words.unit);
		q->words.user = users[pick(2)];
		owner.uid = atoi(q->words.user);
		q->rows.qmask = zt_tables_qmask(rig->tables, &owner);
	}
	q->rows.near = q->words.near;
	q->rows.far = q->words.far;
	q->rows.now_ns = rig_now_ns();
	q->rows.dir = q->words.dir;
	q->rows.port_index = q->words.port_index;
	snprintf(q->text, sizeof(q->text), "%s %s %s, port index %u, unit %s, user %s", near,
		 q->words.dir == ZT_DIR_IN ? "from" : "to", far, q->words.port_index,
		 q->words.unit ?: "-", q->words.user ?: "-");
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

static void run_packets(struct rig *rig, const struct zt_policy *policy, unsigned int number)
{
	char name[100], first[300] = "";
	unsigned int differ = 0;

	for (unsigned int i = 0; i < PACKETS; i++) {
		struct oracle_answer words;
		struct question q;

		ask(rig, policy, &q);
		oracle_judge(policy, &q.words, &words);
		if (!wire_agrees(rig, &q, &words) && !differ++)
			snprintf(first, sizeof(first), "%s: words say live %s by %s", q.text,
				 zt_action_name(words.action[0]), words.rule[0] ?: "several");
	}
	snprintf(name, sizeof(name), "policy %u: packets get what the words say", number);
	rig_check(rig, !differ, name, "%u of %u differ; %s", differ, PACKETS, first);
	rig_forget(rig);
}

static void run_policy(struct rig *rig, unsigned int number)
{
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	static struct text text;
	unsigned int kernel_differs = 0, words_differ = 0, denied = 0;
	char name[100], first_kernel[512] = "", first_words[512] = "";

	state = 0x9e3779b97f4a7c15ULL * (number + 1);
	make_policy(&text);
	rig_policy(rig, 0, text.at);
	if (zt_policy_parse(&policy, "twin.yaml", text.at, text.len, NULL) < 0)
		abort();
	for (unsigned int i = 0; i < QUERIES; i++) {
		struct oracle_answer words;
		struct zt_answer twin;
		struct zt_probe kernel;
		struct question q;

		ask(rig, policy, &q);
		zt_tables_judge(rig->tables, &q.rows, &twin);
		oracle_judge(policy, &q.words, &words);
		denied += words.action[ZT_LIVE] == ZT_DENY;
		if (rig_probe(rig, 0, &q.rows, &kernel) || !rig_same(&kernel, &twin))
			if (!kernel_differs++)
				snprintf(first_kernel, sizeof(first_kernel), "%s: twin says %s",
					 q.text, answer_text(rig, &twin));
		if (!words_agree(rig, &words, &twin) && !words_differ++)
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
	run_packets(rig, policy, number);
	snprintf(name, sizeof(name), "policy %u: denies some and allows some", number);
	rig_check(rig, denied > 0 && denied < QUERIES, name, "%u denied", denied);
}

int main(void)
{
	struct rig rig;

	rig_open(&rig, 1024);
	rig_flip(&rig, 0);
	for (unsigned int i = 0; i < POLICIES; i++)
		run_policy(&rig, i);
	return rig_exit(&rig);
}
