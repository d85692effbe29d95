// SPDX-License-Identifier: Apache-2.0
/*
 * test_flows.c - "a cached verdict is not a licence": epochs, deadlines, idleness, openings.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "flows.h"

/* Slot B: the same host, tcp/443 and tcp/5432 no longer allowed. */
#define POLICY_SHUT                                                                                \
	"version: 1\npolicy: shut\nrevision: 2\nmode: enforced\n"                                  \
	"hosts:\n"                                                                                 \
	"  me: {addresses: [10.20.0.1, \"2001:db8:20::1\"], labels: {role: srv}}\n"                \
	"segments:\n  srv: {select: {role: srv}}\n"                                                \
	"boundaries:\n"                                                                            \
	"  - {id: shut-in, segment: srv, inbound: deny}\n"                                         \
	"  - {id: shut-out, segment: srv, outbound: deny}\n"

/* --- accounting and states ------------------------------------------------------- */

static void opened_in(struct try *t)
{
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;
	unsigned int head = t->family == AF_INET ? 54 : 74;

	if (!shake_in(t))
		return;
	expect_rule(t, 'i', WEB_DATA, PASS, "web-in", "data in");
	expect_rule(t, 'o', WEB_REPLY, PASS, "web-in", "data out");
	if (!the_flow(t, &key, &flow, &in_flows))
		return;
	check(t, in_flows, "an answered flow is in zt_flows");
	check(t, flow.opener == ZT_DIR_IN, "the far end opened it");
	check(t, flow.state == ZT_STATE_ESTABLISHED, "established");
	check(t, flow.packets[ZT_DIR_IN] == 3 && flow.packets[ZT_DIR_OUT] == 2, "packets");
	check(t, flow.bytes[ZT_DIR_IN] == 3 * head + 10 && flow.bytes[ZT_DIR_OUT] == 2 * head + 20,
	      "bytes");
	check(t, ntohs(key.near_port) == 443 && ntohs(key.far_port) == 40000, "ports of the key");
	check(t, flow.first_ns && flow.last_ns >= flow.first_ns, "times");
	check(t, moved(t, ZT_C_EITHER) == 0, "nothing was guessed");
	check(t, moved(t, ZT_C_JUDGED) <= 2, "established packets are not judged");
}

static void opened_out(struct try *t)
{
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;

	if (!shake_out(t))
		return;
	expect_rule(t, 'o', DB_DATA, PASS, "db-out", "data out");
	expect_rule(t, 'i', DB_REPLY, PASS, "db-out", "data in");
	if (!the_flow(t, &key, &flow, &in_flows))
		return;
	check(t, in_flows && flow.opener == ZT_DIR_OUT, "this end opened it");
	expect(t, 'o', "ip me>peer / tcp 40000>5432 FA seq=12 ack=1021", PASS, "our end");
	the_flow(t, &key, &flow, &in_flows);
	check(t, flow.state == ZT_STATE_CLOSING, "closing after one FIN");
	expect(t, 'i', "ip peer>me / tcp 5432>40000 FA seq=1021 ack=13", PASS, "their end");
	the_flow(t, &key, &flow, &in_flows);
	check(t, flow.state == ZT_STATE_CLOSED, "closed after both");
	expect(t, 'o', "ip me>peer / tcp 40000>5432 A seq=13 ack=1022", PASS, "the last ACK");
}

static void super_packet(struct try *t)
{
	struct rig_run run = {.hook = 'o', .gso_size = 500, .gso_segs = 3};
	struct zt_flow_key key;
	struct zt_flow before, after;
	unsigned int head = t->family == AF_INET ? 54 : 74;
	struct pkt pkt;
	bool in_flows;

	if (!shake_in(t) || !the_flow(t, &key, &before, &in_flows))
		return;
	pkt_build(&pkt, t->family, row_names,
		  "ip me>peer / tcp 443>40000 PA seq=1001 ack=2 / data 1400");
	check(t, rig_run(t->rig, &run, &pkt) == PASS, "passes");
	the_flow(t, &key, &after, &in_flows);
	check(t, after.packets[ZT_DIR_OUT] - before.packets[ZT_DIR_OUT] == 3,
	      "counts as three packets");
	check(t, after.bytes[ZT_DIR_OUT] - before.bytes[ZT_DIR_OUT] == 1400 + 3 * head,
	      "with the headers of each");
}

