/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h - one connection to a listener of this host: bounded in time and in bytes.
 *
 * What is at the other end may be anything: it says nothing, drips, or never stops. Every read ends
 * at the connection's deadline and at WIRE_BYTES_MAX, whichever is first.
 */
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ZTC_WIRE_BYTES_MAX (64 << 10) /* bytes that are read from one connection */

struct ztc_wire {
	int fd; /* not blocking; -1 = none */
	int64_t deadline_ms;
	size_t got;
	uint16_t port; /* our end's, host order */
};

/* ztc_wire_now_ms - CLOCK_MONOTONIC. */
int64_t ztc_wire_now_ms(void);

/**
 * ztc_wire_open - connect (TCP) or aim (UDP); the network namespace is the calling thread's.
 * @type:    SOCK_STREAM or SOCK_DGRAM.
 * @within_ms: everything on this connection ends so long from now.
 *
 * Returns 0, -ECONNREFUSED, -ETIMEDOUT, -errno.
 */
int ztc_wire_open(struct ztc_wire *ret, const struct sockaddr_storage *to, socklen_t len, int type,
		  unsigned int within_ms);
void ztc_wire_close(struct ztc_wire *wire); /* for zt_auto() */

/* ztc_wire_wait - until POLLIN or POLLOUT. 0, -ETIMEDOUT, -errno. */
int ztc_wire_wait(const struct ztc_wire *wire, short events);

/**
 * ztc_wire_read - what is there, waiting for the first of it.
 * @within_ms: no longer than so; 0 = the connection's deadline alone.
 *
 * Returns bytes, 0 at the end, -ETIMEDOUT, -EMSGSIZE (it never stops), -errno.
 */
ssize_t ztc_wire_read(struct ztc_wire *wire, void *buf, size_t size, unsigned int within_ms);

/* ztc_wire_full - exactly @len bytes. 0, -ENODATA (it ended before), else as ztc_wire_read(). */
int ztc_wire_full(struct ztc_wire *wire, void *buf, size_t len);

/* ztc_wire_peek - what has come, left in the socket: at least one byte. As ztc_wire_read(). */
ssize_t ztc_wire_peek(const struct ztc_wire *wire, void *buf, size_t size);

/**
 * ztc_wire_line - up to a newline; CR and LF are cut off.
 *
 * Returns its length, -EMSGSIZE (longer than @size), -ENODATA, else as ztc_wire_read().
 */
ssize_t ztc_wire_line(struct ztc_wire *wire, char *buf, size_t size);

int ztc_wire_write(const struct ztc_wire *wire, const void *bytes, size_t len); /* all; 0, -errno */
