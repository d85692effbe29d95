/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.c - framing of the control socket.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "api/wire.h"
#include "base/cleanup.h"

void zt_wire_put_header(uint8_t ret_header[ZT_WIRE_HEADER], size_t len, bool more)
{
	uint32_t word = (uint32_t)len | (more ? ZT_WIRE_MORE : 0);

	ret_header[0] = word >> 24;
	ret_header[1] = word >> 16;
	ret_header[2] = word >> 8;
	ret_header[3] = word;
}

size_t zt_wire_get_header(const uint8_t header[ZT_WIRE_HEADER], bool *ret_more)
{
	uint32_t word = (uint32_t)header[0] << 24 | (uint32_t)header[1] << 16 |
			(uint32_t)header[2] << 8 | header[3];

	*ret_more = word & ZT_WIRE_MORE;
	return word & ~ZT_WIRE_MORE;
}

int zt_wire_connect(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	zt_auto(zt_close) int fd = -1;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	return zt_take_fd(fd);
}

/* Takes @sent bytes off the front of an array of buffers. */
static void advance(struct iovec *iov, size_t count, size_t sent)
{
	for (size_t i = 0; i < count && sent; i++) {
		size_t part = sent < iov[i].iov_len ? sent : iov[i].iov_len;

		iov[i].iov_base = (char *)iov[i].iov_base + part;
		iov[i].iov_len -= part;
		sent -= part;
	}
}

int zt_wire_send(int fd, const char *text, size_t len)
{
	uint8_t header[ZT_WIRE_HEADER];
	struct iovec iov[2] = {{header, sizeof(header)}, {(void *)text, len}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	if (!len || len > ZT_WIRE_POLICY_MAX)
		return -EMSGSIZE;
	zt_wire_put_header(header, len, false);
	while (iov[0].iov_len || iov[1].iov_len) {
		ssize_t n = sendmsg(fd, &msg, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			advance(iov, 2, (size_t)n);
	}
	return 0;
}

/* Returns 1, 0 when the stream ends before the first byte, -EPROTO in the middle, or -errno. */
static int read_full(int fd, void *buf, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = recv(fd, (char *)buf + got, len - got, 0);

		if (n == 0)
			return got ? -EPROTO : 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			got += (size_t)n;
	}
	return 1;
}

/* One frame onto the end of *buf. Returns as read_full(). */
static int read_frame(int fd, size_t max, char **buf, size_t *used, bool *ret_more)
{
	uint8_t header[ZT_WIRE_HEADER];
	size_t len;
	char *grown;
	int r;

	r = read_full(fd, header, sizeof(header));
	if (r <= 0)
		return r;
	len = zt_wire_get_header(header, ret_more);
	if (!len)
		return -EPROTO;
	if (len > ZT_WIRE_FRAME_MAX || len > max - *used)
		return -EMSGSIZE;
	grown = realloc(*buf, *used + len + 1);
	if (!grown)
		return -ENOMEM;
	*buf = grown;
	r = read_full(fd, grown + *used, len);
	if (r <= 0)
		return r ? r : -EPROTO;
	*used += len;
	grown[*used] = '\0';
	return 1;
}

int zt_wire_recv(int fd, size_t max, char **ret, size_t *ret_len)
{
	zt_auto(zt_freep) char *buf = NULL;
	bool more = true;
	size_t used = 0;

	while (more) {
		int r = read_frame(fd, max, &buf, &used, &more);

		if (r == 0 && used)
			return -EPROTO;
		if (r <= 0)
			return r;
	}
	*ret = zt_take(buf);
	*ret_len = used;
	return 1;
}
