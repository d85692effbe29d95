// SPDX-License-Identifier: Apache-2.0
/*
 * paged.c - packets whose bytes are not all at hand: receive buffers in pages.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "paged.h"
#include "rows.h"

/* What a test run wants linear: the Ethernet and the IP header, as eth_type_trans() does. */
static unsigned int least_linear(const struct pkt *pkt)
{
	unsigned int type = pkt->data[12] << 8 | pkt->data[13];

	return type == 0x0800 ? 14 + 20 : type == 0x86dd ? 14 + 40 : 14;
}

static int run(struct rig *rig, const struct row *row, const struct pkt *pkt, unsigned int linear)
{
	struct rig_run how = {.hook = row->dir, .linear = linear};

	rig_clear(rig);
	return rig_run(rig, &how, pkt);
}

static void run_row(struct rig *rig, const struct row_table *table, const struct row *row,
		    int family)
{
	struct pkt pkt;
	char name[200];
	int whole;

	pkt_build(&pkt, family, row_names, row->packet);
	whole = run(rig, row, &pkt, 0);
	snprintf(name, sizeof(name), "paged: %s: ipv%c: %s", table->name,
		 family == AF_INET ? '4' : '6', row->name);
	for (unsigned int linear = least_linear(&pkt); linear < pkt.len && linear < 200; linear++) {
		int verdict = run(rig, row, &pkt, linear);

		if (verdict == whole)
			continue;
		rig_check(rig, false, name, "%u of %u bytes linear: verdict %d, whole %d", linear,
			  pkt.len, verdict, whole);
		return;
	}
	rig_check(rig, true, name, " ");
}

static bool kernel_can(struct rig *rig)
{
	const struct row probe = {.dir = 'i'};
	struct pkt pkt;

	pkt_build(&pkt, AF_INET, row_names, "ip peer>me / tcp 40000>443 S / data 100");
	return run(rig, &probe, &pkt, 34) > -1000;
}

bool paged_rows(struct rig *rig)
{
	if (!kernel_can(rig))
		return false;
	for (size_t i = 0; i < row_table_count; i++) {
		const struct row_table *table = row_tables[i];

		for (size_t r = 0; r < table->count; r++)
			for (const char *f = table->row[r].families; *f; f++)
				if (table->row[r].dir > 'Z' && !table->row[r].gso_size)
					run_row(rig, table, &table->row[r],
						*f == '4' ? AF_INET : AF_INET6);
	}
	return true;
}
