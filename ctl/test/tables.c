/* SPDX-License-Identifier: Apache-2.0 */
/* tables.c - tables as each host of a case would have them, and owners, on no host at all. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strmap.h"
#include "base/vec.h"
#include "ctl/test/test.h"
#include "policy/compile.h"

#define FIRST_USER 0x40000000u /* numbers made up for names */

int ztc_test_init(struct ztc_test *test)
{
	int r = zt_rule_names_new(&test->names);

	return r < 0 ? r : zt_strmap_new(&test->users);
}

void ztc_test_forget(struct ztc_test *test)
{
	for (size_t i = 0; i < test->table_count; i++)
		zt_tables_free(&test->tables[i].tables);
	test->table_count = 0;
}

void ztc_test_done(struct ztc_test *test)
{
	ztc_test_forget(test);
	free(test->tables);
	zt_rule_names_free(&test->names);
	zt_strmap_free(&test->users);
}

/* A name is a user of that name, whoever exists on the machine that runs the test. */
static int resolve_user(void *ctx, const char *name, uid_t *ret_uid)
{
	struct ztc_test *test = ctx;
	unsigned long long n;
	char *end;
	uint32_t number;

	errno = 0;
	n = strtoull(name, &end, 10);
	if (*name >= '0' && *name <= '9' && !*end && !errno && n < UINT32_MAX) {
		*ret_uid = (uid_t)n;
		return 0;
	}
	number = zt_strmap_intern(test->users, name, strlen(name), NULL);
	if (number == ZT_STRMAP_NONE)
		return -ENOMEM;
	*ret_uid = FIRST_USER + number;
	return 0;
}

/* A path is the program there, all in one file system. */
static int resolve_exe(void *ctx, const char *path, char *ret_path, __u32 *ret_dev,
		       bool *ret_exists)
{
	size_t len = strlen(path);

	(void)ctx;
	if (len >= ZT_PATH_LEN)
		return -ENAMETOOLONG;
	memset(ret_path, 0, ZT_PATH_LEN);
	memcpy(ret_path, path, len);
	*ret_dev = 1;
	*ret_exists = true;
	return 0;
}

int ztc_test_owner(struct ztc_test *test, const struct zt_case_end *end, struct zt_owner *ret)
{
	const struct zt_qualifier *q = &end->qual;
	uid_t uid = UINT32_MAX;
	bool exists;
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	snprintf(ret->unit, sizeof(ret->unit), "%s", q->unit.s ?: "");
	snprintf(ret->cgroup, sizeof(ret->cgroup), "%s", q->cgroup.s ?: "");
	if (q->unit.s && !q->cgroup.s)
		snprintf(ret->cgroup, sizeof(ret->cgroup), "/system.slice/%s", q->unit.s);
	if (q->user.s)
		r = resolve_user(test, q->user.s, &uid);
	ret->uid = uid;
	if (r == 0 && q->exe.s)
		r = resolve_exe(NULL, q->exe.s, ret->exe, &ret->exe_dev, &exists);
	return r;
}

static bool same_setting(const struct zt_case *a, const struct zt_case *b)
{
	if (a->at_ns != b->at_ns || a->label_count != b->label_count)
		return false;
	for (size_t i = 0; i < a->label_count; i++)
		if (strcmp(a->labels[i].host, b->labels[i].host) != 0 ||
		    strcmp(a->labels[i].key, b->labels[i].key) != 0 ||
		    strcmp(a->labels[i].value, b->labels[i].value) != 0)
			return false;
	return true;
}

/* Errors of compiling for a host are the policy's; its warnings are policy check's to say. */
static int compile(struct ztc_test *test, const struct zt_host *host, const struct zt_case *c,
		   struct zt_tables **ret)
{
	zt_auto(zt_freep) struct zt_addr *locals = NULL;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	const struct zt_overlay overlay = {.labels = c->labels, .label_count = c->label_count};
	struct zt_compile_env env = {
		.host = host->name,
		.local_count = host->address_count,
		.offline = true,
		.resolver = {resolve_user, resolve_exe, test},
		.overlay = &overlay,
		.now_ns = ZTC_TEST_MONO_NS,
		.wall_offset_ns =
			(int64_t)(c->at_ns ? c->at_ns : test->now_ns) - (int64_t)ZTC_TEST_MONO_NS,
	};
	int r;

	locals = calloc(host->address_count + 1, sizeof(*locals));
	if (!locals)
		return -ENOMEM;
	for (size_t i = 0; i < host->address_count; i++)
		memcpy(locals[i].bytes, host->addresses[i].key.bytes, sizeof(locals[i].bytes));
	env.locals = locals;
	diag.sources = test->policy->sources;
	r = zt_policy_compile(test->policy, &env, test->names, ret, &diag);
	if (r == 0 || r == -ENOMEM)
		return r;
	for (size_t i = 0; i < diag.count; i++)
		if (diag.entries[i].severity == ZT_SEVERITY_ERROR)
			zt_diag_error(test->diag, &host->loc, "as host '%s' has it: %s", host->name,
				      diag.entries[i].message);
	return -EINVAL;
}

int ztc_test_tables(struct ztc_test *test, const struct zt_host *host, const struct zt_case *c,
		    const struct zt_tables **ret)
{
	struct zt_tables *made = NULL;
	int r;

	for (size_t i = test->table_count; i > 0; i--) {
		const struct ztc_test_tables *t = &test->tables[i - 1];

		if (t->host == host && same_setting(t->setting, c)) {
			*ret = t->tables;
			return 0;
		}
	}
	r = zt_vec_grow(&test->tables, &test->table_cap, test->table_count + 1,
			sizeof(*test->tables));
	if (r == 0)
		r = compile(test, host, c, &made);
	if (r < 0)
		return r;
	test->tables[test->table_count++] =
		(struct ztc_test_tables){.host = host, .setting = c, .tables = made};
	*ret = made;
	return 0;
}
