// SPDX-License-Identifier: Apache-2.0
/*
 * crypto_keys.c - private keys that this host's listeners use: who may read them, how old they are.
 *
 * Found among the files that a process holds open and where its configuration and command line say.
 * Of a key its file is looked at, never its content beyond the line that says what it is.
 * {keys: [{resource "file:PATH", path, holder {comm, pid, unit?}, kind, mode, uid, gid, group?,
 *  changed_s [unix s], reach "owner"|"service"|"group"|"other", found "open"|"configuration"}],
 *  certificates: [{resource, path, comm, not_after, …}], denied, cut, complete}
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "ctl/collect/collect.h"
#include "ctl/collect/crypto.h"
#include "ctl/collect/crypto_keys.h"
#include "ctl/probe/config.h"
#include "ctl/probe/tls_cert.h"

#define KEYS_MAX    256
#define HOLDERS_MAX 256
#define GROUPS_MAX  64
#define CERT_MAX    (64 << 10)
#define FDS_MAX	    2048

/* The process whose keys are looked for. */
struct holder {
	int pid;
	const char *comm, *exe, *unit;
	char root[32];
	gid_t groups[GROUPS_MAX];
	size_t group_count;
};

struct search {
	json_t *keys, *certificates;
	const struct holder *holder;
	const struct ztc_key_place *place;
	unsigned int denied;
	bool cut;
};

