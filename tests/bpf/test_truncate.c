// SPDX-License-Identifier: Apache-2.0
/*
 * test_truncate.c - every row of the packet table, cut and bent at every byte of its headers.
 *
 * A frame cut anywhere must be dropped or get the verdict of the whole one, never a better one.
 * A frame whose IP header covers less than is there must get a verdict that does not depend on
 * the bytes behind that. Any byte of the headers may be anything: the programs answer pass or
 * drop and nothing else.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "paged.h"
#include "rig.h"
#include "rows.h"

#define SHORTEST  15 /* a test run wants a byte behind the Ethernet header */
#define SWEEP_MAX 140

/* One row of one family, and what is being done to it. */
struct sweep {
	struct rig *rig;
	const struct row *row;
	struct rig_run run;
	struct pkt whole;
	int verdict; /* of the whole packet */
};

static int send_packet(struct sweep *s, const struct pkt *pkt)
{
	rig_clear(s->rig);
	return rig_run(s->rig, &s->run, pkt);
}

static unsigned int sweep_end(const struct sweep *s)
{
	unsigned int end = s->whole.headers + 1;

	if (end > s->whole.len)
		end = s->whole.len;
	return end < SWEEP_MAX ? end : SWEEP_MAX;
}

static bool tagged(const struct pkt *pkt)
{
	return pkt->data[12] == 0x81 || pkt->data[12] == 0x88;
}

/* The frame ends early. */
static unsigned int cut_frame(struct sweep *s, char *why, size_t why_len)
{
	unsigned int runs = 0;

	for (unsigned int len = SHORTEST; len < sweep_end(s); len++, runs++) {
		struct pkt pkt = s->whole;
		int verdict;

		memset(pkt.data + len, 0xee, sizeof(pkt.data) - len);
		pkt.len = len;
		verdict = send_packet(s, &pkt);
		if (verdict == DROP || verdict == s->verdict)
			continue;
		/* A test run wants a whole IP header (6.18); behind a tag it does not look. */
		if (verdict == -EINVAL - 1000 && len < 14 + 40 && !tagged(&s->whole))
			continue;
		snprintf(why, why_len, "cut to %u bytes: verdict %d, the whole has %d", len,
			 verdict, s->verdict);
		return 0;
	}
	return runs;
}

/* Where the IP header's length field is; 0 when there is none to bend. */
static unsigned int length_field(const struct pkt *pkt)
{
	unsigned int at = 12, type = pkt->data[12] << 8 | pkt->data[13];

	while (type == 0x8100 || type == 0x88a8) {
		at += 4;
		type = pkt->data[at] << 8 | pkt->data[at + 1];
	}
	at = type == 0x0800 ? at + 4 : type == 0x86dd ? at + 6 : 0;
	return at + 2 > pkt->len ? 0 : at;
}

/* The frame is whole but IP says that it is shorter: what lies behind is padding. */
static unsigned int cut_length(struct sweep *s, char *why, size_t why_len)
{
	static const __u8 filling[] = {0x00, 0x01, 0x50, 0xff};
	unsigned int at = length_field(&s->whole), runs = 0;
	bool v4 = s->whole.family == AF_INET;
	unsigned int ip = v4 ? at - 2 : at - 4, fixed = ip + (v4 ? 20 : 40);

	if (!at || s->run.hook == 'I' || s->run.hook == 'O' || s->run.gso_size)
		return 1;
	/* IPv4's length counts its header, IPv6's does not. */
	for (unsigned int end = v4 ? ip : fixed; end < sweep_end(s); end++) {
		unsigned int from = end < fixed ? fixed : end, len = end - (v4 ? ip : fixed);
		struct pkt pkt = s->whole;
		int first = 0;

		pkt.data[at] = len >> 8;
		pkt.data[at + 1] = len;
		for (size_t f = 0; f < sizeof(filling); f++, runs++) {
			int verdict;

			if (from < pkt.len)
				memset(pkt.data + from, filling[f], pkt.len - from);
			verdict = send_packet(s, &pkt);
			if (f == 0)
				first = verdict;
			if (verdict == first && (verdict == DROP || verdict == PASS))
				continue;
			snprintf(why, why_len, "IP ends at %u, padded with %02x: %d, with %02x: %d",
				 end, filling[0], first, filling[f], verdict);
			return 0;
		}
	}
	return runs + 1;
}

/* Any byte is anything. */
static unsigned int bend_bytes(struct sweep *s, char *why, size_t why_len)
{
	static const __u8 mask[] = {0x01, 0x40, 0x80, 0xff};
	unsigned int runs = 0;

	for (unsigned int at = 12; at < sweep_end(s); at++) {
		for (size_t m = 0; m < sizeof(mask); m++, runs++) {
			struct pkt pkt = s->whole;
			int verdict;

			pkt.data[at] ^= mask[m];
			verdict = send_packet(s, &pkt);
			if (verdict == PASS || verdict == DROP ||
			    (verdict == -EINVAL - 1000 && at < 14 && s->whole.len < 14 + 40))
				continue;
			snprintf(why, why_len, "byte %u ^ %02x: %d", at, mask[m], verdict);
			return 0;
		}
	}
	return runs;
}

static void sweep_row(struct rig *rig, const struct row_table *table, const struct row *row,
		      int family)
{
	static unsigned int (*const how[])(struct sweep *, char *, size_t) = {cut_frame, cut_length,
									      bend_bytes};
	static const char *const what[] = {"cut", "shortened", "bent"};
	struct sweep s = {.rig = rig, .row = row};
	char name[200], why[160];

	if (row->dir == 'I' || row->dir == 'O') /* the bytes themselves choose the device there */
		return;
	pkt_build(&s.whole, family, row_names, row->packet);
	s.run.hook = row->dir;
	s.run.gso_size = row->gso_size;
	s.run.gso_segs = row->gso_size ? 2 : 0;
	s.verdict = send_packet(&s, &s.whole);
	for (size_t i = 0; i < ARRAY_SIZE(how); i++) {
		unsigned int runs;

		why[0] = 0;
		runs = how[i](&s, why, sizeof(why));
		snprintf(name, sizeof(name), "%s: %s: ipv%c: %s", what[i], table->name,
			 family == AF_INET ? '4' : '6', row->name);
		if (runs || why[0])
			rig_check(rig, !why[0], name, "%s", why);
	}
}

int main(void)
{
	struct rig rig;

	rig_open(&rig, 1024);
	rig_policy(&rig, 0, ROW_POLICY("enforced"));
	rig_flip(&rig, 0);
	for (size_t i = 0; i < row_table_count; i++) {
		const struct row_table *table = row_tables[i];

		for (size_t r = 0; r < table->count; r++)
			for (const char *f = table->row[r].families; *f; f++)
				sweep_row(&rig, table, &table->row[r],
					  *f == '4' ? AF_INET : AF_INET6);
	}
	if (!paged_rows(&rig))
		printf("# test runs of this kernel have no paged packets\n");
	return rig_exit(&rig);
}
