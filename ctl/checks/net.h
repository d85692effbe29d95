/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.h - who gets to a port of this host: the packet filter's answer and the agent's, put
 * together.
 *
 * A packet must pass both, so the stricter answer counts; for want of an answer of one, the
 * other's.
 */
#pragma once
#include "ctl/checks/check.h"
#include "ctl/collect/spans.h"

/* In the order from strict to open: the larger one is the worse. */
enum ztc_way_kind {
	ZTC_WAY_DENIED, /* nobody */
	ZTC_WAY_PEERS,	/* those that rules name */
	ZTC_WAY_UNKNOWN,
	ZTC_WAY_ANY,
};

/**
 * struct ztc_way - what is between a sender and a port.
 * @peers: who gets in for certain, of one family; owned.
 * @cut:   there are more than that: as many addresses as @addresses; 0 = not known.
 * @rule:  that decides, for people; borrowed from the facts.
 */
struct ztc_way {
	enum ztc_way_kind kind;
	struct ztc_spans peers;
	bool cut;
	json_int_t addresses;
	const char *rule;
};
void ztc_way_free(struct ztc_way *way); /* for zt_auto() */

/**
 * struct ztc_guard - the agent as these checks see it; all borrowed.
 * @enforced: its programs in the kernel enforce, in the namespace that is assessed.
 * @staged:   there are rules, and none is enforced.
 * @deny:     an unknown peer at a port that nobody names is denied, IPv4 and IPv6: 1, 0; -1 = not
 *            known.
 */
struct ztc_guard {
	bool enforced, staged;
	int deny[2];
	json_int_t netns;
	const json_t *unguarded, *unreadable, *statements;
};
void ztc_guard_get(const struct ztc_facts *facts, struct ztc_result *r, struct ztc_guard *ret);

/* ztc_guard_on - whether its programs judge at this interface. */
bool ztc_guard_on(const struct ztc_guard *guard, json_int_t netns, const char *interface);

/* ztc_guard_way - what the agent alone lets through to a port; ANY where it does not enforce. */
void ztc_guard_way(const struct ztc_guard *guard, int family, const char *proto, int port,
		   struct ztc_way *ret);

/**
 * ztc_filter_way - what the packet filter alone lets through.
 * @filter: data of the fact, or NULL: UNKNOWN then.
 * @port:   0 = the default of ports that no rule names.
 */
void ztc_filter_way(const json_t *filter, json_int_t netns, const char *interface, int family,
		    const char *proto, int port, struct ztc_way *ret);

/* ztc_filter_path - the row of "paths", or NULL. */
const json_t *ztc_filter_path(const json_t *filter, json_int_t netns, const char *interface,
			      int family, const char *proto);

/* What the checks of ports work with. */
struct ztc_net {
	const json_t *listeners, *prefixes, *filter;
	struct ztc_guard guard;
};

/* ztc_net_get - these facts; false with the result set when they cannot answer. @ret->filter is
 * NULL where the agent answers without it. */
bool ztc_net_get(const struct ztc_facts *facts, struct ztc_result *r, struct ztc_net *ret);

/**
 * ztc_port_way - to a listener in one family: the worst over all interfaces that lead to it, of
 * each the stricter of agent and filter.
 *
 * Returns whether any interface leads there; @ret is empty otherwise.
 */
bool ztc_port_way(const struct ztc_net *net, const json_t *listener, int family,
		  struct ztc_way *ret);

/* ztc_listener_takes - whether connections of this family reach it: [::] takes IPv4 too. */
bool ztc_listener_takes(const json_t *listener, int family);

/* ztc_segment_wide - the prefix on the link all of whose addresses are in @peers, or NULL. Links of
 * fewer than eight addresses are no segment. */
const char *ztc_segment_wide(const json_t *prefixes, json_int_t netns, int family,
			     const struct ztc_spans *peers);

/* ztc_listener_text - "tcp/10.0.0.1:22", "udp/[::]:161". */
void ztc_listener_text(const json_t *listener, char *ret, size_t size);
bool ztc_listener_outside(const json_t *listener); /* not on loopback only */

/* ztc_interface_inside - one that only this machine's own guests are behind: a veth pair or a
 * bridge of such, where another interface has the default route. */
bool ztc_interface_inside(const json_t *prefixes, json_int_t netns, const char *name);

/* ztc_bridge_out - whether a bridge of that namespace has a port that leads out of the machine. */
bool ztc_bridge_out(const json_t *prefixes, json_int_t netns);

/* Interfaces that packets come in by: up, no loopback, no port of another, that family in use. */
bool ztc_interface_counts(const json_t *interface, int family);

/* ztc_net_names_port - whether "any", "tcp", "tcp/22", "tcp/8000-8010" cover a port of "tcp" or
 * "udp". */
bool ztc_net_names_port(const json_t *ports, const char *proto, int port);

json_int_t ztc_net_number(const json_t *object, const char *key);

void ztc_judge_default_deny(const struct ztc_facts *facts, struct ztc_result *r); /* net_deny.c */
void ztc_judge_covered(const struct ztc_facts *facts, struct ztc_result *r);	  /* net_ports.c */
void ztc_judge_wide(const struct ztc_facts *facts, struct ztc_result *r);
void ztc_judge_bypass(const struct ztc_facts *facts, struct ztc_result *r);   /* net_bypass.c */
void ztc_judge_boot(const struct ztc_facts *facts, struct ztc_result *r);     /* net_boot.c */
void ztc_judge_headroom(const struct ztc_facts *facts, struct ztc_result *r); /* net_spare.c */
void ztc_judge_single(const struct ztc_facts *facts, struct ztc_result *r);
