// SPDX-License-Identifier: Apache-2.0
/*
 * record.c - records are made, checked and read back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/collect/collect.h"
#include "ctl/evidence/record.h"
#include "ctl/evidence/safe.h"

#define REFUSED_SHOWN 50

/* Whose seal makes a record more than this host's own word. */
static const struct kind {
	const char *name;
	const char *list;
	enum ztc_role roles[3];
	size_t role_count;
	bool elsewhere; /* may be made by another machine */
	const char *own_grade;
	size_t kept; /* of the newest that are handed on */
} kinds[] = {
	{"drill", "drills", {ZTC_ROLE_HOST}, 1, false, "B", 256},
	{"probe", "probes", {ZTC_ROLE_PEER}, 1, true, "B", 64},
	{"receipt", "receipts", {ZTC_ROLE_COLLECTOR}, 1, true, "C", 64},
	{"review", "reviews", {ZTC_ROLE_REVIEWER}, 1, true, "C", 32},
	{"assessment", "assessments", {ZTC_ROLE_HOST}, 1, false, "B", 400},
	{"alert", "alerts", {ZTC_ROLE_HOST}, 1, false, "C", 1000},
	{"approval",
	 "approvals",
	 {ZTC_ROLE_REVIEWER, ZTC_ROLE_APPROVER, ZTC_ROLE_POLICY},
	 3,
	 true,
	 "C",
	 400},
};

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	}
	return NULL;
}

/* --- who we are --- */

static void read_line(const char *root, const char *path, char *ret, size_t size)
{
	zt_auto(zt_freep) char *full = NULL;
	zt_auto(zt_fclosep) FILE *f = NULL;

	*ret = '\0';
	if (asprintf(&full, "%s%s", root, path) < 0)
		return;
	f = fopen(full, "re");
	if (!f || !fgets(ret, (int)size, f))
		*ret = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

void ztc_self(struct ztc_self *ret, const char *root)
{
	uint8_t digest[ZT_DIGEST_LEN];
	struct utsname uts;
	char id[64];

	memset(ret, 0, sizeof(*ret));
	if (uname(&uts) == 0)
		snprintf(ret->host, sizeof(ret->host), "%s", uts.nodename);
	read_line(root, "/etc/machine-id", id, sizeof(id));
	if (*id && zt_digest_of(id, strlen(id), digest) == 0) {
		memcpy(ret->machine, "sha256:", 7);
		zt_digest_text(digest, ret->machine + 7);
	}
	read_line(root, "/proc/sys/kernel/random/boot_id", ret->boot_id, sizeof(ret->boot_id));
}

/* --- made --- */

json_t *ztc_record_time(int64_t s)
{
	char text[ZT_TIME_TEXT_LEN];

	zt_wall_text((uint64_t)s * ZT_NS_PER_S, text);
	text[strcspn(text, ".")] = '\0';
	return json_sprintf("%sZ", text);
}

static int64_t now_s(void)
{
	return (int64_t)(zt_now_wall_ns() / ZT_NS_PER_S);
}

/* Begins with the time to the millisecond, so that names sort by it. */
static json_t *new_id(const char *kind, const char *name)
{
	char text[ZT_TIME_TEXT_LEN], when[ZT_TIME_TEXT_LEN];
	uint32_t random;
	size_t n = 0;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return NULL;
	zt_wall_text(zt_now_wall_ns(), text);
	for (const char *p = text; *p; p++) {
		if (*p != '-' && *p != ':')
			when[n++] = *p;
	}
	when[n] = '\0';
	return json_sprintf("%s-%s%s%.32s-%08x", when, kind, name ? "-" : "", name ? name : "",
			    random);
}

int ztc_record_new(json_t **ret, const char *kind, const char *name)
{
	zt_auto(zt_json_decref) json_t *record = NULL;
	struct ztc_self self;

	if (!find_kind(kind))
		return -EINVAL;
	ztc_self(&self, "");
	record = json_pack("{s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:s, s:{}}", "format",
			   ZTC_RECORD_FORMAT, "kind", kind, "id", new_id(kind, name), "host",
			   zt_json_str(self.host), "machine", self.machine, "boot_id",
			   zt_json_str(self.boot_id), "started", ztc_record_time(now_s()), "ended",
			   ztc_record_time(now_s()), "result", "fail", "body");
	if (!record || (name && json_object_set_new(record, "name", zt_json_str(name)) < 0))
		return -ENOMEM;
	*ret = zt_take(record);
	return 0;
}

void ztc_record_end(json_t *record, const char *result)
{
	json_object_set_new(record, "ended", ztc_record_time(now_s()));
	json_object_set_new(record, "result", json_string(result));
}

/* --- checked --- */

static int64_t time_of(const json_t *record, const char *key)
{
	uint64_t ns;

	return zt_wall_parse(zt_json_text(record, key), &ns) < 0 ? -1 : (int64_t)(ns / ZT_NS_PER_S);
}

/* A file name, too, so nothing but letters, digits and "-_.". */
static bool good_id(const char *id)
{
	size_t len = strlen(id);

	return len && len <= 128 && *id != '.' &&
	       strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") ==
		       len;
}

static bool good_form(const json_t *record)
{
	static const char *const texts[] = {"format",  "kind",	  "id",	   "host",
					    "machine", "started", "ended", "result"};
	const char *result = zt_json_text(record, "result");

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (!json_is_string(json_object_get(record, texts[i])))
			return false;
	}
	return strcmp(zt_json_text(record, "format"), ZTC_RECORD_FORMAT) == 0 &&
	       find_kind(zt_json_text(record, "kind")) && good_id(zt_json_text(record, "id")) &&
	       json_is_object(json_object_get(record, "body")) &&
	       (strcmp(result, "pass") == 0 || strcmp(result, "fail") == 0 ||
		strcmp(result, "partial") == 0) &&
	       time_of(record, "started") >= 0 &&
	       time_of(record, "ended") >= time_of(record, "started");
}

