// SPDX-License-Identifier: Apache-2.0
/* ssh.c - the KEXINIT of an SSH server; every length in it is somebody else's word. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/probe/ssh.h"

#define NAME_MAX_LEN 64 /* RFC 4251, 6 */
#define NAMES_MAX    128
#define COOKIE_LEN   16
#define MSG_KEXINIT  20

static const char hello[] = "SSH-2.0-ztseg_assess\r\n";

static uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool has_name(const json_t *names, const char *name, size_t len)
{
	json_t *each;
	size_t i;

	json_array_foreach (names, i, each) {
		if (json_string_length(each) == len &&
		    memcmp(json_string_value(each), name, len) == 0)
			return true;
	}
	return false;
}

/* US-ASCII, visible, no comma (RFC 4251, 6). */
static bool is_name(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (name[i] <= ' ' || name[i] > '~')
			return false;
	}
	return len && len <= NAME_MAX_LEN;
}

static int add_names(json_t *names, const char *list, size_t len)
{
	while (len) {
		const char *comma = memchr(list, ',', len);
		size_t n = comma ? (size_t)(comma - list) : len;

		if (!is_name(list, n) || (comma && n + 1 == len))
			return -EPROTO;
		if (json_array_size(names) >= NAMES_MAX)
			return -EPROTO;
		if (!has_name(names, list, n))
			json_array_append_new(names, json_stringn(list, n));
		list += n + (comma ? 1 : 0);
		len -= n + (comma ? 1 : 0);
	}
	return 0;
}

int ztc_ssh_parse(const uint8_t *payload, size_t len, json_t *ret)
{
	/* In the order of RFC 4253, 7.1; languages are of no interest. */
	static const char *const keys[] = {"kex", "hostkey",	 "cipher",	"cipher", "mac",
					   "mac", "compression", "compression", NULL,	  NULL};
	size_t at = 1 + COOKIE_LEN;

	if (len < at || payload[0] != MSG_KEXINIT)
		return -EPROTO;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		json_t *names;
		uint32_t n;
		int r;

		if (len - at < 4)
			return -EPROTO;
		n = get_be32(payload + at);
		at += 4;
		if (n > len - at)
			return -EPROTO;
		if (keys[i]) {
			names = json_object_get(ret, keys[i]);
			if (!names) {
				names = json_array();
				json_object_set_new(ret, keys[i], names);
			}
			r = add_names(names, (const char *)payload + at, n);
			if (r < 0)
				return r;
		}
		at += n;
	}
	/* first_kex_packet_follows and the reserved word end it. */
	return len - at == 5 ? 0 : -EPROTO;
}

static int read_packet(struct ztc_wire *wire, json_t *ret)
{
	uint8_t packet[ZTC_SSH_PACKET_MAX], head[5];
	uint32_t len;
	int r = ztc_wire_full(wire, head, sizeof(head));

	if (r < 0)
		return r;
	len = get_be32(head); /* of padding_length, payload and padding */
	if (len < 12 || len > ZTC_SSH_PACKET_MAX || head[4] < 4 || head[4] >= len - 1)
		return -EPROTO;
	r = ztc_wire_full(wire, packet, len - 1);
	if (r < 0)
		return r;
	return ztc_ssh_parse(packet, len - 1 - head[4], ret);
}

static const char *reason_of(int r)
{
	if (r == -EPROTO)
		return "what followed the banner is not a key exchange of RFC 4253";
	if (r == -ENODATA)
		return "closed before its key exchange";
	if (r == -EMSGSIZE)
		return "it never stops sending";
	return r == -ETIMEDOUT ? "no key exchange in time" : strerror(-r);
}

int ztc_ssh_kexinit(struct ztc_wire *wire, const char *banner, json_t *ret)
{
	int r = ztc_wire_write(wire, hello, sizeof(hello) - 1);

	json_object_set_new(ret, "banner", zt_json_str(banner));
	if (r == 0)
		r = read_packet(wire, ret);
	json_object_set_new(ret, "state", zt_json_str(r == 0 ? "ok" : reason_of(r)));
	return r;
}
