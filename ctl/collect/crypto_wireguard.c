// SPDX-License-Identifier: Apache-2.0
/* crypto_wireguard.c - WireGuard devices by generic netlink (include/uapi/linux/wireguard.h). */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/wireguard.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/crypto.h"
#include "ctl/doctor/doctor.h"

#define PEERS_MAX    1024
#define PREFIXES_MAX 64 /* of a peer */
#define LINE_LEN     512

struct request {
	struct nlmsghdr head;
	struct genlmsghdr genl;
	char attrs[64];
};

static void add_text(struct request *request, uint16_t type, const char *text)
{
	struct nlattr *a = (struct nlattr *)(request->attrs + request->head.nlmsg_len -
					     NLMSG_LENGTH(GENL_HDRLEN));

	a->nla_type = type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + strlen(text) + 1);
	memcpy((char *)a + NLA_HDRLEN, text, strlen(text) + 1);
	request->head.nlmsg_len += NLA_ALIGN(a->nla_len);
}

static struct request make_request(uint16_t family, uint8_t command, uint8_t version)
{
	return (struct request){
		.head = {.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN), .nlmsg_type = family},
		.genl = {.cmd = command, .version = version},
	};
}

static struct nlattr *attrs_of(const struct nlmsghdr *msg, int *ret_len)
{
	*ret_len = (int)msg->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN);
	return (struct nlattr *)((char *)NLMSG_DATA(msg) + GENL_HDRLEN);
}

/* --- the family's number --- */

struct family {
	uint16_t id;
};

static void take_family(const struct nlmsghdr *msg, void *data)
{
	struct nlattr *tb[CTRL_ATTR_MAX + 1];
	struct family *family = data;
	int len;
	struct nlattr *attrs = attrs_of(msg, &len);

	if (len < 0 || nla_parse(tb, CTRL_ATTR_MAX, attrs, len, NULL) < 0)
		return;
	if (tb[CTRL_ATTR_FAMILY_NAME] && tb[CTRL_ATTR_FAMILY_ID] &&
	    nla_strcmp(tb[CTRL_ATTR_FAMILY_NAME], WG_GENL_NAME) == 0)
		family->id = nla_get_u16(tb[CTRL_ATTR_FAMILY_ID]);
}

/* A family that no module has registered is absent: asking by name would load the module. */
static int find_family(uint16_t *ret)
{
	struct request request = make_request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	struct family family = {0};
	int r = ztc_netlink_dump(NETLINK_GENERIC, &request.head, take_family, &family);

	*ret = family.id;
	return r < 0 ? r : family.id ? 0 : -ENOENT;
}

/* --- devices --- */

static void add_prefix(json_t *prefixes, const struct nlattr *allowed)
{
	struct nlattr *tb[WGALLOWEDIP_A_MAX + 1];
	char text[INET6_ADDRSTRLEN];
	int family;

	if (json_array_size(prefixes) >= PREFIXES_MAX ||
	    nla_parse_nested(tb, WGALLOWEDIP_A_MAX, (struct nlattr *)allowed, NULL) < 0 ||
	    !tb[WGALLOWEDIP_A_FAMILY] || !tb[WGALLOWEDIP_A_IPADDR] || !tb[WGALLOWEDIP_A_CIDR_MASK])
		return;
	family = nla_get_u16(tb[WGALLOWEDIP_A_FAMILY]);
	if (nla_len(tb[WGALLOWEDIP_A_IPADDR]) < (family == AF_INET6 ? 16 : 4))
		return;
	if (inet_ntop(family, nla_data(tb[WGALLOWEDIP_A_IPADDR]), text, sizeof(text)))
		json_array_append_new(
			prefixes,
			json_sprintf("%s/%u", text, nla_get_u8(tb[WGALLOWEDIP_A_CIDR_MASK])));
}

