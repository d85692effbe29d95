/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns.h - which name was asked for the addresses in a DNS answer.
 *
 * Reads what servers send, bytes of anybody's choice: bounded in length, records
 * and chains. Asks nothing itself, believes nothing beyond the one answer.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

#define ZT_DNS_NAME_LEN 256 /* with the closing NUL; longer names are left out */

typedef void (*zt_dns_fn)(const struct zt_addr *addr, const char *name, void *ctx);

/**
 * zt_dns_parse - tell @fn each address of an answer, with the name that was asked.
 * @msg: @len bytes of a DNS message (RFC 1035), as it came.
 *
 * A and AAAA records of the name that was asked, or of what its CNAMEs lead to, in any order.
 * Addresses that are nobody's (unspecified, loopback, multicast, v4-mapped) are left out. Names
 * are lower-case, without the dot at the end; bytes of any value but NUL may be in them, and what
 * would look like a dot between labels is "\.", a backslash "\\", a NUL "\000".
 *
 * Returns the number of addresses told, or -EBADMSG (not a whole, positive answer).
 */
int zt_dns_parse(const void *msg, size_t len, zt_dns_fn fn, void *ctx);
