/* SPDX-License-Identifier: Apache-2.0 */
/*
 * datapath.h - the part of the kernel that ztagent owns: programs, maps, links, pins.
 *
 * One struct zt_dp guards one network namespace: the one the process is in.
 * Enforcement lives in the kernel and outlives this object: zt_dp_close() lets
 * go of file descriptors only, nothing is detached (base/pins.h detaches).
 * Single-threaded: everything is called from the event loop. Times are
 * nanoseconds on CLOCK_MONOTONIC, coarse, as in bpf/abi.h.
 * Takes compiled tables (policy/tables.h); policy text is intent.h's business.
 */
#pragma once
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

struct sd_event;
struct zt_dp;
struct zt_patch;
struct zt_rule_names;
struct zt_tables;

#define ZT_DP_ERR_LEN 512

/* --- opening ------------------------------------------------------------------ */

/**
 * struct zt_dp_config - what zt_dp_open() needs; borrowed for the call only.
 * @pin_dir:         directory on bpffs, made when missing (bpffs is mounted there when needed).
 * @interfaces:      limit to these names; the others stay unjudged and status says so.
 * @interface_count: 0 = every interface that is up and has no master.
 * @flow_entries:    size of zt_flows [entries]; 0 = 2 % of memory, 64 k to 1 M. Pinned maps
 *                   keep the size that they were made with.
 * @clsact:          use clsact filters even where the kernel has tcx.
 * @event:           loop that interface changes and ring events are delivered on.
 * @on_event:        one event of the ring; must not block. The event is only valid for the call.
 * @on_dns:          an answer from a DNS server that this host had asked, at @at_ns; @msg is what
 *                   the server sent, perhaps cut at ZT_DNS_MAX: hostile bytes, valid for the call.
 *                   May be NULL.
 * @on_env:          local addresses, broadcasts or forwarding changed (already followed in the
 *                   maps): compile again.
 * @ctx:             handed to all of them.
 */
struct zt_dp_config {
	const char *pin_dir;
	const char *const *interfaces;
	size_t interface_count;
	size_t flow_entries;
	bool clsact;
	struct sd_event *event;
	void (*on_event)(const struct zt_event *event, void *ctx);
	void (*on_dns)(void *ctx, const struct zt_addr *server, const void *msg, size_t len,
		       uint64_t at_ns);
	void (*on_env)(void *ctx);
	void *ctx;
};

/**
 * zt_dp_open - load the programs, re-open or make the maps; attach nothing yet.
 * @ret: on success, owned by the caller (zt_dp_close).
 * @cfg: see above.
 * @err: at least ZT_DP_ERR_LEN bytes: on failure, one sentence with the remedy.
 *
 * A new set of maps starts with an empty policy (everything allowed) in slot 0.
 * Pins of the same version go on being used, with their policy.
 * Returns 0, or: -EPERM no privilege; -ENOTSUP no BTF or no cgroup v2; -EBUSY this namespace
 * is guarded by another live agent; -EPROTO pins of a newer version. On error nothing that
 * is enforced has changed.
 */
int zt_dp_open(struct zt_dp **ret, const struct zt_dp_config *cfg, char *err);

/**
 * zt_dp_start - attach to interfaces and cgroup, or take over what is attached.
 *
 * Call it after the first zt_dp_commit(), so that no packet meets an empty policy.
 * Links of an earlier agent get the new programs by an atomic exchange. Then
 * sockets older than the agent get their owners, and interface and ring events begin.
 * Returns 0 or -errno with @err filled as above (a failed pin is an error).
 */
int zt_dp_start(struct zt_dp *dp, char *err);

/* zt_dp_close - stop following; enforcement stays. NULL and half-built are fine. */
void zt_dp_close(struct zt_dp **dp);

/* --- policy -------------------------------------------------------------------- */

struct zt_commit_opts {
	uint64_t
		deadline_ns; /* revert to what is in force now unless confirmed by then; 0 = none */
};

