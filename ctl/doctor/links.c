/* SPDX-License-Identifier: Apache-2.0 */
/* links.c - which interfaces carry traffic here, and what passes beside them. */
#include <errno.h>
#include <net/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/doctor/doctor.h"
#include "ctl/doctor/links.h"

struct link_list {
	struct ztc_link *links;
	size_t count, cap;
	bool lost;
};

static uint32_t get_u32(const struct rtattr *attr)
{
	uint32_t value = 0;

	if (RTA_PAYLOAD(attr) >= sizeof(value))
		memcpy(&value, RTA_DATA(attr), sizeof(value));
	return value;
}

static void get_text(char *ret, size_t size, const struct rtattr *attr)
{
	size_t len = strnlen(RTA_DATA(attr), RTA_PAYLOAD(attr));

	if (len >= size)
		len = size - 1;
	memcpy(ret, RTA_DATA(attr), len);
	ret[len] = '\0';
}

static void read_nested(struct ztc_link *link, const struct rtattr *nest)
{
	int len = (int)RTA_PAYLOAD(nest);

	for (const struct rtattr *a = RTA_DATA(nest); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		bool xdp = (nest->rta_type & NLA_TYPE_MASK) == IFLA_XDP;

		if (xdp && a->rta_type == IFLA_XDP_PROG_ID)
			link->xdp_prog = get_u32(a);
		else if (!xdp && a->rta_type == IFLA_INFO_KIND)
			get_text(link->kind, sizeof(link->kind), a);
		else if (!xdp && a->rta_type == IFLA_INFO_SLAVE_KIND)
			get_text(link->port_kind, sizeof(link->port_kind), a);
	}
}

static void read_attribute(struct ztc_link *link, const struct rtattr *a, bool *ret_lower_elsewhere)
{
	switch (a->rta_type & NLA_TYPE_MASK) {
	case IFLA_IFNAME:
		get_text(link->name, sizeof(link->name), a);
		break;
	case IFLA_MASTER:
		link->master = get_u32(a);
		break;
	case IFLA_LINK:
		link->lower = get_u32(a);
		break;
	case IFLA_LINK_NETNSID:
		*ret_lower_elsewhere = true;
		break;
	case IFLA_NUM_VF:
		link->vfs = get_u32(a);
		break;
	case IFLA_LINKINFO:
	case IFLA_XDP:
		read_nested(link, a);
		break;
	default:
		break;
	}
}

static void take_link(const struct nlmsghdr *msg, void *data)
{
	struct link_list *list = data;
	const struct ifinfomsg *info = NLMSG_DATA(msg);
	int len = (int)IFLA_PAYLOAD(msg);
	struct ztc_link link = {0};
	bool lower_elsewhere = false;

	if (msg->nlmsg_type != RTM_NEWLINK)
		return;
	link.ifindex = (uint32_t)info->ifi_index;
	link.up = info->ifi_flags & IFF_UP;
	link.loopback = info->ifi_flags & IFF_LOOPBACK;
	link.ethernet = info->ifi_type == ARPHRD_ETHER;
	for (const struct rtattr *a = IFLA_RTA(info); RTA_OK(a, len); a = RTA_NEXT(a, len))
		read_attribute(&link, a, &lower_elsewhere);
	if (lower_elsewhere || link.lower == link.ifindex)
		link.lower = 0;
	if (list->count == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 16;
		struct ztc_link *links = reallocarray(list->links, cap, sizeof(*links));

		if (!links) {
			list->lost = true;
			return;
		}
		list->links = links;
		list->cap = cap;
	}
	list->links[list->count++] = link;
}

int ztc_links(struct ztc_link **ret, size_t *ret_count)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg info;
		struct rtattr mask_head;
		uint32_t mask;
	} request = {
		.head = {.nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETLINK},
		.mask_head = {.rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = IFLA_EXT_MASK},
		.mask = RTEXT_FILTER_VF,
	};
	struct link_list list = {0};
	int r = ztc_netlink_dump(NETLINK_ROUTE, &request.head, take_link, &list);

	if (r == 0 && list.lost)
		r = -ENOMEM;
	if (r < 0) {
		free(list.links);
		return r;
	}
	*ret = list.links;
	*ret_count = list.count;
	return 0;
}

bool ztc_link_guarded(const struct ztc_link *link)
{
	return link->up && !link->loopback && !link->master;
}

