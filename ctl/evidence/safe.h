/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safe.h - reads files that decide something: only those that nobody else could have written.
 *
 * A file or directory that is a symlink, no regular file, owned by another than root (or whoever
 * runs this), or writable by group or others is refused: what it says would be anybody's word.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* ztc_safe_dir - open a directory. Returns a descriptor; -ENOENT, -EPERM (others may write it),
 * -ENOTDIR, -errno. */
int ztc_safe_dir(const char *path);
int ztc_safe_dir_at(int dir, const char *name);

/* ztc_safe_below - @top/@name, both of them safe. */
int ztc_safe_below(const char *top, const char *name);

/**
 * ztc_safe_text - all bytes of a file.
 * @dir: descriptor, or AT_FDCWD.
 * @max: bytes; more is -EFBIG.
 * @ret: with a NUL behind @ret_len bytes, the caller's (free).
 *
 * Returns 0, -ENOENT, -ELOOP (a symlink), -EINVAL (no regular file), -EPERM, -EFBIG, -errno.
 */
int ztc_safe_text(int dir, const char *name, size_t max, char **ret, size_t *ret_len);

/* ztc_safe_why - a sentence for what ztc_safe_*() returned, with the remedy; static text. */
const char *ztc_safe_why(int error);

/**
 * ztc_safe_json - a file that holds one JSON object, keys not repeated.
 * @ret_why: on failure a sentence ("line 3, column 7: …"); the caller's (free).
 *
 * Returns 0, as ztc_safe_text(), or -EBADMSG (not such JSON).
 */
int ztc_safe_json(int dir, const char *name, size_t max, json_t **ret, char **ret_why);

/* ztc_json_object - the same of @len bytes of text. */
int ztc_json_object(const char *text, size_t len, json_t **ret, char **ret_why);

/**
 * ztc_safe_list - names in a directory that end in @suffix, not beginning with a dot, sorted.
 * @max: names; more is -E2BIG.
 * @ret: the caller's (ztc_safe_list_free). Returns how many, or -errno.
 */
int ztc_safe_list(int dir, const char *suffix, size_t max, char ***ret);
void ztc_safe_list_free(char **names, size_t count);
