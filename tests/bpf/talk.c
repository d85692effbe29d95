// SPDX-License-Identifier: Apache-2.0
/*
 * talk.c - conversations of two ends, byte for byte, through the programs.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "talk.h"

/* One packet of either end. Offsets are from where its stream stands. */
static void send_one(struct talk *t, int who, const char *flags, unsigned int seq,
		     const void *bytes, unsigned int len, unsigned int gso_size)
{
	bool near = (who == CLIENT) == t->by_near;
	struct rig_run run = {.hook = near ? 'o' : 'i', .gso_size = gso_size};
	int from = who == CLIENT ? t->client_port : t->server_port;
	int to = who == CLIENT ? t->server_port : t->client_port;
	struct pkt pkt;
	char line[200];

	if (t->udp)
		snprintf(line, sizeof(line), "ip %s / udp %d>%d / data %u",
			 near ? "me>peer" : "peer>me", from, to, len);
	else
		snprintf(line, sizeof(line), "ip %s / tcp %d>%d %s seq=%u ack=%u / data %u",
			 near ? "me>peer" : "peer>me", from, to, flags, seq,
			 strchr(flags, 'A') ? t->seq[!who] : 0, len);
	pkt_build(&pkt, t->family, row_names, line);
	memcpy(pkt.data + pkt.headers, bytes, len);
	if (rig_run(t->rig, &run, &pkt) != PASS) {
		printf("a packet was not let through: %s\n", line);
		exit(99);
	}
}

static void start(struct talk *t, struct rig *rig, bool udp, bool by_near, int server_port)
{
	*t = (struct talk){
		.rig = rig,
		.family = by_near ? AF_INET6 : AF_INET, /* so that both come by */
		.udp = udp,
		.by_near = by_near,
		.client_port = 40000,
		.server_port = server_port,
		.seq = {0xfffffff0, 1000}, /* the client's numbers turn over soon */
	};
	rig_clear(rig);
}

void talk_begin(struct talk *t, struct rig *rig, bool udp, bool by_near, int server_port)
{
	start(t, rig, udp, by_near, server_port);
	if (udp)
		return;
	send_one(t, CLIENT, "S", t->seq[CLIENT]++, "", 0, 0);
	send_one(t, SERVER, "SA", t->seq[SERVER]++, "", 0, 0);
	send_one(t, CLIENT, "A", t->seq[CLIENT], "", 0, 0);
}

void talk_middle(struct talk *t, struct rig *rig, bool by_near, int server_port)
{
	start(t, rig, false, by_near, server_port);
}

void talk_say(struct talk *t, int who, const void *bytes, unsigned int len, unsigned int mss)
{
	const char *at = bytes;

	do {
		unsigned int n = len < mss ? len : mss;

		send_one(t, who, "PA", t->seq[who], at, n, 0);
		t->seq[who] += n;
		at += n;
		len -= n;
	} while (len);
}

void talk_at(struct talk *t, int who, int offset, const void *bytes, unsigned int len)
{
	send_one(t, who, "PA", t->seq[who] + offset, bytes, len, 0);
}

void talk_super(struct talk *t, int who, const void *bytes, unsigned int len, unsigned int size)
{
	send_one(t, who, "PA", t->seq[who], bytes, len, size);
	t->seq[who] += len;
}

/* --- scripts --------------------------------------------------------------------------- */

struct turn {
	unsigned char bytes[PKT_MAX];
	unsigned int len;
};

static void put(struct turn *turn, unsigned char byte)
{
	if (turn->len == TALK_MSS + 200) {
		printf("a turn that is too long\n");
		exit(99);
	}
	turn->bytes[turn->len++] = byte;
}

/* One piece of a turn; returns behind it. */
static const char *piece(struct turn *turn, const char *s)
{
	unsigned int v, n;
	int used = 0;

	if (*s == '\'') {
		for (s++; *s && *s != '\''; s++)
			put(turn, *s);
		return *s ? s + 1 : s;
	}
	for (; isxdigit((unsigned char)*s); s += 2) {
		if (sscanf(s, "%2x", &v) != 1)
			break;
		put(turn, v);
	}
	if (*s == 'x' && sscanf(s, "x%u%n", &n, &used) == 1 && turn->len) {
		for (; n > 1; n--)
			put(turn, turn->bytes[turn->len - 1]);
		s += used;
	}
	return s;
}

void talk_script(struct talk *t, const char *script)
{
	const char *s = script;

	while (*s) {
		struct turn turn = {.len = 0};
		int who;

		s += strspn(s, " ;");
		if (!*s)
			break;
		if ((*s != 'c' && *s != 's') || s[1] != ' ') {
			printf("script at '%s'\n", s);
			exit(99);
		}
		who = *s == 'c' ? CLIENT : SERVER;
		s++;
		while (*s == ' ') {
			const char *before = ++s;

			s = piece(&turn, s);
			if (s == before && *s != ';' && *s) {
				printf("script at '%s'\n", s);
				exit(99);
			}
		}
		talk_say(t, who, turn.bytes, turn.len, PKT_MAX);
	}
}

bool talk_flow(struct talk *t, struct zt_flow *ret)
{
	struct zt_flow_key key;
	bool in_flows;

	return rig_one_flow(t->rig, &key, ret, &in_flows);
}
