/* SPDX-License-Identifier: Apache-2.0 */
/*
 * beat_fake.h - a datapath that always fares well, for what asks it at every heartbeat.
 */
#pragma once
#include "datapath/datapath.h"

void zt_dp_watch(struct zt_dp *dp, struct zt_dp_watch *ret)
{
	(void)dp;
	*ret = (struct zt_dp_watch){
		.enforces = true, .statements = true, .whole = true, .places = 1};
}

int zt_dp_device_bytes(struct zt_dp *dp, zt_dp_bytes_fn fn, void *ctx)
{
	(void)dp;
	fn(2, "eth0", 1000, 0, ctx);
	return 0;
}

bool zt_dp_same(struct zt_dp *dp, const struct zt_tables *tables)
{
	(void)dp;
	(void)tables;
	return true;
}
