// SPDX-License-Identifier: Apache-2.0
/*
 * agent_life.c - fact `life`: in which mode the sensor lived, when it was silent, how many bytes
 * its devices carried.
 *
 * Out of the chain of heartbeats in STATE-DIR/flows.db; the devices' counters are asked of the
 * kernel beside it (RTM_GETSTATS). Time is the machine's own: suspend does not count, and a gap
 * between two boots is covered when wtmp has the shutdown.
 */
#include <errno.h>
#include <limits.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utmpx.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "ctl/collect/agent.h"
#include "ctl/doctor/doctor.h"
#include "ctl/render/text.h"
#include "history/history.h"

#define WINDOW_S    (30 * ZT_HISTORY_DAY_S)
#define SPANS_SHOWN 100
#define GAPS_SHOWN  100
#define BOOTS_SHOWN 10
#define SLACK_S	    ZT_HISTORY_GAP_S /* less is the time between two beats, or starting */

static const char *const mode_names[ZT_BEAT_COUNT] = {
	[ZT_BEAT_OBSERVE] = "observe",
	[ZT_BEAT_STAGED] = "staged",
	[ZT_BEAT_PARTIAL] = "partial",
	[ZT_BEAT_ENFORCED] = "enforced",
};

struct life {
	struct zt_history_span *spans;
	size_t count, cap;
	int64_t since_s, now_s;
	char boot[ZT_HISTORY_BOOT_LEN]; /* the present one */
	int64_t now_awake_ms;
	int64_t mode_s[ZT_BEAT_COUNT];
	int64_t held_s;	   /* silent, but it hung on the same hooks before and after */
	int64_t unknown_s; /* silent, and nothing says what was enforced */
	int64_t silent_s;  /* of the sensor, with nothing that explains it */
	int64_t uptime_s;
	json_t *gaps, *boots;
};

static void life_free(struct life *life)
{
	free(life->spans);
	json_decref(life->gaps);
	json_decref(life->boots);
}

static int take_span(const struct zt_history_span *span, void *ctx)
{
	struct life *life = ctx;

	if (span->mode >= ZT_BEAT_COUNT)
		return 0;
	if (zt_vec_grow(&life->spans, &life->cap, life->count + 1, sizeof(*life->spans)) < 0)
		return -ENOMEM;
	life->spans[life->count++] = *span;
	return 0;
}

/* --- gaps ---------------------------------------------------------------------------------------
 */

static void note_gap(struct life *life, int64_t from_s, int64_t to_s, int64_t seconds,
		     const char *kind)
{
	json_t *o;

	if (json_array_size(life->gaps) >= GAPS_SHOWN)
		return;
	o = json_object();
	ztc_set_time(o, "from", from_s);
	ztc_set_time(o, "to", to_s);
	ztc_set(o, "seconds", json_integer(seconds));
	ztc_set(o, "kind", json_string(kind));
	json_array_append_new(life->gaps, o);
}

/* When the machine was shut down between two moments, by wtmp; 0 = it does not say. */
static int64_t shutdown_between(int64_t from_s, int64_t to_s)
{
	const struct utmpx *record;
	int64_t found = 0;

	utmpxname("/var/log/wtmp");
	setutxent();
	while ((record = getutxent())) {
		if (record->ut_type == RUN_LVL && record->ut_tv.tv_sec >= from_s - SLACK_S &&
		    record->ut_tv.tv_sec <= to_s &&
		    strncmp(record->ut_user, "shutdown", sizeof(record->ut_user)) == 0)
			found = record->ut_tv.tv_sec;
	}
	endutxent();
	return found;
}

/* Silence while the machine was up; suspend is not in it. */
static void silence(struct life *life, const struct zt_history_span *before, int64_t to_s,
		    int64_t awake_ms, const struct zt_history_span *after)
{
	int64_t seconds = awake_ms / 1000;
	bool held = after && before->places == after->places && before->mode == ZT_BEAT_ENFORCED &&
		    after->mode == ZT_BEAT_ENFORCED;

	if (seconds <= 0)
		return;
	life->uptime_s += seconds;
	/* The next beat is not due yet. */
	if (!after && seconds <= SLACK_S) {
		life->mode_s[before->mode] += seconds;
		return;
	}
	if (held)
		life->held_s += seconds;
	else
		life->unknown_s += seconds;
	if (seconds <= SLACK_S)
		return;
	life->silent_s += seconds;
	note_gap(life, before->to_s, to_s, seconds, before->ended ? "stopped" : "silent");
}

