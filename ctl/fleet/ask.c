// SPDX-License-Identifier: Apache-2.0
/*
 * ask.c - runs ssh for many hosts side by side and takes what they send, within bounds.
 *
 * No shell here: ssh is given words. The group of processes of an ssh that is late, too long or
 * not wanted any more is killed by the id that was made for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/fleet/fleet.h"

#define SSH	   "/usr/bin/ssh"
#define CHUNK	   (64 << 10)
#define GRACE_MS   2000 /* for the exit status, once all has been sent */
#define FDS_OF_JOB 3

struct job {
	size_t host;
	pid_t pid; /* 0 = free */
	int out, err, pidfd;
	int64_t begun_ms, deadline_ms;
	struct ztc_fleet_answer answer;
	size_t error_len;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --- ssh's process --- */

#define WORDS_MAX 40

static void make_words(const struct ztc_fleet_run *run, const struct ztc_fleet_host *host,
		       char port[16], const char *words[WORDS_MAX])
{
	/* Nobody is asked anything, nothing of ours goes there, and a dead line is noticed. */
	static const char *const fixed[] = {
		"ssh",
		"-T",
		"-oBatchMode=yes",
		"-oConnectTimeout=10",
		"-oServerAliveInterval=5",
		"-oServerAliveCountMax=3",
		"-oForwardAgent=no",
		"-oForwardX11=no",
		"-oClearAllForwardings=yes",
		"-oPermitLocalCommand=no",
		"-oRequestTTY=no",
		"-oEscapeChar=none",
		"-oLogLevel=ERROR",
	};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		words[n++] = fixed[i];
	if (run->ssh_config) {
		words[n++] = "-F";
		words[n++] = run->ssh_config;
	}
	if (host->port) {
		snprintf(port, 16, "%u", host->port);
		words[n++] = "-p";
		words[n++] = port;
	}
	if (host->user) {
		words[n++] = "-l";
		words[n++] = host->user;
	}
	words[n++] = "--";
	words[n++] = host->address ? host->address : host->name;
	words[n++] = run->command;
	words[n] = NULL;
}

__attribute__((noreturn)) static void be_ssh(const char *const *words, pid_t parent, int out,
					     int err)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
		_exit(255);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	execv(SSH, (char *const *)words);
	fprintf(stderr, "%s: %s\n", SSH, strerror(errno));
	_exit(255);
}

