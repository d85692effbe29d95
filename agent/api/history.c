/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.c - the evidence on disk: names for what is written, and how it fares.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/internal.h"
#include "api/names.h"
#include "api/owner.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "datapath/datapath.h"
#include "datapath/intent.h"
#include "flow/history.h"
#include "plan/gate.h"

/* --- what is written ---------------------------------------------------------------------------
 */

/* Asked once per writing: the moment to say which statements stand, too. */
static const struct zt_flow_names *names_of(void *ctx)
{
	struct zt_api_server *server = *(struct zt_api_server **)ctx;
	const struct zt_policy *policy;

	if (!server || server->detached || zt_server_refresh(server) < 0)
		return NULL;
	policy = zt_intent_candidate_policy(server->ctx.intent);
	if (policy) /* without memory it is said at the next writing */
		zt_gate_stand(server->ctx.history, policy);
	return zt_names_get(server->names);
}

static const char *user_of(void *ctx, uint32_t uid)
{
	struct zt_api_server *server = *(struct zt_api_server **)ctx;

	return server ? zt_users_name(server->users, uid) : NULL;
}

static void read_boot_id(char *buf, size_t size)
{
	zt_auto(zt_fclosep) FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!f || !fgets(buf, (int)size, f))
		buf[0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

/* --- heartbeats ---------------------------------------------------------------------------------
 */

static int64_t clock_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static uint8_t mode_of(const struct zt_dp_watch *watch)
{
	if (watch->observing || !watch->statements)
		return ZT_BEAT_OBSERVE;
	if (!watch->enforces)
		return ZT_BEAT_STAGED;
	return watch->whole ? ZT_BEAT_ENFORCED : ZT_BEAT_PARTIAL;
}

static void add_device(uint32_t ifindex, const char *name, uint64_t bytes, uint64_t before,
		       void *ctx)
{
	struct zt_history_beat *beat = ctx;
	struct zt_history_device *grown =
		reallocarray(beat->devices, beat->device_count + 1, sizeof(*grown));

	if (!grown)
		return;
	beat->devices = grown;
	grown[beat->device_count] =
		(struct zt_history_device){.ifindex = ifindex, .bytes = bytes, .before = before};
	snprintf(grown[beat->device_count].name, sizeof(grown->name), "%s", name);
	beat->device_count++;
}

static bool beat_of(void *ctx, struct zt_history_beat *ret)
{
	struct zt_api_server *server = *(struct zt_api_server **)ctx;
	struct zt_dp_watch watch;
	int64_t asleep_ms;

	if (!server || server->detached)
		return false;
	zt_dp_watch(server->ctx.dp, &watch);
	read_boot_id(ret->boot, sizeof(ret->boot));
	ret->boot_ms = clock_ms(CLOCK_BOOTTIME);
	ret->awake_ms = clock_ms(CLOCK_MONOTONIC);
	asleep_ms = ret->boot_ms - ret->awake_ms;
	ret->run_ms = (int64_t)(server->ctx.started_ns / ZT_NS_PER_MS);
	ret->mode = mode_of(&watch);
	ret->places = watch.places;
	ret->unjudged = watch.unjudged;
	ret->attached_ms =
		watch.attached_ns ? (int64_t)(watch.attached_ns / ZT_NS_PER_MS) + asleep_ms : 0;
	zt_dp_device_bytes(server->ctx.dp, add_device, ret);
	return true;
}

int zt_api_history_open(struct zt_history **ret, const char *state_dir, struct zt_dp *dp,
			struct zt_api_server **server)
{
	zt_auto(zt_freep) char *path = NULL;
	char boot_id[64], generation[192];
	struct zt_history_config cfg = {
		.names = names_of, .user = user_of, .beat = beat_of, .ctx = server};
	struct zt_dp_state state;

	if (asprintf(&path, "%s/%s", state_dir, ZT_HISTORY_FILE) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	zt_dp_state(dp, &state);
	read_boot_id(boot_id, sizeof(boot_id));
	/* Other maps count from zero: after a reboot, and after a detach. */
	snprintf(generation, sizeof(generation), "%s/%llu/%llu", boot_id,
		 (unsigned long long)state.ctl.netns_cookie, (unsigned long long)state.ctl.boot_ns);
	cfg.path = path;
	cfg.generation = generation;
	return zt_history_open(ret, &cfg);
}

void zt_api_hint(const struct zt_addr *addr, const char *name, enum zt_hint_source source,
		 void *history)
{
	static const uint8_t kept[ZT_FROM_COUNT] = {
		[ZT_FROM_HOSTS] = ZT_HINT_HOSTS,
		[ZT_FROM_DNS] = ZT_HINT_DNS,
	};

	zt_history_hint(history, addr, name, kept[source]);
}

/* --- status -------------------------------------------------------------------------------------
 */

static json_t *wall_json(int64_t wall_s)
{
	char text[ZT_TIME_TEXT_LEN];

	return wall_s ? json_string(zt_wall_text((uint64_t)wall_s * ZT_NS_PER_S, text))
		      : json_null();
}

static json_t *losses_json(const struct zt_history_stats *s)
{
	const struct {
		const char *name;
		uint64_t count;
	} losses[] = {
		{"edges_over_cap", s->edges_over_cap}, {"rows_over_cap", s->rows_over_cap},
		{"rows_aged", s->rows_aged},	       {"rows_over_size", s->rows_over_size},
		{"hours_over_cap", s->hours_over_cap}, {"hints_over_cap", s->hints_over_cap},
	};
	json_t *o = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(losses); i++)
		json_object_set_new(o, losses[i].name, zt_json_u64(losses[i].count));
	return o;
}

json_t *zt_status_history(struct zt_history *history)
{
	struct zt_history_days days = {0};
	struct zt_history_stats s;
	json_t *o;

	if (!history)
		return json_null();
	zt_history_stats(history, &s);
	zt_history_days(history, 0, &days);
	o = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "path", zt_json_str(s.path),
		      "size_bytes", zt_json_u64(s.size_bytes), "size_cap_bytes",
		      zt_json_u64(s.size_cap), "rows", zt_json_u64(s.rows), "days",
		      zt_json_u64(days.days), "recorded_s", zt_json_u64(days.recorded_s), "first",
		      wall_json(days.first_s), "gaps", zt_json_u64(days.gaps), "longest_gap_s",
		      zt_json_u64(days.longest_gap_s));
	json_object_set_new(o, "last_write", wall_json(s.last_write_s));
	json_object_set_new(o, "write_ms", json_real((double)(s.write_took_ns / 1000) / 1000.0));
	json_object_set_new(o, "write_errors", zt_json_u64(s.write_errors));
	json_object_set_new(o, "error", s.failing ? zt_json_str(s.error) : json_null());
	json_object_set_new(o, "set_aside",
			    s.set_aside[0] ? zt_json_str(s.set_aside) : json_null());
	json_object_set_new(o, "hours", zt_json_u64(s.hours));
	json_object_set_new(o, "hints", zt_json_u64(s.hints));
	json_object_set_new(o, "losses", losses_json(&s));
	return o;
}