struct zt_commit_result {
	uint64_t epoch;
	uint32_t slot;
	uint32_t probes;    /* test runs whose answer equalled the offline judge's */
	uint32_t maps_made; /* inner maps that had to be replaced by larger ones */
	uint32_t reset;	    /* flows whose sockets were ended (`existing: reset`) */
	uint64_t took_ns;
	char err[ZT_DP_ERR_LEN]; /* on failure: one sentence, with the numbers */
};

/**
 * zt_dp_commit - put compiled tables in force.
 * @tables: borrowed; must stay until the next commit (events are judged offline with it).
 * @opts:   NULL = no deadline.
 * @ret:    filled on success; on failure only ->err.
 *
 * Capacity is checked first; the spare slot is filled, read back, its digest compared, test
 * runs of the compiled programs compared with zt_tables_judge(); only then the state word
 * flips. New rule names are in zt_rules before that.
 * Returns 0, -E2BIG (larger than the maps), -EIO (read-back or test run differs), -errno.
 * On failure the policy in force is untouched.
 */
int zt_dp_commit(struct zt_dp *dp, const struct zt_tables *tables,
		 const struct zt_commit_opts *opts, struct zt_commit_result *ret);

/**
 * zt_dp_commit_before - what a commit that awaits confirmation would go back to, compiled anew.
 * @tables: borrowed like those of zt_dp_commit().
 *
 * The way back of an earlier agent's commit becomes known by it, too. Returns 0; -ENOENT:
 * nothing awaits confirmation; else as zt_dp_commit().
 */
int zt_dp_commit_before(struct zt_dp *dp, const struct zt_tables *tables,
			struct zt_commit_result *ret);

/**
 * zt_dp_confirm - make a commit with a deadline final.
 *
 * Returns 0, -ENOENT (nothing awaits confirmation), -ETIME (too late: it has reverted).
 */
int zt_dp_confirm(struct zt_dp *dp);

/**
 * zt_dp_rollback - take back a commit that awaits confirmation: the slot before, a new epoch.
 *
 * Returns 0 or -ENOENT when nothing awaits confirmation.
 */
int zt_dp_rollback(struct zt_dp *dp);

/**
 * zt_dp_patch - bring a slot up to date with tables that zt_tables_relabel() changed in place.
 * @tables: what is in force, or, while a commit awaits confirmation, what it would go back to.
 * @patch:  the rows that changed.
 * @ret:    as of zt_dp_commit(); no map is ever replaced.
 *
 * Few rows, so it takes as long as they do. Flows are judged again (a new epoch). Returns 0;
 * -ESTALE: no slot holds @tables; -ENOSPC: its maps are too small, nothing was written;
 * -EIO: the loaded judge answers otherwise than the offline one; -errno. After an error the
 * caller commits @tables in full.
 */
int zt_dp_patch(struct zt_dp *dp, const struct zt_tables *tables, const struct zt_patch *patch,
		struct zt_commit_result *ret);

/* zt_dp_next_epoch - the epoch that the next commit or patch will have. */
uint64_t zt_dp_next_epoch(struct zt_dp *dp);

/**
 * zt_dp_try_begin - tables into the spare slot, proved as by a commit, but not put in force.
 * @tables: read during the call only.
 * @ret:    as of zt_dp_commit(), without an epoch.
 *
 * For zt_dp_try_probe(). Returns what zt_dp_commit() does.
 */
int zt_dp_try_begin(struct zt_dp *dp, const struct zt_tables *tables, struct zt_commit_result *ret);

/*
 * zt_dp_try_probe - as zt_dp_probe(), of the tables on trial. -ESTALE: there are none, since
 * something was committed meanwhile.
 */
int zt_dp_try_probe(struct zt_dp *dp, struct zt_probe *probe);

/* zt_dp_observe - drop nothing until then [CLOCK_MONOTONIC ns]; 0 = end, UINT64_MAX = for good. */
void zt_dp_observe(struct zt_dp *dp, uint64_t until_ns);

/* zt_dp_same - the slot in force holds exactly these rows (digest): a commit changes nothing. */
bool zt_dp_same(struct zt_dp *dp, const struct zt_tables *tables);

