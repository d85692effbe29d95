/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_bypass.c - what could send or receive beside the packet filter.
 *
 * {sockets: [{kind "packet"|"raw"|"xdp", protocol, interface?, inode, pid?, comm?, exe?, unit?,
 *  cgroup?}], owners_complete, devices: [{device, driver, network}], uio: n, proxy_arp:
 * [interface], namespaces: [{inode, tasks, pid, name?, entered, why?, devices: [{name, type}]}]
 * other than our own, namespaces_complete, overridable: [{cgroup, attach}], overridable_why?,
 * unread: [what]} A packet socket reads what the filter denies and sends past it; a raw socket
 * sends past nothing but is served before the ports are; a device of vfio or uio is not the
 * kernel's any more.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/xdp_diag.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/net.h"
#include "ctl/collect/netns.h"
#include "ctl/collect/owner.h"
#include "ctl/doctor/doctor.h"
#include "ctl/doctor/links.h"

#define SOCKETS_MAX 4096

static void unread(json_t *data, const char *what)
{
	json_array_append_new(json_object_get(data, "unread"), json_string(what));
}

static void add_socket(json_t *data, const char *kind, unsigned int protocol, const char *interface,
		       unsigned long inode)
{
	json_t *list = json_object_get(data, "sockets"), *row;

	if (json_array_size(list) >= SOCKETS_MAX)
		return;
	row = json_object();
	json_object_set_new(row, "kind", json_string(kind));
	json_object_set_new(row, "protocol", json_integer(protocol));
	if (interface)
		json_object_set_new(row, "interface", zt_json_str(interface));
	json_object_set_new(row, "inode", json_integer((json_int_t)inode));
	json_array_append_new(list, row);
}

static FILE *table(json_t *data, const char *path)
{
	FILE *in = fopen(path, "re");

	if (!in && errno != ENOENT) /* ENOENT: this kernel has no such sockets */
		unread(data, path);
	return in;
}

static void read_packet(json_t *data)
{
	zt_auto(zt_fclosep) FILE *in = table(data, "/proc/net/packet");
	char line[256], name[IF_NAMESIZE];
	unsigned int protocol, ifindex;
	unsigned long inode;

	while (in && fgets(line, sizeof(line), in)) {
		if (sscanf(line, "%*s %*s %*s %x %u %*s %*s %*s %lu", &protocol, &ifindex,
			   &inode) != 3)
			continue;
		add_socket(data, "packet", protocol,
			   ifindex && if_indextoname(ifindex, name) ? name : NULL, inode);
	}
}

/* The "port" of a raw socket is its protocol. ICMP and ICMPv6 serve ping and neighbours. */
static void read_raw(json_t *data, const char *path)
{
	zt_auto(zt_fclosep) FILE *in = table(data, path);
	char line[512];
	unsigned int protocol;
	unsigned long inode;

	while (in && fgets(line, sizeof(line), in)) {
		if (sscanf(line, "%*s %*[^:]:%x %*s %*s %*s %*s %*s %*s %*s %lu", &protocol,
			   &inode) == 2)
			add_socket(data, "raw", protocol, NULL, inode);
	}
}

static void take_xdp(const struct nlmsghdr *msg, void *data)
{
	const struct xdp_diag_msg *m = NLMSG_DATA(msg);

	if (msg->nlmsg_len >= NLMSG_LENGTH(sizeof(*m)))
		add_socket(data, "xdp", 0, NULL, m->xdiag_ino);
}

/* Asking for them loads a module: only where there are any. */
static void read_xdp(json_t *data)
{
	struct {
		struct nlmsghdr head;
		struct xdp_diag_req body;
	} request = {.head = {.nlmsg_len = sizeof(request), .nlmsg_type = SOCK_DIAG_BY_FAMILY},
		     .body = {.sdiag_family = AF_XDP, .xdiag_show = XDP_SHOW_INFO}};
	long count = ztc_sockets_in_use("XDP");

	if (count == 0)
		return;
	if (count < 0)
		unread(data, "/proc/net/protocols");
	else if (ztc_netlink_dump(NETLINK_SOCK_DIAG, &request.head, take_xdp, data) < 0)
		add_socket(data, "xdp", 0, NULL, 0); /* somebody's, nobody can say whose */
}

/* Class 02xxxx of PCI is a network controller. */
static bool is_network(const struct ztc_env *env, const char *device)
{
	char path[256], text[16] = "";
	zt_auto(zt_fclosep) FILE *in = NULL;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.64s/class", device);
	in = ztc_collect_open(env, path);
	return in && fgets(text, sizeof(text), in) && strncmp(text, "0x02", 4) == 0;
}

