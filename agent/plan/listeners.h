/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listeners.h - who can reach what listens here, by both policies.
 *
 * Private to this room.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/sockets.h"
#include "plan/classes.h"
#include "plan/opening.h"

#define ZT_LISTENERS_MAX 4096

struct zt_plan_listener {
	struct zt_socket socket;
	uint32_t owner; /* zt_judges_owner_at() */
	/* One byte per class; shared by listeners that no policy tells apart. Borrowed. */
	const uint8_t *could;  /* of a family that it listens on */
	const uint8_t *gained; /* newly reachable from it */
	const uint8_t *lost;
	const uint8_t *open; /* reachable from it by the new policy */
	size_t gained_count, lost_count;
	/* One that it gained or lost, and the local address concerned; when there are any. */
	uint32_t gained_class, lost_class;
	struct zt_addr gained_near, lost_near;
	uint32_t group; /* private */
};

struct zt_plan_listeners {
	struct zt_plan_listener *rows;
	size_t count;
	size_t left_out;
	size_t cap;
	struct zt_listener_group *groups; /* private */
	size_t group_count, group_cap;
};

/* Asked for every question that was put to both judges; 0 to go on. */
typedef int (*zt_listener_probe_fn)(void *ctx, const struct zt_opening *o);

/**
 * zt_plan_listeners_read - what listens and can be reached from elsewhere, judged.
 * @sockets: of the guarded namespace.
 * @locals:  its addresses.
 * @probe:   told each opening once; NULL = nobody. Not 0 ends the reading with that.
 * @ret:     on success filled; zt_plan_listeners_clear().
 */
int zt_plan_listeners_read(struct zt_judges *judges, const struct zt_sockets *sockets,
			   const struct zt_classes *classes, const struct zt_addr *locals,
			   size_t local_count, zt_listener_probe_fn probe, void *ctx,
			   struct zt_plan_listeners *ret);
void zt_plan_listeners_clear(struct zt_plan_listeners *listeners);

/* zt_listener_at - whether a listener is reached at this local address. */
bool zt_listener_at(const struct zt_socket *listener, const struct zt_addr *local);
