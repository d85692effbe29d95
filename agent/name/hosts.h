/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hosts.h - /etc/hosts, read and followed.
 *
 * Only a regular file of root's that nobody else may write is read; any other is left
 * alone, as if it were empty. It is followed by its name and by what it is now: editors rename,
 * containers mount a file over it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sd_event;
struct zt_hints;
struct zt_hosts;

#define ZT_HOSTS_FILE	  "/etc/hosts"
#define ZT_HOSTS_SIZE_MAX (4u << 20) /* bytes; of a longer file the beginning */

/**
 * zt_hosts_open - read the file into @hints, and follow it on @event.
 * @path:  NULL = ZT_HOSTS_FILE. @event: NULL = it is not followed.
 * @owner: uid that the file must have; root, but for tests.
 *
 * A file that is missing, or not to be read, is no error. Returns 0 or -errno.
 */
int zt_hosts_open(struct zt_hosts **ret, const char *path, uint32_t owner, struct zt_hints *hints,
		  struct sd_event *event);
void zt_hosts_close(struct zt_hosts **hosts);

/* zt_hosts_read - read it again now. Returns lines with names, or -errno (nothing is known then).
 */
int zt_hosts_read(struct zt_hosts *hosts);
