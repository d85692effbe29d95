/* SPDX-License-Identifier: Apache-2.0 */
/* neighbours.c - programs of somebody else on tc and XDP, and whether they meet packets before us.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/tcfilter.h"
#include "bpf/abi.h"
#include "ctl/doctor/doctor.h"
#include "ctl/doctor/links.h"

/* enum bpf_attach_type; Debian 12's headers are older than tcx. */
#define TCX_INGRESS 46
#define TCX_EGRESS  47
#define PROGS_MAX   64

#define REMEDY_AHEAD  "take it off, or attach it behind: it can hide packets from ztseg"
#define REMEDY_BESIDE "see that it neither redirects nor rewrites packets; ztagent attaches ahead"

/* What one hook of one interface has. */
struct hook {
	struct ztc_doctor *doctor;
	const struct ztc_link *link;
	struct ztc_neighbours *seen;
	const char *dir;
	bool ours; /* one of our programs has been met on this hook */
};

/* A program's name as the kernel keeps it; 0, -errno. */
static int program_name(uint32_t id, char ret[BPF_OBJ_NAME_LEN])
{
	zt_auto(zt_close) int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);

	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	memcpy(ret, info.name, BPF_OBJ_NAME_LEN);
	ret[BPF_OBJ_NAME_LEN - 1] = '\0';
	return 0;
}

static bool is_ours(const char *name)
{
	return strncmp(name, "zt_in_l", 7) == 0 || strncmp(name, "zt_out_l", 8) == 0;
}

/* Returns the ids in the order that packets meet them; -errno (-EINVAL: no tcx here). */
static int query_tcx(uint32_t ifindex, uint32_t type, uint32_t *ids)
{
	union bpf_attr attr = {0};

	attr.query.target_fd = ifindex;
	attr.query.attach_type = type;
	attr.query.prog_ids = (__u64)(unsigned long)ids;
	attr.query.prog_cnt = PROGS_MAX;
	if (syscall(__NR_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)) < 0)
		return -errno;
	return (int)attr.query.prog_cnt;
}

static bool any_ours(const uint32_t *ids, int count)
{
	char name[BPF_OBJ_NAME_LEN];

	for (int i = 0; i < count; i++) {
		if (program_name(ids[i], name) == 0 && is_ours(name))
			return true;
	}
	return false;
}

/* One program of somebody else; @behind: ours is ahead of it; @guarded: ours is there at all. */
static void note_program(const struct hook *hook, const char *kind, const char *name, uint32_t id,
			 bool behind, bool guarded)
{
	char what[96];

	hook->seen->programs++;
	if (id)
		snprintf(what, sizeof(what), "%s '%s' (id %u)", kind, name, id);
	else
		snprintf(what, sizeof(what), "%s '%s'", kind, name);
	if (behind)
		ztc_note(hook->doctor, ZTC_PASS, "neighbour", NULL, "%s %s: %s runs after ztseg",
			 hook->link->name, hook->dir, what);
	else if (guarded)
		ztc_note(hook->doctor, ZTC_FAIL, "neighbour", REMEDY_AHEAD,
			 "%s %s: %s meets packets before ztseg", hook->link->name, hook->dir, what);
	else
		ztc_note(hook->doctor, ZTC_CAUTION, "neighbour", REMEDY_BESIDE,
			 "%s %s: %s is attached", hook->link->name, hook->dir, what);
}

static void check_tcx(struct hook *hook, uint32_t type)
{
	uint32_t ids[PROGS_MAX];
	char name[BPF_OBJ_NAME_LEN];
	int count = query_tcx(hook->link->ifindex, type, ids);
	bool guarded;

	if (count == -EPERM || count == -EACCES)
		hook->seen->hidden++;
	if (count <= 0)
		return;
	guarded = any_ours(ids, count);
	for (int i = 0; i < count; i++) {
		if (program_name(ids[i], name) < 0) {
			hook->seen->hidden++;
			snprintf(name, sizeof(name), "?");
		}
		if (is_ours(name))
			hook->ours = true;
		else
			note_program(hook, "tcx program", name, ids[i], hook->ours, guarded);
	}
}

/* Filters come in the order that packets meet them; tcx ran before any of them. */
static void take_filter(const struct zt_tc_filter *filter, void *ctx)
{
	struct hook *hook = ctx;
	char name[BPF_OBJ_NAME_LEN] = "";

	if (filter->prog_id && program_name(filter->prog_id, name) == 0 && is_ours(name)) {
		hook->ours = true;
		return;
	}
	note_program(hook, filter->prog_id ? "clsact program" : "clsact filter",
		     *name ? name : filter->kind, filter->prog_id, hook->ours, hook->ours);
}

void ztc_check_neighbours(struct ztc_doctor *doctor, const struct ztc_link *link,
			  struct ztc_neighbours *seen)
{
	static const struct {
		const char *name;
		uint32_t type, dir;
	} dirs[] = {{"ingress", TCX_INGRESS, ZT_DIR_IN}, {"egress", TCX_EGRESS, ZT_DIR_OUT}};
	char name[BPF_OBJ_NAME_LEN] = "?";

	if (link->xdp_prog) {
		seen->programs++;
		program_name(link->xdp_prog, name);
		ztc_note(doctor, ZTC_CAUTION, "neighbour",
			 "see that it neither redirects nor rewrites packets: XDP is always first",
			 "%s: XDP program '%s' (id %u) meets packets before ztseg", link->name,
			 name, link->xdp_prog);
	}
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		struct hook hook = {
			.doctor = doctor, .link = link, .seen = seen, .dir = dirs[i].name};

		check_tcx(&hook, dirs[i].type);
		if (zt_tc_filter_each(link->ifindex, dirs[i].dir, take_filter, &hook) == -EPERM)
			seen->hidden++;
	}
}
