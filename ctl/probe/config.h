/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - lines of a service's own configuration files, as far as a word at their beginning.
 *
 * No grammar of any daemon is known here: a line begins with a word, then blanks, "=" or ":", then
 * a value. Files are read as the process sees them, by its root directory, bounded in number and
 * size.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define ZTC_CONFIG_FILES_MAX 128
#define ZTC_CONFIG_FILE_MAX  (1 << 20) /* bytes */

/**
 * typedef ztc_config_fn - told of each line that is no comment.
 * @word:  its first word. @value: what follows, quotes, "=", "<" and ";" taken away.
 * @file:  where it stands, as the process names it.
 */
typedef void (*ztc_config_fn)(void *ctx, const char *word, const char *value, const char *file);

/**
 * ztc_config_read - every line of these files.
 * @root:  "" or a directory that stands for /.
 * @pid:   files that its command line names are read too when they are text; 0 = none.
 * @files: patterns of glob(7), NULL-terminated.
 *
 * Returns the number of files that were read, or -errno.
 */
int ztc_config_read(const char *root, int pid, const char *const *files, ztc_config_fn each,
		    void *ctx);

/* ztc_config_has - whether a line begins with one of @words, case not regarded: 1, 0; -ENOENT when
 * no file could be read. */
int ztc_config_has(const char *root, int pid, const char *const *files, const char *const *words);

/* ztc_config_arguments - "--word=value" of the command line of a process, told as lines are, with
 * @file "". 0 or -errno. */
int ztc_config_arguments(int pid, ztc_config_fn each, void *ctx);
