/* SPDX-License-Identifier: Apache-2.0 */
/* local.c - what a policy means on a host, worked out here, with no agent and no privilege. */
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "ctl/cmd.h"
#include "ctl/local.h"
#include "policy/compile.h"

void ztc_locals_free(struct ztc_locals *locals)
{
	free(locals->addrs);
	locals->addrs = NULL;
	locals->count = 0;
}

static bool take_address(const struct sockaddr *sa, struct zt_addr *ret)
{
	if (sa && sa->sa_family == AF_INET) {
		zt_addr_from_v4(ret, &((const struct sockaddr_in *)sa)->sin_addr);
		return true;
	}
	if (sa && sa->sa_family == AF_INET6) {
		memcpy(ret->bytes, &((const struct sockaddr_in6 *)sa)->sin6_addr,
		       sizeof(ret->bytes));
		return true;
	}
	return false;
}

int ztc_locals_read(struct ztc_locals *ret)
{
	struct ifaddrs *all = NULL;
	size_t cap = 0;

	if (getifaddrs(&all) < 0)
		return -errno;
	for (const struct ifaddrs *one = all; one; one = one->ifa_next)
		cap++;
	ret->addrs = calloc(cap ? cap : 1, sizeof(*ret->addrs));
	ret->count = 0;
	for (const struct ifaddrs *one = all; ret->addrs && one; one = one->ifa_next)
		ret->count += take_address(one->ifa_addr, &ret->addrs[ret->count]);
	freeifaddrs(all);
	return ret->addrs ? 0 : -ENOMEM;
}

/* The addresses that the inventory gives a host, for a machine that is not this one. */
static int inventory_locals(const struct zt_policy *policy, const char *name,
			    struct ztc_locals *ret)
{
	const struct zt_host *host = name ? zt_policy_host(policy, name) : NULL;
	size_t count = host ? host->address_count : 0;

	ret->addrs = calloc(count ? count : 1, sizeof(*ret->addrs));
	if (!ret->addrs)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		memcpy(ret->addrs[i].bytes, host->addresses[i].key.bytes,
		       sizeof(ret->addrs[i].bytes));
	ret->count = count;
	return 0;
}

int ztc_compile_for(const struct zt_policy *policy, const char *host,
		    const struct ztc_locals *locals, struct zt_rule_names *names,
		    struct zt_tables **ret, struct zt_diag *diag)
{
	zt_auto(ztc_locals_free) struct ztc_locals inventory = {0};
	struct zt_compile_env env = {.host = host, .offline = !locals, .now_ns = zt_now_ns()};

	if (!locals) {
		int r = inventory_locals(policy, host, &inventory);

		if (r < 0)
			return r;
		locals = &inventory;
	}
	env.wall_offset_ns = (int64_t)(zt_now_wall_ns() - env.now_ns);
	env.locals = locals->addrs;
	env.local_count = locals->count;
	return zt_policy_compile(policy, &env, names, ret, diag);
}

int ztc_load_policy(const char *path, struct zt_policy **ret)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	int r = zt_policy_load(ret, path, &diag);

	if (r == 0)
		return ZTC_EXIT_OK;
	zt_diag_print(&diag, stderr);
	return ztc_fail(ZTC_EXIT_USAGE, "cannot use policy '%s': %s", path, strerror(-r));
}
