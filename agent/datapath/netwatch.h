/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netwatch.h - what netwatch.c (news), iface.c (decisions) and address.c share.
 */
#pragma once
#include "datapath/internal.h"

/* zt_netwatch_clock_ns - CLOCK_MONOTONIC, precise: for latencies only [ns]. */
uint64_t zt_netwatch_clock_ns(void);

/* zt_netwatch_mark - put a device into zt_ifaces, or take it out. */
void zt_netwatch_mark(struct zt_dp *dp, uint32_t ifindex, bool judged);
