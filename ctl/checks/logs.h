/* SPDX-License-Identifier: Apache-2.0 */
/* logs.h - judge functions of the family of logs, one file or two each. */
#pragma once
#include "ctl/checks/check.h"

void ztc_judge_clock(const struct ztc_facts *facts, struct ztc_result *r); /* ZTS-3.6-06 */
