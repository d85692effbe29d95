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

static void read_word(const struct reading *reading, char *line, const char *file)
{
	char *word = line + strspn(line, " \t\r"), *value;

	if (!*word)
		return;
	value = word + strcspn(word, " \t=:");
	if (*value)
		*value++ = '\0';
	reading->each(reading->ctx, word, cut(value, " \t\r=:<\"';"), file);
}

/* Of daemons that write several statements in a line, each counts as one. */
static void read_line(const struct reading *reading, char *line, const char *file)
{
	char *save = NULL;
	size_t blank = strspn(line, " \t\r");

	if (line[blank] == ';')
		return;
	for (char *part = strtok_r(line, ";{}", &save); part; part = strtok_r(NULL, ";{}", &save)) {
		part += strspn(part, " \t\r");
		if (*part == '#')
			return;
		read_word(reading, part, file);
	}
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

static void read_argument(struct reading *reading, const char *path)
{
	char full[PATH_LEN];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", reading->root, path);
	/* Programs are no configuration. */
	if (stat(full, &st) == 0 && S_ISREG(st.st_mode) && !(st.st_mode & 0111))
		read_one(reading, full);
}

/* The command line with a blank between the arguments. Returns its length or -errno. */
static ssize_t read_cmdline(int pid, char line[CMDLINE_MAX + 1])
{
	char path[64];
	zt_auto(zt_close) int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, line, CMDLINE_MAX);
	if (n < 0)
		return -errno;
	for (ssize_t i = 0; i < n; i++) {
		if (!line[i])
			line[i] = ' ';
	}
	line[n] = '\0';
	return n;
}

/* Absolute paths of a command line, alone or behind a "=", as configuration files are named. Some
 * daemons write theirs anew as one argument, so blanks part it too; the program is passed over. */
static void read_arguments(struct reading *reading, int pid)
{
	char line[CMDLINE_MAX + 1], *save = NULL;

	if (read_cmdline(pid, line) <= 0)
		return;
	for (char *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		const char *at = strchr(word, '=');

		at = at ? at + 1 : word;
		if (*at == '/' && word != line)
			read_argument(reading, at);
	}
}

int ztc_config_arguments(int pid, ztc_config_fn each, void *ctx)
{
	char line[CMDLINE_MAX + 1], *save = NULL;
	ssize_t n = read_cmdline(pid, line);

	for (char *word = n > 0 ? strtok_r(line, " ", &save) : NULL; word;
	     word = strtok_r(NULL, " ", &save)) {
		char *value = strchr(word, '=');

		if (strncmp(word, "--", 2) != 0)
			continue;
		if (value)
			*value++ = '\0';
		each(ctx, word + 2, value ? value : "on", "");
	}
	return n < 0 ? (int)n : 0;
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
