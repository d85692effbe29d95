/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container.c - the container that a cgroup path names.
 */
#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/container.h"

/* Hexadecimal digits from @s on; 0 when a word goes on after them. */
static size_t id_digits(const char *s)
{
	size_t n = 0;

	while (isdigit((unsigned char)s[n]) || (s[n] >= 'a' && s[n] <= 'f'))
		n++;
	return s[n] == '\0' || s[n] == '/' || s[n] == '.' ? n : 0;
}

static size_t id_of_part(const char *part, const char **ret)
{
	static const char *const prefixes[] = {"docker-",     "libpod-", "cri-containerd-", "crio-",
					       "containerd-", "lxc-",	 "nerdctl-"};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t len = strlen(prefixes[i]);

		if (strncmp(part, prefixes[i], len))
			continue;
		*ret = part + len;
		return id_digits(part + len);
	}
	*ret = part;
	/* A directory named by nothing but an id: without systemd as cgroup driver. */
	return id_digits(part) == 64 ? 64 : 0;
}

bool zt_container_of(const char *cgroup, char ret[ZT_CONTAINER_LEN])
{
	bool found = false;

	for (const char *part = cgroup; part; part = strchr(part, '/')) {
		const char *id;
		size_t n;

		if (*part == '/')
			part++;
		n = id_of_part(part, &id);
		if (n < ZT_CONTAINER_DIGITS || n >= ZT_CONTAINER_LEN)
			continue;
		memcpy(ret, id, n);
		ret[n] = '\0';
		found = true;
	}
	return found;
}
