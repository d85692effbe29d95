// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_cases.c - any bytes as a file of cases: read, or refused with an error that has a place.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/cases.h"
#include "fuzz.h"

const char *const fuzz_dirs[] = {"tests/fuzz/corpus/cases", NULL};

static const char policy_text[] =
	"version: 1\npolicy: small\nrevision: 3\nhosts:\n"
	"  web1: {addresses: [192.0.2.11, \"2001:db8::11\"], labels: {role: web}}\n"
	"  db1: {addresses: [192.0.2.21], labels: {role: db}}\n"
	"  bare: {labels: {role: none}}\n"
	"segments:\n  web: {select: {role: web}}\n  db: {select: {role: db}}\n";

static void check_case(const struct zt_case *c)
{
	fuzz_must(c->name && *c->name, "a case has a name");
	fuzz_must(c->port.first == c->port.last && c->port.last < ZT_PORT_COUNT, "one port");
	fuzz_must(c->expects[ZT_LIVE] || c->expects[ZT_CANDIDATE], "something is expected");
	for (int side = 0; side < 2; side++) {
		const struct zt_case_end *end = side ? &c->to : &c->from;

		fuzz_must(end->text != NULL, "an end has a name");
		fuzz_must(end->kind != ZT_CASE_HOST || (end->host && end->host->address_count),
			  "a host has an address");
	}
	for (size_t i = 1; i < c->label_count; i++)
		fuzz_must(strcmp(c->labels[i - 1].host, c->labels[i].host) <= 0, "labels sorted");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct zt_policy *policy;
	zt_auto(zt_cases_free) struct zt_cases *cases = NULL;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	int r;

	if (!policy)
		zt_policy_parse(&policy, "p", policy_text, sizeof(policy_text) - 1, NULL);
	fuzz_must(policy != NULL, "the policy reads");
	r = zt_cases_parse(&cases, "cases", (const char *)data, size, policy, &diag);
	fuzz_must(r == 0 || r == -EINVAL, "0 or -EINVAL");
	fuzz_must((r == 0) == (diag.errors == 0), "an error exactly when refused");
	fuzz_must((r == 0) == (cases != NULL), "cases exactly when read");
	for (size_t i = 0; cases && i < cases->count; i++)
		check_case(&cases->cases[i]);
	return 0;
}
