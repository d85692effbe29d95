/* SPDX-License-Identifier: Apache-2.0 */
/* relabel.c - changed labels of other hosts as a few rows. */
#include "policy/relabel.h"

#include <errno.h>
#include <stdlib.h>

bool zt_patch_empty(const struct zt_patch *p)
{
	return !p->addr_count && !p->step_count && !p->pair_count && !p->cell_index_count &&
	       !p->cell_count && !p->qrule_count && !p->meta;
}

void zt_patch_free(struct zt_patch **patch)
{
	struct zt_patch *p = *patch;

	if (!p)
		return;
	free(p->addrs);
	free(p->steps);
	free(p->pairs);
	free(p->cell_index);
	free(p->cells);
	free(p->qrules);
	free(p);
	*patch = NULL;
}

int zt_tables_relabel(struct zt_tables *t, const struct zt_policy *policy,
		      const struct zt_compile_env *env, const char *const *hosts, size_t count,
		      struct zt_patch **ret)
{
	(void)t;
	(void)policy;
	(void)env;
	(void)hosts;
	(void)count;
	(void)ret;
	return -EAGAIN; /* always in full, for now */
}
