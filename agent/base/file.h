/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.h - a small file as a whole: read with a bound, written so that it is never overwritten.
 *
 * For files a person names: keys, signatures, cases. Never follows a name from the network.
 */
#pragma once
#include <stddef.h>
#include <sys/types.h>

/**
 * zt_file_read - all bytes of a regular file.
 * @max:      refuse a longer one [bytes].
 * @ret:      @ret_len bytes and a NUL behind them, to be freed.
 * @ret_mode: its permissions; may be NULL.
 *
 * Returns 0, -EFBIG, -EISDIR, -EINVAL (no regular file) or -errno.
 */
int zt_file_read(const char *path, size_t max, char **ret, size_t *ret_len, mode_t *ret_mode);

/**
 * zt_file_create - write a new file; one that exists is left alone.
 * @mode: its permissions, whatever the umask is.
 *
 * On failure there is no half-written file. Returns 0, -EEXIST or -errno.
 */
int zt_file_create(const char *path, const void *bytes, size_t len, mode_t mode);

/**
 * zt_file_replace - write a file at once: readers see the old or the new one, whole.
 * @mode: its permissions, whatever the umask is.
 *
 * Returns 0 or -errno; the old file is left alone then.
 */
int zt_file_replace(const char *path, const void *bytes, size_t len, mode_t mode);

/** zt_file_write_all - all bytes to an open file, through interruptions. Returns 0 or -errno. */
int zt_file_write_all(int fd, const char *bytes, size_t len);

/** zt_file_sync_dir - a rename or removal in this directory is on disk too. Returns 0 or -errno. */
int zt_file_sync_dir(const char *dir);
