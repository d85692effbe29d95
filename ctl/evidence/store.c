// SPDX-License-Identifier: Apache-2.0
/*
 * store.c - what is written below the state directory: this host's own key, and records.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "ctl/evidence/record.h"
#include "ctl/evidence/safe.h"

#define PER_KIND_MAX 1000

/* A directory of our own below the state directory; both are made when they are not there. */
static int own_dir(const char *state_dir, const char *name)
{
	zt_auto(zt_freep) char *path = NULL;

	if (asprintf(&path, "%s/%s", state_dir, name) < 0)
		return -ENOMEM;
	if (mkdir(state_dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	return ztc_safe_below(state_dir, name);
}

/* --- this host's own key --- */

int ztc_host_pub(const char *state_dir, struct zt_minisign_pub *ret)
{
	zt_auto(zt_close) int dir = ztc_safe_below(state_dir, "keys");
	zt_auto(zt_freep) char *text = NULL;
	const char *why;
	size_t len;
	int r;

	r = dir < 0 ? dir : ztc_safe_text(dir, "host.pub", ZT_MINISIGN_FILE_MAX, &text, &len);
	return r < 0 ? r : zt_minisign_read_pub(text, len, ret, &why);
}

static int read_secret(int dir, struct zt_minisign_secret *ret)
{
	zt_auto(zt_freep) char *text = NULL;
	const char *why;
	size_t len;
	int r = ztc_safe_text(dir, "host.key", ZT_MINISIGN_FILE_MAX, &text, &len);

	if (r < 0)
		return r;
	r = zt_minisign_read_secret(text, len, NULL, NULL, ret, &why);
	explicit_bzero(text, len);
	return r;
}

/* The public half goes last: who finds it finds the other one too. */
static int make_secret(const char *state_dir, struct zt_minisign_secret *ret)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf pub = ZT_STRBUF_INIT, key = ZT_STRBUF_INIT;
	zt_auto(zt_freep) char *key_path = NULL, *pub_path = NULL;
	int r = zt_minisign_generate(ret);

	if (r == 0)
		r = zt_minisign_write_secret(&key, ret, NULL);
	zt_minisign_write_pub(&pub, &ret->pub);
	if (r == 0 && (zt_strbuf_error(&pub) || zt_strbuf_error(&key) ||
		       asprintf(&key_path, "%s/keys/host.key", state_dir) < 0 ||
		       asprintf(&pub_path, "%s/keys/host.pub", state_dir) < 0))
		r = -ENOMEM;
	if (r == 0)
		r = zt_file_create(key_path, key.data, key.len, 0600);
	if (r == 0)
		r = zt_file_replace(pub_path, pub.data, pub.len, 0644);
	if (key.data)
		explicit_bzero(key.data, key.len);
	return r;
}

int ztc_host_key(const char *state_dir, struct zt_minisign_secret *ret)
{
	zt_auto(zt_close) int dir = own_dir(state_dir, "keys");
	int r = dir < 0 ? dir : read_secret(dir, ret);

	if (r == -ENOENT) {
		r = make_secret(state_dir, ret);
		/* Somebody else was quicker. */
		if (r == -EEXIST)
			r = read_secret(dir, ret);
	}
	return r;
}

/* --- records --- */

/* Names begin with the time, so the first of a kind is its oldest. */
static void make_room(int dir, const char *kind)
{
	zt_auto(zt_freep) char *part = NULL;
	char **names = NULL, *oldest = NULL;
	int count = ztc_safe_list(dir, ".json", 4 * ZTC_RECORDS_MAX, &names);
	int of_kind = 0;

	if (asprintf(&part, "Z-%s-", kind) < 0)
		part = NULL;
	for (int i = 0; part && i < count; i++) {
		if (!strstr(names[i], part))
			continue;
		if (!of_kind++)
			oldest = names[i];
	}
	if (of_kind >= PER_KIND_MAX)
		unlinkat(dir, oldest, 0);
	ztc_safe_list_free(names, count > 0 ? count : 0);
}

static int seal(const char *state_dir, json_t *record, const struct zt_minisign_secret *key)
{
	zt_auto(zt_minisign_secret_wipe) struct zt_minisign_secret own;
	zt_auto(zt_freep) char *comment = NULL;
	int r;

	memset(&own, 0, sizeof(own));
	if (json_object_get(record, "signature"))
		return 0;
	r = key ? 0 : ztc_host_key(state_dir, &own);
	if (r == 0 && asprintf(&comment, "ztseg record %s",
			       json_string_value(json_object_get(record, "id"))) < 0)
		r = -ENOMEM;
	return r < 0 ? r : ztc_seal(record, key ? key : &own, comment);
}

int ztc_record_store(const char *state_dir, json_t *record, const struct zt_minisign_secret *key)
{
	const char *id = json_string_value(json_object_get(record, "id"));
	const char *kind = json_string_value(json_object_get(record, "kind"));
	zt_auto(zt_freep) char *path = NULL, *text = NULL;
	zt_auto(zt_close) int dir = -1;
	int r;

	if (!id || !kind || !*id || strchr(id, '/') || *id == '.')
		return -EINVAL;
	dir = own_dir(state_dir, "records");
	r = dir < 0 ? dir : seal(state_dir, record, key);
	if (r < 0)
		return r;
	text = json_dumps(record, JSON_INDENT(1) | JSON_SORT_KEYS);
	if (!text || asprintf(&path, "%s/records/%s.json", state_dir, id) < 0)
		return -ENOMEM;
	if (strlen(text) > ZTC_RECORD_MAX)
		return -EINVAL;
	make_room(dir, kind);
	return zt_file_create(path, text, strlen(text), 0600);
}
