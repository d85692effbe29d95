/* SPDX-License-Identifier: Apache-2.0 */
/* env.c - how collectors read files and run programs: bounded, without a shell, reading only. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "ctl/collect/collect.h"

#define CHUNK (64 << 10)

FILE *ztc_collect_open(const struct ztc_env *env, const char *path)
{
	zt_auto(zt_freep) char *full = NULL;

	if (asprintf(&full, "%s%s", env->root ? env->root : "", path) < 0) {
		errno = ENOMEM;
		return NULL;
	}
	return fopen(full, "re");
}

/* Where programs of the system are; $PATH is the caller's and may be anybody's. */
static int find_program(const char *name, char **ret)
{
	static const char *const dirs[] = {"/usr/sbin", "/usr/bin", "/sbin", "/bin"};

	if (strchr(name, '/'))
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		zt_auto(zt_freep) char *path = NULL;

		if (asprintf(&path, "%s/%s", dirs[i], name) < 0)
			return -ENOMEM;
		if (access(path, X_OK) == 0) {
			*ret = zt_take(path);
			return 0;
		}
	}
	return -ENOENT;
}

/* In the child: only async-signal-safe calls. */
__attribute__((noreturn)) static void become(const char *path, const char *const *argv, int out)
{
	static const char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
					  NULL};
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0)
		_exit(127);
	execve(path, (char *const *)argv, (char *const *)env);
	_exit(127);
}

/* All that it prints; more than @max is -EFBIG. */
static int read_all(int fd, size_t max, struct zt_strbuf *ret)
{
	zt_auto(zt_freep) char *chunk = malloc(CHUNK);
	ssize_t n;

	if (!chunk)
		return -ENOMEM;
	for (;;) {
		n = read(fd, chunk, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return zt_strbuf_error(ret);
		if (ret->len + n > max)
			return -EFBIG;
		zt_strbuf_add(ret, chunk, n);
	}
}

static int reap(pid_t pid, int *ret_status)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}

int ztc_collect_program(const char *const *argv, size_t max, char **ret, int *ret_status)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	zt_auto(zt_freep) char *path = NULL;
	zt_auto(zt_close) int in = -1, out = -1;
	int fds[2], status = 0, r = find_program(argv[0], &path);
	pid_t pid;

	if (r < 0)
		return r;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	in = fds[0];
	out = fds[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(path, argv, out);
	zt_close(&out);
	r = read_all(in, max, &text);
	if (r < 0)
		kill(pid, SIGKILL);
	if (reap(pid, &status) < 0 && r == 0)
		r = -EIO;
	if (r == 0 && status && !ret_status)
		r = -EIO;
	if (r < 0)
		return r;
	zt_strbuf_add(&text, "", 0);
	*ret = text.data ? zt_strbuf_steal(&text) : strdup("");
	if (!*ret)
		return -ENOMEM;
	if (ret_status)
		*ret_status = status;
	return 0;
}
