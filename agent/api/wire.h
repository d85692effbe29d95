/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h - framing of the control socket, shared by ztagent and ztctl.
 *
 * A message is one JSON object in UTF-8, carried in one or more frames. A frame
 * is a 4-byte big-endian word and that many bytes; the top bit of the word says
 * that the message goes on in the next frame (only replies of more than
 * ZT_WIRE_CHUNK bytes are cut, so that the agent never holds them whole).
 * This file knows neither JSON nor commands, and links with nothing else of the agent.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZT_WIRE_HEADER	    4
#define ZT_WIRE_MORE	    0x80000000u
#define ZT_WIRE_CHUNK	    (256u << 10) /* a frame of a long reply is at most about this */
#define ZT_WIRE_FRAME_MAX   (64u << 20)	 /* one frame of a reply */
#define ZT_WIRE_REQUEST_MAX (64u << 10)	 /* a request, always one frame */
#define ZT_WIRE_POLICY_MAX  (32u << 20)	 /* the same of who may change: it may carry a policy */
#define ZT_WIRE_REPLY_MAX   (512u << 20) /* a whole reply; a client refuses more */
#define ZT_WIRE_SOCKET	    "/run/ztseg/agent.sock"

/* zt_wire_put_header - the 4 bytes before a frame of @len bytes; @more: another one follows. */
void zt_wire_put_header(uint8_t ret_header[ZT_WIRE_HEADER], size_t len, bool more);

/* zt_wire_get_header - the reverse; returns the length. */
size_t zt_wire_get_header(const uint8_t header[ZT_WIRE_HEADER], bool *ret_more);

/**
 * zt_wire_connect - a blocking, close-on-exec stream to the agent's socket.
 *
 * Returns the descriptor (the caller's), -ENAMETOOLONG, or -errno of connect (-ENOENT and
 * -ECONNREFUSED: no agent there; -EACCES: the socket may not be opened).
 */
int zt_wire_connect(const char *path);

/**
 * zt_wire_send - write one message, blocking; never raises SIGPIPE.
 * @len: 1 to ZT_WIRE_POLICY_MAX; the agent takes more than ZT_WIRE_REQUEST_MAX only from who may
 *       change.
 *
 * Returns 0, -EMSGSIZE, or -errno (-EPIPE: the agent closed).
 */
int zt_wire_send(int fd, const char *text, size_t len);

/**
 * zt_wire_recv - read one message, blocking; frames are put together.
 * @max:     longest message taken [bytes].
 * @ret:     on success, NUL-terminated, the caller's (free).
 * @ret_len: without the NUL.
 *
 * Returns 1; 0 at a clean end of stream (nothing returned); -EPROTO when the stream ends
 * inside a message or a frame is empty; -EMSGSIZE; -errno.
 */
int zt_wire_recv(int fd, size_t max, char **ret, size_t *ret_len);
