/* SPDX-License-Identifier: Apache-2.0 */
/* crypto.h - collectors of this family that are in files of their own; see ztc_collector.run. */
#pragma once
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct ztc_env;
struct nlattr;

int ztc_collect_keys(const struct ztc_env *env, json_t *data);	   /* crypto_keys.c */
int ztc_collect_tunnels(const struct ztc_env *env, json_t *data);  /* crypto_tunnels.c */
int ztc_collect_observed(const struct ztc_env *env, json_t *data); /* crypto_observe.c */
int ztc_collect_nfs(const struct ztc_env *env, json_t *data);	   /* crypto_nfs.c */

/* --- parts of the fact "tunnels" --- */

/* ztc_wireguard - devices of the kernel: appends to @list. 0, -ENOENT (no WireGuard), -EPERM, … */
int ztc_wireguard(json_t *list);

/* ztc_wireguard_user - devices of programs that speak WireGuard's socket protocol. */
void ztc_wireguard_user(json_t *list, const char *root);

/* ztc_xfrm - security associations and policies: appends to @states and @policies. */
int ztc_xfrm(json_t *states, json_t *policies);

/**
 * ztc_route_interface - by which interface the kernel would send to an address.
 * @ret: IF_NAMESIZE bytes, "" when there is no route.
 *
 * Returns 0 or -errno.
 */
int ztc_route_interface(int family, const void *address, char *ret);

#define ZTC_ROUTES_MAX 4096

/* ztc_routes - unicast routes of every table with one interface: appends {prefix, interface}. More
 * than ZTC_ROUTES_MAX are none at all: half a table would mislead. 0 or -errno. */
int ztc_routes(json_t *list);
