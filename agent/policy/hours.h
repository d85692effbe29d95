/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hours.h - stretches of the week as text: "Mon-Fri 08:00-20:00, Sat".
 *
 * Private to this room. A text is days with a time, or times alone for every
 * day; days without a time take that of the next ("Mon, Wed 09:00-17:00" is
 * both days from 9 to 17), the last ones are whole days. A stretch that ends
 * before it begins ends on the next day.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/strbuf.h"
#include "policy/policy.h"

#define ZT_HOURS_TEXT_MAX 256 /* bytes */

/* One byte per minute of the week, 1 = open. */
struct zt_week {
	uint8_t open[ZT_WEEK_MIN];
};

/**
 * zt_hours_parse - add what a text says to a week.
 * @text:   of at most ZT_HOURS_TEXT_MAX bytes.
 * @why:    on failure what is wrong, without a full stop; escaped by who shows it.
 * @remedy: on failure what to write instead; a constant.
 *
 * Returns 0, or -EINVAL; then @week may have been added to.
 */
int zt_hours_parse(struct zt_week *week, const char *text, struct zt_strbuf *why,
		   const char **remedy);

/** zt_hours_count - number of stretches of a week; @ret, when not NULL, has room for them. */
size_t zt_hours_take(const struct zt_week *week, struct zt_hours *ret);

/**
 * zt_hours_text - the one spelling of these stretches: texts for zt_hours_parse(), in order.
 * @separator: between two of them.
 */
void zt_hours_text(const struct zt_hours *hours, size_t count, const char *separator,
		   struct zt_strbuf *sb);
