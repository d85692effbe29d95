/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal.h - what the files of this room share; nobody else includes it.
 *
 * One struct zt_dp, and one section of functions per file. Every function
 * returns 0 or -errno and logs nothing above debug, unless it says otherwise.
 */
#pragma once
#include <limits.h>
#include <stdarg.h>
#include <linux/types.h>

#include "base/pins.h"
#include "datapath/datapath.h"
#include "datapath/sys.h"

struct bpf_map;
struct bpf_program;
struct nl_sock;
struct ring_buffer;
struct sd_event_source;
struct zt_query;
struct ztseg;

#define ZT_IFACES_MAX 4096 /* size of zt_ifaces */

/* The maps of one policy slot; the order is that of the table in slot.c. */
enum zt_part {
	ZT_PART_ADDRS,
	ZT_PART_NETS,
	ZT_PART_PAIRS,
	ZT_PART_PORTS,
	ZT_PART_CELLIX,
	ZT_PART_CELLS,
	ZT_PART_QUALS,
	ZT_PART_QRULES,
	ZT_PART_STEPS,
	ZT_PART_WINDOWS,
	ZT_PART_META,
	ZT_PART_COUNT,
};

struct zt_slot {
	int fd[ZT_PART_COUNT];	      /* -1 = no inner map there yet */
	uint32_t id[ZT_PART_COUNT];   /* kernel's id of it */
	uint32_t size[ZT_PART_COUNT]; /* max_entries */
	uint32_t used[ZT_PART_COUNT]; /* rows */
	uint8_t digest[32];	      /* of the rows as committed */
	bool filled;
};

struct zt_iface {
	uint32_t ifindex;
	char name[IF_NAMESIZE];
	unsigned short type; /* ARPHRD_* */
	bool up;
	bool slave; /* has a master that gets its packets */
	bool vlan;
	bool seen;	       /* mark and sweep of a full dump */
	bool moved_head;       /* was put back to the head once: not fought over again */
	uint32_t lower;	       /* VLAN: the device below, when in this namespace */
	uint32_t xdp_id;       /* somebody's XDP program */
	uint64_t news_ns;      /* precise time when we heard that it is up; 0 = before we began */
	uint64_t baseline;     /* packets it had carried then */
	uint64_t bytes_before; /* received and sent when it was attached; UINT64_MAX = not known */
	enum zt_iface_state state;
	bool tcx;
	bool l3;
	bool at_head[2];
	int link_fd[2];
	uint32_t link_id[2];
	uint64_t attached_ns;
	uint64_t attach_took_ns;
	uint64_t unjudged;
	int error;
};

struct zt_local {
	struct zt_addr addr;
	struct zt_addr broadcast; /* as configured; all zero = none */
	uint32_t ifindex;
	uint8_t prefixlen; /* of its own family */
	bool v4;
	bool seen;
};

struct zt_cgroup_link {
	const char *name; /* of the program */
	int fd;
	struct bpf_program *prog;
};

#define ZT_CGROUP_LINKS_MAX 32

struct zt_dp {
	struct zt_dp_config cfg;
	char pin_dir[PATH_MAX];
	char cgroup[PATH_MAX];
	char **only; /* copy of cfg.interfaces */
	size_t only_count;
	int lock_fd;
	int cgroup_fd;
	int filters_fd; /* map of struct zt_filter_record, pinned */
	uint64_t netns_cookie;
	bool have_tcx, have_ct, have_destroy;
	bool ct_module; /* nf_conntrack was there as a module when we loaded */
	bool outdated;	/* the kernel has more to offer than when we loaded */
	bool taken_over;
	bool older_pins; /* pins of an older version: replaced once our links are in */
	bool started;
	bool detached;
	uint32_t prog_id[2][2]; /* wire programs: [direction][l3] */
	struct ztseg *skel;
	struct zt_ctl *ctl; /* mmapped, shared with the programs */

	/* netwatch.c */
	struct nl_sock *watch;
	struct sd_event_source *watch_source;
	struct zt_iface *ifaces;
	size_t iface_count;
	struct zt_local *locals;
	size_t local_count;
	bool addrs_dirty;
	bool surround_dirty;
	struct zt_addr *env_locals;
	size_t env_local_count;
	struct zt_addr *env_broadcasts;
	size_t env_broadcast_count;

	/* cgroup.c */
	struct zt_cgroup_link cg[ZT_CGROUP_LINKS_MAX];
	size_t cg_count;

