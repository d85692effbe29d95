/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coverage.h - how much the recorded evidence covers: what was never seen cannot be judged.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "flow/history.h"

struct zt_tables;

/* A port that something on this host listens on. */
struct zt_coverage_listener {
	struct zt_addr addr; /* unspecified = every address of the host */
	uint8_t proto;
	uint16_t port; /* host order */
	/* Set by zt_coverage_check(). */
	uint64_t connections; /* recorded towards it */
	int64_t last_s;	      /* 0 = never contacted */
};

struct zt_coverage {
	struct zt_history_days days;
	const char *
		*never_hit; /* ids of statements that decided no flow; borrowed from the tables */
	size_t never_hit_count;
	size_t never_contacted; /* listeners */
};

/**
 * zt_coverage_check - what the evidence from @since_s on covers.
 * @tables:    whose statements are asked for: those of the candidate if it has one.
 * @listeners: filled in.
 * @ret:       zt_coverage_free().
 *
 * Returns 0, -ENOMEM or -errno of the reading.
 */
int zt_coverage_check(struct zt_history *history, const struct zt_tables *tables, int64_t since_s,
		      struct zt_coverage_listener *listeners, size_t listener_count,
		      struct zt_coverage *ret);

/** zt_coverage_free - release what it holds; for zt_auto(). */
void zt_coverage_free(struct zt_coverage *coverage);
