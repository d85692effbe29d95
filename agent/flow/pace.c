/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace.c - when a flow has ended, and when the tables are swept next.
 */
#include <netinet/in.h>

#include "base/time.h"
#include "flow/pace.h"

#define CLOSING_IDLE_NS (600 * ZT_NS_PER_S)
#define SWEEP_CPU_SHARE 20 /* rest this many times what a sweep took */
#define MANY_CHURN	8  /* one in so many */
#define REST_MIN_NS	(100 * ZT_NS_PER_MS)

/* Idle limits in seconds, by enum zt_pressure. */
static const uint16_t closed_s[ZT_PRESSURE_COUNT] = {5, 1, 0};
static const uint16_t opening_s[ZT_PRESSURE_COUNT] = {60, 10, 2};
static const uint16_t udp_s[ZT_PRESSURE_COUNT] = {180, 90, 60};
static const uint16_t unanswered_s[ZT_PRESSURE_COUNT] = {30, 10, 2}; /* UDP, and all ICMP */

enum zt_pressure zt_pressure(uint64_t entries, uint64_t inserted, uint64_t size)
{
	uint64_t room = size > entries ? size - entries : 0;

	if (!size || room >= inserted * 4)
		return ZT_PRESSURE_NONE;
	return room >= inserted ? ZT_PRESSURE_SOON : ZT_PRESSURE_FULL;
}

static uint64_t idle_limit(uint32_t table, const struct zt_flow_key *key,
			   const struct zt_flow *flow, enum zt_pressure pressure)
{
	switch (key->proto) {
	case IPPROTO_TCP:
		if (flow->state == ZT_STATE_CLOSED)
			return closed_s[pressure] * ZT_NS_PER_S;
		if (table == ZT_IN_OPENINGS)
			return opening_s[pressure] * ZT_NS_PER_S;
		/* Half closed, or cut: a living one is silent for long and then goes on. */
		if (flow->state == ZT_STATE_CLOSING || flow->action[ZT_LIVE] == ZT_DENY)
			return CLOSING_IDLE_NS;
		return UINT64_MAX;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return unanswered_s[pressure] * ZT_NS_PER_S;
	case IPPROTO_UDP:
		if (flow->state == ZT_STATE_CLOSED) /* its socket was released */
			return closed_s[pressure] * ZT_NS_PER_S;
		if (flow->state == ZT_STATE_OPENING)
			return unanswered_s[pressure] * ZT_NS_PER_S;
		return udp_s[pressure] * ZT_NS_PER_S;
	default:
		return (table == ZT_IN_OPENINGS ? opening_s : udp_s)[pressure] * ZT_NS_PER_S;
	}
}

bool zt_pace_ended(uint32_t table, const struct zt_flow_key *key, const struct zt_flow *flow,
		   enum zt_pressure pressure, uint64_t now_ns)
{
	uint64_t limit = idle_limit(table, key, flow, pressure);

	if (!limit) /* whatever the clock says */
		return true;
	return now_ns > flow->last_ns && now_ns - flow->last_ns > limit;
}

/* Entries that came or went: a table of long-lived flows need not be read to stay empty. */
static uint64_t churn(const struct zt_pace *pace)
{
	uint64_t inserted = pace->inserted[ZT_IN_FLOWS] + pace->inserted[ZT_IN_OPENINGS];

	return inserted > pace->folded ? inserted : pace->folded;
}

uint64_t zt_pace_rest_ns(const struct zt_pace *pace)
{
	uint64_t all = pace->present[ZT_IN_FLOWS] + pace->present[ZT_IN_OPENINGS];
	uint64_t rest = pace->cpu_ns * SWEEP_CPU_SHARE;

	if (churn(pace) <= all / MANY_CHURN)
		return rest > pace->normal_ns ? rest : pace->normal_ns;
	rest = pace->normal_ns;
	for (uint32_t t = 0; t < ZT_IN_COUNT; t++) {
		double room = (double)pace->size[t] - (double)pace->present[t];
		double filled_ns;

		if (!pace->size[t] || !pace->inserted[t])
			continue;
		filled_ns = room / 2 * (double)pace->interval_ns / (double)pace->inserted[t];
		if (filled_ns < (double)rest)
			rest = filled_ns > 0 ? (uint64_t)filled_ns : 0;
	}
	if (rest < pace->cpu_ns) /* half of one CPU at most */
		rest = pace->cpu_ns;
	return rest > REST_MIN_NS ? rest : REST_MIN_NS;
}
