// SPDX-License-Identifier: Apache-2.0
/* crypto.c - the checks of encryption in transit (item 3-4), and what they share. */
#include <string.h>

#include "ctl/checks/crypto.h"

const char *ztc_member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

int64_t ztc_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

bool ztc_is(const json_t *object, const char *key, const char *text)
{
	return strcmp(ztc_member(object, key), text) == 0;
}

bool ztc_not_seen(const json_t *row)
{
	return ztc_is(row, "state", "not_reached") || ztc_is(row, "state", "skipped") ||
	       ztc_is(row, "state", "unreachable");
}

enum ztc_state ztc_worse(enum ztc_state a, enum ztc_state b)
{
	return a > b ? a : b;
}

const struct ztc_check ztc_checks_crypto[] = {
	{"ZTS-3.4-01", ztc_judge_encrypted_share},
	{"ZTS-3.4-02", ztc_judge_clear_text},
	{"ZTS-3.4-03", ztc_judge_tls},
	{"ZTS-3.4-04", ztc_judge_ssh},
	{"ZTS-3.4-05", ztc_judge_tunnels},
	{"ZTS-3.4-06", ztc_judge_required},
	{"ZTS-3.4-07", ztc_judge_keys},
	{0},
};
