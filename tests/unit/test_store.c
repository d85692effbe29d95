// SPDX-License-Identifier: Apache-2.0
/*
 * test_store.c - the state directory: records, the chain of hashes, commits begun, undone,
 * confirmed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "datapath/store.h"

struct dir {
	char path[64];
	struct zt_store *store;
};

static int setup(void **state)
{
	struct dir *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	strcpy(d->path, "/tmp/zt-store.XXXXXX");
	assert_non_null(mkdtemp(d->path));
	assert_int_equal(zt_store_new(&d->store, d->path), 0);
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct dir *d = *state;
	char command[128];

	zt_store_free(&d->store);
	snprintf(command, sizeof(command), "rm -rf %s", d->path);
	assert_int_equal(system(command), 0);
	free(d);
	return 0;
}

static struct zt_source_text file_of(const char *text)
{
	return (struct zt_source_text){.path = "/p/policy.yaml", .text = text, .len = strlen(text)};
}

static struct zt_record record_of(uint64_t revision, struct zt_source_text *file)
{
	return (struct zt_record){
		.at = "2026-11-22T01:02:03.000Z",
		.by = {.uid = 7, .login_uid = UINT32_MAX, .pid = 12, .user = "ops"},
		.action = "promote",
		.why = "because \x01 \\ of \"this\"",
		.policy = "bank",
		.revision = revision,
		.digest = {1, 2, 0xff},
		.path = file->path,
		.files = file,
		.file_count = 1,
		.hold = ZT_HOLD_PROMOTED,
		.hold_revision = revision,
		.boot_id = "b00t",
	};
}

/* One more confirmed state. */
static void add(struct dir *d, uint64_t revision)
{
	struct zt_source_text file = file_of("version: 1\n");
	struct zt_record record = record_of(revision, &file);

	assert_int_equal(zt_store_begin(d->store, &record), 0);
	assert_int_equal(zt_store_confirm(d->store, NULL, NULL), 0);
}

static void edit(struct dir *d, const char *name, const char *from, const char *to)
{
	char command[256];

	snprintf(command, sizeof(command), "sed -i 's|%s|%s|' %s/%s", from, to, d->path, name);
	assert_int_equal(system(command), 0);
}

static bool there(struct dir *d, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", d->path, name);
	return access(path, F_OK) == 0;
}

static void a_record_reads_back(void **state)
{
	struct zt_promoted promoted[] = {{"b-rule", true, 10}, {"a-rule", false, 100}};
	struct zt_source_text files[] = {file_of("version: 1\n# \xc3\xa4\n"),
					 {.path = "/p/inc.yaml", .text = "", .len = 0}};
	struct zt_record record = record_of(42, files), back;
	zt_auto(zt_json_decref) json_t *json = NULL;
	const char *why = "";

	(void)state;
	record.file_count = 2;
	record.promoted = promoted;
	record.promoted_count = 2;
	record.signature = "untrusted comment: x\n";
	record.deadline_ns = 123456789;
	record.candidate = true;
	json = zt_record_json(&record);
	assert_non_null(json);
	assert_int_equal(zt_record_parse(&back, json, &why), 0);
	assert_string_equal(back.hash, record.hash);
	assert_string_equal(back.why, record.why);
	assert_string_equal(back.by.user, "ops");
	assert_int_equal(back.by.uid, 7);
	assert_true(back.by.login_uid == UINT32_MAX);
	assert_int_equal(back.revision, 42);
	assert_memory_equal(back.digest, record.digest, sizeof(back.digest));
	assert_int_equal(back.file_count, 2);
	assert_string_equal(back.files[0].text, files[0].text);
	assert_int_equal(back.files[1].len, 0);
	assert_string_equal(back.promoted[0].id, "a-rule"); /* sorted */
	assert_false(back.promoted[0].enforced);
	assert_int_equal(back.promoted[1].percent, 10);
	assert_string_equal(back.signature, record.signature);
	assert_int_equal(back.deadline_ns, 123456789);
	assert_true(back.candidate);
	assert_int_equal(back.hold, ZT_HOLD_PROMOTED);
	zt_record_free(&back);
}

