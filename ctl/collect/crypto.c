// SPDX-License-Identifier: Apache-2.0
/* crypto.c - the collectors of this family: own listeners probed, tunnels, keys, sampled traffic.
 */
#include "ctl/collect/collect.h"
#include "ctl/collect/crypto.h"
#include "ctl/probe/services.h"

static int collect_banners(const struct ztc_env *env, json_t *data)
{
	return ztc_services_probe(env, true, env->timeout_s ? env->timeout_s : ZTC_SERVICE_TIMEOUT,
				  data);
}

const struct ztc_collector ztc_collect_crypto[] = {
	{.name = "nfs",
	 .method = "/proc/mounts, /proc/fs/nfsd/exports",
	 .needs = "root",
	 .phase = 1,
	 .run = ztc_collect_nfs},
	{.name = "tunnels",
	 .method =
		 "genetlink WG_CMD_GET_DEVICE, netlink XFRM_MSG_GETSA and GETPOLICY, RTM_GETROUTE",
	 .needs = "CAP_NET_ADMIN",
	 .phase = 1,
	 .run = ztc_collect_tunnels},
	{.name = "keys",
	 .method = "stat() of private keys: /proc/PID/fd of listeners, configuration of daemons",
	 .needs = "root",
	 .phase = 2,
	 .run = ztc_collect_keys},
	{.name = "banners",
	 .method =
		 "one handshake (TLS by OpenSSL, SSH KEXINIT, banner) and one hello of TLS 1.1 per "
		 "own listener",
	 .needs = "CAP_SYS_ADMIN",
	 .timeout_s = ZTC_SERVICE_TIMEOUT,
	 .phase = 2,
	 .flags = ZTC_COLLECT_PROBE,
	 .run = collect_banners},
	{.name = "observed",
	 .method =
		 "sock_diag with tcp_info every second, conntrack's last words, one handshake per "
		 "served port",
	 .needs = "CAP_NET_ADMIN",
	 .phase = 2,
	 .flags = ZTC_COLLECT_OBSERVE,
	 .run = ztc_collect_observed},
	{0},
};
