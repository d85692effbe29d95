/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access.h - what the process at the other end of a connection may do.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum zt_level_of_access {
	ZT_MAY_NOTHING,
	ZT_MAY_READ,
	ZT_MAY_CHANGE,
};

/* The two groups, looked up by name and again from time to time: they may be made later. */
struct zt_access {
	const char *admin_group;
	const char *read_group;
	gid_t admin_gid; /* (gid_t)-1 = no such group */
	gid_t read_gid;
	uint64_t looked_up_ns;
};

struct zt_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	uid_t login_uid; /* of the session, sudo or not; (uid_t)-1 = none */
	enum zt_level_of_access may;
};

/**
 * zt_access_level - by uid and groups alone; root may everything.
 * @groups: @count supplementary groups; @gid: the primary one.
 */
enum zt_level_of_access zt_access_level(const struct zt_access *access, uid_t uid, gid_t gid,
					const gid_t *groups, size_t count);

/* zt_access_lookup - resolve the group names, at most every ten seconds. */
void zt_access_lookup(struct zt_access *access);

/* zt_access_peer - of a connected socket: SO_PEERCRED and SO_PEERGROUPS. 0 or -errno. */
int zt_access_peer(struct zt_access *access, int fd, struct zt_peer *ret);
