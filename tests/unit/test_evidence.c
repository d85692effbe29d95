/* SPDX-License-Identifier: Apache-2.0 */
/* test_evidence.c - canonical text, seals, keys by role, records: what counts and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/collect/collect.h"
#include "ctl/evidence/record.h"
#include "ctl/evidence/safe.h"
#include "ctl/review/pack.h"

static char dir[] = "/tmp/zt-evidence.XXXXXX";

static const char *at(const char *name)
{
	static char paths[4][512];
	static unsigned int next;

	next = (next + 1) % ARRAY_SIZE(paths);
	snprintf(paths[next], sizeof(paths[next]), "%s/%s", dir, name);
	return paths[next];
}

static json_t *json(const char *text)
{
	json_t *doc = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(doc);
	return doc;
}

static const char *str(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* --- canonical text --- */

static void canonical_is(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"{\"b\": [1, 2, {\"z\": null, \"a\": true}], \"a\": \"\xe2\x82\xac\"}",
		 "{\"a\":\"\xe2\x82\xac\",\"b\":[1,2,{\"a\":true,\"z\":null}]}"},
		{"{\"B\": 1, \"a\": 2, \"_\": -3}", "{\"B\":1,\"_\":-3,\"a\":2}"},
		{"\"line\\nand\\ttab \\\" \\\\ /\"", "\"line\\nand\\ttab \\\" \\\\ /\""},
		{"9007199254740992", "9007199254740992"},
		{"[]", "[]"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		zt_auto(zt_json_decref) json_t *doc = json(rows[i].in);
		zt_auto(zt_freep) char *text = NULL;
		size_t len;

		assert_int_equal(ztc_canonical(doc, &text, &len), 0);
		assert_string_equal(text, rows[i].out);
		assert_int_equal(len, strlen(rows[i].out));
	}
}

static void canonical_refuses(void **state)
{
	static const char *const rows[] = {"1.0",
					   "[0.1]",
					   "{\"a\": 1e3}",
					   "9007199254740993",
					   "\"\\u0001\"",
					   "\"\\u007f\"",
					   "\"\\r\"",
					   "{\"\xc3\xa4\": 1}",
					   "{\"a\\tb\": 1}",
					   "-9007199254740993"};
	zt_auto(zt_json_decref) json_t *deep = json_array();
	zt_auto(zt_freep) char *text = NULL;
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		zt_auto(zt_json_decref) json_t *doc = json(rows[i]);

		assert_int_equal(ztc_canonical(doc, &text, &len), -EINVAL);
	}
	for (int i = 0; i < 100; i++) {
		json_t *outer = json_array();

		json_array_append_new(outer, deep);
		deep = outer;
	}
	assert_int_equal(ztc_canonical(deep, &text, &len), -EINVAL);
}

static void digest_leaves_the_signature_out(void **state)
{
	zt_auto(zt_json_decref) json_t *doc = json("{\"b\": 1, \"a\": \"x\"}");
	char bare[ZTC_DIGEST_TEXT_LEN], with[ZTC_DIGEST_TEXT_LEN], hex[ZT_DIGEST_TEXT_LEN];
	uint8_t bytes[ZT_DIGEST_LEN];

	(void)state;
	assert_int_equal(ztc_digest(doc, bare), 0);
	assert_int_equal(zt_digest_of("{\"a\":\"x\",\"b\":1}", 15, bytes), 0);
	assert_string_equal(bare + 7, zt_digest_text(bytes, hex));
	json_object_set_new(doc, "signature", json_string("anything"));
	assert_int_equal(ztc_digest(doc, with), 0);
	assert_string_equal(bare, with);
	json_object_set_new(doc, "b", json_integer(2));
	assert_int_equal(ztc_digest(doc, with), 0);
	assert_string_not_equal(bare, with);
}

/* --- seals --- */

static struct zt_minisign_secret one, other;
static struct ztc_trust trust;
static char one_name[] = "one";

