// SPDX-License-Identifier: Apache-2.0
/*
 * pins.c - what ztseg keeps on bpffs, and what can be done to it with no agent.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/pins.h"
#include "base/tcfilter.h"
#include "bpf/abi.h"

/* Pins are told apart by name: bpffs entries cannot be asked what they are without opening. */
static bool is_link_pin(const char *name)
{
	return !strncmp(name, "link_", 5) || !strncmp(name, "cg_", 3);
}

static bool is_map_pin(const char *name)
{
	return !strncmp(name, "zt_", 3);
}

__attribute__((format(printf, 2, 3))) static void set_err(struct zt_pins_report *report,
							  const char *fmt, ...)
{
	va_list ap;

	if (report->err[0])
		return; /* the first one is the cause */
	va_start(ap, fmt);
	vsnprintf(report->err, sizeof(report->err), fmt, ap);
	va_end(ap);
}

static int pin_path(char *buf, size_t size, const char *dir, const char *name)
{
	return (size_t)snprintf(buf, size, "%s/%s", dir, name) < size ? 0 : -ENAMETOOLONG;
}

static int detach_link(const char *dir, const char *name, struct zt_pins_report *report)
{
	zt_auto(zt_close) int fd = -1;
	char path[4096];
	int r;

	r = pin_path(path, sizeof(path), dir, name);
	if (r < 0)
		return r;
	fd = bpf_obj_get(path);
	if (fd < 0) {
		set_err(report, "cannot open the pinned link '%s': %s", path, strerror(errno));
		return -errno;
	}
	/* Detach, not only unpin: a stopped agent may not be the only one who holds it. */
	if (bpf_link_detach(fd) < 0 && errno != ENOLINK && errno != EOPNOTSUPP) {
		set_err(report, "cannot detach '%s': %s", path, strerror(errno));
		return -errno;
	}
	if (unlink(path) < 0) {
		set_err(report, "cannot unpin '%s': %s", path, strerror(errno));
		return -errno;
	}
	report->links++;
	return 0;
}

static int detach_filters(const char *dir, struct zt_pins_report *report)
{
	zt_auto(zt_close) int fd = -1;
	struct zt_filter_record record;
	__u64 key, next;
	bool first = true;
	char path[4096];
	int r;

	r = pin_path(path, sizeof(path), dir, ZT_PIN_FILTERS);
	if (r < 0)
		return r;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	while (bpf_map_get_next_key(fd, first ? NULL : &key, &next) == 0) {
		first = false;
		key = next;
		if (bpf_map_lookup_elem(fd, &key, &record) < 0)
			continue;
		r = zt_tc_filter_remove(&record);
		if (r == 0)
			report->filters++;
		else if (r != -ENOENT && r != -ENODEV)
			set_err(report, "cannot remove the filter on interface %u: %s",
				record.ifindex, strerror(-r));
	}
	return report->err[0] ? -EIO : 0;
}

/* One pass over the directory; links go before the maps that their programs use. */
static int sweep(const char *dir, bool links, struct zt_pins_report *report)
{
	zt_auto(zt_closedirp) DIR *d = opendir(dir);
	struct dirent *entry;
	char path[4096];
	int r = 0, one;

	if (!d)
		return -errno;
	while ((entry = readdir(d))) {
		one = 0;
		if (links && is_link_pin(entry->d_name)) {
			one = detach_link(dir, entry->d_name, report);
		} else if (!links && is_map_pin(entry->d_name)) {
			one = pin_path(path, sizeof(path), dir, entry->d_name);
			if (!one && unlink(path) < 0)
				one = -errno;
			report->maps += one == 0;
		}
		if (one < 0)
			r = one;
	}
	return r;
}

/* Nothing but what every bpffs shows at its root. */
static bool is_empty(const char *dir)
{
	zt_auto(zt_closedirp) DIR *d = opendir(dir);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
		    strcmp(entry->d_name, "maps.debug") && strcmp(entry->d_name, "progs.debug"))
			return false;
	return d != NULL;
}

void zt_pins_tidy(const char *dir)
{
	struct stat here, parent;
	char up[4096];

	/* A mount goes with all that is in it: never while anything is. */
	if (!is_empty(dir))
		return;
	if (rmdir(dir) == 0 || errno != EBUSY)
		return;
	if (pin_path(up, sizeof(up), dir, "..") < 0)
		return;
	if (stat(dir, &here) == 0 && stat(up, &parent) == 0 && here.st_dev != parent.st_dev &&
	    umount2(dir, UMOUNT_NOFOLLOW) == 0)
		rmdir(dir);
}

int zt_pins_detach(const char *pin_dir, struct zt_pins_report *ret)
{
	zt_auto(zt_close) int lock = -1;
	struct zt_ctl ctl;
	int r, worst;

	memset(ret, 0, sizeof(*ret));
	lock = open(pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0) {
		r = -errno;
		set_err(ret, "nothing is pinned at '%s': %s", pin_dir, strerror(-r));
		return r;
	}
	if (flock(lock, LOCK_EX | LOCK_NB) < 0) {
		if (zt_pins_read_ctl(pin_dir, &ctl) < 0)
			ctl.agent_pid = 0;
		set_err(ret, "ztagent (pid %u) is running and would attach again: stop it first",
			ctl.agent_pid);
		return -EBUSY;
	}
	worst = sweep(pin_dir, true, ret);
	r = detach_filters(pin_dir, ret);
	if (r < 0)
		worst = r;
	/* While a hook of ours is left, its record must stay, or nobody can find it again. */
	if (worst < 0)
		return worst;
	r = sweep(pin_dir, false, ret);
	if (r < 0) {
		set_err(ret, "cannot unpin the maps at '%s': %s", pin_dir, strerror(-r));
		return r;
	}
	zt_close(&lock);
	zt_pins_tidy(pin_dir);
	if (!ret->links && !ret->filters && !ret->maps) {
		set_err(ret, "nothing is pinned at '%s'", pin_dir);
		return -ENOENT;
	}
	return 0;
}

static int map_ctl(const char *pin_dir, int prot, struct zt_ctl **ret_ctl)
{
	zt_auto(zt_close) int fd = -1;
	char path[4096];
	void *p;
	int r;

	r = pin_path(path, sizeof(path), pin_dir, "zt_ctl");
	if (r < 0)
		return r;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	p = mmap(NULL, sizeof(struct zt_ctl), prot, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	*ret_ctl = p;
	return 0;
}

int zt_pins_observe(const char *pin_dir, uint64_t until_ns)
{
	struct zt_ctl *ctl = NULL;
	int r;

	r = map_ctl(pin_dir, PROT_READ | PROT_WRITE, &ctl);
	if (r < 0)
		return r;
	__atomic_store_n(&ctl->observe_until_ns, until_ns, __ATOMIC_RELEASE);
	munmap(ctl, sizeof(*ctl));
	return 0;
}

int zt_pins_read_ctl(const char *pin_dir, struct zt_ctl *ret_ctl)
{
	struct zt_ctl *ctl = NULL;
	int r;

	r = map_ctl(pin_dir, PROT_READ, &ctl);
	if (r < 0)
		return r;
	*ret_ctl = *ctl;
	munmap(ctl, sizeof(*ctl));
	return 0;
}
