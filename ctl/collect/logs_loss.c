// SPDX-License-Identifier: Apache-2.0
/*
 * logs_loss.c - fact "log_loss": what each source of records says that it lost.
 *
 * {sources: [{name, lost, total, since, why?}]}: lost null = it cannot be seen, why says what would
 * show it; total null = not known; since: RFC 3339, from when on it is counted.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/agent.h"
#include "ctl/collect/logs.h"
#include "ctl/collect/logs_conf.h"
#include "ctl/collect/logs_journal.h"
#include "ctl/collect/logs_stats.h"
#include "history/history.h"

#define WINDOW_S (30 * 86400)

/* @lost, @total: negative = not known. */
static void add(json_t *data, const char *name, int64_t lost, int64_t total, int64_t since_s,
		const char *why)
{
	json_t *row = json_pack("{s:s, s:o, s:o}", "name", name, "lost",
				lost < 0 ? json_null() : json_integer(lost), "total",
				total < 0 ? json_null() : json_integer(total));

	if (!row)
		return;
	ztc_set_time(row, "since", since_s);
	if (why)
		json_object_set_new(row, "why", json_string(why));
	json_array_append_new(json_object_get(data, "sources"), row);
}

/* --- the kernel's audit ----------------------------------------------------------------------- */

struct audit_reply {
	struct nlmsghdr head;
	struct audit_status status;
	char spare[256]; /* later kernels tell more */
};

/* AUDIT_GET (audit_netlink(8), linux/audit.h). 0, -EPERM, -ECONNREFUSED (no audit), -errno. */
static int ask_audit(struct audit_reply *reply)
{
	const struct timeval patience = {.tv_sec = 1};
	struct nlmsghdr req = {
		.nlmsg_len = sizeof(req), .nlmsg_type = AUDIT_GET, .nlmsg_flags = NLM_F_REQUEST};
	zt_auto(zt_close) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (send(fd, &req, sizeof(req), 0) < 0)
		return -errno;
	for (int tries = 0; tries < 8; tries++) {
		ssize_t len = recv(fd, reply, sizeof(*reply), 0);

		if (len < (ssize_t)sizeof(reply->head))
			return len < 0 ? -errno : -EIO;
		if (reply->head.nlmsg_type == NLMSG_ERROR) {
			int error = 0;

			memcpy(&error, NLMSG_DATA(&reply->head), sizeof(error));
			if (error)
				return error;
		}
		if (reply->head.nlmsg_type == AUDIT_GET)
			return 0;
	}
	return -EIO;
}

static void add_audit(const struct ztc_env *env, json_t *data)
{
	struct audit_reply reply = {0};
	struct sysinfo info;
	pid_t pid;
	int r;

	/* Kernels without audit have no such family; it is the running kernel's, never a root's. */
	if (*env->root)
		return;
	r = ask_audit(&reply);
	/* Refused in containers too, where audit is not theirs. */
	if (r == -EPROTONOSUPPORT || r == -ECONNREFUSED ||
	    (r < 0 && !ztc_process_find(env, "auditd", &pid, 1)))
		return;
	if (r < 0) {
		add(data, "audit", -1, -1, 0, "the kernel's audit status needs CAP_AUDIT_CONTROL");
		return;
	}
	/* Nobody takes audit records and none are made: not a source. */
	if (!reply.status.enabled || (!reply.status.pid && !reply.status.lost))
		return;
	sysinfo(&info);
	add(data, "audit", reply.status.lost, -1, env->now_s - info.uptime, NULL);
}

/* --- journald -----------------------------------------------------------------------------------
 */

static void add_journal(const struct ztc_env *env, json_t *data)
{
	zt_auto(zt_freep) struct ztc_journal *journal = calloc(1, sizeof(*journal));
	int64_t since = env->now_s - WINDOW_S, first = 0;
	uint64_t lost = 0, total = 0;
	int r = journal ? ztc_journal_read(env, journal) : -ENOMEM;

	if (r == -ENOMEM || !journal->there)
		return;
	for (size_t i = 0; i < journal->count; i++) {
		const struct ztc_journal_file *f = &journal->files[i];

		total += f->entries;
		if (f->first_s && (!first || f->first_s < first))
			first = f->first_s;
	}
	if (r == 0)
		r = ztc_journal_suppressed(env, journal, since, &lost);
	if (r < 0)
		add(data, "journald", -1, -1, 0,
		    r == -EACCES || r == -EPERM
			    ? "the journal may not be read: root, or group systemd-journal"
			    : "the journal's files cannot be read");
	else
		add(data, "journald", (int64_t)lost, (int64_t)total, first > since ? first : since,
		    NULL);
}

/* --- rsyslog ------------------------------------------------------------------------------------
 */

static void add_rsyslog(const struct ztc_env *env, json_t *data)
{
	zt_auto(ztc_conf_free) struct ztc_conf conf = {.env = env};
	zt_auto(zt_freep) struct ztc_forwarder *f = calloc(1, sizeof(*f));
	char path[4096] = "";
	struct ztc_stats stats;
	const char *file;
	pid_t pid;
	int r;

	if (!f || !ztc_process_find(env, "rsyslogd", &pid, 1))
		return;
	ztc_forwarder_look(env, "rsyslog", pid, f);
	ztc_forwarder_argument(env, pid, "-f", path, sizeof(path));
	if (ztc_rsyslog_read(&conf, *path ? path : "/etc/rsyslog.conf", 0) < 0) {
		add(data, "rsyslog", -1, -1, 0, "its configuration may not be read");
		return;
	}
	file = json_string_value(json_object_get(conf.stats, "log.file"));
	if (!file) {
		add(data, "rsyslog", -1, -1, 0,
		    conf.stats
			    ? "impstats has no log.file: its counters go where no one counts them"
			    : "it does not count: module(load=\"impstats\" interval=\"60\" "
			      "log.file=\"/var/log/rsyslog-stats\")");
		return;
	}
	r = ztc_stats_read(env, file, conf.stats, &stats);
	if (r < 0 || !stats.lines)
		add(data, "rsyslog", -1, -1, 0, "the file of impstats has no counters yet");
	else
		add(data, "rsyslog", (int64_t)stats.lost, (int64_t)stats.processed, f->begun_s,
		    NULL);
}

/* --- the agent's own records
 * ---------------------------------------------------------------------- */

static void add_agent(const struct ztc_env *env, json_t *data)
{
	const json_t *edges = ztc_fact_of(env, "edges");
	const json_t *total = json_object_get(json_object_get(edges, "total"), "connections");
	int64_t since = env->now_s - WINDOW_S;
	struct zt_history_days days = {0};
	struct zt_history *history = NULL;
	char path[4096];
	int r;

	snprintf(path, sizeof(path), "%s/" ZT_HISTORY_FILE, env->state_dir);
	r = zt_history_open_read(&history, path);
	if (r == -ENOENT)
		return;
	if (r == 0)
		r = zt_history_days(history, since, &days);
	zt_history_close(&history);
	if (r < 0)
		add(data, "ztagent", -1, -1, 0, "the recorded flows cannot be read; run as root");
	else
		add(data, "ztagent", (int64_t)days.losses,
		    json_is_integer(total) ? json_integer_value(total) : -1,
		    days.first_s > since ? days.first_s : since, NULL);
}

int ztc_collect_loss(const struct ztc_env *env, json_t *data)
{
	json_object_set_new(data, "sources", json_array());
	add_agent(env, data);
	add_journal(env, data);
	add_rsyslog(env, data);
	add_audit(env, data);
	return 0;
}
