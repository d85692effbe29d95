// SPDX-License-Identifier: Apache-2.0
/* crypto_xfrm.c - IPsec as the kernel has it: associations and policies (linux/xfrm.h). Keys are
 * in what the kernel hands out; they are not looked at and wiped. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/crypto.h"
#include "ctl/doctor/doctor.h"

#define ROWS_MAX 4096

static json_t *address_text(uint16_t family, const xfrm_address_t *address)
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(family == AF_INET6 ? AF_INET6 : AF_INET, address, text, sizeof(text));
	return json_string(text);
}

static json_t *prefix_text(uint16_t family, const xfrm_address_t *address, uint8_t length)
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(family == AF_INET6 ? AF_INET6 : AF_INET, address, text, sizeof(text));
	return json_sprintf("%s/%u", text, length);
}

static const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_ESP    ? "esp"
	       : proto == IPPROTO_AH   ? "ah"
	       : proto == IPPROTO_COMP ? "comp"
				       : "other";
}

static struct nlattr *attrs_of(const struct nlmsghdr *msg, size_t body, int *ret_len)
{
	*ret_len = (int)msg->nlmsg_len - NLMSG_LENGTH((int)body);
	return (struct nlattr *)((char *)NLMSG_DATA(msg) + NLMSG_ALIGN(body));
}

/* --- associations --- */

/* Each kind of algorithm begins with its name, 64 bytes with a NUL. */
static void add_algorithm(json_t *row, const char *key, const struct nlattr *attr)
{
	if (attr && nla_len(attr) >= 64)
		json_object_set_new(row, key,
				    zt_json_strn(nla_data(attr), strnlen(nla_data(attr), 64)));
}

static json_t *limit_json(uint64_t limit)
{
	return limit == XFRM_INF || !limit ? json_null() : zt_json_u64(limit);
}

static void add_lifetime(json_t *row, const struct xfrm_usersa_info *sa)
{
	json_object_set_new(row, "bytes", zt_json_u64(sa->curlft.bytes));
	json_object_set_new(row, "packets", zt_json_u64(sa->curlft.packets));
	json_object_set_new(row, "added_s", zt_json_u64(sa->curlft.add_time));
	json_object_set_new(row, "hard_s", limit_json(sa->lft.hard_add_expires_seconds));
	json_object_set_new(row, "hard_bytes", limit_json(sa->lft.hard_byte_limit));
	json_object_set_new(row, "hard_packets", limit_json(sa->lft.hard_packet_limit));
}

static void take_state(const struct nlmsghdr *msg, void *data)
{
	const struct xfrm_usersa_info *sa = NLMSG_DATA(msg);
	struct nlattr *tb[XFRMA_MAX + 1], *attrs;
	json_t *row;
	int len;

	if (msg->nlmsg_len < NLMSG_LENGTH(sizeof(*sa)) || json_array_size(data) >= ROWS_MAX)
		return;
	attrs = attrs_of(msg, sizeof(*sa), &len);
	if (len < 0 || nla_parse(tb, XFRMA_MAX, attrs, len, NULL) < 0)
		return;
	row = json_pack("{s:o, s:o, s:s, s:s, s:o, s:i}", "source",
			address_text(sa->family, &sa->saddr), "destination",
			address_text(sa->family, &sa->id.daddr), "proto", proto_name(sa->id.proto),
			"mode", sa->mode == XFRM_MODE_TUNNEL ? "tunnel" : "transport", "spi",
			json_sprintf("0x%08x", ntohl(sa->id.spi)), "replay_window",
			sa->replay_window);
	add_algorithm(row, "encryption", tb[XFRMA_ALG_CRYPT]);
	add_algorithm(row, "encryption", tb[XFRMA_ALG_AEAD]);
	add_algorithm(row, "authentication",
		      tb[XFRMA_ALG_AUTH_TRUNC] ? tb[XFRMA_ALG_AUTH_TRUNC] : tb[XFRMA_ALG_AUTH]);
	if (tb[XFRMA_ALG_AEAD])
		json_object_set_new(row, "aead", json_true());
	if (tb[XFRMA_REPLAY_ESN_VAL] &&
	    nla_len(tb[XFRMA_REPLAY_ESN_VAL]) >= (int)sizeof(struct xfrm_replay_state_esn)) {
		const struct xfrm_replay_state_esn *esn = nla_data(tb[XFRMA_REPLAY_ESN_VAL]);

		json_object_set_new(row, "replay_window", json_integer(esn->replay_window));
	}
	add_lifetime(row, sa);
	json_array_append_new(data, row);
}

/* --- policies --- */

static void add_templates(json_t *row, const struct nlattr *attr)
{
	json_t *list = json_array();

	json_object_set_new(row, "templates", list);
	if (!attr)
		return;
	for (int at = 0; at + (int)sizeof(struct xfrm_user_tmpl) <= nla_len(attr);
	     at += (int)sizeof(struct xfrm_user_tmpl)) {
		const struct xfrm_user_tmpl *t = (const void *)((char *)nla_data(attr) + at);

		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:o, s:o}", "proto", proto_name(t->id.proto),
				  "level", t->optional ? "use" : "required", "mode",
				  t->mode == XFRM_MODE_TUNNEL ? "tunnel" : "transport", "source",
				  address_text(t->family, &t->saddr), "destination",
				  address_text(t->family, &t->id.daddr)));
	}
}

static void take_policy(const struct nlmsghdr *msg, void *data)
{
	static const char *const directions[] = {"in", "out", "fwd"};
	const struct xfrm_userpolicy_info *p = NLMSG_DATA(msg);
	struct nlattr *tb[XFRMA_MAX + 1], *attrs;
	json_t *row;
	int len;

	/* Those of single sockets (3 and above) are no rule of the host. */
	if (msg->nlmsg_len < NLMSG_LENGTH(sizeof(*p)) || p->dir > XFRM_POLICY_FWD ||
	    json_array_size(data) >= ROWS_MAX)
		return;
	attrs = attrs_of(msg, sizeof(*p), &len);
	if (len < 0 || nla_parse(tb, XFRMA_MAX, attrs, len, NULL) < 0)
		return;
	row = json_pack(
		"{s:s, s:o, s:o, s:i, s:i, s:i, s:s, s:I}", "direction", directions[p->dir],
		"source", prefix_text(p->sel.family, &p->sel.saddr, p->sel.prefixlen_s),
		"destination", prefix_text(p->sel.family, &p->sel.daddr, p->sel.prefixlen_d),
		"protocol", p->sel.proto, "source_port", ntohs(p->sel.sport), "destination_port",
		ntohs(p->sel.dport), "action", p->action == XFRM_POLICY_BLOCK ? "block" : "allow",
		"priority", (json_int_t)p->priority);
	add_templates(row, tb[XFRMA_TMPL]);
	json_array_append_new(data, row);
}

int ztc_xfrm(json_t *states, json_t *policies)
{
	struct {
		struct nlmsghdr head;
		struct xfrm_usersa_id body;
	} request = {.head = {.nlmsg_len = NLMSG_LENGTH(0), .nlmsg_type = XFRM_MSG_GETSA}};
	int r = ztc_netlink_dump(NETLINK_XFRM, &request.head, take_state, states);

	if (r < 0)
		return r;
	request.head =
		(struct nlmsghdr){.nlmsg_len = NLMSG_LENGTH(0), .nlmsg_type = XFRM_MSG_GETPOLICY};
	return ztc_netlink_dump(NETLINK_XFRM, &request.head, take_policy, policies);
}
