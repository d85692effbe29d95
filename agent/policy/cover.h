/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cover.h - whether one end of a statement takes in another, whatever hosts there are.
 *
 * Private to this room. Looks at what is written, not at who is in a segment
 * today: labels may change. It says yes only when it is certain.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "policy/policy.h"

struct zt_cover; /* opaque: the segments of a policy by what they name */

/** zt_cover_new - for a policy, which must outlive it. Returns 0 or -ENOMEM. */
int zt_cover_new(struct zt_cover **ret, const struct zt_policy *policy);

/** zt_cover_free - no-op on NULL; for zt_auto(). */
void zt_cover_free(struct zt_cover **cover);

/**
 * zt_cover_wider - the segments that take in all of a segment, itself left out.
 * @ret: numbers, borrowed.
 *
 * Once a bound on the work is reached, later answers leave some out. Returns 0 or -ENOMEM.
 */
int zt_cover_wider(struct zt_cover *cover, uint32_t segment, const uint32_t **ret,
		   size_t *ret_count);

/** zt_cover_ports - whether @wide has all ports of @narrow. */
bool zt_cover_ports(const struct zt_ports *wide, const struct zt_ports *narrow);

/** zt_cover_nets - whether each of @narrow lies in one of @wide. */
bool zt_cover_nets(const struct zt_net *wide, size_t wide_count, const struct zt_net *narrow,
		   size_t narrow_count);
