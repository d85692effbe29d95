/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * addr.bpf.h - the 16-byte form of addresses: IPv4 is v4-mapped (see abi.h).
 */
#pragma once
#include "maps.bpf.h"
#include <bpf/bpf_endian.h>

/* An IPv4 address (network order) in the 16-byte form. */
static __always_inline void zt_addr_v4(struct zt_addr *addr, __u32 ip)
{
	__u32 *words = (__u32 *)addr->bytes;

	words[0] = 0;
	words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = ip;
}

static __always_inline bool zt_addr_is_v4(const struct zt_addr *addr)
{
	const __u32 *words = (const __u32 *)addr->bytes;

	return !words[0] && !words[1] && words[2] == bpf_htonl(0xffff);
}
