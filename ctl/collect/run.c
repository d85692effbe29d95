/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - runs every collector in a process of its own and takes what it hands over.
 *
 * A collector that hangs is killed with all that it started, by the id of the process group that
 * was made for it; one that dies or writes too much costs its own facts.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/time.h"
#include "ctl/collect/collect.h"
#include "ctl/evidence/seal.h"

#define JOBS_MAX	 64
#define TIMEOUT_S	 5
#define OBSERVE_SPARE_S	 10 /* to add up what --observe saw */
#define COLLECTOR_MEMORY (256 << 20)
#define CHUNK		 (64 << 10)

static const struct ztc_collector *const all_tables[] = {
	ztc_collect_host,   ztc_collect_net,  ztc_collect_agent,
	ztc_collect_crypto, ztc_collect_logs, ztc_collect_records,
};

struct job {
	const struct ztc_collector *row;
	pid_t pid; /* 0 = over */
	int fd;
	uint64_t begun_ns, ended_ns, deadline_ns;
	struct zt_strbuf text;
	bool late, too_long;
	int wait_status;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * ZT_NS_PER_S + ts.tv_nsec;
}

/* --- in the collector's process --- */

static void limit_self(void)
{
	const struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* whose shadow counts as data */
	const struct rlimit memory = {COLLECTOR_MEMORY, COLLECTOR_MEMORY};

	setrlimit(RLIMIT_DATA, &memory);
#endif
}

__attribute__((noreturn)) static void be_collector(const struct ztc_collector *row,
						   const struct ztc_env *env, pid_t parent, int fd)
{
	json_t *data = json_object(), *answer;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), r;
	FILE *out = fdopen(fd, "w");

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || !data || !out || null < 0)
		_exit(1);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	limit_self();
	r = row->run(env, data);
	answer = json_pack("{s:i, s:o}", "r", r, "data", data);
	if (!answer || json_dumpf(answer, out, JSON_COMPACT) < 0 || fflush(out) != 0)
		_exit(1);
	_exit(0);
}

/* --- in ours --- */

static unsigned int timeout_s(const struct ztc_collector *row, const struct ztc_env *env)
{
	unsigned int s = env->timeout_s	  ? env->timeout_s
			 : row->timeout_s ? row->timeout_s
					  : TIMEOUT_S;

	return row->flags == ZTC_COLLECT_OBSERVE ? env->observe_s + OBSERVE_SPARE_S : s;
}

static int start(struct job *job, const struct ztc_env *env)
{
	pid_t parent = getpid();
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	job->begun_ns = now_ns();
	job->deadline_ns = job->begun_ns + timeout_s(job->row, env) * ZT_NS_PER_S;
	job->pid = fork();
	if (job->pid == 0) {
		close(fds[0]);
		be_collector(job->row, env, parent, fds[1]);
	}
	close(fds[1]);
	if (job->pid < 0) {
		int r = -errno;

		close(fds[0]);
		job->pid = 0;
		return r;
	}
	/* Both do it: whoever comes first, the group is there before anybody relies on it. */
	setpgid(job->pid, job->pid);
	job->fd = fds[0];
	return 0;
}

/* Over: whatever of it still lives is ended, and how it ended is kept. */
static void finish(struct job *job)
{
	kill(-job->pid, SIGKILL);
	while (waitpid(job->pid, &job->wait_status, 0) < 0 && errno == EINTR)
		;
	job->ended_ns = now_ns();
	job->pid = 0;
	zt_close(&job->fd);
}

static void take_bytes(struct job *job, char *chunk)
{
	ssize_t n = read(job->fd, chunk, CHUNK);

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		finish(job);
		return;
	}
	if (job->text.len + n > ZTC_FACTS_MAX) {
		job->too_long = true;
		finish(job);
		return;
	}
	zt_strbuf_add(&job->text, chunk, n);
}

