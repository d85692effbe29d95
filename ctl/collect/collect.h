/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collect.h - facts about a host: what is collected, by what, and how it comes to the checks.
 *
 * A collector finds out facts and judges nothing; a check judges facts and asks the host nothing.
 * So facts can be saved, judged again under another profile, and be those of a host made up for a
 * test. Every collector runs in a process of its own that is killed at its deadline: what hangs,
 * dies or is fed nonsense costs its own facts, nobody else's. Read-only: /proc, /sys, netlink
 * dumps, bpf() queries, fixed programs with fixed arguments; only what is marked ZTC_COLLECT_PROBE
 * sends a packet.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define ZTC_FACTS_MAX (16 << 20) /* bytes of JSON that one collector may hand over */

#define ZTC_COLLECT_PROBE   0x1 /* sends packets to this host's own listeners: only with --probe */
#define ZTC_COLLECT_OBSERVE 0x2 /* takes as long as --observe says: only with it */

/**
 * struct ztc_env - what collectors are given; borrowed, read-only.
 * @root:      "" or a directory that stands for / where files are read (hosts of tests).
 * @socket:    of the agent.
 * @state_dir: of the agent, /var/lib/ztseg by default; records are below it.
 * @pin_dir:   of the agent.
 * @trust_dir: public keys by role, /etc/ztseg/trust by default.
 * @waivers:   register of waivers that is reported on; NULL = /etc/ztseg/waivers.
 * @profile:   thresholds and lists (assess/profile.h).
 * @facts:     those of phase 1, for collectors of phase 2: {name: fact}; NULL in phase 1.
 * @all_netns: look into every network namespace that a process is in, not only our own.
 * @wanted:    those of ZTC_COLLECT_* that were asked for; ztc_collect() sets it.
 * @observe_s: seconds of --observe; 0 = not asked.
 * @timeout_s: --timeout, for every collector; 0 = that of its row.
 * @now_s:     CLOCK_REALTIME when the collection began; after --observe, when that was over.
 */
struct ztc_env {
	const char *root;
	const char *socket;
	const char *state_dir;
	const char *pin_dir;
	const char *trust_dir;
	const char *waivers;
	const json_t *profile;
	const json_t *facts;
	bool all_netns;
	unsigned int wanted;
	unsigned int observe_s;
	unsigned int timeout_s;
	int64_t now_s;
};

/**
 * struct ztc_collector - one row of a table.
 * @name:      key of its fact, [a-z_].
 * @method:    how, in terms that an auditor can repeat ("netlink SOCK_DIAG_BY_FAMILY").
 * @needs:     what would answer when it is refused: "CAP_NET_ADMIN", "root"; NULL = nothing.
 * @timeout_s: killed after so long; 0 = 5 s.
 * @phase:     1, or 2 when it works with @facts of phase 1.
 * @run:       fills the object @data. Returns 0; -EPERM, -EACCES (status denied); -ENOENT,
 *             -EOPNOTSUPP (absent: what it asks about is not on this host, which is an answer);
 *             other -errno (error). data["why"], a string, says more about a failure; what could be
 * found out in part is told inside the data of a success, member by member.
 */
struct ztc_collector {
	const char *name;
	const char *method;
	const char *needs;
	unsigned int timeout_s;
	unsigned int phase;
	unsigned int flags; /* run when one of them was asked for; 0 = always */
	int (*run)(const struct ztc_env *env, json_t *data);
};

/* One table per family, each ends with a row without name. */
extern const struct ztc_collector ztc_collect_host[];  /* collect/host.c: which machine this is */
extern const struct ztc_collector ztc_collect_net[];   /* collect/net.c: sockets, filters, routes */
extern const struct ztc_collector ztc_collect_agent[]; /* collect/agent.c: agent, pins, history */
extern const struct ztc_collector
	ztc_collect_crypto[]; /* collect/crypto.c: TLS, SSH, tunnels, keys */
extern const struct ztc_collector ztc_collect_logs[];	 /* collect/logs.c: logs, clock */
extern const struct ztc_collector ztc_collect_records[]; /* collect/records.c: signed records */

/**
 * ztc_collect - run all collectors, some side by side, and put their facts into one object.
 *
 * With --observe, those that watch run after phase 1, and then phase 1 again: it may be hours old.
 * @wanted_flags: those of ZTC_COLLECT_* that were asked for.
 * @ret:          {name: {status: "ok"|"denied"|"absent"|"timeout"|"error"|"not_run", reason?,
 * needs?, method, collected_at, elapsed_ms, digest: "sha256:…" over canonical data, data?}}. Never
 * fails as a whole but without memory (-ENOMEM).
 */
int ztc_collect(const struct ztc_env *env, unsigned int wanted_flags, json_t **ret);

/* ztc_collect_tables - the same with the collectors of @tables. */
int ztc_collect_tables(const struct ztc_collector *const *tables, size_t table_count,
		       const struct ztc_env *env, unsigned int wanted_flags, json_t **ret);

/* ztc_collect_open - fopen(@env->root + @path, "re"); NULL with errno. Files of /proc and /sys too.
 */
FILE *ztc_collect_open(const struct ztc_env *env, const char *path);

/**
 * ztc_collect_program - what a program prints; no shell, environment of PATH, LC_ALL=C.UTF-8 only.
 * @argv: NULL-terminated; argv[0] is looked for in /usr/sbin:/usr/bin:/sbin:/bin only.
 * @max:  bytes; more is -EFBIG.
 * @ret:  stdout with a NUL, the caller's (free). @ret_status: exit status; may be NULL (then not 0
 * is -EIO).
 *
 * Returns 0, -ENOENT (no such program), -EFBIG, -errno.
 */
int ztc_collect_program(const char *const *argv, size_t max, char **ret, int *ret_status);
