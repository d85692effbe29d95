/* SPDX-License-Identifier: Apache-2.0 */
/* host.c - which machine this is: name, identity, kernel, boot, what its firmware says it is. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/json.h"
#include "ctl/collect/collect.h"

/* The first line of a file, or NULL. */
static char *first_line(const struct ztc_env *env, const char *path)
{
	zt_auto(zt_fclosep) FILE *in = ztc_collect_open(env, path);
	char *line = NULL;
	size_t size = 0;

	if (!in || getline(&line, &size, in) < 0) {
		free(line);
		return NULL;
	}
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static void set_line(json_t *object, const char *key, const struct ztc_env *env, const char *path)
{
	zt_auto(zt_freep) char *line = first_line(env, path);

	json_object_set_new(object, key, zt_json_str(line));
}

/*
 * The machine id is a secret of sorts (machine-id(5)): what leaves the host is its digest, which
 * tells machines apart as well.
 */
static void set_machine(json_t *data, const struct ztc_env *env)
{
	zt_auto(zt_freep) char *id = first_line(env, "/etc/machine-id");
	uint8_t digest[ZT_DIGEST_LEN];
	char hex[ZT_DIGEST_TEXT_LEN];

	if (id && *id && zt_digest_of(id, strlen(id), digest) == 0)
		json_object_set_new(data, "machine",
				    json_sprintf("sha256:%s", zt_digest_text(digest, hex)));
	else
		json_object_set_new(data, "machine", json_null());
}

/* PRETTY_NAME of os-release(5). */
static void set_os(json_t *data, const struct ztc_env *env)
{
	zt_auto(zt_fclosep) FILE *in = ztc_collect_open(env, "/etc/os-release");
	zt_auto(zt_freep) char *line = NULL;
	static const char key[] = "PRETTY_NAME=";
	size_t size = 0;

	json_object_set_new(data, "os", json_null());
	while (in && getline(&line, &size, in) >= 0) {
		char *value = line + strlen(key);
		size_t len;

		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		value[strcspn(value, "\n")] = '\0';
		len = strlen(value);
		if (len >= 2 && *value == '"' && value[len - 1] == '"') {
			value[len - 1] = '\0';
			value++;
		}
		json_object_set_new(data, "os", zt_json_str(value));
		return;
	}
}

static void set_times(json_t *data, const struct ztc_env *env)
{
	zt_auto(zt_freep) char *uptime = first_line(env, "/proc/uptime");
	intmax_t s = uptime ? strtoimax(uptime, NULL, 10) : 0;

	json_object_set_new(data, "uptime_s", json_integer(s));
	json_object_set_new(data, "btime_s", json_integer(s ? env->now_s - s : 0));
}

/* What collectors need beyond reading files of the world; capability.h has the numbers. */
static void set_capabilities(json_t *data)
{
	static const struct {
		int bit;
		const char *name;
	} wanted[] = {
		{2, "CAP_DAC_READ_SEARCH"},
		{12, "CAP_NET_ADMIN"},
		{19, "CAP_SYS_PTRACE"},
		{39, "CAP_BPF"},
	};
	zt_auto(zt_fclosep) FILE *in = fopen("/proc/self/status", "re");
	zt_auto(zt_freep) char *line = NULL;
	json_t *missing;
	uint64_t effective = 0;
	size_t size = 0;
	bool found = false;

	while (in && !found && getline(&line, &size, in) >= 0)
		found = sscanf(line, "CapEff: %" SCNx64, &effective) == 1;
	if (!found)
		return;
	missing = json_array();
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		/* CAP_DAC_OVERRIDE (1) reads what CAP_DAC_READ_SEARCH does. */
		bool has = effective >> wanted[i].bit & 1 ||
			   (wanted[i].bit == 2 && effective >> 1 & 1);

		if (!has)
			json_array_append_new(missing, json_string(wanted[i].name));
	}
	json_object_set_new(data, "capabilities_missing", missing);
}

static int collect_host(const struct ztc_env *env, json_t *data)
{
	json_t *dmi = json_object();
	struct utsname u;

	if (uname(&u) < 0 || json_object_set_new(data, "dmi", dmi) < 0)
		return -ENOMEM;
	json_object_set_new(data, "name", zt_json_str(u.nodename));
	json_object_set_new(data, "kernel", zt_json_str(u.release));
	set_machine(data, env);
	set_os(data, env);
	set_times(data, env);
	set_capabilities(data);
	set_line(data, "boot_id", env, "/proc/sys/kernel/random/boot_id");
	set_line(dmi, "vendor", env, "/sys/class/dmi/id/sys_vendor");
	set_line(dmi, "product", env, "/sys/class/dmi/id/product_name");
	set_line(dmi, "asset", env, "/sys/class/dmi/id/chassis_asset_tag");
	return 0;
}

const struct ztc_collector ztc_collect_host[] = {
	{.name = "host",
	 .method =
		 "uname(2), /etc/machine-id, /etc/os-release, /proc/uptime, /proc/self/status, /sys/class/dmi/id",
	 .phase = 1,
	 .run = collect_host},
	{0},
};
