/* SPDX-License-Identifier: Apache-2.0 */
/* crypto.h - collectors of this family that are in files of their own; see ztc_collector.run. */
#pragma once
#include <jansson.h>

struct ztc_env;
