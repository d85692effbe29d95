/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.h - collectors of this family, one per file; docs/assess.md has the shapes.
 */
#pragma once
#include "ctl/collect/collect.h"

int ztc_net_listeners(const struct ztc_env *env, json_t *data); /* net_listeners.c */
int ztc_net_prefixes(const struct ztc_env *env, json_t *data);	/* net_prefixes.c */
int ztc_net_filter(const struct ztc_env *env, json_t *data);	/* net_filter.c */
int ztc_net_boot(const struct ztc_env *env, json_t *data);	/* net_boot.c */
int ztc_net_bypass(const struct ztc_env *env, json_t *data);	/* net_bypass.c */
int ztc_net_headroom(const struct ztc_env *env, json_t *data);	/* net_headroom.c */
int ztc_net_uplinks(const struct ztc_env *env, json_t *data);	/* net_uplinks.c */
