// SPDX-License-Identifier: Apache-2.0
/*
 * test_labels.c - labels by source: operators, files, precedence, bounds, files that are wrong.
 */
#include "labels_rig.h"

#include <glob.h>

static void test_set(void **state)
{
	struct rig *rig = *state;
	const char *const keys[] = {"posture"}, *const other[] = {"role"};
	char err[ZT_LABELS_ERR_LEN];
	struct zt_overlay o;

	set(rig, "web1", "posture", "ok", 0);
	assert_int_equal(rig->told, 1); /* at once, no loop ran */
	assert_string_equal(rig->hosts, "web1 ");
	assert_int_equal(rig->entered, 1);
	assert_int_equal(overlay(rig, &o), 1);
	assert_string_equal(o.labels[0].host, "web1");
	assert_string_equal(o.labels[0].key, "posture");
	assert_string_equal(o.labels[0].value, "ok");
	assert_int_equal(o.labels[0].until_ns, 0);
	assert_int_equal(o.host_count, 1);
	assert_string_equal(o.hosts[0].host, "web1");
	assert_int_equal(o.hosts[0].label_epoch, rig->epoch);

	/* The same again is no change. */
	set(rig, "web1", "posture", "ok", 0);
	assert_true(zt_labels_flush(rig->labels));
	settle(rig);
	assert_int_equal(rig->told, 1);

	assert_int_equal(zt_labels_unset(rig->labels, "web1", other, 1, err), -ENOENT);
	assert_non_null(strstr(err, "'role' was not set by an operator"));
	assert_int_equal(zt_labels_unset(rig->labels, "web1", keys, 1, err), 0);
	wait_told(rig, 2);
	assert_int_equal(overlay(rig, &o), 0);
	/* Flows judged before are still not kept. */
	assert_int_equal(o.host_count, 1);
	assert_int_equal(o.hosts[0].label_epoch, rig->epoch);
}

static void test_precedence(void **state)
{
	struct rig *rig = *state;
	const char *const keys[] = {"posture"};
	char err[ZT_LABELS_ERR_LEN];
	struct zt_overlay o;

	write_file(rig, "10-mdm.json",
		   "{\"labels\": [{\"host\": \"a\", \"key\": \"posture\", \"value\": \"m\"}]}");
	wait_told(rig, 1);
	write_file(rig, "20-edr.json",
		   "{\"labels\": [{\"host\": \"a\", \"key\": \"posture\", \"value\": \"e\"},"
		   "{\"host\": \"a\", \"key\": \"os\", \"value\": \"linux\"}]}");
	wait_told(rig, 2);
	assert_string_equal(
		rows(rig, "a"),
		"os=linux(20-edr.json) posture=e(20-edr.json) [posture=m(10-mdm.json)] ");
	set(rig, "a", "posture", "s", 3600 * SEC);
	wait_told(rig, 3);
	assert_string_equal(rows(rig, "a"), "os=linux(20-edr.json) posture=s(set) "
					    "[posture=e(20-edr.json)] [posture=m(10-mdm.json)] ");
	/* The compiler gets all of them, the one to ask first before the others. */
	assert_int_equal(overlay(rig, &o), 4);
	assert_string_equal(o.labels[1].value, "s");
	assert_true(o.labels[1].until_ns > zt_now_ns() + 3590 * SEC);
	assert_string_equal(o.labels[2].value, "e");
	assert_int_equal(zt_labels_unset(rig->labels, "a", keys, 1, err), 0);
	wait_told(rig, 4);
	assert_string_equal(
		rows(rig, "a"),
		"os=linux(20-edr.json) posture=e(20-edr.json) [posture=m(10-mdm.json)] ");
}

static void test_removed(void **state)
{
	struct rig *rig = *state;
	char path[160], aside[160];

	write_file(rig, "a.json",
		   "{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"1\"}]}");
	wait_told(rig, 1);
	snprintf(path, sizeof(path), "%s/a.json", rig->dir);
	assert_int_equal(unlink(path), 0);
	wait_told(rig, 2);
	assert_string_equal(rows(rig, NULL), "");
	assert_int_equal(state_of(rig).labels, 0);
	/* The directory itself goes, comes back, and is another one. */
	write_file(rig, "a.json",
		   "{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"2\"}]}");
	wait_told(rig, 3);
	snprintf(aside, sizeof(aside), "%s.old", rig->dir);
	assert_int_equal(rename(rig->dir, aside), 0);
	wait_told(rig, 4);
	assert_string_equal(rows(rig, NULL), "");
	assert_false(state_of(rig).dir_exists);
	assert_int_equal(rename(aside, rig->dir), 0);
	wait_told(rig, 5);
	assert_string_equal(rows(rig, NULL), "k=2(a.json) ");
	assert_true(state_of(rig).dir_exists);
	/* Written in place, as by a shell's redirection. */
	{
		FILE *f = fopen(path, "w");

		fputs("{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"3\"}]}", f);
		fclose(f);
	}
	wait_told(rig, 6);
	assert_string_equal(rows(rig, NULL), "k=3(a.json) ");
}

