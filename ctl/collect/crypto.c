/* SPDX-License-Identifier: Apache-2.0 */
/* crypto.c - the collectors of this family. */
#include "ctl/collect/collect.h"

const struct ztc_collector ztc_collect_crypto[] = {
	{0},
};
