// SPDX-License-Identifier: Apache-2.0
/*
 * test_flood.c - floods from made-up sources do not evict answered flows, and a full event ring
 * loses events, never verdicts.
 */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "flows.h"

#define ENTRIES	 4096	/* of each table */
#define ANSWERED 200	/* conversations that must survive */
#define FLOOD	 200000 /* sources */

static struct pkt template;

/* Another source address and port in the template's IP header. */
static void spoof(struct pkt *pkt, int family, unsigned int n)
{
	unsigned int src = family == AF_INET ? 14 + 12 : 14 + 8 + 12;
	unsigned int l4 = family == AF_INET ? 14 + 20 : 14 + 40;

	pkt->data[src + 1] = n >> 16; /* of the last four bytes, the first stays */
	pkt->data[src + 2] = n >> 8;
	pkt->data[src + 3] = n;
	pkt->data[l4] = 0x80 | n >> 8;
	pkt->data[l4 + 1] = n;
}

static unsigned int flood(struct try *t, char hook, const char *packet, unsigned int count)
{
	struct rig_run run = {.hook = hook};
	unsigned int passed = 0;

	pkt_build(&template, t->family, row_names, packet);
	for (unsigned int i = 0; i < count; i++) {
		spoof(&template, t->family, i);
		passed += rig_run(t->rig, &run, &template) == PASS;
	}
	return passed;
}

__attribute__((format(printf, 3, 4))) static void converse(struct try *t, char hook,
							   const char *packet, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, packet);
	vsnprintf(text, sizeof(text), packet, ap);
	va_end(ap);
	rig_send(t->rig, hook, t->family, text);
}

/* Half of them TCP, opened to us; half UDP, opened by us. */
static void answered_flows(struct try *t)
{
	for (unsigned int i = 0; i < ANSWERED / 2; i++) {
		unsigned int port = 20000 + i;

		converse(t, 'i', "ip peer>me / tcp %u>443 S seq=1", port);
		converse(t, 'o', "ip me>peer / tcp 443>%u SA seq=1000 ack=2", port);
		converse(t, 'i', "ip peer>me / tcp %u>443 A seq=2 ack=1001", port);
		converse(t, 'o', "ip me>peer / udp %u>53 / data 8", port);
		converse(t, 'i', "ip peer>me / udp 53>%u / data 8", port);
	}
}

static void survive(struct try *t, const char *name)
{
	check(t, rig_count_flows(t->rig, false) == ANSWERED, name);
}

static void denied_syns(struct try *t)
{
	answered_flows(t);
	survive(t, "answered flows are there");
	check(t, flood(t, 'i', "ip 10.0.0.0>me / tcp 1>443 S", FLOOD) == 0,
	      "200,000 SYNs of strangers are all dropped");
	survive(t, "no answered flow was evicted");
	check(t, moved(t, ZT_C_DENIED) == FLOOD, "each is counted");
	check(t, moved(t, ZT_C_LOST_RING) > 0, "events beyond the ring are counted as lost");
}

static void denied_syns6(struct try *t)
{
	answered_flows(t);
	check(t, flood(t, 'i', "ip 2001:db8:77::>me / tcp 1>443 S", FLOOD) == 0,
	      "200,000 SYNs of strangers are all dropped");
	survive(t, "no answered flow was evicted");
}

static void denied(struct try *t)
{
	if (t->family == AF_INET)
		denied_syns(t);
	else
		denied_syns6(t);
}

/* Allowed, never answered: the whole of 10.0.0.0/8 may open tcp/8443 and udp/514. */
static void unanswered(struct try *t)
{
	const char *syn = t->family == AF_INET ? "ip 10.0.0.0>me / tcp 1>8443 S"
					       : "ip 2001:db8:77::>me / tcp 1>8443 S";
	const char *log = t->family == AF_INET ? "ip 10.0.0.0>me / udp 1>514 / data 8"
					       : "ip 2001:db8:77::>me / udp 1>514 / data 8";
	const char *ack = t->family == AF_INET ? "ip 10.0.0.0>me / tcp 1>8443 A seq=2 ack=7"
					       : "ip 2001:db8:77::>me / tcp 1>8443 A seq=2 ack=7";

	rig_flip(t->rig, SLOT_B);
	answered_flows(t);
	survive(t, "answered flows are there");
	check(t, flood(t, 'i', syn, FLOOD / 4) == FLOOD / 4, "50,000 unanswered SYNs pass");
	survive(t, "and evict nothing");
	check(t, flood(t, 'i', log, FLOOD / 4) == FLOOD / 4, "50,000 unanswered datagrams pass");
	survive(t, "and evict nothing either");
	flood(t, 'i', ack, FLOOD / 4);
	survive(t, "nor do 50,000 ACKs of no connection");
}

#define POLICY_OPEN                                                                                \
	"version: 1\npolicy: open\nrevision: 2\nmode: enforced\n"                                  \
	"hosts:\n"                                                                                 \
	"  me: {addresses: [10.20.0.1, \"2001:db8:20::1\"], labels: {role: srv}}\n"                \
	"  peer: {addresses: [10.20.0.2, \"2001:db8:20::2\"], labels: {role: peer}}\n"             \
	"segments:\n"                                                                              \
	"  srv: {select: {role: srv}}\n"                                                           \
	"  peers: {select: {role: peer}}\n"                                                        \
	"  wide: {addresses: [10.0.0.0/8, \"2001:db8:77::/64\"]}\n"                                \
	"boundaries:\n"                                                                            \
	"  - {id: b-in, segment: srv, inbound: deny}\n"                                            \
	"rules:\n"                                                                                 \
	"  - {id: web-in, from: peers, to: srv, ports: [tcp/443]}\n"                               \
	"  - {id: wide-in, from: wide, to: srv, ports: [tcp/8443, udp/514]}\n"

static const struct try_case cases[] = {
	{"flood of denied openings", denied},
	{"flood of unanswered openings", unanswered},
};

int main(void)
{
	struct rig rig;

	rig_open(&rig, ENTRIES);
	rig_policy(&rig, SLOT_B, POLICY_OPEN);
	rig_policy(&rig, SLOT_A, ROW_POLICY("enforced"));
	run_cases(&rig, cases, ARRAY_SIZE(cases));
	return rig_exit(&rig);
}