/* A datagram of three segments: each goes out with its own headers. */
static void udp_super_packet(struct try *t)
{
	struct rig_run run = {.hook = 'o', .gso_size = 500, .gso_segs = 3};
	unsigned int head = t->family == AF_INET ? 42 : 62;
	struct zt_flow_key key;
	struct zt_flow flow;
	struct pkt pkt;
	bool in_flows;

	pkt_build(&pkt, t->family, row_names, "ip me>peer / udp 40000>53 / data 1400");
	check(t, rig_run(t->rig, &run, &pkt) == PASS, "passes");
	if (!the_flow(t, &key, &flow, &in_flows))
		return;
	check(t, flow.packets[ZT_DIR_OUT] == 3, "counts as three packets");
	check(t, flow.bytes[ZT_DIR_OUT] == 1400 + 3 * head, "with the headers of each");
}

static void denied_counts(struct try *t)
{
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;

	for (int i = 0; i < 3; i++)
		expect_rule(t, 'i', "ip peer>me / tcp 40000>81 S", DROP, R_BIN, "denied");
	if (!the_flow(t, &key, &flow, &in_flows))
		return;
	check(t, !in_flows, "a denied opening is not in zt_flows");
	check(t, flow.denied == 3 && flow.packets[ZT_DIR_IN] == 3, "three packets, three dropped");
	check(t, flow.action[ZT_LIVE] == ZT_DENY && flow.rank[ZT_LIVE] == ZT_RANK_BOUNDARY,
	      "denied by a boundary");
	check(t, moved(t, ZT_C_DENIED) == 3, "counter");
}

static void would_deny_counts(struct try *t)
{
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;

	for (int i = 0; i < 2; i++)
		expect(t, 'i', "ip peer>me / tcp 40000>444 S", PASS, "staged deny passes");
	if (!the_flow(t, &key, &flow, &in_flows))
		return;
	check(t, flow.would_deny == 2 && flow.denied == 0, "two would-denies");
	check(t, flow.action[ZT_LIVE] == ZT_ALLOW && flow.action[ZT_CANDIDATE] == ZT_DENY,
	      "both verdicts in one entry");
	check(t, flow.rule[ZT_CANDIDATE] == rig_rule(t->rig, "staged-deny"), "candidate rule");
	check(t, moved(t, ZT_C_WOULD_DENY) == 2, "counter");
}

/* --- openings ---------------------------------------------------------------------- */

/* The far end of our own connection opens one to us on the same tuple: judged as theirs. */
static void syn_against_the_flow(struct try *t)
{
	if (!shake_out(t))
		return;
	expect(t, 'i', "ip peer>me / tcp 5432>40000 S seq=77", DROP, "a SYN is judged as theirs");
	expect(t, 'o', DB_DATA, PASS, "and does not harm the connection");
	expect(t, 'i', DB_REPLY, PASS, "in either direction");
}

/* A stray SYN that is allowed changes nothing about the connection it strays into. */
static void stray_syn(struct try *t)
{
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;

	if (!shake_in(t))
		return;
	expect(t, 'i', "ip peer>me / tcp 40000>443 S seq=99", PASS, "a stray SYN passes");
	if (the_flow(t, &key, &flow, &in_flows))
		check(t, in_flows && flow.state == ZT_STATE_ESTABLISHED && flow.opens == 1,
		      "and the connection is what it was");
	expect(t, 'o', WEB_REPLY, PASS, "and goes on");
}

static void syn_again(struct try *t)
{
	if (!shake_in(t))
		return;
	rig_flip(t->rig, SLOT_B);
	expect(t, 'i', "ip peer>me / tcp 40000>443 S seq=77", DROP,
	       "a SYN on a known tuple is judged anew");
}

/* Who answers does not become the opener: a port that we may not open stays shut. */
static void answer_is_no_opening(struct try *t)
{
	if (!shake_in(t))
		return;
	rig_forget(t->rig);
	expect(t, 'o', "ip me>peer / tcp 443>40000 S", DROP, "we may not open back");
}

