/* SPDX-License-Identifier: Apache-2.0 */
/* net_spare.c - ZTS-3.5-06 and ZTS-3.5-07: what is left in the tables, and what there is two of. */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/checks/net.h"

#define FULL	100000 /* a table's fill in hundred-thousandths */
#define PERCENT 1000.0

/* --- ZTS-3.5-06 --- */

struct room {
	const struct ztc_facts *facts;
	struct ztc_result *r;
	int fullest; /* hundred-thousandths */
	char fullest_name[80];
	json_int_t lost, rising;
	const char *missing;
	bool mute; /* the agent does not answer */
};

static void table(struct room *room, const char *name, json_int_t used, json_int_t size)
{
	int fill = size > 0 ? (int)(used * FULL / size) : 0;
	double warn = ztc_limit(room->facts, "ZTS-3.5-06", "pass_fill");
	char resource[96];

	if (fill >= room->fullest) {
		room->fullest = fill;
		snprintf(room->fullest_name, sizeof(room->fullest_name), "%.60s", name);
	}
	if (fill < warn * FULL)
		return;
	snprintf(resource, sizeof(resource), "table:%.80s", name);
	ztc_offender(room->r, resource, N_("%lld of %lld entries in use"), (long long)used,
		     (long long)size);
}

static void loss(struct room *room, const char *name, json_int_t count, json_int_t rising)
{
	char resource[96];

	room->lost += count;
	room->rising += rising;
	if (!count)
		return;
	snprintf(resource, sizeof(resource), "counter:%.80s", name);
	ztc_offender(room->r, resource, N_("%lld lost since boot, %lld of them just now"),
		     (long long)count, (long long)rising);
}

static void look_at_agent(struct room *room)
{
	static const char *const losses[] = {"ring_full", "insert_failed", "flows_evicted",
					     "openings_evicted"};
	const json_t *agent, *status, *row;
	size_t i;

	if (strcmp(ztc_fact_status(room->facts, "agent"), "ok") != 0)
		return;
	agent = ztc_fact_maybe(room->facts, "agent", room->r);
	status = json_object_get(agent, "status");
	if (!json_is_object(status)) {
		room->mute = true;
		return;
	}
	json_array_foreach (json_object_get(status, "capacity"), i, row)
		table(room, zt_json_text(row, "table"), ztc_net_number(row, "used"),
		      ztc_net_number(row, "size"));
	for (i = 0; i < ARRAY_SIZE(losses); i++)
		loss(room, losses[i], ztc_net_number(json_object_get(status, "losses"), losses[i]),
		     0);
}

static void look_at_kernel(struct room *room, const json_t *headroom)
{
	static const char *const counters[] = {"backlog_dropped", "listen_overflows"};
	const json_t *conntrack = json_object_get(headroom, "conntrack");
	const json_t *missing = json_object_get(headroom, "missing");

	if (json_is_object(conntrack))
		table(room, "nf_conntrack", ztc_net_number(conntrack, "count"),
		      ztc_net_number(conntrack, "max"));
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		loss(room, counters[i], ztc_net_number(headroom, counters[i]),
		     ztc_net_number(json_object_get(headroom, "rising"), counters[i]));
	if (json_array_size(missing))
		room->missing = json_string_value(json_array_get(missing, 0));
}

static void conclude_room(struct room *room)
{
	int pass = (int)(ztc_limit(room->facts, "ZTS-3.5-06", "pass_fill") * FULL + 0.5);
	int partial = (int)(ztc_limit(room->facts, "ZTS-3.5-06", "partial_fill") * FULL + 0.5);
	struct ztc_result *r = room->r;

	ztc_expected(r, N_("every table below %g%% (partial: %g%%) and nothing lost"),
		     pass / PERCENT, partial / PERCENT);
	ztc_observed(r, N_("fullest table: %s at %.1f%%; %lld lost since boot, %lld just now"),
		     *room->fullest_name ? room->fullest_name : "-", room->fullest / PERCENT,
		     (long long)room->lost, (long long)room->rising);
	r->num = room->fullest;
	r->den = FULL;
	if (room->fullest > partial)
		ztc_conclude(r, ZTC_STATE_FAIL, N_("table %s is full to %.1f%%: raise its size"),
			     room->fullest_name, room->fullest / PERCENT);
	else if (room->rising)
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("packets or connections are being lost now: %lld in a moment"),
			     (long long)room->rising);
	else if (room->mute)
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("the agent does not answer: how full its tables are is not known"));
	else if (room->missing)
		ztc_conclude(r, ZTC_STATE_UNKNOWN, N_("could not be read: %s"), room->missing);
	else if (room->fullest >= pass)
		ztc_conclude(r, ZTC_STATE_PARTIAL, N_("table %s is at %.1f%%: raise its size"),
			     room->fullest_name, room->fullest / PERCENT);
	else if (room->lost)
		ztc_conclude(
			r, ZTC_STATE_PARTIAL,
			N_("tables have room; %lld packets or connections were lost since boot, "
			   "none just now"),
			(long long)room->lost);
	else
		ztc_conclude(r, ZTC_STATE_PASS, N_("all tables have room and nothing is lost"));
}