static json_t *endpoint_of(const struct nlattr *attr)
{
	const struct sockaddr_in6 *in6 = nla_data(attr);
	const struct sockaddr_in *in = nla_data(attr);
	char text[INET6_ADDRSTRLEN] = "";

	if (nla_len(attr) >= (int)sizeof(*in6) && in6->sin6_family == AF_INET6)
		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
	else if (nla_len(attr) >= (int)sizeof(*in) && in->sin_family == AF_INET)
		inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
	return json_string(text);
}

static json_t *key_text(const uint8_t *key)
{
	/* Enough to know a peer by; a public key is no secret. */
	return zt_json_hex(key, 8);
}

static void add_peer(json_t *peers, const struct nlattr *attr)
{
	struct nlattr *tb[WGPEER_A_MAX + 1], *each;
	struct timespec hand = {0};
	json_t *peer, *prefixes;
	int left;

	if (nla_parse_nested(tb, WGPEER_A_MAX, (struct nlattr *)attr, NULL) < 0 ||
	    !tb[WGPEER_A_PUBLIC_KEY] || nla_len(tb[WGPEER_A_PUBLIC_KEY]) < WG_KEY_LEN)
		return;
	if (json_array_size(peers) >= PEERS_MAX)
		return;
	peer = json_object();
	prefixes = json_array();
	json_object_set_new(peer, "key", key_text(nla_data(tb[WGPEER_A_PUBLIC_KEY])));
	if (tb[WGPEER_A_ENDPOINT])
		json_object_set_new(peer, "endpoint", endpoint_of(tb[WGPEER_A_ENDPOINT]));
	if (tb[WGPEER_A_LAST_HANDSHAKE_TIME])
		nla_memcpy(&hand, tb[WGPEER_A_LAST_HANDSHAKE_TIME], sizeof(hand));
	json_object_set_new(peer, "handshake_s", json_integer(hand.tv_sec));
	json_object_set_new(
		peer, "rx_bytes",
		zt_json_u64(tb[WGPEER_A_RX_BYTES] ? nla_get_u64(tb[WGPEER_A_RX_BYTES]) : 0));
	json_object_set_new(
		peer, "tx_bytes",
		zt_json_u64(tb[WGPEER_A_TX_BYTES] ? nla_get_u64(tb[WGPEER_A_TX_BYTES]) : 0));
	if (tb[WGPEER_A_ALLOWEDIPS])
		nla_for_each_nested(each, tb[WGPEER_A_ALLOWEDIPS], left) add_prefix(prefixes, each);
	json_object_set_new(peer, "allowed", prefixes);
	json_array_append_new(peers, peer);
}

/* A device with many peers comes in several messages: the later ones go to the same row. */
static json_t *device_of(json_t *list, const char *name)
{
	json_t *each;
	size_t i;

	json_array_foreach (list, i, each) {
		const char *known = json_string_value(json_object_get(each, "interface"));

		if (known && strcmp(known, name) == 0)
			return each;
	}
	each = json_pack("{s:o, s:s, s:[]}", "interface", zt_json_str(name), "by", "kernel",
			 "peers");
	json_array_append_new(list, each);
	return each;
}

static void take_device(const struct nlmsghdr *msg, void *data)
{
	struct nlattr *tb[WGDEVICE_A_MAX + 1], *each;
	json_t *device, *peers;
	int len, left;
	struct nlattr *attrs = attrs_of(msg, &len);

	if (len < 0 || nla_parse(tb, WGDEVICE_A_MAX, attrs, len, NULL) < 0 ||
	    !tb[WGDEVICE_A_IFNAME])
		return;
	device = device_of(data, nla_get_string(tb[WGDEVICE_A_IFNAME]));
	if (tb[WGDEVICE_A_LISTEN_PORT])
		json_object_set_new(device, "port",
				    json_integer(nla_get_u16(tb[WGDEVICE_A_LISTEN_PORT])));
	peers = json_object_get(device, "peers");
	if (tb[WGDEVICE_A_PEERS])
		nla_for_each_nested(each, tb[WGDEVICE_A_PEERS], left) add_peer(peers, each);
}

