// SPDX-License-Identifier: Apache-2.0
/* config.c - lines of configuration files of services, read with bounds and without a grammar. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "ctl/probe/config.h"

#define PATH_LEN    4096
#define CMDLINE_MAX 16384

struct reading {
	const char *root;
	ztc_config_fn each;
	void *ctx;
	int count;
};

static char *cut(char *text, const char *chars)
{
	size_t len;

	text += strspn(text, chars);
	len = strlen(text);
	while (len && strchr(chars, text[len - 1]))
		text[--len] = '\0';
	return text;
}

static void read_line(const struct reading *reading, char *line, const char *file)
{
	char *word = line + strspn(line, " \t\r"), *value;

	if (!*word || *word == '#' || *word == ';')
		return;
	value = word + strcspn(word, " \t=:");
	if (*value)
		*value++ = '\0';
	reading->each(reading->ctx, word, cut(value, " \t\r=:<\"';"), file);
}

static bool is_text(const char *bytes, size_t len)
{
	return !memchr(bytes, 0, len);
}

static void read_one(struct reading *reading, const char *path)
{
	zt_auto(zt_freep) char *text = NULL;
	const char *shown = path + strlen(reading->root);
	char *save = NULL;
	size_t len = 0;

	if (reading->count >= ZTC_CONFIG_FILES_MAX ||
	    zt_file_read(path, ZTC_CONFIG_FILE_MAX, &text, &len, NULL) < 0 || !is_text(text, len))
		return;
	reading->count++;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		read_line(reading, line, shown);
}

static void read_pattern(struct reading *reading, const char *pattern)
{
	char path[PATH_LEN];
	glob_t found = {0};

	snprintf(path, sizeof(path), "%s%s", reading->root, pattern);
	if (glob(path, GLOB_NOSORT, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			read_one(reading, found.gl_pathv[i]);
	}
	globfree(&found);
}

/* Arguments that are absolute paths, alone or behind a "=", as configuration files are named. */
static void read_arguments(struct reading *reading, int pid)
{
	char path[64], line[CMDLINE_MAX + 1], full[PATH_LEN];
	zt_auto(zt_close) int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, line, CMDLINE_MAX);
	if (n <= 0)
		return;
	line[n] = '\0';
	for (const char *arg = line; arg < line + n; arg += strlen(arg) + 1) {
		const char *at = strchr(arg, '/');
		struct stat st;
		/* Some daemons write their whole command line over theirs, blanks and all. */
		size_t len = at ? strcspn(at, " ") : 0;

		if (!at || arg == line)
			continue;
		snprintf(full, sizeof(full), "%s%.*s", reading->root, (int)len, at);
		if (stat(full, &st) == 0 && S_ISREG(st.st_mode) && !(st.st_mode & 0111))
			read_one(reading, full);
	}
}

int ztc_config_read(const char *root, int pid, const char *const *files, ztc_config_fn each,
		    void *ctx)
{
	struct reading reading = {.root = root ? root : "", .each = each, .ctx = ctx};

	for (; *files; files++)
		read_pattern(&reading, *files);
	if (pid > 0)
		read_arguments(&reading, pid);
	return reading.count;
}

struct search {
	const char *const *words;
	bool found;
};

static void compare(void *ctx, const char *word, const char *value, const char *file)
{
	struct search *search = ctx;

	(void)value;
	(void)file;
	for (const char *const *w = search->words; *w; w++)
		search->found = search->found || strcasecmp(*w, word) == 0;
}

int ztc_config_has(const char *root, int pid, const char *const *files, const char *const *words)
{
	struct search search = {.words = words};
	int n = ztc_config_read(root, pid, files, compare, &search);

	if (n <= 0)
		return n < 0 ? n : -ENOENT;
	return search.found;
}