static int start(struct job *job, const struct ztc_fleet_run *run, size_t number)
{
	zt_auto(zt_close) int out = -1, err = -1;
	const char *words[WORDS_MAX];
	const pid_t parent = getpid();
	char port[16];
	int fds[2];

	*job = (struct job){.host = number, .out = -1, .err = -1, .pidfd = -1};
	job->begun_ms = now_ms();
	job->deadline_ms = job->begun_ms + (int64_t)run->timeout_s * 1000;
	make_words(run, &run->hosts->rows[number], port, words);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	job->out = fds[0];
	out = fds[1];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	job->err = fds[0];
	err = fds[1];
	if (fcntl(job->out, F_SETFL, O_NONBLOCK) < 0 || fcntl(job->err, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	job->pid = fork();
	if (job->pid == 0)
		be_ssh(words, parent, out, err);
	if (job->pid < 0) {
		job->pid = 0;
		return -errno;
	}
	/* Both do it: whoever comes first, the group is there before anybody relies on it. */
	setpgid(job->pid, job->pid);
	job->pidfd = (int)syscall(SYS_pidfd_open, job->pid, 0);
	return job->pidfd < 0 ? -errno : 0;
}

/* --- what it sends --- */

/* The last of stderr is what tells why it failed. */
static void keep_error(struct job *job, const char *bytes, size_t len)
{
	char *into = job->answer.error;
	const size_t room = sizeof(job->answer.error) - 1;

	if (len > room) {
		bytes += len - room;
		len = room;
	}
	if (job->error_len + len > room) {
		const size_t drop = job->error_len + len - room;

		memmove(into, into + drop, job->error_len - drop);
		job->error_len -= drop;
	}
	memcpy(into + job->error_len, bytes, len);
	job->error_len += len;
	into[job->error_len] = '\0';
}

/* One read of a pipe; it is closed at its end. @chunk is shared by all. */
static void take(struct job *job, int *fd, char *chunk)
{
	ssize_t n = read(*fd, chunk, CHUNK);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		zt_close(fd);
		return;
	}
	if (fd == &job->err) {
		keep_error(job, chunk, (size_t)n);
		return;
	}
	if (job->answer.text.len + (size_t)n > ZTC_FLEET_BYTES_MAX) {
		job->answer.end = ZTC_FLEET_TOO_LONG;
		return;
	}
	zt_strbuf_add(&job->answer.text, chunk, (size_t)n);
}

/* What is in the pipes still when ssh has gone; whoever else holds them is not waited for. */
static void drain(struct job *job, char *chunk)
{
	size_t before;

	do {
		before = job->answer.text.len;
		if (job->out >= 0 && job->answer.end == ZTC_FLEET_ENDED)
			take(job, &job->out, chunk);
	} while (job->answer.text.len != before);
	if (job->err >= 0)
		take(job, &job->err, chunk);
}

static void finish(struct job *job)
{
	int status = 0;

	if (job->pid) {
		kill(-job->pid, SIGKILL);
		while (waitpid(job->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	job->answer.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	job->answer.elapsed_ms = now_ms() - job->begun_ms;
	job->pid = 0;
	zt_close(&job->out);
	zt_close(&job->err);
	zt_close(&job->pidfd);
}

/* --- all of them --- */

struct crowd {
	const struct ztc_fleet_run *run;
	int (*each)(void *arg, size_t host, struct ztc_fleet_answer *answer);
	void *arg;
	struct job jobs[ZTC_FLEET_PARALLEL];
	size_t next, done;
	char *chunk;
	int error;
};

static void hand_over(struct crowd *c, size_t host, struct ztc_fleet_answer *answer)
{
	int r = c->each(c->arg, host, answer);

	zt_strbuf_free(&answer->text);
	c->error = c->error ? c->error : r;
	c->done++;
	if (c->run->progress)
		fprintf(stderr, "\r%zu/%zu ", c->done, c->run->hosts->count);
}

static void end_job(struct crowd *c, struct job *job)
{
	finish(job);
	hand_over(c, job->host, &job->answer);
}

static void start_next(struct crowd *c, struct job *job)
{
	while (c->next < c->run->hosts->count && !interrupted) {
		const size_t host = c->next++;
		struct ztc_fleet_answer empty = {.end = ZTC_FLEET_NOT_STARTED};
		int r;

		/* Saved results are read by who is given the answer. */
		if (c->run->hosts->rows[host].file) {
			empty.end = ZTC_FLEET_ENDED;
			hand_over(c, host, &empty);
			continue;
		}
		r = start(job, c->run, host);
		if (r == 0)
			return;
		job->answer.end = ZTC_FLEET_NOT_STARTED;
		snprintf(job->answer.error, sizeof(job->answer.error), "%s", strerror(-r));
		end_job(c, job);
	}
}

static void serve_job(struct crowd *c, struct job *job, const struct pollfd *fds)
{
	const int64_t now = now_ms();

	if (fds[0].revents)
		take(job, &job->out, c->chunk);
	if (fds[1].revents)
		take(job, &job->err, c->chunk);
	/* Once all is there, the exit status is near. */
	if (job->answer.end == ZTC_FLEET_ENDED && job->out < 0 && job->deadline_ms > now + GRACE_MS)
		job->deadline_ms = now + GRACE_MS;
	if (fds[2].revents)
		drain(job, c->chunk);
	else if (interrupted)
		job->answer.end = ZTC_FLEET_INTERRUPTED;
	else if (job->deadline_ms <= now && job->out >= 0)
		job->answer.end = ZTC_FLEET_LATE;
	if (fds[2].revents || job->answer.end != ZTC_FLEET_ENDED || job->deadline_ms <= now)
		end_job(c, job);
}

static int serve(struct crowd *c)
{
	struct pollfd fds[ZTC_FLEET_PARALLEL * FDS_OF_JOB];
	size_t busy;

	do {
		int64_t next = INT64_MAX;
		int wait_ms;

		busy = 0;
		for (size_t i = 0; i < ZTC_FLEET_PARALLEL; i++) {
			struct job *job = &c->jobs[i];

			if (!job->pid)
				start_next(c, job);
			if (job->pid && job->deadline_ms < next)
				next = job->deadline_ms;
			busy += job->pid != 0;
			fds[i * 3] = (struct pollfd){job->pid ? job->out : -1, POLLIN, 0};
			fds[i * 3 + 1] = (struct pollfd){job->pid ? job->err : -1, POLLIN, 0};
			fds[i * 3 + 2] = (struct pollfd){job->pid ? job->pidfd : -1, POLLIN, 0};
		}
		if (!busy)
			break;
		wait_ms = next <= now_ms() ? 0 : (int)(next - now_ms()) + 1;
		if (poll(fds, ARRAY_SIZE(fds), wait_ms) < 0) {
			if (errno != EINTR)
				return -errno;
			for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
				fds[i].revents = 0;
		}
		for (size_t i = 0; i < ZTC_FLEET_PARALLEL; i++)
			if (c->jobs[i].pid)
				serve_job(c, &c->jobs[i], &fds[i * 3]);
	} while (busy);
	for (; c->next < c->run->hosts->count; c->next++) {
		struct ztc_fleet_answer none = {.end = ZTC_FLEET_INTERRUPTED};

		hand_over(c, c->next, &none);
	}
	return c->error;
}

int ztc_fleet_ask(const struct ztc_fleet_run *run,
		  int (*each)(void *arg, size_t host, struct ztc_fleet_answer *answer), void *arg)
{
	struct sigaction action = {.sa_handler = on_signal}, old_int, old_term;
	struct crowd *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->run = run;
	c->each = each;
	c->arg = arg;
	c->chunk = malloc(CHUNK);
	interrupted = 0;
	sigaction(SIGINT, &action, &old_int);
	sigaction(SIGTERM, &action, &old_term);
	r = c->chunk ? serve(c) : -ENOMEM;
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGTERM, &old_term, NULL);
	if (run->progress)
		fputs("\r        \r", stderr);
	free(c->chunk);
	free(c);
	return r;
}
