/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flows.h - what the tests of the flow table share: policies, sequences of packets.
 *
 * Every test starts from empty tables (begin()) and names its cases "WHAT: ipvN: CASE".
 */
#pragma once
#include "rig.h"
#include "rows.h"

#define SLOT_A 0 /* ROW_POLICY, enforced */
#define SLOT_B 1 /* the test's other policy */
#define SLOT_C 2

#define SEC_NS 1000000000ULL

/* A test in progress: which rig, which family, what its cases are called. */
struct
try {
	struct rig *rig;
	int family;
	const char *what;
};

typedef void (*try_fn)(struct try *t);

struct try_case {
	const char *what;
	try_fn fn;
};

/* run_cases - each case for IPv4 and IPv6, slot A in force, tables empty. */
void run_cases(struct rig *rig, const struct try_case *cases, size_t count);

/* expect - sends a packet (hook 'i' or 'o') and wants a verdict. */
bool expect(struct try *t, char hook, const char *packet, int verdict, const char *name);

/* expect_rule - the same, and that the one entry there is says this rule, live. */
bool expect_rule(struct try *t, char hook, const char *packet, int verdict, const char *rule,
		 const char *name);

/* check - a condition of the test itself. */
bool check(struct try *t, bool good, const char *name);

/* moved - by how many packets a counter moved since the test began or forget(). */
unsigned long long moved(struct try *t, enum zt_counter counter);

/* the_flow - the only entry of both tables; reports a failure and is false without one. */
bool the_flow(struct try *t, struct zt_flow_key *key, struct zt_flow *flow, bool *in_flows);

/* age - the one entry was last seen that much earlier. False when the clock is not there yet. */
bool age(struct try *t, __u64 by_ns);

/* A TCP handshake of three: they open to our port 443; we open to their port 5432. */
bool shake_in(struct try *t);
bool shake_out(struct try *t);

#define WEB_DATA  "ip peer>me / tcp 40000>443 PA seq=2 ack=1001 / data 10"
#define WEB_REPLY "ip me>peer / tcp 443>40000 PA seq=1001 ack=12 / data 20"
#define DB_DATA	  "ip me>peer / tcp 40000>5432 PA seq=2 ack=1001 / data 10"
#define DB_REPLY  "ip peer>me / tcp 5432>40000 PA seq=1001 ack=12 / data 20"
