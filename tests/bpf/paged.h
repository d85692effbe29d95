/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paged.h - packets whose bytes are not all at hand: receive buffers in pages.
 *
 * Direct reads see only the linear part of a packet. Every row of the packet table must get the
 * same verdict however little of it is linear.
 */
#pragma once
#include <stdbool.h>

#include "rig.h"

/*
 * paged_rows - every row, with every length of its linear part; slot in force as it is.
 *
 * Returns false, with no case reported, where test runs of the kernel cannot have pages (before
 * 6.19); tests/fuzz/fuzz_packet.c holds the parser to the same on any machine.
 */
bool paged_rows(struct rig *rig);
