// SPDX-License-Identifier: Apache-2.0
/* logs_process.c - daemons that are asked about, found among the processes. */
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/collect/logs.h"

/* Another namespace's daemon is not this host's; one that cannot be looked at may be. */
static bool elsewhere(const struct ztc_env *env, const char *pid)
{
	char path[PATH_MAX], own[64] = "", its[64] = "";

	snprintf(path, sizeof(path), "%s/proc/%s/ns/net", env->root, pid);
	if (readlink(path, its, sizeof(its) - 1) < 0)
		return false;
	snprintf(path, sizeof(path), "%s/proc/self/ns/net", env->root);
	if (readlink(path, own, sizeof(own) - 1) < 0)
		return false;
	return strcmp(own, its) != 0;
}

static bool has_comm(const struct ztc_env *env, const char *pid, const char *comm)
{
	zt_auto(zt_fclosep) FILE *in = NULL;
	char path[64], text[32];

	if (snprintf(path, sizeof(path), "/proc/%s/comm", pid) >= (int)sizeof(path))
		return false;
	in = ztc_collect_open(env, path);
	if (!in || !fgets(text, sizeof(text), in))
		return false;
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, comm) == 0;
}

size_t ztc_process_find(const struct ztc_env *env, const char *comm, pid_t *ret, size_t max)
{
	zt_auto(zt_closedirp) DIR *dir = NULL;
	const struct dirent *entry;
	char path[PATH_MAX];
	size_t n = 0;

	snprintf(path, sizeof(path), "%s/proc", env->root);
	dir = opendir(path);
	while (dir && n < max && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (has_comm(env, entry->d_name, comm) && !elsewhere(env, entry->d_name))
			ret[n++] = (pid_t)strtol(entry->d_name, NULL, 10);
	}
	return n;
}
