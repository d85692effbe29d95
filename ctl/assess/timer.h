/* SPDX-License-Identifier: Apache-2.0 */
/* timer.h - a systemd timer that assesses this host every day. */
#pragma once
#include "ctl/cmd.h"

#define ZTC_UNIT_DIR "/etc/systemd/system"

/**
 * ztc_timer_install - write ztseg-assess.service and ztseg-assess.timer; start nothing.
 *
 * To --out, a directory, else to ZTC_UNIT_DIR. With --json or without permission to write nothing
 * is written and the units are printed. Returns an exit status; says what it did and what is left
 * to do.
 */
int ztc_timer_install(struct ztc_ctx *ctx, const struct ztc_line *line);
