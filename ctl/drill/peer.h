/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer.h - a canary neighbour of this host: a network namespace on a veth pair.
 *
 * Connections from this host to itself go through lo and prove nothing; one of a neighbour meets
 * what every neighbour's meets. Its addresses are documentation ones (RFC 5737, TEST-NET-1), so
 * that no real host's are borrowed. Everything goes with the two processes that run it: when ztctl
 * is killed, nothing stays behind.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define ZTC_PEER_LINK	 "zt-drill0"
#define ZTC_PEER_HOST	 "192.0.2.77" /* this host's end; a /30 of its own */
#define ZTC_PEER_ADDRESS "192.0.2.78" /* the neighbour's */

/* Ports of this host's end. What the canary rules say of them: ztc_drill_snippet. */
#define ZTC_PORT_LABELLED 61031 /* allowed, denied while the label zt-drill is "revoked" */
#define ZTC_PORT_DENIED	  61032 /* denied always */
#define ZTC_PORT_CHANGE	  61033 /* allowed, denied once zt-drill-change is promoted */
#define ZTC_PORT_ALLOWED  61034 /* allowed always */

struct ztc_peer {
	pid_t pid;    /* runs in the neighbour's namespace; 0 = none */
	pid_t server; /* answers at this host's end */
	int fd;	      /* of the first one */
	int ifindex;  /* of ZTC_PEER_LINK */
};

#define ZTC_PEER_INIT                                                                              \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/**
 * ztc_peer_start - make the neighbour, and an echo server at each of the ports.
 * @ret_why: a sentence when it fails; the caller's (free).
 *
 * Returns 0, -EPERM (CAP_NET_ADMIN and CAP_SYS_ADMIN are needed), -EEXIST (a drill is running, or
 * somebody has that link or network), -errno.
 */
int ztc_peer_start(struct ztc_peer *peer, char **ret_why);

/* ztc_peer_stop - end both processes; the link goes with them. For zt_auto(). */
void ztc_peer_stop(struct ztc_peer *peer);

/**
 * ztc_peer_connect - the neighbour opens a connection to @port.
 * @keep:   keep it as *the* kept connection (one at a time) for ztc_peer_talk(); else it is closed.
 * @ret_ms: how long it took; may be NULL.
 *
 * Returns 0, -ETIMEDOUT (no answer within @timeout_ms: dropped), -ECONNREFUSED, -errno.
 */
int ztc_peer_connect(struct ztc_peer *peer, uint16_t port, unsigned int timeout_ms, bool keep,
		     uint64_t *ret_ms);

/* ztc_peer_talk - one byte there and back over the kept connection. 0, -ETIMEDOUT, -ECONNRESET,
 * -errno. */
int ztc_peer_talk(struct ztc_peer *peer, unsigned int timeout_ms);

/* ztc_now_ms - CLOCK_MONOTONIC. */
uint64_t ztc_now_ms(void);
