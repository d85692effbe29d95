/* SPDX-License-Identifier: Apache-2.0 */
/* agent.c - the collectors of this family. */
#include "ctl/collect/collect.h"

const struct ztc_collector ztc_collect_agent[] = {
	{0},
};