/* Milliseconds until the next deadline; those that are past it are ended. */
static int until_deadline(struct job *jobs, size_t count)
{
	uint64_t now = now_ns(), next = UINT64_MAX;

	for (size_t i = 0; i < count; i++) {
		if (!jobs[i].pid)
			continue;
		if (jobs[i].deadline_ns <= now) {
			jobs[i].late = true;
			finish(&jobs[i]);
			continue;
		}
		if (jobs[i].deadline_ns < next)
			next = jobs[i].deadline_ns;
	}
	if (next == UINT64_MAX)
		return -1;
	return next - now > 60 * ZT_NS_PER_S ? 60000 : (int)((next - now) / ZT_NS_PER_MS) + 1;
}

static int serve(struct job *jobs, size_t count)
{
	zt_auto(zt_freep) char *chunk = malloc(CHUNK);
	struct pollfd fds[JOBS_MAX];
	int wait_ms;

	if (!chunk)
		return -ENOMEM;
	while ((wait_ms = until_deadline(jobs, count)) >= 0) {
		for (size_t i = 0; i < count; i++)
			fds[i] = (struct pollfd){.fd = jobs[i].pid ? jobs[i].fd : -1,
						 .events = POLLIN};
		if (poll(fds, count, wait_ms) < 0 && errno != EINTR)
			return -errno;
		for (size_t i = 0; i < count; i++) {
			if (jobs[i].pid && fds[i].fd >= 0 && fds[i].revents)
				take_bytes(&jobs[i], chunk);
		}
	}
	return 0;
}

/* --- from what was handed over to a fact --- */

static const char *status_of(int r)
{
	switch (r) {
	case 0:
		return "ok";
	case -EPERM:
	case -EACCES:
		return "denied";
	case -ENOENT:
	case -EOPNOTSUPP:
		return "absent";
	default:
		return "error";
	}
}

static void set_status(json_t *fact, const char *status, const char *why)
{
	json_object_set_new(fact, "status", json_string(status));
	if (why)
		json_object_set_new(fact, "reason", zt_json_str(why));
}

/* A collector that handed nothing over, or nothing that can be read. */
static void set_lost(const struct job *job, json_t *fact)
{
	char why[80];

	if (job->too_long)
		snprintf(why, sizeof(why), "it handed over more than %d MiB", ZTC_FACTS_MAX >> 20);
	else if (WIFSIGNALED(job->wait_status))
		snprintf(why, sizeof(why), "it was ended by signal %d (%s)",
			 WTERMSIG(job->wait_status), strsignal(WTERMSIG(job->wait_status)));
	else
		snprintf(why, sizeof(why), "it handed over nothing that can be read");
	set_status(fact, "error", why);
}

static void set_answer(const struct job *job, json_t *fact, json_t *answer)
{
	json_t *data = json_object_get(answer, "data");
	int r = (int)json_integer_value(json_object_get(answer, "r"));
	const char *why = json_string_value(json_object_get(data, "why"));
	char digest[ZTC_DIGEST_TEXT_LEN];

	if (r == 0 && ztc_digest(data, digest) < 0) {
		set_status(fact, "error", "it handed over a value that a document cannot hold");
		return;
	}
	if (r == 0) {
		set_status(fact, "ok", NULL);
		json_object_set(fact, "data", data);
		json_object_set_new(fact, "digest", json_string(digest));
		return;
	}
	set_status(fact, status_of(r), why ? why : strerror(-r));
	if (job->row->needs && (r == -EPERM || r == -EACCES))
		json_object_set_new(fact, "needs", json_string(job->row->needs));
}

static json_t *make_fact(const struct job *job)
{
	zt_auto(zt_json_decref) json_t *answer = NULL;
	char time[ZT_TIME_TEXT_LEN];
	json_t *fact = json_pack("{s:s, s:s, s:I}", "method", job->row->method, "collected_at",
				 zt_wall_text(zt_now_wall_ns(), time), "elapsed_ms",
				 (json_int_t)((job->ended_ns - job->begun_ns) / ZT_NS_PER_MS));

	if (!fact)
		return NULL;
	if (job->late) {
		set_status(fact, "timeout", "it was ended at its deadline");
		return fact;
	}
	if (!job->too_long && zt_strbuf_error(&job->text) == 0)
		answer = json_loadb(zt_strbuf_text(&job->text), job->text.len, 0, NULL);
	if (json_is_object(json_object_get(answer, "data")))
		set_answer(job, fact, answer);
	else
		set_lost(job, fact);
	return fact;
}