	/* commit.c */
	struct zt_slot slots[ZT_SLOTS];
	struct zt_rule_names *names;
	uint32_t names_stored;		/* names of the registry that are in zt_rules */
	const struct zt_tables *tables; /* of the slot in force; borrowed */
	const struct zt_tables *prev_tables;
	bool trying; /* the spare holds what zt_dp_try_begin() was given */
	uint32_t try_slot;

	/* reset.c: the hour window that was in force in the round before */
	const struct zt_tables *timed_tables;
	uint32_t timed_window;

	/* ring.c */
	struct ring_buffer *ring;
	struct sd_event_source *ring_source;
	struct sd_event_source *ring_timer;
	unsigned int round_left; /* events of this turn of the loop */

	/* walk.c */
	int walk_fd; /* of the walk under way, -1 = none */
	struct sd_event_source *walk_source;
	uint64_t walk_took_ns; /* the last one, CPU time */
	uint64_t walk_after_ns;

	/* guard.c, status.c */
	struct zt_dp_alarm alarms[ZT_ALARM_COUNT];
	bool alarm_was[ZT_ALARM_COUNT]; /* in the round before */
	bool alarm_raised;		/* since main looked last */
	unsigned int guard_round;
	struct zt_dp_iface *iface_view;
	struct zt_dp_neighbour *neighbours;
	size_t neighbour_count;
	struct zt_dp_capacity *capacity;
};

/* --- load.c --- */
__attribute__((format(printf, 3, 4))) int zt_dp_err(char *err, int r, const char *fmt, ...);
int zt_dp_pin_path(const struct zt_dp *dp, char *buf, size_t size, const char *name);

/* --- status.c, flows.c, kill.c and the others publish through datapath.h --- */

/* --- programs.c: which programs this kernel gets --- */
int zt_dp_fit_programs(struct zt_dp *dp);			    /* between open and load */
int zt_dp_note_programs(struct zt_dp *dp);			    /* after load */
int zt_dp_wire_prog(const struct zt_dp *dp, uint32_t dir, bool l3); /* descriptor */

/* --- upgrade.c: pins of an older version --- */
void zt_upgrade_inherit(struct zt_dp *dp); /* what of the older control block goes on */
/* zt_upgrade_check - before links are exchanged: nothing that is enforced may end by it. */
int zt_upgrade_check(struct zt_dp *dp, char *err);
int zt_upgrade_finish(struct zt_dp *dp, char *err);

/* --- preflight.c: is it allowed here, and is nobody else guarding --- */
int zt_dp_preflight(struct zt_dp *dp, char *err);
int zt_dp_check_pins(struct zt_dp *dp, char *err);
int zt_dp_check_alone(struct zt_dp *dp, char *err);

/* --- attach.c --- */
int zt_iface_attach(struct zt_dp *dp, struct zt_iface *iface);
void zt_iface_detach(struct zt_dp *dp, struct zt_iface *iface);
/* zt_iface_sweep_pins - take off links and filters of devices that are no longer guarded. */
void zt_iface_sweep_pins(struct zt_dp *dp);
/* zt_iface_has_pins - an earlier agent attached to this device. */
bool zt_iface_has_pins(const struct zt_dp *dp, uint32_t ifindex);

/* --- check.c --- */
/* zt_iface_check - hooks there, ours, at the head? Puts back what is not. Returns differences. */
int zt_iface_check(struct zt_dp *dp, struct zt_iface *iface);

/* --- cgroup.c --- */
int zt_cgroup_start(struct zt_dp *dp, char *err);
int zt_cgroup_check(struct zt_dp *dp);
int zt_iter_run(struct bpf_program *prog);
void zt_cgroup_close(struct zt_dp *dp);

/* --- sockunits.c: listeners that PID 1 holds for units. 0, -ENOENT (no systemd), -errno --- */
int zt_sockunits_refresh(struct zt_dp *dp);

/* --- walk.c: sockets asked how their connections go, a piece at a time --- */
int zt_iter_open(struct bpf_program *prog); /* descriptor to read from, or -errno */
void zt_walk_close(struct zt_dp *dp);

/* --- netwatch.c --- */
int zt_netwatch_open(struct zt_dp *dp);		    /* first dumps: interfaces, addresses */
int zt_netwatch_start(struct zt_dp *dp, char *err); /* attach, then follow on the loop */
void zt_netwatch_close(struct zt_dp *dp);
struct zt_iface *zt_netwatch_iface(struct zt_dp *dp, uint32_t ifindex);