static void reopened(struct try *t)
{
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;

	if (!shake_in(t))
		return;
	expect(t, 'i', "ip peer>me / tcp 40000>443 R seq=2", PASS, "reset");
	the_flow(t, &key, &flow, &in_flows);
	check(t, flow.state == ZT_STATE_CLOSED, "closed by RST");
	expect_rule(t, 'i', "ip peer>me / tcp 40000>443 S seq=500", PASS, "web-in", "opened again");
	check(t, rig_event(t->rig, ZT_EV_ENDED) != NULL || flow.opens == 2,
	      "what the first one counted is not lost");
}

/* An answer that the opener did not prove to have seen: still unanswered. */
static void spoofed_handshake(struct try *t)
{
	rig_send(t->rig, 'i', t->family, "ip peer>me / tcp 40000>443 S seq=1");
	rig_send(t->rig, 'o', t->family, "ip me>peer / tcp 443>40000 SA seq=1000 ack=2");
	rig_send(t->rig, 'i', t->family, "ip peer>me / tcp 40000>443 A seq=2 ack=5555");
	check(t, rig_count_flows(t->rig, false) == 0, "a guessed ACK answers nothing");
}

/* A spoofed packet that is refused must not stand in the way of the real conversation. */
static void refused_first(struct try *t)
{
	expect(t, 'i', "ip peer>me / udp 53>40000 / data 8", DROP, "an answer to nothing");
	expect(t, 'o', "ip me>peer / udp 40000>53 / data 8", PASS, "the question, afterwards");
	expect(t, 'i', "ip peer>me / udp 53>40000 / data 8", PASS, "its answer");
	rig_forget(t->rig);
	expect(t, 'i', "ip peer>me / tcp 5432>40000 S seq=9", DROP, "their SYN to our port");
	if (!shake_out(t))
		return;
	expect(t, 'i', DB_REPLY, PASS, "our own connection on the same tuple");
	check(t, rig_count_flows(t->rig, false) == 1, "is an answered flow");
}

/* Protocols without ports have conversations too. */
static void protocol_answer(struct try *t)
{
	expect(t, 'o', "ip me>peer / gre / data 8", DROP, "we may not open");
	rig_forget(t->rig);
	expect_rule(t, 'i', "ip peer>me / gre / data 8", PASS, "protos-in", "they may");
	expect_rule(t, 'o', "ip me>peer / gre / data 8", PASS, "protos-in", "and get an answer");
	rig_forget(t->rig);
	expect_rule(t, 'i', "ip peer>me / sctp 40000>2905 / data 8", PASS, "protos-in", "sctp");
	expect_rule(t, 'o', "ip me>peer / sctp 2905>40000 / data 8", PASS, "protos-in",
		    "and its answer");
	expect(t, 'o', "ip me>peer / sctp 2905>40001 / data 8", DROP, "no other");
}

static __u64 hits(struct try *t, const char *rule)
{
	int cpus = libbpf_num_possible_cpus();
	__u32 number = rig_rule(t->rig, rule);
	__u64 per_cpu[256] = {0}, sum = 0;

	if (cpus > 256 ||
	    bpf_map_lookup_elem(rig_map(t->rig, "zt_rule_hits"), &number, per_cpu) < 0)
		return ~0ULL;
	for (int i = 0; i < cpus; i++)
		sum += per_cpu[i];
	return sum;
}

static void rule_hits(struct try *t)
{
	__u64 allowed = hits(t, "web-in"), denied = hits(t, R_BIN);

	if (!shake_in(t))
		return;
	expect(t, 'i', WEB_DATA, PASS, "data");
	expect(t, 'i', "ip peer>me / tcp 40000>81 S", DROP, "denied");
	expect(t, 'i', "ip peer>me / tcp 40000>81 S", DROP, "repeated");
	check(t, hits(t, "web-in") == allowed + 1, "one flow for the rule that allowed it");
	check(t, hits(t, R_BIN) == denied + 1, "one for the boundary that denied it");
}

/* A failsafe that is needed is counted for every packet that it saves. */
static void failsafe_packets(struct try *t)
{
	expect(t, 'i', "ip bastion>me / tcp 40000>22 S seq=1", PASS, "opened");
	expect(t, 'o', "ip me>bastion / tcp 22>40000 SA seq=1000 ack=2", PASS, "answered");
	expect(t, 'i', "ip bastion>me / tcp 40000>22 A seq=2 ack=1001", PASS, "established");
	check(t, moved(t, ZT_C_FAILSAFE) == 3, "three packets saved");
}

/* --- time and epochs ----------------------------------------------------------------- */

