/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_filter.h - between reading the rules of one namespace (net_filter.c) and asking them.
 */
#pragma once
#include "ctl/collect/net.h"
#include "ctl/collect/netns.h"
#include "ctl/collect/nf.h"

/* ztc_filter_ask - rows in "paths", "forward" and "translated" for the namespace that we are in.
 * Returns 0, -E2BIG (more rules than can be followed), -errno. */
int ztc_filter_ask(const struct ztc_nf *nf, const struct ztc_netns *ns, json_t *data);