static void read_devices(const struct ztc_env *env, json_t *data)
{
	static const char *const drivers[] = {"vfio-pci", "uio_pci_generic", "igb_uio"};

	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		zt_auto(zt_freep) char *path = NULL;
		zt_auto(zt_closedirp) DIR *dir = NULL;
		const struct dirent *entry;

		if (asprintf(&path, "%s/sys/bus/pci/drivers/%s", env->root, drivers[i]) < 0)
			return;
		dir = opendir(path);
		while (dir && (entry = readdir(dir))) {
			if (!strchr(entry->d_name, ':'))
				continue;
			json_array_append_new(json_object_get(data, "devices"),
					      json_pack("{s:o,s:s,s:b}", "device",
							zt_json_str(entry->d_name), "driver",
							drivers[i], "network",
							is_network(env, entry->d_name)));
		}
	}
}

static void read_proxies(json_t *data)
{
	zt_auto(zt_closedirp) DIR *dir = opendir("/proc/sys/net/ipv4/conf");
	const struct dirent *entry;
	char path[400], text[8];

	if (!dir)
		unread(data, "/proc/sys/net/ipv4/conf");
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || strcmp(entry->d_name, "default") == 0)
			continue;
		snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/proxy_arp", entry->d_name);
		if (ztc_read_line(path, text, sizeof(text)) == 0 && text[0] == '1')
			json_array_append_new(json_object_get(data, "proxy_arp"),
					      zt_json_str(entry->d_name));
	}
}

/* Devices of another namespace that its traffic leaves by. */
static int look_inside(const struct ztc_netns *ns, json_t *data)
{
	zt_auto(zt_freep) struct ztc_link *links = NULL;
	json_t *devices;
	size_t count = 0;
	char key[32];
	int r;

	if (ns->own)
		return 0;
	r = ztc_links(&links, &count);
	if (r < 0)
		return r;
	devices = json_array();
	for (size_t i = 0; i < count; i++) {
		if (links[i].up && !links[i].loopback)
			json_array_append_new(
				devices,
				json_pack("{s:o,s:s}", "name", zt_json_str(links[i].name), "type",
					  links[i].kind[0] ? links[i].kind : "hardware"));
	}
	snprintf(key, sizeof(key), "%llu", (unsigned long long)ns->inode);
	json_object_set_new(json_object_get(data, "inside"), key, devices);
	return 0;
}

static void read_namespaces(const struct ztc_env *env, json_t *data)
{
	json_t *list = json_array(), *row, *inside;
	bool complete = false;
	char key[32];
	size_t i;

	json_object_set_new(data, "namespaces_asked", json_boolean(env->all_netns));
	json_object_set_new(data, "inside", json_object());
	if (ztc_netns_each(env, look_inside, data, list, &complete) < 0)
		complete = false;
	inside = json_object_get(data, "inside");
	json_array_foreach (list, i, row) {
		snprintf(key, sizeof(key), "%lld",
			 json_integer_value(json_object_get(row, "inode")));
		if (json_object_get(inside, key))
			json_object_set(row, "devices", json_object_get(inside, key));
		if (!json_is_true(json_object_get(row, "own")))
			json_array_append(json_object_get(data, "namespaces"), row);
	}
	json_object_del(data, "inside");
	json_object_set_new(data, "namespaces_complete", json_boolean(complete));
	json_decref(list);
}

/* A program that a child cgroup may replace by its own: BPF_F_ALLOW_OVERRIDE. */
static void read_overridable(json_t *data)
{
	static const struct {
		const char *name;
		enum bpf_attach_type type;
	} hooks[] = {{"ingress", BPF_CGROUP_INET_INGRESS},
		     {"egress", BPF_CGROUP_INET_EGRESS},
		     {"connect4", BPF_CGROUP_INET4_CONNECT},
		     {"connect6", BPF_CGROUP_INET6_CONNECT}};
	zt_auto(zt_close) int fd = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; fd >= 0 && i < ARRAY_SIZE(hooks); i++) {
		__u32 ids[64], count = ARRAY_SIZE(ids), flags = 0;

		if (bpf_prog_query(fd, hooks[i].type, 0, &flags, ids, &count) < 0) {
			if (errno == EPERM || errno == EACCES)
				json_object_set_new(data, "overridable_why",
						    json_string("CAP_BPF or CAP_NET_ADMIN"));
			continue;
		}
		if (count && flags & BPF_F_ALLOW_OVERRIDE)
			json_array_append_new(
				json_object_get(data, "overridable"),
				json_pack("{s:s,s:s}", "cgroup", "/", "attach", hooks[i].name));
	}
}

int ztc_net_bypass(const struct ztc_env *env, json_t *data)
{
	static const char *const lists[] = {"sockets",	  "devices",	 "proxy_arp",
					    "namespaces", "overridable", "unread"};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		json_object_set_new(data, lists[i], json_array());
	read_packet(data);
	read_raw(data, "/proc/net/raw");
	read_raw(data, "/proc/net/raw6");
	read_xdp(data);
	read_devices(env, data);
	read_proxies(data);
	read_namespaces(env, data);
	read_overridable(data);
	return ztc_owners_tell(data);
}
