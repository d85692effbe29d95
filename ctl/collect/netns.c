/* SPDX-License-Identifier: Apache-2.0 */
/* netns.c - finds network namespaces by the processes in them, and enters them. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/netns.h"

struct list {
	struct ztc_netns *items;
	size_t count;
	bool complete;
};

static void name_it(struct ztc_netns *ns)
{
	zt_auto(zt_closedirp) DIR *dir = opendir("/run/netns");
	const struct dirent *entry;
	struct stat st;

	while (dir && (entry = readdir(dir))) {
		if (fstatat(dirfd(dir), entry->d_name, &st, 0) < 0 || st.st_ino != ns->inode)
			continue;
		snprintf(ns->name, sizeof(ns->name), "%.*s", (int)sizeof(ns->name) - 1,
			 entry->d_name);
		return;
	}
}

static void take(struct list *list, uint64_t inode, pid_t pid)
{
	for (size_t i = 0; i < list->count; i++) {
		struct ztc_netns *ns = &list->items[i];

		if (ns->inode != inode)
			continue;
		ns->tasks++;
		if (!ns->pid || pid < ns->pid)
			ns->pid = pid;
		return;
	}
	if (list->count == ZTC_NETNS_MAX) {
		list->complete = false;
		return;
	}
	list->items[list->count] = (struct ztc_netns){.inode = inode, .pid = pid, .tasks = 1};
	name_it(&list->items[list->count++]);
}

static int scan(struct list *list)
{
	zt_auto(zt_closedirp) DIR *proc = opendir("/proc");
	const struct dirent *entry;
	char path[64];
	struct stat st;

	if (!proc)
		return -errno;
	while ((entry = readdir(proc))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%.16s/ns/net", entry->d_name);
		if (stat(path, &st) == 0)
			take(list, st.st_ino, (pid_t)atol(entry->d_name));
		else if (errno == EACCES || errno == EPERM)
			list->complete = false;
	}
	return 0;
}

/* Every namespace that a process is in, our own first. */
static int list_namespaces(struct ztc_netns **ret, size_t *ret_count, bool *ret_complete)
{
	zt_auto(zt_freep) struct ztc_netns *items = calloc(ZTC_NETNS_MAX, sizeof(*items));
	struct list list = {.items = items, .complete = true};
	struct stat st;
	int r;

	if (!items)
		return -ENOMEM;
	if (stat("/proc/self/ns/net", &st) < 0)
		return -errno;
	items[0] = (struct ztc_netns){.inode = st.st_ino, .own = true};
	list.count = 1;
	r = scan(&list);
	if (r < 0)
		return r;
	*ret = zt_take(items);
	*ret_count = list.count;
	*ret_complete = list.complete;
	return 0;
}

static int enter(const struct ztc_netns *ns)
{
	char path[64];
	zt_auto(zt_close) int fd = -1;
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", ns->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_ino != ns->inode)
		return -ESRCH; /* the process went elsewhere or its pid is another's */
	return setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
}

static void tell(json_t *list, const struct ztc_netns *ns, bool entered, int r)
{
	json_t *row = json_object();

	json_object_set_new(row, "inode", json_integer((json_int_t)ns->inode));
	json_object_set_new(row, "pid", json_integer(ns->pid));
	json_object_set_new(row, "tasks", json_integer(ns->tasks));
	if (ns->name[0])
		json_object_set_new(row, "name", zt_json_str(ns->name));
	json_object_set_new(row, "own", json_boolean(ns->own));
	json_object_set_new(row, "entered", json_boolean(entered));
	if (r == -EPERM || r == -EACCES)
		json_object_set_new(row, "denied", json_true());
	if (r < 0)
		json_object_set_new(row, "why", json_string(strerror(-r)));
	json_array_append_new(list, row);
}

int ztc_netns_each(const struct ztc_env *env, int (*each)(const struct ztc_netns *ns, json_t *data),
		   json_t *data, json_t *list, bool *ret_complete)
{
	zt_auto(zt_close) int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	zt_auto(zt_freep) struct ztc_netns *items = NULL;
	size_t count = 0;
	int own = 0, r;

	if (home < 0)
		return -errno;
	r = list_namespaces(&items, &count, ret_complete);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		bool entered = items[i].own;

		r = 0;
		if (!entered && env->all_netns) {
			r = enter(&items[i]);
			entered = r == 0;
		}
		if (entered)
			r = each(&items[i], data);
		if (items[i].own)
			own = r;
		else if (entered && setns(home, CLONE_NEWNET) < 0)
			return -errno;
		tell(list, &items[i], entered && r == 0, r);
	}
	return own;
}
