// SPDX-License-Identifier: Apache-2.0
/*
 * test_packets.c - every row of the packet table: enforced, staged, and with no policy.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "rig.h"
#include "rows.h"

#define SLOT_ENFORCED 0
#define SLOT_STAGED   1
#define SLOT_NONE     2

/* What one packet led to. */
struct outcome {
	int verdict;
	bool judged; /* a flow entry or an event says by what */
	__u32 rule[ZT_PLANE_COUNT];
	__u8 action[ZT_PLANE_COUNT];
	unsigned int entries;
};

/* Header-less IPv6: the first bytes must be the device's address, see rows_link.c. */
static __u32 header_less_device(const struct pkt *pkt)
{
	char name[IF_NAMESIZE], command[160];
	__u32 ifindex;

	if (pkt->data[0] >> 4 != 6)
		return 0;
	snprintf(name, sizeof(name), "l3-%u-%u", pkt->data[4], pkt->data[5]);
	ifindex = if_nametoindex(name);
	if (ifindex)
		return ifindex;
	snprintf(command, sizeof(command),
		 "ip link add %s address %02x:%02x:%02x:%02x:%02x:%02x type veth peer name p%s",
		 name, pkt->data[0], pkt->data[1], pkt->data[2], pkt->data[3], pkt->data[4],
		 pkt->data[5], name);
	if (system(command)) {
		printf("%s failed\n", command);
		exit(99);
	}
	return if_nametoindex(name);
}

static void run_row(struct rig *rig, const struct row *row, int family, struct outcome *ret)
{
	struct rig_run run = {.hook = row->dir, .gso_size = row->gso_size};
	const struct zt_event *event;
	struct zt_flow_key key;
	struct zt_flow flow;
	struct pkt pkt;
	bool in_flows;

	memset(ret, 0, sizeof(*ret));
	pkt_build(&pkt, family, row_names, row->packet);
	if (row->dir == 'I' || row->dir == 'O')
		run.ifindex = header_less_device(&pkt);
	if (row->gso_size)
		run.gso_segs = 2;
	rig_forget(rig);
	ret->verdict = rig_run(rig, &run, &pkt);
	ret->entries = rig_count_flows(rig, false) + rig_count_flows(rig, true);
	event = rig_event(rig, ZT_EV_POSTURE);
	if (rig_one_flow(rig, &key, &flow, &in_flows))
		ret->judged = true;
	else if (event)
		flow = event->flow, ret->judged = true;
	if (!ret->judged)
		return;
	memcpy(ret->rule, flow.rule, sizeof(ret->rule));
	memcpy(ret->action, flow.action, sizeof(ret->action));
}

static const char *verdict_text(int verdict)
{
	static char text[16];

	if (verdict == PASS)
		return "pass";
	if (verdict == DROP)
		return "drop";
	snprintf(text, sizeof(text), "%d", verdict);
	return text;
}

/* Whether a plane's rule is the one named; "?" is any rule that denies. */
static bool rule_is(const struct rig *rig, const struct outcome *o, int plane, const char *want)
{
	if (!strcmp(want, "*"))
		return true;
	if (!o->judged)
		return false;
	if (!strcmp(want, "?"))
		return o->action[plane] == ZT_DENY;
	return o->rule[plane] == rig_rule(rig, want);
}

static const char *rule_text(const struct rig *rig, const struct outcome *o, int plane)
{
	return o->judged ? rig_rule_name(rig, o->rule[plane]) : "nothing";
}

/* A row with the policy enforced: everything it says must hold. */
static void check_enforced(struct rig *rig, const struct row *row, int family, const char *name)
{
	const char *candidate = row->candidate ?: row->live;
	struct outcome o;

	run_row(rig, row, family, &o);
	if (o.verdict != row->verdict)
		rig_check(rig, false, name, "verdict %s by %s, expected %s by %s",
			  verdict_text(o.verdict), rule_text(rig, &o, ZT_LIVE),
			  row->verdict == PASS ? "pass" : "drop", row->live ?: "nothing");
	else if (row->live && !rule_is(rig, &o, ZT_LIVE, row->live))
		rig_check(rig, false, name, "live rule %s, expected %s",
			  rule_text(rig, &o, ZT_LIVE), row->live);
	else if (row->live && !rule_is(rig, &o, ZT_CANDIDATE, candidate))
		rig_check(rig, false, name, "candidate rule %s, expected %s",
			  rule_text(rig, &o, ZT_CANDIDATE), candidate);
	else if (!row->live && o.entries)
		rig_check(rig, false, name, "left %u flow entries, expected none", o.entries);
	else if (row->counter != NO_COUNTER && !rig_counter(rig, row->counter).packets)
		rig_check(rig, false, name, "counter %d did not move", row->counter);
	else
		rig_check(rig, true, name, " ");
}

/*
 * Staged: nothing may be dropped, and the candidate must be what enforcing would give. With no
 * policy at all: nothing may be dropped.
 */
static void check_passes(struct rig *rig, const struct row *row, int family, const char *name,
			 bool staged)
{
	const char *candidate = row->candidate ?: row->live;
	struct outcome o;

	run_row(rig, row, family, &o);
	if (o.verdict != PASS)
		rig_check(rig, false, name, "verdict %s by %s, with nothing enforced",
			  verdict_text(o.verdict), rule_text(rig, &o, ZT_LIVE));
	else if (staged && candidate && strcmp(candidate, "*") && strcmp(candidate, "?") &&
		 !rule_is(rig, &o, ZT_CANDIDATE, candidate))
		rig_check(rig, false, name, "candidate rule %s, expected %s",
			  rule_text(rig, &o, ZT_CANDIDATE), candidate);
	else if (o.judged && o.action[ZT_LIVE] != ZT_ALLOW)
		rig_check(rig, false, name, "live verdict deny (%s), with nothing enforced",
			  rule_text(rig, &o, ZT_LIVE));
	else if (row->counter >= ZT_C_BAD_HEADER && row->counter <= ZT_C_SHORT_FRAGMENT &&
		 !rig_counter(rig, row->counter).packets)
		rig_check(rig, false, name, "counter %d did not move", row->counter);
	else
		rig_check(rig, true, name, " ");
}

static void run_table(struct rig *rig, const struct row_table *table, __u32 slot)
{
	static const char *const how[] = {"enforced", "staged", "no policy"};
	char name[160];

	rig_flip(rig, slot);
	for (size_t i = 0; i < table->count; i++) {
		for (const char *f = table->row[i].families; *f; f++) {
			int family = *f == '4' ? AF_INET : AF_INET6;

			snprintf(name, sizeof(name), "%s: ipv%c: %s (%s)", table->name, *f,
				 table->row[i].name, how[slot]);
			if (slot == SLOT_ENFORCED)
				check_enforced(rig, &table->row[i], family, name);
			else
				check_passes(rig, &table->row[i], family, name,
					     slot == SLOT_STAGED);
		}
	}
}

int main(void)
{
	struct rig rig;

	rig_open(&rig, 1024);
	rig_policy(&rig, SLOT_ENFORCED, ROW_POLICY("enforced"));
	rig_policy(&rig, SLOT_STAGED, ROW_POLICY("staged"));
	rig_policy(&rig, SLOT_NONE, NULL);
	for (__u32 slot = SLOT_ENFORCED; slot <= SLOT_NONE; slot++)
		for (size_t i = 0; i < row_table_count; i++)
			run_table(&rig, row_tables[i], slot);
	return rig_exit(&rig);
}
