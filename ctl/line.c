/* SPDX-License-Identifier: Apache-2.0 */
/* line.c - what commands do with their command line: read values, refuse bad ones. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cmd.h"

int ztc_fail(int status, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("ztctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return status;
}

const char *ztc_value(const struct ztc_line *line, const char *name)
{
	for (size_t i = 0; line->cmd->opts && line->cmd->opts[i].name; i++) {
		if (strcmp(line->cmd->opts[i].name, name) == 0)
			return line->values[i];
	}
	abort();
}

int ztc_bad_usage(const struct ztc_line *line)
{
	return line->cmd->usage_status ? line->cmd->usage_status : ZTC_EXIT_USAGE;
}

int ztc_parse_count(const char *text, uint64_t max, uint64_t *ret)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text < '0' || *text > '9' || !n || n > max)
		return -EINVAL;
	*ret = n;
	return 0;
}
