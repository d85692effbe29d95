/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files.h - where the reader of a policy gets its files from: the disk, or a set of texts.
 *
 * Private to this room. Both answer alike, so that a policy that was read from
 * disk and handed on as texts is read again to the same result. A set is found
 * in by its paths alone ("a/./b" and "c/../a/b" are "a/b"); nothing is opened.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include "policy/policy.h"

/* What there is. With no @set the disk. */
struct zt_files {
	const struct zt_source_text *set;
	char **paths; /* of the set, in their shortest form; owned */
	size_t count;
};

/* One file, open for reading. */
struct zt_input {
	int fd; /* -1 = of the set */
	struct stat st;
	const struct zt_source_text *from;
	dev_t dev; /* together which file it is, by whatever name */
	ino_t ino;
	size_t size;
};

#define ZT_INPUT_INIT                                                                              \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/**
 * zt_files_init - files of a set; of the disk when @set is NULL.
 * @ret_twice: number of the first path of the set that stands twice, with -EEXIST.
 *
 * Returns 0, -EEXIST or -ENOMEM.
 */
int zt_files_init(struct zt_files *files, const struct zt_source_text *set, size_t count,
		  size_t *ret_twice);

/** zt_files_free - no-op on an empty one; for zt_auto(). */
void zt_files_free(struct zt_files *files);

/** zt_files_is_directory - 1, 0, or -errno when there is nothing of that path. */
int zt_files_is_directory(const struct zt_files *files, const char *path);

/**
 * zt_files_list - names of the *.yaml files directly in a directory, sorted.
 * @ret: @ret_count names and the list, each to be freed.
 */
int zt_files_list(const struct zt_files *files, const char *path, char ***ret, size_t *ret_count);

/** zt_input_open - a regular file. Returns 0, -EISDIR, -EINVAL (a device, ...) or -errno. */
int zt_input_open(const struct zt_files *files, const char *path, struct zt_input *ret);

/** zt_input_close - for zt_auto(). */
void zt_input_close(struct zt_input *file);

/**
 * zt_input_read - the whole of it with a NUL behind.
 *
 * Returns 0, -EAGAIN when it was being written meanwhile, or -errno.
 */
int zt_input_read(struct zt_input *file, char **ret_text, size_t *ret_len);
