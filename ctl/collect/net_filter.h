/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_filter.h - between reading the rules of one namespace and asking them.
 */
#pragma once
#include "ctl/collect/net.h"
#include "ctl/collect/netns.h"
#include "ctl/collect/nf.h"

/**
 * ztc_filter_read - every rule of the namespace that we are in.
 * @nf:   initialised; linked on success.
 * @data: gets rows in "mechanisms" and "unread".
 *
 * Returns 0, or -errno when nothing could be read; parts that could not be are in "unread".
 */
int ztc_filter_read(struct ztc_nf *nf, const struct ztc_netns *ns, json_t *data);

/* ztc_filter_ask - rows in "paths", "forward" and "translated" for the namespace that we are in. */
int ztc_filter_ask(const struct ztc_nf *nf, const struct ztc_netns *ns, json_t *data);
