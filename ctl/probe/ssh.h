/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh.h - what an SSH server offers: its KEXINIT, which it sends in the clear before anybody logs
 * in.
 */
#pragma once
#include <jansson.h>

#include "ctl/probe/wire.h"

#define ZTC_SSH_PACKET_MAX 35000 /* RFC 4253, 6.1 */

/**
 * ztc_ssh_kexinit - exchange names, read the first packet, close.
 * @banner: the server's identification, without CR LF.
 * @ret:    an object gets: banner, kex, hostkey, cipher, mac, compression (arrays of names; of
 *          both directions together), state "ok" or why it is not.
 *
 * Returns 0, -EPROTO (not RFC 4253), -ENODATA, -ETIMEDOUT, -errno.
 */
int ztc_ssh_kexinit(struct ztc_wire *wire, const char *banner, json_t *ret);

/**
 * ztc_ssh_parse - the payload of a KEXINIT (RFC 4253, 7.1), any bytes.
 *
 * Returns 0, -EPROTO (a length that does not fit, a name that is none, not a KEXINIT).
 */
int ztc_ssh_parse(const uint8_t *payload, size_t len, json_t *ret);
