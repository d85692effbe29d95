// SPDX-License-Identifier: Apache-2.0
/*
 * logs_forward.c - where records are sent, and whether they get there.
 *
 * Configuration says what is meant; the forwarder's own connections, and what was acknowledged on
 * them, say what is. Nothing is sent, no name is resolved.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/logs.h"
#include "ctl/collect/logs_forward.h"

#define ESTABLISHED 1

/* --- a process ------------------------------------------------------------------------------ */

/* Field 22 of /proc/PID/stat is in ticks since boot; the name may hold anything but its last ')'.
 */
static int64_t begun_s(const struct ztc_env *env, pid_t pid)
{
	zt_auto(zt_fclosep) FILE *in = NULL;
	zt_auto(zt_fclosep) FILE *boot = ztc_collect_open(env, "/proc/stat");
	char path[64], line[1024], *p;
	long long ticks = 0, btime = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	in = ztc_collect_open(env, path);
	if (!in || !boot || !fgets(line, sizeof(line), in))
		return 0;
	p = strrchr(line, ')');
	if (!p || sscanf(p + 1,
			 " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			 "%*d %*d %lld",
			 &ticks) != 1)
		return 0;
	while (fgets(line, sizeof(line), boot)) {
		if (sscanf(line, "btime %lld", &btime) == 1)
			return btime + ticks / sysconf(_SC_CLK_TCK);
	}
	return 0;
}

static bool maps_tls(const struct ztc_env *env, pid_t pid)
{
	zt_auto(zt_fclosep) FILE *in = NULL;
	zt_auto(zt_freep) char *line = NULL;
	size_t cap = 0;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	in = ztc_collect_open(env, path);
	while (in && getline(&line, &cap, in) >= 0) {
		if (strstr(line, "/lmnsd_gtls.so") || strstr(line, "/lmnsd_ossl.so") ||
		    strstr(line, "/lmnsd_mbedtls.so"))
			return true;
	}
	return false;
}

void ztc_forwarder_look(const struct ztc_env *env, const char *by, pid_t pid,
			struct ztc_forwarder *ret)
{
	ret->by = by;
	ret->pid = pid;
	ret->begun_s = begun_s(env, pid);
	ret->tls_library = maps_tls(env, pid);
	ret->tcp_count = ztc_tcp_of(env, pid, ret->tcp);
}

void ztc_forwarder_argument(const struct ztc_env *env, pid_t pid, const char *option, char *ret,
			    size_t size)
{
	zt_auto(zt_fclosep) FILE *in = NULL;
	char path[64], line[4096];
	size_t len, olen = strlen(option);

	*ret = '\0';
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	in = ztc_collect_open(env, path);
	if (!in)
		return;
	len = fread(line, 1, sizeof(line) - 1, in);
	line[len] = '\0';
	for (const char *arg = line; arg < line + len; arg += strlen(arg) + 1) {
		const char *next = arg + strlen(arg) + 1;

		if (strncmp(arg, option, olen) != 0)
			continue;
		if (arg[olen] == '=' && option[1] == '-')
			snprintf(ret, size, "%s", arg + olen + 1);
		else if (arg[olen] && option[1] != '-')
			snprintf(ret, size, "%s", arg + olen);
		else if (!arg[olen] && next < line + len)
			snprintf(ret, size, "%s", next);
	}
}

/* --- targets and connections ---------------------------------------------------------------- */

static void add_socket(json_t *target, const struct ztc_tcp *tcp)
{
	char local[ZT_ADDR_TEXT_LEN], remote[ZT_ADDR_TEXT_LEN];

	json_object_set_new(target, "connected", json_boolean(tcp->state == ESTABLISHED));
	json_object_set_new(target, "local", json_string(zt_addr_text(&tcp->local, local)));
	json_object_set_new(target, "local_port", json_integer(tcp->local_port));
	json_object_set_new(target, "remote", json_string(zt_addr_text(&tcp->remote, remote)));
	json_object_set_new(target, "bytes_acked", zt_json_u64(tcp->bytes_acked));
	json_object_set_new(target, "last_sent_ms", json_integer(tcp->last_sent_ms));
	json_object_set_new(target, "last_ack_ms", json_integer(tcp->last_ack_ms));
	json_object_set_new(target, "stuck", json_boolean(tcp->stuck));
}

