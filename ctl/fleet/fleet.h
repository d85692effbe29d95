/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet.h - assessments of many hosts, asked for over the system's ssh client.
 *
 * Every host is a stranger: it may hang, send gigabytes, nonsense or another host's result. What
 * it sends is bounded, read strictly, and taken only when it is a fresh document of that host, by
 * its key where keys are known. What gave no result is unknown and stays in the list.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "ctl/evidence/seal.h"

#define ZTC_FLEET_HOSTS_MAX 4096
#define ZTC_FLEET_FILE_MAX  (4u << 20) /* bytes of a hosts file */
#define ZTC_FLEET_PARALLEL  32
#define ZTC_FLEET_BYTES_MAX (4u << 20) /* of one host's answer */
#define ZTC_FLEET_TIMEOUT_S 60
#define ZTC_FLEET_AGE_MAX_S 86400 /* older results count as unknown */
#define ZTC_FLEET_FUTURE_S  300	  /* clocks may differ by so much */
#define ZTC_FLEET_COMMAND   "ztctl --json assess"

/**
 * struct ztc_fleet_host - one line of a hosts file; texts are owned.
 * @name:     unique; also the address unless one is given.
 * @hostname: what its document calls it, when that is not @name.
 * @file:     a saved result instead of ssh; NULL = ssh.
 * @port:     0 = ssh's own.
 */
struct ztc_fleet_host {
	char *name, *address, *user, *role, *system, *hostname, *file;
	unsigned int port, line;
};

struct ztc_fleet_hosts {
	struct ztc_fleet_host *rows;
	size_t count, cap;
};

/**
 * ztc_fleet_hosts_read - lines "NAME [key=value]…", # begins a comment.
 *
 * Keys: address, user, port, role, system, hostname, file. Every value is held to what it may be,
 * so that none can be an option of ssh or more than one word.
 * @errors: "FILE:LINE: what is wrong", one a line, all of them.
 *
 * Returns 0, -EINVAL (@errors says), -ENOMEM, -errno of reading.
 */
int ztc_fleet_hosts_read(struct ztc_fleet_hosts *ret, const char *path, struct zt_strbuf *errors);
void ztc_fleet_hosts_free(struct ztc_fleet_hosts *hosts);

/**
 * struct ztc_fleet_run - how hosts are asked; borrowed.
 * @command:    what runs there: given to the remote shell as it is, from the operator alone.
 * @ssh_config: -F of ssh; NULL = its own.
 * @trust:      keys of hosts; without any of the role host signatures are told, not asked for.
 * @target:     level 1 to 4.
 * @progress:   tell on stderr how far it is.
 */
struct ztc_fleet_run {
	const struct ztc_fleet_hosts *hosts;
	const char *command, *ssh_config;
	const struct ztc_trust *trust;
	unsigned int timeout_s;
	int target;
	bool accept_waivers, progress;
};

/* How asking a host ended. */
enum ztc_fleet_end {
	ZTC_FLEET_ENDED, /* by itself: see the exit status */
	ZTC_FLEET_LATE,
	ZTC_FLEET_TOO_LONG,
	ZTC_FLEET_INTERRUPTED,
	ZTC_FLEET_NOT_STARTED, /* ssh could not be run */
};

/* struct ztc_fleet_answer - what a host sent: @text as it came, @error the end of ssh's stderr. */
struct ztc_fleet_answer {
	enum ztc_fleet_end end;
	struct zt_strbuf text;
	char error[512];
	int exit_status; /* of ssh; -1 = ended by a signal */
	int64_t elapsed_ms;
};

/**
 * ztc_fleet_ask - ask all hosts, ZTC_FLEET_PARALLEL at a time.
 * @each: is given every answer when it is complete; its text is freed afterwards.
 *
 * SIGINT and SIGTERM end what is under way; each of the rest is handed over as interrupted.
 * Returns 0 or -errno.
 */
int ztc_fleet_ask(const struct ztc_fleet_run *run,
		  int (*each)(void *arg, size_t host, struct ztc_fleet_answer *answer), void *arg);

/**
 * ztc_fleet_host_json - the entry of a host in a set, made of its answer.
 *
 * New reference: {name, address, role, system, status: "ok"|"unreachable"|"timeout"|"refused"|
 * "bad"|"stale"|"interrupted", why?, seal, signer?, bytes, elapsed_ms, assessment?}.
 */
json_t *ztc_fleet_host_json(const struct ztc_fleet_run *run, const struct ztc_fleet_host *host,
			    const struct ztc_fleet_answer *answer, int64_t now_s);

/* ztc_fleet_collect - the whole: ask, read, judge; a set as docs/hosts.md has it. 0 or -errno. */
int ztc_fleet_collect(const struct ztc_fleet_run *run, json_t **ret);
