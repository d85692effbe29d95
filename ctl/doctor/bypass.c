/* SPDX-License-Identifier: Apache-2.0 */
/* bypass.c - the limits of the datapath, as far as they apply to this host. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/doctor/doctor.h"
#include "ctl/doctor/links.h"
#include "ctl/render/text.h"

/* --- IPsec ---------------------------------------------------------------------- */

struct xfrm_seen {
	unsigned int states, policies; /* without an interface */
};

/* Does this message say which xfrm interface its traffic belongs to? */
static bool has_if_id(const struct nlmsghdr *msg, size_t body)
{
	return ztc_netlink_attr(msg, body, XFRMA_IF_ID);
}

static void take_state(const struct nlmsghdr *msg, void *data)
{
	struct xfrm_seen *seen = data;

	seen->states += !has_if_id(msg, sizeof(struct xfrm_usersa_info));
}

static void take_policy(const struct nlmsghdr *msg, void *data)
{
	const struct xfrm_userpolicy_info *policy = NLMSG_DATA(msg);
	struct xfrm_seen *seen = data;

	/* Directions past FWD are those of single sockets: a daemon's own key exchange. */
	if (policy->dir <= XFRM_POLICY_FWD && policy->action == XFRM_POLICY_ALLOW)
		seen->policies += !has_if_id(msg, sizeof(*policy));
}

static void note_ipsec(struct ztc_doctor *doctor, const struct xfrm_seen *seen)
{
	char states[ZTC_TEXT_LEN], policies[ZTC_TEXT_LEN];

	ztc_plural(states, seen->states, "state", "states");
	ztc_plural(policies, seen->policies, "policy", "policies");
	ztc_note(doctor, ZTC_FAIL, "ipsec",
		 "give the tunnel an xfrm interface (if_id): it is guarded like any other",
		 "IPsec without an interface (%s, %s): what is inside is not judged", states,
		 policies);
}

static void check_ipsec(struct ztc_doctor *doctor)
{
	struct nlmsghdr states = {.nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = XFRM_MSG_GETSA};
	struct nlmsghdr policies = {.nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = XFRM_MSG_GETPOLICY};
	struct xfrm_seen seen = {0};
	int r = ztc_netlink_dump(NETLINK_XFRM, &states, take_state, &seen);

	if (r == 0)
		r = ztc_netlink_dump(NETLINK_XFRM, &policies, take_policy, &seen);
	if (r == -EPROTONOSUPPORT && access("/proc/net/xfrm_stat", F_OK) < 0)
		ztc_note(doctor, ZTC_PASS, "ipsec", NULL, "this kernel has no IPsec");
	else if (r < 0)
		ztc_note(doctor, ZTC_UNKNOWN, "ipsec", "run 'ztctl doctor' as root",
			 "whether IPsec is in use cannot be found out: %s", strerror(-r));
	else if (seen.states || seen.policies)
		note_ipsec(doctor, &seen);
	else
		ztc_note(doctor, ZTC_PASS, "ipsec", NULL, "no IPsec without an interface");
}

/* --- sockets below IP ------------------------------------------------------------- */

#define SOCKETS_MAX 8

struct packet_sockets {
	unsigned long inode[SOCKETS_MAX];
	size_t count; /* may be above SOCKETS_MAX */
	char holders[256];
	size_t len;
};

static int read_packet_sockets(struct packet_sockets *ret)
{
	zt_auto(zt_fclosep) FILE *in = fopen("/proc/net/packet", "re");
	char line[256];
	unsigned long inode;

	if (!in)
		return -errno;
	while (fgets(line, sizeof(line), in)) {
		if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %lu", &inode) != 1)
			continue;
		if (ret->count < SOCKETS_MAX)
			ret->inode[ret->count] = inode;
		ret->count++;
	}
	return 0;
}

static bool holds(const char *pid, const struct packet_sockets *sockets)
{
	char path[300], target[64];
	zt_auto(zt_closedirp) DIR *dir = NULL;
	const struct dirent *entry;
	unsigned long inode;

	snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		ssize_t len;

		snprintf(path, sizeof(path), "/proc/%.16s/fd/%.200s", pid, entry->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		if (sscanf(target, "socket:[%lu]", &inode) != 1)
			continue;
		for (size_t i = 0; i < sockets->count && i < SOCKETS_MAX; i++) {
			if (sockets->inode[i] == inode)
				return true;
		}
	}
	return false;
}

/* Names the processes that hold them, as far as this user may look. */
static void find_holders(struct packet_sockets *sockets)
{
	zt_auto(zt_closedirp) DIR *proc = opendir("/proc");
	const struct dirent *entry;
	char path[64], comm[32];

	while (proc && (entry = readdir(proc))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
		    !holds(entry->d_name, sockets))
			continue;
		snprintf(path, sizeof(path), "/proc/%.16s/comm", entry->d_name);
		if (ztc_read_line(path, comm, sizeof(comm)) < 0 ||
		    sockets->len + 64 > sizeof(sockets->holders))
			continue;
		sockets->len += (size_t)snprintf(
			sockets->holders + sockets->len, sizeof(sockets->holders) - sockets->len,
			"%s%s (pid %.16s)", sockets->len ? ", " : "", comm, entry->d_name);
	}
}

