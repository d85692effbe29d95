/* SPDX-License-Identifier: Apache-2.0 */
/*
 * content.h - what a statement means, as a digest: the same content is the same evidence.
 *
 * Private to this room.
 */
#pragma once
#include <stdint.h>

#include "base/digest.h"
#include "policy/policy.h"

/*
 * zt_content_digest - of id, action, ends with what their segments are made of, ports, hours and
 * expiry; not of mode, note, and what is asked for readiness. 0, -ENOMEM or -EIO.
 */
int zt_content_digest(const struct zt_policy *policy, const struct zt_stmt *stmt,
		      uint8_t ret[ZT_DIGEST_LEN]);
