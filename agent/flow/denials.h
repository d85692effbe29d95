/* SPDX-License-Identifier: Apache-2.0 */
/*
 * denials.h - which rule denied the packets of a living flow, until it ends.
 *
 * A flow entry holds how many of its packets were denied, and its verdict of now.
 * When that verdict changes, what was denied so far belongs to the earlier rule:
 * this is where that is remembered. Bounded; the oldest memory goes first, counted.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "flow/violations.h"

#define ZT_DENIALS_CAP 16384

struct zt_denials;

int zt_denials_new(struct zt_denials **ret, size_t cap);
void zt_denials_free(struct zt_denials **d);

/* zt_denials_note - a flow was judged: remember the rules that deny it, if any do. */
void zt_denials_note(struct zt_denials *d, const struct zt_flow_key *key,
		     const struct zt_flow *flow);

/**
 * zt_denials_changed - the verdict of a flow changed; @flow has the new one.
 * @old_action: [ZT_LIVE], [ZT_CANDIDATE] before.
 * @v:          gets what the earlier rules denied (rule ZT_RULE_NONE when not remembered).
 *
 * Returns 0 or -ENOMEM.
 */
int zt_denials_changed(struct zt_denials *d, const struct zt_flow_key *key,
		       const struct zt_flow *flow, const uint8_t *old_action,
		       struct zt_violations *v);

/* zt_denials_seen - packets of this flow that are accounted already; NULL = none. */
const struct zt_violation_seen *zt_denials_seen(const struct zt_denials *d,
						const struct zt_flow_key *key);

/* zt_denials_forget - the flow ended. */
void zt_denials_forget(struct zt_denials *d, const struct zt_flow_key *key);

/* zt_denials_lost - memories given up for newer ones. */
uint64_t zt_denials_lost(const struct zt_denials *d);
