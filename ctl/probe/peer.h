/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer.h - what a neighbour sees: connections opened to another host's ports, each on record.
 *
 * A TCP connection is opened and closed at once; not a byte of data is sent, so no credential and
 * no request can leave. Few ports, started some time apart: this is no scanner.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "bpf/abi.h"
#include "ctl/evidence/seal.h"

#define ZTC_PROBE_TARGETS_MAX 16
#define ZTC_PROBE_PORTS_MAX   64
#define ZTC_PROBE_CANARY      61039 /* a port that nothing uses; a policy names it nowhere */
#define ZTC_PROBE_GAP_MS      200   /* between two attempts: 5 a second */
/* An address that nobody has is given up by the kernel after 3 s: unreachable, not silent. */
#define ZTC_PROBE_TIMEOUT_MS 4000
#define ZTC_PROBE_REQUEST    "ztseg.probe-request/1"

enum ztc_probe_outcome {
	ZTC_PROBE_CONNECTED,
	ZTC_PROBE_REFUSED,     /* a RST came: the packet met no filter, or one that answers */
	ZTC_PROBE_TIMEOUT,     /* nothing came */
	ZTC_PROBE_PROHIBITED,  /* an ICMP error of a filter came */
	ZTC_PROBE_UNREACHABLE, /* nobody has that address, or there is no route: proves nothing */
	ZTC_PROBE_DENIED,      /* denied here, before anything was sent: proves nothing */
	ZTC_PROBE_ERROR,
};

/* ztc_probe_outcome_name - "connected", "refused", …, as records have it. */
const char *ztc_probe_outcome_name(enum ztc_probe_outcome outcome);

/**
 * struct ztc_attempt - one connection that is opened.
 * @at_ns: CLOCK_REALTIME when it began.
 * @ms:    until its outcome.
 */
struct ztc_attempt {
	struct zt_addr source, target;
	uint16_t source_port, port;
	bool canary;
	uint64_t at_ns;
	uint32_t ms;
	enum ztc_probe_outcome outcome;
};

/* What is tried: every port at every target. */
struct ztc_probe {
	struct zt_addr targets[ZTC_PROBE_TARGETS_MAX];
	size_t target_count;
	uint16_t ports[ZTC_PROBE_PORTS_MAX];
	size_t port_count;
	uint16_t canary; /* 0 = none */
	bool canary_listens;
	char machine[ZTC_DIGEST_TEXT_LEN]; /* the target's, when it asked; else "" */
};

/* ztc_probe_add_port - once each. 0, -E2BIG. */
int ztc_probe_add_port(struct ztc_probe *probe, uint16_t port);

/* ztc_probe_add_ports - "22,443" or "tcp/22". 0, -EINVAL, -E2BIG. */
int ztc_probe_add_ports(struct ztc_probe *probe, const char *text);

/* ztc_probe_add_target - an address or a name, which is looked up. 0, -EINVAL (a loopback or
 * multicast address), -ENOENT (no such name), -E2BIG. */
int ztc_probe_add_target(struct ztc_probe *probe, const char *text);

/**
 * ztc_probe_run - open all connections, ZTC_PROBE_GAP_MS apart, and wait for their outcomes.
 * @ret: room for target_count * (port_count + 1); filled in the order of beginning.
 *
 * Returns their number, or -errno. Ends early when @stop becomes true.
 */
int ztc_probe_run(const struct ztc_probe *probe, struct ztc_attempt *ret,
		  const volatile bool *stop);

/* ztc_probe_body - the attempts as a record has them: docs/evidence.md, kind "probe". */
json_t *ztc_probe_body(const struct ztc_probe *probe, const struct ztc_attempt *attempts,
		       size_t count);

/* ztc_probe_record - a record of kind probe about the targets; the caller seals it. 0 or -errno. */
int ztc_probe_record(const struct ztc_probe *probe, const struct ztc_attempt *attempts,
		     size_t count, json_t **ret);

/* --- the target's side --- */

/**
 * ztc_probe_listeners - ports of this host that others can reach, from /proc/net/tcp and tcp6:
 * all of them, or a sample of @max spread over them.
 * Returns how many there are in all, or -errno.
 */
int ztc_probe_listeners(struct ztc_probe *probe, size_t max);

/* ztc_probe_canary_open - listen at @port for as long as the descriptor lives, so that an open
 * path would show. A descriptor, or -errno. */
int ztc_probe_canary_open(uint16_t port);

/* ztc_probe_request - what a neighbour is asked to try, sealed: peer_request.c. 0 or -errno. */
int ztc_probe_request(const struct ztc_probe *probe, int64_t now_s,
		      const struct zt_minisign_secret *key, json_t **ret);

/**
 * ztc_probe_request_read - the way back, on the neighbour.
 * @trust:   the seal must be by a key of the role host, and no older than a day.
 * @ret_why: a sentence; static text. Returns 0, -EINVAL, -EPERM (seal).
 */
int ztc_probe_request_read(const json_t *request, const struct ztc_trust *trust, int64_t now_s,
			   struct ztc_probe *ret, const char **ret_why);

struct ztc_ctx;

/**
 * ztc_probe_denials - which attempts this host's filter has on record: the agent's flows and
 * violations, and the kernel's log (nftables and iptables "log").
 * @body:  of a probe record.
 * @log:   a file of such lines to look into too, or NULL.
 * @ret:   {by: ["ztagent", "kernel", "file"], denied (attempts that did not connect), logged,
 *         late (more than 10 s later), missing: [{source, source_port, destination, port}]}.
 *         "by" is empty when nothing here logs.
 */
int ztc_probe_denials(struct ztc_ctx *ctx, const json_t *body, const char *log, json_t **ret);

/* ztc_probe_log_line - whether a line of the kernel's log is about this attempt: SRC=, DST=,
 * PROTO=, SPT=, DPT= as nf_log_ipv4 and nf_log_ipv6 write them (net/netfilter/nf_log_syslog.c). */
bool ztc_probe_log_line(const char *line, const json_t *attempt);
