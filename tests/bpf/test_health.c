// SPDX-License-Identifier: Apache-2.0
/*
 * test_health.c - what entries tell of how a connection went, and which events nobody asked for.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "flows.h"

#define OUT_SYN "ip me>peer / tcp 40000>5432 S seq=1"

static unsigned int health_of(struct try *t)
{
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;

	return the_flow(t, &key, &flow, &in_flows) ? flow.health : ~0U;
}

static bool has(struct try *t, unsigned int health, const char *name)
{
	return check(t, health_of(t) == health, name);
}

static void answered(struct try *t)
{
	if (!shake_out(t))
		return;
	has(t, ZT_HEALTH_ANSWERED, "answered, and nothing else");
	expect(t, 'i', "ip peer>me / tcp 5432>40000 R seq=1001", PASS, "their reset");
	has(t, ZT_HEALTH_ANSWERED | ZT_HEALTH_RST_FAR, "reset by the far end");
}

static void reset_by_us(struct try *t)
{
	if (!shake_in(t))
		return;
	expect(t, 'o', "ip me>peer / tcp 443>40000 RA seq=1001 ack=2", PASS, "our reset");
	has(t, ZT_HEALTH_ANSWERED | ZT_HEALTH_RST_NEAR, "reset by the near end");
}

/* Ended by both FINs: a reset behind them (data that nobody read) is not how it ended. */
static void reset_afterwards(struct try *t)
{
	if (!shake_out(t))
		return;
	expect(t, 'o', "ip me>peer / tcp 40000>5432 FA seq=2 ack=1001", PASS, "our end");
	expect(t, 'i', "ip peer>me / tcp 5432>40000 FA seq=1001 ack=3", PASS, "their end");
	expect(t, 'o', "ip me>peer / tcp 40000>5432 R seq=3", PASS, "a late reset");
	has(t, ZT_HEALTH_ANSWERED, "ended by FINs");
}

static void refused(struct try *t)
{
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;

	expect(t, 'o', OUT_SYN, PASS, "opening");
	has(t, 0, "nothing is known yet");
	expect(t, 'i', "ip peer>me / tcp 5432>40000 RA seq=0 ack=2", PASS, "refused");
	has(t, ZT_HEALTH_RST_FAR, "reset, never answered");
	expect(t, 'o', "ip me>peer / tcp 40000>5432 S seq=9", PASS, "tried again");
	expect(t, 'i', "ip peer>me / tcp 5432>40000 SA seq=1000 ack=10", PASS, "taken");
	expect(t, 'o', "ip me>peer / tcp 40000>5432 A seq=10 ack=1001", PASS, "acknowledged");
	if (!the_flow(t, &key, &flow, &in_flows))
		return;
	check(t, in_flows && flow.opens == 2, "the second of two tries");
	check(t, flow.health == ZT_HEALTH_ANSWERED, "the first one's reset is not the second's");
}

static void repeated(struct try *t)
{
	expect(t, 'o', OUT_SYN, PASS, "opening");
	expect(t, 'o', OUT_SYN, PASS, "again");
	has(t, ZT_HEALTH_SYN_REPEATED, "nobody answered the first");
	expect(t, 'i', "ip peer>me / tcp 5432>40000 SA seq=1000 ack=2", PASS, "answer");
	expect(t, 'o', "ip me>peer / tcp 40000>5432 A seq=2 ack=1001", PASS, "acknowledged");
	has(t, ZT_HEALTH_SYN_REPEATED | ZT_HEALTH_ANSWERED, "answered after all");
}

static void unreachable(struct try *t)
{
	bool v4 = t->family == AF_INET;

	expect(t, 'o', OUT_SYN, PASS, "opening");
	expect(t, 'i',
	       v4 ? "ip peer>me / icmp 3:4 / ip me>peer / tcp 40000>5432 S seq=1"
		  : "ip peer>me / icmp 2:0 / ip me>peer / tcp 40000>5432 S seq=1",
	       PASS, "a smaller MTU");
	has(t, 0, "stops nothing");
	expect(t, 'i',
	       v4 ? "ip peer>me / icmp 3:1 / ip me>peer / tcp 40000>5432 S seq=1"
		  : "ip peer>me / icmp 1:0 / ip me>peer / tcp 40000>5432 S seq=1",
	       PASS, "unreachable");
	has(t, ZT_HEALTH_UNREACHABLE, "is noted");
}

static void middle(struct try *t)
{
	expect(t, 'i', "ip peer>me / tcp 40000>443 PA seq=2 ack=1001 / data 10", PASS, "data");
	has(t, 0, "nobody has answered yet");
	expect(t, 'o', WEB_REPLY, PASS, "reply");
	has(t, ZT_HEALTH_ANSWERED, "both ends speak: it was answered before we came");
}

static void news_on_demand(struct try *t)
{
	shake_in(t);
	check(t, !rig_event(t->rig, ZT_EV_NEW), "nobody follows: no event of an allowed flow");
	rig_forget(t->rig);
	t->rig->ctl->flags |= ZT_CTL_FOLLOWED;
	shake_in(t);
	check(t, rig_event(t->rig, ZT_EV_NEW), "somebody follows");
	rig_forget(t->rig);
	t->rig->ctl->flags = 0;
	expect(t, 'i', "ip peer>me / tcp 40000>81 S", DROP, "denied");
	check(t, rig_event(t->rig, ZT_EV_NEW), "of a denied flow in any case");
	rig_forget(t->rig);
	expect(t, 'i', "ip peer>me / tcp 40000>444 S", PASS, "would be denied");
	check(t, rig_event(t->rig, ZT_EV_NEW), "of one that a staged rule denies too");
}

static const struct try_case cases[] = {
	{"answered", answered},	     {"reset by us", reset_by_us},
	{"refused", refused},	     {"reset afterwards", reset_afterwards},
	{"repeated", repeated},	     {"unreachable", unreachable},
	{"from the middle", middle}, {"on demand", news_on_demand},
};

int main(void)
{
	struct rig rig;

	rig_open(&rig, 1024);
	rig_policy(&rig, SLOT_A, ROW_POLICY("enforced"));
	run_cases(&rig, cases, ARRAY_SIZE(cases));
	return rig_exit(&rig);
}