static bool fits(const json_t *target, const struct ztc_tcp *tcp)
{
	const char *address = json_string_value(json_object_get(target, "address"));
	struct zt_addr want;

	if (json_integer_value(json_object_get(target, "port")) != tcp->remote_port)
		return false;
	return !address || zt_addr_parse(address, &want) < 0 ||
	       memcmp(&want, &tcp->remote, sizeof(want)) == 0;
}

void ztc_target_connect(const struct ztc_forwarder *f, json_t *target)
{
	const struct ztc_tcp *best = NULL;

	for (int i = 0; i < f->tcp_count; i++) {
		const struct ztc_tcp *tcp = &f->tcp[i];

		if (fits(target, tcp) && (!best || (tcp->state == ESTABLISHED &&
						    (best->state != ESTABLISHED ||
						     tcp->bytes_acked > best->bytes_acked))))
			best = tcp;
	}
	if (best)
		add_socket(target, best);
	else if (f->pid && f->tcp_count < 0)
		json_object_set_new(target, "connected", json_null());
	else
		json_object_set_new(target, "connected", json_false());
}

void ztc_targets_from_sockets(const struct ztc_forwarder *f, json_t *targets)
{
	for (int i = 0; i < f->tcp_count; i++) {
		const struct ztc_tcp *tcp = &f->tcp[i];
		char text[ZT_ADDR_TEXT_LEN];
		json_t *target;

		if (zt_addr_is_loopback(&tcp->remote) || tcp->state != ESTABLISHED ||
		    json_array_size(targets) >= ZTC_TARGETS_MAX)
			continue;
		target = json_pack("{s:o, s:s, s:i, s:s, s:s}", "by", zt_json_str(f->by), "address",
				   zt_addr_text(&tcp->remote, text), "port", (int)tcp->remote_port,
				   "transport", "tcp", "tls", "unknown");
		if (!target)
			continue;
		add_socket(target, tcp);
		json_array_append_new(targets, target);
	}
}

static void forward_done(json_t *forwarders, const struct ztc_forwarder *f,
			 const struct ztc_conf *conf, const char *path)
{
	json_t *row = json_pack("{s:o, s:b}", "by", zt_json_str(f->by), "running", f->pid != 0);

	if (!row)
		return;
	if (f->pid)
		json_object_set_new(row, "sockets_seen", json_boolean(f->tcp_count >= 0));
	if (conf) {
		json_object_set_new(row, "config", zt_json_str(path));
		json_object_set_new(row, "config_files", json_integer(conf->files));
		json_object_set_new(row, "config_unreadable", json_integer(conf->unreadable));
		json_object_set_new(row, "config_newer",
				    json_boolean(f->begun_s && conf->newest_s > f->begun_s + 1));
	}
	if (strcmp(f->by, "rsyslog") == 0 && f->pid)
		json_object_set_new(row, "tls_library", json_boolean(f->tls_library));
	json_array_append_new(forwarders, row);
}

/* Targets of a configuration, joined with the process's connections. */
static void take_targets(const struct ztc_forwarder *f, struct ztc_conf *conf, json_t *targets)
{
	json_t *target;
	size_t i;

	json_array_foreach (conf->targets, i, target) {
		ztc_target_connect(f, target);
		json_array_append(targets, target);
	}
}

/* --- what forwards -------------------------------------------------------------------------- */

