// SPDX-License-Identifier: Apache-2.0
/*
 * test_verdicts.c - label steps, failsafe, `existing`, ICMP errors of flows, transit, forwarding.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "flows.h"

#define HOSTS                                                                                      \
	"hosts:\n"                                                                                 \
	"  me: {addresses: [10.20.0.1, \"2001:db8:20::1\"], labels: {role: srv}}\n"                \
	"  peer: {addresses: [10.20.0.2, \"2001:db8:20::2\"], labels: {role: peer}}\n"             \
	"segments:\n"                                                                              \
	"  srv: {select: {role: srv}}\n"                                                           \
	"  peers: {select: {role: peer}}\n"                                                        \
	"  ops: {addresses: [10.9.0.0/24, \"2001:db8:9::/64\"]}\n"                                 \
	"  afar: {addresses: [10.99.0.0/16, \"2001:db8:99::/64\"]}\n"

#define POLICY_EXISTING(how)                                                                       \
	"version: 1\npolicy: existing\nrevision: 2\nmode: enforced\n" HOSTS "boundaries:\n"        \
	"  - {id: e-in, segment: srv, inbound: deny, existing: " how "}\n"                         \
	"  - {id: e-out, segment: srv, outbound: deny, existing: " how "}\n"

#define POLICY_FAILSAFE                                                                            \
	"version: 1\npolicy: failsafe\nrevision: 2\nmode: enforced\n" HOSTS "boundaries:\n"        \
	"  - {id: f-in, segment: srv, inbound: deny}\n"                                            \
	"rules:\n"                                                                                 \
	"  - {id: ops-in, from: ops, to: srv, ports: [tcp/22]}\n"                                  \
	"  - {id: quiet, action: deny, from: any, to: any, ports: [tcp/24]}\n"                     \
	"  - {id: quiet-later, action: deny, from: any, to: any, ports: [tcp/22], mode: staged}\n" \
	"failsafe:\n"                                                                              \
	"  - {id: rescue, from: [10.9.0.0/28, \"2001:db8:9::/64\"], to: this-host,"                \
	" ports: [tcp/22-24]}\n"

#define POLICY_FORWARD                                                                             \
	"version: 1\npolicy: forward\nrevision: 2\nmode: enforced\n" HOSTS "boundaries:\n"         \
	"  - {id: peers-in, segment: peers, inbound: deny}\n"                                      \
	"rules:\n"                                                                                 \
	"  - {id: afar-web, from: afar, to: peers, ports: [tcp/443]}\n"

/* --- failsafe ----------------------------------------------------------------------- */

static void failsafe(struct try *t)
{
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;

	rig_policy(t->rig, SLOT_B, POLICY_FAILSAFE);
	rig_flip(t->rig, SLOT_B);
	expect_rule(t, 'i', "ip bastion>me / tcp 40000>22 S", PASS, "ops-in",
		    "an allow rule that matches too is the one reported");
	check(t, moved(t, ZT_C_FAILSAFE) == 0, "and no failsafe use is counted");
	if (the_flow(t, &key, &flow, &in_flows))
		check(t, flow.rule[ZT_CANDIDATE] == rig_rule(t->rig, "rescue"),
		      "the candidate, which would deny, is saved by it");
	rig_forget(t->rig);
	expect_rule(t, 'i', "ip bastion>me / tcp 40000>23 S", PASS, "rescue", "beats a boundary");
	if (the_flow(t, &key, &flow, &in_flows))
		check(t, (flow.flags & ZT_FLOW_FAILSAFE) && flow.rank[ZT_LIVE] == ZT_RANK_FAILSAFE,
		      "and the flow says so");
	check(t, moved(t, ZT_C_FAILSAFE) == 1, "its use is counted");
	rig_forget(t->rig);
	expect_rule(t, 'i', "ip bastion>me / tcp 40000>24 S", PASS, "rescue", "beats a deny rule");
	expect(t, 'i', "ip stranger>me / tcp 40000>24 S", DROP, "of others not");
}

/* --- labels that run out --------------------------------------------------------------- */

