/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.c - one connection: a request in, a reply out, never waiting.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "api/internal.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/time.h"

#define PUMP_NS (20 * ZT_NS_PER_MS) /* of one part of a long reply */

static size_t unsent(const struct zt_client *c)
{
	return c->out.len - c->sent;
}

static void put_frame(struct zt_client *c, const char *text, size_t len, bool more)
{
	uint8_t header[ZT_WIRE_HEADER];

	zt_wire_put_header(header, len, more);
	zt_strbuf_add(&c->out, header, sizeof(header));
	zt_strbuf_add(&c->out, text, len);
}

/* A follower's buffer may never run empty: what has left makes room. */
static void compact(struct zt_client *c)
{
	if (!c->sent || c->sent < unsent(c))
		return;
	memmove(c->out.data, c->out.data + c->sent, unsent(c));
	c->out.len -= c->sent;
	c->sent = 0;
}

int zt_client_send(struct zt_client *client, const char *text, size_t len)
{
	compact(client);
	while (len > ZT_WIRE_CHUNK) {
		put_frame(client, text, ZT_WIRE_CHUNK, true);
		text += ZT_WIRE_CHUNK;
		len -= ZT_WIRE_CHUNK;
	}
	put_frame(client, text, len, false);
	return zt_strbuf_error(&client->out);
}

/* Whoever looks at the clients meanwhile must not find it any more. */
static void end_stream(struct zt_client *c)
{
	struct zt_stream *stream = zt_take(c->stream);

	if (stream)
		stream->free(stream);
}

/*
 * The next part of a long reply, once the one before has left. A search that finds little takes
 * its time in parts, too: everybody else waits meanwhile.
 */
static int pump(struct zt_client *c)
{
	struct zt_strbuf *out = &c->out;
	size_t text = out->len + ZT_WIRE_HEADER;
	uint64_t until_ns = zt_now_ns() + PUMP_NS;
	int r = c->server->detached ? -ESHUTDOWN : zt_server_refresh(c->server);

	put_frame(c, "", 0, true); /* its length is known when it is full */
	while (r >= 0 && out->len - text < ZT_WIRE_CHUNK) {
		r = c->stream->more(c->stream, c->server->render, out);
		if (r == 0 || zt_now_ns() >= until_ns)
			break;
	}
	if (r < 0)
		return r;
	if (r > 0 && out->len == text) {
		c->active_ns = zt_now_ns();
		out->len -= ZT_WIRE_HEADER;
		return 0;
	}
	if (r == 0) {
		zt_strbuf_puts(out, "}"); /* of the envelope */
		end_stream(c);
	}
	if (zt_strbuf_error(out))
		return -ENOMEM;
	zt_wire_put_header((uint8_t *)out->data + text - ZT_WIRE_HEADER, out->len - text, r != 0);
	return 0;
}

