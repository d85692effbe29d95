/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dns.bpf.h - answers of DNS servers go to the agent, which shows names beside addresses.
 */
#pragma once
#include "flow.bpf.h"

/**
 * zt_dns_capture - hand the working set's packet to the agent, if it is a DNS answer.
 *
 * For packets that pass, of UDP flows that the near end opened to port 53. Only what came in,
 * says that it is an answer without error and has records in it; at most ZT_DNS_MAX bytes of
 * it, and 500 answers a second: more are counted in ZT_C_LOST_DNS. Returns 1 when it was
 * handed over, else 0. Never touches the verdict.
 */
int zt_dns_capture(struct __sk_buff *skb);
