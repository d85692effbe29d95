// SPDX-License-Identifier: Apache-2.0
/*
 * rig.c - the compiled programs in a network namespace of their own, run on made-up packets.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "rig.h"
#include "rows.h"
#include "ztseg.skel.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	exit(99);
}

/* --- opening --------------------------------------------------------------------- */

static int on_event(void *ctx, void *data, size_t len)
{
	struct rig *rig = ctx;

	if (len >= sizeof(struct zt_event))
		memcpy(&rig->event[rig->events++ % RIG_EVENTS], data, sizeof(struct zt_event));
	return 0;
}

/* Only what a test run needs is loaded: hooks that need a cgroup or an iterator are not. */
static void choose_programs(struct ztseg *skel)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, skel->obj)
	{
		bool tc = bpf_program__type(prog) == BPF_PROG_TYPE_SCHED_CLS;

		bpf_program__set_autoload(prog, tc);
	}
}

static __u64 netns_cookie(void)
{
	__u64 cookie = 0;
	socklen_t len = sizeof(cookie);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0)
		die("network namespace cookie: %s", strerror(errno));
	close(fd);
	return cookie;
}

static void map_ctl(struct rig *rig)
{
	rig->ctl = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED,
			rig_map(rig, "zt_ctl"), 0);
	if (rig->ctl == MAP_FAILED)
		die("mmap of zt_ctl: %s", strerror(errno));
	rig->ctl->netns_cookie = netns_cookie();
	rig->ctl->abi_version = ZT_ABI_VERSION;
	rig->ctl->boot_ns = rig_now_ns();
}

static void set_locals(struct rig *rig)
{
	static const char *const own[] = {"me", "me2", "lo"};
	static const int family[] = {AF_INET, AF_INET6};
	__u32 ifindex = 1, one = 1;
	struct zt_addr addr;

	for (size_t i = 0; i < 2 * sizeof(own) / sizeof(own[0]); i++) {
		pkt_addr(&addr, family[i % 2], row_names, own[i / 2]);
		if (bpf_map_update_elem(rig_map(rig, "zt_locals"), &addr, &ifindex, BPF_ANY) < 0)
			die("zt_locals: %s", strerror(errno));
	}
	bpf_map_update_elem(rig_map(rig, "zt_ifaces"), &ifindex, &one, BPF_ANY);
}

void rig_open(struct rig *rig, unsigned int flows)
{
	memset(rig, 0, sizeof(*rig));
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
		printf("needs root, to load programs in a network namespace of its own\n");
		exit(77);
	}
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	rig->skel = ztseg__open();
	if (!rig->skel)
		die("open: %s", strerror(errno));
	choose_programs(rig->skel);
	if (flows) {
		bpf_map__set_max_entries(rig->skel->maps.zt_flows, flows);
		bpf_map__set_max_entries(rig->skel->maps.zt_openings, flows);
	}
	if (ztseg__load(rig->skel) < 0)
		die("load: %s", strerror(errno));
	if (zt_rule_names_new(&rig->names) < 0)
		die("rule names: out of memory");
	rig->ring = ring_buffer__new(rig_map(rig, "zt_events"), on_event, rig, NULL);
	if (!rig->ring)
		die("ring: %s", strerror(errno));
	map_ctl(rig);
	set_locals(rig);
	rig_forget(rig);
}

void rig_close(struct rig *rig)
{
	if (rig->ctl)
		munmap(rig->ctl, sysconf(_SC_PAGESIZE));
	ring_buffer__free(rig->ring);
	zt_tables_free(&rig->tables);
	zt_rule_names_free(&rig->names);
	ztseg__destroy(rig->skel);
}

void rig_lo_up(void)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		die("lo up: %s", strerror(errno));
	close(fd);
}

/* --- maps -------------------------------------------------------------------------- */

int rig_map(const struct rig *rig, const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(rig->skel->obj, name);

	if (fd < 0)
		die("no map %s", name);
	return fd;
}

int rig_inner(const struct rig *rig, const char *outer, __u32 slot)
{
	__u32 id;
	int fd;

	if (bpf_map_lookup_elem(rig_map(rig, outer), &slot, &id) < 0)
		die("%s[%u]: %s", outer, slot, strerror(errno));
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		die("%s[%u]: %s", outer, slot, strerror(errno));
	return fd;
}

__u64 rig_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (__u64)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void empty_map(int fd, size_t key_size)
{
	char key[64];

	if (key_size > sizeof(key))
		die("key of %zu bytes", key_size);
	while (!bpf_map_get_next_key(fd, NULL, key))
		bpf_map_delete_elem(fd, key);
}

static void read_counters(struct rig *rig, struct zt_count *ret)
{
	int cpus = libbpf_num_possible_cpus();
	struct zt_count *per_cpu = calloc(cpus, sizeof(*per_cpu));

	memset(ret, 0, ZT_C_COUNT * sizeof(*ret));
	for (__u32 c = 0; c < ZT_C_COUNT; c++) {
		if (bpf_map_lookup_elem(rig_map(rig, "zt_counters"), &c, per_cpu) < 0)
			die("zt_counters: %s", strerror(errno));
		for (int i = 0; i < cpus; i++) {
			ret[c].packets += per_cpu[i].packets;
			ret[c].bytes += per_cpu[i].bytes;
		}
	}
	free(per_cpu);
}

