/* SPDX-License-Identifier: Apache-2.0 */
/* crypto.c - the checks of this family. */
#include "ctl/checks/check.h"

const struct ztc_check ztc_checks_crypto[] = {
	{0},
};
