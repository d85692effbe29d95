/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlay.h - what stands beside the policy file: promotions, and labels that change at run time.
 *
 * Only data, borrowed by the compiler while it runs. Who keeps it, and where,
 * is not known here. Names that a policy does not have are passed over, since
 * the same overlay serves the policy in force and a candidate.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "policy/policy.h"

/*
 * A label that overrides the inventory's. Several rows may have one host and
 * key: the first whose time is not over counts; when all are over @under of the
 * last, and without that the inventory's own.
 */
struct zt_overlay_label {
	const char *host;
	const char *key;
	const char *value;
	uint64_t until_ns; /* CLOCK_MONOTONIC; counts before it; 0 = no end */
	const char *under; /* value once its time is over; NULL = the inventory's */
};

/* When a host's labels last changed: flows judged before that are not kept. */
struct zt_overlay_host {
	const char *host;
	uint32_t label_epoch; /* low 32 bits of the epoch; 0 = never */
};

/* A statement that is promoted, or held back, by id ("boundary:SEG:in" for a boundary). */
struct zt_overlay_mode {
	const char *id;
	enum zt_mode mode;    /* in place of the file's */
	unsigned int percent; /* of remote hosts, for which it is enforced: 1 to 100 */
};

struct zt_overlay {
	const struct zt_overlay_label *labels; /* sorted by host, key, then the one to ask first */
	size_t label_count;
	const struct zt_overlay_host *hosts; /* sorted by host */
	size_t host_count;
	const struct zt_overlay_mode *modes; /* sorted by id */
	size_t mode_count;
};
