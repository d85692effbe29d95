// SPDX-License-Identifier: Apache-2.0
/*
 * test_sockunits.c - socket units read from a service manager: a child process plays systemd.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <systemd/sd-bus.h>

#include "base/cleanup.h"
#include "datapath/sockunits.h"

#define UNIT_PATH "/org/freedesktop/systemd1/unit/"

/* --- the manager's side ------------------------------------------------------------------- */

static int list_units(sd_bus_message *m, void *data, sd_bus_error *error)
{
	zt_auto(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	static const char *const units[][2] = {
		{"web.socket", UNIT_PATH "web_2esocket"},
		{"gone.socket", UNIT_PATH "gone_2esocket"},
		{"dns.socket", UNIT_PATH "dns_2esocket"},
	};
	int r;

	(void)data;
	(void)error;
	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(ssssssouso)");
	for (size_t i = 0; i < ARRAY_SIZE(units) && r >= 0; i++)
		r = sd_bus_message_append(reply, "(ssssssouso)", units[i][0], "", "loaded",
					  "active", "listening", "", units[i][1], 0, "", "/");
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int get_triggers(sd_bus *bus, const char *path, const char *interface, const char *property,
			sd_bus_message *reply, void *data, sd_bus_error *error)
{
	(void)bus;
	(void)interface;
	(void)property;
	(void)data;
	(void)error;
	return sd_bus_message_append(reply, "as", 1,
				     strstr(path, "web") ? "web.service" : "dns.service");
}

static int get_listen(sd_bus *bus, const char *path, const char *interface, const char *property,
		      sd_bus_message *reply, void *data, sd_bus_error *error)
{
	(void)bus;
	(void)interface;
	(void)property;
	(void)data;
	(void)error;
	if (strstr(path, "web"))
		return sd_bus_message_append(reply, "a(ss)", 3, "Stream", "[::]:8443", "Stream",
					     "/run/web.sock", "Stream", "127.0.0.1:8080");
	return sd_bus_message_append(reply, "a(ss)", 2, "Datagram", "0.0.0.0:53", "Stream",
				     "0.0.0.0:53");
}

static int get_text(sd_bus *bus, const char *path, const char *interface, const char *property,
		    sd_bus_message *reply, void *data, sd_bus_error *error)
{
	const char *text = "";

	(void)bus;
	(void)interface;
	(void)data;
	(void)error;
	if (!strcmp(property, "User"))
		text = strstr(path, "web") ? "4711" : "";
	else if (strstr(path, "web"))
		text = "/system.slice/web.service";
	return sd_bus_message_append(reply, "s", text);
}

static const sd_bus_vtable manager[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("ListUnitsByPatterns", "asas", "a(ssssssouso)", list_units,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};
static const sd_bus_vtable unit[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Triggers", "as", get_triggers, 0, 0),
	SD_BUS_VTABLE_END,
};
static const sd_bus_vtable sock[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Listen", "a(ss)", get_listen, 0, 0),
	SD_BUS_VTABLE_END,
};
static const sd_bus_vtable service[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("User", "s", get_text, 0, 0),
	SD_BUS_PROPERTY("ControlGroup", "s", get_text, 0, 0),
	SD_BUS_VTABLE_END,
};

static void serve(int fd)
{
	static const char *const units[] = {"web_2esocket", "dns_2esocket"};
	static const char *const services[] = {"web_2eservice", "dns_2eservice"};
	sd_bus *bus = NULL;
	sd_id128_t id = {};
	char path[128];

	sd_id128_randomize(&id);
	sd_bus_new(&bus);
	sd_bus_set_fd(bus, fd, fd);
	sd_bus_set_server(bus, 1, id);
	sd_bus_set_anonymous(bus, 1);
	sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/systemd1",
				 "org.freedesktop.systemd1.Manager", manager, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		snprintf(path, sizeof(path), UNIT_PATH "%s", units[i]);
		sd_bus_add_object_vtable(bus, NULL, path, "org.freedesktop.systemd1.Unit", unit,
					 NULL);
		sd_bus_add_object_vtable(bus, NULL, path, "org.freedesktop.systemd1.Socket", sock,
					 NULL);
		snprintf(path, sizeof(path), UNIT_PATH "%s", services[i]);
		sd_bus_add_object_vtable(bus, NULL, path, "org.freedesktop.systemd1.Service",
					 service, NULL);
	}
	sd_bus_start(bus);
	while (sd_bus_wait(bus, UINT64_MAX) >= 0)
		while (sd_bus_process(bus, NULL) > 0)
			;
	_exit(0);
}

/* --- the tests ------------------------------------------------------------------------------- */

struct seen {
	struct zt_sockunit rows[8];
	size_t count;
};

static void see(const struct zt_sockunit *row, void *ctx)
{
	struct seen *seen = ctx;

	assert_true(seen->count < ARRAY_SIZE(seen->rows));
	seen->rows[seen->count++] = *row;
}

static void test_read(void **state)
{
	struct seen seen = {};
	sd_bus *bus = NULL;
	int fds[2];
	pid_t pid;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		serve(fds[1]);
	}
	close(fds[1]);
	assert_true(sd_bus_new(&bus) >= 0);
	assert_true(sd_bus_set_fd(bus, fds[0], fds[0]) >= 0);
	assert_true(sd_bus_set_anonymous(bus, 1) >= 0);
	assert_true(sd_bus_start(bus) >= 0);
	/* gone.socket has no object any more: the others are told all the same. */
	assert_int_equal(zt_sockunits_read(bus, see, &seen), 4);
	assert_int_equal(seen.count, 4);
	assert_int_equal(seen.rows[0].key.port, 8443);
	assert_int_equal(seen.rows[0].key.proto, IPPROTO_TCP);
	assert_string_equal(seen.rows[0].owner.unit, "web.service");
	assert_string_equal(seen.rows[0].owner.cgroup, "/system.slice/web.service");
	assert_int_equal(seen.rows[0].owner.uid, 4711);
	assert_int_equal(seen.rows[0].owner.flags, ZT_OWNER_TRUNC_EXE);
	assert_int_equal(seen.rows[1].key.port, 8080);
	assert_int_equal(seen.rows[2].key.proto, IPPROTO_UDP);
	assert_int_equal(seen.rows[2].key.port, 53);
	assert_string_equal(seen.rows[2].owner.unit, "dns.service");
	assert_int_equal(seen.rows[2].owner.uid, 0);
	assert_int_equal(seen.rows[2].owner.flags, ZT_OWNER_TRUNC_EXE | ZT_OWNER_TRUNC_CGROUP);
	assert_int_equal(seen.rows[3].key.proto, IPPROTO_TCP);
	sd_bus_flush_close_unref(bus);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_listen(void **state)
{
	static const struct {
		const char *type, *text;
		bool is;
		__u16 port;
	} rows[] = {
		{"Stream", "[::]:22", true, 22},
		{"Stream", "[fe80::1]:80%eth0", true, 80},
		{"Datagram", "0.0.0.0:65535", true, 65535},
		{"Stream", "0.0.0.0:65536", false, 0},
		{"Stream", "0.0.0.0:0", false, 0},
		{"Stream", "0.0.0.0:", false, 0},
		{"Stream", "[::]:22x", false, 0},
		{"Stream", "/run/a:22", false, 0},
		{"Stream", "@abstract:22", false, 0},
		{"Stream", "vsock:2:1234", false, 0},
		{"SequentialPacket", "[::]:22", false, 0},
		{"Stream", "", false, 0},
	};
	struct zt_sock_unit key;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(zt_sockunit_listen(rows[i].type, rows[i].text, &key), rows[i].is);
		if (rows[i].is)
			assert_int_equal(key.port, rows[i].port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