static const struct {
	const char *text;
	const char *why;
} broken[] = {
	{"", "line 1"},
	{"{\"labels\": [", "line 1"},
	{"[]", "no object with a list"},
	{"{\"labels\": [], \"label\": []}", "the file: unknown key 'label'"},
	{"{\"labels\": [], \"labels\": []}", "duplicate"},
	{"{}", "no object with a list"},
	{"{\"labels\": [1]}", "labels[0] is no object"},
	{"{\"labels\": {}}", "no object with a list"},
	{"{\"labels\": [{\"key\": \"k\", \"value\": \"v\"}]}", "labels[0] has no 'host'"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\"}]}", "labels[0] has no 'value'"},
	{"{\"labels\": [{\"host\": 1, \"key\": \"k\", \"value\": \"v\"}]}", ".host is no text"},
	{"{\"labels\": [{\"host\": \"a b\", \"key\": \"k\", \"value\": \"v\"}]}",
	 ".host is not a name"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k=\", \"value\": \"v\"}]}", ".key is not"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"\\n\"}]}", ".value is not"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"v\\u0000w\"}]}", "line 1"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"\xff\"}]}", "0xff"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": "
	 "\"0123456789012345678901234567890123456789012345678901234567890123\"}]}",
	 ".value is not a label's value of 1 to 63 bytes"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"v\", \"ttl\": 5}]}",
	 "labels[0]: unknown key 'ttl'"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"\", \"value\": \"v\"}]}", ".key is not"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"v\", \"ttl_s\": 0}]}",
	 ".ttl_s is not"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"v\", \"ttl_s\": \"5\"}]}",
	 ".ttl_s is not"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"v\", \"ttl_s\": 1e9}]}",
	 ".ttl_s is not"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"v\", "
	 "\"expires\": \"tomorrow\"}]}",
	 ".expires is no time"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"v\", \"ttl_s\": 5, "
	 "\"expires\": \"2099-01-01T00:00:00Z\"}]}",
	 "both 'ttl_s' and 'expires'"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"v\"}, "
	 "{\"host\": \"a\", \"key\": \"k\", \"value\": \"w\"}]}",
	 "host 'a' has label 'k' twice"},
};

/* A file that is wrong in any way changes nothing, is raised, and heals when it is right. */
static void test_broken(void **state)
{
	static const char good[] =
		"{\"labels\": [{\"host\": \"good\", \"key\": \"k\", \"value\": \"1\"}]}";
	struct rig *rig = *state;

	write_file(rig, "x.json", good);
	wait_told(rig, 1);
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		write_file(rig, "x.json", good);
		while (state_of(rig).broken)
			sd_event_run(rig->event, 100000);
		write_file(rig, "x.json", broken[i].text);
		while (!state_of(rig).broken)
			sd_event_run(rig->event, 100000);
		if (!strstr(rig->trouble, broken[i].why))
			fail_msg("%s: %s, wanted %s", broken[i].text, rig->trouble, broken[i].why);
		assert_string_equal(rows(rig, NULL), "k=1(x.json) ");
		assert_int_equal(state_of(rig).broken, 1);
		assert_non_null(state_of(rig).files[0].error);
		assert_int_equal(state_of(rig).files[0].labels, 1);
	}
	assert_int_equal(rig->told, 1);
	/* It goes on saying so through a restart, and its labels are not lost by one. */
	stop(rig);
	start(rig);
	assert_string_equal(rows(rig, NULL), "k=1(x.json) ");
	assert_int_equal(state_of(rig).broken, 1);
	write_file(rig, "x.json",
		   "{\"labels\": [{\"host\": \"good\", \"key\": \"k\", \"value\": \"2\"}]}");
	wait_told(rig, 2);
	assert_string_equal(rows(rig, NULL), "k=2(x.json) ");
	assert_int_equal(state_of(rig).broken, 0);
	assert_non_null(strstr(rig->trouble, "can be read again"));
}

/* The files that policies/labels.schema.json is tested with: what it says is what is read. */
static void test_files(void **state)
{
	struct rig *rig = *state;
	glob_t found;
	int good = 0;

	assert_int_equal(glob("tests/policy/labels/*.json", 0, NULL, &found), 0);
	assert_int_equal(glob("policies/labels.d/*.json", GLOB_APPEND, NULL, &found), 0);
	assert_true(found.gl_pathc > 40);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *name = strrchr(found.gl_pathv[i], '/') + 1;
		bool fine =
			!strncmp(name, "good-", 5) || !strncmp(found.gl_pathv[i], "policies", 8);
		char command[256];

		snprintf(command, sizeof(command), "rm -f %s/*; cp %s %s/", rig->dir,
			 found.gl_pathv[i], rig->dir);
		assert_int_equal(system(command), 0);
		for (int turn = 0; turn < 1000; turn++) {
			struct zt_labels_state now = state_of(rig);

			if (now.file_count == 1 && !strcmp(now.files[0].name, name) &&
			    (now.files[0].read_ns || now.files[0].error))
				break;
			sd_event_run(rig->event, 10000);
		}
		settle(rig);
		if (state_of(rig).file_count != 1 || (state_of(rig).broken == 0) != fine)
			fail_msg("%s: %s", name, state_of(rig).files[0].error ?: "is read");
		good += fine;
	}
	assert_true(good >= 6);
	globfree(&found);
}

