/* SPDX-License-Identifier: Apache-2.0 */
/* logs.c - the collectors of this family. */
#include "ctl/collect/collect.h"

const struct ztc_collector ztc_collect_logs[] = {
	{0},
};
