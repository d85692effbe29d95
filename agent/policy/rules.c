/* SPDX-License-Identifier: Apache-2.0 */
/* rules.c - rule names and their numbers. */
#include "policy/rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strmap.h"

struct zt_rule_names {
	struct zt_strmap *ids; /* id -> index into numbers */
	uint16_t numbers[ZT_RULES_MAX];
	char *names[ZT_RULES_MAX]; /* by number; NULL = not given out */
	uint32_t end;
};

void zt_rule_names_free(struct zt_rule_names **names)
{
	if (!*names)
		return;
	for (uint32_t i = 0; i < ZT_RULES_MAX; i++)
		free((*names)->names[i]);
	zt_strmap_free(&(*names)->ids);
	free(*names);
	*names = NULL;
}

static int put(struct zt_rule_names *names, uint32_t number, const char *id)
{
	char *copy = strdup(id);
	uint32_t index;

	if (!copy)
		return -ENOMEM;
	index = zt_strmap_intern(names->ids, id, strlen(id), NULL);
	if (index == ZT_STRMAP_NONE) {
		free(copy);
		return -ENOMEM;
	}
	names->numbers[index] = (uint16_t)number;
	names->names[number] = copy;
	if (number >= names->end)
		names->end = number + 1;
	return 0;
}

int zt_rule_names_new(struct zt_rule_names **ret)
{
	zt_auto(zt_rule_names_free) struct zt_rule_names *names = calloc(1, sizeof(*names));
	int r;

	if (!names)
		return -ENOMEM;
	r = zt_strmap_new(&names->ids);
	for (uint32_t i = 0; r == 0 && zt_rule_builtin(i); i++)
		r = put(names, i, zt_rule_builtin(i)->id);
	if (r < 0)
		return r;
	names->end = ZT_RULE_FIRST;
	*ret = zt_take(names);
	return 0;
}

int zt_rule_lookup(const struct zt_rule_names *names, const char *id)
{
	uint32_t index = zt_strmap_find(names->ids, id, strlen(id));

	return index == ZT_STRMAP_NONE ? -ENOENT : names->numbers[index];
}

int zt_rule_number(struct zt_rule_names *names, const char *id)
{
	uint32_t number = names->end;
	int r = zt_rule_lookup(names, id);

	if (r >= 0)
		return r;
	if (!id[0] || strlen(id) >= ZT_NAME_LEN)
		return -EINVAL;
	if (number >= ZT_RULES_MAX)
		return -ENOSPC;
	r = put(names, number, id);
	return r < 0 ? r : (int)number;
}

const char *zt_rule_name(const struct zt_rule_names *names, uint32_t number)
{
	return number < ZT_RULES_MAX ? names->names[number] : NULL;
}

int zt_rule_restore(struct zt_rule_names *names, uint32_t number, const char *id)
{
	int r = zt_rule_lookup(names, id);

	if (number < ZT_RULE_FIRST || number >= ZT_RULES_MAX || !id[0] || strlen(id) >= ZT_NAME_LEN)
		return -EINVAL;
	if (r == (int)number)
		return 0;
	if (r >= 0 || names->names[number])
		return -EEXIST;
	return put(names, number, id);
}

uint32_t zt_rule_end(const struct zt_rule_names *names)
{
	return names->end;
}
