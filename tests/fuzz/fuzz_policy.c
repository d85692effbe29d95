// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_policy.c - policy text, any bytes: read, print, read again, compile.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fuzz.h"
#include "policy/compile.h"
#include "policy/diag.h"
#include "policy/policy.h"
#include "policy/rules.h"
#include "policy/schedule.h"

const char *const fuzz_dirs[] = {"tests/fuzz/corpus/policy", "policies", "tests/policy", NULL};

/*
 * libfyaml 0.7 forgets 2 kB of a quoted text in which a mistake follows (corpus:
 * library-leak.yaml). Our own use of it is held to by the unit tests, which suppress nothing.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml.so\n";
}

/* What was read prints to a text that means the same. */
static void print_and_read(const struct zt_policy *policy)
{
	zt_auto(zt_policy_free) struct zt_policy *again = NULL;
	zt_auto(zt_freep) char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return;
	zt_policy_print(policy, f);
	fclose(f);
	fuzz_must(!zt_policy_parse(&again, "printed", text, len, NULL),
		  "the canonical form can be read");
	fuzz_must(!memcmp(policy->digest, again->digest, sizeof(policy->digest)),
		  "the canonical form has the same digest");
}

/* Two weeks of a statement: stretches in order, within what was asked for. */
static void open_times(const struct zt_stmt *stmt)
{
	const int64_t from = 1790000000, to = from + 14 * 86400; /* with an end of summer time */
	zt_auto(zt_freep) struct zt_open *open = NULL;
	size_t count = 0;

	fuzz_must(!zt_schedule_open(stmt, from, to, &open, &count), "times can be worked out");
	for (size_t i = 0; i < count; i++) {
		fuzz_must(open[i].from_s < open[i].to_s, "times are not empty");
		fuzz_must(open[i].from_s >= (i ? open[i - 1].to_s + 1 : from) && open[i].to_s <= to,
			  "times are in order");
	}
}

static void compile(const struct zt_policy *policy)
{
	zt_auto(zt_rule_names_free) struct zt_rule_names *names = NULL;
	zt_auto(zt_tables_free) struct zt_tables *tables = NULL;
	struct zt_compile_env env = {
		.host = policy->host_count ? policy->hosts[0].name : NULL,
		.forwarding = policy->stmt_count & 1,
		.offline = true,
	};
	struct zt_addr local = {0};
	int r;

	if (policy->host_count && policy->hosts[0].address_count) {
		memcpy(local.bytes, policy->hosts[0].addresses[0].key.bytes, sizeof(local.bytes));
		env.locals = &local;
		env.local_count = 1;
	}
	if (zt_rule_names_new(&names) < 0)
		return;
	r = zt_policy_compile(policy, &env, names, &tables, NULL);
	fuzz_must((r == 0) == (tables != NULL), "tables exactly on success");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	struct zt_diag diag = ZT_DIAG_INIT;
	int r;

	r = zt_policy_parse(&policy, "fuzz.yaml", data, size, &diag);
	fuzz_must((r == 0) == (policy != NULL), "a policy exactly on success");
	fuzz_must((r == 0) == (diag.errors == 0), "errors exactly on failure");
	if (policy) {
		print_and_read(policy);
		for (size_t i = 0; i < policy->stmt_count && i < 8; i++)
			open_times(&policy->stmts[i]);
		compile(policy);
	}
	zt_diag_free(&diag);
	return 0;
}
