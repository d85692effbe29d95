/* SPDX-License-Identifier: Apache-2.0 */
/* netfilter.c - firewalls beside us: nftables and iptables tables, and whether they translate. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "ctl/doctor/doctor.h"
#include "ctl/render/text.h"

#define SHOWN 6 /* tables that are named */

struct tables {
	char names[256];
	size_t len;
	unsigned int count;
	unsigned int nat_chains;
};

static const char *family_name(uint8_t family)
{
	static const char *const names[] = {
		[NFPROTO_INET] = "inet",     [NFPROTO_IPV4] = "ip",	  [NFPROTO_ARP] = "arp",
		[NFPROTO_NETDEV] = "netdev", [NFPROTO_BRIDGE] = "bridge", [NFPROTO_IPV6] = "ip6",
	};

	return family < ARRAY_SIZE(names) && names[family] ? names[family] : "?";
}

/* Text of one attribute of an nfnetlink message, or "". */
static void attribute(const struct nlmsghdr *msg, int type, char *ret, size_t size)
{
	const struct nlattr *a = ztc_netlink_attr(msg, sizeof(struct nfgenmsg), type);

	ret[0] = '\0';
	if (a)
		snprintf(ret, size, "%.*s", nla_len(a), (const char *)nla_data(a));
}

static void take_table(const struct nlmsghdr *msg, void *data)
{
	const struct nfgenmsg *head = NLMSG_DATA(msg);
	struct tables *tables = data;
	char name[64];

	if (++tables->count > SHOWN)
		return;
	attribute(msg, NFTA_TABLE_NAME, name, sizeof(name));
	tables->len += (size_t)snprintf(
		tables->names + tables->len, sizeof(tables->names) - tables->len, "%s%s %.30s",
		tables->len ? ", " : "", family_name(head->nfgen_family), name);
}

static void take_chain(const struct nlmsghdr *msg, void *data)
{
	struct tables *tables = data;
	char type[16];

	attribute(msg, NFTA_CHAIN_TYPE, type, sizeof(type));
	if (strcmp(type, "nat") == 0)
		tables->nat_chains++;
}

int ztc_nftables_dump(uint16_t what, void (*each)(const struct nlmsghdr *msg, void *data),
		      void *data)
{
	struct {
		struct nlmsghdr head;
		struct nfgenmsg body;
	} request = {
		.head = {.nlmsg_len = sizeof(request),
			 .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | what},
		.body = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0},
	};

	return ztc_netlink_dump(NETLINK_NETFILTER, &request.head, each, data);
}

static void note_translation(struct ztc_doctor *doctor, const char *who, const char *what)
{
	ztc_note(doctor, ZTC_CAUTION, "translation",
		 "nothing, when it is meant: rules then see the untranslated ends, and a connect "
		 "that policy denies is refused on the wire",
		 "%s can translate addresses here (%s)", who, what);
}

bool ztc_nftables_absent(void)
{
	return ztc_file_has("/proc/modules", "nf_tables ") == 0 &&
	       ztc_file_has("/proc/kallsyms", " nf_tables_newtable") == 0;
}

static void check_nftables(struct ztc_doctor *doctor)
{
	struct tables tables = {0};
	char text[ZTC_TEXT_LEN];
	int r = ztc_nftables_absent() ? 0
				      : ztc_nftables_dump(NFT_MSG_GETTABLE, take_table, &tables);

	if (r < 0) {
		ztc_note(doctor, ZTC_UNKNOWN, "nftables", "run 'ztctl doctor' as root",
			 "nftables cannot be asked: %s", strerror(-r));
		return;
	}
	if (!tables.count) {
		ztc_note(doctor, ZTC_PASS, "nftables", NULL, "nftables has no tables here");
		return;
	}
	if (tables.count > SHOWN)
		snprintf(tables.names + tables.len, sizeof(tables.names) - tables.len,
			 " and %u more", tables.count - SHOWN);
	ztc_note(doctor, ZTC_PASS, "nftables", NULL,
		 "nftables filters too (%s): a packet must pass both", tables.names);
	r = ztc_nftables_dump(NFT_MSG_GETCHAIN, take_chain, &tables);
	ztc_plural(text, tables.nat_chains, "chain of type nat", "chains of type nat");
	if (r < 0)
		ztc_note(doctor, ZTC_UNKNOWN, "translation", "run 'nft list ruleset'",
			 "whether nftables translates cannot be found out: %s", strerror(-r));
	else if (tables.nat_chains)
		note_translation(doctor, "nftables", text);
}

static void check_iptables(struct ztc_doctor *doctor)
{
	static const struct {
		const char *path, *name;
	} lists[] = {{"/proc/net/ip_tables_names", "iptables"},
		     {"/proc/net/ip6_tables_names", "ip6tables"},
		     {"/proc/net/arp_tables_names", "arptables"}};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		zt_auto(zt_fclosep) FILE *in = fopen(lists[i].path, "re");
		char names[256] = "", line[64];
		size_t len = 0;

		if (!in && errno != ENOENT)
			ztc_note(doctor, ZTC_UNKNOWN, lists[i].name, "run 'ztctl doctor' as root",
				 "%s cannot be read: %s", lists[i].path, strerror(errno));
		while (in && fgets(line, sizeof(line), in) && len + sizeof(line) < sizeof(names)) {
			line[strcspn(line, "\n")] = '\0';
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
						len ? ", " : "", line);
			if (strcmp(line, "nat") == 0)
				note_translation(doctor, lists[i].name, "table nat is loaded");
		}
		if (len)
			ztc_note(doctor, ZTC_PASS, lists[i].name, NULL,
				 "%s (legacy) filters too (%s): a packet must pass both",
				 lists[i].name, names);
	}
}

void ztc_check_netfilter(struct ztc_doctor *doctor)
{
	check_nftables(doctor);
	check_iptables(doctor);
}