/*
 * zt_dp_probe - ask the loaded judge without a trace (BPF_PROG_TEST_RUN of zt_probe).
 * @probe: question in, answer out; ->slot is set to the slot in force. 0, -EIO, -errno.
 */
int zt_dp_probe(struct zt_dp *dp, struct zt_probe *probe);

/**
 * zt_dp_detach - stop enforcing: links, filters and pins removed; @dp can only be closed then.
 * @err: ZT_DP_ERR_LEN bytes, one sentence on failure. Returns 0 or -errno.
 */
int zt_dp_detach(struct zt_dp *dp, char *err);

/* --- rule names ---------------------------------------------------------------- */

/*
 * zt_dp_rule_names - the registry rule name <-> number, kept in map zt_rules so that a new
 * agent can read the flows of the last one. Compile against it. Owned by @dp.
 */
struct zt_rule_names *zt_dp_rule_names(struct zt_dp *dp);

/* zt_dp_rule_hits - flows that this rule judged, live plane, over all CPUs. 0 when unknown. */
uint64_t zt_dp_rule_hits(struct zt_dp *dp, uint32_t rule);

/* --- surroundings of the compiler ------------------------------------------------ */

/* Local addresses and directed broadcasts of this namespace, now. Owned by @dp, sorted. */
const struct zt_addr *zt_dp_locals(struct zt_dp *dp, size_t *ret_count);
const struct zt_addr *zt_dp_broadcasts(struct zt_dp *dp, size_t *ret_count);
bool zt_dp_forwarding(struct zt_dp *dp);

/* --- flows ----------------------------------------------------------------------- */

#define ZT_TABLE_FLOWS	  0 /* zt_flows: answered */
#define ZT_TABLE_OPENINGS 1 /* zt_openings: denied or unanswered */
#define ZT_TABLE_COUNT	  2

/**
 * struct zt_flow_scan - where a walk over one table stands; zero it and set @table to begin.
 * @table: ZT_TABLE_*.
 * @seen:  entries handed out so far in this walk.
 * @done:  the walk reached the end; zero the struct for the next.
 * @started, @token: private.
 */
struct zt_flow_scan {
	uint32_t table;
	bool done;
	bool started;
	uint32_t token;
	uint64_t seen;
};

typedef void (*zt_flow_fn)(uint32_t table, const struct zt_flow_key *key,
			   const struct zt_flow *flow, void *ctx);

/**
 * zt_dp_flow_scan - hand out about @budget more entries of a table (whole hash buckets).
 *
 * Batch reads: memory stays under 2 MB however large the table. An entry that is there from
 * start to end of the walk is seen at least once. Deleting in @fn is allowed.
 * Returns 0 (look at scan->done) or -errno.
 */
int zt_dp_flow_scan(struct zt_dp *dp, struct zt_flow_scan *scan, size_t budget, zt_flow_fn fn,
		    void *ctx);

/* zt_dp_flow_each - both tables, from start to end. Returns 0 or -errno. */
int zt_dp_flow_each(struct zt_dp *dp, zt_flow_fn fn, void *ctx);

/* zt_dp_flow_get - one entry. Returns 0, -ENOENT. */
int zt_dp_flow_get(struct zt_dp *dp, uint32_t table, const struct zt_flow_key *key,
		   struct zt_flow *ret_flow);

/* zt_dp_flow_room - entries that a table has room for. */
size_t zt_dp_flow_room(struct zt_dp *dp, uint32_t table);

/*
 * zt_dp_flow_take - read and delete in one step: the values returned are the last ones, so
 * that no byte is lost between reading and deleting. @ret_flow may be NULL.
 * Returns 0, -ENOENT.
 */
int zt_dp_flow_take(struct zt_dp *dp, uint32_t table, const struct zt_flow_key *key,
		    struct zt_flow *ret_flow);

/* zt_dp_owner - record of an owner index (struct zt_flow.owner). Returns 0, -ENOENT (0, unknown).
 */
