/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nonce.h - a line of log that proves its own arrival: random, and bound to the host that wrote it.
 *
 * "ztseg-nonce: nonce=HEX host=NAME machine=sha256:HEX at=TIME"; machine is "-" where there is
 * none.
 */
#pragma once
#include <stdbool.h>

#include "ctl/evidence/record.h"

#define ZTC_NONCE_LEN  33 /* 128 bits in hexadecimal, with the closing NUL */
#define ZTC_NONCE_TIME 32
#define ZTC_NONCE_LINE 640
#define ZTC_NONCE_MARK "ztseg-nonce: "
#define ZTC_NONCE_HOST 254

struct ztc_nonce {
	char nonce[ZTC_NONCE_LEN];
	char host[ZTC_NONCE_HOST];
	char machine[ZTC_DIGEST_TEXT_LEN]; /* "" = none */
	char at[ZTC_NONCE_TIME];
};

/* ztc_nonce_new - a new one of this host. 0 or -errno. */
int ztc_nonce_new(struct ztc_nonce *ret);

/* ztc_nonce_text - its line. */
void ztc_nonce_text(const struct ztc_nonce *nonce, char ret[ZTC_NONCE_LINE]);

/* ztc_nonce_find - the one in a line of any content; what is not exactly of that form is none. */
bool ztc_nonce_find(const char *line, struct ztc_nonce *ret);

/**
 * ztc_nonce_send - hand it to the log service.
 * @socket: /dev/log, or another that takes messages as syslog(3) writes them.
 *
 * Returns 0, -ENOENT or -ECONNREFUSED (nobody takes messages there), -errno.
 */
int ztc_nonce_send(const struct ztc_nonce *nonce, const char *socket);
