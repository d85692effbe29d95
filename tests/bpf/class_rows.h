/* SPDX-License-Identifier: Apache-2.0 */
/*
 * class_rows.h - conversations by their first bytes, and what they are.
 *
 * Bytes are those of the named documents or of the programs' own messages; beside each kind
 * stands one that differs in little and is not it.
 */
#pragma once
#include <stddef.h>

#include "bpf/abi.h"

struct class_row {
	const char *name;
	char proto;	    /* 't' TCP, 'u' UDP, 'm' TCP from its middle */
	int port;	    /* the server's */
	const char *script; /* see talk_script() */
	__u8 encryption;
	__u8 app;
	int client_port; /* 0 = 40000 */
};

extern const struct class_row class_tcp_rows[], class_udp_rows[];
extern const size_t class_tcp_count, class_udp_count;