/* --- the run --- */

static json_t *not_run(const struct ztc_collector *row)
{
	bool observe = row->flags == ZTC_COLLECT_OBSERVE;

	return json_pack("{s:s, s:s, s:s}", "status", "not_run", "needs",
			 observe ? "--observe" : "--probe", "method", row->method);
}

/* What only watches takes its time, so it has a turn of its own (OBSERVING) before the rest. */
enum turn {
	OBSERVING,
	FIRST,	/* phase 1 */
	SECOND, /* phase 2, with the facts of phase 1 */
};

static bool has_turn(const struct ztc_collector *row, const struct ztc_env *env, enum turn turn)
{
	if (row->flags == ZTC_COLLECT_OBSERVE && env->wanted & ZTC_COLLECT_OBSERVE)
		return turn == OBSERVING;
	return turn == (row->phase == 1 ? FIRST : SECOND);
}

static int run_turn(const struct ztc_collector *const *tables, size_t table_count,
		    const struct ztc_env *env, enum turn turn, json_t *facts)
{
	static struct job jobs[JOBS_MAX];
	size_t count = 0;
	int r = 0;

	for (size_t t = 0; t < table_count; t++) {
		for (const struct ztc_collector *c = tables[t]; c->name && count < JOBS_MAX; c++) {
			if (!has_turn(c, env, turn))
				continue;
			if (c->flags && !(c->flags & env->wanted)) {
				json_object_set_new(facts, c->name, not_run(c));
				continue;
			}
			jobs[count] = (struct job){.row = c, .fd = -1};
			r = start(&jobs[count], env);
			if (r == 0)
				count++;
			else
				json_object_set_new(facts, c->name,
						    json_pack("{s:s, s:s, s:s}", "status", "error",
							      "reason", strerror(-r), "method",
							      c->method));
		}
	}
	r = serve(jobs, count);
	for (size_t i = 0; i < count; i++) {
		if (jobs[i].pid)
			finish(&jobs[i]);
		json_object_set_new(facts, jobs[i].row->name, make_fact(&jobs[i]));
		zt_strbuf_free(&jobs[i].text);
	}
	return r;
}

int ztc_collect(const struct ztc_env *env, unsigned int wanted_flags, json_t **ret)
{
	return ztc_collect_tables(all_tables, ARRAY_SIZE(all_tables), env, wanted_flags, ret);
}

int ztc_collect_tables(const struct ztc_collector *const *tables, size_t table_count,
		       const struct ztc_env *env, unsigned int wanted_flags, json_t **ret)
{
	zt_auto(zt_json_decref) json_t *facts = json_object();
	struct ztc_env again = *env;
	int r;

	if (!facts)
		return -ENOMEM;
	fflush(NULL); /* what is buffered is written once, not by every child */
	again.wanted = wanted_flags;
	again.facts = NULL;
	r = run_turn(tables, table_count, &again, FIRST, facts);
	if (r == 0 && wanted_flags & ZTC_COLLECT_OBSERVE) {
		again.facts = facts;
		r = run_turn(tables, table_count, &again, OBSERVING, facts);
		/* Hours later: what else is told of the host is to be of the same time. */
		again.now_s = time(NULL);
		again.facts = NULL;
		if (r == 0)
			r = run_turn(tables, table_count, &again, FIRST, facts);
	}
	again.facts = facts;
	if (r == 0)
		r = run_turn(tables, table_count, &again, SECOND, facts);
	if (r < 0)
		return r;
	*ret = zt_take(facts);
	return 0;
}
