// SPDX-License-Identifier: Apache-2.0
/*
 * sockunits.c - which listeners PID 1 holds for which unit, asked of systemd and told to the
 * socket hooks.
 *
 * The kernel sees PID 1 as the owner of an activated socket. Only systemd knows
 * that it will hand it to a service, so it is asked, over its own socket: no
 * message bus needs to run. Without systemd there is nothing to ask.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <systemd/sd-bus.h>

#include "base/cleanup.h"
#include "datapath/internal.h"
#include "datapath/sockunits.h"
#include "ztseg.skel.h"

#define PRIVATE_SOCKET "/run/systemd/private"
#define SERVICE	       "org.freedesktop.systemd1"
#define MANAGER_PATH   "/org/freedesktop/systemd1"
#define TIMEOUT_US     1000000
#define ROWS_MAX       1024 /* size of zt_sock_units */

bool zt_sockunit_listen(const char *type, const char *text, struct zt_sock_unit *ret_key)
{
	const char *colon = strrchr(text, ':');
	unsigned long port;
	char *end;

	memset(ret_key, 0, sizeof(*ret_key));
	if (!strcmp(type, "Stream"))
		ret_key->proto = IPPROTO_TCP;
	else if (!strcmp(type, "Datagram"))
		ret_key->proto = IPPROTO_UDP;
	else
		return false;
	/* Paths, abstract names (@) and vsock have other families. */
	if (text[0] == '/' || text[0] == '@' || !strncmp(text, "vsock", 5) || !colon)
		return false;
	port = strtoul(colon + 1, &end, 10);
	/* An interface may follow: "[fe80::1]:80%eth0". */
	if (end == colon + 1 || (*end && *end != '%') || port == 0 || port > UINT16_MAX)
		return false;
	ret_key->port = (__u16)port;
	return true;
}

/* --- asking ------------------------------------------------------------------------------ */

static int get_text(sd_bus *bus, const char *path, const char *interface, const char *property,
		    char **ret)
{
	return sd_bus_get_property_string(bus, SERVICE, path, interface, property, NULL, ret);
}

