/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_client.c - ztctl's side of the socket, against a server that says what it is told to.
 *
 * Each case is the bytes that a server answers with, and what must come of them: the exit status
 * and the sentence, or the result.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/wire.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/client.h"

struct fixture {
	char dir[64];
	char socket[96];
	int listener;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/zt-client-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->socket, sizeof(f->socket), "%s/agent.sock", f->dir);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->socket);
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(f->listener, 4), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	close(f->listener);
	unlink(f->socket);
	rmdir(f->dir);
	free(f);
	return 0;
}

/* Frames of one message: @text cut after each @cut bytes; 0 = one frame. */
static void put_message(int fd, const char *text, size_t cut)
{
	size_t len = strlen(text);

	do {
		size_t part = cut && cut < len ? cut : len;
		uint8_t header[ZT_WIRE_HEADER];

		zt_wire_put_header(header, part, part < len);
		if (write(fd, header, sizeof(header)) < 0 || write(fd, text, part) < 0)
			_exit(1);
		text += part;
		len -= part;
	} while (len);
}

/*
 * A server for one client: reads the request, which must be @want, answers with @count messages
 * and closes. It is waited for by served().
 */
static pid_t serve(struct fixture *f, const char *want, const char *const *messages, size_t count,
		   size_t cut)
{
	pid_t pid = fork();
	char *request = NULL;
	size_t len;
	int fd;

	if (pid)
		return pid;
	fd = accept(f->listener, NULL, NULL);
	if (fd < 0 || zt_wire_recv(fd, ZT_WIRE_REQUEST_MAX, &request, &len) != 1)
		_exit(1);
	if (strcmp(request, want) != 0)
		_exit(2);
	free(request);
	for (size_t i = 0; i < count; i++)
		put_message(fd, messages[i], cut);
	_exit(0);
}

static void served(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static const struct {
	const char *name;
	const char *reply; /* NULL = the server closes without one */
	size_t cut;
	int status;
	const char *want; /* the result as compact JSON, or a part of the reason */
} replies[] = {
	{"a result", "{\"ok\":true,\"result\":{\"a\":1}}", 0, ZTC_EXIT_OK, "{\"a\":1}"},
	{"a result in pieces", "{\"ok\":true,\"result\":{\"a\":[1,2,3]}}", 5, ZTC_EXIT_OK,
	 "{\"a\":[1,2,3]}"},
	{"a refusal", "{\"ok\":false,\"error\":{\"code\":1,\"message\":\"user 7 may read only\"}}",
	 0, ZTC_EXIT_FAILED, "user 7 may read only"},
	{"a bad request", "{\"ok\":false,\"error\":{\"code\":2,\"message\":\"no such host\"}}", 0,
	 ZTC_EXIT_USAGE, "no such host"},
	{"a code that is none", "{\"ok\":false,\"error\":{\"code\":99,\"message\":\"x\"}}", 0,
	 ZTC_EXIT_FAILED, "x"},
	{"code 0 with an error", "{\"ok\":false,\"error\":{\"code\":0,\"message\":\"x\"}}", 0,
	 ZTC_EXIT_FAILED, "x"},
	{"an error without a text", "{\"ok\":false}", 0, ZTC_EXIT_FAILED, "without a reason"},
	{"an error that would obey",
	 "{\"ok\":false,\"error\":{\"code\":1,\"message\":\"a\\u001b[2J\"}}", 0, ZTC_EXIT_FAILED,
	 "a\\x1b[2J"},
	{"ok without a result", "{\"ok\":true}", 0, ZTC_EXIT_FAILED, "without a reason"},
	{"not JSON", "hello", 0, ZTC_EXIT_FAILED, "does not speak"},
	{"not an object", "[1]", 0, ZTC_EXIT_FAILED, "does not speak"},
	{"nothing", NULL, 0, ZTC_EXIT_FAILED, "without an answer"},
};

static void one_reply(void **state)
{
	struct fixture *f = *state;
	struct ztc_ctx ctx = {.socket = f->socket};

	for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
		zt_auto(zt_json_decref) json_t *result = NULL;
		zt_auto(zt_freep) char *why = NULL;
		zt_auto(zt_freep) char *text = NULL;
		pid_t pid = serve(f, "{\"command\":\"status\",\"args\":{\"x\":1}}",
				  &replies[i].reply, replies[i].reply ? 1 : 0, replies[i].cut);
		int status = ztc_try(&ctx, "status", json_pack("{s:i}", "x", 1), &result, &why);

		served(pid);
		if (status != replies[i].status)
			fail_msg("%s: status %d, %s", replies[i].name, status, why ? why : "");
		text = result ? json_dumps(result, JSON_COMPACT) : NULL;
		if (!status)
			assert_string_equal(text, replies[i].want);
		else if (!why || !strstr(why, replies[i].want))
			fail_msg("%s: '%s'", replies[i].name, why ? why : "(no reason)");
	}
}

