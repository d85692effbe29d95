/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn.h - names for addresses that this host hears anyway: /etc/hosts, and DNS answers it asked
 * for.
 *
 * Sends nothing.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "name/cache.h"

struct sd_event;
struct zt_learner;

/**
 * zt_learner_open - read /etc/hosts and follow it on @event.
 * @hosts: another path in its place, or NULL.
 * @fn:    told every name that is new, and again after an hour; the first ones at once.
 *
 * Returns 0 or -ENOMEM.
 */
int zt_learner_open(struct zt_learner **ret, const char *hosts, struct sd_event *event,
		    zt_hint_fn fn, void *ctx);
void zt_learner_close(struct zt_learner **learner);

/* zt_learner_answer - a DNS answer, hostile bytes, received at @at_ns (CLOCK_MONOTONIC). */
void zt_learner_answer(struct zt_learner *learner, const void *msg, size_t len, uint64_t at_ns);

/* zt_learner_hints - what was learnt. Borrowed. */
struct zt_hints *zt_learner_hints(struct zt_learner *learner);
