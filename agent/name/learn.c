/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn.c - names for addresses that this host hears anyway.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "name/dns.h"
#include "name/hosts.h"
#include "name/learn.h"

struct zt_learner {
	struct zt_hints *hints;
	struct zt_hosts *hosts;
};

int zt_learner_open(struct zt_learner **ret, const char *hosts, struct sd_event *event,
		    zt_hint_fn fn, void *ctx)
{
	zt_auto(zt_learner_close) struct zt_learner *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	r = zt_hints_new(&l->hints, 0, fn, ctx);
	if (!r)
		r = zt_hosts_open(&l->hosts, hosts, 0, l->hints, event);
	if (r < 0)
		return r;
	*ret = zt_take(l);
	return 0;
}

void zt_learner_close(struct zt_learner **learner)
{
	if (!*learner)
		return;
	zt_hosts_close(&(*learner)->hosts);
	zt_hints_free(&(*learner)->hints);
	free(*learner);
	*learner = NULL;
}

struct answer {
	struct zt_hints *hints;
	uint64_t at_ns;
};

static void learn(const struct zt_addr *addr, const char *name, void *ctx)
{
	const struct answer *answer = ctx;

	/* Without memory it is not learnt: only a hint. */
	zt_hints_learn(answer->hints, addr, name, ZT_FROM_DNS, answer->at_ns);
}

void zt_learner_answer(struct zt_learner *learner, const void *msg, size_t len, uint64_t at_ns)
{
	struct answer answer = {learner->hints, at_ns};

	zt_dns_parse(msg, len, learn, &answer);
}

struct zt_hints *zt_learner_hints(struct zt_learner *learner)
{
	return learner->hints;
}