static void broken_frames(void **state)
{
	static const struct {
		uint8_t bytes[16];
		size_t len;
		const char *want;
	} rows[] = {
		{{0, 0}, 2, "does not speak"},			  /* ends in the header */
		{{0, 0, 0, 9, '{'}, 5, "does not speak"},	  /* ends in the text */
		{{0, 0, 0, 0}, 4, "does not speak"},		  /* an empty frame */
		{{0x7f, 0xff, 0xff, 0xff}, 4, "too large"},	  /* longer than any reply */
		{{0x80, 0, 0, 2, '{', '}'}, 6, "does not speak"}, /* more was to come */
	};
	struct fixture *f = *state;
	struct ztc_ctx ctx = {.socket = f->socket};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		zt_auto(zt_json_decref) json_t *result = NULL;
		zt_auto(zt_freep) char *why = NULL;
		pid_t pid = fork();

		if (pid == 0) {
			int fd = accept(f->listener, NULL, NULL);
			char *request = NULL;
			size_t len;

			zt_wire_recv(fd, ZT_WIRE_REQUEST_MAX, &request, &len);
			free(request);
			_exit(write(fd, rows[i].bytes, rows[i].len) < 0 ? 1 : 0);
		}
		assert_int_equal(ztc_try(&ctx, "status", NULL, &result, &why), ZTC_EXIT_FAILED);
		served(pid);
		assert_null(result);
		if (!why || !strstr(why, rows[i].want))
			fail_msg("row %zu: '%s'", i, why ? why : "(no reason)");
	}
}

static void nobody_there(void **state)
{
	struct fixture *f = *state;
	struct ztc_ctx ctx = {.socket = f->socket};
	zt_auto(zt_json_decref) json_t *result = NULL;
	zt_auto(zt_freep) char *dead = NULL;
	zt_auto(zt_freep) char *absent = NULL;

	assert_true(ztc_agent_alive(&ctx));
	close(f->listener);
	assert_false(ztc_agent_alive(&ctx));
	assert_int_equal(ztc_try(&ctx, "status", NULL, &result, &dead), ZTC_EXIT_FAILED);
	assert_non_null(strstr(dead, "has ended"));
	assert_non_null(strstr(dead, "systemctl start"));
	unlink(f->socket);
	assert_false(ztc_agent_alive(&ctx));
	assert_int_equal(ztc_try(&ctx, "status", NULL, &result, &absent), ZTC_EXIT_FAILED);
	assert_non_null(strstr(absent, "there is no socket"));
	assert_non_null(strstr(absent, "--socket"));
}

static int results_seen;

static int count_result(struct ztc_ctx *ctx, const json_t *result)
{
	(void)ctx;
	assert_true(json_is_object(result));
	return ++results_seen == 3 ? ZTC_EXIT_NO : ZTC_EXIT_OK;
}

static void following(void **state)
{
	static const char *const messages[] = {
		"{\"ok\":true,\"result\":{\"flows\":[]}}",
		"{\"ok\":true,\"result\":{\"flows\":[{}]}}",
		"{\"ok\":true,\"result\":{\"flows\":[{}]}}",
	};
	struct fixture *f = *state;
	struct ztc_ctx ctx = {.socket = f->socket};
	pid_t pid = serve(f, "{\"command\":\"flows\",\"args\":{\"follow\":true}}", messages,
			  ARRAY_SIZE(messages), 7);

	results_seen = 0;
	assert_int_equal(ztc_follow(&ctx, "flows", json_pack("{s:b}", "follow", 1), count_result),
			 ZTC_EXIT_NO);
	assert_int_equal(results_seen, 3);
	served(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_reply, set_up, tear_down),
		cmocka_unit_test_setup_teardown(broken_frames, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(following, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
