/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.h - what the flow room asks others: names for addresses, rules and owners.
 *
 * An interface only: the agent answers from the policy and the datapath, tests
 * from a table. Strings are borrowed until the policy changes. A missing
 * function or a NULL answer means "has no name", never an error.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

#define ZT_SEGMENTS_MAX 64 /* segments of one endpoint that are reported */

#define ZT_HINTS_MAX 4 /* names that an address may have */

/* A name that is no more than a hint: whoever answers a question decides what it says. */
struct zt_hint {
	const char *name;   /* any bytes */
	const char *source; /* "hosts", "dns" */
};

struct zt_flow_names {
	/* Inventory host that has this address; @near: it is the local end of its flow. */
	const char *(*host)(void *ctx, const struct zt_addr *addr, bool near);
	/* Segments of an endpoint, in the policy's order; returns how many there are (maybe > cap).
	 */
	size_t (*segments)(void *ctx, const struct zt_addr *addr, bool near, const char **ret,
			   size_t cap);
	/* Labels of a host, as they are now: calls @each per label; returns their number. */
	size_t (*labels)(void *ctx, const char *host,
			 void (*each)(const char *key, const char *value, void *data), void *data);
	/* Names that an address may have, best first; returns how many, at most ZT_HINTS_MAX. */
	size_t (*hints)(void *ctx, const struct zt_addr *addr, struct zt_hint ret[ZT_HINTS_MAX]);
	/* Id of a rule number, built-in ones included. */
	const char *(*rule)(void *ctx, uint32_t number);
	/* Record of an owner index. 0, or -ENOENT. */
	int (*owner)(void *ctx, uint32_t index, struct zt_owner *ret_owner);
	/* The latest process of an owner that opened a socket. 0, or -ENOENT. */
	int (*command)(void *ctx, uint32_t index, struct zt_owner_cmd *ret);
	void *ctx;
};