/* Does it speak of this host? One made elsewhere says so in "about". */
static bool about_us(const json_t *record, const struct kind *kind, const struct ztc_self *self)
{
	const json_t *about = json_object_get(record, "about");
	const char *machine, *host;

	if (!about || !kind->elsewhere)
		return strcmp(zt_json_text(record, "host"), self->host) == 0 &&
		       strcmp(zt_json_text(record, "machine"), self->machine) == 0;
	machine = zt_json_text(about, "machine");
	host = zt_json_text(about, "host");
	if (*machine && strcmp(machine, self->machine) != 0)
		return false;
	if (*host && strcmp(host, self->host) != 0)
		return false;
	/* With addresses alone the check that uses it holds them against its own. */
	return *machine || *host || json_array_size(json_object_get(about, "addresses")) > 0;
}

static void set_seal(json_t *record, const char *seal, const char *grade, const char *signer,
		     const char *key_id)
{
	json_object_set_new(record, "seal", json_string(seal));
	json_object_set_new(record, "grade", json_string(grade));
	if (signer)
		json_object_set_new(record, "signer", zt_json_str(signer));
	if (key_id && *key_id)
		json_object_set_new(record, "key_id", json_string(key_id));
}

/* Approvals are each for somebody else to give; the word of who writes policy, or of this host
 * about itself, is none. */
static const struct approval {
	const char *name;
	enum ztc_role role;
} approvals[] = {
	{"edges", ZTC_ROLE_REVIEWER},
	{"head", ZTC_ROLE_POLICY},
	{"change", ZTC_ROLE_APPROVER},
};

static const struct approval *find_approval(const json_t *record, const struct kind *kind)
{
	const char *name = zt_json_text(record, "name");

	for (size_t i = 0; strcmp(kind->name, "approval") == 0 && i < ARRAY_SIZE(approvals); i++) {
		if (strcmp(approvals[i].name, name) == 0)
			return &approvals[i];
	}
	return NULL;
}

static bool may_sign(const struct approval *approval, enum ztc_role role, const char *signer,
		     const struct ztc_trust *trust)
{
	if (!approval)
		return true;
	return role == approval->role &&
	       (role == ZTC_ROLE_POLICY || !ztc_trust_shares(trust, role, signer, ZTC_ROLE_POLICY));
}