static void check_packet_sockets(struct ztc_doctor *doctor)
{
	struct packet_sockets sockets = {0};
	char count[ZTC_TEXT_LEN];
	int r = read_packet_sockets(&sockets);

	if (r == -ENOENT) {
		ztc_note(doctor, ZTC_PASS, "af_packet", NULL, "this kernel has no AF_PACKET");
	} else if (r < 0) {
		ztc_note(doctor, ZTC_UNKNOWN, "af_packet", "run 'ztctl doctor' as root",
			 "/proc/net/packet cannot be read: %s", strerror(-r));
	} else if (sockets.count) {
		find_holders(&sockets);
		ztc_plural(count, (int64_t)sockets.count, "AF_PACKET socket", "AF_PACKET sockets");
		ztc_note(
			doctor, ZTC_CAUTION, "af_packet",
			"end what should not be there; take CAP_NET_RAW from what does not need it",
			"%s (%s): they read packets that policy denies and may send past it", count,
			sockets.len ? sockets.holders : "held by processes not seen");
	} else {
		ztc_note(doctor, ZTC_PASS, "af_packet", NULL,
			 "no socket reads or writes below IP (AF_PACKET)");
	}
}

long ztc_sockets_in_use(const char *protocol)
{
	zt_auto(zt_fclosep) FILE *in = fopen("/proc/net/protocols", "re");
	char line[256], name[32];
	long sockets;

	if (!in)
		return -errno;
	while (fgets(line, sizeof(line), in)) {
		if (sscanf(line, "%31s %*s %ld", name, &sockets) == 2 &&
		    strcmp(name, protocol) == 0)
			return sockets;
	}
	return 0;
}

static void check_xdp_sockets(struct ztc_doctor *doctor)
{
	long count = ztc_sockets_in_use("XDP");

	if (count < 0)
		ztc_note(doctor, ZTC_UNKNOWN, "af_xdp", "make /proc/net/protocols readable",
			 "AF_XDP sockets cannot be counted: %s", strerror((int)-count));
	else if (count)
		ztc_note(doctor, ZTC_CAUTION, "af_xdp", "end what should not be there",
			 "AF_XDP is in use (%ld): that traffic never passes the datapath", count);
	else
		ztc_note(doctor, ZTC_PASS, "af_xdp", NULL,
			 "no socket bypasses the kernel (AF_XDP)");
}

/* --- protocols that open further connections ----------------------------------------- */

/* Is there a TCP listener on one of these ports? The local port of @path's second column. */
static int listener(const char *path, const unsigned int *ports, size_t count)
{
	zt_auto(zt_fclosep) FILE *in = fopen(path, "re");
	char line[256];
	unsigned int port, state;

	while (in && fgets(line, sizeof(line), in)) {
		if (sscanf(line, "%*s %*[^:]:%x %*s %x", &port, &state) != 2 || state != 0x0a)
			continue;
		for (size_t i = 0; i < count; i++) {
			if (ports[i] == port)
				return (int)port;
		}
	}
	return 0;
}

static void check_helpers(struct ztc_doctor *doctor)
{
	static const unsigned int ports[] = {21, 111};
	int port = listener("/proc/net/tcp", ports, ARRAY_SIZE(ports));

	if (!port)
		port = listener("/proc/net/tcp6", ports, ARRAY_SIZE(ports));
	if (port)
		ztc_note(doctor, ZTC_CAUTION, "helpers",
			 "allow the service by 'unit:' with 'ports: [any]'",
			 "tcp/%d is served here (%s): its further connections are on ports that no "
			 "rule can name",
			 port, port == 21 ? "FTP" : "RPC");
	else
		ztc_note(doctor, ZTC_PASS, "helpers", NULL,
			 "no FTP or RPC service, whose further connections no rule could name");
}

/* --- routing, layer 2 ------------------------------------------------------------------ */

static void check_forwarding(struct ztc_doctor *doctor)
{
	char v4[8] = "?", v6[8] = "0";

	if (ztc_read_line("/proc/sys/net/ipv4/ip_forward", v4, sizeof(v4)) < 0) {
		ztc_note(doctor, ZTC_UNKNOWN, "forwarding", "make /proc/sys/net readable",
			 "whether this host routes cannot be read");
		return;
	}
	ztc_read_line("/proc/sys/net/ipv6/conf/all/forwarding", v6, sizeof(v6));
	if (v4[0] == '0' && v6[0] == '0')
		ztc_note(doctor, ZTC_PASS, "forwarding", NULL, "this host does not route");
	else
		ztc_note(
			doctor, ZTC_PASS, "forwarding", NULL,
			"this host routes (%s%s%s): what it forwards is judged once, where it enters",
			v4[0] != '0' ? "IPv4" : "", v4[0] != '0' && v6[0] != '0' ? " and " : "",
			v6[0] != '0' ? "IPv6" : "");
}

static void check_layer2(struct ztc_doctor *doctor)
{
	zt_auto(zt_freep) struct ztc_link *links = NULL;
	size_t count = 0, ethernet = 0;

	if (ztc_links(&links, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		ethernet += ztc_link_guarded(&links[i]) && links[i].ethernet;
	if (ethernet)
		ztc_note(
			doctor, ZTC_UNKNOWN, "layer2",
			"turn on port security, DHCP snooping and ARP/ND inspection at the switch",
			"whether neighbours on the same link can forge source addresses is up to the "
			"switch");
}

void ztc_check_bypass(struct ztc_doctor *doctor)
{
	check_ipsec(doctor);
	check_packet_sockets(doctor);
	check_xdp_sockets(doctor);
	check_forwarding(doctor);
	check_helpers(doctor);
	check_layer2(doctor);
}