/* From the last beat of one boot to the next one's beginning. */
static void between_boots(struct life *life, const struct zt_history_span *before,
			  const struct zt_history_span *after)
{
	int64_t booted_s = after->from_s - after->from_ms / 1000;
	int64_t down_s = shutdown_between(before->to_s, booted_s);
	int64_t seconds = (down_s ? down_s : booted_s) - before->to_s;

	/* Who was asked to stop just before: the machine's own going down. */
	if (!down_s && before->ended)
		return;
	if (seconds <= SLACK_S)
		return;
	life->silent_s += seconds;
	life->uptime_s += seconds;
	life->unknown_s += seconds;
	note_gap(life, before->to_s, booted_s, seconds, down_s ? "before-shutdown" : "no-shutdown");
}

/* The time before an agent's first beat of a boot: its links may have been there already. */
static void start_of_boot(struct life *life, const struct zt_history_span *span)
{
	int64_t up_s = span->from_ms / 1000;
	int64_t attached_s = span->attached_ms ? span->attached_ms / 1000 : up_s;
	json_t *o = json_object();

	ztc_set(o, "boot_id", zt_json_str(span->boot));
	ztc_set(o, "attached_boottime_ms", json_integer(span->attached_ms));
	ztc_set(o, "first_beat_boottime_ms", json_integer(span->from_ms));
	ztc_set(o, "unjudged", zt_json_u64(span->unjudged));
	ztc_set_time(o, "booted", span->from_s - up_s);
	json_array_insert_new(life->boots, 0, o);
	if (span->from_s - up_s < life->since_s)
		return;
	if (attached_s > up_s)
		attached_s = up_s;
	life->uptime_s += up_s;
	life->unknown_s += attached_s;
	life->mode_s[span->mode] += up_s - attached_s;
	if (attached_s > SLACK_S) {
		life->silent_s += attached_s;
		note_gap(life, span->from_s - up_s, span->from_s - up_s + attached_s, attached_s,
			 "late-start");
	}
}

/* --- adding up ----------------------------------------------------------------------------------
 */

static void add_span(struct life *life, const struct zt_history_span *span)
{
	int64_t seconds = (span->awake_to_ms - span->awake_from_ms) / 1000;
	int64_t before_s = life->since_s - span->from_s;

	/* Of one that began before the window, the part within. */
	if (before_s > 0)
		seconds -= before_s < seconds ? before_s : seconds;
	life->uptime_s += seconds;
	life->mode_s[span->mode] += seconds;
}

static void add_up(struct life *life)
{
	const struct zt_history_span *last = NULL;

	for (size_t i = 0; i < life->count; i++) {
		const struct zt_history_span *span = &life->spans[i];

		if (!last || strcmp(last->boot, span->boot) != 0) {
			if (last)
				between_boots(life, last, span);
			/* The very first beat: the sensor was installed, the machine was up. */
			if (last || span->run_ms < SLACK_S * 5000)
				start_of_boot(life, span);
		} else {
			silence(life, last, span->from_s, span->awake_from_ms - last->awake_to_ms,
				span);
		}
		add_span(life, span);
		last = span;
	}
	if (last && strcmp(last->boot, life->boot) == 0)
		silence(life, last, life->now_s, life->now_awake_ms - last->awake_to_ms, NULL);
}

static json_t *span_json(const struct zt_history_span *span)
{
	json_t *o = json_object();

	ztc_set(o, "boot_id", zt_json_str(span->boot));
	ztc_set(o, "mode", json_string(mode_names[span->mode]));
	ztc_set_time(o, "from", span->from_s);
	ztc_set_time(o, "to", span->to_s);
	ztc_set(o, "seconds", json_integer((span->awake_to_ms - span->awake_from_ms) / 1000));
	ztc_set(o, "beats", zt_json_u64(span->beats));
	ztc_set(o, "ended", json_boolean(span->ended));
	return o;
}

static void life_json(struct life *life, json_t *data)
{
	json_t *modes = json_object(), *spans = json_array();

	for (int i = 0; i < ZT_BEAT_COUNT; i++)
		ztc_set(modes, mode_names[i], json_integer(life->mode_s[i]));
	for (size_t i = life->count; i-- > 0 && json_array_size(spans) < SPANS_SHOWN;)
		json_array_append_new(spans, span_json(&life->spans[i]));
	while (json_array_size(life->boots) > BOOTS_SHOWN)
		json_array_remove(life->boots, BOOTS_SHOWN);
	ztc_set(data, "modes", modes);
	ztc_set(data, "held_s", json_integer(life->held_s));
	ztc_set(data, "unknown_s", json_integer(life->unknown_s));
	ztc_set(data, "uptime_s", json_integer(life->uptime_s));
	ztc_set(data, "silent_s", json_integer(life->silent_s));
	ztc_set(data, "spans", spans);
	ztc_set(data, "spans_total", json_integer((json_int_t)life->count));
	ztc_set(data, "gaps", json_incref(life->gaps));
	ztc_set(data, "boots", json_incref(life->boots));
	ztc_set(data, "from_s", json_integer(life->count ? life->spans[0].from_s : 0));
	ztc_set(data, "last_beat_s",
		json_integer(life->count ? life->spans[life->count - 1].to_s : 0));
}

