/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_server.c - the control socket: long replies, slow and idle clients, bounds, access.
 */
#include "api_fake.h"

#include "api/access.h"

/* --- long replies and slow readers ------------------------------------------------------ */

static void many_flows(struct agent *a, int count)
{
	for (int i = 0; i < count; i++)
		put(&a->env->fake, ZT_IN_FLOWS,
		    key_of("10.20.2.21", (uint16_t)i, "10.20.1.11", 40000, IPPROTO_TCP),
		    flow_of(ZT_DIR_IN, ZT_STATE_ESTABLISHED, 900 * S, (900 + i) * S));
}

static void a_long_reply_comes_in_frames(void **state)
{
	struct agent *a = *state;
	zt_auto(zt_close) int fd = zt_wire_connect(a->path);
	zt_auto(zt_json_decref) json_t *reply = NULL;
	zt_auto(zt_json_decref) json_t *second = NULL;
	static const char request[] = "{\"command\":\"flows\",\"args\":{\"limit\":5000}}";
	static const char next[] = "{\"command\":\"version\"}";
	const json_t *flows;
	int frames = 0;

	many_flows(a, 5000);
	assert_int_equal(zt_wire_send(fd, request, strlen(request)), 0);
	assert_int_equal(zt_wire_send(fd, next, strlen(next)), 0); /* waits its turn */
	reply = get_reply(a, fd, &frames);
	flows = json_object_get(json_object_get(reply, "result"), "flows");
	assert_int_equal(json_array_size(flows), 5000);
	assert_true(frames > 4);
	second = get_reply(a, fd, &frames);
	assert_int_equal(frames, 1);
	assert_true(*text_at(json_object_get(second, "result"), "version", NULL, NULL));
}

static void a_slow_reader_is_nobody_elses_trouble(void **state)
{
	struct agent *a = *state;
	zt_auto(zt_close) int fd = zt_wire_connect(a->path);
	static const char request[] = "{\"command\":\"flows\",\"args\":{\"limit\":20000}}";

	many_flows(a, 20000);
	assert_int_equal(zt_wire_send(fd, request, strlen(request)), 0);
	for (int i = 0; i < 3; i++) {
		turn(a, 5);
		json_decref(result_of(a, "{\"command\":\"version\"}", "version"));
	}
}

/* Maps are large: two are held at a time, whoever asks next waits until one has left. */
static void maps_wait_for_each_other(void **state)
{
	static const char request[] = "{\"command\":\"map\",\"args\":{\"by\":\"address\"}}";
	zt_auto(zt_json_decref) json_t *reply = NULL;
	struct agent *a = *state;
	int fds[3], frames = 0;
	size_t edges;

	many_flows(a, 20000);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = zt_wire_connect(a->path);
		assert_true(fds[i] >= 0);
		assert_int_equal(zt_wire_send(fds[i], request, strlen(request)), 0);
		json_decref(result_of(a, "{\"command\":\"version\"}", "version"));
	}
	for (int i = 0; i < 50; i++)
		turn(a, 1);
	assert_true(readable(fds[0]));
	/* Only the opening of the envelope has come: 4 bytes of length, and the words. */
	assert_int_equal(recv(fds[2], (char[256]){0}, 256, MSG_PEEK | MSG_DONTWAIT),
			 ZT_WIRE_HEADER + strlen("{\"ok\":true,\"result\":"));
	json_decref(result_of(a, "{\"command\":\"version\"}", "version"));
	close(fds[0]);
	reply = get_reply(a, fds[2], &frames);
	edges = json_array_size(json_object_get(json_object_get(reply, "result"), "edges"));
	assert_int_equal(edges, 20000);
	close(fds[1]);
	close(fds[2]);
}

static void new_flow(struct agent *a, int n)
{
	struct zt_event event = {.abi_version = ZT_ABI_VERSION, .type = ZT_EV_NEW};

	event.key = key_of("10.20.2.21", 443, "10.20.1.11", (uint16_t)n, IPPROTO_TCP);
	event.flow = flow_of(ZT_DIR_IN, ZT_STATE_ESTABLISHED, 900 * S, 900 * S);
	zt_collector_event(a->env->c, &event);
}

