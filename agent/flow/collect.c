/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collect.c - sweeps of the flow tables: what ended is taken out and added up.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "flow/collect_priv.h"
#include "flow/history.h"
#include "flow/pace.h"
#include "flow/rates.h"

#define SWEEP_MS_DEFAULT    2000
#define READ_PAUSE_US	    50000 /* a sweep waits for who reads the tables */
#define OPENINGS_EDGE_SHARE 4	  /* edges nobody answered: a quarter on top of the cap */

static const enum zt_counter inserted[] = {ZT_C_FLOW_INSERTED, ZT_C_OPENING_INSERTED};
static const enum zt_counter deleted[] = {ZT_C_FLOW_DELETED, ZT_C_OPENING_DELETED};

static uint64_t cpu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * ZT_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void tell(struct zt_collector *c, enum zt_flow_change change, uint32_t table,
		 const struct zt_flow_key *key, const struct zt_flow *flow)
{
	struct zt_flow_item item = {.key = *key, .flow = *flow, .table = table};

	if (!c->on_change ||
	    (!c->watched && (change == ZT_CHANGE_UPDATE || change == ZT_CHANGE_ENDED)))
		return;
	item.ended = change == ZT_CHANGE_ENDED;
	c->on_change(change, &item, c->on_change_data);
}

static void remember(struct zt_collector *c, uint32_t table, const struct zt_flow_key *key,
		     const struct zt_flow *flow)
{
	c->recent[c->recent_next] =
		(struct zt_flow_item){.key = *key, .flow = *flow, .table = table, .ended = true};
	c->recent_next = (c->recent_next + 1) % c->recent_cap;
	if (c->recent_count < c->recent_cap)
		c->recent_count++;
}

/* Nobody answered, or nobody may: kept apart from the edges of real conversations. */
static bool is_opening(const struct zt_flow *flow)
{
	return flow->state == ZT_STATE_OPENING || flow->action[ZT_LIVE] == ZT_DENY;
}

/* The last values of an entry: from here on only the sums know it. Losses are counted there. */
static void fold(struct zt_collector *c, uint32_t table, const struct zt_flow_key *key,
		 const struct zt_flow *flow, bool walked)
{
	if (c->history)
		zt_history_ended(c->history, key, flow, walked);
	if (c->rates)
		zt_rates_ended(c->rates, key, flow, walked);
	zt_graph_add_flow(is_opening(flow) ? c->openings : c->answered, key, flow, true);
	zt_violations_add_flow(c->violations, key, flow, zt_denials_seen(c->denials, key));
	zt_denials_forget(c->denials, key);
	remember(c, table, key, flow);
	tell(c, ZT_CHANGE_ENDED, table, key, flow);
	c->stats.folded++;
}

/*
 * Taking reads and deletes in one step, so that a packet counted after the walk
 * read the entry is not lost. One that is only idle is looked at again first:
 * taking a flow that just woke up would count it as two.
 */
static bool take_ended(struct zt_collector *c, uint32_t table, const struct zt_flow_key *key,
		       const struct zt_flow *flow, uint64_t now_ns)
{
	const struct zt_flow_source *s = &c->source;
	struct zt_flow last;

	if (flow->state != ZT_STATE_CLOSED) {
		if (s->get(s->ctx, table, key, &last) < 0 ||
		    !zt_pace_ended(table, key, &last, c->sweep.pressure[table], now_ns))
			return false;
	}
	if (s->take(s->ctx, table, key, &last) < 0)
		return false;
	c->taken[table]++;
	fold(c, table, key, &last, true);
	return true;
}

static void visit(uint32_t table, const struct zt_flow_key *key, const struct zt_flow *flow,
		  void *data)
{
	struct zt_collector *c = data;
	struct zt_sweep *sweep = &c->sweep;

	if (zt_pace_ended(table, key, flow, sweep->pressure[table], sweep->began_ns) &&
	    take_ended(c, table, key, flow, sweep->began_ns)) {
		sweep->folded++;
		return;
	}
	sweep->present[table]++;
	if (sweep->recorded)
		zt_history_living(c->history, key, flow);
	if (c->rates)
		zt_rates_living(c->rates, key, flow);
	if (c->watched && flow->last_ns >= c->last_sweep_ns && flow->first_ns < c->last_sweep_ns)
		tell(c, ZT_CHANGE_UPDATE, table, key, flow);
}

/*
 * Entries come and go while a sweep runs, so the sum has error bars. The base takes
 * the upper end of them and every later sum the lower one: an eviction that
 * did not happen is never reported, and at rest the number is exact.
 */
