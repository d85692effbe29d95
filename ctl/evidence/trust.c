// SPDX-License-Identifier: Apache-2.0
/*
 * trust.c - public keys by role, from directories that only root may write.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/evidence/safe.h"
#include "ctl/evidence/seal.h"

static const char *const role_names[ZTC_ROLE_COUNT] = {
	[ZTC_ROLE_HOST] = "host",	    [ZTC_ROLE_PEER] = "peer",
	[ZTC_ROLE_COLLECTOR] = "collector", [ZTC_ROLE_POLICY] = "policy",
	[ZTC_ROLE_OWNER] = "owner",	    [ZTC_ROLE_ASSESSOR] = "assessor",
	[ZTC_ROLE_APPROVER] = "approver",   [ZTC_ROLE_REVIEWER] = "reviewer",
};

const char *ztc_role_name(enum ztc_role role)
{
	return role_names[role];
}

void ztc_trust_free(struct ztc_trust *trust)
{
	for (int r = 0; r < ZTC_ROLE_COUNT; r++) {
		for (size_t i = 0; i < trust->role[r].count; i++)
			free(trust->role[r].names[i]);
		trust->role[r].count = 0;
	}
}

__attribute__((format(printf, 2, 3))) static void say_why(char **ret_why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(ret_why, fmt, ap) < 0)
		*ret_why = NULL;
	va_end(ap);
}

static int load_key(struct ztc_trust *trust, enum ztc_role role, int fd, const char *name,
		    const char **ret_why)
{
	zt_auto(zt_freep) char *text = NULL, *kept = strndup(name, strlen(name) - strlen(".pub"));
	size_t len, at = trust->role[role].count;
	int r = ztc_safe_text(fd, name, ZT_MINISIGN_FILE_MAX, &text, &len);

	*ret_why = ztc_safe_why(r);
	if (r == 0)
		r = zt_minisign_read_pub(text, len, &trust->role[role].keys[at], ret_why);
	if (r < 0 || !kept)
		return r < 0 ? r : -ENOMEM;
	trust->role[role].names[at] = zt_take(kept);
	trust->role[role].count++;
	return 0;
}

static int load_role(struct ztc_trust *trust, enum ztc_role role, int top, const char *dir,
		     char **ret_why)
{
	zt_auto(zt_close) int fd = ztc_safe_dir_at(top, role_names[role]);
	const char *why = NULL;
	char **names = NULL;
	int count, r = 0;

	if (fd == -ENOENT)
		return 0;
	count = fd < 0 ? fd : ztc_safe_list(fd, ".pub", ZTC_SIGNERS_MAX, &names);
	if (count < 0) {
		say_why(ret_why, "the keys in '%s/%s' are not used: %s", dir, role_names[role],
			ztc_safe_why(count));
		return count;
	}
	for (int i = 0; i < count && r == 0; i++) {
		r = load_key(trust, role, fd, names[i], &why);
		if (r < 0)
			say_why(ret_why, "the key '%s/%s/%s' is not used: %s", dir,
				role_names[role], names[i], why);
	}
	ztc_safe_list_free(names, count);
	return r;
}

int ztc_trust_load(struct ztc_trust *ret, const char *dir, char **ret_why)
{
	zt_auto(zt_close) int top = ztc_safe_dir(dir);
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	if (top == -ENOENT)
		return 0;
	if (top < 0) {
		say_why(ret_why, "the keys in '%s' are not used: %s", dir, ztc_safe_why(top));
		return top;
	}
	for (int role = 0; role < ZTC_ROLE_COUNT && r == 0; role++)
		r = load_role(ret, role, top, dir, ret_why);
	if (r < 0)
		ztc_trust_free(ret);
	return r;
}

static bool has_key(const struct ztc_trust *trust, enum ztc_role role,
		    const struct zt_minisign_pub *pub)
{
	for (size_t i = 0; i < trust->role[role].count; i++) {
		if (memcmp(trust->role[role].keys[i].key, pub->key, sizeof(pub->key)) == 0)
			return true;
	}
	return false;
}

bool ztc_trust_shares(const struct ztc_trust *trust, enum ztc_role role, const char *name,
		      enum ztc_role other)
{
	for (size_t i = 0; i < trust->role[role].count; i++) {
		if (strcmp(trust->role[role].names[i], name) == 0 &&
		    has_key(trust, other, &trust->role[role].keys[i]))
			return true;
	}
	return false;
}
