/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope.h - which items apply to a system, and where its declaration does not fit what was
 * measured.
 *
 * The rules are model.json's. An item applies if it does in any field that is declared; without a
 * declaration all do. Contradictions are told, never acted upon.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#define ZTC_SYSTEM_MAX (1 << 20) /* bytes of a declaration */

/**
 * ztc_system_load - a declaration from a file, read strictly (docs/assess.md has its members).
 * @ret_why: "FILE: MEMBER: what is wrong; what to do"; the caller's (free).
 *
 * Returns 0, -EINVAL, -errno.
 */
int ztc_system_load(json_t **ret, const char *path, char **ret_why);

/**
 * ztc_scope - set "scope" and "items" of a document.
 * @system:  a declaration that was loaded, or NULL.
 * @facts:   of the host; NULL = the system has no host.
 * @own_os:  we run as root on it, so the operating system is the tenant's.
 *
 * Items get {id, level, title, applicable, cisa, note?}.
 */
void ztc_scope(json_t *doc, const json_t *system, const json_t *facts, bool own_os);