int zt_dp_owner(struct zt_dp *dp, uint32_t index, struct zt_owner *ret_owner);

/*
 * zt_dp_owner_cmd - the latest process that opened a socket for an owner: for people only, the
 * process itself chooses what is in it. Returns 0, -ENOENT (no such owner, or nothing known).
 */
int zt_dp_owner_cmd(struct zt_dp *dp, uint32_t index, struct zt_owner_cmd *ret);

/*
 * zt_dp_follow - whether ZT_EV_NEW is wanted of flows that both planes allow. Off when @dp is
 * opened: nobody needs them but who watches flows one by one. Others are always sent.
 */
void zt_dp_follow(struct zt_dp *dp, bool on);

/*
 * zt_dp_refresh_health - round trip and retransmits of living TCP connections, from their
 * sockets into their entries, same-host ones included: begins a walk over the namespace's
 * sockets that goes on from the event loop, some thousands of them at a time. Nothing when one
 * is under way, or when the last one ended less than 200 times ago of what it took. Returns 0
 * or -errno. zt_dp_guard() calls it every ten seconds.
 */
int zt_dp_refresh_health(struct zt_dp *dp);

/**
 * zt_dp_kill_socket - end the local TCP socket of a flow (both ends', for loopback).
 *
 * By bpf_sock_destroy where the kernel has it, SOCK_DESTROY through sock_diag otherwise.
 * Returns the number of sockets ended (0: none there), or -errno.
 */
int zt_dp_kill_socket(struct zt_dp *dp, const struct zt_flow_key *key);

/* --- status ----------------------------------------------------------------------- */

enum zt_iface_state {
	ZT_IFACE_GUARDED, /* our programs are on it */
	ZT_IFACE_COVERED, /* VLAN over a guarded device: judged there */
	ZT_IFACE_SLAVE,	  /* has a master: judged there; traffic bridged between ports is not */
	ZT_IFACE_DOWN,
	ZT_IFACE_LEFT_OUT, /* not among --interface */
	ZT_IFACE_FAILED,   /* attaching failed: see error; tried again by the guard */
	ZT_IFACE_STATE_COUNT,
};

struct zt_dp_iface {
	uint32_t ifindex;
	char name[IF_NAMESIZE];
	enum zt_iface_state state;
	const char *hook;	 /* "tcx", "clsact", or NULL */
	bool l3;		 /* no link-layer header */
	bool at_head[2];	 /* [ZT_DIR_IN], [ZT_DIR_OUT]: first in the chain */
	uint64_t attached_ns;	 /* 0 = not attached */
	uint64_t attach_took_ns; /* from the kernel's news of it to attached; 0 = it was here first
				  */
	uint64_t unjudged;	 /* packets that it carried before it was attached */
	int error;		 /* -errno of the last attempt */
};

/* A program of somebody else that can see or change packets near ours. */
struct zt_dp_neighbour {
	char kind[16];	       /* "tcx", "clsact", "xdp", "nftables" */
	char dev[IF_NAMESIZE]; /* "" for namespace-wide ones */
	char name[48];
	uint32_t id;	 /* BPF program id, 0 = none */
	bool ahead;	 /* meets packets before us: an alarm */
	bool translates; /* NAT or redirect: can hide packets from us: an alarm */
};

struct zt_dp_capacity {
	const char *table; /* "flows", "openings", "owners", "addresses", "networks", ... */
	uint64_t used;
	uint64_t size;
};

/* Alarms of the self-check: counted for good, and whether the cause is there now. */
enum zt_dp_alarm_id {
	ZT_ALARM_LINK_LOST,	  /* our link was gone or on nothing: attached again */
	ZT_ALARM_NOT_AT_HEAD,	  /* a neighbour is ahead of us */
	ZT_ALARM_PROGRAM_CHANGED, /* another program was in our link: put back */
	ZT_ALARM_MAP_CHANGED,	  /* policy rows differ from what was committed: committed again */
	ZT_ALARM_ATTACH_FAILED,
	ZT_ALARM_TRANSLATES, /* a neighbour translates or redirects */
	ZT_ALARM_PIN_LOST,   /* a pin was removed: pinned again */
	ZT_ALARM_REVERTED,   /* a commit was not confirmed in time */
	ZT_ALARM_COUNT,
};

