/* SPDX-License-Identifier: Apache-2.0 */
/*
 * local.h - what a policy means on a host, worked out here, with no agent and no privilege.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "bpf/abi.h"

struct zt_diag;
struct zt_policy;
struct zt_rule_names;
struct zt_tables;

/* Addresses of this machine's interfaces in this network namespace. */
struct ztc_locals {
	struct zt_addr *addrs; /* owned */
	size_t count;
};

int ztc_locals_read(struct ztc_locals *ret);
void ztc_locals_free(struct ztc_locals *locals);

/**
 * ztc_load_policy - a policy file or directory that the command line names.
 *
 * Errors are printed with their places. Returns ZTC_EXIT_OK or ZTC_EXIT_USAGE; @ret is untouched
 * then.
 */
int ztc_load_policy(const char *path, struct zt_policy **ret);

/**
 * ztc_compile_for - tables of @policy as one host of its inventory would have them.
 * @host:   name in the inventory; NULL = a host that the policy does not know.
 * @locals: of this machine, when it is that host; NULL = compile offline, with the addresses of
 *          the inventory; users and executables that are not here only warn.
 * @ret:    on success the caller's (zt_tables_free).
 * Returns 0, -EINVAL (@diag says), -E2BIG, -ENOMEM.
 */
int ztc_compile_for(const struct zt_policy *policy, const char *host,
		    const struct ztc_locals *locals, struct zt_rule_names *names,
		    struct zt_tables **ret, struct zt_diag *diag);
