// SPDX-License-Identifier: Apache-2.0
/*
 * test_dns.c - which DNS answers reach the agent's ring, and how much of them.
 */
#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flows.h"

#define HEADER_LEN 12
#define FLAG_QR	   0x80
#define NXDOMAIN   3
#define LARGE	   1900

/* One question: host.example, type A, class IN (RFC 1035, 4.1). */
static const unsigned char question[] = "\x04host\x07"
					"example\0\0\1\0\1";

static struct {
	struct ring_buffer *ring;
	unsigned int count;
	struct zt_dns_answer head;
	unsigned char message[ZT_DNS_MAX];
	size_t size;
} heard;

static int on_answer(void *ctx, void *data, size_t size)
{
	const struct zt_dns_answer *answer = data;

	(void)ctx;
	heard.count++;
	heard.size = size;
	heard.head = *answer;
	memcpy(heard.message, answer + 1, answer->len < ZT_DNS_MAX ? answer->len : ZT_DNS_MAX);
	return 0;
}

static unsigned int hear(void)
{
	heard.count = 0;
	ring_buffer__consume(heard.ring);
	return heard.count;
}

/* A datagram whose last @len bytes are a DNS message: head, question, filling. 0: no message. */
static int say(struct try *t, char hook, const char *ends, size_t len, unsigned int flags,
	       unsigned int rcode, unsigned int answers)
{
	unsigned char head[HEADER_LEN] = {0x12, 0x34, flags, rcode, 0, 1, answers >> 8, answers};
	struct rig_run run = {.hook = hook};
	unsigned char *message;
	struct pkt pkt;
	char text[128];

	snprintf(text, sizeof(text), "%s / data %zu", ends, len);
	pkt_build(&pkt, t->family, row_names, text);
	if (!len)
		return rig_run(t->rig, &run, &pkt);
	message = pkt.data + pkt.len - len;
	memcpy(message, head, sizeof(head));
	memcpy(message + sizeof(head), question, sizeof(question) - 1);
	for (size_t i = sizeof(head) + sizeof(question) - 1; i < len; i++)
		message[i] = (unsigned char)(i * 7);
	return rig_run(t->rig, &run, &pkt);
}

#define ASK    "ip me>peer / udp 40000>53"
#define ANSWER "ip peer>me / udp 53>40000"

static bool asked(struct try *t)
{
	hear();
	return check(t, say(t, 'o', ASK, 40, 0, 0, 0) == PASS, "a question passes");
}

static void captured(struct try *t)
{
	unsigned char head[HEADER_LEN] = {0x12, 0x34, FLAG_QR, 0, 0, 1, 0, 2};
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows, same = true;

	if (!asked(t))
		return;
	check(t, hear() == 0, "a question is none");
	check(t, say(t, 'i', ANSWER, 100, FLAG_QR, 0, 2) == PASS, "its answer passes");
	check(t, hear() == 1, "and is handed over");
	check(t, heard.head.abi_version == ZT_ABI_VERSION && heard.head.len == 100, "whole");
	check(t, !memcmp(heard.message, head, sizeof(head)), "its header");
	check(t, !memcmp(heard.message + HEADER_LEN, question, sizeof(question) - 1),
	      "its question");
	for (size_t i = HEADER_LEN + sizeof(question) - 1; i < 100; i++)
		same = same && heard.message[i] == (unsigned char)(i * 7);
	check(t, same, "the rest of it");
	if (!the_flow(t, &key, &flow, &in_flows))
		return;
	check(t, in_flows, "the flow is answered");
	check(t, !memcmp(key.far_addr, heard.head.server.bytes, 16), "by that server");
	for (int i = 0; i < 20; i++)
		say(t, 'i', ANSWER, 60 + i, FLAG_QR, 0, 1);
	check(t, hear() == 20 && heard.head.len == 79, "as are all that follow");
	check(t, moved(t, ZT_C_LOST_DNS) == 0, "none is lost");
}

static void cut(struct try *t)
{
	if (!asked(t))
		return;
	check(t, say(t, 'i', ANSWER, LARGE, FLAG_QR, 0, 2) == PASS, "a long one passes");
	check(t, hear() == 1 && heard.head.len == ZT_DNS_MAX, "cut at the most that is taken");
	check(t, heard.message[ZT_DNS_MAX - 1] == (unsigned char)((ZT_DNS_MAX - 1) * 7),
	      "to the last byte");
}

static void left_alone(struct try *t)
{
	if (!asked(t))
		return;
	say(t, 'i', ANSWER, 100, FLAG_QR, NXDOMAIN, 1);
	say(t, 'i', ANSWER, 100, FLAG_QR, 0, 0);
	say(t, 'i', ANSWER, 100, 0, 0, 1);
	say(t, 'i', ANSWER, 0, 0, 0, 0);
	check(t, hear() == 0, "an error, an empty answer, a question, nothing");
	check(t, say(t, 'i', ANSWER, 100, FLAG_QR, 0, 256) == PASS && hear() == 1,
	      "after them still an answer");
}

/* Their question to our server, and what it says. */
static void served(struct try *t)
{
	hear();
	say(t, 'i', "ip peer>me / udp 40000>53", 40, 0, 0, 0);
	say(t, 'o', "ip me>peer / udp 53>40000", 100, FLAG_QR, 0, 2);
	check(t, hear() == 0, "what this host answers is not for it");
	rig_forget(t->rig);
	say(t, 'i', ANSWER, 100, FLAG_QR, 0, 2);
	check(t, hear() == 0, "an answer that nobody asked for");
}

/* Answers until one is @lost, or until one is not; how many that took. */
static unsigned int until(struct try *t, bool lost)
{
	__u64 end = rig_now_ns() + 3 * SEC_NS;
	unsigned int sent = 0;

	do {
		say(t, 'i', ANSWER, 100, FLAG_QR, 0, 2);
		sent++;
	} while ((hear() == 0) != lost && rig_now_ns() < end);
	return sent;
}

static void bounded(struct try *t)
{
	unsigned int sent;

	if (!asked(t))
		return;
	sent = until(t, true);
	check(t, moved(t, ZT_C_LOST_DNS) == 1, "the one too many is counted");
	sent = until(t, false);
	check(t, moved(t, ZT_C_LOST_DNS) == sent, "and all that follow in this second");
	sent = until(t, true);
	check(t, sent == 500, "five hundred in the next one");
}

static const struct try_case cases[] = {
	{"captured", captured}, {"cut", cut},	      {"left alone", left_alone},
	{"served", served},	{"bounded", bounded},
};

int main(void)
{
	struct rig rig;

	rig_open(&rig, 1024);
	rig_policy(&rig, SLOT_A, ROW_POLICY("enforced"));
	heard.ring = ring_buffer__new(rig_map(&rig, "zt_dns"), on_answer, NULL, NULL);
	if (!heard.ring) {
		puts("no ring");
		return 99;
	}
	run_cases(&rig, cases, ARRAY_SIZE(cases));
	ring_buffer__free(heard.ring);
	return rig_exit(&rig);
}