struct zt_dp_alarm {
	const char *name; /* "link-lost" */
	uint64_t count;
	uint64_t last_ns; /* 0 = never */
	bool now;
	char detail[160]; /* of the last time */
};

struct zt_dp_state {
	struct zt_ctl ctl; /* copy of the control block */
	uint64_t word;	   /* the state word in force now, deadline considered */
	bool reverted;	   /* past an unconfirmed deadline */
	bool have_tcx, have_ct, have_destroy;
	bool taken_over;      /* pins of an earlier agent were found */
	bool owners;	      /* socket hooks are attached */
	uint64_t map_bytes;   /* kernel memory of our maps [bytes]; as reported by the kernel */
	uint32_t policy_rows; /* statements compiled in the slot in force */
	uint8_t digest[32];   /* of the slot in force */
	const char *pin_dir, *cgroup;
};

/* zt_dp_state - a snapshot; strings borrowed from @dp. */
void zt_dp_state(struct zt_dp *dp, struct zt_dp_state *ret);

/* zt_dp_counters - sums over CPUs of every enum zt_counter. Returns 0 or -errno. */
int zt_dp_counters(struct zt_dp *dp, struct zt_count ret[ZT_C_COUNT]);

/* Borrowed arrays, valid until the event loop runs again. */
const struct zt_dp_iface *zt_dp_ifaces(struct zt_dp *dp, size_t *ret_count);
const struct zt_dp_neighbour *zt_dp_neighbours(struct zt_dp *dp, size_t *ret_count);
const struct zt_dp_capacity *zt_dp_capacity(struct zt_dp *dp, size_t *ret_count);
const struct zt_dp_alarm *zt_dp_alarms(struct zt_dp *dp); /* ZT_ALARM_COUNT of them */

/* zt_dp_alarm_raised - any alarm since the last call: time to log. */
bool zt_dp_alarm_raised(struct zt_dp *dp);

/*
 * zt_dp_outdated - the kernel can do more than when the programs were loaded (conntrack came
 * as a module): an agent started anew takes over with what there is now.
 */
bool zt_dp_outdated(struct zt_dp *dp);

/* What the kernel has of ours at one moment, for a heartbeat. */
struct zt_dp_watch {
	bool enforces;	      /* the rows in force deny something */
	bool statements;      /* they have statements, staged ones included */
	bool observing;	      /* nothing is dropped for now */
	bool whole;	      /* every interface that is up is guarded */
	uint64_t places;      /* hash of the links and filters that we hang on: equal = the same */
	uint64_t attached_ns; /* CLOCK_MONOTONIC, coarse: the first device; 0 = none */
	uint64_t unjudged;    /* packets that devices carried before they were attached */
};
void zt_dp_watch(struct zt_dp *dp, struct zt_dp_watch *ret);

/*
 * zt_dp_device_bytes - received and sent bytes of every guarded device, as the kernel counts them.
 * @fn: its @before is what that was when we attached; UINT64_MAX: an earlier agent did.
 *
 * Returns 0 or -errno.
 */
typedef void (*zt_dp_bytes_fn)(uint32_t ifindex, const char *name, uint64_t bytes, uint64_t before,
			       void *ctx);
int zt_dp_device_bytes(struct zt_dp *dp, zt_dp_bytes_fn fn, void *ctx);

/* zt_dp_tables - the tables in force, as given to zt_dp_commit(); NULL: an earlier agent's. */
const struct zt_tables *zt_dp_tables(struct zt_dp *dp);

/**
 * zt_dp_guard - the periodic self-check; main calls it every 2 s.
 *
 * Links there, on their device, at the head; programs and maps as loaded; pins in place.
 * What differs is put back and counted as an alarm. Returns the number of differences.
 */
int zt_dp_guard(struct zt_dp *dp);
