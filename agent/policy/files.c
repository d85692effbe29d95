/* SPDX-License-Identifier: Apache-2.0 */
/* files.c - where the reader of a policy gets its files from: the disk, or a set of texts. */
#include "policy/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

/* --- paths ---------------------------------------------------------------------------- */

/* Length of @out without its last part, or @len when that is ".." or there is none. */
static size_t without_last(const char *out, size_t len)
{
	size_t cut = len;

	while (cut && out[cut - 1] != '/')
		cut--;
	if (cut == len || (len - cut == 2 && memcmp(out + cut, "..", 2) == 0))
		return len;
	return cut > 1 ? cut - 1 : cut; /* the '/' of the root stays */
}

/* The shortest spelling: without "//", "." and "x/..", as if there were no symbolic links. */
static char *shortest(const char *path)
{
	char *out = malloc(strlen(path) + 2);
	size_t len = 0;

	if (!out)
		return NULL;
	if (path[0] == '/')
		out[len++] = '/';
	for (const char *s = path; *s;) {
		size_t n = strcspn(s, "/"), kept;

		if (n == 2 && memcmp(s, "..", 2) == 0) {
			kept = without_last(out, len);
			if (kept < len) {
				len = kept;
				n = 0;
			} else if (len == 1 && out[0] == '/') {
				n = 0; /* above the root is the root */
			}
		} else if (n == 1 && s[0] == '.') {
			n = 0;
		}
		if (n && len && out[len - 1] != '/')
			out[len++] = '/';
		memcpy(out + len, s, n);
		len += n;
		s += strcspn(s, "/");
		s += strspn(s, "/");
	}
	if (!len)
		out[len++] = '.';
	out[len] = '\0';
	return out;
}

/* The name of @path directly in @dir, or NULL; both in their shortest form. */
static const char *name_in(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	if (strcmp(dir, ".") == 0)
		return path[0] != '/' ? path : NULL;
	if (strncmp(path, dir, n) != 0)
		return NULL;
	if (dir[n - 1] == '/')
		return path + n;
	return path[n] == '/' ? path + n + 1 : NULL;
}

/* --- which files there are -------------------------------------------------------------- */

void zt_files_free(struct zt_files *files)
{
	for (size_t i = 0; files->paths && i < files->count; i++)
		free(files->paths[i]);
	free(files->paths);
	*files = (struct zt_files){0};
}

int zt_files_init(struct zt_files *files, const struct zt_source_text *set, size_t count,
		  size_t *ret_twice)
{
	*files = (struct zt_files){.set = set};
	if (!set)
		return 0;
	files->paths = calloc(count + 1, sizeof(*files->paths));
	if (!files->paths)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		files->paths[i] = shortest(set[i].path);
		files->count = i + 1;
		if (!files->paths[i])
			return -ENOMEM;
		for (size_t j = 0; j < i; j++)
			if (strcmp(files->paths[i], files->paths[j]) == 0) {
				*ret_twice = i;
				return -EEXIST;
			}
	}
	return 0;
}

/* Number of a path in the set, or -ENOENT, -EISDIR, -ENOMEM. */
static int find(const struct zt_files *files, const char *path)
{
	zt_auto(zt_freep) char *want = shortest(path);
	bool inside = false;

	if (!want)
		return -ENOMEM;
	for (size_t i = 0; i < files->count; i++) {
		if (strcmp(files->paths[i], want) == 0)
			return (int)i;
		inside |= name_in(want, files->paths[i]) != NULL;
	}
	return inside ? -EISDIR : -ENOENT;
}

int zt_files_is_directory(const struct zt_files *files, const char *path)
{
	struct stat st;
	int r;

	if (files->set) {
		r = find(files, path);
		return r >= 0 ? 0 : r == -EISDIR ? 1 : r;
	}
	return stat(path, &st) < 0 ? -errno : S_ISDIR(st.st_mode);
}

