/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache.h - names that addresses may have: hints for people, never for a verdict.
 *
 * Learnt from /etc/hosts and from DNS answers. Bounded in addresses, names and bytes; who was
 * not asked for or seen longest goes first. Names are any bytes: whoever shows them
 * escapes them. Names of the inventory outrank all of these and are not here.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "flow/names.h"

struct zt_hints;

#define ZT_HINTS_CAP   65536	  /* addresses */
#define ZT_HINTS_BYTES (6u << 20) /* of all names */
#define ZT_HINTS_AGE_NS                                                                            \
	(7 * 86400ULL * 1000000000) /* an answer older than this is no hint any more */

enum zt_hint_source {
	ZT_FROM_HOSTS,
	ZT_FROM_DNS,
	ZT_FROM_COUNT,
};

/* What was learnt: a name is new for its address, or was heard again after an hour. */
typedef void (*zt_hint_fn)(const struct zt_addr *addr, const char *name, enum zt_hint_source source,
			   void *ctx);

/* zt_hints_new - @cap: addresses, 0 = ZT_HINTS_CAP. @fn may be NULL. 0 or -ENOMEM. */
int zt_hints_new(struct zt_hints **ret, size_t cap, zt_hint_fn fn, void *ctx);
void zt_hints_free(struct zt_hints **hints);

/*
 * zt_hints_learn - an address has this name, as of @at_ns (CLOCK_MONOTONIC). Of an address the
 * ZT_HINTS_MAX latest names are kept, those of hosts before those of DNS. Names of ZT_DNS_NAME_LEN
 * bytes and more, and empty ones, are left out. 0 or -ENOMEM.
 */
int zt_hints_learn(struct zt_hints *hints, const struct zt_addr *addr, const char *name,
		   enum zt_hint_source source, uint64_t at_ns);

/* zt_hints_forget - everything from one source. */
void zt_hints_forget(struct zt_hints *hints, enum zt_hint_source source);

/* zt_hints_get - names of an address, best first, borrowed until the next change; how many. */
size_t zt_hints_get(struct zt_hints *hints, const struct zt_addr *addr, uint64_t now_ns,
		    struct zt_hint ret[ZT_HINTS_MAX]);

size_t zt_hints_count(const struct zt_hints *hints); /* addresses */
size_t zt_hints_bytes(const struct zt_hints *hints); /* of their names */
