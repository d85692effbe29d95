/* SPDX-License-Identifier: Apache-2.0 */
/*
 * simulate.h - what would happen to somebody who knocks: every listener, asked of the loaded judge
 * with the maps that are in force.
 *
 * Nothing is sent and nothing in force is touched (zt_dp_probe()). Each answer is held against the
 * offline judge's. Whether the programs are attached is another question: who asks looks there
 * himself.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/sockets.h"

struct zt_dp;
struct zt_flow_names;
struct zt_policy;
struct zt_tables;

#define ZT_SIM_PEERS_MAX  64
#define ZT_SIM_PROBES_MAX 100000 /* some tenths of a second */

/**
 * struct zt_sim_env - all borrowed.
 * @probe:  asks the loaded judge about the slot in force: struct zt_api_ctx.
 * @policy, @tables: in force.
 * @names:  of owners; may be NULL.
 * @peers:  up to ZT_SIM_PEERS_MAX addresses that knock, none of them this host's.
 */
struct zt_sim_env {
	struct zt_dp *dp;
	int (*probe)(void *ctx, struct zt_probe *probe);
	void *ctx;
	const struct zt_policy *policy;
	const struct zt_tables *tables;
	const struct zt_flow_names *names;
	const struct zt_addr *peers;
	size_t peer_count;
};

/* One peer's answer at one listener: of its addresses the one that lets him in, if any does. */
struct zt_sim_answer {
	uint16_t peer; /* number */
	bool asked;    /* they are of one family, and the listener has an address */
	uint8_t action;
	bool failsafe;
	uint32_t rule;
	struct zt_addr near;
};

struct zt_sim_listener {
	struct zt_socket socket;
	size_t first; /* of its answers, one for each peer */
};

/* What nobody names: a port without a statement of its own, no workload, an unknown peer. */
struct zt_sim_default {
	bool asked; /* there is an address of that family here */
	uint8_t action;
	uint32_t rule;
};

struct zt_sim {
	struct zt_sim_listener *listeners;
	size_t count, cap;
	struct zt_sim_answer *answers;
	size_t answer_count, answer_cap;
	struct zt_sim_default defaults[2][2]; /* [ZT_DIR_IN, ZT_DIR_OUT][IPv4, IPv6] */
	uint32_t port;			      /* port index of the defaults */
	uint64_t probes;
	uint64_t differ;   /* answers that were not the offline judge's: a fault */
	uint64_t left_out; /* openings beyond ZT_SIM_PROBES_MAX */
};

/* zt_sim_run - 0, -ENOMEM, -EIO (the loaded judge cannot be asked). zt_sim_free() in any case. */
int zt_sim_run(struct zt_sim *ret, const struct zt_sim_env *env);
void zt_sim_free(struct zt_sim *sim);