int ztc_wireguard(json_t *list)
{
	struct if_nameindex *names;
	uint16_t family;
	int r = find_family(&family);

	if (r < 0)
		return r;
	names = if_nameindex();
	for (struct if_nameindex *i = names; i && i->if_name; i++) {
		struct request request = make_request(family, WG_CMD_GET_DEVICE, WG_GENL_VERSION);
		int one;

		add_text(&request, WGDEVICE_A_IFNAME, i->if_name);
		one = ztc_netlink_dump(NETLINK_GENERIC, &request.head, take_device, list);
		/* Not a WireGuard device is what most interfaces are. */
		if (one < 0 && one != -EOPNOTSUPP && one != -ENODEV)
			r = one;
	}
	if (names)
		if_freenameindex(names);
	return r;
}

/* --- programs: "get=1" on their socket (the cross-platform interface of wireguard-go and others)
 * --- */

static void take_setting(json_t *peers, char *line)
{
	json_t *peer = json_array_get(peers, json_array_size(peers) - 1);
	char *value = strchr(line, '=');

	if (!value)
		return;
	*value++ = '\0';
	if (strcmp(line, "public_key") == 0 && json_array_size(peers) < PEERS_MAX)
		json_array_append_new(peers, json_pack("{s:s%, s:i, s:i, s:i, s:[]}", "key", value,
						       strnlen(value, 16), "handshake_s", 0,
						       "rx_bytes", 0, "tx_bytes", 0, "allowed"));
	else if (!peer)
		return;
	else if (strcmp(line, "endpoint") == 0)
		json_object_set_new(peer, "endpoint", zt_json_str(value));
	else if (strcmp(line, "last_handshake_time_sec") == 0)
		json_object_set_new(peer, "handshake_s", json_integer(atoll(value)));
	else if (strcmp(line, "rx_bytes") == 0 || strcmp(line, "tx_bytes") == 0)
		json_object_set_new(peer, line, json_integer(atoll(value)));
	else if (strcmp(line, "allowed_ip") == 0 &&
		 json_array_size(json_object_get(peer, "allowed")) < PREFIXES_MAX)
		json_array_append_new(json_object_get(peer, "allowed"), zt_json_str(value));
}

static FILE *ask_program(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = 1};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FILE *in;

	if (fd < 0)
		return NULL;
	memcpy(to.sun_path, path, strnlen(path, sizeof(to.sun_path) - 1));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    send(fd, "get=1\n\n", 7, MSG_NOSIGNAL) != 7 || !(in = fdopen(fd, "r"))) {
		close(fd);
		return NULL;
	}
	return in;
}

static void read_program(json_t *list, const char *path, const char *name)
{
	zt_auto(zt_fclosep) FILE *in = ask_program(path);
	char line[LINE_LEN];
	json_t *device, *peers;

	if (!in)
		return;
	device = json_pack("{s:o, s:s, s:[]}", "interface", zt_json_str(name), "by", "program",
			   "peers");
	peers = json_object_get(device, "peers");
	for (int lines = 0; lines < 65536 && fgets(line, sizeof(line), in); lines++) {
		line[strcspn(line, "\n")] = '\0';
		/* Its answer ends with an empty line; the private key is not looked at. */
		if (!*line)
			break;
		if (strncmp(line, "private_key=", 12) != 0 &&
		    strncmp(line, "preshared_key=", 14) != 0)
			take_setting(peers, line);
	}
	explicit_bzero(line, sizeof(line));
	json_array_append_new(list, device);
}

void ztc_wireguard_user(json_t *list, const char *root)
{
	char dir_path[256], path[600], name[IF_NAMESIZE];
	zt_auto(zt_closedirp) DIR *dir = NULL;
	struct dirent *entry;

	snprintf(dir_path, sizeof(dir_path), "%s/run/wireguard", root);
	dir = opendir(dir_path);
	while (dir && (entry = readdir(dir))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (!dot || strcmp(dot, ".sock") != 0 || dot - entry->d_name >= IF_NAMESIZE)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(dot - entry->d_name), entry->d_name);
		/* One of another network namespace is no device of ours. */
		if (!if_nametoindex(name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir_path, entry->d_name);
		read_program(list, path, name);
	}
}
