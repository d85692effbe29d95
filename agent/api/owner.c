/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner.c - the owner of a socket as people know it.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/owner.h"
#include "base/cleanup.h"
#include "base/container.h"
#include "base/json.h"

#define USERS_CACHED 256 /* by uid modulo this: a collision only asks again */
#define PASSWD_BUF   4096

struct user {
	bool known;
	uint32_t uid;
	char *name; /* NULL = has none */
};

struct zt_users {
	struct user cache[USERS_CACHED];
};

int zt_users_new(struct zt_users **ret)
{
	struct zt_users *users = calloc(1, sizeof(*users));

	if (!users)
		return -ENOMEM;
	*ret = users;
	return 0;
}

void zt_users_free(struct zt_users **users)
{
	if (!*users)
		return;
	for (size_t i = 0; i < USERS_CACHED; i++)
		free((*users)->cache[i].name);
	free(*users);
	*users = NULL;
}

const char *zt_users_name(struct zt_users *users, uint32_t uid)
{
	struct user *user = &users->cache[uid % USERS_CACHED];
	struct passwd pwd, *found = NULL;
	char buf[PASSWD_BUF];

	if (user->known && user->uid == uid)
		return user->name;
	free(user->name);
	*user = (struct user){.known = true, .uid = uid};
	if (!getpwuid_r(uid, &pwd, buf, sizeof(buf), &found) && found)
		user->name = strdup(found->pw_name);
	return user->name;
}

static int set(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value);
}

/* Of a path too long to be kept whole the unit tells: where systemd manages containers it is one.
 */
static bool container_of(const struct zt_owner *owner, char ret[ZT_CONTAINER_LEN])
{
	char text[ZT_PATH_LEN + 1];

	snprintf(text, sizeof(text), "%.*s", ZT_PATH_LEN, owner->cgroup);
	if (zt_container_of(text, ret))
		return true;
	snprintf(text, sizeof(text), "%.*s", ZT_UNIT_LEN, owner->unit);
	return (owner->flags & ZT_OWNER_TRUNC_CGROUP) && zt_container_of(text, ret);
}

json_t *zt_owner_json(const struct zt_owner *owner, struct zt_users *users)
{
	zt_auto(zt_json_decref) json_t *object = json_object();
	char container[ZT_CONTAINER_LEN];
	const char *name;

	if (owner->unit[0])
		set(object, "unit", zt_json_strn(owner->unit, sizeof(owner->unit)));
	set(object, "cgroup", zt_json_strn(owner->cgroup, sizeof(owner->cgroup)));
	if (container_of(owner, container))
		set(object, "container", json_string(container));
	name = zt_users_name(users, owner->uid);
	if (name)
		set(object, "user", zt_json_str(name));
	set(object, "uid", json_integer(owner->uid));
	if (owner->exe[0])
		set(object, "exe", zt_json_strn(owner->exe, sizeof(owner->exe)));
	if (owner->flags & ZT_OWNER_DELEGATED)
		set(object, "delegated", json_true());
	if (owner->flags & (ZT_OWNER_TRUNC_CGROUP | ZT_OWNER_TRUNC_EXE))
		set(object, "truncated", json_true());
	return json_incref(object);
}

/* Bytes at the end that begin a character which was cut: nothing of it is worth showing. */
static size_t cut_tail(const char *text, size_t len)
{
	for (size_t n = 1; n <= 3 && n < len; n++) {
		unsigned char c = (unsigned char)text[len - n];

		if (c >= 0xc2 && c < 0xf5)
			return (c >= 0xf0 ? 4u : c >= 0xe0 ? 3u : 2u) > n ? n : 0;
		if (c < 0x80 || c >= 0xc0)
			break;
	}
	return 0;
}

json_t *zt_owner_args(const char *args, size_t len)
{
	char text[ZT_ARGS_LEN];

	if (!len)
		return NULL;
	if (len >= sizeof(text)) {
		len = sizeof(text);
		len -= cut_tail(args, len);
	}
	for (size_t i = 0; i < len; i++)
		text[i] = args[i] ? args[i] : ' ';
	return zt_json_strn(text, len);
}

static bool same_unit(const char *unit, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(unit, name, len))
		return false;
	return !unit[len] || !strcmp(unit + len, ".service") || !strcmp(unit + len, ".scope");
}

static bool same_cgroup(const char *cgroup, const char *name)
{
	size_t len = strlen(name);

	if (name[0] != '/' || strncmp(cgroup, name, len))
		return false;
	return cgroup[len] == '\0' || cgroup[len] == '/' || len == 1;
}

static bool same_exe(const char *exe, const char *name)
{
	const char *last = strrchr(exe, '/');

	return !strcmp(exe, name) || (last && !strcmp(last + 1, name));
}

static bool same_container(const struct zt_owner *owner, const char *name)
{
	char id[ZT_CONTAINER_LEN];
	size_t len = strlen(name);

	return len >= ZT_CONTAINER_DIGITS && container_of(owner, id) && !strncmp(id, name, len);
}

bool zt_owner_has(const struct zt_owner *owner, struct zt_users *users, const char *name)
{
	char uid[16];
	const char *user;
	struct zt_owner o = *owner; /* a full field has no NUL */

	o.unit[ZT_UNIT_LEN - 1] = '\0';
	o.cgroup[ZT_PATH_LEN - 1] = '\0';
	o.exe[ZT_PATH_LEN - 1] = '\0';
	if ((o.unit[0] && same_unit(o.unit, name)) || same_cgroup(o.cgroup, name) ||
	    same_container(owner, name) || (o.exe[0] && same_exe(o.exe, name)))
		return true;
	snprintf(uid, sizeof(uid), "%u", o.uid);
	user = zt_users_name(users, o.uid);
	return !strcmp(uid, name) || (user && !strcmp(user, name));
}
