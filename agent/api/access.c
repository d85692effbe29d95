/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access.c - what the process at the other end of a connection may do.
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "api/access.h"
#include "base/cleanup.h"
#include "base/time.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

#define LOOKUP_NS   (10 * ZT_NS_PER_S)
#define GROUP_BUF   (64 << 10)
#define GROUPS_SOME 32
#define NO_GROUP    ((gid_t)-1)

enum zt_level_of_access zt_access_level(const struct zt_access *access, uid_t uid, gid_t gid,
					const gid_t *groups, size_t count)
{
	enum zt_level_of_access may = ZT_MAY_NOTHING;

	if (uid == 0)
		return ZT_MAY_CHANGE;
	for (size_t i = 0; i <= count; i++) {
		gid_t g = i < count ? groups[i] : gid;

		if (g == NO_GROUP)
			continue;
		if (g == access->admin_gid)
			return ZT_MAY_CHANGE;
		if (g == access->read_gid)
			may = ZT_MAY_READ;
	}
	return may;
}

static gid_t group_id(const char *name)
{
	zt_auto(zt_freep) char *buf = malloc(GROUP_BUF);
	struct group group, *found = NULL;

	if (!buf || getgrnam_r(name, &group, buf, GROUP_BUF, &found) || !found)
		return NO_GROUP;
	return found->gr_gid;
}

void zt_access_lookup(struct zt_access *access)
{
	uint64_t now_ns = zt_now_ns();

	if (access->looked_up_ns && now_ns - access->looked_up_ns < LOOKUP_NS)
		return;
	access->looked_up_ns = now_ns;
	access->admin_gid = group_id(access->admin_group);
	access->read_gid = group_id(access->read_group);
}

/* The audit system's: set once by login, kept by sudo. The process is there: it is connected. */
static uid_t login_uid(pid_t pid)
{
	zt_auto(zt_fclosep) FILE *f = NULL;
	unsigned int uid;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/loginuid", (int)pid);
	f = fopen(path, "re");
	return f && fscanf(f, "%u", &uid) == 1 ? uid : (uid_t)-1;
}

int zt_access_peer(struct zt_access *access, int fd, struct zt_peer *ret)
{
	zt_auto(zt_freep) gid_t *groups = malloc(GROUPS_SOME * sizeof(gid_t));
	socklen_t len = GROUPS_SOME * sizeof(gid_t);
	struct ucred cred;
	socklen_t cred_len = sizeof(cred);
	int r = -1;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &cred_len) < 0)
		return -errno;
	if (groups)
		r = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len);
	if (r < 0 && errno == ERANGE) { /* more than a few: the kernel said how many */
		free(groups);
		groups = malloc(len);
		if (groups)
			r = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len);
	}
	if (!groups)
		return -ENOMEM;
	if (r < 0)
		return -errno;
	if (cred.uid != 0)
		zt_access_lookup(access);
	*ret = (struct zt_peer){.uid = cred.uid, .gid = cred.gid, .pid = cred.pid};
	ret->login_uid = login_uid(cred.pid);
	ret->may = zt_access_level(access, cred.uid, cred.gid, groups, len / sizeof(gid_t));
	return 0;
}
