// SPDX-License-Identifier: Apache-2.0
/*
 * crypto_nfs.c - NFS mounts and exports, and whether they encrypt: sec=krb5p or xprtsec=tls|mtls.
 *
 * {mounts: [{resource, service "nfs", source, options, clear}], exports: [{…}], complete}
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/collect.h"
#include "ctl/collect/crypto.h"

#define LINE_LEN 4096
#define ROWS_MAX 512

/* The value of an option in a list with commas; NULL = not there. */
static const char *option(const char *list, const char *name, char *buf, size_t size)
{
	size_t len = strlen(name);

	for (const char *at = list; at && *at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, len) == 0 && at[len] == '=') {
			snprintf(buf, size, "%.*s", (int)strcspn(at + len + 1, ",)"), at + len + 1);
			return buf;
		}
	}
	return NULL;
}

/* Every flavor must be krb5p ("krb5p:sys" is either), or the transport TLS and nothing else. */
static bool is_clear(const char *options)
{
	char sec[128], transport[64];
	bool krb5p = option(options, "sec", sec, sizeof(sec)) && strcmp(sec, "krb5p") == 0;
	bool tls = option(options, "xprtsec", transport, sizeof(transport)) &&
		   !strstr(transport, "none");

	return !krb5p && !tls;
}

static void add(json_t *list, const char *kind, const char *where, const char *source,
		const char *options)
{
	char shown[160], sec[128] = "", transport[64] = "";

	if (json_array_size(list) >= ROWS_MAX)
		return;
	option(options, "sec", sec, sizeof(sec));
	option(options, "xprtsec", transport, sizeof(transport));
	snprintf(shown, sizeof(shown), "sec=%.40s%s%.40s", *sec ? sec : "sys",
		 *transport ? ",xprtsec=" : "", transport);
	json_array_append_new(list, json_pack("{s:o, s:s, s:o, s:o, s:b}", "resource",
					      json_sprintf("%s/%s", kind, where), "service", "nfs",
					      "source", zt_json_str(source), "options",
					      zt_json_str(shown), "clear", is_clear(options)));
}

static void read_mounts(FILE *in, json_t *list)
{
	char line[LINE_LEN], source[1024], where[1024], type[64], options[1024];

	while (fgets(line, sizeof(line), in)) {
		if (sscanf(line, "%1023s %1023s %63s %1023s", source, where, type, options) == 4 &&
		    (strcmp(type, "nfs") == 0 || strcmp(type, "nfs4") == 0))
			add(list, "nfs-mount", where, source, options);
	}
}

/* What the kernel's server exports: "PATH CLIENT(OPTIONS,…)"; comments are its own. */
static void read_exports(FILE *in, json_t *list)
{
	char line[LINE_LEN], where[1024], client[1024];

	while (fgets(line, sizeof(line), in)) {
		char *open;

		if (line[0] == '#' || sscanf(line, "%1023s %1023s", where, client) != 2)
			continue;
		open = strchr(client, '(');
		if (!open)
			continue;
		*open++ = '\0';
		add(list, "nfs-export", where, client, open);
	}
}

int ztc_collect_nfs(const struct ztc_env *env, json_t *data)
{
	zt_auto(zt_fclosep) FILE *mounts = ztc_collect_open(env, "/proc/mounts");
	zt_auto(zt_fclosep) FILE *exports = ztc_collect_open(env, "/proc/fs/nfsd/exports");
	int hidden = exports ? 0 : errno;
	json_t *mounted = json_array(), *exported = json_array();

	json_object_set_new(data, "mounts", mounted);
	json_object_set_new(data, "exports", exported);
	if (!mounts)
		return -errno;
	read_mounts(mounts, mounted);
	if (exports)
		read_exports(exports, exported);
	json_object_set_new(data, "complete", json_boolean(exports || hidden == ENOENT));
	return 0;
}