static int make_keys(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(zt_minisign_generate(&one), 0);
	assert_int_equal(zt_minisign_generate(&other), 0);
	trust.role[ZTC_ROLE_PEER].keys[0] = one.pub;
	trust.role[ZTC_ROLE_PEER].names[0] = one_name;
	trust.role[ZTC_ROLE_PEER].count = 1;
	return 0;
}

static int remove_all(void **state)
{
	char command[600];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static enum ztc_sealed look(const json_t *doc, enum ztc_role role)
{
	const char *signer, *why;

	return ztc_unseal(doc, &trust, role, &signer, NULL, &why);
}

static void seal_holds(void **state)
{
	zt_auto(zt_json_decref) json_t *doc = json("{\"a\": [1, \"x\"]}");
	const char *signer, *why;
	char id[ZT_MINISIGN_ID_TEXT_LEN], want[ZT_MINISIGN_ID_TEXT_LEN];

	(void)state;
	assert_int_equal(look(doc, ZTC_ROLE_PEER), ZTC_SEALED_NONE);
	assert_int_equal(ztc_seal(doc, &one, "a test"), 0);
	assert_int_equal(ztc_unseal(doc, &trust, ZTC_ROLE_PEER, &signer, id, &why), ZTC_SEALED_OK);
	assert_string_equal(signer, "one");
	assert_string_equal(id, zt_minisign_id_text(one.pub.id, want));
	/* Another role's keys, and another key. */
	assert_int_equal(look(doc, ZTC_ROLE_APPROVER), ZTC_SEALED_UNKNOWN);
	assert_int_equal(ztc_seal(doc, &other, "a test"), 0);
	assert_int_equal(look(doc, ZTC_ROLE_PEER), ZTC_SEALED_UNKNOWN);
}

static void seal_breaks(void **state)
{
	static const char *const edits[] = {
		"{\"a\": 2}",
		"{\"more\": 1}",
		"{\"signature\": 5}",
		"{\"signature\": {}}",
		"{\"signature\": {\"algorithm\": \"minisign\", \"key_id\": 1, \"text\": \"x\"}}",
		"{\"signature\": {\"algorithm\": \"none\", \"key_id\": \"\", \"text\": \"\"}}",
		"{\"a\": 1.5}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
		zt_auto(zt_json_decref) json_t *doc = json("{\"a\": 1}"), *edit = json(edits[i]);

		assert_int_equal(ztc_seal(doc, &one, "a test"), 0);
		assert_int_equal(look(doc, ZTC_ROLE_PEER), ZTC_SEALED_OK);
		json_object_update(doc, edit);
		assert_int_equal(look(doc, ZTC_ROLE_PEER), ZTC_SEALED_BAD);
	}
}

static void seal_is_of_its_key_id(void **state)
{
	zt_auto(zt_json_decref) json_t *doc = json("{\"a\": 1}");

	(void)state;
	assert_int_equal(ztc_seal(doc, &one, "a test"), 0);
	json_object_set_new(json_object_get(doc, "signature"), "key_id",
			    json_string("0123456789ABCDEF"));
	assert_int_equal(look(doc, ZTC_ROLE_PEER), ZTC_SEALED_BAD);
}

/* --- keys by role --- */

static void put_key(const char *path, const struct zt_minisign_secret *key)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf pub = ZT_STRBUF_INIT;

	zt_minisign_write_pub(&pub, &key->pub);
	assert_int_equal(zt_file_replace(path, pub.data, pub.len, 0644), 0);
}

static int load_trust(void)
{
	zt_auto(zt_freep) char *why = NULL;
	struct ztc_trust loaded;
	int r = ztc_trust_load(&loaded, at("trust"), &why);

	assert_true(r == 0 || (why && *why));
	if (r < 0)
		return r;
	r = (int)loaded.role[ZTC_ROLE_REVIEWER].count;
	ztc_trust_free(&loaded);
	return r;
}

