/* SPDX-License-Identifier: Apache-2.0 */
/*
 * util.h - what both measuring programs need: clock, namespaces, one line per sample.
 *
 * They are run by tests/bench/measure and end with a message at the first thing that
 * fails: a benchmark has nothing to recover.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* What a batch cost. */
struct span {
	uint64_t ns;
	uint64_t instructions;
	uint64_t agent_ns; /* that the agent's process ran meanwhile, on any CPU */
};

/* bench_die - print the message, and errno's unless 0; exit status 1. */
__attribute__((noreturn, format(printf, 1, 2))) void bench_die(const char *fmt, ...);

/* bench_now_ns - CLOCK_MONOTONIC_RAW [ns]: not slewed, so that emulated it counts exactly. */
uint64_t bench_now_ns(void);

/* bench_pin - this process to one CPU. */
void bench_pin(int cpu);

/* bench_open_netns - a namespace by its name under /run/netns; returns a descriptor. */
int bench_open_netns(const char *name);

/* bench_enter_netns - sockets made from here on belong to that namespace. */
void bench_enter_netns(int fd);

/* bench_count - a number from 1 to @max, or the end. */
unsigned int bench_count(const char *text, unsigned int max);

/* bench_cpu_ns - how long a process has been on a CPU, exactly; 0 when @pid is 0. */
uint64_t bench_cpu_ns(unsigned int pid);

/**
 * bench_print - one sample as a JSON object on a line.
 * @kind:    what was done.
 * @name:    where.
 * @ops:     how many operations @span covers.
 * @counted: whether @span has instructions.
 */
void bench_print(const char *kind, const char *name, unsigned int ops, const struct span *span,
		 bool counted);