/* Every key counts: a value changed, a key added or taken away is another state. */
static void any_change_is_told(void **state)
{
	struct zt_source_text file = file_of("version: 1\n");
	struct zt_record record = record_of(1, &file);
	zt_auto(zt_json_decref) json_t *json = zt_record_json(&record);
	const char *key;
	json_t *value;

	(void)state;
	json_object_foreach (json, key, value) {
		zt_auto(zt_json_decref) json_t *other = json_deep_copy(json);
		zt_auto(zt_json_decref) json_t *less = json_deep_copy(json);
		zt_auto(zt_record_free) struct zt_record a = {};
		zt_auto(zt_record_free) struct zt_record b = {};
		const char *why;

		if (json_is_string(value))
			json_object_set_new(other, key, json_string("2026"));
		else if (json_is_integer(value))
			json_object_set_new(other, key, json_integer(99));
		else
			json_object_set_new(other, key, json_true());
		json_object_del(less, key);
		if (zt_record_parse(&a, other, &why) == 0)
			fail_msg("'%s' changed and nobody noticed", key);
		if (zt_record_parse(&b, less, &why) == 0)
			fail_msg("'%s' missing and nobody noticed", key);
	}
}

static void the_newest_intact_one_counts(void **state)
{
	zt_auto(zt_record_free) struct zt_record record = {};
	zt_auto(zt_record_free) struct zt_record second = {};
	zt_auto(zt_json_decref) json_t *history = NULL;
	struct dir *d = *state;
	uint64_t bad = 9;

	assert_int_equal(zt_store_newest(d->store, &record, &bad), -ENOENT);
	for (uint64_t i = 1; i <= 3; i++)
		add(d, 10 * i);
	assert_int_equal(zt_store_newest(d->store, &record, &bad), 0);
	assert_int_equal(record.entry, 3);
	assert_int_equal(bad, 0);
	assert_int_equal(zt_store_history(d->store, 3, &history), 0);
	assert_true(json_is_true(json_object_get(history, "intact")));
	edit(d, "history/000003.json", "version: 1", "version: 2");
	assert_int_equal(zt_store_newest(d->store, &second, &bad), 0);
	assert_int_equal(second.entry, 2);
	assert_int_equal(bad, 3);
	/* One more goes behind the altered one, and the chain names that one alone. */
	add(d, 40);
	json_decref(history);
	history = NULL;
	assert_int_equal(zt_store_history(d->store, 4, &history), 0);
	assert_int_equal(json_array_size(json_object_get(history, "breaks")), 1);
	assert_int_equal(json_integer_value(json_object_get(
				 json_array_get(json_object_get(history, "breaks"), 0), "entry")),
			 3);
	edit(d, "history/000004.json", "{", "");
	zt_record_free(&second);
	assert_int_equal(zt_store_newest(d->store, &second, &bad), 0);
	assert_int_equal(second.entry, 2);
}

static void twenty_are_kept(void **state)
{
	zt_auto(zt_freep) uint64_t *list = NULL;
	struct dir *d = *state;
	size_t count;

	for (uint64_t i = 1; i <= ZT_HISTORY_MAX + 5; i++)
		add(d, i);
	assert_int_equal(zt_store_entries(d->store, &list, &count), 0);
	assert_int_equal(count, ZT_HISTORY_MAX);
	assert_int_equal(list[0], 6);
	assert_int_equal(list[count - 1], ZT_HISTORY_MAX + 5);
}

