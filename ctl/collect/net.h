/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.h - collectors of this family, one per file; docs/assess.md has the shapes.
 */
#pragma once
#include "ctl/collect/collect.h"

int ztc_net_listeners(const struct ztc_env *env, json_t *data); /* net_listeners.c */
int ztc_net_prefixes(const struct ztc_env *env, json_t *data);	/* net_prefixes.c */
int ztc_net_filter(const struct ztc_env *env, json_t *data);	/* net_filter.c */