static void expect_trouble(struct rig *rig, const char *why)
{
	uint64_t end = zt_now_ns() + 5 * SEC;

	while (!strstr(rig->trouble, why) && zt_now_ns() < end)
		sd_event_run(rig->event, 100000);
	assert_non_null(strstr(rig->trouble, why));
	assert_string_equal(rows(rig, NULL), "k=1(x.json) ");
	rig->trouble[0] = '\0';
}

/* Whoever may write the file decides who gets in: only root may. */
static void test_not_ours(void **state)
{
	struct rig *rig = *state;
	char path[160], other[160];
	char *big;

	if (geteuid() != 0)
		skip();
	write_file(rig, "x.json",
		   "{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"1\"}]}");
	wait_told(rig, 1);
	snprintf(path, sizeof(path), "%s/x.json", rig->dir);
	snprintf(other, sizeof(other), "%s/other", rig->root);
	assert_int_equal(chmod(path, 0664), 0);
	expect_trouble(rig, "chmod go-w");
	assert_int_equal(chmod(path, 0644), 0);
	expect_trouble(rig, "can be read again");
	assert_int_equal(chown(path, 65534, 0), 0);
	expect_trouble(rig, "not root's");
	assert_int_equal(unlink(path) | symlink("/etc/passwd", other) | rename(other, path), 0);
	expect_trouble(rig, "symbolic link");
	assert_int_equal(unlink(path) | mkfifo(other, 0600) | rename(other, path), 0);
	expect_trouble(rig, "no regular file");
	big = calloc(1, ZT_LABELS_FILE_MAX + 2);
	memset(big, ' ', ZT_LABELS_FILE_MAX + 1);
	write_file(rig, "x.json", big);
	free(big);
	expect_trouble(rig, "larger than 1 MiB");
	assert_int_equal(chmod(rig->dir, 0777), 0);
	expect_trouble(rig, "others than root may write to it");
	assert_non_null(state_of(rig).dir_error);
	assert_int_equal(chmod(rig->dir, 0755), 0);
	write_file(rig, "x.json", "{\"labels\": []}");
	wait_told(rig, 2);
	assert_null(state_of(rig).dir_error);
	assert_string_equal(rows(rig, NULL), "");
}

static void test_bounds(void **state)
{
	struct rig *rig = *state;
	char err[ZT_LABELS_ERR_LEN], key[32], name[32];
	const struct zt_label_set one = {"one-more", "1"};
	const char *const gone[] = {"k0"};
	const struct zt_label_set bad[] = {{"a b", "1"}, {"", "1"}, {"a=b", "1"}, {"k", ""}};
	const struct zt_label_set twice[] = {{"k", "1"}, {"k", "2"}};
	uint64_t end;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(zt_labels_set(rig->labels, "a", &bad[i], 1, 0, err), -EINVAL);
	assert_int_equal(zt_labels_set(rig->labels, "a", twice, 2, 0, err), -EINVAL);
	assert_int_equal(zt_labels_set(rig->labels, "no host", &one, 1, 0, err), -EINVAL);
	assert_int_equal(state_of(rig).labels, 0);
	for (int i = 0; i < ZT_LABELS_HOST_MAX; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		set(rig, "a", key, "v", 0);
	}
	assert_int_equal(zt_labels_set(rig->labels, "a", &one, 1, 0, err), -E2BIG);
	assert_non_null(strstr(err, "host 'a' would have more than 32"));
	assert_int_equal(state_of(rig).labels, ZT_LABELS_HOST_MAX);
	assert_int_equal(zt_labels_unset(rig->labels, "a", gone, 1, err), 0);
	set(rig, "a", "one-more", "1", 0);
	/* Files together: 6 of 12,000 are one too many. */
	for (int f = 0; f < 6; f++) {
		char *text = malloc(1 << 20), *at = text;

		at += sprintf(at, "{\"labels\":[");
		for (int i = 0; i < 12000; i++)
			at += sprintf(at, "%s{\"host\":\"h%d-%d\",\"key\":\"k\",\"value\":\"v\"}",
				      i ? "," : "", f, i);
		sprintf(at, "]}");
		snprintf(name, sizeof(name), "%d.json", f);
		write_file(rig, name, text);
		free(text);
	}
	end = zt_now_ns() + 30 * SEC;
	while (!strstr(rig->trouble, "at most 65536") && zt_now_ns() < end)
		sd_event_run(rig->event, 100000);
	assert_non_null(strstr(rig->trouble, "at most 65536 are kept"));
	assert_int_equal(state_of(rig).broken, 1);
	assert_int_equal(state_of(rig).labels, 60000 + ZT_LABELS_HOST_MAX);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_set),	  TEST(test_precedence), TEST(test_removed), TEST(test_broken),
		TEST(test_files), TEST(test_not_ours),	 TEST(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
