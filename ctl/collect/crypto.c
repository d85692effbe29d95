// SPDX-License-Identifier: Apache-2.0
/* crypto.c - the collectors of this family: own listeners probed, tunnels, keys, sampled traffic.
 */
#include "ctl/collect/collect.h"
#include "ctl/collect/crypto.h"
#include "ctl/probe/services.h"

static int collect_banners(const struct ztc_env *env, json_t *data)
{
	return ztc_services_probe(env, true, data);
}

const struct ztc_collector ztc_collect_crypto[] = {
	{.name = "banners",
	 .method =
		 "one handshake (TLS by OpenSSL, SSH KEXINIT, banner) and one hello of TLS 1.1 per "
		 "own listener",
	 .needs = "CAP_SYS_ADMIN",
	 .timeout_s = ZTC_SERVICE_TIMEOUT,
	 .phase = 2,
	 .flags = ZTC_COLLECT_PROBE,
	 .run = collect_banners},
	{0},
};
