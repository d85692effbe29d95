// SPDX-License-Identifier: Apache-2.0
/* peer_host.c - the probed host's side: which ports are tried, and what a neighbour is asked. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/evidence/record.h"
#include "ctl/probe/peer.h"

#define LISTEN_STATE   0x0a /* TCP_LISTEN of include/net/tcp_states.h */
#define REQUEST_LIVE_S 86400

struct ports {
	uint8_t seen[65536 / 8];
	size_t count;
};

/* One line of /proc/net/tcp or tcp6 (proc(5)): addresses are 32-bit words in the host's order. */
static void take_line(const char *line, struct ports *ports)
{
	char address[40];
	unsigned int port, state;

	if (sscanf(line, " %*u: %39[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x", address, &port, &state) !=
	    3)
		return;
	if (state != LISTEN_STATE || port > UINT16_MAX)
		return;
	/* 127.0.0.0/8 has 7F as its last two digits on a little-endian host; ::1 is all zero but
	 * one. */
	if ((strlen(address) == 8 && strcasecmp(address + 6, "7F") == 0) ||
	    strcmp(address, "00000000000000000000000001000000") == 0)
		return;
	if (ports->seen[port / 8] >> (port % 8) & 1)
		return;
	ports->seen[port / 8] |= (uint8_t)(1 << (port % 8));
	ports->count++;
}

static int read_ports(const char *path, struct ports *ports)
{
	zt_auto(zt_fclosep) FILE *in = fopen(path, "re");
	char line[512];

	if (!in)
		return -errno;
	while (fgets(line, sizeof(line), in))
		take_line(line, ports);
	return 0;
}

int ztc_probe_listeners(struct ztc_probe *probe, size_t max)
{
	zt_auto(zt_freep) struct ports *ports = calloc(1, sizeof(*ports));
	size_t met = 0, taken = 0;
	int r;

	if (!ports)
		return -ENOMEM;
	r = read_ports("/proc/net/tcp", ports);
	if (r == 0) {
		r = read_ports("/proc/net/tcp6", ports);
		if (r == -ENOENT)
			r = 0;
	}
	/* A sample is spread evenly: the n-th of max stands for count / max of them. */
	for (unsigned int port = 1; r == 0 && port <= UINT16_MAX; port++) {
		if (!(ports->seen[port / 8] >> (port % 8) & 1))
			continue;
		if (ports->count <= max || met * max / ports->count == taken) {
			r = ztc_probe_add_port(probe, (uint16_t)port);
			taken++;
		}
		met++;
	}
	return r < 0 ? r : (int)ports->count;
}

int ztc_probe_canary_open(uint16_t port)
{
	const struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	const struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	zt_auto(zt_close) int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1, zero = 0;

	/* Without IPv6 there is IPv4. */
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
		if (bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0 &&
		    listen(fd, 16) == 0)
			return zt_take_fd(fd);
		zt_close(&fd);
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&any4, sizeof(any4)) < 0 || listen(fd, 16) < 0)
		return -errno;
	return zt_take_fd(fd);
}

/* --- a request ------------------------------------------------------------------------------ */

int ztc_probe_request(const struct ztc_probe *probe, int64_t now_s,
		      const struct zt_minisign_secret *key, json_t **ret)
{
	zt_auto(zt_json_decref) json_t *request = NULL;
	json_t *addresses = json_array(), *ports = json_array();
	char text[ZT_ADDR_TEXT_LEN];
	struct ztc_self self;
	int r;

	ztc_self(&self, "");
	for (size_t i = 0; i < probe->target_count; i++)
		json_array_append_new(addresses,
				      json_string(zt_addr_text(&probe->targets[i], text)));
	for (size_t i = 0; i < probe->port_count; i++)
		json_array_append_new(ports, json_integer(probe->ports[i]));
	request = json_pack("{s:s, s:o, s:s, s:o, s:o, s:i, s:o}", "format", ZTC_PROBE_REQUEST,
			    "host", zt_json_str(self.host), "machine", self.machine, "addresses",
			    addresses, "ports", ports, "canary", (int)probe->canary, "expires",
			    ztc_record_time(now_s + REQUEST_LIVE_S));
	if (!request)
		return -ENOMEM;
	r = ztc_seal(request, key, "ztseg probe request");
	if (r == 0)
		*ret = zt_take(request);
	return r;
}

static int take_addresses(const json_t *list, struct ztc_probe *ret)
{
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		struct zt_addr addr;

		/* A name would be looked up: only addresses. */
		if (!json_is_string(one) || zt_addr_parse(json_string_value(one), &addr) < 0 ||
		    ztc_probe_add_target(ret, json_string_value(one)) < 0)
			return -EINVAL;
	}
	return ret->target_count ? 0 : -EINVAL;
}

static int take_ports(const json_t *list, struct ztc_probe *ret)
{
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		json_int_t port = json_integer_value(one);

		if (port < 1 || port > UINT16_MAX || ztc_probe_add_port(ret, (uint16_t)port) < 0)
			return -EINVAL;
	}
	return 0;
}

int ztc_probe_request_read(const json_t *request, const struct ztc_trust *trust, int64_t now_s,
			   struct ztc_probe *ret, const char **ret_why)
{
	const char *machine = json_string_value(json_object_get(request, "machine"));
	const char *expires = json_string_value(json_object_get(request, "expires"));
	json_int_t canary = json_integer_value(json_object_get(request, "canary"));
	char id[ZT_MINISIGN_ID_TEXT_LEN];
	const char *signer;
	uint64_t ns;

	if (ztc_unseal(request, trust, ZTC_ROLE_HOST, &signer, id, ret_why) != ZTC_SEALED_OK)
		return -EPERM;
	*ret_why = "it is no request for a probe (ztseg.probe-request/1)";
	if (!json_is_string(json_object_get(request, "format")) ||
	    strcmp(json_string_value(json_object_get(request, "format")), ZTC_PROBE_REQUEST) != 0 ||
	    !machine || strlen(machine) >= sizeof(ret->machine) || !expires ||
	    zt_wall_parse(expires, &ns) < 0 || canary < 0 || canary > UINT16_MAX ||
	    take_addresses(json_object_get(request, "addresses"), ret) < 0 ||
	    take_ports(json_object_get(request, "ports"), ret) < 0)
		return -EINVAL;
	*ret_why = "it has expired: a request is good for a day";
	if (now_s > (int64_t)(ns / ZT_NS_PER_S))
		return -EINVAL;
	snprintf(ret->machine, sizeof(ret->machine), "%s", machine);
	ret->canary = (uint16_t)canary;
	*ret_why = "";
	return 0;
}
