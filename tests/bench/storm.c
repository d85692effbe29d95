// SPDX-License-Identifier: Apache-2.0
/*
 * storm.c - many connections at a steady pace, and many flows that stay: what an agent has to keep
 * up with.
 *
 * "tcp" opens connections between two namespaces of this machine at a given rate: connect, a byte
 * each way, close; both ends from one thread on one CPU, so that the other CPU is the agent's.
 * "udp" makes flows that are answered: datagrams from many addresses and ports of the client's
 * side, written to a raw socket, each echoed by an ordinary socket at the server.
 *
 * It never sends to an address that is not given on its command line. What the server answers in
 * "udp" goes to 10.128.0.0 and up, which the caller routes into the client's namespace.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/util.h"

#define LISTENERS   32
#define COUNT_MAX   10000000
#define RATE_MAX    1000000
#define SOURCE_NET  0x0a800000u /* 10.128.0.0 */
#define SOURCE_PORT 20000
#define PAYLOAD	    32

struct storm {
	int client_ns;
	int server_ns;
	struct sockaddr_in addr;
	unsigned int count;
};

static int make_socket(const struct storm *storm, int type, unsigned int offset)
{
	struct sockaddr_in addr = storm->addr;
	int on = 1, fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	addr.sin_port = htons((uint16_t)(ntohs(addr.sin_port) + offset));
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 64) < 0))
		bench_die("a server at port %d", ntohs(addr.sin_port));
	return fd;
}

/* --- tcp --------------------------------------------------------------------------------- */

static void one_byte(int from, int to)
{
	char byte = 'x';

	if (send(from, &byte, 1, MSG_NOSIGNAL) != 1 || recv(to, &byte, 1, 0) != 1)
		bench_die("a byte of a connection");
}

static void connection(int listener, const struct sockaddr_in *addr)
{
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), server;
	char byte;

	if (client < 0 || connect(client, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		bench_die("connect to port %d", ntohs(addr->sin_port));
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (server < 0)
		bench_die("accept");
	one_byte(client, server);
	one_byte(server, client);
	close(client);
	if (recv(server, &byte, 1, 0) != 0)
		bench_die("the end of a connection");
	close(server);
}

/* Each connection has its moment; one that is late is opened at once. Sets how long it all took. */
static void tcp_storm(const struct storm *storm, unsigned int rate, uint64_t *ret_ns)
{
	struct sockaddr_in addr[LISTENERS];
	int listener[LISTENERS];
	uint64_t began;

	bench_enter_netns(storm->server_ns);
	for (unsigned int i = 0; i < LISTENERS; i++) {
		listener[i] = make_socket(storm, SOCK_STREAM, i);
		addr[i] = storm->addr;
		addr[i].sin_port = htons((uint16_t)(ntohs(storm->addr.sin_port) + i));
	}
	bench_enter_netns(storm->client_ns);
	began = bench_now_ns();
	for (unsigned int i = 0; i < storm->count; i++) {
		while (bench_now_ns() - began < i * (1000000000ull / rate))
			;
		connection(listener[i % LISTENERS], &addr[i % LISTENERS]);
	}
	*ret_ns = bench_now_ns() - began;
}

/* --- udp --------------------------------------------------------------------------------- */

struct packet {
	struct iphdr ip;
	struct udphdr udp;
	char payload[PAYLOAD];
};

static void fill_packet(const struct storm *storm, struct packet *packet)
{
	memset(packet, 0, sizeof(*packet));
	packet->ip.version = 4;
	packet->ip.ihl = 5;
	packet->ip.ttl = 64;
	packet->ip.protocol = IPPROTO_UDP;
	packet->ip.daddr = storm->addr.sin_addr.s_addr;
	packet->udp.dest = storm->addr.sin_port;
	packet->udp.len = htons(sizeof(packet->udp) + PAYLOAD);
}

static void echo(int server)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char buf[PAYLOAD];
	ssize_t size =
		recvfrom(server, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from, &len);

	if (size != PAYLOAD ||
	    sendto(server, buf, PAYLOAD, 0, (struct sockaddr *)&from, len) != PAYLOAD)
		bench_die("a datagram and its echo");
}

/* Flow i comes from address i % @sources. */
static void udp_storm(const struct storm *storm, unsigned int sources, uint64_t *ret_ns)
{
	struct packet packet;
	uint64_t began;
	int server, raw;

	bench_enter_netns(storm->server_ns);
	server = make_socket(storm, SOCK_DGRAM, 0);
	bench_enter_netns(storm->client_ns);
	raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (raw < 0)
		bench_die("a raw socket");
	fill_packet(storm, &packet);
	began = bench_now_ns();
	for (unsigned int i = 0; i < storm->count; i++) {
		packet.ip.saddr = htonl(SOURCE_NET + 0x100 + i % sources);
		packet.udp.source = htons((uint16_t)(SOURCE_PORT + i / sources));
		if (sendto(raw, &packet, sizeof(packet), 0, (const struct sockaddr *)&storm->addr,
			   sizeof(storm->addr)) != sizeof(packet))
			bench_die("a raw datagram");
		echo(server);
	}
	*ret_ns = bench_now_ns() - began;
}

int main(int argc, char **argv)
{
	struct storm storm = {.addr.sin_family = AF_INET};
	uint64_t ns;
	bool tcp = argc > 1 && !strcmp(argv[1], "tcp");

	if (argc != 8 || (!tcp && strcmp(argv[1], "udp"))) {
		fprintf(stderr,
			"usage: storm tcp CLIENT-NETNS SERVER-NETNS ADDRESS PORT COUNT RATE\n"
			"       storm udp CLIENT-NETNS SERVER-NETNS ADDRESS PORT COUNT SOURCES\n");
		return 2;
	}
	storm.client_ns = bench_open_netns(argv[2]);
	storm.server_ns = bench_open_netns(argv[3]);
	errno = 0;
	if (inet_pton(AF_INET, argv[4], &storm.addr.sin_addr) != 1)
		bench_die("'%s' is not an IPv4 address", argv[4]);
	storm.addr.sin_port = htons((uint16_t)bench_count(argv[5], UINT16_MAX - LISTENERS));
	storm.count = bench_count(argv[6], COUNT_MAX);
	bench_pin(0);
	if (tcp)
		tcp_storm(&storm, bench_count(argv[7], RATE_MAX), &ns);
	else
		udp_storm(&storm, bench_count(argv[7], COUNT_MAX), &ns);
	printf("{\"count\": %u, \"ns\": %llu}\n", storm.count, (unsigned long long)ns);
	return 0;
}