/* Gives the peer's row an end: past it the address is one that no row covers. */
static bool step_peer(struct try *t, __u32 slot, __u64 until_ns)
{
	zt_auto(zt_close) int addrs = rig_inner(t->rig, "zt_s_addrs", slot);
	zt_auto(zt_close) int metas = rig_inner(t->rig, "zt_s_meta", slot);
	zt_auto(zt_close) int steps = rig_inner(t->rig, "zt_s_steps", slot);
	struct zt_slot_meta meta;
	struct zt_identity id;
	struct zt_step step = {};
	struct zt_addr peer;
	__u32 zero = 0;

	pkt_addr(&peer, t->family, row_names, "peer");
	if (bpf_map_lookup_elem(addrs, &peer, &id) < 0 ||
	    bpf_map_lookup_elem(metas, &zero, &meta) < 0)
		return check(t, false, "the peer has a row of its own");
	id.until_ns = until_ns;
	id.step = 0;
	step.far_id = meta.unknown.far_id;
	step.near_id = meta.unknown.near_id;
	return !bpf_map_update_elem(steps, &zero, &step, BPF_ANY) &&
	       !bpf_map_update_elem(addrs, &peer, &id, BPF_ANY);
}

static void label_step(struct try *t)
{
	__u64 until = rig_now_ns() + 3600 * SEC_NS;
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;

	if (!step_peer(t, SLOT_A, until))
		return;
	expect_rule(t, 'i', "ip peer>me / tcp 40000>443 S", PASS, "web-in", "before it runs out");
	if (the_flow(t, &key, &flow, &in_flows))
		check(t, flow.valid_until_ns == until, "the verdict says how long it is good");
	rig_forget(t->rig);
	step_peer(t, SLOT_A, rig_now_ns() - 1);
	expect_rule(t, 'i', "ip peer>me / tcp 40000>443 S", DROP, R_BIN, "after it has");
	rig_forget(t->rig);
	until = rig_now_ns() + SEC_NS / 10;
	step_peer(t, SLOT_A, until);
	if (shake_in(t)) {
		expect(t, 'i', WEB_DATA, PASS, "an established flow, in time");
		while (rig_now_ns() < until)
			usleep(1000);
		expect_rule(t, 'i', WEB_DATA, DROP, R_BIN, "cut by the clock alone, no new epoch");
	}
	step_peer(t, SLOT_A, 0);
}

#define POLICY_KEEP_WEB                                                                            \
	"version: 1\npolicy: keep-web\nrevision: 2\nmode: enforced\n" HOSTS "boundaries:\n"        \
	"  - {id: kw-in, segment: srv, inbound: deny, existing: keep}\n"                           \
	"rules:\n"                                                                                 \
	"  - {id: kw-web, from: peers, to: srv, ports: [tcp/443]}\n"

/* Label changes and time ignore `keep`. */
static void label_step_and_keep(struct try *t)
{
	__u64 until;

	rig_policy(t->rig, SLOT_B, POLICY_KEEP_WEB);
	rig_flip(t->rig, SLOT_B);
	until = rig_now_ns() + SEC_NS / 5;
	if (!step_peer(t, SLOT_B, until) || !shake_in(t))
		return;
	expect(t, 'i', WEB_DATA, PASS, "in time");
	while (rig_now_ns() < until)
		usleep(1000);
	expect(t, 'i', WEB_DATA, DROP, "cut when the label runs out, `keep` or not");
}

/* The peer's row becomes what no row says, as a change of its labels at that epoch has it. */
static bool move_peer(struct try *t, __u32 slot, __u32 label_epoch)
{
	zt_auto(zt_close) int addrs = rig_inner(t->rig, "zt_s_addrs", slot);
	zt_auto(zt_close) int metas = rig_inner(t->rig, "zt_s_meta", slot);
	struct zt_slot_meta meta;
	struct zt_addr peer;
	__u32 zero = 0;

	pkt_addr(&peer, t->family, row_names, "peer");
	if (bpf_map_lookup_elem(metas, &zero, &meta) < 0)
		return check(t, false, "the slot has a meta row");
	meta.unknown.label_epoch = label_epoch;
	return !bpf_map_update_elem(addrs, &peer, &meta.unknown, BPF_ANY);
}

