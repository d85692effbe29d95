// SPDX-License-Identifier: Apache-2.0
/*
 * seed_packets.c - the packet table as seeds for fuzz_packet: seed_packets DIRECTORY.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "rows.h"

static int write_seed(const char *dir, unsigned int n, const struct row *row, int family)
{
	zt_auto(zt_fclosep) FILE *f = NULL;
	char path[4096];
	struct pkt pkt;
	__u8 how = 0x70;

	if (row->dir == 'I' || row->dir == 'O')
		how |= 1;
	if (row->dir == 'o' || row->dir == 'O')
		how |= 2;
	if (row->gso_size)
		how |= 4;
	pkt_build(&pkt, family, row_names, row->packet);
	snprintf(path, sizeof(path), "%s/%04u", dir, n);
	f = fopen(path, "wb");
	if (!f || fputc(how, f) == EOF || fwrite(pkt.data, 1, pkt.len, f) != pkt.len) {
		perror(path);
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int n = 0;

	if (argc != 2)
		return 2;
	for (size_t i = 0; i < row_table_count; i++)
		for (size_t r = 0; r < row_tables[i]->count; r++)
			for (const char *f = row_tables[i]->row[r].families; *f; f++)
				if (write_seed(argv[1], n++, &row_tables[i]->row[r],
					       *f == '4' ? AF_INET : AF_INET6) < 0)
					return 1;
	return 0;
}
