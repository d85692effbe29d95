/* SPDX-License-Identifier: Apache-2.0 */
/*
 * needs.h - what a login over SSH rests on: name servers, directories, Kerberos.
 *
 * Private to this room.
 */
#pragma once
#include "plan/edges.h"
#include "plan/opening.h"

struct zt_needs_env {
	const struct zt_plan_edges *edges; /* judged or not */
	const struct zt_addr *locals;
	size_t local_count;
	uint32_t sshd; /* sshd as zt_judges_owner() numbers it; 0 = unknown */
	const char *resolv_conf;
	bool routed; /* ask this namespace's routing table which way it is to a server */
};

typedef int (*zt_need_fn)(void *ctx, const char *what, const struct zt_opening *o, uint64_t count);

/**
 * zt_needs_each - what this host was seen to ask of others, whoever asked, and its name servers.
 * @fn: @what is for people; @count connections seen. Not 0 ends it.
 *
 * Name servers are asked about as sshd, by UDP and TCP, from the address that a socket would get.
 * Returns 0 or what @fn returned.
 */
int zt_needs_each(const struct zt_needs_env *env, zt_need_fn fn, void *ctx);
