// SPDX-License-Identifier: Apache-2.0
/*
 * load.c - bounded TCP and UDP load between network namespaces of this machine, timed.
 *
 * Goes round the given pairs of namespaces (A B C A B C ...), a batch of operations in
 * each, and prints one JSON object per batch, so that whatever slows the machine down
 * slows all pairs alike. The first round warms up and is not printed.
 *
 * "tcp" and "udp" drive both ends from one thread on one CPU: every packet is delivered
 * within the system call that sent it, nothing ever waits, and the time of a batch is the
 * CPU time that both hosts spent. "rate" has a client process and a server process, each
 * on a CPU of its own, as a service would; an idle-priority loop keeps either CPU from
 * sleeping, or the rate would tell how fast a virtual CPU wakes up and little else.
 *
 * An agent that works off what its programs report shares the CPU: with --agent its time
 * is printed beside, and where the clock counts instructions they are not counted in.
 *
 * It never sends to an address that is not given on its command line.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/util.h"

#define PAIRS_MAX  16
#define LISTENERS  32 /* a batch uses one, so that no port range fills with TIME_WAIT */
#define OPS_MAX	   20000
#define ROUNDS_MAX 200
#define UDP_BYTES  64

/* Two namespaces and the address at which the second one serves the first. */
struct pair {
	char name[32];
	int client_ns;
	int server_ns;
	struct sockaddr_in addr;
	int listener[LISTENERS];
	int udp_client;
	int udp_server;
};

struct load {
	const char *kind;
	unsigned int ops;
	unsigned int rounds;
	bool clock_counts;  /* emulated: a nanosecond is an instruction */
	unsigned int agent; /* process to tell apart, or 0 */
	int counter;	    /* perf counter of kernel instructions on this CPU, or -1 */
	struct pair pairs[PAIRS_MAX];
	unsigned int pair_count;
};

/* Kernel instructions on one CPU; -1 where the machine has no counter for them. */
static int open_counter(int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_user = 1,
		.exclude_hv = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static uint64_t read_counter(int counter)
{
	uint64_t value = 0;

	if (counter >= 0 && read(counter, &value, sizeof(value)) != sizeof(value))
		bench_die("read the instruction counter");
	return value;
}

/* --- pairs ------------------------------------------------------------------------- */

/* NAME,CLIENT-NETNS,SERVER-NETNS,ADDRESS,PORT */
static void parse_pair(struct pair *pair, char *text)
{
	char *field[5] = {0};
	unsigned int count = 0;

	for (char *f = strsep(&text, ","); f && count < 5; f = strsep(&text, ","))
		field[count++] = f;
	errno = 0;
	if (count < 5 || text)
		bench_die("a pair is NAME,CLIENT-NETNS,SERVER-NETNS,ADDRESS,PORT");
	snprintf(pair->name, sizeof(pair->name), "%s", field[0]);
	pair->client_ns = bench_open_netns(field[1]);
	pair->server_ns = bench_open_netns(field[2]);
	pair->addr.sin_family = AF_INET;
	if (inet_pton(AF_INET, field[3], &pair->addr.sin_addr) != 1)
		bench_die("'%s' is not an IPv4 address", field[3]);
	pair->addr.sin_port = htons((uint16_t)bench_count(field[4], UINT16_MAX - LISTENERS));
}

static struct sockaddr_in addr_at(const struct pair *pair, unsigned int offset)
{
	struct sockaddr_in addr = pair->addr;

	addr.sin_port = htons((uint16_t)(ntohs(addr.sin_port) + offset));
	return addr;
}

static void make_listeners(struct pair *pair)
{
	int on = 1;

	for (unsigned int i = 0; i < LISTENERS; i++) {
		struct sockaddr_in addr = addr_at(pair, i);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 64) < 0)
			bench_die("%s: listen", pair->name);
		pair->listener[i] = fd;
	}
}

