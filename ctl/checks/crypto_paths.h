/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto_paths.h - which traffic a tunnel carries, and which paths the profile calls sensitive.
 *
 * A path is a text of the profile's list sensitive_paths: "10.1.0.0/24", "tcp/5432", or both with a
 * blank between.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "base/addr.h"

struct ztc_path {
	struct zt_net_key net;
	bool has_net;
	struct zt_port_range ports;
	bool has_ports;
};

/* ztc_path_parse - 0, or -EINVAL: neither a prefix nor a service. */
int ztc_path_parse(const char *text, struct ztc_path *ret);

/* ztc_path_matches - whether an edge {src, dst, service "tcp/5432"} is on the path. */
bool ztc_path_matches(const struct ztc_path *path, const json_t *edge);

/* ztc_path_required - whether IPsec policies of the kernel let nothing pass on the path, in and
 * out, but what ESP protects. @tunnels: the fact, or NULL. */
bool ztc_path_required(const struct ztc_path *path, const json_t *tunnels);

/**
 * ztc_edge_carried - whether a tunnel carries this edge, though it looks clear inside it.
 * @tunnels, @prefixes: facts, or NULL: then it is not known to be carried.
 * @now_s:   a WireGuard peer counts as alive as long as its session may live.
 */
bool ztc_edge_carried(const json_t *edge, const json_t *tunnels, const json_t *prefixes,
		      int64_t now_s);

/* ztc_peer_alive - a peer's handshake is no older than @limit_s. */
bool ztc_peer_alive(const json_t *peer, int64_t now_s, int64_t limit_s);