static void label_change_and_keep(struct try *t)
{
	rig_policy(t->rig, SLOT_B, POLICY_KEEP_WEB);
	rig_flip(t->rig, SLOT_B);
	if (!shake_in(t))
		return;
	move_peer(t, SLOT_B, 0);
	rig_flip(t->rig, SLOT_B);
	expect(t, 'i', WEB_DATA, PASS, "another policy: kept");
	rig_flip(t->rig, SLOT_B);
	expect(t, 'i', WEB_DATA, PASS, "and kept on");
	move_peer(t, SLOT_B, (__u32)t->rig->epoch);
	expect(t, 'i', WEB_DATA, PASS, "labels that changed before it was judged");
	move_peer(t, SLOT_B, (__u32)t->rig->epoch + 1);
	rig_flip(t->rig, SLOT_B);
	expect(t, 'i', WEB_DATA, DROP, "labels that changed since: cut, `keep` or not");
}

/* --- existing -------------------------------------------------------------------------- */

static void keep(struct try *t)
{
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;

	rig_policy(t->rig, SLOT_B, POLICY_EXISTING("keep"));
	if (!shake_in(t))
		return;
	rig_flip(t->rig, SLOT_B);
	expect(t, 'i', WEB_DATA, PASS, "an established TCP flow stays allowed");
	expect(t, 'o', WEB_REPLY, PASS, "both ways");
	if (the_flow(t, &key, &flow, &in_flows))
		check(t, flow.flags & ZT_FLOW_KEPT, "and says so");
	check(t, moved(t, ZT_C_KEPT) > 0, "counted");
	expect(t, 'i', "ip peer>me / tcp 40000>443 FA seq=12 ack=1021", PASS, "until it closes");
	expect(t, 'i', "ip peer>me / tcp 40001>443 S", DROP, "a new one does not");
	rig_forget(t->rig);
	rig_flip(t->rig, SLOT_A);
	expect(t, 'i', "ip peer>me / udp 40000>53 / data 8", PASS, "a UDP flow");
	expect(t, 'o', "ip me>peer / udp 53>40000 / data 8", PASS, "answered");
	rig_flip(t->rig, SLOT_B);
	expect(t, 'i', "ip peer>me / udp 40000>53 / data 8", DROP, "is not kept");
}

static void keep_is_for_established(struct try *t)
{
	rig_policy(t->rig, SLOT_B, POLICY_EXISTING("keep"));
	expect(t, 'i', "ip peer>me / tcp 40000>443 S seq=1", PASS, "half open");
	rig_flip(t->rig, SLOT_B);
	expect(t, 'o', "ip me>peer / tcp 443>40000 SA seq=1000 ack=2", DROP, "is not kept");
}

static void reset(struct try *t)
{
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;

	rig_policy(t->rig, SLOT_B, POLICY_EXISTING("reset"));
	if (!shake_in(t))
		return;
	rig_flip(t->rig, SLOT_B);
	expect_rule(t, 'i', WEB_DATA, DROP, "e-in", "data in is dropped");
	expect(t, 'o', WEB_REPLY, DROP, "data out is dropped");
	if (the_flow(t, &key, &flow, &in_flows))
		check(t, flow.flags & ZT_FLOW_RESETTING, "the entry is being reset");
	expect(t, 'o', "ip me>peer / tcp 443>40000 RA seq=1001 ack=2 / data 5", DROP,
	       "an RST that carries data is dropped");
	expect(t, 'o', "ip me>peer / tcp 443>40000 RA seq=1001 ack=2", PASS, "our RST goes out");
	check(t, moved(t, ZT_C_RESET_OUT) == 1, "counted");
	expect(t, 'i', "ip peer>me / tcp 40000>443 R seq=2", DROP, "theirs does not come in");
}

static void recheck(struct try *t)
{
	rig_policy(t->rig, SLOT_B, POLICY_EXISTING("recheck"));
	if (!shake_in(t))
		return;
	rig_flip(t->rig, SLOT_B);
	expect_rule(t, 'i', WEB_DATA, DROP, "e-in", "data in is dropped");
	expect(t, 'o', "ip me>peer / tcp 443>40000 RA seq=1001 ack=2", DROP, "an RST as well");
}

/* --- ICMP errors of a flow ------------------------------------------------------------- */

