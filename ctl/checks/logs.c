// SPDX-License-Identifier: Apache-2.0
/* logs.c - the checks of this family, and what they share. */
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/time.h"
#include "ctl/checks/logs.h"

const struct ztc_check ztc_checks_logs[] = {
	{"ZTS-3.1-03", ztc_judge_probe},     {"ZTS-3.6-01", ztc_judge_delivery},
	{"ZTS-3.6-02", ztc_judge_transport}, {"ZTS-3.6-03", ztc_judge_decisions},
	{"ZTS-3.6-04", ztc_judge_loss},	     {"ZTS-3.6-05", ztc_judge_store},
	{"ZTS-3.6-06", ztc_judge_clock},     {0},
};

int64_t ztc_log_time(const json_t *object, const char *key)
{
	uint64_t ns;

	return zt_wall_parse(ztc_log_text(object, key), &ns) == 0 ? (int64_t)(ns / ZT_NS_PER_S) : 0;
}

bool ztc_log_remote(const json_t *target)
{
	const char *address = ztc_log_text(target, "address");
	struct zt_addr addr;

	if (strcmp(address, "localhost") == 0)
		return false;
	return zt_addr_parse(address, &addr) < 0 || !zt_addr_is_loopback(&addr);
}

const char *ztc_log_resource(const json_t *target, char ret[ZTC_LOG_RESOURCE_LEN])
{
	snprintf(ret, ZTC_LOG_RESOURCE_LEN, "%s %s/%s:%lld", ztc_log_text(target, "by"),
		 ztc_log_text(target, "transport"), ztc_log_text(target, "address"),
		 (long long)ztc_log_number(target, "port"));
	return ret;
}
