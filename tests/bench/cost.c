// SPDX-License-Identifier: Apache-2.0
/*
 * cost.c - what one packet of an established connection costs in the full program.
 *
 * Opens a real TCP connection into a guarded namespace and keeps it open, then
 * runs the programs that are attached to the guarded device on one more packet
 * of that connection through BPF_PROG_TEST_RUN, many times, taking turns with
 * the reference programs of ref.bpf.c on the same bytes. Prints one JSON object
 * per turn; the first turn warms up and is not printed.
 *
 * The programs are the live ones: their maps count these packets.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "agent/datapath/sys.h"
#include "tests/bench/util.h"

#define PAYLOAD_BYTES 64
#define REPEAT_MAX    10000000
#define ROUNDS_MAX    200
#define MARK_FOUND    1 /* what ref_lookup leaves in skb->mark */

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
	char payload[PAYLOAD_BYTES];
} __attribute__((packed));

/* The key of ref.bpf.c. */
struct ref_key {
	uint8_t src[16];
	uint8_t dst[16];
	uint16_t sport;
	uint16_t dport;
	uint8_t proto;
	uint8_t pad[3];
};

/* One program on one packet. */
struct subject {
	const char *name;
	int prog_fd;
	struct frame frame;
	bool ingress;
};

struct cost {
	bool clock_counts; /* emulated: a nanosecond is an instruction */
	unsigned int repeat;
	unsigned int rounds;
	int guarded_ns;
	int peer_ns;
	char device[IFNAMSIZ];
	unsigned int ifindex;
	uint8_t mac[ETH_ALEN];
	struct sockaddr_in server; /* in the guarded namespace */
	struct sockaddr_in client;
	int client_fd;
	int server_fd;
};

/* --- the connection ------------------------------------------------------------------- */

static void open_connection(struct cost *cost)
{
	socklen_t len = sizeof(cost->client);
	int on = 1, listener;
	char byte = 'x';

	bench_enter_netns(cost->guarded_ns);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(listener, (struct sockaddr *)&cost->server, sizeof(cost->server)) < 0 ||
	    listen(listener, 1) < 0)
		bench_die("listen");
	bench_enter_netns(cost->peer_ns);
	cost->client_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (cost->client_fd < 0 ||
	    connect(cost->client_fd, (struct sockaddr *)&cost->server, sizeof(cost->server)) < 0)
		bench_die("connect");
	cost->server_fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (cost->server_fd < 0 || send(cost->client_fd, &byte, 1, 0) != 1 ||
	    recv(cost->server_fd, &byte, 1, 0) != 1 || send(cost->server_fd, &byte, 1, 0) != 1 ||
	    recv(cost->client_fd, &byte, 1, 0) != 1 ||
	    getsockname(cost->client_fd, (struct sockaddr *)&cost->client, &len) < 0)
		bench_die("exchange a byte each way");
	close(listener);
}

static void read_device(struct cost *cost)
{
	struct ifreq req = {0};
	int fd;

	bench_enter_netns(cost->guarded_ns);
	cost->ifindex = if_nametoindex(cost->device);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", cost->device);
	if (!cost->ifindex || fd < 0 || ioctl(fd, SIOCGIFHWADDR, &req) < 0)
		bench_die("device %s", cost->device);
	memcpy(cost->mac, req.ifr_hwaddr.sa_data, ETH_ALEN);
	close(fd);
}

/* One more data segment of the connection, towards the guarded end or from it. */
static struct frame make_frame(const struct cost *cost, bool ingress)
{
	const struct sockaddr_in *src = ingress ? &cost->client : &cost->server;
	const struct sockaddr_in *dst = ingress ? &cost->server : &cost->client;
	struct frame frame = {0};

	memcpy(ingress ? frame.eth.h_dest : frame.eth.h_source, cost->mac, ETH_ALEN);
	(ingress ? frame.eth.h_source : frame.eth.h_dest)[0] = 0x02;
	frame.eth.h_proto = htons(ETH_P_IP);
	frame.ip.version = 4;
	frame.ip.ihl = sizeof(frame.ip) / 4;
	frame.ip.ttl = 64;
	frame.ip.protocol = IPPROTO_TCP;
	frame.ip.tot_len = htons(sizeof(frame) - sizeof(frame.eth));
	frame.ip.saddr = src->sin_addr.s_addr;
	frame.ip.daddr = dst->sin_addr.s_addr;
	frame.tcp.source = src->sin_port;
	frame.tcp.dest = dst->sin_port;
	frame.tcp.doff = sizeof(frame.tcp) / 4;
	frame.tcp.ack = 1;
	frame.tcp.psh = 1;
	return frame;
}

/* --- the programs ----------------------------------------------------------------------- */

/* The first program that the agent attached on that side of the device. */
static int attached_program(const struct cost *cost, uint32_t attach_type)
{
	struct zt_chain chain = {0};
	int r = zt_sys_tcx_query(cost->ifindex, attach_type, &chain);

	errno = r < 0 ? -r : 0;
	if (r < 0 || chain.count == 0)
		bench_die("no program on %s", cost->device);
	r = bpf_prog_get_fd_by_id(chain.prog_ids[0]);
	if (r < 0)
		bench_die("program %u", chain.prog_ids[0]);
	return r;
}