void rig_clear(struct rig *rig)
{
	empty_map(rig_map(rig, "zt_flows"), sizeof(struct zt_flow_key));
	empty_map(rig_map(rig, "zt_openings"), sizeof(struct zt_flow_key));
}

void rig_forget(struct rig *rig)
{
	rig_clear(rig);
	ring_buffer__consume(rig->ring);
	rig->events = 0;
	read_counters(rig, rig->before);
}

struct zt_count rig_counter(struct rig *rig, enum zt_counter counter)
{
	struct zt_count now[ZT_C_COUNT];

	read_counters(rig, now);
	now[counter].packets -= rig->before[counter].packets;
	now[counter].bytes -= rig->before[counter].bytes;
	return now[counter];
}

unsigned int rig_count_flows(struct rig *rig, bool openings)
{
	int fd = rig_map(rig, openings ? "zt_openings" : "zt_flows");
	struct zt_flow_key key, next;
	unsigned int n = 0;

	for (int r = bpf_map_get_next_key(fd, NULL, &next); !r;
	     r = bpf_map_get_next_key(fd, &key, &next)) {
		key = next;
		n++;
	}
	return n;
}

bool rig_get(struct rig *rig, bool openings, const struct zt_flow_key *key, struct zt_flow *ret)
{
	return !bpf_map_lookup_elem(rig_map(rig, openings ? "zt_openings" : "zt_flows"), key, ret);
}

void rig_put(struct rig *rig, bool openings, const struct zt_flow_key *key,
	     const struct zt_flow *flow)
{
	if (bpf_map_update_elem(rig_map(rig, openings ? "zt_openings" : "zt_flows"), key, flow,
				BPF_ANY) < 0)
		die("flow entry: %s", strerror(errno));
}

bool rig_one_flow(struct rig *rig, struct zt_flow_key *ret_key, struct zt_flow *ret_flow,
		  bool *ret_in_flows)
{
	unsigned int flows = rig_count_flows(rig, false), openings = rig_count_flows(rig, true);

	if (flows + openings != 1)
		return false;
	*ret_in_flows = flows;
	return !bpf_map_get_next_key(rig_map(rig, flows ? "zt_flows" : "zt_openings"), NULL,
				     ret_key) &&
	       rig_get(rig, !flows, ret_key, ret_flow);
}

const struct zt_event *rig_event(struct rig *rig, __u8 type)
{
	unsigned int n;

	ring_buffer__consume(rig->ring);
	n = rig->events < RIG_EVENTS ? rig->events : RIG_EVENTS;
	for (unsigned int i = 1; i <= n; i++) {
		const struct zt_event *e = &rig->event[(rig->events - i) % RIG_EVENTS];

		if (e->type == type)
			return e;
	}
	return NULL;
}

__u32 rig_rule(const struct rig *rig, const char *id)
{
	int number = zt_rule_lookup(rig->names, id);

	if (number < 0)
		die("no rule '%s'", id);
	return number;
}

const char *rig_rule_name(const struct rig *rig, __u32 number)
{
	const char *name = zt_rule_name(rig->names, number);

	return name ? name : "(no such rule)";
}

/* --- test runs ---------------------------------------------------------------------- */

static int program_of(const struct rig *rig, char hook)
{
	const char *name = hook == 'i'	 ? "zt_in_l2"
			   : hook == 'o' ? "zt_out_l2"
			   : hook == 'I' ? "zt_in_l3"
					 : "zt_out_l3";
	struct bpf_program *prog = bpf_object__find_program_by_name(rig->skel->obj, name);

	if (!prog)
		die("no program %s", name);
	return bpf_program__fd(prog);
}

int rig_run(struct rig *rig, const struct rig_run *run, const struct pkt *pkt)
{
	struct __sk_buff ctx = {
		.ifindex = run->ifindex ?: 1,
		.ingress_ifindex = run->ingress_ifindex,
		.gso_size = run->gso_size,
		.gso_segs = run->gso_segs,
		.mark = run->mark,
		.data_end = run->linear,
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = pkt->data, .data_size_in = pkt->len,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = 1);
	int r = bpf_prog_test_run_opts(program_of(rig, run->hook), &opts);

	return r < 0 ? r - 1000 : (int)opts.retval;
}

int rig_send(struct rig *rig, char hook, int family, const char *text)
{
	struct rig_run run = {.hook = hook};
	struct pkt pkt;

	pkt_build(&pkt, family, row_names, text);
	return rig_run(rig, &run, &pkt);
}

/* --- results ------------------------------------------------------------------------ */

bool rig_check(struct rig *rig, bool good, const char *name, const char *fmt, ...)
{
	va_list ap;

	if (good) {
		rig->passed++;
		printf("ok %s\n", name);
		return true;
	}
	rig->failed++;
	printf("not ok %s - ", name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	return false;
}

int rig_exit(struct rig *rig)
{
	int rc = rig->failed ? 1 : 0;

	rig_close(rig);
	return rc;
}