static void epoch_moves(struct try *t)
{
	const struct zt_event *event;
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;

	if (!shake_in(t))
		return;
	expect_rule(t, 'i', WEB_DATA, PASS, "web-in", "allowed");
	rig_flip(t->rig, SLOT_B);
	expect_rule(t, 'i', WEB_DATA, DROP, "shut-in", "denied at its next packet");
	event = rig_event(t->rig, ZT_EV_VERDICT);
	check(t,
	      event && event->old_action[ZT_LIVE] == ZT_ALLOW &&
		      event->flow.action[ZT_LIVE] == ZT_DENY,
	      "an event says that the verdict changed");
	expect_rule(t, 'o', WEB_REPLY, DROP, "shut-in", "in the other direction too");
	rig_flip(t->rig, SLOT_A);
	expect_rule(t, 'i', WEB_DATA, PASS, "web-in", "allowed again");
	the_flow(t, &key, &flow, &in_flows);
	check(t, flow.state_word == t->rig->ctl->word, "judged under the newest epoch");
	rig_flip(t->rig, SLOT_A);
	rig_forget(t->rig);
}

static void udp_epoch_moves(struct try *t)
{
	expect(t, 'i', "ip peer>me / udp 40000>53 / data 8", PASS, "question");
	expect(t, 'o', "ip me>peer / udp 53>40000 / data 8", PASS, "answer");
	rig_flip(t->rig, SLOT_B);
	expect(t, 'o', "ip me>peer / udp 53>40000 / data 8", DROP, "denied at its next packet");
	rig_flip(t->rig, SLOT_A);
	expect(t, 'i', "ip peer>me / udp 40000>53 / data 8", PASS, "allowed again");
}

static void deadline(struct try *t)
{
	struct zt_ctl *ctl = t->rig->ctl;
	__u64 shut, open;

	shut = rig_flip(t->rig, SLOT_B);
	open = rig_flip(t->rig, SLOT_A);
	ctl->prev_word = shut;
	ctl->deadline_ns = rig_now_ns() + 3600 * SEC_NS;
	if (!shake_in(t))
		return;
	expect_rule(t, 'i', WEB_DATA, PASS, "web-in", "unconfirmed, in time");
	ctl->deadline_ns = rig_now_ns() - 1;
	expect_rule(t, 'i', WEB_DATA, DROP, "shut-in", "past its deadline the previous one holds");
	expect(t, 'i', "ip peer>me / tcp 40001>443 S", DROP, "for openings as well");
	ctl->deadline_ns = 0;
	expect(t, 'i', WEB_DATA, PASS, "confirmed");
	check(t, ctl->word == open, "the datapath writes nothing into the control block");
}

/* A deadline that passes while a verdict is cached. */
static void deadline_under_cache(struct try *t)
{
	struct zt_ctl *ctl = t->rig->ctl;
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;
	__u64 shut;

	shut = rig_flip(t->rig, SLOT_B);
	rig_flip(t->rig, SLOT_A);
	ctl->prev_word = shut;
	ctl->deadline_ns = rig_now_ns() + SEC_NS / 10;
	if (!shake_in(t) || !the_flow(t, &key, &flow, &in_flows))
		return;
	check(t, flow.valid_until_ns <= ctl->deadline_ns || flow.state_word == ctl->word,
	      "the verdict does not outlive its policy");
	while (rig_now_ns() < ctl->deadline_ns)
		usleep(1000);
	expect(t, 'i', WEB_DATA, DROP, "reverted by the clock alone");
	ctl->deadline_ns = 0;
}

static void observe(struct try *t)
{
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;

	t->rig->ctl->observe_until_ns = ~0ULL;
	expect_rule(t, 'i', "ip peer>me / tcp 40000>81 S", PASS, R_BIN, "denied, yet passed");
	the_flow(t, &key, &flow, &in_flows);
	check(t, flow.denied == 0 && flow.action[ZT_LIVE] == ZT_DENY, "recorded as denied");
	check(t, moved(t, ZT_C_OBSERVED) == 1 && moved(t, ZT_C_DENIED) == 0, "counted apart");
	expect(t, 'i', "ip lo>me / tcp 40000>443 S", PASS, "posture too");
	t->rig->ctl->observe_until_ns = rig_now_ns() - 1;
	expect(t, 'i', "ip peer>me / tcp 40000>81 S", DROP, "until its end");
	expect(t, 'i', "ip lo>me / tcp 40000>443 S", DROP, "posture too, until its end");
	t->rig->ctl->observe_until_ns = 0;
}

