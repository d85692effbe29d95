// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_wire.c - bytes of a hostile peer on the control socket, and messages there and back.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/wire.h"
#include "base/cleanup.h"
#include "fuzz.h"

#define INPUT_MAX (60u << 10) /* fits a socket's buffer: nobody has to read meanwhile */

const char *const fuzz_dirs[] = {"tests/fuzz/corpus/wire", NULL};

/* Whatever the stream says, a reader gets whole messages, an end, or an error. */
static void receive(const uint8_t *data, size_t size)
{
	int pair[2];
	int r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	if (!size || write(pair[0], data, size) == (ssize_t)size) {
		shutdown(pair[0], SHUT_WR);
		do {
			zt_auto(zt_freep) char *text = NULL;
			size_t len = 0;

			r = zt_wire_recv(pair[1], ZT_WIRE_REQUEST_MAX, &text, &len);
			fuzz_must(r <= 1, "1, 0 or -errno");
			fuzz_must((r == 1) == (text != NULL), "text exactly on success");
			if (r == 1) {
				fuzz_must(len <= ZT_WIRE_REQUEST_MAX, "no longer than allowed");
				fuzz_must(text[len] == 0, "NUL behind the text");
			}
		} while (r == 1);
	}
	close(pair[0]);
	close(pair[1]);
}

static void there_and_back(const uint8_t *data, size_t size)
{
	zt_auto(zt_freep) char *text = NULL;
	size_t len = 0;
	int pair[2];

	if (!size || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	if (!zt_wire_send(pair[0], (const char *)data, size)) {
		fuzz_must(zt_wire_recv(pair[1], ZT_WIRE_REQUEST_MAX, &text, &len) == 1,
			  "what was sent arrives");
		fuzz_must(len == size && !memcmp(text, data, size), "unchanged");
	}
	close(pair[0]);
	close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t header[ZT_WIRE_HEADER];
	bool more;

	if (size > INPUT_MAX)
		return 0;
	receive(data, size);
	there_and_back(data, size);
	if (size >= ZT_WIRE_HEADER) {
		size_t len = zt_wire_get_header(data, &more);

		zt_wire_put_header(header, len, more);
		fuzz_must(!memcmp(header, data, ZT_WIRE_HEADER), "a header reads as written");
	}
	return 0;
}