/* Sends what is there. Returns 1 when all has left, 0 when the peer must read first, -errno. */
static int flush_out(struct zt_client *c)
{
	while (unsent(c)) {
		ssize_t n =
			send(c->fd, c->out.data + c->sent, unsent(c), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
		c->sent += (size_t)n;
		c->active_ns = zt_now_ns();
	}
	/* A long reply leaves no long buffer behind; its parts use the same one. */
	if (!c->stream && c->out.cap > ZT_WIRE_CHUNK / 4)
		zt_strbuf_free(&c->out);
	else
		zt_strbuf_reset(&c->out);
	c->sent = 0;
	return 1;
}

static bool is_busy(const struct zt_client *c)
{
	return c->stream || c->following || unsent(c) || c->quits;
}

int zt_client_wait(struct zt_client *client)
{
	uint32_t events = 0;

	/* One request at a time; a follower is listened to for its end. */
	if (!client->ended && (!is_busy(client) || client->following))
		events |= EPOLLIN;
	if (unsent(client) || (client->stream && !client->stream->waits) || client->changes.len)
		events |= EPOLLOUT;
	return sd_event_source_set_io_events(client->io, events);
}

/* Drops the first @len bytes of the input. */
static void consume(struct zt_client *c, size_t len)
{
	memmove(c->in, c->in + len, c->in_len - len);
	c->in_len -= len;
}

/* A policy is only taken from who may change something: nobody else fills this much memory. */
static size_t longest_request(const struct zt_client *c)
{
	return c->peer.may == ZT_MAY_CHANGE ? ZT_WIRE_POLICY_MAX : ZT_WIRE_REQUEST_MAX;
}

static int refuse_length(struct zt_client *c)
{
	char text[160];
	int n = snprintf(
		text, sizeof(text),
		"{\"ok\":false,\"error\":{\"code\":2,\"message\":\"a request is one frame of "
		"1 to %zu bytes\"}}",
		longest_request(c));

	c->ended = true;
	c->in_len = 0;
	return zt_client_send(c, text, (size_t)n);
}

/* Answers what is there in full. Returns 0, or -errno: close. */
static int take_requests(struct zt_client *c)
{
	while (!is_busy(c) && c->in_len >= ZT_WIRE_HEADER) {
		bool more;
		size_t len = zt_wire_get_header((const uint8_t *)c->in, &more);
		int r;

		if (more || !len || len > longest_request(c))
			return refuse_length(c);
		if (c->in_len < ZT_WIRE_HEADER + len)
			return 0;
		r = zt_request_text(c, c->in + ZT_WIRE_HEADER, len);
		if (r < 0)
			return r;
		consume(c, ZT_WIRE_HEADER + len);
		r = flush_out(c);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Room for an ordinary request, and for a longer one as far as it has come. */
static int make_room(struct zt_client *c)
{
	size_t most = ZT_WIRE_HEADER + longest_request(c);
	size_t size = c->in ? c->in_size * 2 : ZT_WIRE_HEADER + ZT_WIRE_REQUEST_MAX;
	char *grown;

	if (c->in && c->in_len < c->in_size)
		return 0;
	if (c->in && (c->in_size == most || is_busy(c))) /* a follower that goes on talking */
		return -EPROTO;
	size = size > most ? most : size;
	grown = realloc(c->in, size);
	if (!grown)
		return -ENOMEM;
	c->in = grown;
	c->in_size = size;
	return 0;
}

/* Returns 1 when something came, 0 when the peer has ended its side, -EAGAIN, or -errno. */
static int receive(struct zt_client *c)
{
	ssize_t n;
	int r = make_room(c);

	if (r < 0)
		return r;
	n = recv(c->fd, c->in + c->in_len, c->in_size - c->in_len, MSG_DONTWAIT);
	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	c->in_len += (size_t)n;
	c->active_ns = zt_now_ns();
	return n > 0;
}

static int on_readable(struct zt_client *c)
{
	int r = receive(c);

	if (r == -EAGAIN || r == -EWOULDBLOCK)
		return 0;
	if (r < 0)
		return r;
	if (r == 0 || c->following) {
		/* What was asked before is still answered; a follower has ended. */
		c->ended = true;
		if (c->following)
			return -EPIPE;
		return 0;
	}
	r = take_requests(c);
	if (!c->in_len) {
		free(c->in);
		c->in = NULL;
	}
	return r;
}

static int on_writable(struct zt_client *c)
{
	int r = flush_out(c);

	if (r <= 0)
		return r;
	r = 0;
	if (c->stream && !c->stream->waits)
		r = pump(c);
	else if (c->changes.len)
		r = zt_client_flush_changes(c);
	if (!r)
		r = flush_out(c);
	if (r < 0)
		return r;
	return take_requests(c);
}

static int on_io(sd_event_source *s, int fd, uint32_t revents, void *data)
{
	struct zt_client *c = data;
	struct zt_api_server *server = c->server;
	int r = 0;

	(void)s;
	(void)fd;
	if (revents & EPOLLIN)
		r = on_readable(c);
	if (!r && (revents & EPOLLOUT))
		r = on_writable(c);
	if (!r && (revents & (EPOLLERR | EPOLLHUP)) && !(revents & EPOLLIN))
		r = -EPIPE;
	if (!r)
		r = zt_client_wait(c);
	if (!r && !(c->ended || c->quits))
		return 0;
	if (!r && (unsent(c) || c->stream))
		return 0;
	zt_log(ZT_DEBUG, "client of uid %u: %s", c->peer.uid, r < 0 ? strerror(-r) : "done");
	zt_server_drop(server, c);
	return 0;
}

int zt_client_new(struct zt_client **ret, struct zt_api_server *server, int fd,
		  const struct zt_peer *peer)
{
	zt_auto(zt_client_free) struct zt_client *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->fd = fd;
	c->server = server;
	c->peer = *peer;
	c->active_ns = zt_now_ns();
	r = sd_event_add_io(server->ctx.event, &c->io, fd, EPOLLIN, on_io, c);
	if (r < 0)
		return r;
	*ret = zt_take(c);
	return 0;
}

void zt_client_free(struct zt_client **client)
{
	struct zt_client *c = *client;

	if (!c)
		return;
	sd_event_source_disable_unref(c->io);
	end_stream(c);
	zt_close(&c->fd);
	zt_strbuf_free(&c->out);
	zt_strbuf_free(&c->changes);
	free(c->in);
	free(c);
	*client = NULL;
}
