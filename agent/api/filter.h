/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.h - which flows, violations and edges a request asks for.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/protocol.h"
#include "bpf/abi.h"
#include "flow/collect.h"
#include "flow/names.h"

struct zt_rate;
struct zt_history_edge;
struct zt_users;

enum zt_filter_verdict {
	ZT_WANT_ANY,
	ZT_WANT_ALLOWED,
	ZT_WANT_DENIED,
	ZT_WANT_WOULD_DENY,
};

/* What `encryption` asks for: any of these bits. */
enum zt_filter_class {
	ZT_WANT_COVER = 0x1,
	ZT_WANT_ENCRYPTION = 0x2,
	ZT_WANT_APP = 0x4,
};

/* Copies: a filter of a follower outlives its request. Empty strings ask for nothing. */
struct zt_filter {
	char segment[ZT_NAME_LEN];
	char host[256];
	char owner[ZT_PATH_LEN];
	struct zt_addr addr; /* of @host, when it is an address */
	bool host_is_addr;
	bool has_port;
	bool has_proto;
	uint16_t port;
	uint8_t proto;
	enum zt_filter_verdict verdict;
	uint8_t wants; /* enum zt_filter_class: what of the next three counts */
	enum zt_cover cover;
	uint8_t encryption;
	uint8_t app;
	const struct zt_flow_names *names; /* set by the caller before matching */
	struct zt_users *users;
};

/* Names of the filter arguments, for zt_json_only(). */
#define ZT_FILTER_KEYS "segment", "host", "port", "proto", "verdict", "owner"
#define ZT_CLASS_KEY   "encryption" /* where flows or edges have it */

/**
 * zt_filter_parse - read the filter arguments of a request.
 * @err: gets one sentence on failure.
 *
 * Returns 0 or -EINVAL.
 */
int zt_filter_parse(const json_t *args, struct zt_filter *ret, char *err, size_t err_len);

bool zt_filter_flow(const struct zt_filter *filter, const struct zt_flow_item *item);
bool zt_filter_violation(const struct zt_filter *filter, const struct zt_violation *v);
bool zt_filter_rate(const struct zt_filter *filter, const struct zt_rate *rate);
bool zt_filter_edge(const struct zt_filter *filter, const struct zt_edge *edge,
		    const struct zt_node *src, const struct zt_node *dst);

/* zt_filter_recorded - by names and owners as they were recorded, by segments as they are now. */
bool zt_filter_recorded(const struct zt_filter *filter, const struct zt_history_edge *edge);
