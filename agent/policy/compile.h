/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compile.h - policy tree to table rows, for one host.
 *
 * Remote addresses that no statement which can involve this host tells apart
 * get one identity, so that the tables grow with what concerns this host, not
 * with the policy. Reads nothing but the tree, the environment it is given and
 * (through the environment's hooks) users and mounts. Deterministic: the same
 * input and registry give the same digest.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "policy/diag.h"
#include "policy/overlay.h"
#include "policy/policy.h"
#include "policy/rules.h"
#include "policy/tables.h"

/* Where a qualifier's names are looked up; a NULL hook is the machine's own answer. */
struct zt_resolver {
	/* Returns 0 and *ret_uid, or -ENOENT, or another -errno. */
	int (*user)(void *ctx, const char *name, uid_t *ret_uid);
	/*
	 * Returns 0, the path inside its file system (ret_path, ZT_PATH_LEN bytes) and the
	 * kernel's number of that file system's device; -ENOENT, -ENAMETOOLONG, or another
	 * -errno. A file that does not exist yet resolves through its directory, with
	 * *ret_exists false.
	 */
	int (*exe)(void *ctx, const char *path, char *ret_path, __u32 *ret_dev, bool *ret_exists);
	void *ctx;
};

struct zt_compile_env {
	/*
	 * Name in the inventory. NULL: not known; then every statement is treated as staged,
	 * so that nothing is denied, and @diag gets a warning.
	 */
	const char *host;
	const struct zt_addr *locals; /* current local addresses, loopback ones may be among them */
	size_t local_count;
	const struct zt_addr *broadcasts; /* directed broadcast addresses of the interfaces */
	size_t broadcast_count;
	bool forwarding; /* compile pairs of two remote ends too */
	bool offline;	 /* not on the machine itself: unknown users and paths only warn */
	struct zt_resolver resolver;
	const struct zt_limits *limits; /* NULL: zt_limits_default */

	/*
	 * A held candidate: all its statements make the candidate plane, the enforced ones of
	 * the policy the live plane. NULL: both planes are of the policy.
	 */
	const struct zt_policy *candidate;
	const struct zt_overlay *overlay; /* promotions and labels; NULL: none */
	uint64_t now_ns;		  /* CLOCK_MONOTONIC; what has ended by then has ended */
	int64_t wall_offset_ns;		  /* wall clock = monotonic + this */
};

/**
 * zt_policy_compile - rows for the host that @env describes.
 * @policy: checked; read only.
 * @names:  gives rule numbers; statements that can involve this host get one.
 * @ret:    on success the tables, to be freed; untouched on error.
 * @diag:   gets errors and warnings with their place in the file; may be NULL.
 *
 * Returns 0; -EINVAL (@diag says what: unknown host, a user or path of a deny
 * rule that does not resolve), -E2BIG (a limit would be exceeded; @diag has
 * the numbers) or -ENOMEM. An empty policy compiles to tables that allow all.
 */
int zt_policy_compile(const struct zt_policy *policy, const struct zt_compile_env *env,
		      struct zt_rule_names *names, struct zt_tables **ret, struct zt_diag *diag);

/** zt_resolve_user - the machine's answer: getpwnam_r(), or a number. */
int zt_resolve_user(void *ctx, const char *name, uid_t *ret_uid);

/** zt_resolve_exe - the machine's answer: realpath() and /proc/self/mountinfo. */
int zt_resolve_exe(void *ctx, const char *path, char *ret_path, __u32 *ret_dev, bool *ret_exists);