static void forward_configured(const struct ztc_env *env, const char *by, const char *comm,
			       const char *option, const char *standard,
			       int (*read)(struct ztc_conf *, const char *, unsigned int),
			       json_t *forwarders, json_t *targets)
{
	zt_auto(ztc_conf_free) struct ztc_conf conf = {.env = env};
	zt_auto(zt_freep) struct ztc_forwarder *f = calloc(1, sizeof(*f));
	char path[PATH_MAX] = "";
	pid_t pid;
	int r;

	if (!f)
		return;
	f->by = by;
	if (ztc_process_find(env, comm, &pid, 1)) {
		ztc_forwarder_look(env, by, pid, f);
		ztc_forwarder_argument(env, pid, option, path, sizeof(path));
	}
	if (!*path)
		snprintf(path, sizeof(path), "%s", standard);
	r = read(&conf, path, 0);
	if (r == -ENOENT && !f->pid)
		return;
	if (r < 0 && !conf.unreadable)
		conf.unreadable = 1;
	take_targets(f, &conf, targets);
	forward_done(forwarders, f, &conf, path);
}

void ztc_forward_rsyslog(const struct ztc_env *env, json_t *forwarders, json_t *targets)
{
	forward_configured(env, "rsyslog", "rsyslogd", "-f", "/etc/rsyslog.conf", ztc_rsyslog_read,
			   forwarders, targets);
}

void ztc_forward_syslog_ng(const struct ztc_env *env, json_t *forwarders, json_t *targets)
{
	forward_configured(env, "syslog-ng", "syslog-ng", "-f", "/etc/syslog-ng/syslog-ng.conf",
			   ztc_syslog_ng_read, forwarders, targets);
}

/* Programs whose configuration is not understood here: their connections have to do. */
void ztc_forward_others(const struct ztc_env *env, json_t *forwarders, json_t *targets)
{
	const json_t *names =
		json_object_get(json_object_get(env->profile, "lists"), "log_forwarders");
	zt_auto(zt_freep) struct ztc_forwarder *f = calloc(1, sizeof(*f));
	const json_t *name;
	size_t i;
	pid_t pid;

	if (!f)
		return;
	json_array_foreach (names, i, name) {
		if (!json_is_string(name) ||
		    !ztc_process_find(env, json_string_value(name), &pid, 1))
			continue;
		ztc_forwarder_look(env, json_string_value(name), pid, f);
		ztc_targets_from_sockets(f, targets);
		forward_done(forwarders, f, NULL, NULL);
	}
}

/* --- systemd-journal-upload ----------------------------------------------------------------- */

static bool is_upload(const struct ztc_env *env, pid_t pid)
{
	char path[PATH_MAX], exe[PATH_MAX] = "";

	snprintf(path, sizeof(path), "%s/proc/%d/exe", env->root, (int)pid);
	return readlink(path, exe, sizeof(exe) - 1) > 0 && strstr(exe, "/systemd-journal-upload");
}

/* "https://host:port/..." in its parts; 19532 is what systemd-journal-remote listens at. */
static json_t *upload_target(const char *url, const char *trusted)
{
	bool https = strncasecmp(url, "http://", 7) != 0;
	char host[256] = "";
	int port = 19532;
	const char *at = strstr(url, "://");

	at = at ? at + 3 : url;
	if (*at == '[') {
		sscanf(at, "[%255[^]]]:%d", host, &port);
	} else {
		sscanf(at, "%255[^:/]", host);
		at += strlen(host);
		if (*at == ':')
			port = (int)strtol(at + 1, NULL, 10);
	}
	return json_pack("{s:s, s:o, s:i, s:s, s:s, s:s}", "by", "journal-upload", "address",
			 zt_json_str(host), "port", port, "transport", https ? "https" : "http",
			 "tls",
			 !https			       ? "none"
			 : strcmp(trusted, "all") == 0 ? "anon"
						       : "name",
			 "file", "/etc/systemd/journal-upload.conf");
}

static void read_upload(struct ztc_conf *conf, char url[512], char trusted[512])
{
	zt_auto(zt_freep) char *text = NULL;

	if (ztc_conf_text(conf, "/etc/systemd/journal-upload.conf", &text) < 0)
		return;
	ztc_conf_value(text, "URL", url, 512);
	ztc_conf_value(text, "TrustedCertificateFile", trusted, 512);
}

