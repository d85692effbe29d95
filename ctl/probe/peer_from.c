// SPDX-License-Identifier: Apache-2.0
/*
 * peer_from.c - a probe that runs on another host: ssh is started, what it prints is taken with
 * bounds.
 *
 * No shell here; the command for the other end is made of numbers, addresses and the one text that
 * the operator gave for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "ctl/evidence/record.h"
#include "ctl/evidence/safe.h"
#include "ctl/probe/peer_from.h"

#define CONNECT_S "10"
#define SPARE_MS  30000 /* for ssh to connect and to end */

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* In the child: its own process group, so that all of it can be ended. */
static void become(const char *const *argv, int out)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	setpgid(0, 0);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(127);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

/* Up to @max bytes of what comes until the end or the deadline. 0, -ETIMEDOUT, -EFBIG, -errno. */
static int take_output(int fd, uint64_t deadline_ms, size_t max, struct zt_strbuf *ret)
{
	char chunk[4096];

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		uint64_t now = now_ms();
		ssize_t len;
		int r;

		if (now >= deadline_ms)
			return -ETIMEDOUT;
		r = poll(&p, 1, (int)(deadline_ms - now));
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r ? -errno : -ETIMEDOUT;
		len = read(fd, chunk, sizeof(chunk));
		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			return len ? -errno : 0;
		if (ret->len + (size_t)len > max)
			return -EFBIG;
		zt_strbuf_add(ret, chunk, (size_t)len);
	}
}

/* @ret_status: exit status; 255 also when it was killed. */
static int run(const char *const *argv, unsigned int timeout_ms, size_t max, struct zt_strbuf *ret,
	       int *ret_status)
{
	int fds[2], status = 0, r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		become(argv, fds[1]);
	close(fds[1]);
	if (pid < 0) {
		r = -errno;
		close(fds[0]);
		return r;
	}
	r = take_output(fds[0], now_ms() + timeout_ms, max, ret);
	close(fds[0]);
	if (r < 0)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
	return r;
}

/* --- the way to the peer -------------------------------------------------------------------- */

/* "hostname web1.example" of what ssh -G prints. */
static int host_name(const struct ztc_probe_from *from, char *ret, size_t size)
{
	const char *const plain[] = {"ssh", "-G", "--", from->peer, NULL};
	const char *const config[] = {"ssh", "-F", from->config, "-G", "--", from->peer, NULL};
	zt_auto(zt_strbuf_free) struct zt_strbuf out = ZT_STRBUF_INIT;
	int status, r = run(from->config ? config : plain, SPARE_MS, 64 << 10, &out, &status);
	const char *at;

	if (r < 0 || status)
		return r < 0 ? r : -ENOENT;
	at = strstr(zt_strbuf_text(&out), "\nhostname ");
	if (!at || sscanf(at, " hostname %255s", ret) != 1 || size < 256)
		return -ENOENT;
	return 0;
}

/* A connected datagram socket has the address that packets would leave by; none is sent. */
static int near_address(const struct addrinfo *to, char *ret, size_t size)
{
	zt_auto(zt_close) int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return -errno;
	return getnameinfo((struct sockaddr *)&sa, len, ret, (socklen_t)size, NULL, 0,
			   NI_NUMERICHOST)
		       ? -ENOENT
		       : 0;
}

int ztc_probe_way(const struct ztc_probe_from *from, struct ztc_probe *probe)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
	struct addrinfo *list = NULL;
	char host[256], text[256];
	int r = host_name(from, host, sizeof(host));

	if (r < 0)
		return r;
	if (getaddrinfo(host, "22", &hints, &list) != 0)
		return -ENOENT;
	r = near_address(list, text, sizeof(text));
	freeaddrinfo(list);
	return r < 0 ? r : ztc_probe_add_target(probe, text);
}

/* --- the probe ------------------------------------------------------------------------------ */

static void write_command(struct zt_strbuf *sb, const struct ztc_probe_from *from,
			  const struct ztc_probe *probe)
{
	char text[ZT_ADDR_TEXT_LEN];

	zt_strbuf_printf(sb, "%s --json probe --canary=%u --canary-listens", from->remote,
			 probe->canary);
	for (size_t i = 0; i < probe->port_count; i++)
		zt_strbuf_printf(sb, "%s%u", i ? "," : " --ports=", probe->ports[i]);
	if (!probe->port_count)
		zt_strbuf_puts(sb, " --ports=none");
	for (size_t i = 0; i < probe->target_count; i++)
		zt_strbuf_printf(sb, " %s", zt_addr_text(&probe->targets[i], text));
}

int ztc_probe_from(const struct ztc_probe_from *from, const struct ztc_probe *probe, json_t **ret)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf command = ZT_STRBUF_INIT, out = ZT_STRBUF_INIT;
	zt_auto(zt_freep) char *why = NULL;
	unsigned int attempts = (unsigned int)(probe->target_count * (probe->port_count + 1));
	unsigned int timeout_ms = SPARE_MS + attempts * ZTC_PROBE_GAP_MS + ZTC_PROBE_TIMEOUT_MS;
	const char *argv[16] = {"ssh",		 "-T", "-o",
				"BatchMode=yes", "-o", "ConnectTimeout=" CONNECT_S};
	size_t n = 6;
	int status, r;

	write_command(&command, from, probe);
	if (zt_strbuf_error(&command) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	if (from->config) {
		argv[n++] = "-F";
		argv[n++] = from->config;
	}
	argv[n++] = "--";
	argv[n++] = from->peer;
	argv[n++] = zt_strbuf_text(&command);
	r = run(argv, timeout_ms, ZTC_RECORD_MAX, &out, &status);
	if (r == -ETIMEDOUT)
		return ztc_fail(ZTC_EXIT_FAILED, "%s has not answered within %u s", from->peer,
				timeout_ms / 1000);
	if (r == -EFBIG)
		return ztc_fail(ZTC_EXIT_FAILED, "%s sent more than a record may have", from->peer);
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot run ssh: %s", strerror(-r));
	if (status)
		return ztc_fail(
			ZTC_EXIT_FAILED,
			"'ssh %s %s ...' ended with status %d: is ztctl there, may it be run as "
			"root (--remote 'sudo -n ztctl')?",
			from->peer, from->remote, status);
	if (ztc_json_object(zt_strbuf_text(&out), out.len, ret, &why) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "%s sent no record: %s", from->peer, why);
	return ZTC_EXIT_OK;
}