/* Reads what a follower is told until @all changes are accounted for; all are "new". */
static void account_for(struct agent *a, int fd, int64_t all, int64_t *ret_shown,
			int64_t *ret_skipped)
{
	int64_t shown = 0, skipped = 0;

	for (int i = 0; i < 20000 && shown + skipped < all; i++) {
		zt_auto(zt_json_decref) json_t *reply = NULL;
		json_t *result, *flow;
		size_t at;

		if (!readable(fd)) {
			turn(a, 5);
			continue;
		}
		reply = get_reply(a, fd, NULL);
		result = json_object_get(reply, "result");
		assert_non_null(result);
		skipped += json_integer_value(json_object_get(result, "skipped"));
		json_array_foreach (json_object_get(result, "flows"), at, flow) {
			assert_string_equal(text_at(flow, "change", NULL, NULL), "new");
			shown++;
		}
	}
	*ret_shown = shown;
	*ret_skipped = skipped;
}

static void followers_get_changes_and_what_they_missed(void **state)
{
	struct agent *a = *state;
	zt_auto(zt_close) int fd = zt_wire_connect(a->path);
	zt_auto(zt_json_decref) json_t *first = ask_on(
		a, fd, "{\"command\":\"flows\",\"args\":{\"follow\":true,\"host\":\"web1\"}}");
	int64_t shown, skipped;

	assert_true(json_is_true(json_object_get(first, "ok")));
	/* Few are all told. */
	for (int i = 0; i < 300; i++)
		new_flow(a, i);
	account_for(a, fd, 300, &shown, &skipped);
	assert_int_equal(shown, 300);
	assert_int_equal(skipped, 0);
	/* Of more than it reads, and than is shown in a second, every one is shown or counted. */
	for (int i = 0; i < 20000; i++)
		new_flow(a, i);
	account_for(a, fd, 20000, &shown, &skipped);
	assert_int_equal(shown + skipped, 20000);
	assert_true(shown > 100);
	assert_true(skipped > 1000);
}

static void idle_clients_make_room(void **state)
{
	struct agent *a = *state;
	zt_auto(zt_close) int fd = zt_wire_connect(a->path);

	for (int i = 0; i < 600 && !readable(fd); i++)
		turn(a, 10);
	assert_true(readable(fd)); /* closed by the agent */
}

static void places_are_bounded(void **state)
{
	struct agent *a = *state;
	int fds[12], served = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = zt_wire_connect(a->path);
		assert_true(fds[i] >= 0);
		turn(a, 0);
	}
	turn(a, 0);
	turn(a, 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		served += !readable(fds[i]); /* who is refused is told at once */
		close(fds[i]);
	}
	assert_int_equal(served, 10);
}

static void oversized_requests_end_the_connection(void **state)
{
	struct agent *a = *state;
	zt_auto(zt_close) int fd = zt_wire_connect(a->path);
	zt_auto(zt_json_decref) json_t *reply = NULL;

	assert_int_equal(send(fd, "\x02\x00\x00\x01{", 5, 0), 5); /* a byte too long */
	reply = get_reply(a, fd, NULL);
	assert_true(json_is_false(json_object_get(reply, "ok")));
	turn(a, 5);
	assert_null(get_reply(a, fd, NULL));
}

/* A request with spaces behind it, so that it has this many bytes. */
static char *padded(const char *request, size_t len)
{
	char *text = malloc(len + 1);

	assert_non_null(text);
	memset(text, ' ', len);
	memcpy(text, request, strlen(request));
	text[len] = '\0';
	return text;
}

/* As long as a policy may make it; sent by a child, which waits while we read. */
static void who_may_change_may_send_a_policy(void **state)
{
	zt_auto(zt_freep) char *text = padded("{\"command\":\"version\"}", ZT_WIRE_POLICY_MAX);
	struct agent *a = *state;
	zt_auto(zt_close) int fd = zt_wire_connect(a->path);
	zt_auto(zt_json_decref) json_t *reply = NULL;
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		_exit(zt_wire_send(fd, text, ZT_WIRE_POLICY_MAX) ? 1 : 0);
	while (waitpid(pid, &status, WNOHANG) == 0)
		turn(a, 5);
	assert_int_equal(status, 0);
	reply = get_reply(a, fd, NULL);
	assert_true(json_is_true(json_object_get(reply, "ok")));
}

static void requests_may_come_in_pieces(void **state)
{
	struct agent *a = *state;
	zt_auto(zt_close) int fd = zt_wire_connect(a->path);
	static const char bytes[] = "\0\0\0\x15{\"command\":\"version\"}";
	zt_auto(zt_json_decref) json_t *reply = NULL;

	for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
		assert_int_equal(send(fd, bytes + i, 1, 0), 1);
		turn(a, 5);
	}
	reply = get_reply(a, fd, NULL);
	assert_true(json_is_true(json_object_get(reply, "ok")));
}

/* --- access -------------------------------------------------------------------------------- */