static void trust_is_roots_alone(void **state)
{
	(void)state;
	assert_int_equal(load_trust(), 0); /* no directory, no keys */
	mkdir(at("trust"), 0755);
	mkdir(at("trust/reviewer"), 0755);
	put_key(at("trust/reviewer/lin.pub"), &one);
	put_key(at("trust/reviewer/readme.txt"), &one);
	assert_int_equal(load_trust(), 1);
	chmod(at("trust/reviewer/lin.pub"), 0664);
	assert_int_equal(load_trust(), -EPERM);
	chmod(at("trust/reviewer/lin.pub"), 0644);
	chmod(at("trust/reviewer"), 0777);
	assert_int_equal(load_trust(), -EPERM);
	chmod(at("trust/reviewer"), 0755);
	chmod(at("trust"), 0757);
	assert_int_equal(load_trust(), -EPERM);
	chmod(at("trust"), 0755);
	assert_int_equal(symlink(at("trust/reviewer/lin.pub"), at("trust/reviewer/a.pub")), 0);
	assert_int_equal(load_trust(), -ELOOP);
	unlink(at("trust/reviewer/a.pub"));
	assert_int_equal(zt_file_replace(at("trust/reviewer/b.pub"), "nonsense", 8, 0644), 0);
	assert_int_equal(load_trust(), -EINVAL);
	unlink(at("trust/reviewer/b.pub"));
	assert_int_equal(load_trust(), 1);
}

/* --- records --- */

static json_t *read_records(void)
{
	zt_auto(zt_freep) char *why = NULL;
	struct ztc_env env = {.root = "",
			      .state_dir = at("state"),
			      .trust_dir = at("trust"),
			      .now_s = (int64_t)(zt_now_wall_ns() / ZT_NS_PER_S)};
	json_t *ret = json_object();

	assert_int_equal(ztc_records_read(&env, ret, &why), 0);
	return ret;
}

static json_t *new_record(const char *kind, const char *name)
{
	json_t *record = NULL;

	assert_int_equal(ztc_record_new(&record, kind, name), 0);
	ztc_record_end(record, "pass");
	return record;
}

