/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boots.h - a record of when the programs were attached in each boot: STATE-DIR/boots.json.
 *
 * {"boots": [{"boot_id", "attached_ms" (CLOCK_BOOTTIME), "packets" (received and sent by other
 * interfaces than loopback when they had been attached), "first"? (the first ever: an
 * installation)}]}, oldest first, ZT_BOOTS_MAX of them. Evidence of being there before the network
 * was; nothing is decided by it.
 */
#pragma once

#define ZT_BOOTS_MAX 16

/**
 * zt_boots_note - add this boot, unless it is there: a restarted agent finds its programs attached.
 *
 * A record that is no such thing is begun anew. Returns 0 or -errno; the caller goes on either way.
 */
int zt_boots_note(const char *state_dir);