static void access_is_by_groups(void **state)
{
	const struct zt_access access = {.admin_gid = 50, .read_gid = 60};
	const struct zt_access no_groups = {.admin_gid = (gid_t)-1, .read_gid = (gid_t)-1};
	const gid_t both[] = {7, 60, 50}, read_only[] = {60}, other[] = {7, (gid_t)-1};

	(void)state;
	assert_int_equal(zt_access_level(&access, 0, 0, NULL, 0), ZT_MAY_CHANGE);
	assert_int_equal(zt_access_level(&access, 5, 5, both, 3), ZT_MAY_CHANGE);
	assert_int_equal(zt_access_level(&access, 5, 50, NULL, 0), ZT_MAY_CHANGE);
	assert_int_equal(zt_access_level(&access, 5, 5, read_only, 1), ZT_MAY_READ);
	assert_int_equal(zt_access_level(&access, 5, 60, NULL, 0), ZT_MAY_READ);
	assert_int_equal(zt_access_level(&access, 5, 5, other, 2), ZT_MAY_NOTHING);
	assert_int_equal(zt_access_level(&no_groups, 5, (gid_t)-1, other, 2), ZT_MAY_NOTHING);
}

/* A child of another user asks; its exit status says what it got. */
static int ask_as(struct agent *a, gid_t group, const char *request, const char *part)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid) {
		zt_auto(zt_freep) char *text = NULL;
		size_t len = 0;
		int fd;

		if (setgroups(1, &group) || setgid(65534) || setuid(65534))
			_exit(3);
		fd = zt_wire_connect(a->path);
		if (fd < 0)
			_exit(4);
		zt_wire_send(fd, request, strlen(request));
		if (zt_wire_recv(fd, 1 << 20, &text, &len) <= 0)
			_exit(5);
		if (strstr(text, part))
			_exit(0);
		fprintf(stderr, "%s\n", text);
		_exit(6);
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		turn(a, 5);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static gid_t group_of(const char *name)
{
	const struct group *group = getgrnam(name);

	return group ? group->gr_gid : 0;
}

static void others_are_refused_with_a_reason(void **state)
{
	zt_auto(zt_freep) char *large =
		padded("{\"command\":\"version\"}", ZT_WIRE_REQUEST_MAX + 1);
	gid_t readers = group_of("users"), admins = group_of("adm");
	struct agent *a = *state;

	if (geteuid() || !readers || !admins)
		skip(); /* needs root, to become somebody else */
	assert_int_equal(ask_as(a, 65534, "{\"command\":\"status\"}", "join group users"), 0);
	assert_int_equal(ask_as(a, readers, "{\"command\":\"status\"}", "\"ok\":true"), 0);
	assert_int_equal(ask_as(a, readers, "{\"command\":\"observe\"}", "may read only"), 0);
	assert_int_equal(ask_as(a, readers, "{\"command\":\"detach\"}", "may read only"), 0);
	assert_int_equal(ask_as(a, readers, large, "1 to 65536 bytes"), 0);
	assert_int_equal(ask_as(a, admins, large, "\"ok\":true"), 0);
	assert_false(world.detached);
	assert_int_equal(ask_as(a, admins, "{\"command\":\"observe\"}", "\"ok\":true"), 0);
}

static void the_socket_is_kept_from_others(void **state)
{
	struct agent *a = *state;
	struct zt_api_server *second = NULL;
	struct zt_api_config cfg = {.socket_path = a->path};
	struct zt_api_ctx ctx = {.event = a->event, .collector = a->env->c};
	struct stat st;

	assert_int_equal(zt_api_server_new(&second, &cfg, &ctx), -EADDRINUSE);
	assert_int_equal(stat(a->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	assert_int_equal(chmod(a->dir, 0777), 0);
	assert_int_equal(zt_api_server_new(&second, &cfg, &ctx), -EPERM);
	assert_int_equal(chmod(a->dir, 0755), 0);
	assert_null(second);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup_agent, teardown_agent)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_long_reply_comes_in_frames),
		CASE(a_slow_reader_is_nobody_elses_trouble),
		CASE(followers_get_changes_and_what_they_missed),
		CASE(maps_wait_for_each_other),
		CASE(idle_clients_make_room),
		CASE(places_are_bounded),
		CASE(oversized_requests_end_the_connection),
		CASE(who_may_change_may_send_a_policy),
		CASE(requests_may_come_in_pieces),
		cmocka_unit_test(access_is_by_groups),
		CASE(others_are_refused_with_a_reason),
		CASE(the_socket_is_kept_from_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
