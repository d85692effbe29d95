/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_edges.h - what the passes over recorded edges share; for agent_edges*.c only.
 *
 * agent_edges.c       the windows, and what goes with the fact as a whole
 * agent_edges_sums.c  seven days: encryption, directions, the own segment, attribution
 * agent_edges_month.c thirty days: callers of admin ports, blocks that were taken back,
 *                     dependencies that nobody decided about
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/json.h"
#include "base/protocol.h"
#include "base/strmap.h"
#include "base/time.h"
#include "ctl/collect/agent.h"
#include "ctl/collect/agent_reach.h"
#include "history/history.h"

#define ZTC_TOP	      20   /* rows shown of what is wrong */
#define ZTC_TOP_PLAIN 1000 /* clear text: other checks look edges up there */

struct ztc_policy_now;

/* One edge as every pass looks at it. */
struct ztc_edge_view {
	const struct zt_history_edge *edge;
	bool in;	/* the other end opened */
	bool builtin;	/* what every link has: neighbour discovery, DHCP, ICMP errors */
	bool explained; /* a statement of the policy decided it in the live plane */
	bool denied;	/* in the live plane */
	bool on_link;	/* the other end is in a prefix of an own interface */
	const struct zt_history_end *near, *far;
	uint64_t bytes;
};

/* A few edges, those that count most; @weight orders them. */
struct ztc_top_row {
	uint64_t weight;
	json_t *json;
};
struct ztc_top {
	struct ztc_top_row *rows;
	size_t count, cap, max; /* @max 0 = ZTC_TOP */
	bool cut;
};

/* ztc_top_add - keep it if it is among the heaviest. */
void ztc_top_add(struct ztc_top *top, const struct ztc_edge_view *v, uint64_t weight);
/* ztc_top_json - heaviest first; empties it. */
json_t *ztc_top_json(struct ztc_top *top);

/* "tcp/443", "icmp/8". */
const char *ztc_edge_service(const struct zt_history_edge *edge, char ret[ZT_PORT_TEXT_LEN]);
/* ztc_edge_name - a host's name in the inventory, else its address. */
const char *ztc_edge_name(const struct zt_history_end *end, char ret[ZT_ADDR_TEXT_LEN]);

/* --- seven days --- */

struct ztc_share {
	uint64_t connections, explained;
	struct ztc_top top; /* of what is not */
};

struct ztc_two {
	uint64_t connections, bytes;
};

struct ztc_week {
	struct ztc_two total, loopback, forwarded, builtin;
	struct ztc_two cover[ZT_COVER_COUNT];
	struct ztc_two apart[3]; /* DNS, NTP, DHCP */
	struct ztc_top plaintext;
	struct ztc_share dir[2]; /* [1]: inbound */
	struct ztc_share segment;
	uint64_t known_rule, known_local, known_peer, known_all;
	struct ztc_top unattributed;
	struct zt_strmap *rules, *services; /* -> position in the arrays */
	struct ztc_plain {
		struct ztc_two plain;
		uint64_t encrypted_bytes;
	} * by_rule, *by_service;
	size_t by_rule_cap, by_service_cap;
	struct zt_strmap *callers; /* names of inventory hosts that opened connections */
	uint64_t from_public;
	struct zt_strmap *served; /* "tcp/443": own services that were called */
};

int ztc_week_init(struct ztc_week *week);
int ztc_week_add(struct ztc_week *week, const struct ztc_edge_view *v);
void ztc_week_json(struct ztc_week *week, json_t *data);
void ztc_week_free(struct ztc_week *week);

/* --- thirty days --- */

struct ztc_month {
	const json_t *admin; /* the profile's list */
	int64_t now_s;
	struct zt_strmap *peers;    /* service and address */
	struct zt_strmap *services; /* of admin ports, -> position */
	struct ztc_admin {
		char service[ZT_PORT_TEXT_LEN];
		uint64_t peers, connections;
	} * ports;
	size_t port_cap;
	uint64_t flows, denied;
	struct zt_strmap *blocks; /* both ends and service -> position */
	struct ztc_block {
		uint64_t denied;
		int64_t last_denied_s, first_allowed_s, last_allowed_s;
		json_t *json;
	} * block;
	size_t block_cap;
	struct zt_strmap *keys; /* of dependencies without a decision -> position */
	struct ztc_dependency { /* there may be 100,000: made JSON when shown */
		uint64_t connections;
		int64_t first_s, last_s;
		struct zt_addr src, dst;
		uint32_t src_host, dst_host; /* in hosts, or ZT_STRMAP_NONE */
		uint16_t port;
		uint8_t proto;
		bool in;
	} * dependency;
	struct zt_strmap *hosts;
	size_t dependency_cap;
	struct zt_strmap *decided_keys; /* of those that a statement decided -> position */
	int64_t *decided_s;		/* when it last did */
	size_t decided_cap;
	bool over; /* more than there is room for */
};

int ztc_month_init(struct ztc_month *month, const struct ztc_env *env);
int ztc_month_add(struct ztc_month *month, const struct ztc_edge_view *v);
void ztc_month_json(struct ztc_month *month, json_t *data);
void ztc_month_free(struct ztc_month *month);
