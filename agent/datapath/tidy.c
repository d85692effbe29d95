// SPDX-License-Identifier: Apache-2.0
/*
 * tidy.c - what time has made of the rows: hours that began or ended, the horizon of 14 days.
 *
 * Not what keeps time: the kernel does that, with the agent dead too. Compiling again
 * moves the horizon on, and leaves nothing behind of what is over.
 */
#include <errno.h>

#include "base/time.h"
#include "datapath/intent_priv.h"

#define DAY_NS (86400 * ZT_NS_PER_S)

/* Whether a window's step lies between the two; the last step is the horizon's end. */
static bool stepped(const struct zt_tables *tables, uint64_t since_ns, uint64_t now_ns)
{
	for (size_t i = 1; i < tables->window_count; i++)
		if (tables->windows[i].from_ns > since_ns && tables->windows[i].from_ns <= now_ns)
			return true;
	return false;
}

void zt_intent_tidy(struct zt_intent *intent)
{
	uint64_t since_ns = intent->tidied_ns, now_ns = zt_now_ns();

	if (!intent->now.tables || !intent->now.policy)
		return;
	if (!since_ns) {
		intent->tidied_ns = now_ns;
		return;
	}
	if (now_ns - since_ns < DAY_NS && !stepped(intent->now.tables, since_ns, now_ns))
		return;
	/* Tried again tomorrow, or at the next step, if it cannot be done now. */
	intent->tidied_ns = now_ns;
	zt_intent_recompile(intent);
}