static void make_udp(struct pair *pair)
{
	bench_enter_netns(pair->server_ns);
	pair->udp_server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (pair->udp_server < 0 ||
	    bind(pair->udp_server, (struct sockaddr *)&pair->addr, sizeof(pair->addr)) < 0)
		bench_die("%s: UDP server", pair->name);
	bench_enter_netns(pair->client_ns);
	pair->udp_client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (pair->udp_client < 0 ||
	    connect(pair->udp_client, (struct sockaddr *)&pair->addr, sizeof(pair->addr)) < 0)
		bench_die("%s: UDP client", pair->name);
}

static void make_sockets(const struct load *load, struct pair *pair)
{
	if (!strcmp(load->kind, "udp")) {
		make_udp(pair);
		return;
	}
	bench_enter_netns(pair->server_ns);
	make_listeners(pair);
}

/* --- one operation ------------------------------------------------------------------- */

/* A lost packet must end the run with a message, never hang it. */
static void set_limits(int fd)
{
	struct timeval limit = {.tv_sec = 5};
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
		bench_die("socket limits");
}

static int open_connection(const struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		bench_die("socket");
	set_limits(fd);
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		bench_die("connect to port %d", ntohs(addr->sin_port));
	return fd;
}

static int accept_connection(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		bench_die("accept");
	return fd;
}

static void send_byte(int fd)
{
	if (send(fd, "x", 1, MSG_NOSIGNAL) != 1)
		bench_die("send");
}

/* Receives one byte, or with @expect 0 the end of the stream. */
static void expect_bytes(int fd, ssize_t expect)
{
	char byte;

	errno = 0;
	if (recv(fd, &byte, 1, 0) != expect)
		bench_die("recv: not %zd byte", expect);
}

/* Connect, one byte each way, close from the client; both ends from this thread. */
static void tcp_once(int listener, const struct sockaddr_in *addr)
{
	int client = open_connection(addr);
	int server = accept_connection(listener);

	send_byte(client);
	expect_bytes(server, 1);
	send_byte(server);
	expect_bytes(client, 1);
	close(client);
	expect_bytes(server, 0);
	close(server);
}

/* A 64-byte packet and a 64-byte answer. */
static void udp_once(const struct pair *pair)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char buf[UDP_BYTES] = {0};

	if (send(pair->udp_client, buf, sizeof(buf), 0) != sizeof(buf))
		bench_die("%s: UDP send", pair->name);
	if (recvfrom(pair->udp_server, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from,
		     &len) != sizeof(buf))
		bench_die("%s: UDP packet lost", pair->name);
	if (sendto(pair->udp_server, buf, sizeof(buf), 0, (struct sockaddr *)&from, len) !=
	    sizeof(buf))
		bench_die("%s: UDP answer", pair->name);
	if (recv(pair->udp_client, buf, sizeof(buf), MSG_DONTWAIT) != sizeof(buf))
		bench_die("%s: UDP answer lost", pair->name);
}

/* --- a batch --------------------------------------------------------------------------- */

static struct span tcp_batch(const struct load *load, const struct pair *pair, unsigned int round)
{
	struct sockaddr_in addr = addr_at(pair, round % LISTENERS);
	struct span span;

	span.instructions = read_counter(load->counter);
	span.ns = bench_now_ns();
	for (unsigned int i = 0; i < load->ops; i++)
		tcp_once(pair->listener[round % LISTENERS], &addr);
	span.ns = bench_now_ns() - span.ns;
	span.instructions = read_counter(load->counter) - span.instructions;
	return span;
}

static struct span udp_batch(const struct load *load, const struct pair *pair)
{
	struct span span;

	span.instructions = read_counter(load->counter);
	span.ns = bench_now_ns();
	for (unsigned int i = 0; i < load->ops / 2; i++)
		udp_once(pair);
	span.ns = bench_now_ns() - span.ns;
	span.instructions = read_counter(load->counter) - span.instructions;
	return span;
}