static int ref_program(struct bpf_object *obj, const char *name)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, name);

	if (!prog)
		bench_die("ref.bpf.o has no %s", name);
	return bpf_program__fd(prog);
}

/* The reference finds its key, too. */
static void fill_ref(struct bpf_object *obj, const struct frame *frame)
{
	struct ref_key key = {
		.src = {[10] = 0xff, [11] = 0xff},
		.dst = {[10] = 0xff, [11] = 0xff},
		.sport = frame->tcp.source,
		.dport = frame->tcp.dest,
		.proto = frame->ip.protocol,
	};
	int fd = bpf_object__find_map_fd_by_name(obj, "ref_flows");
	uint64_t value = 1;

	memcpy(key.src + 12, &frame->ip.saddr, 4);
	memcpy(key.dst + 12, &frame->ip.daddr, 4);
	if (fd < 0 || bpf_map_update_elem(fd, &key, &value, BPF_ANY) < 0)
		bench_die("fill the reference's table");
}

static struct bpf_object *load_ref(const char *path)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);

	if (!obj || bpf_object__load(obj) < 0)
		bench_die("load %s", path);
	return obj;
}

/* --- measuring ---------------------------------------------------------------------------- */

/* Runs the program @repeat times; returns nanoseconds for all. It must let the packet pass. */
static uint64_t run_subject(const struct cost *cost, struct subject *subject, unsigned int repeat)
{
	struct __sk_buff ctx = {.ifindex = cost->ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &subject->frame,
		    .data_size_in = sizeof(subject->frame), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .ctx_out = &ctx, .ctx_size_out = sizeof(ctx),
		    .repeat = (int)repeat);
	uint64_t ns;

	if (subject->ingress)
		ctx.ingress_ifindex = cost->ifindex;
	ns = bench_now_ns();
	if (bpf_prog_test_run_opts(subject->prog_fd, &opts) < 0)
		bench_die("test run of %s", subject->name);
	ns = bench_now_ns() - ns;
	errno = 0;
	if ((int)opts.retval != -1)
		bench_die("%s did not pass the packet: %d", subject->name, (int)opts.retval);
	if (!strcmp(subject->name, "lookup") && ctx.mark != MARK_FOUND)
		bench_die("the reference did not find its key");
	return ns;
}

static void measure(const struct cost *cost, struct subject *subjects, size_t count)
{
	for (unsigned int round = 0; round <= cost->rounds; round++) {
		for (size_t i = 0; i < count; i++) {
			struct span span = {0};

			span.ns = run_subject(cost, &subjects[i], cost->repeat);
			span.instructions = span.ns;
			if (round > 0)
				bench_print("cost", subjects[i].name, cost->repeat, &span,
					    cost->clock_counts);
		}
	}
}

static void parse_server(struct cost *cost, const char *address, const char *port)
{
	cost->server.sin_family = AF_INET;
	cost->server.sin_port = htons((uint16_t)bench_count(port, UINT16_MAX));
	errno = 0;
	if (inet_pton(AF_INET, address, &cost->server.sin_addr) != 1)
		bench_die("'%s' is not an IPv4 address", address);
}

int main(int argc, char **argv)
{
	static struct cost cost;
	struct subject subjects[4] = {{0}};
	struct bpf_object *ref;

	if (argc > 1 && !strcmp(argv[1], "--clock-counts")) {
		cost.clock_counts = true;
		argc--;
		argv++;
	}
	if (argc != 9) {
		fprintf(stderr, "usage: cost [--clock-counts] REPEAT ROUNDS GUARDED-NETNS DEVICE "
				"PEER-NETNS ADDRESS PORT REF-OBJECT\n");
		return 2;
	}
	cost.repeat = bench_count(argv[1], REPEAT_MAX);
	cost.rounds = bench_count(argv[2], ROUNDS_MAX);
	cost.guarded_ns = bench_open_netns(argv[3]);
	snprintf(cost.device, sizeof(cost.device), "%s", argv[4]);
	cost.peer_ns = bench_open_netns(argv[5]);
	parse_server(&cost, argv[6], argv[7]);
	ref = load_ref(argv[8]);
	open_connection(&cost);
	read_device(&cost); /* and stay in the guarded namespace: test runs take its devices */

	subjects[0] = (struct subject){"empty", ref_program(ref, "ref_empty"),
				       make_frame(&cost, true), true};
	subjects[1] = (struct subject){"lookup", ref_program(ref, "ref_lookup"),
				       make_frame(&cost, true), true};
	subjects[2] = (struct subject){"ours/in", attached_program(&cost, ZT_BPF_TCX_INGRESS),
				       make_frame(&cost, true), true};
	subjects[3] = (struct subject){"ours/out", attached_program(&cost, ZT_BPF_TCX_EGRESS),
				       make_frame(&cost, false), false};
	fill_ref(ref, &subjects[1].frame);
	measure(&cost, subjects, 4);
	bpf_object__close(ref);
	return 0;
}