static void record_is_kept(void **state)
{
	zt_auto(zt_json_decref) json_t *record = new_record("drill", "rollback"), *all = NULL;
	const json_t *row;
	struct stat st;

	(void)state;
	assert_int_equal(ztc_record_store(at("state"), record, NULL), 0);
	assert_int_equal(ztc_record_store(at("state"), record, NULL), -EEXIST);
	assert_int_equal(stat(at("state/keys/host.key"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(at("state/records"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	all = read_records();
	assert_int_equal(json_array_size(json_object_get(all, "drills")), 1);
	row = json_array_get(json_object_get(all, "drills"), 0);
	assert_string_equal(str(row, "seal"), "ok");
	assert_string_equal(str(row, "grade"), "B");
	assert_string_equal(str(row, "name"), "rollback");
	assert_int_equal(json_array_size(json_object_get(all, "refused")), 0);
	assert_int_equal(ztc_record_new(&record, "rumour", NULL), -EINVAL);
}

/* A record with one edit, sealed by @key (or not): how it comes out. */
static void comes_out(const char *edit, const struct zt_minisign_secret *key, const char *kind,
		      const char *list, const char *grade, const char *why)
{
	zt_auto(zt_json_decref) json_t *record = new_record(kind, NULL), *all = NULL, *with = NULL;
	zt_auto(zt_freep) char *text = NULL;
	char path[512];
	const json_t *row;

	with = json(edit);
	json_object_update(record, with);
	if (key)
		assert_int_equal(ztc_seal(record, key, "a test"), 0);
	text = json_dumps(record, 0);
	snprintf(path, sizeof(path), "%s/state/records/%s.json", dir, str(record, "id"));
	assert_int_equal(zt_file_create(path, text, strlen(text), 0600), 0);
	all = read_records();
	unlink(path);
	row = json_array_get(json_object_get(all, "refused"), 0);
	if (why) {
		assert_non_null(row);
		if (!strstr(str(row, "why"), why))
			fail_msg("'%s' does not say '%s'", str(row, "why"), why);
		assert_int_equal(json_array_size(json_object_get(all, list)), 0);
		return;
	}
	if (row)
		fail_msg("refused: %s", str(row, "why"));
	row = json_array_get(json_object_get(all, list), 0);
	assert_string_equal(str(row, "grade"), grade);
}

static void records_are_judged(void **state)
{
	zt_auto(zt_minisign_secret_wipe) struct zt_minisign_secret host;
	zt_auto(zt_freep) char *about = NULL, *future = NULL;
	struct ztc_self self;

	(void)state;
	unlink(at("state/records/x"));
	assert_int_equal(ztc_host_key(at("state"), &host), 0);
	ztc_self(&self, "");
	assert_true(asprintf(&about,
			     "{\"about\": {\"host\": \"%s\"}, \"host\": \"peer\", "
			     "\"machine\": \"sha256:0\"}",
			     self.host) > 0);
	comes_out("{}", &host, "probe", "probes", "B", NULL);
	comes_out("{}", NULL, "probe", "probes", "C", NULL);
	comes_out("{}", &other, "probe", "probes", "D", NULL);
	comes_out("{}", &one, "review", "reviews", "A", NULL); /* lin, of the test before */
	comes_out("{}", &one, "probe", "probes", "D", NULL);   /* a reviewer is no peer */
	comes_out(about, &one, "review", "reviews", "A", NULL);
	comes_out(about, &one, "assessment", "assessments", NULL, "another host");
	/* Approvals are a reviewer's or an approver's, not the host's own. */
	comes_out("{\"name\": \"edges\"}", &one, "approval", "approvals", "A", NULL);
	comes_out("{\"name\": \"edges\"}", &host, "approval", "approvals", "D", NULL);
	comes_out("{\"name\": \"change\"}", &one, "approval", "approvals", "D", NULL);
	comes_out("{\"name\": \"head\"}", &one, "approval", "approvals", "D", NULL);
	comes_out("{\"name\": \"break-glass\"}", &host, "approval", "approvals", "C", NULL);
	comes_out("{\"host\": \"elsewhere\"}", &host, "probe", "probes", NULL, "another host");
	comes_out("{\"machine\": \"sha256:1\"}", &host, "alert", "alerts", NULL, "another host");
	comes_out("{\"about\": {\"host\": \"elsewhere\"}}", &one, "review", "reviews", NULL,
		  "another host");
	comes_out("{\"about\": {}}", &one, "review", "reviews", NULL, "another host");
	comes_out("{\"grade\": \"A\"}", &host, "alert", "alerts", NULL, "set on reading only");
	comes_out("{\"result\": \"perfect\"}", &host, "alert", "alerts", NULL, "form of a record");
	comes_out("{\"body\": []}", &host, "alert", "alerts", NULL, "form of a record");
	comes_out("{\"ended\": \"2001-01-01T00:00:00Z\"}", &host, "alert", "alerts", NULL, "form");
	comes_out("{\"ended\": \"2126-01-01T00:00:00Z\"}", &host, "alert", "alerts", NULL,
		  "future");
	comes_out("{\"signature\": {\"algorithm\": \"minisign\"}}", NULL, "alert", "alerts", NULL,
		  "no minisign signature");
}

static void tampering_is_seen(void **state)
{
	zt_auto(zt_json_decref) json_t *all = read_records();
	const json_t *drill = json_array_get(json_object_get(all, "drills"), 0);
	char path[512], copy[512];
	zt_auto(zt_freep) char *text = NULL;
	size_t len;
	char *pass;

	(void)state;
	snprintf(path, sizeof(path), "%s/state/records/%s", dir, str(drill, "file"));
	snprintf(copy, sizeof(copy), "%s/state/records/zz.json", dir);
	assert_int_equal(zt_file_read(path, ZTC_RECORD_MAX, &text, &len, NULL), 0);
	/* A copy would count twice. */
	assert_int_equal(zt_file_create(copy, text, len, 0600), 0);
	json_decref(zt_take(all));
	all = read_records();
	assert_string_equal(str(json_array_get(json_object_get(all, "refused"), 0), "why"),
			    "its id is another than its file name");
	unlink(copy);
	/* Others may write it; a link; another text. */
	chmod(path, 0602);
	json_decref(zt_take(all));
	all = read_records();
	assert_int_equal(json_integer_value(json_object_get(all, "refused_total")), 1);
	pass = strstr(text, "\"pass\"");
	assert_non_null(pass);
	memcpy(pass, "\"fail\"", 6);
	assert_int_equal(zt_file_replace(path, text, len, 0600), 0);
	json_decref(zt_take(all));
	all = read_records();
	assert_int_equal(json_integer_value(json_object_get(all, "refused_total")), 1);
	assert_int_equal(json_array_size(json_object_get(all, "drills")), 0);
	unlink(path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	json_decref(zt_take(all));
	all = read_records();
	assert_non_null(strstr(str(json_array_get(json_object_get(all, "refused"), 0), "why"),
			       "symbolic link"));
	unlink(path);
}

/* --- decisions --- */

static void decisions_fit_their_kind(void **state)
{
	zt_auto(zt_json_decref) json_t *list =
		json("[{\"disposition\": \"deny\", \"note\": \"T-1\", \"items\": "
		     "[\"new-edge:10.0.0.1>10.0.0.2:tcp/22\"]},"
		     "{\"disposition\": \"accept\", \"items\": [\"new-edge:*\", \"rule:web*\"]}]");
	zt_auto(zt_freep) char *why = NULL;

	(void)state;
	assert_int_equal(ztc_dispositions_check(list, &why), 0);
	assert_string_equal(
		str(ztc_disposition_of(list, "new-edge:10.0.0.1>10.0.0.2:tcp/22"), "disposition"),
		"deny");
	assert_string_equal(
		str(ztc_disposition_of(list, "new-edge:fe80::1>ff02::2:icmpv6/133"), "disposition"),
		"accept");
	assert_non_null(ztc_disposition_of(list, "rule:web-db"));
	assert_null(ztc_disposition_of(list, "rule:db"));
	assert_null(ztc_disposition_of(list, "denial:10.0.0.1>10.0.0.2:tcp/22:enforced:x"));
}

static void decisions_are_checked(void **state)
{
	static const char *const rows[] = {
		"{}",
		"[1]",
		"[{\"disposition\": \"fine\", \"items\": [\"rule:*\"]}]",
		"[{\"disposition\": \"deny\", \"items\": [\"rule:*\"]}]",
		"[{\"disposition\": \"ticket\", \"note\": \"\", \"items\": [\"rule:*\"]}]",
		"[{\"disposition\": \"accept\", \"items\": []}]",
		"[{\"disposition\": \"accept\", \"items\": [\"*\"]}]",
		"[{\"disposition\": \"accept\", \"items\": [\"[r]ule:x\"]}]",
		"[{\"disposition\": \"accept\", \"items\": [7]}]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		zt_auto(zt_json_decref) json_t *list = json(rows[i]);
		zt_auto(zt_freep) char *why = NULL;

		assert_int_equal(ztc_dispositions_check(list, &why), -EINVAL);
		assert_non_null(why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical_is),
		cmocka_unit_test(canonical_refuses),
		cmocka_unit_test(digest_leaves_the_signature_out),
		cmocka_unit_test(seal_holds),
		cmocka_unit_test(seal_breaks),
		cmocka_unit_test(seal_is_of_its_key_id),
		cmocka_unit_test(trust_is_roots_alone),
		cmocka_unit_test(record_is_kept),
		cmocka_unit_test(records_are_judged),
		cmocka_unit_test(tampering_is_seen),
		cmocka_unit_test(decisions_fit_their_kind),
		cmocka_unit_test(decisions_are_checked),
	};

	return cmocka_run_group_tests(tests, make_keys, remove_all);
}
