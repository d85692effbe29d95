/* SPDX-License-Identifier: Apache-2.0 */
/* net.c - the checks of this family. */
#include "ctl/checks/net.h"

const struct ztc_check ztc_checks_net[] = {
	{"ZTS-3.1-01", ztc_judge_default_deny}, {"ZTS-3.1-04", ztc_judge_covered},
	{"ZTS-3.1-06", ztc_judge_wide},		{"ZTS-3.1-07", ztc_judge_bypass},
	{"ZTS-3.1-08", ztc_judge_boot},		{"ZTS-3.5-06", ztc_judge_headroom},
	{"ZTS-3.5-07", ztc_judge_single},	{0},
};