void ztc_judge_headroom(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *headroom = ztc_fact(facts, "headroom", r);
	struct room room = {.facts = facts, .r = r};

	if (!headroom)
		return;
	look_at_kernel(&room, headroom);
	look_at_agent(&room);
	conclude_room(&room);
}

/* --- ZTS-3.5-07 --- */

struct spares {
	const struct ztc_facts *facts;
	struct ztc_result *r;
	int classes, single, unknown;
	const char *unknown_name;
};

/* One class of dependency; @reachable -1: not known. */
static void class(struct spares *s, const char *name, int reachable, int possible)
{
	int least = (int)ztc_limit(s->facts, "ZTS-3.5-07", "least");

	if (zt_json_has_text(ztc_list(s->facts, "single_by_design"), name))
		return;
	s->classes++;
	if (reachable >= least)
		return;
	/* Some that may be reachable, or nobody could look. */
	if (reachable < 0 || possible >= least) {
		s->unknown++;
		s->unknown_name = name;
		return;
	}
	s->single++;
	ztc_offender(s->r, name, N_("%d reachable, at least %d are needed"), reachable, least);
}

static void cables(struct spares *s, const json_t *uplinks)
{
	const json_t *row, *cable;
	int up = 0;
	size_t i, j;

	json_array_foreach (json_object_get(uplinks, "links"), i, row) {
		json_array_foreach (json_object_get(row, "cables"), j, cable)
			up += json_is_true(json_object_get(cable, "up"));
	}
	class(s, "links", up, up);
}

static void routes(struct spares *s, const json_t *prefixes, json_int_t own)
{
	int known = 0, possible = 0;
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(prefixes, "defaults"), i, row) {
		const json_t *reachable = json_object_get(row, "reachable");

		/* IPv6 beside IPv4 is no second way for what speaks IPv4. */
		if (ztc_net_number(row, "netns") != own || ztc_net_number(row, "family") != 4)
			continue;
		known += json_is_true(reachable) || !json_object_get(row, "gateway");
		possible += !reachable || !json_is_false(reachable);
	}
	class(s, "default routes", known, possible);
}

static void resolvers(struct spares *s, const json_t *uplinks)
{
	int known = 0, possible = 0;
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(uplinks, "resolvers"), i, row) {
		known += json_is_true(json_object_get(row, "reachable"));
		possible += !json_is_false(json_object_get(row, "reachable"));
	}
	if (json_object_get(uplinks, "resolvers_why"))
		known = -1;
	class(s, "name servers", known, possible);
}

static void time_sources(struct spares *s)
{
	const json_t *clock = ztc_fact_maybe(s->facts, "clock", s->r);
	const json_t *count = json_object_get(clock, "reachable_sources");
	int n = json_is_integer(count) ? (int)json_integer_value(count) : -1;

	class(s, "time sources", n, n);
}

static void log_targets(struct spares *s)
{
	const json_t *logs = ztc_fact_maybe(s->facts, "logs", s->r), *row;
	const json_t *targets = json_object_get(logs, "targets");
	json_t *seen = json_object();
	char key[300];
	size_t i;

	json_array_foreach (targets, i, row) {
		if (!json_is_true(json_object_get(row, "connected")))
			continue;
		snprintf(key, sizeof(key), "%.250s:%lld", zt_json_text(row, "address"),
			 (long long)ztc_net_number(row, "port"));
		json_object_set_new(seen, key, json_true());
	}
	class(s, "log targets", targets ? (int)json_object_size(seen) : -1,
	      (int)json_object_size(seen));
	json_decref(seen);
}

static void conclude_spares(struct spares *s)
{
	struct ztc_result *r = s->r;

	ztc_expected(r,
		     N_("at least %g reachable of each: links, default routes, name servers, time "
			"sources, log targets"),
		     ztc_limit(s->facts, "ZTS-3.5-07", "least"));
	ztc_observed(r, N_("%d of %d classes have a spare, %d have none, %d are not known"),
		     s->classes - s->single - s->unknown, s->classes, s->single, s->unknown);
	r->num = s->classes - s->single - s->unknown;
	r->den = s->classes;
	if (!s->classes)
		ztc_conclude(
			r, ZTC_STATE_NA,
			N_("declared single by design in the profile (lists.single_by_design)"));
	else if (s->single >= 2)
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("kinds of dependency that hang on one: %d; add a second of each"),
			     s->single);
	else if (s->unknown)
		ztc_conclude(r, ZTC_STATE_UNKNOWN, N_("not known how many can be reached: %s"),
			     s->unknown_name);
	else if (s->single)
		ztc_conclude(r, ZTC_STATE_PARTIAL, N_("one kind of dependency hangs on one"));
	else
		ztc_conclude(r, ZTC_STATE_PASS, N_("there are two or more of everything"));
}

void ztc_judge_single(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *uplinks = ztc_fact(facts, "uplinks", r), *prefixes, *listeners;
	struct spares s = {.facts = facts, .r = r};

	if (!uplinks)
		return;
	prefixes = ztc_fact(facts, "prefixes", r);
	if (!prefixes)
		return;
	listeners = ztc_fact(facts, "listeners", r);
	if (!listeners)
		return;
	cables(&s, uplinks);
	routes(&s, prefixes, ztc_net_number(listeners, "own_netns"));
	resolvers(&s, uplinks);
	time_sources(&s);
	log_targets(&s);
	conclude_spares(&s);
}