static bool file_says(const char *path, char what)
{
	char text[8];

	return ztc_read_line(path, text, sizeof(text)) == 0 && text[0] == what;
}

bool ztc_link_carrier(const char *interface)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/net/%.32s/carrier", interface);
	return file_says(path, '1');
}

bool ztc_link_ipv6(const char *interface)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%.32s/disable_ipv6", interface);
	return file_says(path, '0');
}

static const struct ztc_link *find(const struct ztc_link *links, size_t count, uint32_t ifindex)
{
	for (size_t i = 0; i < count; i++) {
		if (links[i].ifindex == ifindex)
			return &links[i];
	}
	return NULL;
}

/* A VLAN over a guarded device is judged there. */
static bool covered(const struct ztc_link *link, const struct ztc_link *links, size_t count)
{
	const struct ztc_link *below = find(links, count, link->lower);

	return strcmp(link->kind, "vlan") == 0 && below && ztc_link_guarded(below);
}

/* "eth0, eth1 and 3 more" of the interfaces that the agent would judge at. */
static void check_guarded(struct ztc_doctor *doctor, const struct ztc_link *links, size_t count)
{
	char names[256] = "";
	size_t len = 0, shown = 0, guarded = 0;

	for (size_t i = 0; i < count; i++) {
		if (!ztc_link_guarded(&links[i]) || covered(&links[i], links, count))
			continue;
		if (++guarded > 8)
			continue;
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
					shown++ ? ", " : "", links[i].name);
	}
	if (guarded > shown)
		snprintf(names + len, sizeof(names) - len, " and %zu more", guarded - shown);
	if (guarded)
		ztc_note(doctor, ZTC_PASS, "interfaces", NULL, "traffic is judged at %s", names);
	else
		ztc_note(doctor, ZTC_CAUTION, "interfaces",
			 "bring an interface up, or start the agent in the right network namespace",
			 "no interface but loopback is up in this network namespace");
}

static void check_ports(struct ztc_doctor *doctor, const struct ztc_link *links, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct ztc_link *l = &links[i];
		unsigned int ports = 0;

		for (size_t j = 0; strcmp(l->kind, "bridge") == 0 && j < count; j++)
			ports += links[j].master == l->ifindex;
		if (ports > 1)
			ztc_note(
				doctor, ZTC_CAUTION, "bridge",
				"guard what is behind its ports in network namespaces of its own",
				"bridge %s has %u ports: what it passes between them is not judged, "
				"what this host sends or receives is",
				l->name, ports);
		if (strcmp(l->kind, "bond") == 0 && l->up)
			ztc_note(doctor, ZTC_PASS, "bond", NULL,
				 "%s is judged as one interface, not at its ports", l->name);
		if (l->up && covered(l, links, count))
			ztc_note(doctor, ZTC_PASS, "vlan", NULL, "VLAN %s is judged at %s", l->name,
				 find(links, count, l->lower)->name);
		if (l->vfs)
			ztc_note(
				doctor, ZTC_CAUTION, "sriov",
				"run an agent inside each guest, or take the functions back "
				"(echo 0 > /sys/class/net/NAME/device/sriov_numvfs)",
				"%s has %u SR-IOV functions: guests that own one pass this host by",
				l->name, l->vfs);
	}
}

void ztc_check_links(struct ztc_doctor *doctor)
{
	zt_auto(zt_freep) struct ztc_link *links = NULL;
	struct ztc_neighbours seen = {0};
	size_t count = 0;
	int r = ztc_links(&links, &count);

	if (r < 0) {
		ztc_note(doctor, ZTC_UNKNOWN, "interfaces", "run 'ztctl doctor' as root",
			 "the interfaces cannot be listed: %s", strerror(-r));
		return;
	}
	check_guarded(doctor, links, count);
	check_ports(doctor, links, count);
	for (size_t i = 0; i < count; i++) {
		if (links[i].up && !links[i].loopback)
			ztc_check_neighbours(doctor, &links[i], &seen);
	}
	if (seen.hidden)
		ztc_note(doctor, ZTC_UNKNOWN, "neighbours", "run 'ztctl doctor' as root",
			 "whether other programs are on tc or XDP cannot be seen from here");
	else if (!seen.programs)
		ztc_note(doctor, ZTC_PASS, "neighbours", NULL,
			 "nobody else's program is on tc or XDP of these interfaces");
}
