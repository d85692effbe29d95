/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner.h - the owner of a socket as people know it: unit, container, user, executable.
 *
 * Everything in a record was chosen by some process: it is escaped on its way out.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

struct zt_users;

/* Names of user ids, cached and bounded. */
int zt_users_new(struct zt_users **ret);
void zt_users_free(struct zt_users **users);

/* zt_users_name - name of a uid; NULL when it has none. Borrowed until the next call. */
const char *zt_users_name(struct zt_users *users, uint32_t uid);

/* zt_owner_json - the workload object of docs/json.md, without pid, comm and command. New
 * reference. */
json_t *zt_owner_json(const struct zt_owner *owner, struct zt_users *users);

/*
 * zt_owner_args - a command line as text: a space between arguments. NULL when there is none.
 * @args: @len bytes with a NUL between arguments, cut when they are ZT_ARGS_LEN. New reference.
 */
json_t *zt_owner_args(const char *args, size_t len);

/**
 * zt_owner_has - whether a name is one of this owner's: unit (with or without its suffix),
 * cgroup or a cgroup above it, container id (12 digits are enough), user name or number,
 * executable (path or its last part).
 */
bool zt_owner_has(const struct zt_owner *owner, struct zt_users *users, const char *name);
