/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_boot.c - when protection began in this boot, against when the network did.
 *
 * {systemd: was it asked, units: [{name, active, enabled, started_ms, done_ms, before_network}],
 *  network_ms: when network-pre.target was reached or, without it, network.target; null,
 *  uptime_ms, boots: [{boot_id, attached_ms, packets, first}] newest last (the agent's own record,
 *  STATE-DIR/boots.json), boot_id}
 * Times are since boot. done_ms: a oneshot unit ended, or a daemon was ready. packets: what had
 * passed other interfaces than loopback when the agent attached.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "ctl/collect/net.h"
#include "ctl/doctor/doctor.h"

#define OUTPUT_MAX (1 << 20)
#define BOOTS_MAX  (64 << 10)

/* What may load a filter at boot on the distributions that we know. */
#define UNITS                                                                                      \
	"nftables.service", "firewalld.service", "ufw.service", "netfilter-persistent.service",    \
		"iptables.service", "ip6tables.service", "shorewall.service", "ztagent.service"

static int64_t ms_of(const char *usec)
{
	return *usec >= '0' && *usec <= '9' ? strtoll(usec, NULL, 10) / 1000 : -1;
}

static bool word_in(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += len) {
		if ((at == list || at[-1] == ' ') && (at[len] == '\0' || at[len] == ' '))
			return true;
	}
	return false;
}

/* One property line of `systemctl show`. */
static void take_property(json_t *unit, const char *key, const char *value)
{
	int64_t ms = ms_of(value);

	if (strcmp(key, "Id") == 0)
		json_object_set_new(unit, "name", zt_json_str(value));
	else if (strcmp(key, "LoadState") == 0)
		json_object_set_new(unit, "loaded", json_boolean(strcmp(value, "loaded") == 0));
	else if (strcmp(key, "ActiveState") == 0)
		json_object_set_new(unit, "active", json_boolean(strcmp(value, "active") == 0));
	else if (strcmp(key, "UnitFileState") == 0)
		json_object_set_new(unit, "enabled",
				    json_boolean(strncmp(value, "enabled", 7) == 0));
	else if (strcmp(key, "Before") == 0)
		json_object_set_new(unit, "before_network",
				    json_boolean(word_in(value, "network-pre.target")));
	else if (strcmp(key, "ExecMainStartTimestampMonotonic") == 0 && ms > 0)
		json_object_set_new(unit, "started_ms", json_integer(ms));
	else if (strcmp(key, "ActiveEnterTimestampMonotonic") == 0 && ms > 0)
		json_object_set_new(unit, "done_ms", json_integer(ms));
}

static bool is_target(const json_t *unit)
{
	const char *name = json_string_value(json_object_get(unit, "name"));

	return name && strstr(name, ".target");
}

/* network-pre.target is only reached when something asks for it. */
static void end_unit(json_t *data, json_t *unit)
{
	const char *name = json_string_value(json_object_get(unit, "name"));
	const json_t *done = json_object_get(unit, "done_ms");

	if (is_target(unit) && done && json_is_true(json_object_get(unit, "active")) &&
	    (strcmp(name, "network-pre.target") == 0 ||
	     json_is_null(json_object_get(data, "network_ms"))))
		json_object_set(data, "network_ms", (json_t *)done);
	if (!is_target(unit) && json_is_true(json_object_get(unit, "loaded")))
		json_array_append(json_object_get(data, "units"), unit);
	json_decref(unit);
}

static void take_units(json_t *data, char *text)
{
	json_t *unit = NULL;

	for (char *line = text, *next; line; line = next) {
		char *equal;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		equal = strchr(line, '=');
		if (!equal) { /* an empty line is between two units */
			if (unit)
				end_unit(data, zt_take(unit));
			continue;
		}
		*equal = '\0';
		if (!unit)
			unit = json_object();
		take_property(unit, line, equal + 1);
	}
	if (unit)
		end_unit(data, unit);
}

static void ask_systemd(json_t *data)
{
	static const char *const argv[] = {
		"systemctl",
		"show",
		"--property=Id,LoadState,ActiveState,UnitFileState,Before,"
		"ExecMainStartTimestampMonotonic,ActiveEnterTimestampMonotonic",
		UNITS,
		"network-pre.target",
		"network.target",
		NULL};
	zt_auto(zt_freep) char *text = NULL;
	int r = access("/run/systemd/system", F_OK) < 0
			? -ENOENT
			: ztc_collect_program(argv, OUTPUT_MAX, &text, NULL);

	json_object_set_new(data, "systemd", json_boolean(r == 0));
	if (r == 0)
		take_units(data, text);
}

/* What the agent wrote down at its first attach in each boot. */
static void read_boots(const struct ztc_env *env, json_t *data)
{
	zt_auto(zt_freep) char *path = NULL, *text = NULL;
	json_t *boots = NULL;
	size_t len = 0;
	int r;

	if (asprintf(&path, "%s/boots.json", env->state_dir) < 0)
		return;
	r = zt_file_read(path, BOOTS_MAX, &text, &len, NULL);
	if (r == 0)
		boots = json_loadb(text, len, 0, NULL);
	if (json_is_array(json_object_get(boots, "boots")))
		json_object_set(data, "boots", json_object_get(boots, "boots"));
	else if (r != -ENOENT)
		json_object_set_new(data, "boots_why",
				    json_string(r < 0 ? strerror(-r) : "not a record of boots"));
	json_decref(boots);
}

int ztc_net_boot(const struct ztc_env *env, json_t *data)
{
	char boot_id[64] = "";
	struct timespec now;

	json_object_set_new(data, "units", json_array());
	json_object_set_new(data, "network_ms", json_null());
	json_object_set_new(data, "boots", json_array());
	ask_systemd(data);
	read_boots(env, data);
	clock_gettime(CLOCK_BOOTTIME, &now);
	json_object_set_new(data, "uptime_ms",
			    json_integer(now.tv_sec * 1000 + now.tv_nsec / 1000000));
	if (ztc_read_line("/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id)) == 0)
		json_object_set_new(data, "boot_id", zt_json_str(boot_id));
	return 0;
}
