/* SPDX-License-Identifier: Apache-2.0 */
/* net.c - the checks of this family. */
#include "ctl/checks/check.h"

const struct ztc_check ztc_checks_net[] = {
	{0},
};
