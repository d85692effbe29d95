/* SPDX-License-Identifier: Apache-2.0 */
/*
 * losses.h - what was not seen or not kept, so that "quiet" is never taken for "overflowed".
 */
#pragma once
#include <jansson.h>
#include <stdio.h>

#include "ctl/render/style.h"

/**
 * ztc_render_losses - one line per cause that is not zero.
 * @losses: {cause: count} or [{cause, count}]; NULL = not reported.
 * Returns the sum.
 */
int64_t ztc_render_losses(FILE *out, const json_t *losses, const struct ztc_style *style);
