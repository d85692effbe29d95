// SPDX-License-Identifier: Apache-2.0
/*
 * util.c - clock, namespaces and samples for the measuring programs.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/util.h"

void bench_die(const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s%s\n", err ? ": " : "", err ? strerror(err) : "");
	exit(1);
}

uint64_t bench_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void bench_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		bench_die("pin to CPU %d", cpu);
}

int bench_open_netns(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		bench_die("%s", path);
	return fd;
}

void bench_enter_netns(int fd)
{
	if (setns(fd, CLONE_NEWNET) < 0)
		bench_die("enter a network namespace");
}

unsigned int bench_count(const char *text, unsigned int max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	errno = 0;
	if (end == text || *end || value < 1 || value > max)
		bench_die("'%s' is not a number from 1 to %u", text, max);
	return (unsigned int)value;
}

uint64_t bench_cpu_ns(unsigned int pid)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *f;

	if (!pid)
		return 0;
	snprintf(path, sizeof(path), "/proc/%u/schedstat", pid);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%llu", &ns) != 1)
		bench_die("%s", path);
	fclose(f);
	return ns;
}

void bench_print(const char *kind, const char *name, unsigned int ops, const struct span *span,
		 bool counted)
{
	printf("{\"kind\": \"%s\", \"name\": \"%s\", \"ops\": %u, \"ns\": %llu, \"agent_ns\": %llu, "
	       "\"instructions\": ",
	       kind, name, ops, (unsigned long long)span->ns, (unsigned long long)span->agent_ns);
	if (counted)
		printf("%llu}\n", (unsigned long long)span->instructions);
	else
		printf("null}\n");
}