/* Keeps a CPU awake with whatever time nobody else wants; ends with this process. */
static void keep_awake(int cpu)
{
	struct sched_param param = {0};
	pid_t pid = fork();

	if (pid < 0)
		bench_die("fork");
	if (pid)
		return;
	bench_pin(cpu);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() == 1 ||
	    sched_setscheduler(0, SCHED_IDLE, &param) < 0)
		bench_die("idle priority");
	for (;;)
		__asm__ volatile("" ::: "memory");
}

/* The server process of "rate": serves @ops connections and ends. */
__attribute__((noreturn)) static void serve(int listener, unsigned int ops)
{
	bench_pin(1);
	for (unsigned int i = 0; i < ops; i++) {
		int fd = accept_connection(listener);

		expect_bytes(fd, 1);
		send_byte(fd);
		expect_bytes(fd, 0);
		close(fd);
	}
	_exit(0);
}

static struct span rate_batch(const struct load *load, const struct pair *pair, unsigned int round)
{
	struct sockaddr_in addr = addr_at(pair, round % LISTENERS);
	struct span span = {0};
	int status;
	pid_t pid = fork();

	if (pid < 0)
		bench_die("fork");
	if (pid == 0)
		serve(pair->listener[round % LISTENERS], load->ops);
	span.ns = bench_now_ns();
	for (unsigned int i = 0; i < load->ops; i++) {
		int fd = open_connection(&addr);

		send_byte(fd);
		expect_bytes(fd, 1);
		close(fd);
	}
	span.ns = bench_now_ns() - span.ns;
	if (waitpid(pid, &status, 0) != pid || status)
		bench_die("%s: the server failed", pair->name);
	return span;
}

static void run_batch(const struct load *load, const struct pair *pair, unsigned int round)
{
	uint64_t agent_ns = bench_cpu_ns(load->agent);
	struct span span;

	bench_enter_netns(pair->client_ns);
	if (!strcmp(load->kind, "udp"))
		span = udp_batch(load, pair);
	else if (!strcmp(load->kind, "rate"))
		span = rate_batch(load, pair, round);
	else
		span = tcp_batch(load, pair, round);
	span.agent_ns = bench_cpu_ns(load->agent) - agent_ns;
	if (load->clock_counts)
		span.instructions = span.ns - span.agent_ns;
	if (round > 0)
		bench_print(load->kind, pair->name, load->ops, &span,
			    load->clock_counts ||
				    (load->counter >= 0 && strcmp(load->kind, "rate")));
}

static int usage(void)
{
	fprintf(stderr,
		"usage: load [--clock-counts] [--agent=PID] tcp|udp|rate OPS ROUNDS PAIR...\n"
		"PAIR is NAME,CLIENT-NETNS,SERVER-NETNS,ADDRESS,PORT\n");
	return 2;
}

int main(int argc, char **argv)
{
	static struct load load = {.counter = -1};

	for (; argc > 2 && !strncmp(argv[1], "--", 2); argc--, argv++) {
		if (!strcmp(argv[1], "--clock-counts"))
			load.clock_counts = true;
		else if (!strncmp(argv[1], "--agent=", 8))
			load.agent = bench_count(argv[1] + 8, INT32_MAX);
		else
			return usage();
	}
	if (argc < 5 || argc - 4 > PAIRS_MAX ||
	    (strcmp(argv[1], "tcp") && strcmp(argv[1], "udp") && strcmp(argv[1], "rate")))
		return usage();
	load.kind = argv[1];
	load.ops = bench_count(argv[2], OPS_MAX);
	load.rounds = bench_count(argv[3], ROUNDS_MAX);
	for (int i = 4; i < argc; i++)
		parse_pair(&load.pairs[load.pair_count++], argv[i]);
	bench_pin(0);
	load.counter = open_counter(0);
	for (int cpu = 0; cpu < 2 && !strcmp(load.kind, "rate"); cpu++)
		keep_awake(cpu);
	for (unsigned int i = 0; i < load.pair_count; i++)
		make_sockets(&load, &load.pairs[i]);
	for (unsigned int round = 0; round <= load.rounds; round++)
		for (unsigned int i = 0; i < load.pair_count; i++)
			run_batch(&load, &load.pairs[i], round);
	return 0;
}
