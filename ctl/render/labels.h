/* SPDX-License-Identifier: Apache-2.0 */
/*
 * labels.h - the part of status that is about labels.
 */
#pragma once
#include <jansson.h>
#include <stdio.h>

#include "ctl/render/style.h"

/* ztc_render_status_labels - a line, and one for each source that is broken; nothing without any.
 */
void ztc_render_status_labels(FILE *out, const json_t *labels, const struct ztc_style *style);
