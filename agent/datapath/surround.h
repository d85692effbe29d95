/* SPDX-License-Identifier: Apache-2.0 */
/*
 * surround.h - what surround.c shares with neighbours.c.
 */
#pragma once
#include "datapath/internal.h"

struct nl_msg;

#define ZT_NAT_TABLES 32

/* What translates addresses in this namespace. */
struct zt_nat {
	bool out;	     /* destinations of what the host sends, or it cannot be told */
	unsigned int chains; /* of kind nat that hold rules */
	struct {
		uint8_t family; /* NFPROTO_* */
		char name[64];
	} tables[ZT_NAT_TABLES]; /* of nftables, that those are in */
	unsigned int table_count;
};

void zt_surround_nat(struct zt_dp *dp, struct zt_nat *ret);

/*
 * zt_surround_dump - one netlink dump.
 * Returns 0, -EPROTONOSUPPORT or -EOPNOTSUPP (the kernel lacks the subsystem), -EIO, -ENOMEM.
 */
int zt_surround_dump(int protocol, int type, void *request, size_t size,
		     int (*fn)(struct nl_msg *msg, void *ctx), void *ctx);
