// SPDX-License-Identifier: Apache-2.0
/*
 * iptables.c - what iptables-legacy translates.
 */
#include <stdio.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#include "base/cleanup.h"
#include "datapath/iptables.h"

static bool listed(const char *path, const char *name)
{
	char line[64];
	bool found = false;
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		found = found || !strcmp(line, name);
	}
	if (f)
		fclose(f);
	return found;
}

/* The tables of iptables-legacy; only asked when in use, for asking would make them. */
static void read_family(int family, const char *names, bool *out, unsigned int *tables)
{
	struct ipt_getinfo info = {.name = "nat"};
	socklen_t len = sizeof(info);
	zt_auto(zt_close) int fd = -1;
	int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;

	if (!listed(names, "nat"))
		return;
	fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	/* struct ip6t_getinfo and IP6T_SO_GET_INFO are the same, number for number. */
	if (fd < 0 || getsockopt(fd, level, IPT_SO_GET_INFO, &info, &len) < 0) {
		*out = true;
		return;
	}
	*tables += info.num_entries > 5; /* four policies and the closing entry */
	if (info.hook_entry[NF_INET_LOCAL_OUT] != info.underflow[NF_INET_LOCAL_OUT])
		*out = true;
}

void zt_iptables_nat(bool *out, unsigned int *tables)
{
	read_family(AF_INET, "/proc/net/ip_tables_names", out, tables);
	read_family(AF_INET6, "/proc/net/ip6_tables_names", out, tables);
}
