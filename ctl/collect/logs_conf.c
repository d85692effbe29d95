// SPDX-License-Identifier: Apache-2.0
/* logs_conf.c - configuration files: read with bounds, included by pattern, their times noted. */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "ctl/collect/collect.h"
#include "ctl/collect/logs_conf.h"

void ztc_conf_free(struct ztc_conf *conf)
{
	json_decref(conf->targets);
	json_decref(conf->stats);
	conf->targets = conf->stats = NULL;
}

static int slurp(FILE *in, char **ret)
{
	zt_auto(zt_freep) char *text = malloc(ZTC_CONF_FILE_MAX + 1);
	size_t len;

	if (!text)
		return -ENOMEM;
	len = fread(text, 1, ZTC_CONF_FILE_MAX, in);
	if (ferror(in))
		return -EIO;
	if (!feof(in))
		return -EFBIG;
	/* A NUL would end the text for everything that reads it. */
	for (size_t i = 0; i < len; i++) {
		if (!text[i])
			text[i] = ' ';
	}
	text[len] = '\0';
	*ret = zt_take(text);
	return 0;
}

int ztc_conf_text(struct ztc_conf *conf, const char *path, char **ret)
{
	zt_auto(zt_fclosep) FILE *in = NULL;
	struct stat st;

	if (conf->files >= ZTC_CONF_FILES)
		return -EMFILE;
	in = ztc_collect_open(conf->env, path);
	if (!in) {
		conf->unreadable += errno == EACCES || errno == EPERM;
		return -errno;
	}
	if (fstat(fileno(in), &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	conf->files++;
	if (st.st_mtime > conf->newest_s)
		conf->newest_s = st.st_mtime;
	return slurp(in, ret);
}

int ztc_conf_include(struct ztc_conf *conf, const char *pattern, unsigned int depth,
		     int (*read)(struct ztc_conf *conf, const char *path, unsigned int depth))
{
	char whole[PATH_MAX];
	size_t root = strlen(conf->env->root);
	glob_t found;

	if (depth >= ZTC_CONF_DEPTH)
		return -ELOOP;
	if (*pattern != '/' || (size_t)snprintf(whole, sizeof(whole), "%s%s", conf->env->root,
						pattern) >= sizeof(whole))
		return -EINVAL;
	if (glob(whole, 0, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++)
		read(conf, found.gl_pathv[i] + root, depth + 1);
	globfree(&found);
	return 0;
}

/* The value behind "key" and "=" in one line, or NULL. */
static const char *value_in(const char *line, const char *key)
{
	size_t len = strlen(key);

	line += strspn(line, " \t");
	if (strncasecmp(line, key, len) != 0)
		return NULL;
	line += len + strspn(line + len, " \t");
	if (*line != '=')
		return NULL;
	return line + 1 + strspn(line + 1, " \t");
}

void ztc_conf_value(const char *text, const char *key, char *ret, size_t size)
{
	*ret = '\0';
	while (*text) {
		size_t len = strcspn(text, "\n"), n;
		const char *value = value_in(text, key);

		/* "KEY=" at the end of a line has its newline, or nothing, behind it. */
		if (value && value <= text + len) {
			n = (size_t)(text + len - value);
			while (n && strchr(" \t\r", value[n - 1]))
				n--;
			snprintf(ret, size, "%.*s", (int)n, value);
		}
		text += len + (text[len] == '\n');
	}
}
