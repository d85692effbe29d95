/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto_samples.h - bytes between this host and others, added up from samples of its sockets.
 *
 * Bounded: so many sockets and edges are followed; what finds no room is counted as lost.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

#define ZTC_SAMPLED_SOCKETS 65536 /* a power of two; three quarters are used */
#define ZTC_SAMPLED_EDGES   16384 /* the same */

struct ztc_samples; /* opaque */

/* One look at a connection, or its last word. */
struct ztc_sample {
	struct zt_addr local, remote;
	uint16_t local_port, remote_port; /* host order */
	uint8_t proto;
	uint64_t cookie; /* of the socket; 0 = not a socket's */
	uint64_t bytes;	 /* both ways, since it began */
	bool inbound;	 /* the local port is the service */
	bool ktls;	 /* the kernel encrypts it */
};

int ztc_samples_new(struct ztc_samples **ret); /* 0, -ENOMEM */
void ztc_samples_free(struct ztc_samples **s);

/* ztc_samples_tick - a new round of looking begins; room is made where it is short. */
void ztc_samples_tick(struct ztc_samples *s);

/* ztc_samples_add - counts what is new since the last look at the same socket. */
void ztc_samples_add(struct ztc_samples *s, const struct ztc_sample *sample);

/* ztc_samples_end - counts all of a connection that ended, unless its socket was ever looked at. */
void ztc_samples_end(struct ztc_samples *s, const struct ztc_sample *sample);

void ztc_samples_miss(struct ztc_samples *s); /* something was lost before it could be counted */

/* ztc_samples_json - the members of the fact "observed" that are sums: total, encryption, apart,
 * plaintext_top, plaintext_cut, lost. */
void ztc_samples_json(const struct ztc_samples *s, json_t *data);

/* --- where they come from: crypto_sockets.c --- */

/* ztc_sample_sockets - every TCP connection of this namespace. 0 or -errno. */
int ztc_sample_sockets(struct ztc_samples *s);

/* ztc_watch_ends - a socket that tells of connections that end, with their bytes (conntrack).
 * -ENOENT: nobody counts them here; -errno. */
int ztc_watch_ends(void);
void ztc_take_ends(int fd, struct ztc_samples *s); /* what it has to tell now */

/* ztc_settle_ends - before the last ztc_take_ends(): the kernel tells of what is over only when it
 * comes by, which may take minutes; being asked for the table makes it. */
void ztc_settle_ends(int fd);