void ztc_forward_journal(const struct ztc_env *env, json_t *forwarders, json_t *targets)
{
	zt_auto(ztc_conf_free) struct ztc_conf conf = {.env = env, .targets = json_array()};
	zt_auto(zt_freep) struct ztc_forwarder *f = calloc(1, sizeof(*f));
	char url[512] = "", trusted[512] = "", argument[512] = "";
	pid_t pids[8];
	size_t n = ztc_process_find(env, "systemd-journal", pids, ARRAY_SIZE(pids));

	if (!f)
		return;
	f->by = "journal-upload";
	for (size_t i = 0; i < n; i++) {
		if (is_upload(env, pids[i]))
			ztc_forwarder_look(env, f->by, pids[i], f);
	}
	read_upload(&conf, url, trusted);
	if (f->pid)
		ztc_forwarder_argument(env, f->pid, "--url", argument, sizeof(argument));
	if (*argument)
		memcpy(url, argument, sizeof(url));
	if (!*url && !f->pid)
		return;
	if (*url)
		json_array_append_new(conf.targets, upload_target(url, trusted));
	take_targets(f, &conf, targets);
	forward_done(forwarders, f, &conf, "/etc/systemd/journal-upload.conf");
}

/* --- audisp-remote -------------------------------------------------------------------------- */

static bool plugin_active(struct ztc_conf *conf)
{
	static const char *const paths[] = {"/etc/audit/plugins.d/au-remote.conf",
					    "/etc/audisp/plugins.d/au-remote.conf"};
	char active[16] = "";

	for (size_t i = 0; i < ARRAY_SIZE(paths) && !*active; i++) {
		zt_auto(zt_freep) char *text = NULL;

		if (ztc_conf_text(conf, paths[i], &text) == 0)
			ztc_conf_value(text, "active", active, sizeof(active));
	}
	return strcasecmp(active, "yes") == 0;
}

void ztc_forward_audit(const struct ztc_env *env, json_t *forwarders, json_t *targets)
{
	static const char path[] = "/etc/audit/audisp-remote.conf";
	zt_auto(ztc_conf_free) struct ztc_conf conf = {.env = env, .targets = json_array()};
	zt_auto(zt_freep) struct ztc_forwarder *f = calloc(1, sizeof(*f));
	zt_auto(zt_freep) char *text = NULL;
	char server[256] = "", port[16] = "", transport[16] = "", krb5[16] = "";
	bool secret;
	pid_t pid;

	if (!f || !plugin_active(&conf) || ztc_conf_text(&conf, path, &text) < 0)
		return;
	f->by = "audisp-remote";
	if (ztc_process_find(env, "audisp-remote", &pid, 1))
		ztc_forwarder_look(env, f->by, pid, f);
	ztc_conf_value(text, "remote_server", server, sizeof(server));
	ztc_conf_value(text, "port", port, sizeof(port));
	ztc_conf_value(text, "transport", transport, sizeof(transport));
	ztc_conf_value(text, "enable_krb5", krb5, sizeof(krb5));
	secret = strcasecmp(krb5, "yes") == 0 || strcasecmp(transport, "krb5") == 0;
	if (*server)
		json_array_append_new(conf.targets,
				      json_pack("{s:s, s:o, s:I, s:s, s:s, s:s, s:s}", "by", f->by,
						"address", zt_json_str(server), "port",
						(json_int_t)strtol(*port ? port : "60", NULL, 10),
						"transport", "tcp", "tls", secret ? "name" : "none",
						"authentication", secret ? "krb5" : "", "file",
						path));
	take_targets(f, &conf, targets);
	forward_done(forwarders, f, &conf, path);
}

/* --- the collector -------------------------------------------------------------------------- */

int ztc_collect_forwarding(const struct ztc_env *env, json_t *data)
{
	json_t *forwarders = json_array(), *targets = json_array();

	json_object_set_new(data, "forwarders", forwarders);
	json_object_set_new(data, "targets", targets);
	if (!forwarders || !targets)
		return -ENOMEM;
	ztc_forward_rsyslog(env, forwarders, targets);
	ztc_forward_syslog_ng(env, forwarders, targets);
	ztc_forward_journal(env, forwarders, targets);
	ztc_forward_audit(env, forwarders, targets);
	ztc_forward_others(env, forwarders, targets);
	ztc_targets_encryption(env, targets);
	return 0;
}