static const char *str(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* --- who may read a file --- */

/* Effective and supplementary groups of the process. */
static void read_groups(struct holder *holder)
{
	char path[64], line[1024];
	zt_auto(zt_fclosep) FILE *in = NULL;

	snprintf(path, sizeof(path), "/proc/%d/status", holder->pid);
	in = fopen(path, "re");
	while (in && fgets(line, sizeof(line), in)) {
		char *at = line, *end;

		if (strncmp(line, "Gid:", 4) != 0 && strncmp(line, "Groups:", 7) != 0)
			continue;
		at = strchr(line, ':') + 1;
		while (holder->group_count < GROUPS_MAX) {
			unsigned long gid = strtoul(at, &end, 10);

			if (end == at)
				break;
			holder->groups[holder->group_count++] = (gid_t)gid;
			at = end;
		}
	}
}

static bool is_service_group(const struct holder *holder, gid_t gid)
{
	const struct group *group = getgrgid(gid);

	/* Debian's group for who may use private keys, and root's own. */
	if (gid == 0 || (group && strcmp(group->gr_name, "ssl-cert") == 0) ||
	    (group && strcmp(group->gr_name, "ssh_keys") == 0))
		return true;
	for (size_t i = 0; i < holder->group_count; i++) {
		if (holder->groups[i] == gid)
			return true;
	}
	return false;
}

/* Whether strangers get as far as the file: every directory above it lets them through. */
static bool others_get_there(const char *path)
{
	char up[PATH_MAX];
	struct stat st;

	snprintf(up, sizeof(up), "%s", path);
	for (char *slash = strrchr(up, '/'); slash && slash != up; slash = strrchr(up, '/')) {
		*slash = '\0';
		if (stat(up, &st) == 0 && !(st.st_mode & S_IXOTH))
			return false;
	}
	return true;
}

static const char *reach_of(const struct holder *holder, const char *full, const struct stat *st)
{
	if ((st->st_mode & S_IROTH) && others_get_there(full))
		return "other";
	if (!(st->st_mode & S_IRGRP))
		return "owner";
	return is_service_group(holder, st->st_gid) ? "service" : "group";
}

/* --- what it is --- */

static const char *kind_of(const char *head, size_t len)
{
	static const struct {
		const char *mark, *kind;
	} marks[] = {
		{"BEGIN OPENSSH PRIVATE KEY", "OpenSSH"},
		{"BEGIN ENCRYPTED PRIVATE KEY", "PKCS8, encrypted"},
		{"BEGIN RSA PRIVATE KEY", "RSA"},
		{"BEGIN EC PRIVATE KEY", "EC"},
		{"BEGIN DSA PRIVATE KEY", "DSA"},
		{"BEGIN PRIVATE KEY", "PKCS8"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		if (memmem(head, len, marks[i].mark, strlen(marks[i].mark)))
			return marks[i].kind;
	}
	return NULL;
}

static bool is_known(const json_t *list, const char *resource)
{
	const json_t *each;
	size_t i;

	json_array_foreach (list, i, each) {
		if (strcmp(str(each, "resource"), resource) == 0)
			return true;
	}
	return false;
}

static json_t *resource_of(const struct holder *holder, const char *path)
{
	char own[64];

	/* The same path in a container is another file. */
	if (strcmp(holder->root, "") == 0)
		return json_sprintf("file:%s", path);
	snprintf(own, sizeof(own), "%s", holder->unit ? holder->unit : holder->comm);
	return json_sprintf("file:%s (%s)", path, own);
}

static void add_key(struct search *search, const char *path, const char *full,
		    const struct stat *st, const char *kind, const char *found)
{
	const struct holder *holder = search->holder;
	zt_auto(zt_json_decref) json_t *resource = resource_of(holder, path);
	const struct group *group = getgrgid(st->st_gid);
	char mode[8];
	json_t *key;

	if (json_array_size(search->keys) >= KEYS_MAX) {
		search->cut = true;
		return;
	}
	if (!resource || is_known(search->keys, json_string_value(resource)))
		return;
	snprintf(mode, sizeof(mode), "%04o", (unsigned int)st->st_mode & 07777);
	key = json_pack("{s:O, s:o, s:s, s:s, s:i, s:i, s:I, s:s, s:s}", "resource", resource,
			"path", zt_json_str(path), "kind", kind, "mode", mode, "uid",
			(int)st->st_uid, "gid", (int)st->st_gid, "changed_s",
			(json_int_t)st->st_mtime, "reach", reach_of(holder, full, st), "found",
			found);
	json_object_set_new(key, "comm", zt_json_str(holder->comm));
	json_object_set_new(key, "exe", zt_json_str(holder->exe));
	json_object_set_new(key, "pid", json_integer(holder->pid));
	if (group)
		json_object_set_new(key, "group", zt_json_str(group->gr_name));
	json_array_append_new(search->keys, key);
}

static void add_certificate(struct search *search, const char *path, const char *text, size_t len)
{
	zt_auto(zt_json_decref) json_t *resource = resource_of(search->holder, path);
	json_t *cert;

	if (!resource || is_known(search->certificates, json_string_value(resource)) ||
	    json_array_size(search->certificates) >= KEYS_MAX)
		return;
	cert = ztc_tls_certificate_text(text, len);
	if (!cert)
		return;
	json_object_set(cert, "resource", resource);
	json_object_set_new(cert, "path", zt_json_str(path));
	json_object_set_new(cert, "comm", zt_json_str(search->holder->comm));
	json_object_set_new(cert, "exe", zt_json_str(search->holder->exe));
	json_array_append_new(search->certificates, cert);
}

/* A file that may be a key, a certificate, or both (haproxy). @named: the configuration says so. */
static void look_at(struct search *search, const char *path, const char *full, const char *found,
		    bool named)
{
	zt_auto(zt_freep) char *text = NULL;
	struct stat st;
	const char *kind;
	size_t len = 0;
	int r;

	if (stat(full, &st) < 0) {
		search->denied += named && errno == EACCES;
		return;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > CERT_MAX)
		return;
	r = zt_file_read(full, CERT_MAX, &text, &len, NULL);
	if (r < 0) {
		/* Its mode is known all the same. */
		search->denied += named;
		return;
	}
	kind = kind_of(text, len);
	if (kind)
		add_key(search, path, full, &st, kind, found);
	if (memmem(text, len, "BEGIN CERTIFICATE", 17))
		add_certificate(search, path, text, len);
	explicit_bzero(text, len);
}

/* --- where it is found --- */

static void open_files(struct search *search)
{
	char path[64], link[320], target[PATH_MAX];
	zt_auto(zt_closedirp) DIR *dir = NULL;
	struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/fd", search->holder->pid);
	dir = opendir(path);
	if (!dir) {
		search->denied++;
		return;
	}
	for (int left = FDS_MAX; left && (entry = readdir(dir)); left--) {
		struct stat st;
		ssize_t n;

		snprintf(link, sizeof(link), "%s/%s", path, entry->d_name);
		n = readlink(link, target, sizeof(target) - 1);
		if (n <= 0 || target[0] != '/')
			continue;
		target[n] = '\0';
		if (stat(link, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= CERT_MAX)
			look_at(search, target, link, "open", false);
	}
}

/* Relative names are below the directory of the file that names them, as nginx and others have it.
 */
static void named(struct search *search, const char *value, const char *file)
{
	char path[PATH_MAX], full[PATH_MAX + 32], resolved[PATH_MAX];
	const char *slash = strrchr(file, '/');

	if (value[0] == '/')
		snprintf(path, sizeof(path), "%s", value);
	else
		snprintf(path, sizeof(path), "%.*s/%s", slash ? (int)(slash - file) : 0, file,
			 value);
	/* Only the first word: "bind :443 ssl crt PATH" is taken apart by the caller. */
	path[strcspn(path, " \t\"'")] = '\0';
	snprintf(full, sizeof(full), "%s%s", search->holder->root, path);
	look_at(search, path, realpath(full, resolved) ? resolved : full, "configuration", true);
}

static bool is_word(const char *const *words, size_t max, const char *word)
{
	for (size_t i = 0; i < max && words[i]; i++) {
		if (strcasecmp(words[i], word) == 0)
			return true;
	}
	return false;
}

static void take_line(void *ctx, const char *word, const char *value, const char *file)
{
	struct search *search = ctx;
	const struct ztc_key_place *place = search->place;
	const char *crt = strstr(value, "crt ");

	if (is_word(place->directives, ARRAY_SIZE(place->directives), word)) {
		/* haproxy: bind :443 ssl crt PATH */
		if (strcmp(word, "bind") == 0 || strcmp(word, "server") == 0) {
			if (crt)
				named(search, crt + 4 + strspn(crt + 4, " \t"), file);
			return;
		}
		named(search, value, file);
	} else if (is_word(place->certificates, ARRAY_SIZE(place->certificates), word)) {
		named(search, value, file);
	}
}

static void usual_files(struct search *search)
{
	for (size_t i = 0; i < ARRAY_SIZE(search->place->usual) && search->place->usual[i]; i++) {
		char pattern[PATH_MAX];
		glob_t found = {0};

		snprintf(pattern, sizeof(pattern), "%s%s", search->holder->root,
			 search->place->usual[i]);
		if (glob(pattern, 0, NULL, &found) == 0) {
			for (size_t f = 0; f < found.gl_pathc; f++)
				look_at(search, found.gl_pathv[f] + strlen(search->holder->root),
					found.gl_pathv[f], "configuration", true);
		}
		globfree(&found);
	}
}

/* A daemon whose working directory is where its configuration is. */
static void cwd_file(struct search *search, const char *name)
{
	char link[64], cwd[PATH_MAX], path[PATH_MAX + 32];
	const char *const files[] = {path, NULL};
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/cwd", search->holder->pid);
	n = readlink(link, cwd, sizeof(cwd) - 1);
	if (n <= 0)
		return;
	cwd[n] = '\0';
	if (strpbrk(cwd, "*?["))
		return;
	snprintf(path, sizeof(path), "%s/%s", cwd, name);
	ztc_config_read(search->holder->root, 0, files, take_line, search);
}

static void search_holder(struct search *search)
{
	const struct holder *holder = search->holder;
	const char *exe = holder->exe ? strrchr(holder->exe, '/') : NULL;

	open_files(search);
	for (const struct ztc_key_place *p = ztc_key_places; p->program; p++) {
		int before = (int)json_array_size(search->keys);

		if (!strstr(holder->comm, p->program) && !(exe && strstr(exe, p->program)))
			continue;
		search->place = p;
		ztc_config_read(holder->root, holder->pid, p->files, take_line, search);
		if (p->in_cwd)
			cwd_file(search, p->in_cwd);
		if ((int)json_array_size(search->keys) == before)
			usual_files(search);
		return;
	}
}

/* --- WireGuard --- */

/* wg-quick's files hold the interface's private key. */
static void wireguard_files(struct search *search, const char *root)
{
	static const struct holder wg = {.comm = "wg-quick", .unit = NULL};
	char pattern[PATH_MAX];
	glob_t found = {0};

	search->holder = &wg;
	snprintf(pattern, sizeof(pattern), "%s/etc/wireguard/*.conf", root);
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			struct stat st;

			if (stat(found.gl_pathv[i], &st) == 0)
				add_key(search, found.gl_pathv[i] + strlen(root), found.gl_pathv[i],
					&st, "WireGuard", "configuration");
		}
	}
	globfree(&found);
}

/* --- all of them --- */

static bool is_seen(const int *pids, size_t count, int pid)
{
	for (size_t i = 0; i < count; i++) {
		if (pids[i] == pid)
			return true;
	}
	return false;
}

/* "" when the process sees the same files as we do. */
static void set_root(struct holder *holder)
{
	char path[sizeof(holder->root)];
	struct stat own, theirs;

	snprintf(path, sizeof(path), "/proc/%d/root", holder->pid);
	if (stat("/", &own) == 0 && stat(path, &theirs) == 0 && own.st_dev == theirs.st_dev &&
	    own.st_ino == theirs.st_ino)
		return;
	memcpy(holder->root, path, sizeof(holder->root));
}

int ztc_collect_keys(const struct ztc_env *env, json_t *data)
{
	const json_t *fact = json_object_get(env->facts, "listeners"), *socket;
	const json_t *listeners = json_object_get(fact, "data");
	struct search search = {.keys = json_array(), .certificates = json_array()};
	int pids[HOLDERS_MAX];
	size_t i, count = 0;

	json_object_set_new(data, "keys", search.keys);
	json_object_set_new(data, "certificates", search.certificates);
	json_array_foreach (json_object_get(listeners, "sockets"), i, socket) {
		struct holder holder = {
			.pid = (int)json_integer_value(json_object_get(socket, "pid")),
			.comm = str(socket, "comm") ? str(socket, "comm") : "",
			.exe = str(socket, "exe"),
			.unit = str(socket, "unit"),
		};

		if (holder.pid <= 0 || is_seen(pids, count, holder.pid))
			continue;
		if (count == HOLDERS_MAX) {
			search.cut = true;
			break;
		}
		pids[count++] = holder.pid;
		set_root(&holder);
		read_groups(&holder);
		search.holder = &holder;
		search_holder(&search);
	}
	wireguard_files(&search, env->root ? env->root : "");
	json_object_set_new(data, "denied", json_integer(search.denied));
	json_object_set_new(data, "holders", json_integer((json_int_t)count));
	json_object_set_new(data, "complete",
			    json_boolean(!search.cut && !search.denied && listeners &&
					 json_is_true(json_object_get(listeners, "complete"))));
	return listeners ? 0 : -ENOENT;
}