static bool is_policy_name(const char *name)
{
	size_t n = strlen(name);

	return name[0] != '.' && n > 5 && strcmp(name + n - 5, ".yaml") == 0;
}

static int is_policy_file(const struct dirent *entry)
{
	return is_policy_name(entry->d_name);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static int list_disk(const char *path, char ***ret, size_t *ret_count)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, is_policy_file, NULL);
	char **names;

	if (n < 0)
		return -errno;
	names = calloc((size_t)n + 1, sizeof(*names));
	for (int i = 0; i < n; i++) {
		if (names)
			names[i] = strdup(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	*ret = names;
	*ret_count = (size_t)n;
	return names ? 0 : -ENOMEM;
}

static int list_set(const struct zt_files *files, const char *path, char ***ret, size_t *ret_count)
{
	zt_auto(zt_freep) char *dir = shortest(path);
	char **names = calloc(files->count + 1, sizeof(*names));
	size_t n = 0;

	for (size_t i = 0; dir && names && i < files->count; i++) {
		const char *name = name_in(dir, files->paths[i]);

		if (name && !strchr(name, '/') && is_policy_name(name))
			names[n++] = strdup(name);
	}
	*ret = names;
	*ret_count = n;
	return dir && names ? 0 : -ENOMEM;
}

int zt_files_list(const struct zt_files *files, const char *path, char ***ret, size_t *ret_count)
{
	char **names = NULL;
	size_t n = 0;
	int r;

	r = files->set ? list_set(files, path, &names, &n) : list_disk(path, &names, &n);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (!names[i])
			r = -ENOMEM;
	if (r < 0) {
		free_names(names, names ? n : 0);
		return r;
	}
	qsort(names, n, sizeof(*names), by_bytes);
	*ret = names;
	*ret_count = n;
	return 0;
}

/* --- one file ----------------------------------------------------------------------------- */

int zt_input_open(const struct zt_files *files, const char *path, struct zt_input *ret)
{
	struct zt_input file = ZT_INPUT_INIT;
	int r;

	if (files->set) {
		r = find(files, path);
		if (r < 0)
			return r;
		file.from = &files->set[r];
		file.ino = (ino_t)r;
		file.size = file.from->len;
		*ret = file;
		return 0;
	}
	file.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file.fd < 0 || fstat(file.fd, &file.st) < 0)
		r = -errno;
	else
		r = S_ISREG(file.st.st_mode) ? 0 : S_ISDIR(file.st.st_mode) ? -EISDIR : -EINVAL;
	if (r < 0) {
		zt_input_close(&file);
		return r;
	}
	file.dev = file.st.st_dev;
	file.ino = file.st.st_ino;
	file.size = file.st.st_size > 0 ? (size_t)file.st.st_size : 0;
	*ret = file;
	return 0;
}

void zt_input_close(struct zt_input *file)
{
	zt_close(&file->fd);
}

/* Half of a policy may be a valid one that allows more: never take a file being written. */
static bool changed(const struct zt_input *file, size_t len)
{
	const struct stat *before = &file->st;
	struct stat now;

	return fstat(file->fd, &now) < 0 || now.st_size != before->st_size ||
	       now.st_mtim.tv_sec != before->st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != before->st_mtim.tv_nsec || (off_t)len != now.st_size;
}

int zt_input_read(struct zt_input *file, char **ret_text, size_t *ret_len)
{
	zt_auto(zt_freep) char *text = malloc(file->size + 1);
	size_t len = 0;

	if (!text)
		return -ENOMEM;
	while (len < file->size) {
		ssize_t n = file->from ? (ssize_t)file->size
				       : read(file->fd, text + len, file->size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		if (file->from)
			memcpy(text, file->from->text, file->size);
		len += (size_t)n;
	}
	if (!file->from && changed(file, len))
		return -EAGAIN;
	text[len] = '\0';
	*ret_text = zt_take(text);
	*ret_len = len;
	return 0;
}