/* By a key of a role that may sign this kind. */
static enum ztc_sealed unseal_by_role(json_t *record, const struct kind *kind,
				      const struct ztc_trust *trust, const char **ret_why)
{
	const struct approval *approval = find_approval(record, kind);
	enum ztc_sealed sealed = ZTC_SEALED_UNKNOWN;
	char id[ZT_MINISIGN_ID_TEXT_LEN];
	const char *signer;

	for (size_t i = 0; i < kind->role_count && sealed == ZTC_SEALED_UNKNOWN; i++) {
		enum ztc_role role = kind->roles[i];

		sealed = ztc_unseal(record, trust, role, &signer, id, ret_why);
		if (sealed == ZTC_SEALED_OK && !may_sign(approval, role, signer, trust))
			sealed = ZTC_SEALED_UNKNOWN;
		else if (sealed == ZTC_SEALED_OK)
			set_seal(record, "ok", role == ZTC_ROLE_HOST ? kind->own_grade : "A",
				 signer, id);
	}
	return sealed;
}

/* By a role, else by this host itself. */
static enum ztc_sealed unseal(json_t *record, const struct kind *kind,
			      const struct ztc_trust *trust, const struct zt_minisign_pub *own,
			      const char **ret_why)
{
	struct ztc_trust self = {0};
	char id[ZT_MINISIGN_ID_TEXT_LEN] = "", own_name[] = "this host";
	const char *signer;
	enum ztc_sealed sealed = unseal_by_role(record, kind, trust, ret_why);

	if (sealed == ZTC_SEALED_UNKNOWN && own && !find_approval(record, kind)) {
		self.role[ZTC_ROLE_HOST].keys[0] = *own;
		self.role[ZTC_ROLE_HOST].names[0] = own_name;
		self.role[ZTC_ROLE_HOST].count = 1;
		sealed = ztc_unseal(record, &self, ZTC_ROLE_HOST, &signer, id, ret_why);
		if (sealed == ZTC_SEALED_OK)
			set_seal(record, "ok", kind->own_grade, signer, id);
	}
	if (sealed == ZTC_SEALED_UNKNOWN)
		set_seal(record, "unknown", "D", NULL,
			 zt_json_text(json_object_get(record, "signature"), "key_id"));
	else if (sealed == ZTC_SEALED_NONE)
		set_seal(record, "none", "C", NULL, NULL);
	return sealed;
}

int ztc_record_check(json_t *record, const struct ztc_self *self, const struct ztc_trust *trust,
		     const struct zt_minisign_pub *own, int64_t now, const char **ret_why)
{
	const struct kind *kind = find_kind(zt_json_text(record, "kind"));
	const char *why = "";

	*ret_why = "it has not the form of a record (ztseg.record/1)";
	if (!good_form(record))
		return -EINVAL;
	*ret_why = "it is about another host or machine";
	if (!about_us(record, kind, self))
		return -EINVAL;
	*ret_why = "it is from the future: one of the clocks is wrong";
	if (time_of(record, "ended") > now + ZTC_RECORD_SKEW_S)
		return -EINVAL;
	/* What is added on reading is not what was signed: none of it may be there already. */
	*ret_why = "it has members that are set on reading only: seal, grade, signer, key_id, file";
	if (json_object_get(record, "seal") || json_object_get(record, "grade") ||
	    json_object_get(record, "signer") || json_object_get(record, "key_id") ||
	    json_object_get(record, "file"))
		return -EINVAL;
	if (unseal(record, kind, trust, own, &why) == ZTC_SEALED_BAD) {
		*ret_why = *why ? why : "its signature does not fit";
		return -EINVAL;
	}
	*ret_why = "";
	return 0;
}

/* --- read --- */

struct reading {
	struct ztc_self self;
	struct ztc_trust trust;
	struct zt_minisign_pub own;
	bool has_own;
	int64_t now_s;
	json_t *ret;
	size_t refused;
};

static void refuse(struct reading *rd, const char *file, const char *why)
{
	json_t *refused = json_object_get(rd->ret, "refused");

	rd->refused++;
	if (json_array_size(refused) < REFUSED_SHOWN)
		json_array_append_new(refused, json_pack("{s:o, s:o}", "file", zt_json_str(file),
							 "why", zt_json_str(why ? why : "")));
}

