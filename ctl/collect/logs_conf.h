/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logs_conf.h - what configuration files say about where records are sent.
 *
 * A target is an object: {by, module, address, port, transport: "tcp"|"udp"|"relp"|"https"|"http",
 * tls: "none"|"anon"|"certificate"|"name", authentication?, queue?: "disk"|"memory", file, line}.
 * tls says what the sender asks of the other end: no encryption; encryption with anybody; a
 * certificate of a known authority, of whomever; a certificate that names the very peer.
 * Text of any content is taken: what is not understood is left out.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct ztc_env;

#define ZTC_CONF_FILE_MAX (1 << 20) /* bytes of one file */
#define ZTC_CONF_FILES	  128	    /* files that are read, included ones counted */
#define ZTC_CONF_DEPTH	  8	    /* of includes */
#define ZTC_TARGETS_MAX	  64

/* What reading a set of files gathers; ztc_conf_free() releases it. */
struct ztc_conf {
	const struct ztc_env *env;
	json_t *targets;  /* array, owned */
	json_t *stats;	  /* rsyslog: parameters of impstats, owned; NULL = not loaded */
	int64_t newest_s; /* latest change of a file that was read */
	unsigned int files;
	unsigned int unreadable; /* files that are there and may not be read */
	char driver[32];	 /* rsyslog: DefaultNetstreamDriver */
	/* rsyslog: what $Action... directives say of the next old-style actions */
	int legacy_mode;
	char legacy_auth[32];
	bool legacy_queue;
	unsigned int legacy_peers;
};

void ztc_conf_free(struct ztc_conf *conf);

/**
 * ztc_conf_text - one file as text, its time noted.
 *
 * Returns 0 and the caller's @ret, or -errno; what must not be read is counted.
 */
int ztc_conf_text(struct ztc_conf *conf, const char *path, char **ret);

/* ztc_rsyslog_read - /etc/rsyslog.conf or another main file, and what it includes. 0 or -errno. */
int ztc_rsyslog_read(struct ztc_conf *conf, const char *path, unsigned int depth);

/* ztc_syslog_ng_read - the same of syslog-ng. */
int ztc_syslog_ng_read(struct ztc_conf *conf, const char *path, unsigned int depth);

/* ztc_conf_value - value of "KEY=value" or "key = value" in a file of such lines; "" = not there.
 * The last one counts, comments (# and ;) do not. */
void ztc_conf_value(const char *text, const char *key, char *ret, size_t size);

/* ztc_conf_include - call @read for every file that a shell pattern names, in its order. */
int ztc_conf_include(struct ztc_conf *conf, const char *pattern, unsigned int depth,
		     int (*read)(struct ztc_conf *conf, const char *path, unsigned int depth));
