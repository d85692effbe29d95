/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netns.h - the network namespaces that processes are in, and how a collector looks into them.
 *
 * A collector is a process of its own with one thread, so that going to another namespace leaves
 * everybody else where he is. Nothing is changed there.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ctl/collect/collect.h"

#define ZTC_NETNS_MAX 512

/**
 * struct ztc_netns - one namespace.
 * @inode: of /proc/PID/ns/net: its name for everybody.
 * @pid:   the lowest pid in it.
 * @name:  in /run/netns, or "".
 * @tasks: processes in it.
 * @own:   the one that we are in.
 */
struct ztc_netns {
	uint64_t inode;
	pid_t pid;
	char name[64];
	unsigned int tasks;
	bool own;
};

/**
 * ztc_netns_each - run @each in our own namespace, and with env->all_netns in every other.
 * @each: 0, or -errno, which becomes "denied" or "error" of that namespace.
 * @list: array that gets {inode, pid, name?, own, entered, why?} of every namespace that a process
 *        is in, our own first.
 * @ret_complete: false when processes could not be looked at or there are more than ZTC_NETNS_MAX.
 *
 * Always ends in the namespace where it began. Returns what @each said of our own namespace, 0, or
 * -errno.
 */
int ztc_netns_each(const struct ztc_env *env, int (*each)(const struct ztc_netns *ns, json_t *data),
		   json_t *data, json_t *list, bool *ret_complete);
