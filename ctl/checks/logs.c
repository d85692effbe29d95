// SPDX-License-Identifier: Apache-2.0
/* logs.c - the checks of this family. */
#include "ctl/checks/logs.h"

const struct ztc_check ztc_checks_logs[] = {
	{"ZTS-3.6-06", ztc_judge_clock},
	{0},
};
