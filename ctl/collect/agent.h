/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent.h - what the collectors of this family share.
 *
 * agent.c          the agent's word; the table of this family
 * agent_pins.c     what the kernel has of ours: pins, control block, attachments (R2: not its word)
 * agent_maps.c     the rows of the slot in force, read and hashed
 * agent_state.c    the states on disk: the chain, the policy's text, its signature
 * agent_policy.c   what the statements in force say
 * agent_edges.c    what was recorded, added up
 * agent_life.c     in which mode the sensor lived, and its gaps
 * agent_signing.c  whose signature is on the policy
 * agent_sim.c      openings put to the loaded programs
 * agent_sockets.c  sockets that live held against the flow tables
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/json.h"
#include "bpf/abi.h"
#include "ctl/collect/collect.h"

struct zt_policy;

static inline void ztc_set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

/* ztc_set_time - RFC 3339 UTC with whole seconds; null for 0. */
void ztc_set_time(json_t *object, const char *key, int64_t at_s);

/**
 * ztc_agent_ask - one question to the agent of @env.
 * @args: taken over; NULL = none.
 * @ret:  the result, the caller's, with whole numbers only.
 * @why:  where a failure is told, as data["why"]; may be NULL.
 *
 * Returns 0, -ENOENT (nobody answers at the socket), -EACCES, -EIO.
 */
int ztc_agent_ask(const struct ztc_env *env, const char *command, json_t *args, json_t **ret,
		  json_t *why);

/* ztc_fact_of - data of a fact of phase 1, or NULL when it is not ok. Borrowed. */
const json_t *ztc_fact_of(const struct ztc_env *env, const char *name);

/* --- agent_pins.c --- */

/**
 * ztc_pins_json - what is pinned and attached, by the kernel alone.
 * @hints: the agent's status (how many rows its tables have: only a hint), or NULL.
 * @ret:   filled: {dir, epoch, slot, unconfirmed, reverted, observing, enforces, statements,
 * same_netns, digest: {live, committed, equal, rows}, attached: [{interface, ifindex, direction,
 * hook, program, name, first}], unguarded: [name], unreadable: [name], links, socket_links,
 *         links_broken, abi_version, agent_pid}.
 *
 * Returns 0, -ENOENT (nothing is pinned there), -EACCES, -EPERM.
 */
int ztc_pins_json(const struct ztc_env *env, const json_t *hints, json_t *ret);

/* --- agent_maps.c --- */

struct ztc_rows {
	uint8_t digest[ZT_DIGEST_LEN];	  /* over the rows as the kernel has them now */
	uint8_t committed[ZT_DIGEST_LEN]; /* that the slot says of itself */
	uint32_t slot;
	uint64_t epoch;
	struct zt_slot_meta meta;
	size_t rows; /* all parts together */
};

/**
 * ztc_rows_read - rows of the slot in force, through the pins.
 * @cells, @steps: how many elements of these arrays are in use, if somebody says so; 0 = found out
 *                 by what refers to them. A wrong number gives another digest and no more.
 *
 * Returns 0, -ENOENT (no pins), -EAGAIN (it is being changed all the time), -errno.
 */
int ztc_rows_read(const char *pin_dir, size_t cells, size_t steps, struct ztc_rows *ret);

/* ztc_pin_open - a pinned object. A descriptor, or -errno. */
int ztc_pin_open(const char *pin_dir, const char *name);

/* --- agent_state.c --- */

/**
 * struct ztc_states - the confirmed states of STATE-DIR/history, newest first in @entries.
 * @entries: as they are in the files; owned.
 * @intact:  every hash fits, and ties each to the one before.
 */
struct ztc_states {
	json_t *entries;
	bool intact;
	char why[160];
};

/* ztc_states_read - 0, -ENOENT (none), -EACCES, -errno. ztc_states_free() after. */
int ztc_states_read(const struct ztc_env *env, struct ztc_states *ret);
void ztc_states_free(struct ztc_states *states);

/* ztc_state_policy - the policy of an entry, parsed anew from its texts. 0 or -errno. */
int ztc_state_policy(const json_t *entry, struct zt_policy **ret);

/* ztc_history_open - STATE-DIR/flows.db; what is wrong with it as data["why"]. 0 or -errno. */
struct zt_history;
int ztc_history_open(const struct ztc_env *env, struct zt_history **ret, json_t *data);

/* --- agent_policy.c, agent_edges.c, ...: see struct ztc_collector --- */
int ztc_collect_policy(const struct ztc_env *env, json_t *data);
int ztc_collect_edges(const struct ztc_env *env, json_t *data);
int ztc_collect_life(const struct ztc_env *env, json_t *data);
int ztc_collect_signing(const struct ztc_env *env, json_t *data);
int ztc_collect_simulation(const struct ztc_env *env, json_t *data);
int ztc_collect_reconcile(const struct ztc_env *env, json_t *data);
