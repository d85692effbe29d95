// SPDX-License-Identifier: Apache-2.0
/* banner_hba.c - pg_hba.conf: whether PostgreSQL lets anybody in over the network without TLS. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ctl/probe/banner.h"
#include "ctl/probe/config.h"

struct hba {
	bool any;   /* it is such a file */
	bool clear; /* a line that lets clear text in */
};

static bool is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strncmp(address, "::1", 3) == 0 ||
	       strcasecmp(address, "localhost") == 0;
}

/* "host DATABASE USER ADDRESS [MASK] METHOD": encryption is in the first word, host is either. */
static void take_line(void *ctx, const char *word, const char *value, const char *file)
{
	struct hba *hba = ctx;
	char database[128], user[128], address[128], rest[256] = "";

	(void)file;
	if (strcasecmp(word, "local") == 0 || strncasecmp(word, "host", 4) == 0)
		hba->any = true;
	if (strcasecmp(word, "host") != 0 && strcasecmp(word, "hostnossl") != 0 &&
	    strcasecmp(word, "hostnogssenc") != 0)
		return;
	if (sscanf(value, "%127s %127s %127s %255[^\n]", database, user, address, rest) < 3)
		return;
	if (!is_loopback(address) && !strstr(rest, "reject"))
		hba->clear = true;
}

int ztc_postgresql_hba(const struct ztc_service *service)
{
	char cwd[64], pattern[96];
	const char *const here[] = {pattern, NULL};
	static const char *const usual[] = {"/etc/postgresql/*/*/pg_hba.conf",
					    "/var/lib/pgsql/data/pg_hba.conf",
					    "/var/lib/pgsql/*/data/pg_hba.conf", NULL};
	struct hba hba = {0};

	if (service->pid <= 0)
		return -ENOENT;
	/* The server's working directory is its data directory. */
	snprintf(cwd, sizeof(cwd), "/proc/%d/cwd", service->pid);
	snprintf(pattern, sizeof(pattern), "%s/pg_hba.conf", cwd);
	ztc_config_read("", 0, here, take_line, &hba);
	if (!hba.any)
		ztc_config_read(service->root, 0, usual, take_line, &hba);
	return hba.any ? hba.clear : -ENOENT;
}