static void count_evictions(struct zt_collector *c, uint32_t table, const struct zt_count *before,
			    const struct zt_count *after)
{
	struct zt_eviction *e = &c->evictions[table];
	uint64_t in, out;

	if (!e->based) {
		in = after[inserted[table]].packets;
		out = before[deleted[table]].packets + c->sweep.taken_before[table] +
		      c->sweep.present[table];
		e->base = in > out ? in - out : 0;
		e->based = true;
		return;
	}
	in = before[inserted[table]].packets;
	out = after[deleted[table]].packets + c->taken[table] + c->sweep.present[table] + e->base;
	if (in > out && in - out > e->evicted)
		e->evicted = in - out;
}

/* What the counters say is in a table now; before they are based, what the last sweep found. */
static uint64_t entries_now(const struct zt_collector *c, uint32_t table)
{
	const struct zt_eviction *e = &c->evictions[table];
	const struct zt_count *now = c->sweep.before;
	uint64_t out = now[deleted[table]].packets + c->taken[table] + e->base + e->evicted;
	uint64_t in = now[inserted[table]].packets;

	if (!e->based)
		return c->stats.present[table];
	return in > out ? in - out : 0;
}

/* Since the sweep before; of the first one nobody knows when they came. */
static uint64_t inserted_since(const struct zt_collector *c, uint32_t table)
{
	uint64_t in = c->sweep.before[inserted[table]].packets;

	return c->paced_ns && in > c->inserted[table] ? in - c->inserted[table] : 0;
}

static void feel_pressure(struct zt_collector *c)
{
	const struct zt_flow_source *s = &c->source;

	for (uint32_t t = 0; t < ZT_IN_COUNT && s->size; t++)
		c->sweep.pressure[t] =
			zt_pressure(entries_now(c, t), inserted_since(c, t), s->size(s->ctx, t));
}

static int begin_sweep(struct zt_collector *c)
{
	struct zt_sweep *sweep = &c->sweep;
	int r;

	*sweep = (struct zt_sweep){.running = true, .began_ns = c->source.now(c->source.ctx)};
	memcpy(sweep->taken_before, c->taken, sizeof(c->taken));
	sweep->recorded = c->history && zt_history_due(c->history, sweep->began_ns);
	if (sweep->recorded)
		zt_history_sweep(c->history);
	if (c->rates && zt_rates_idle(c->rates, sweep->began_ns))
		zt_rates_free(&c->rates);
	if (c->rates)
		zt_rates_sweep(c->rates, sweep->began_ns);
	r = c->source.counters(c->source.ctx, sweep->before);
	if (r < 0)
		return r;
	feel_pressure(c);
	sweep->interval_ns = sweep->began_ns - c->paced_ns;
	for (uint32_t t = 0; t < ZT_IN_COUNT; t++) {
		sweep->inserted[t] = inserted_since(c, t);
		c->inserted[t] = sweep->before[inserted[t]].packets;
	}
	c->paced_ns = sweep->began_ns;
	return 0;
}

/* Entries and events that no evidence tells of. */
static uint64_t losses(struct zt_collector *c)
{
	struct zt_collector_stats stats;

	zt_collector_stats(c, &stats);
	return stats.losses.flows_evicted + stats.losses.openings_evicted + stats.losses.ring_full +
	       stats.losses.insert_failed;
}

static int end_sweep(struct zt_collector *c)
{
	struct zt_count after[ZT_C_COUNT] = {{0}};
	struct zt_collector_stats *stats = &c->stats;
	struct zt_sweep *sweep = &c->sweep;
	int r;

	sweep->running = false;
	c->last_sweep_ns = sweep->began_ns;
	stats->sweeps++;
	stats->sweep_took_ns = sweep->cpu_ns;
	memcpy(stats->present, sweep->present, sizeof(stats->present));
	r = c->source.counters(c->source.ctx, after);
	if (r < 0)
		return r;
	for (uint32_t table = 0; table < ZT_IN_COUNT; table++)
		count_evictions(c, table, sweep->before, after);
	if (sweep->recorded)
		zt_history_swept(c->history, losses(c));
	if (c->rates)
		zt_rates_swept(c->rates);
	return 0;
}