/* --- iface.c --- */
/* What a device received and sent until now. */
struct zt_carried {
	uint64_t packets, bytes;
};
int zt_netwatch_carried(uint32_t ifindex, struct zt_carried *ret);
void zt_netwatch_judge(struct zt_dp *dp); /* settle every interface's state, attach what must be */

/* --- address.c: the local address table --- */
int zt_locals_add(struct zt_dp *dp, const struct zt_local *local);
int zt_locals_del(struct zt_dp *dp, const struct zt_local *local);
void zt_locals_forget(struct zt_dp *dp, uint32_t ifindex); /* the device is gone */
void zt_locals_unmark(struct zt_dp *dp);
void zt_locals_sweep(struct zt_dp *dp);
int zt_locals_publish(struct zt_dp *dp); /* to zt_locals and the compiler's lists */
void zt_locals_clear(struct zt_dp *dp);

/* --- surround.c: forwarding, translation --- */
int zt_surround_forwarding(bool *ret_forwarding);
bool zt_surround_refresh(struct zt_dp *dp); /* sets ZT_CTL_*; true: forwarding changed */

/* --- neighbours.c --- */
int zt_neighbours_refresh(struct zt_dp *dp);

/* --- slot.c --- */
int zt_slot_open(struct zt_dp *dp, uint32_t slot);
int zt_slot_fill(struct zt_dp *dp, uint32_t slot, const struct zt_tables *tables,
		 struct zt_commit_result *res);
int zt_slot_digest(struct zt_dp *dp, uint32_t slot, uint8_t ret[32]);
int zt_slot_check_capacity(const struct zt_tables *tables, char *err);
void zt_slot_close(struct zt_slot *slot);
int zt_slot_outer_fd(struct zt_dp *dp, enum zt_part part);

/* --- commit.c --- */
uint64_t zt_commit_word(const struct zt_dp *dp, bool *ret_reverted);
void zt_commit_settle(struct zt_dp *dp); /* a revert by deadline: made final, alarm */
int zt_commit_first(struct zt_dp *dp);
int zt_commit_restore(struct zt_dp *dp); /* rows differ: fill again beside and flip */
/* zt_commit_slot - the slot in force; not @current: the one before, to go back to. */
uint32_t zt_commit_slot(const struct zt_dp *dp, bool current);
uint64_t zt_commit_renew(struct zt_dp *dp, bool current); /* returns the slot's new epoch */
/* zt_commit_prepare_spare - fill, read back, test-run; res->slot is set. Nothing is in force. */
int zt_commit_prepare_spare(struct zt_dp *dp, const struct zt_tables *tables,
			    struct zt_commit_result *res);

/* --- verify.c: compiled programs against the offline judge --- */
int zt_verify_slot(struct zt_dp *dp, uint32_t slot, const struct zt_tables *tables,
		   struct zt_commit_result *res);
/* zt_verify_one - one opening asked of a slot; -EIO: its answer is not the offline judge's. */
int zt_verify_one(struct zt_dp *dp, uint32_t slot, const struct zt_tables *tables,
		  const struct zt_query *q, struct zt_commit_result *res);
/* zt_verify_probe - as zt_dp_probe(), of any slot. */
int zt_verify_probe(struct zt_dp *dp, uint32_t slot, struct zt_probe *probe);

/* --- kill.c --- */
/* zt_kill_many - as zt_dp_kill_socket(), for many keys of kind ZT_KIND_LOCAL in one walk. */
int zt_kill_many(struct zt_dp *dp, const struct zt_flow_key *keys, size_t count);

/* --- reset.c --- */
uint32_t zt_reset_newly_denied(struct zt_dp *dp, const struct zt_tables *tables);
void zt_reset_on_time(struct zt_dp *dp); /* every round: have hours begun or ended? */
void zt_reset_on_event(struct zt_dp *dp, const struct zt_event *event);

/* --- names.c --- */
int zt_names_load(struct zt_dp *dp);
int zt_names_store(struct zt_dp *dp);

/* --- ring.c --- */
int zt_ring_start(struct zt_dp *dp);
void zt_ring_close(struct zt_dp *dp);

/* --- guard.c --- */
__attribute__((format(printf, 3, 4))) void zt_alarm(struct zt_dp *dp, enum zt_dp_alarm_id id,
						    const char *fmt, ...);
void zt_alarm_clear(struct zt_dp *dp, enum zt_dp_alarm_id id);
