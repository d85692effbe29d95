// SPDX-License-Identifier: Apache-2.0
/*
 * load.c - the skeleton opened, fitted to this kernel, its maps re-opened or made.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/time.h"
#include "datapath/internal.h"
#include "policy/rules.h"
#include "ztseg.skel.h"

#define FLOWS_MIN	65536
#define FLOWS_MAX	1048576
#define FLOW_COST_BYTES 256 /* key, value and the kernel's own part of one entry */
#define OPENINGS_SHARE	4   /* openings are a quarter of the flows */

int zt_dp_err(char *err, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, ZT_DP_ERR_LEN, fmt, ap);
	va_end(ap);
	return r;
}

int zt_dp_pin_path(const struct zt_dp *dp, char *buf, size_t size, const char *name)
{
	return (size_t)snprintf(buf, size, "%s/%s", dp->pin_dir, name) < size ? 0 : -ENAMETOOLONG;
}

/* libbpf speaks in many lines; they are for whoever runs with --debug. */
static int on_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[1024];
	size_t len;

	if (level == LIBBPF_DEBUG || !zt_log_enabled(ZT_DEBUG))
		return 0;
	vsnprintf(line, sizeof(line), fmt, ap);
	len = strlen(line);
	if (len && line[len - 1] == '\n')
		line[len - 1] = '\0';
	zt_log(ZT_DEBUG, "%s", line);
	return 0;
}

static size_t default_flow_entries(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	uint64_t entries;

	if (pages <= 0 || page <= 0)
		return FLOWS_MIN;
	entries = (uint64_t)pages * (uint64_t)page / 50 / FLOW_COST_BYTES;
	if (entries < FLOWS_MIN)
		return FLOWS_MIN;
	return entries > FLOWS_MAX ? FLOWS_MAX : (size_t)entries;
}

/* Pinned maps keep the size they were made with: the flows in them matter more than the setting. */
static int fit_map(struct zt_dp *dp, struct bpf_map *map, uint32_t wanted)
{
	struct bpf_map_info info = {};
	zt_auto(zt_close) int fd = -1;
	__u32 len = sizeof(info);
	char path[PATH_MAX];
	int r;

	r = zt_dp_pin_path(dp, path, sizeof(path), bpf_map__name(map));
	if (r < 0)
		return r;
	if (!dp->older_pins) {
		fd = bpf_obj_get(path);
		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0)
			wanted = info.max_entries;
	}
	return wanted ? bpf_map__set_max_entries(map, wanted) : 0;
}

/* Maps that hold state; the others belong to one load of the programs. */
static bool is_state_map(const struct bpf_map *map)
{
	return !bpf_map__is_internal(map) && strcmp(bpf_map__name(map), "zt_scratch");
}

static int set_pins(struct zt_dp *dp)
{
	struct bpf_map *map;
	char path[PATH_MAX];
	int r;

	bpf_object__for_each_map(map, dp->skel->obj)
	{
		if (!is_state_map(map))
			continue;
		r = zt_dp_pin_path(dp, path, sizeof(path), bpf_map__name(map));
		if (r < 0)
			return r;
		/* Pins of an older version are replaced at the end, when ours are in charge. */
		if (!dp->older_pins)
			r = bpf_map__set_pin_path(map, path);
		if (r < 0)
			return r;
	}
	return 0;
}

static int fit_object(struct zt_dp *dp)
{
	size_t flows = dp->cfg.flow_entries ? dp->cfg.flow_entries : default_flow_entries();
	int r;

	if (flows < 1024)
		flows = 1024;
	dp->have_tcx = zt_sys_have_tcx() && !dp->cfg.clsact;
	dp->have_ct = zt_sys_have_kfunc("bpf_skb_ct_lookup", "nf_conntrack");
	dp->ct_module = zt_sys_have_ct_module();
	dp->have_destroy = zt_sys_have_kfunc("bpf_sock_destroy", NULL);
	r = set_pins(dp);
	if (r < 0)
		return r;
	r = fit_map(dp, dp->skel->maps.zt_flows, (uint32_t)flows);
	if (r < 0)
		return r;
	return fit_map(dp, dp->skel->maps.zt_openings, (uint32_t)(flows / OPENINGS_SHARE));
}

