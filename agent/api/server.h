/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - the control socket: who may ask, and never waiting for anybody.
 *
 * A unix stream socket on the event loop. Every buffer, the number of clients and
 * their idle time are bounded; a slow reader slows only itself. Access is by the
 * peer's credentials, not by the file's mode, so that a refusal says why. Opens no
 * path that a client names.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "name/cache.h"

struct sd_event;
struct zt_api_server;
struct zt_collector;
struct zt_dp;
struct zt_hints;
struct zt_history;
struct zt_intent;
struct zt_labels;

/**
 * struct zt_api_ctx - what the handlers work on; main.c fills it, all borrowed.
 * @started_ns: CLOCK_MONOTONIC coarse when the agent began.
 * @config_path, @state_dir, @run_dir, @pin_dir: as in force, for status.
 * @probe:  ask the kernel's judge (BPF_PROG_TEST_RUN of zt_probe): in and out in @probe. 0 or
 *          -errno. NULL: explain answers from the offline judge alone and says so.
 * @detach: stop enforcing: links, filters and pins removed. 0 or -errno with one sentence in
 *          @err (ZT_API_ERR_LEN).
 * @quit:   leave the event loop; called once the reply to a detach is on its way.
 * @ctx:    handed to the three.
 */
struct zt_api_ctx {
	struct sd_event *event;
	struct zt_dp *dp;
	struct zt_intent *intent;
	struct zt_labels *labels;
	struct zt_hints *hints; /* names that addresses may have; NULL = none are known */
	struct zt_collector *collector;
	struct zt_history *history; /* NULL = nothing is kept on disk */
	uint64_t started_ns;
	const char *config_path;
	const char *state_dir;
	const char *run_dir;
	const char *pin_dir;
	int (*probe)(void *ctx, struct zt_probe *probe);
	int (*detach)(void *ctx, char *err);
	void (*quit)(void *ctx);
	void *ctx;
};

#define ZT_API_ERR_LEN 4096 /* a refused policy is a report of many lines */

struct zt_api_config {
	const char *socket_path; /* its directory exists and only root may write to it */
	const char *admin_group; /* may change; NULL = "ztseg-admin" */
	const char *read_group;	 /* may read; NULL = "ztseg" */
	size_t max_clients;	 /* 0 = 64 */
	unsigned int idle_ms;	 /* a client that is neither served nor heard: 0 = 60000 */
};

/**
 * zt_api_server_new - bind and listen on ctx->event.
 *
 * A stale socket is replaced; one that a live agent answers on is not.
 * Returns 0, -EADDRINUSE (another agent serves this socket), -EPERM (the directory is
 * writable by others), -errno.
 */
int zt_api_server_new(struct zt_api_server **ret, const struct zt_api_config *cfg,
		      const struct zt_api_ctx *ctx);

/* zt_api_server_free - close every client and remove the socket. NULL is fine. */
void zt_api_server_free(struct zt_api_server **server);

/**
 * zt_api_flow_source - the collector's view of a datapath.
 * @ret: struct zt_flow_source, to be put into struct zt_collector_config.
 */
struct zt_flow_source;
void zt_api_flow_source(struct zt_dp *dp, struct zt_flow_source *ret);

/**
 * zt_api_history_open - the evidence on disk, with names by the policy in force.
 * @server: where the server is once it is made; its content is read at every writing.
 *
 * Returns as zt_history_open().
 */
int zt_api_history_open(struct zt_history **ret, const char *state_dir, struct zt_dp *dp,
			struct zt_api_server **server);

/* zt_api_hint - a name was learnt: zt_hint_fn (name/cache.h) that hands it to a history. */
void zt_api_hint(const struct zt_addr *addr, const char *name, enum zt_hint_source source,
		 void *history);
