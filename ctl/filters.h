/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filters.h - which flows, edges or violations a command line asks for.
 *
 * Each puts what the line has into @args, the arguments of a request, under the same name.
 * All return an exit status, the reason having been printed.
 */
#pragma once
#include <jansson.h>
#include <stdint.h>

#include "ctl/cmd.h"

/* The options that make them: rows of a struct ztc_opt table. */
#define ZTC_FILTER_OPTS                                                                            \
	{"segment", "NAME", "only flows with an end in this segment"},                             \
		{"host", "NAME", "only flows with this host or address at an end"},                \
		{"port", "PORT", "only this service port, of the end that was called"},            \
		{"proto", "PROTO", "only this protocol: tcp, udp, icmp, icmpv6 or a number"},      \
		{"verdict", "V", "only allowed, denied, or would-deny (staged policy denies it)"}, \
	{                                                                                          \
		"owner", "NAME", "only this unit, cgroup, user or executable"                      \
	}

/* ztc_filters - ZTC_FILTER_OPTS and `limit`. */
int ztc_filters(const struct ztc_line *line, json_t *args);

/* ZTC_ENCRYPTION_OPT, of the commands whose rows know it: ztc_filter_encryption reads it. */
#define ZTC_ENCRYPTION_OPT                                                                         \
	{                                                                                          \
		"encryption", "NAME",                                                              \
			"only this class, version or protocol: tls, tls1.2, plaintext, http"       \
	}
int ztc_filter_encryption(const struct ztc_line *line, json_t *args);

/* ztc_filter_number - a number from 1 to @max. */
int ztc_filter_number(const struct ztc_line *line, const char *name, uint64_t max, json_t *args);

/* ztc_filter_word - one of @words, which ends with NULL; @list names them in the error. */
int ztc_filter_word(const struct ztc_line *line, const char *name, const char *const *words,
		    const char *list, json_t *args);