static int load_object(struct zt_dp *dp, char *err)
{
	int r;

	libbpf_set_print(on_libbpf);
	dp->skel = ztseg__open();
	if (!dp->skel)
		return zt_dp_err(err, -errno, "the built-in BPF object cannot be read: %s",
				 strerror(errno));
	r = fit_object(dp);
	if (r == 0)
		r = zt_dp_fit_programs(dp);
	if (r == 0)
		r = ztseg__load(dp->skel);
	if (r == 0)
		r = zt_dp_note_programs(dp);
	if (r < 0)
		return zt_dp_err(
			err, r,
			"the kernel refused our programs or maps (%s): see why with --debug, "
			"and ztctl doctor for what it lacks",
			strerror(-r));
	return 0;
}

/* The record of clsact filters is made here and not by the skeleton: no program reads it. */
static int open_filters(struct zt_dp *dp, char *err)
{
	char path[PATH_MAX];
	int r;

	r = zt_dp_pin_path(dp, path, sizeof(path), ZT_PIN_FILTERS);
	if (r < 0)
		return r;
	dp->filters_fd = bpf_obj_get(path);
	if (dp->filters_fd >= 0)
		return 0;
	dp->filters_fd = bpf_map_create(BPF_MAP_TYPE_HASH, ZT_PIN_FILTERS, sizeof(__u64),
					sizeof(struct zt_filter_record), 2 * ZT_IFACES_MAX, NULL);
	if (dp->filters_fd < 0)
		return zt_dp_err(err, -errno, "cannot make map %s: %s", ZT_PIN_FILTERS,
				 strerror(errno));
	if (bpf_obj_pin(dp->filters_fd, path) < 0)
		return zt_dp_err(err, -errno, "cannot pin '%s': %s", path, strerror(errno));
	return 0;
}

static int map_ctl(struct zt_dp *dp, char *err)
{
	void *p = mmap(NULL, sizeof(*dp->ctl), PROT_READ | PROT_WRITE, MAP_SHARED,
		       bpf_map__fd(dp->skel->maps.zt_ctl), 0);

	if (p == MAP_FAILED)
		return zt_dp_err(err, -errno, "cannot map the control block: %s", strerror(errno));
	dp->ctl = p;
	dp->ctl->agent_pid = (uint32_t)getpid();
	zt_dp_follow(dp, false);
	if (dp->ctl->netns_cookie)
		return 0;
	dp->ctl->abi_version = ZT_ABI_VERSION;
	dp->ctl->boot_ns = zt_now_ns();
	zt_upgrade_inherit(dp);
	/* Last: says that the block is whole. */
	__atomic_store_n(&dp->ctl->netns_cookie, dp->netns_cookie, __ATOMIC_RELEASE);
	return 0;
}

static int copy_config(struct zt_dp *dp, const struct zt_dp_config *cfg)
{
	dp->cfg = *cfg;
	dp->cfg.interfaces = NULL;
	if ((size_t)snprintf(dp->pin_dir, sizeof(dp->pin_dir), "%s", cfg->pin_dir) >=
	    sizeof(dp->pin_dir))
		return -ENAMETOOLONG;
	dp->cfg.pin_dir = dp->pin_dir;
	if (!cfg->interface_count)
		return 0;
	dp->only = calloc(cfg->interface_count, sizeof(*dp->only));
	if (!dp->only)
		return -ENOMEM;
	for (; dp->only_count < cfg->interface_count; dp->only_count++) {
		dp->only[dp->only_count] = strdup(cfg->interfaces[dp->only_count]);
		if (!dp->only[dp->only_count])
			return -ENOMEM;
	}
	return 0;
}