static void icmp_error(struct try *t)
{
	bool v4 = t->family == AF_INET;
	const char *ours = v4 ? "ip stranger>me / icmp 3:1 / ip me>peer / tcp 40000>5432 S"
			      : "ip stranger>me / icmp 1:0 / ip me>peer / tcp 40000>5432 S";
	const char *big = v4 ? "ip stranger>me / icmp 3:4 / ip me>peer / tcp 40000>5432 S"
			     : "ip stranger>me / icmp 2:0 / ip me>peer / tcp 40000>5432 S";
	const char *late = v4 ? "ip stranger>me / icmp 11:0 / ip me>peer / tcp 40000>5432 S"
			      : "ip stranger>me / icmp 3:0 / ip me>peer / tcp 40000>5432 S";
	const char *other = v4 ? "ip stranger>me / icmp 3:1 / ip me>peer / tcp 40001>5432 S"
			       : "ip stranger>me / icmp 1:0 / ip me>peer / tcp 40001>5432 S";
	const char *theirs = v4 ? "ip stranger>me / icmp 3:1 / ip peer>me / tcp 5432>40000 S"
				: "ip stranger>me / icmp 1:0 / ip peer>me / tcp 5432>40000 S";
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;

	expect(t, 'o', "ip me>peer / tcp 40000>5432 S seq=1", PASS, "an opening of ours");
	expect(t, 'i', ours, PASS, "unreachable");
	expect(t, 'i', big, PASS, "too big");
	expect(t, 'i', late, PASS, "time exceeded");
	check(t, moved(t, ZT_C_ICMP_ERROR) == 3, "counted");
	if (the_flow(t, &key, &flow, &in_flows))
		check(t, flow.state != ZT_STATE_ESTABLISHED, "an error is no answer");
	expect(t, 'i', other, DROP, "of another port");
	expect(t, 'i', theirs, DROP, "that quotes what we never sent");
}

static void icmp_error_out(struct try *t)
{
	bool v4 = t->family == AF_INET;
	const char *error = v4 ? "ip me>peer / icmp 3:3 / ip peer>me / udp 40000>53"
			       : "ip me>peer / icmp 1:4 / ip peer>me / udp 40000>53";
	const char *other = v4 ? "ip me>peer / icmp 3:3 / ip peer>me / udp 40000>54"
			       : "ip me>peer / icmp 1:4 / ip peer>me / udp 40000>54";

	expect(t, 'i', "ip peer>me / udp 40000>53 / data 8", PASS, "a datagram that is allowed");
	expect(t, 'o', error, PASS, "our error about it goes out");
	expect(t, 'o', other, DROP, "one about another does not");
}

static void icmp_error_of_denied(struct try *t)
{
	bool v4 = t->family == AF_INET;
	const char *error = v4 ? "ip peer>me / icmp 3:1 / ip me>peer / tcp 40000>443 S"
			       : "ip peer>me / icmp 1:0 / ip me>peer / tcp 40000>443 S";

	expect(t, 'o', "ip me>peer / tcp 40000>443 S", DROP, "a denied opening");
	expect(t, 'i', error, DROP, "has no errors to come in");
}

/* --- packets that pass through ---------------------------------------------------------- */

static void transit(struct try *t)
{
	struct rig_run run = {.hook = 'o', .ingress_ifindex = 1};
	__u32 known = 1, unknown = 4711, one = 1;
	struct pkt pkt;

	bpf_map_update_elem(rig_map(t->rig, "zt_ifaces"), &known, &one, BPF_ANY);
	pkt_build(&pkt, t->family, row_names, "ip me>peer / tcp 40000>443 S");
	check(t, rig_run(t->rig, &run, &pkt) == PASS, "leaving by a second device: passes");
	check(t, moved(t, ZT_C_TRANSIT) == 1, "counted apart");
	check(t, rig_count_flows(t->rig, false) + rig_count_flows(t->rig, true) == 0,
	      "neither judged nor counted again");
	bpf_map_delete_elem(rig_map(t->rig, "zt_ifaces"), &known);
	run.ingress_ifindex = unknown;
	rig_run(t->rig, &run, &pkt);
	check(t, moved(t, ZT_C_TRANSIT) == 1 && moved(t, ZT_C_JUDGED) == 1,
	      "from a device that is not guarded: judged");
	bpf_map_update_elem(rig_map(t->rig, "zt_ifaces"), &known, &one, BPF_ANY);
}

/* A state word whose slot has no tables: nothing can be judged, nothing is denied, an alarm. */
static void no_table(struct try *t)
{
	rig_flip(t->rig, SLOT_C);
	expect(t, 'i', "ip peer>me / tcp 40000>81 S", PASS, "passes");
	check(t, moved(t, ZT_C_NO_TABLE) > 0, "and is counted");
}

