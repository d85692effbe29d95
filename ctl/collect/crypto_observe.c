// SPDX-License-Identifier: Apache-2.0
/*
 * crypto_observe.c - --observe: this host's traffic where no agent records it, from samples.
 *
 * What lives shorter than a second is missed unless conntrack counts; of what others serve nothing
 * is known, and unknown it stays. {window {from, to, from_s, to_s, seconds, wanted_seconds}, total,
 * encryption, apart, plaintext_top, plaintext_cut, lost, samples, conntrack, served (own listeners
 * after one handshake, unless --probe was asked for too: then they are in "banners")}
 */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/collect/collect.h"
#include "ctl/collect/crypto.h"
#include "ctl/collect/crypto_samples.h"
#include "ctl/probe/services.h"

#define PROBE_SPARE_S 6 /* the run gives ten seconds beyond what was asked for */

/* Once a second until the time is over; an overrun is not made up for. */
static int watch(struct ztc_samples *s, int ends, unsigned int seconds, int64_t *ret_samples)
{
	struct timespec next;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (unsigned int i = 0; i <= seconds && r == 0; i++) {
		struct timespec now;

		r = ztc_sample_sockets(s);
		if (i == seconds)
			ztc_settle_ends(ends);
		ztc_take_ends(ends, s);
		(*ret_samples)++;
		if (i == seconds)
			break;
		next.tv_sec++;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > next.tv_sec)
			next.tv_sec = now.tv_sec;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	return r;
}

static json_t *window_json(int64_t from_s, int64_t to_s, unsigned int wanted_s)
{
	char from[ZT_TIME_TEXT_LEN], to[ZT_TIME_TEXT_LEN];

	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "from",
			 zt_wall_text((uint64_t)from_s * ZT_NS_PER_S, from), "to",
			 zt_wall_text((uint64_t)to_s * ZT_NS_PER_S, to), "from_s",
			 (json_int_t)from_s, "to_s", (json_int_t)to_s, "seconds",
			 (json_int_t)(to_s - from_s), "wanted_seconds", (json_int_t)wanted_s);
}

/* One handshake for each port that is served, beside the watching: a day's samples are not put at
 * risk by listeners that take their time. What the probe itself sends goes from this host to itself
 * and is not counted. */
struct probing {
	const struct ztc_env *env;
	json_t *data;
	pthread_t thread;
	bool running;
	int r;
};

static void *probe(void *arg)
{
	struct probing *p = arg;
	unsigned int within_s = p->env->observe_s + PROBE_SPARE_S;

	p->r = ztc_services_probe(p->env, false,
				  within_s < ZTC_SERVICE_TIMEOUT ? within_s : ZTC_SERVICE_TIMEOUT,
				  p->data);
	return NULL;
}

static void begin_probing(struct probing *p)
{
	if (p->env->wanted & ZTC_COLLECT_PROBE)
		return;
	p->data = json_object();
	p->running = pthread_create(&p->thread, NULL, probe, p) == 0;
}

static void end_probing(struct probing *p, json_t *data)
{
	if (!p->running)
		return;
	pthread_join(p->thread, NULL);
	if (p->r == 0) {
		json_object_set(data, "served", json_object_get(p->data, "listeners"));
		json_object_set(data, "done", json_object_get(p->data, "done"));
	}
	json_decref(p->data);
}

int ztc_collect_observed(const struct ztc_env *env, json_t *data)
{
	zt_auto(ztc_samples_free) struct ztc_samples *s = NULL;
	zt_auto(zt_close) int ends = ztc_watch_ends();
	struct probing probing = {.env = env};
	int64_t samples = 0, from_s = time(NULL);
	int r = ztc_samples_new(&s);

	if (r < 0)
		return r;
	begin_probing(&probing);
	r = watch(s, ends, env->observe_s, &samples);
	json_object_set_new(data, "window", window_json(from_s, time(NULL), env->observe_s));
	end_probing(&probing, data);
	if (r < 0)
		return r;
	json_object_set_new(data, "samples", json_integer(samples));
	json_object_set_new(data, "conntrack", json_boolean(ends >= 0));
	ztc_samples_json(s, data);
	return 0;
}