/* The answer to a datagram, so long after it that it is an opening of its own. */
static void idle_udp(struct try *t)
{
	const char *ask = "ip me>peer / udp 40000>53 / data 8";
	const char *answer = "ip peer>me / udp 53>40000 / data 8";

	expect(t, 'o', ask, PASS, "question");
	if (age(t, 29 * SEC_NS))
		expect(t, 'i', answer, PASS, "answer after 29 s");
	if (age(t, 179 * SEC_NS))
		expect(t, 'i', answer, PASS, "more after 179 s");
	if (age(t, 181 * SEC_NS))
		expect(t, 'i', answer, DROP, "an opening after 181 s");
	rig_forget(t->rig);
	expect(t, 'o', ask, PASS, "question");
	if (age(t, 31 * SEC_NS))
		expect(t, 'i', answer, DROP, "unanswered for 31 s: an opening");
}

static void idle_icmp(struct try *t)
{
	bool v4 = t->family == AF_INET;
	const char *ask = v4 ? "ip peer>me / icmp 8 id=7" : "ip peer>me / icmp 128 id=7";
	const char *answer = v4 ? "ip me>peer / icmp 0 id=7" : "ip me>peer / icmp 129 id=7";
	const char *other = v4 ? "ip me>peer / icmp 0 id=8" : "ip me>peer / icmp 129 id=8";

	expect(t, 'i', ask, PASS, "echo");
	expect(t, 'o', answer, PASS, "its reply");
	if (age(t, 29 * SEC_NS))
		expect(t, 'o', answer, PASS, "after 29 s");
	if (age(t, 31 * SEC_NS))
		expect(t, 'o', answer, DROP, "no longer after 31 s");
	expect(t, 'o', other, DROP, "a reply to nothing");
}

/* A request with the id of the other end's own ping is another flow, not its answer. */
static void echo_both_ways(struct try *t)
{
	bool v4 = t->family == AF_INET;

	expect(t, 'i', v4 ? "ip peer>me / icmp 8 id=7" : "ip peer>me / icmp 128 id=7", PASS,
	       "they may ping us");
	expect(t, 'o', v4 ? "ip me>peer / icmp 8 id=7" : "ip me>peer / icmp 128 id=7", DROP,
	       "we may not ping them, with the id of their ping either");
	expect(t, 'o', v4 ? "ip me>peer / icmp 0 id=7" : "ip me>peer / icmp 129 id=7", PASS,
	       "the reply to theirs");
}

static void idle_tcp(struct try *t)
{
	if (!shake_in(t))
		return;
	if (age(t, rig_now_ns() - SEC_NS))
		expect(t, 'o', WEB_REPLY, PASS, "established TCP never ends by the clock");
}

static const struct try_case cases[] = {
	{"opened in", opened_in},
	{"opened out", opened_out},
	{"super-packet", super_packet},
	{"udp super-packet", udp_super_packet},
	{"denied", denied_counts},
	{"would be denied", would_deny_counts},
	{"SYN against the flow", syn_against_the_flow},
	{"stray SYN", stray_syn},
	{"SYN again", syn_again},
	{"an answer is no opening", answer_is_no_opening},
	{"opened again", reopened},
	{"spoofed handshake", spoofed_handshake},
	{"refused first", refused_first},
	{"protocols", protocol_answer},
	{"rule hits", rule_hits},
	{"failsafe packets", failsafe_packets},
	{"epoch", epoch_moves},
	{"udp epoch", udp_epoch_moves},
	{"deadline", deadline},
	{"deadline under a cached verdict", deadline_under_cache},
	{"observe", observe},
	{"idle udp", idle_udp},
	{"idle icmp", idle_icmp},
	{"echo both ways", echo_both_ways},
	{"idle tcp", idle_tcp},
};

int main(void)
{
	struct rig rig;

	rig_open(&rig, 1024);
	rig_policy(&rig, SLOT_B, POLICY_SHUT);
	rig_policy(&rig, SLOT_A, ROW_POLICY("enforced"));
	run_cases(&rig, cases, ARRAY_SIZE(cases));
	return rig_exit(&rig);
}
