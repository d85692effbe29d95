/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keep.h - small files of the state directory: whole and durable, or as they were.
 */
#pragma once
#include <stddef.h>

/**
 * zt_keep_write - replace DIR/NAME.
 *
 * A reader sees the old bytes or the new ones; on return the new ones outlive a crash.
 * Returns 0 or -errno; then the old file is as it was.
 */
int zt_keep_write(const char *dir, const char *name, const void *bytes, size_t len);

/**
 * zt_keep_read - all of DIR/NAME.
 * @max: refuse a longer one [bytes].
 * @ret: @ret_len bytes and a NUL behind them, the caller's (free).
 *
 * Returns 0, -ENOENT, -EFBIG, -EINVAL (no regular file) or -errno.
 */
int zt_keep_read(const char *dir, const char *name, size_t max, char **ret, size_t *ret_len);

/* zt_keep_aside - rename DIR/NAME to DIR/NAME.broken, for a person to look at. 0 or -errno. */
int zt_keep_aside(const char *dir, const char *name);
