// SPDX-License-Identifier: Apache-2.0
/*
 * flows.c - what the tests of the flow table share.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flows.h"

static const char *case_name(const struct try *t, const char *name)
{
	static char text[200];

	snprintf(text, sizeof(text), "%s: ipv%c: %s", t->what, t->family == AF_INET ? '4' : '6',
		 name);
	return text;
}

void run_cases(struct rig *rig, const struct try_case *cases, size_t count)
{
	static const int family[] = {AF_INET, AF_INET6};

	for (size_t i = 0; i < count; i++) {
		for (int f = 0; f < 2; f++) {
			struct try t = {.rig = rig, .family = family[f], .what = cases[i].what};

			rig->ctl->observe_until_ns = 0;
			rig->ctl->flags = 0;
			rig_flip(rig, SLOT_A);
			rig_forget(rig);
			cases[i].fn(&t);
		}
	}
}

bool check(struct try *t, bool good, const char *name)
{
	return rig_check(t->rig, good, case_name(t, name), "does not hold");
}

bool expect(struct try *t, char hook, const char *packet, int verdict, const char *name)
{
	int got = rig_send(t->rig, hook, t->family, packet);

	return rig_check(t->rig, got == verdict, case_name(t, name), "%s instead of %s: %s",
			 got == DROP   ? "drop"
			 : got == PASS ? "pass"
				       : "an error",
			 verdict == DROP ? "drop" : "pass", packet);
}

bool the_flow(struct try *t, struct zt_flow_key *key, struct zt_flow *flow, bool *in_flows)
{
	if (rig_one_flow(t->rig, key, flow, in_flows))
		return true;
	return rig_check(t->rig, false, case_name(t, "one flow entry"), "%u answered, %u openings",
			 rig_count_flows(t->rig, false), rig_count_flows(t->rig, true));
}

bool expect_rule(struct try *t, char hook, const char *packet, int verdict, const char *rule,
		 const char *name)
{
	int got = rig_send(t->rig, hook, t->family, packet);
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;

	if (!the_flow(t, &key, &flow, &in_flows))
		return false;
	return rig_check(t->rig, got == verdict && flow.rule[ZT_LIVE] == rig_rule(t->rig, rule),
			 case_name(t, name), "verdict %d by %s, expected %d by %s", got,
			 rig_rule_name(t->rig, flow.rule[ZT_LIVE]), verdict, rule);
}

unsigned long long moved(struct try *t, enum zt_counter counter)
{
	return rig_counter(t->rig, counter).packets;
}

bool age(struct try *t, __u64 by_ns)
{
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;

	if (!the_flow(t, &key, &flow, &in_flows))
		return false;
	if (flow.last_ns <= by_ns) {
		printf("skip %s - this machine has been up for less than %llu s\n",
		       case_name(t, "idle"), (unsigned long long)(by_ns / SEC_NS));
		t->rig->skipped++;
		return false;
	}
	flow.last_ns -= by_ns;
	rig_put(t->rig, !in_flows, &key, &flow);
	return true;
}

static bool shake(struct try *t, const char *const step[3], const char hook[3])
{
	for (int i = 0; i < 3; i++)
		if (rig_send(t->rig, hook[i], t->family, step[i]) != PASS)
			return check(t, false, "handshake");
	return true;
}

bool shake_in(struct try *t)
{
	static const char *const step[] = {
		"ip peer>me / tcp 40000>443 S seq=1",
		"ip me>peer / tcp 443>40000 SA seq=1000 ack=2",
		"ip peer>me / tcp 40000>443 A seq=2 ack=1001",
	};

	return shake(t, step, "ioi");
}

bool shake_out(struct try *t)
{
	static const char *const step[] = {
		"ip me>peer / tcp 40000>5432 S seq=1",
		"ip peer>me / tcp 5432>40000 SA seq=1000 ack=2",
		"ip me>peer / tcp 40000>5432 A seq=2 ack=1001",
	};

	return shake(t, step, "oio");
}
