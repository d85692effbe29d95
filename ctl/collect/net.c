/* SPDX-License-Identifier: Apache-2.0 */
/* net.c - the collectors of this family. */
#include "ctl/collect/collect.h"

const struct ztc_collector ztc_collect_net[] = {
	{0},
};