static int open_all(struct zt_dp *dp, char *err)
{
	int r;

	r = zt_dp_preflight(dp, err);
	if (r == 0)
		r = zt_dp_check_pins(dp, err);
	if (r == 0)
		r = zt_dp_check_alone(dp, err);
	if (r == 0)
		r = load_object(dp, err);
	if (r == 0)
		r = map_ctl(dp, err);
	/* Again, now that others can see us: of two that start at once, not both go on. */
	if (r == 0 && !dp->taken_over)
		r = zt_dp_check_alone(dp, err);
	if (r == 0)
		r = open_filters(dp, err);
	if (r < 0)
		return r;
	r = zt_names_load(dp);
	if (r < 0)
		return zt_dp_err(err, r, "cannot read the rule names at '%s': %s", dp->pin_dir,
				 strerror(-r));
	r = zt_commit_first(dp);
	if (r < 0)
		return zt_dp_err(err, r, "cannot make the first policy slot: %s", strerror(-r));
	r = zt_netwatch_open(dp);
	if (r < 0)
		return zt_dp_err(err, r, "cannot list interfaces and addresses: %s", strerror(-r));
	return 0;
}

int zt_dp_open(struct zt_dp **ret, const struct zt_dp_config *cfg, char *err)
{
	zt_auto(zt_dp_close) struct zt_dp *dp = NULL;
	struct zt_pins_report report;
	int r;

	err[0] = '\0';
	dp = calloc(1, sizeof(*dp));
	if (!dp)
		return zt_dp_err(err, -ENOMEM, "out of memory");
	dp->lock_fd = dp->cgroup_fd = dp->filters_fd = dp->walk_fd = -1;
	for (uint32_t s = 0; s < ZT_SLOTS; s++)
		for (int p = 0; p < ZT_PART_COUNT; p++)
			dp->slots[s].fd[p] = -1;
	r = copy_config(dp, cfg);
	if (r < 0)
		return zt_dp_err(err, r, "the pin directory or interface list is too long");
	r = open_all(dp, err);
	if (r < 0) {
		bool locked = dp->lock_fd >= 0;

		/* Pins that this call made, and nothing hangs on, would only be in the way. */
		zt_close(&dp->lock_fd);
		if (dp->ctl && !dp->taken_over)
			zt_pins_detach(dp->pin_dir, &report);
		else if (locked)
			zt_pins_tidy(dp->pin_dir);
		return r;
	}
	*ret = zt_take(dp);
	return 0;
}

int zt_dp_start(struct zt_dp *dp, char *err)
{
	int r;

	err[0] = '\0';
	r = zt_upgrade_check(dp, err);
	if (r == 0)
		r = zt_cgroup_start(dp, err);
	if (r < 0)
		return r;
	r = zt_netwatch_start(dp, err);
	if (r < 0)
		return r;
	zt_iface_sweep_pins(dp);
	if (dp->older_pins) {
		r = zt_upgrade_finish(dp, err);
		if (r < 0)
			return r;
	}
	r = zt_ring_start(dp);
	if (r < 0)
		return zt_dp_err(err, r, "cannot follow the event ring: %s", strerror(-r));
	dp->started = true;
	zt_dp_guard(dp);
	return 0;
}

int zt_dp_detach(struct zt_dp *dp, char *err)
{
	struct zt_pins_report report;
	int r;

	dp->detached = true; /* the guard must not put back what goes now */
	zt_netwatch_close(dp);
	zt_cgroup_close(dp);	/* a tracepoint's link ends with its last holder */
	zt_close(&dp->lock_fd); /* zt_pins_detach() takes it */
	r = zt_pins_detach(dp->pin_dir, &report);
	if (r < 0)
		return zt_dp_err(err, r, "%s", report.err);
	return 0;
}

void zt_dp_close(struct zt_dp **dp)
{
	struct zt_dp *d = *dp;

	if (!d)
		return;
	*dp = NULL;
	zt_ring_close(d);
	zt_walk_close(d);
	zt_netwatch_close(d);
	zt_cgroup_close(d);
	for (uint32_t s = 0; s < ZT_SLOTS; s++)
		zt_slot_close(&d->slots[s]);
	if (d->ctl) {
		if (d->ctl->agent_pid == (uint32_t)getpid())
			d->ctl->agent_pid = 0;
		munmap(d->ctl, sizeof(*d->ctl));
	}
	ztseg__destroy(d->skel);
	zt_rule_names_free(&d->names);
	for (size_t i = 0; i < d->only_count; i++)
		free(d->only[i]);
	free(d->only);
	free(d->iface_view);
	free(d->neighbours);
	free(d->capacity);
	zt_close(&d->filters_fd);
	zt_close(&d->cgroup_fd);
	zt_close(&d->lock_fd);
	free(d);
}