static void read_one(struct reading *rd, int dir, const char *name)
{
	zt_auto(zt_json_decref) json_t *record = NULL;
	zt_auto(zt_freep) char *why = NULL;
	const char *said;
	size_t id_len;

	if (ztc_safe_json(dir, name, ZTC_RECORD_MAX, &record, &why) < 0) {
		refuse(rd, name, why);
		return;
	}
	if (ztc_record_check(record, &rd->self, &rd->trust, rd->has_own ? &rd->own : NULL,
			     rd->now_s, &said) < 0) {
		refuse(rd, name, said);
		return;
	}
	/* A copy under another name would count twice. */
	id_len = strlen(zt_json_text(record, "id"));
	if (strncmp(name, zt_json_text(record, "id"), id_len) != 0 ||
	    strcmp(name + id_len, ".json") != 0) {
		refuse(rd, name, "its id is another than its file name");
		return;
	}
	/* Said by now: it would only make the fact longer. */
	json_object_del(record, "signature");
	json_object_set_new(record, "file", zt_json_str(name));
	json_array_append(json_object_get(rd->ret, find_kind(zt_json_text(record, "kind"))->list),
			  record);
}

static int by_end(const void *a, const void *b)
{
	const json_t *const *ra = a, *const *rb = b;
	int64_t ea = time_of(*ra, "ended"), eb = time_of(*rb, "ended");

	return ea != eb ? (ea < eb ? 1 : -1)
			: strcmp(zt_json_text(*rb, "id"), zt_json_text(*ra, "id"));
}

static int newest_first(json_t *ret, const char *list, size_t kept)
{
	json_t *array = json_object_get(ret, list), *sorted;
	size_t count = json_array_size(array);
	zt_auto(zt_freep) const json_t **rows = count ? calloc(count, sizeof(*rows)) : NULL;

	if (!count)
		return 0;
	sorted = json_array();
	if (!rows || !sorted) {
		json_decref(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		rows[i] = json_array_get(array, i);
	qsort(rows, count, sizeof(*rows), by_end);
	for (size_t i = 0; i < count && i < kept; i++)
		json_array_append(sorted, (json_t *)rows[i]);
	return json_object_set_new(ret, list, sorted) < 0 ? -ENOMEM : 0;
}

static int read_all(struct reading *rd, int dir)
{
	char **names = NULL;
	int count = ztc_safe_list(dir, ".json", 4 * ZTC_RECORDS_MAX, &names), r = 0;
	int first = count > ZTC_RECORDS_MAX ? count - ZTC_RECORDS_MAX : 0;

	/* Names begin with the time: the newest are kept. */
	for (int i = 0; i < first; i++)
		refuse(rd, names[i], "there are more records than are read; this is an old one");
	for (int i = first; i < count; i++)
		read_one(rd, dir, names[i]);
	ztc_safe_list_free(names, count > 0 ? count : 0);
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && r == 0; i++)
		r = newest_first(rd->ret, kinds[i].list, kinds[i].kept);
	return count < 0 ? count : r;
}

int ztc_records_read(const struct ztc_env *env, json_t *ret, char **ret_why)
{
	struct reading rd = {.now_s = env->now_s, .ret = ret};
	zt_auto(zt_close) int dir = -1;
	int r = ztc_trust_load(&rd.trust, env->trust_dir, ret_why);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		json_object_set_new(ret, kinds[i].list, json_array());
	json_object_set_new(ret, "refused", json_array());
	ztc_self(&rd.self, env->root);
	rd.has_own = ztc_host_pub(env->state_dir, &rd.own) == 0;
	dir = ztc_safe_below(env->state_dir, "records");
	r = dir == -ENOENT ? 0 : dir;
	if (dir >= 0)
		r = read_all(&rd, dir);
	if (r < 0 && asprintf(ret_why, "records in '%s/records' are not used: %s", env->state_dir,
			      ztc_safe_why(r)) < 0)
		*ret_why = NULL;
	json_object_set_new(ret, "refused_total", json_integer((json_int_t)rd.refused));
	ztc_trust_free(&rd.trust);
	return r;
}