/* One bounded step. Returns 1 when the sweep is complete, 0 when there is more, or -errno. */
static int sweep_step(struct zt_collector *c)
{
	struct zt_sweep *sweep = &c->sweep;
	uint64_t cpu = cpu_now();
	int r;

	r = sweep->running ? 0 : begin_sweep(c);
	if (r < 0)
		return r;
	r = c->source.walk(c->source.ctx, &sweep->walk, ZT_WALK_BUDGET, visit, c);
	sweep->cpu_ns += cpu_now() - cpu;
	if (r < 0)
		return r;
	if (!sweep->walk.done)
		return 0;
	if (sweep->walk.table + 1 < ZT_IN_COUNT) {
		sweep->walk = (struct zt_flow_walk){.table = sweep->walk.table + 1};
		return 0;
	}
	r = end_sweep(c);
	return r < 0 ? r : 1;
}

static int give_up(struct zt_collector *c, int r)
{
	c->sweep.running = false;
	c->stats.losses.read_errors++;
	return r;
}

int zt_collector_sweep(struct zt_collector *collector)
{
	int r;

	do {
		r = sweep_step(collector);
	} while (!r);
	return r < 0 ? give_up(collector, r) : (int)collector->sweep.folded;
}

int zt_collector_record(struct zt_collector *collector, unsigned int timeout_ms)
{
	struct zt_collector *c = collector;
	int r = 0;

	if (!c->history)
		return 0;
	if (c->sweep.running)
		r = zt_collector_sweep(c);
	/* What an earlier sweep found goes first; only then is the next one due. */
	if (r >= 0)
		r = zt_history_sync(c->history, timeout_ms);
	if (r >= 0) {
		zt_history_hurry(c->history);
		r = zt_collector_sweep(c);
	}
	return r < 0 ? r : zt_history_sync(c->history, timeout_ms);
}

/* What the next sweep waits for. */
static uint64_t rest_ns(const struct zt_collector *c)
{
	const struct zt_flow_source *s = &c->source;
	const struct zt_sweep *sweep = &c->sweep;
	struct zt_pace pace = {
		.normal_ns = c->sweep_ns,
		.cpu_ns = sweep->cpu_ns,
		.interval_ns = sweep->interval_ns,
		.folded = sweep->folded,
	};

	for (uint32_t t = 0; t < ZT_IN_COUNT; t++) {
		pace.present[t] = sweep->present[t];
		pace.size[t] = s->size ? s->size(s->ctx, t) : 0;
		pace.inserted[t] = sweep->inserted[t];
	}
	return zt_pace_rest_ns(&pace);
}

