/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_wire.c - framing: what is sent comes back, and what is not a message is refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/wire.h"
#include "base/cleanup.h"

static int setup(void **state)
{
	int *fds = malloc(2 * sizeof(int));

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	*state = fds;
	return 0;
}

static int teardown(void **state)
{
	int *fds = *state;

	zt_close(&fds[0]);
	zt_close(&fds[1]);
	free(fds);
	return 0;
}

static void put(int fd, const void *bytes, size_t len)
{
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
}

static void put_frame(int fd, const char *text, bool more)
{
	uint8_t header[ZT_WIRE_HEADER];

	zt_wire_put_header(header, strlen(text), more);
	put(fd, header, sizeof(header));
	put(fd, text, strlen(text));
}

static void headers_go_there_and_back(void **state)
{
	static const size_t lengths[] = {1, 255, 256, 65535, 65536, ZT_WIRE_FRAME_MAX, 0x7fffffff};
	uint8_t header[ZT_WIRE_HEADER];
	bool more;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		zt_wire_put_header(header, lengths[i], i % 2);
		assert_int_equal(zt_wire_get_header(header, &more), lengths[i]);
		assert_int_equal(more, i % 2);
	}
	zt_wire_put_header(header, 0x010203, false);
	assert_memory_equal(header, "\x00\x01\x02\x03", 4); /* big-endian, as documented */
}

static void a_message_comes_back(void **state)
{
	int *fds = *state;
	char *text = NULL;
	size_t len = 0;

	assert_int_equal(zt_wire_send(fds[0], "{\"command\":\"status\"}", 20), 0);
	assert_int_equal(zt_wire_recv(fds[1], 100, &text, &len), 1);
	assert_int_equal(len, 20);
	assert_string_equal(text, "{\"command\":\"status\"}");
	free(text);
}

static void frames_are_put_together(void **state)
{
	int *fds = *state;
	char *text = NULL;
	size_t len = 0;

	put_frame(fds[0], "{\"ok\":", true);
	put_frame(fds[0], "tr", true);
	put_frame(fds[0], "ue}", false);
	put_frame(fds[0], "{}", false);
	assert_int_equal(zt_wire_recv(fds[1], 100, &text, &len), 1);
	assert_string_equal(text, "{\"ok\":true}");
	free(text);
	text = NULL;
	assert_int_equal(zt_wire_recv(fds[1], 100, &text, &len), 1);
	assert_string_equal(text, "{}");
	free(text);
}

static void the_end_of_a_stream_is_told_from_a_cut(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		int expect;
	} rows[] = {
		{"", 0, 0},
		{"\0\0", 2, -EPROTO},		    /* inside a header */
		{"\0\0\0\5{}", 6, -EPROTO},	    /* inside a frame */
		{"\0\0\0\5", 4, -EPROTO},	    /* before a frame's text */
		{"\0\0\0\0", 4, -EPROTO},	    /* an empty frame */
		{"\x80\0\0\2{}", 6, -EPROTO},	    /* more was promised */
		{"\x7f\xff\xff\xff", 4, -EMSGSIZE}, /* longer than any frame */
		{"\0\0\1\0", 4, -EMSGSIZE},	    /* longer than asked for */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		zt_auto(zt_freep) char *text = NULL;
		size_t len = 0;
		int *fds;
		int r;

		teardown(state);
		setup(state);
		fds = *state;
		put(fds[0], rows[i].bytes, rows[i].len);
		zt_close(&fds[0]);
		r = zt_wire_recv(fds[1], 100, &text, &len);
		if (r != rows[i].expect)
			fail_msg("row %zu: %d instead of %d", i, r, rows[i].expect);
		assert_null(text);
	}
}

static void the_limit_counts_all_frames(void **state)
{
	zt_auto(zt_freep) char *text = NULL;
	int *fds = *state;
	size_t len = 0;

	for (int i = 0; i < 11; i++)
		put_frame(fds[0], "0123456789", true);
	assert_int_equal(zt_wire_recv(fds[1], 100, &text, &len), -EMSGSIZE);
	assert_null(text);
}

static void requests_are_bounded(void **state)
{
	zt_auto(zt_freep) char *text = calloc(1, ZT_WIRE_POLICY_MAX + 1);
	int *fds = *state;

	assert_int_equal(zt_wire_send(fds[0], text, 0), -EMSGSIZE);
	assert_int_equal(zt_wire_send(fds[0], text, ZT_WIRE_POLICY_MAX + 1), -EMSGSIZE);
}

static void a_closed_peer_is_no_signal(void **state)
{
	int *fds = *state;

	zt_close(&fds[1]);
	assert_int_equal(zt_wire_send(fds[0], "{}", 2), -EPIPE);
}

static void absent_agents_are_told_apart(void **state)
{
	char path[300];

	(void)state;
	assert_int_equal(zt_wire_connect("/nonexistent/agent.sock"), -ENOENT);
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(zt_wire_connect(path), -ENAMETOOLONG);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_go_there_and_back),
		CASE(a_message_comes_back),
		CASE(frames_are_put_together),
		CASE(the_end_of_a_stream_is_told_from_a_cut),
		CASE(the_limit_counts_all_frames),
		CASE(requests_are_bounded),
		CASE(a_closed_peer_is_no_signal),
		cmocka_unit_test(absent_agents_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
