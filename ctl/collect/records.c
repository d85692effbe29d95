/* SPDX-License-Identifier: Apache-2.0 */
/* records.c - the collectors of this family. */
#include "ctl/collect/collect.h"

const struct ztc_collector ztc_collect_records[] = {
	{0},
};