static int rearm(struct zt_collector *c)
{
	int r = sd_event_source_set_time_relative(c->timer, rest_ns(c) / 1000);

	return r < 0 ? r : sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

static int on_step(sd_event_source *s, void *data)
{
	struct zt_collector *c = data;
	int r;

	if (c->reads) { /* what it takes out, who reads would count twice or not at all */
		r = sd_event_source_set_time_relative(c->timer, READ_PAUSE_US);
		return r < 0 ? r : sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
	}
	r = sweep_step(c);
	if (!r)
		return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
	if (r < 0)
		give_up(c, r); /* counted and shown; the next sweep tries again */
	return rearm(c);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *data)
{
	struct zt_collector *c = data;

	(void)s;
	(void)usec;
	return sd_event_source_set_enabled(c->step, SD_EVENT_ONESHOT);
}

static int start_timer(struct zt_collector *c)
{
	int r;

	r = sd_event_add_defer(c->event, &c->step, on_step, c);
	if (!r || r > 0)
		r = sd_event_source_set_enabled(c->step, SD_EVENT_OFF);
	if (r < 0)
		return r;
	sd_event_source_set_priority(c->step, SD_EVENT_PRIORITY_IDLE);
	r = sd_event_add_time_relative(c->event, &c->timer, CLOCK_MONOTONIC, c->sweep_ns / 1000, 0,
				       on_timer, c);
	return r < 0 ? r : 0;
}

int zt_collector_new(struct zt_collector **ret, const struct zt_collector_config *cfg)
{
	zt_auto(zt_collector_free) struct zt_collector *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->source = cfg->source;
	c->event = cfg->event;
	c->edge_cap = cfg->edge_cap ?: ZT_EDGES_DEFAULT;
	c->violation_cap = cfg->violation_cap ?: ZT_VIOLATIONS_DEFAULT;
	c->recent_cap = cfg->recent_cap ?: ZT_RECENT_DEFAULT;
	c->history = cfg->history;
	c->sweep_ns = (cfg->sweep_ms ?: SWEEP_MS_DEFAULT) * ZT_NS_PER_MS;
	c->stats.started_ns = c->source.now(c->source.ctx);
	zt_collector_watch(c, false);
	c->recent = calloc(c->recent_cap, sizeof(*c->recent));
	if (!c->recent)
		return -ENOMEM;
	r = zt_graph_new(&c->answered, c->edge_cap);
	if (!r)
		r = zt_graph_new(&c->openings, c->edge_cap / OPENINGS_EDGE_SHARE + 1);
	if (!r)
		r = zt_violations_new(&c->violations, c->violation_cap);
	if (!r)
		r = zt_denials_new(&c->denials, ZT_DENIALS_CAP);
	if (!r && c->event)
		r = start_timer(c);
	if (r < 0)
		return r;
	*ret = zt_take(c);
	return 0;
}

void zt_collector_stop(struct zt_collector *collector)
{
	collector->timer = sd_event_source_disable_unref(collector->timer);
	collector->step = sd_event_source_disable_unref(collector->step);
}

void zt_collector_free(struct zt_collector **collector)
{
	struct zt_collector *c = *collector;

	if (!c)
		return;
	zt_collector_stop(c);
	zt_graph_free(&c->answered);
	zt_graph_free(&c->openings);
	zt_violations_free(&c->violations);
	zt_denials_free(&c->denials);
	zt_rates_free(&c->rates);
	free(c->recent);
	free(c);
	*collector = NULL;
}

/* No entry stands for a refused call or a malformed packet: the event is all there is. */
static void add_event(struct zt_collector *c, const struct zt_event *event)
{
	struct zt_flow flow = event->flow;

	flow.first_ns = flow.last_ns = event->at_ns;
	flow.opens = 1;
	if (!flow.denied && !flow.would_deny) {
		flow.denied = flow.action[ZT_LIVE] == ZT_DENY;
		flow.would_deny = flow.action[ZT_CANDIDATE] == ZT_DENY;
	}
	zt_violations_add_flow(c->violations, &event->key, &flow, NULL);
	if (event->type != ZT_EV_REFUSED)
		return;
	zt_graph_add_flow(c->openings, &event->key, &flow, true);
	if (c->history)
		zt_history_ended(c->history, &event->key, &flow, false);
	if (c->rates)
		zt_rates_ended(c->rates, &event->key, &flow, false);
	remember(c, ZT_IN_OPENINGS, &event->key, &flow);
}

void zt_collector_event(struct zt_collector *collector, const struct zt_event *event)
{
	static const enum zt_flow_change changes[] = {
		[ZT_EV_NEW] = ZT_CHANGE_NEW,
		[ZT_EV_VERDICT] = ZT_CHANGE_VERDICT,
		[ZT_EV_REFUSED] = ZT_CHANGE_REFUSED,
		[ZT_EV_POSTURE] = ZT_CHANGE_POSTURE,
	};
	uint32_t table = is_opening(&event->flow) ? ZT_IN_OPENINGS : ZT_IN_FLOWS;
	struct zt_collector *c = collector;

	if (event->abi_version != ZT_ABI_VERSION || event->type < ZT_EV_NEW ||
	    event->type > ZT_EV_POSTURE) {
		c->stats.losses.events_unknown++;
		return;
	}
	switch (event->type) {
	case ZT_EV_ENDED:
		fold(c, table, &event->key, &event->flow, false);
		return;
	case ZT_EV_NEW:
		zt_denials_note(c->denials, &event->key, &event->flow);
		break;
	case ZT_EV_VERDICT:
		zt_denials_changed(c->denials, &event->key, &event->flow, event->old_action,
				   c->violations);
		break;
	default:
		add_event(c, event);
		break;
	}
	tell(c, changes[event->type], table, &event->key, &event->flow);
}

int zt_collector_rates(struct zt_collector *collector, struct zt_rates_view *ret)
{
	struct zt_collector *c = collector;
	int r = 0;

	if (!c->rates)
		r = zt_rates_new(&c->rates,
				 (uint32_t)(c->edge_cap + c->edge_cap / OPENINGS_EDGE_SHARE));
	if (r < 0)
		return r;
	zt_rates_wanted(c->rates, c->source.now(c->source.ctx));
	zt_rates_view(c->rates, ret);
	return 0;
}

void zt_collector_watch(struct zt_collector *collector, bool on)
{
	collector->watched = on;
	if (collector->source.follow)
		collector->source.follow(collector->source.ctx, on);
}

void zt_collector_follow(struct zt_collector *collector, zt_flow_change_fn fn, void *data)
{
	collector->on_change = fn;
	collector->on_change_data = data;
}