/* A router: addresses that the kernel would route on are no ends of this host. */
static void forward(struct try *t)
{
	const char *web = "ip stranger>peer / tcp 40000>443 S";
	const char *ssh = "ip stranger>peer / tcp 40000>22 S";
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;

	t->rig->ctl->flags = ZT_CTL_FORWARDING;
	rig_policy(t->rig, SLOT_B, POLICY_FORWARD);
	rig_flip(t->rig, SLOT_B);
	expect_rule(t, 'i', web, PASS, "afar-web", "allowed between two others");
	if (the_flow(t, &key, &flow, &in_flows))
		check(t, key.kind == ZT_KIND_FWD, "the flow says that it is forwarded");
	expect(t, 'i', "ip peer>stranger / tcp 443>40000 SA seq=5 ack=2", PASS, "and back");
	check(t, rig_count_flows(t->rig, false) + rig_count_flows(t->rig, true) == 1,
	      "as one flow");
	rig_forget(t->rig);
	expect_rule(t, 'i', ssh, DROP, "peers-in", "the boundary of a segment behind us");
	rig_forget(t->rig);
	expect_rule(t, 'i', "ip stranger>me / tcp 40000>22 S", PASS, R_DEFAULT,
		    "our own address is our own end");
	if (the_flow(t, &key, &flow, &in_flows))
		check(t, key.kind == ZT_KIND_LOCAL, "and not forwarded");
	t->rig->ctl->flags = 0;
}

/* What holds for our own packets holds for those that only pass. */
static void forward_posture(struct try *t)
{
	bool v4 = t->family == AF_INET;
	const char *error =
		v4 ? "ip l3peer>stranger / icmp 3:1 / ip stranger>peer / tcp 40000>443 S"
		   : "ip l3peer>stranger / icmp 1:0 / ip stranger>peer / tcp 40000>443 S";
	const char *other =
		v4 ? "ip l3peer>stranger / icmp 3:1 / ip stranger>peer / tcp 40000>444 S"
		   : "ip l3peer>stranger / icmp 1:0 / ip stranger>peer / tcp 40000>444 S";

	t->rig->ctl->flags = ZT_CTL_FORWARDING;
	rig_policy(t->rig, SLOT_B, POLICY_FORWARD);
	rig_flip(t->rig, SLOT_B);
	expect(t, 'i', "ip me>peer / tcp 40000>443 S", DROP, "our own address as the source");
	check(t, moved(t, ZT_C_BAD_SOURCE) == 1, "counted");
	expect(t, 'i', "ip stranger>peer / udp 40000>443 len=+1 / data 8", DROP, "a bad length");
	expect(t, 'i', "ip stranger>peer / tcp 40000>443 S", PASS, "an allowed opening");
	expect(t, 'i', error, PASS, "an error about it");
	check(t, moved(t, ZT_C_ICMP_ERROR) == 1, "counted as such");
	expect(t, 'i', other, PASS, "one about another is judged like any ICMP");
	check(t, moved(t, ZT_C_ICMP_ERROR) == 1, "and not counted as one");
	t->rig->ctl->flags = 0;
}

static const struct try_case cases[] = {
	{"failsafe", failsafe},
	{"label step", label_step},
	{"label step and keep", label_step_and_keep},
	{"label change and keep", label_change_and_keep},
	{"keep", keep},
	{"keep, half open", keep_is_for_established},
	{"reset", reset},
	{"recheck", recheck},
	{"icmp error", icmp_error},
	{"icmp error out", icmp_error_out},
	{"icmp error of a denied flow", icmp_error_of_denied},
	{"transit", transit},
	{"forward", forward},
	{"forward, posture", forward_posture},
	{"no table", no_table},
};

int main(void)
{
	struct rig rig;

	rig_open(&rig, 1024);
	rig_lo_up();
	/* Routes, so that the kernel's own tables say what is forwarded. */
	if (system("ip addr add 10.20.0.1/32 dev lo && ip addr add 2001:db8:20::1/128 dev lo nodad && "
		   "ip link add up0 type veth peer name up1 && ip link set up1 up && ip link set up0 up && "
		   "ip route add default dev up0 && ip -6 route add default dev up0 && "
		   "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")) {
		printf("routes could not be set up\n");
		return 99;
	}
	rig_policy(&rig, SLOT_A, ROW_POLICY("enforced"));
	run_cases(&rig, cases, ARRAY_SIZE(cases));
	return rig_exit(&rig);
}