/* The first unit of "Triggers"; a socket unit has one. */
static int get_triggered(sd_bus *bus, const char *path, char *ret, size_t size)
{
	zt_auto(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	const char *unit = NULL;
	int r = sd_bus_get_property(bus, SERVICE, path, SERVICE ".Unit", "Triggers", NULL, &reply,
				    "as");

	if (r >= 0)
		r = sd_bus_message_enter_container(reply, 'a', "s");
	if (r >= 0)
		r = sd_bus_message_read(reply, "s", &unit);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return (size_t)snprintf(ret, size, "%s", unit) < size ? 0 : -ENAMETOOLONG;
}

/* The user it will run as, as far as its settings say. */
static __u32 user_of(sd_bus *bus, const char *path)
{
	zt_auto(zt_freep) char *name = NULL;
	struct passwd *pw;
	char *end;
	unsigned long uid;

	if (get_text(bus, path, SERVICE ".Service", "User", &name) < 0 || !*name)
		return 0;
	uid = strtoul(name, &end, 10);
	if (!*end)
		return (__u32)uid;
	pw = getpwnam(name);
	return pw ? pw->pw_uid : UINT32_MAX;
}

/* What runs it is not known before it runs: qualifiers that ask for that do not match. */
static int fill_owner(sd_bus *bus, struct zt_owner *owner)
{
	zt_auto(zt_freep) char *path = NULL;
	zt_auto(zt_freep) char *cgroup = NULL;
	int r;

	owner->flags = ZT_OWNER_TRUNC_EXE;
	r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", owner->unit, &path);
	if (r < 0)
		return r;
	owner->uid = user_of(bus, path);
	r = get_text(bus, path, SERVICE ".Service", "ControlGroup", &cgroup);
	if (r < 0 || !*cgroup || strlen(cgroup) >= sizeof(owner->cgroup))
		owner->flags |= ZT_OWNER_TRUNC_CGROUP;
	else
		strcpy(owner->cgroup, cgroup);
	return 0;
}

static int read_socket(sd_bus *bus, const char *path, zt_sockunit_fn fn, void *ctx)
{
	zt_auto(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct zt_sockunit row = {};
	const char *type, *text;
	int r, rows = 0;

	r = get_triggered(bus, path, row.owner.unit, sizeof(row.owner.unit));
	if (r == 0)
		r = fill_owner(bus, &row.owner);
	if (r >= 0)
		r = sd_bus_get_property(bus, SERVICE, path, SERVICE ".Socket", "Listen", NULL,
					&reply, "a(ss)");
	if (r >= 0)
		r = sd_bus_message_enter_container(reply, 'a', "(ss)");
	while (r >= 0 && (r = sd_bus_message_read(reply, "(ss)", &type, &text)) > 0) {
		if (!zt_sockunit_listen(type, text, &row.key))
			continue;
		fn(&row, ctx);
		rows++;
	}
	return r < 0 ? r : rows;
}

int zt_sockunits_read(struct sd_bus *bus, zt_sockunit_fn fn, void *ctx)
{
	zt_auto(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	const char *path;
	int r, one, rows = 0;

	r = sd_bus_set_method_call_timeout(bus, TIMEOUT_US);
	if (r >= 0)
		r = sd_bus_call_method(bus, SERVICE, MANAGER_PATH, SERVICE ".Manager",
				       "ListUnitsByPatterns", NULL, &reply, "asas", 1, "active", 1,
				       "*.socket");
	if (r >= 0)
		r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
	while (r >= 0 && (r = sd_bus_message_read(reply, "(ssssssouso)", NULL, NULL, NULL, NULL,
						  NULL, NULL, &path, NULL, NULL, NULL)) > 0) {
		/* A unit that went away meanwhile is no reason to know nothing of the others. */
		one = read_socket(bus, path, fn, ctx);
		if (one == -ETIMEDOUT)
			return one;
		rows += one > 0 ? one : 0;
	}
	return r < 0 ? r : rows;
}

/* --- telling ------------------------------------------------------------------------------- */

struct rows {
	struct zt_sockunit *row;
	size_t count;
};

static void keep(const struct zt_sockunit *row, void *ctx)
{
	struct rows *rows = ctx;

	if (rows->count < ROWS_MAX)
		rows->row[rows->count++] = *row;
}

static bool among(const struct rows *rows, const struct zt_sock_unit *key)
{
	for (size_t i = 0; i < rows->count; i++)
		if (!memcmp(&rows->row[i].key, key, sizeof(*key)))
			return true;
	return false;
}

static void publish(int fd, const struct rows *rows)
{
	struct zt_sock_unit stale[64], key, next;
	size_t n;

	for (size_t i = 0; i < rows->count; i++)
		bpf_map_update_elem(fd, &rows->row[i].key, &rows->row[i].owner, BPF_ANY);
	do { /* a walk must not delete what it stands on */
		bool first = true;

		n = 0;
		while (n < ARRAY_SIZE(stale) &&
		       bpf_map_get_next_key(fd, first ? NULL : &key, &next) == 0) {
			first = false;
			key = next;
			if (!among(rows, &key))
				stale[n++] = key;
		}
		for (size_t i = 0; i < n; i++)
			bpf_map_delete_elem(fd, &stale[i]);
	} while (n == ARRAY_SIZE(stale));
}

int zt_sockunits_refresh(struct zt_dp *dp)
{
	zt_auto(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	struct rows rows = {};
	int r;

	if (access(PRIVATE_SOCKET, W_OK) < 0)
		return -ENOENT;
	rows.row = calloc(ROWS_MAX, sizeof(*rows.row));
	if (!rows.row)
		return -ENOMEM;
	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, "unix:path=" PRIVATE_SOCKET);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r >= 0)
		r = zt_sockunits_read(bus, keep, &rows);
	if (r >= 0)
		publish(bpf_map__fd(dp->skel->maps.zt_sock_units), &rows);
	free(rows.row);
	return r < 0 ? r : 0;
}