static void begun_is_undone_or_confirmed(void **state)
{
	struct zt_source_text file = file_of("version: 1\n");
	struct zt_record first = record_of(1, &file), second = record_of(2, &file);
	const struct zt_who who = {.uid = 0, .login_uid = 1000, .pid = 5, .user = "root"};
	zt_auto(zt_record_free) struct zt_record read = {};
	struct dir *d = *state;
	const char *why;
	uint64_t entry;

	first.deadline_ns = second.deadline_ns = 5;
	assert_int_equal(zt_store_begin(d->store, &first), 0);
	zt_store_begun(d->store);
	assert_int_equal(zt_store_begin(d->store, &second), 0);
	zt_store_undo(d->store); /* the kernel refused: the first one is pending as it was */
	assert_int_equal(zt_store_read(d->store, ZT_STORE_PENDING, &read, &why), 0);
	assert_int_equal(read.revision, 1);
	zt_record_free(&read);
	assert_int_equal(zt_store_confirm(d->store, &who, &entry), 0);
	assert_int_equal(entry, 1);
	assert_false(there(d, ZT_STORE_PENDING));
	assert_int_equal(zt_store_entry(d->store, 1, &read, &why), 0);
	assert_int_equal(read.confirmed_by.login_uid, 1000);
	zt_record_free(&read);
	/* Nothing pending: nothing to confirm, and undoing leaves nothing. */
	assert_int_equal(zt_store_confirm(d->store, &who, &entry), -ENOENT);
	assert_int_equal(zt_store_begin(d->store, &second), 0);
	zt_store_undo(d->store);
	assert_false(there(d, ZT_STORE_PENDING));
	/* Taken back: kept apart, no entry. */
	assert_int_equal(zt_store_begin(d->store, &second), 0);
	assert_int_equal(zt_store_reject(d->store), 0);
	assert_int_equal(zt_store_read(d->store, ZT_STORE_REVERTED, &read, &why), 0);
	assert_int_equal(read.revision, 2);
	assert_false(there(d, "history/000002.json"));
	/* What is confirmed later ends that. */
	add(d, 3);
	assert_false(there(d, ZT_STORE_REVERTED));
}

static void a_confirmation_can_be_taken_back(void **state)
{
	struct zt_source_text file = file_of("version: 1\n");
	struct zt_record record = record_of(1, &file);
	const struct zt_who who = {.user = "root"};
	struct dir *d = *state;
	uint64_t entry;

	assert_int_equal(zt_store_begin(d->store, &record), 0);
	assert_int_equal(zt_store_confirm(d->store, &who, &entry), 0);
	assert_int_equal(zt_store_unconfirm(d->store, entry), 0);
	assert_true(there(d, ZT_STORE_PENDING));
	assert_false(there(d, "history/000001.json"));
}

/* What is not ours, or not whole, is passed over. */
static void odd_names_are_no_entries(void **state)
{
	static const char *const names[] = {"000009.json.new", "7.json",      "-00008.json",
					    "000000.json",     "abcdef.json", "000010",
					    "README"};
	zt_auto(zt_freep) uint64_t *list = NULL;
	struct dir *d = *state;
	size_t count;

	add(d, 1);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[PATH_MAX];
		int fd;

		snprintf(path, sizeof(path), "%s/history/%s", d->path, names[i]);
		fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		close(fd);
	}
	assert_int_equal(zt_store_entries(d->store, &list, &count), 0);
	assert_int_equal(count, 1);
}

static void the_host_is_remembered(void **state)
{
	zt_auto(zt_freep) char *host = NULL;
	struct dir *d = *state;

	assert_null(zt_store_host(d->store));
	assert_int_equal(zt_store_set_host(d->store, "db1"), 0);
	host = zt_store_host(d->store);
	assert_string_equal(host, "db1");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_record_reads_back),	    CASE(any_change_is_told),
		CASE(the_newest_intact_one_counts), CASE(twenty_are_kept),
		CASE(begun_is_undone_or_confirmed), CASE(a_confirmation_can_be_taken_back),
		CASE(odd_names_are_no_entries),	    CASE(the_host_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
