/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map_parts.h - what every picture of a map shares: ends by name, words for encryption and health.
 *
 * Takes the JSON of `map` (docs/json.md), borrowed; text that comes back is not escaped yet.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ctl/render/ends.h"
#include "ctl/render/style.h"

/* One edge with what is asked for often; all borrowed. */
struct ztc_edge_view {
	const json_t *edge, *src_node, *dst_node;
	const char *src, *dst; /* names */
	const json_t *src_workload, *dst_workload;
	const char *proto;
	int64_t port;
	bool denied, would; /* live; only by staged policy */
};

/**
 * ztc_map_edges - the edges to be shown, each with its ends.
 * @all:     the link's housekeeping too.
 * @ret:     array, the caller's (free), in the order of the map.
 * Returns 0, -EINVAL (this is no map) or -ENOMEM.
 */
int ztc_map_edges(const json_t *map, bool all, struct ztc_edge_view **ret, size_t *ret_count);

/* ztc_node_title - "db1", "203.0.113.9 ~api.example.com": a name that was only learnt has a ~. */
void ztc_node_title(char ret[ZTC_END_LEN], const json_t *node, const char *id);

/*
 * ztc_encryption - "tls1.3", "no (http)", "unknown", "60 % tls1.2": how much of an edge's
 * connections is encrypted, and by what. Returns the colour.
 */
enum ztc_color ztc_encryption(char ret[ZTC_END_LEN], const json_t *edge);

/* ztc_map_verdict - as ztc_verdict(), just "allowed" where no statement names it. */
enum ztc_color ztc_map_verdict(char ret[ZTC_END_LEN], const struct ztc_edge_view *e);

/* ztc_protocols - "tls1.3, http" of an edge's protocols, most first; "" without any. */
void ztc_protocols(char ret[ZTC_END_LEN], const json_t *edge);

/* ztc_health - "3 refused, 2 resets": what is not well; "" when all is. */
void ztc_health(char ret[ZTC_END_LEN], const json_t *edge);

/* ztc_rtt - "1.2 ms", a round-trip time in us; "" for 0. */
void ztc_rtt(char ret[ZTC_END_LEN], int64_t us);

/* ztc_edge_bytes - of both directions. */
int64_t ztc_edge_bytes(const json_t *edge);

/* How much of the traffic is encrypted; ICMP and what stays in one host are not asked. */
struct ztc_coverage {
	double connections, secret_connections, unknown_connections;
	double bytes, secret_bytes;
	size_t loopback; /* edges that were not asked */
};

void ztc_coverage_add(struct ztc_coverage *sum, const json_t *edge);

/* ztc_coverage_text - one sentence; "" when there was nothing to ask. */
void ztc_coverage_text(char ret[ZTC_END_LEN], const struct ztc_coverage *sum);

/* ztc_map_summary - what stands below a map: counts, time, coverage, losses, what was cut. */
void ztc_map_summary(FILE *out, const json_t *map, const struct ztc_edge_view *edges, size_t count,
		     const struct ztc_style *style);

/* ztc_map_disagreements - below it, where the hosts of a merged map do not say the same. */
int ztc_map_disagreements(FILE *out, const json_t *map, const struct ztc_style *style);
