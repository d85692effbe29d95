// SPDX-License-Identifier: Apache-2.0
/* wire.c - one connection to a listener: connect, read, write, each with an end. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/probe/wire.h"

int64_t ztc_wire_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int wait_until(int fd, short events, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd poller = {.fd = fd, .events = events};
		int64_t left = deadline_ms - ztc_wire_now_ms();
		int r = left > 0 ? poll(&poller, 1, (int)left) : 0;

		if (r > 0)
			return 0;
		if (r == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

int ztc_wire_wait(const struct ztc_wire *wire, short events)
{
	return wait_until(wire->fd, events, wire->deadline_ms);
}

static int connect_fd(int fd, const struct sockaddr_storage *to, socklen_t len, int64_t deadline_ms)
{
	int error = 0;
	socklen_t size = sizeof(error);
	int r;

	if (connect(fd, (const struct sockaddr *)to, len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	r = wait_until(fd, POLLOUT, deadline_ms);
	if (r < 0)
		return r;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -errno;
	return -error;
}

static uint16_t own_port(int fd)
{
	struct sockaddr_storage own = {0};
	socklen_t len = sizeof(own);

	if (getsockname(fd, (struct sockaddr *)&own, &len) < 0)
		return 0;
	return own.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&own)->sin6_port)
					 : ntohs(((struct sockaddr_in *)&own)->sin_port);
}

int ztc_wire_open(struct ztc_wire *ret, const struct sockaddr_storage *to, socklen_t len, int type,
		  unsigned int within_ms)
{
	zt_auto(zt_close) int fd = socket(to->ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int64_t deadline_ms = ztc_wire_now_ms() + within_ms;
	int r;

	if (fd < 0)
		return -errno;
	r = connect_fd(fd, to, len, deadline_ms);
	if (r < 0)
		return r;
	*ret = (struct ztc_wire){.deadline_ms = deadline_ms, .port = own_port(fd)};
	ret->fd = zt_take_fd(fd);
	return 0;
}

void ztc_wire_close(struct ztc_wire *wire)
{
	zt_close(&wire->fd);
}

static ssize_t receive(const struct ztc_wire *wire, void *buf, size_t size, int flags,
		       int64_t deadline_ms)
{
	for (;;) {
		ssize_t n = recv(wire->fd, buf, size, flags);
		int r;

		if (n >= 0)
			return n;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		r = wait_until(wire->fd, POLLIN, deadline_ms);
		if (r < 0)
			return r;
	}
}

ssize_t ztc_wire_read(struct ztc_wire *wire, void *buf, size_t size, unsigned int within_ms)
{
	int64_t deadline_ms = wire->deadline_ms;
	ssize_t n;

	if (within_ms && ztc_wire_now_ms() + within_ms < deadline_ms)
		deadline_ms = ztc_wire_now_ms() + within_ms;
	if (wire->got >= ZTC_WIRE_BYTES_MAX)
		return -EMSGSIZE;
	/* Asked each time: a peer that drips a byte at a time always has one ready. */
	if (ztc_wire_now_ms() >= wire->deadline_ms)
		return -ETIMEDOUT;
	n = receive(wire, buf, size, 0, deadline_ms);
	if (n > 0)
		wire->got += (size_t)n;
	return n;
}

int ztc_wire_full(struct ztc_wire *wire, void *buf, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = ztc_wire_read(wire, (char *)buf + at, len - at, 0);

		if (n < 0)
			return (int)n;
		if (n == 0)
			return -ENODATA;
		at += (size_t)n;
	}
	return 0;
}

ssize_t ztc_wire_peek(const struct ztc_wire *wire, void *buf, size_t size)
{
	return receive(wire, buf, size, MSG_PEEK, wire->deadline_ms);
}

ssize_t ztc_wire_line(struct ztc_wire *wire, char *buf, size_t size)
{
	for (size_t at = 0; at < size;) {
		int r = ztc_wire_full(wire, buf + at, 1);

		if (r < 0)
			return r;
		if (buf[at] == '\n') {
			if (at && buf[at - 1] == '\r')
				at--;
			buf[at] = '\0';
			return (ssize_t)at;
		}
		at++;
	}
	return -EMSGSIZE;
}

int ztc_wire_write(const struct ztc_wire *wire, const void *bytes, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = send(wire->fd, (const char *)bytes + at, len - at, MSG_NOSIGNAL);
		int r;

		if (n >= 0) {
			at += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		r = ztc_wire_wait(wire, POLLOUT);
		if (r < 0)
			return r;
	}
	return 0;
}