/* --- devices ------------------------------------------------------------------------------------
 */

struct counters {
	json_t *kernel; /* ifindex as text -> bytes */
	json_t *rows;
};

static void take_stats(const struct nlmsghdr *msg, void *ctx)
{
	struct counters *c = ctx;
	const struct if_stats_msg *head = NLMSG_DATA(msg);
	int len = (int)(msg->nlmsg_len - NLMSG_SPACE(sizeof(*head)));
	const struct rtattr *a =
		(const struct rtattr *)((const char *)head + NLMSG_ALIGN(sizeof(*head)));
	struct rtnl_link_stats64 stats = {0};
	char key[16];

	if (msg->nlmsg_type != RTM_NEWSTATS)
		return;
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type != IFLA_STATS_LINK_64)
			continue;
		memcpy(&stats, RTA_DATA(a),
		       RTA_PAYLOAD(a) < sizeof(stats) ? RTA_PAYLOAD(a) : sizeof(stats));
		snprintf(key, sizeof(key), "%u", head->ifindex);
		ztc_set(c->kernel, key, zt_json_u64(stats.rx_bytes + stats.tx_bytes));
	}
}

static int take_device(const struct zt_history_device *device, void *ctx)
{
	struct counters *c = ctx;
	json_t *o = json_object(), *now;
	char key[16];

	snprintf(key, sizeof(key), "%u", device->ifindex);
	now = json_object_get(c->kernel, key);
	ztc_set(o, "name", zt_json_str(device->name));
	ztc_set(o, "ifindex", json_integer(device->ifindex));
	ztc_set(o, "recorded_bytes", zt_json_u64(device->bytes));
	ztc_set_time(o, "recorded", device->at_s);
	ztc_set(o, "kernel_bytes", now ? json_incref(now) : json_null());
	json_array_append_new(c->rows, o);
	return 0;
}

static int devices_json(struct zt_history *history, const struct life *life, json_t *data)
{
	struct {
		struct nlmsghdr head;
		struct if_stats_msg stats;
	} request = {
		.head = {.nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETSTATS},
		.stats = {.filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64)},
	};
	struct counters c = {.kernel = json_object(), .rows = json_array()};
	struct zt_history_bytes bytes;
	int r = ztc_netlink_dump(NETLINK_ROUTE, &request.head, take_stats, &c);

	r = r ?: zt_history_each_device(history, life->boot, take_device, &c);
	r = r ?: zt_history_bytes(history, life->now_s - 7 * ZT_HISTORY_DAY_S, &bytes);
	if (r == 0) {
		ztc_set(data, "device_bytes", zt_json_u64(bytes.device));
		ztc_set(data, "flow_bytes", zt_json_u64(bytes.flow));
	}
	ztc_set(data, "devices", c.rows);
	json_decref(c.kernel);
	return r;
}

static void read_boot_id(char *ret, size_t size)
{
	zt_auto(zt_fclosep) FILE *in = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!in || !fgets(ret, (int)size, in))
		ret[0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

int ztc_collect_life(const struct ztc_env *env, json_t *data)
{
	zt_auto(zt_history_close) struct zt_history *history = NULL;
	zt_auto(life_free) struct life life = {
		.since_s = env->now_s - WINDOW_S,
		.now_s = env->now_s,
		.gaps = json_array(),
		.boots = json_array(),
	};
	struct timespec awake;
	bool intact = false;
	int r = ztc_history_open(env, &history, data);

	if (r < 0)
		return r;
	clock_gettime(CLOCK_MONOTONIC, &awake);
	life.now_awake_ms = awake.tv_sec * 1000LL + awake.tv_nsec / 1000000;
	read_boot_id(life.boot, sizeof(life.boot));
	r = zt_history_each_span(history, life.since_s, take_span, &life, &intact);
	if (r < 0)
		return r;
	add_up(&life);
	ztc_set(data, "intact", json_boolean(intact));
	ztc_set(data, "wanted_seconds", json_integer(WINDOW_S));
	life_json(&life, data);
	return devices_json(history, &life, data);
}
