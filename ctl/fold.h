/* SPDX-License-Identifier: Apache-2.0 */
/* fold.h - the map with workloads in place of the hosts that they run on. */
#pragma once
#include <jansson.h>

/**
 * ztc_fold_workloads - make each local end of a map its workload, and add equal edges up.
 * @map: what the agent answers for "map"; changed in place. An end whose workload is not known
 *       stays the host.
 * Returns 0, -EINVAL (not a map), -ENOMEM.
 */
int ztc_fold_workloads(json_t *map);
