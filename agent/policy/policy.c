/* SPDX-License-Identifier: Apache-2.0 */
/* policy.c - a finished policy: release it, find hosts in it. */
#include "policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/strmap.h"

void zt_policy_free(struct zt_policy **policy)
{
	struct zt_arena *arena;
	struct zt_source *next;

	if (!*policy)
		return;
	for (struct zt_source *s = (*policy)->sources; s; s = next) {
		next = s->next;
		free(s->name);
		free(s->text);
		free(s);
	}
	arena = (*policy)->arena;
	zt_arena_free(&arena);
	free(*policy);
	*policy = NULL;
}

void zt_policy_drop_text(struct zt_policy *policy)
{
	for (struct zt_source *s = policy->sources; s; s = s->next)
		zt_freep(&s->text);
}

const struct zt_host *zt_policy_host(const struct zt_policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->host_count; i++)
		if (strcmp(policy->hosts[i].name, name) == 0)
			return &policy->hosts[i];
	return NULL;
}

const struct zt_host *zt_policy_host_at(const struct zt_policy *policy, const struct zt_addr *addr)
{
	for (size_t i = 0; i < policy->host_count; i++)
		for (size_t a = 0; a < policy->hosts[i].address_count; a++)
			if (memcmp(policy->hosts[i].addresses[a].key.bytes, addr->bytes,
				   sizeof(addr->bytes)) == 0)
				return &policy->hosts[i];
	return NULL;
}

/* Whose each local address is: hosts[its number]; an address of several hosts tells nothing. */
static void claim(const struct zt_policy *policy, const struct zt_strmap *own,
		  const struct zt_host **hosts, bool *shared)
{
	for (size_t i = 0; i < policy->host_count; i++)
		for (size_t a = 0; a < policy->hosts[i].address_count; a++) {
			const struct zt_host *host = &policy->hosts[i];
			const __u8 *bytes = host->addresses[a].key.bytes;
			uint32_t n = zt_strmap_find(own, bytes, sizeof(struct zt_addr));

			if (n == ZT_STRMAP_NONE)
				continue;
			shared[n] |= hosts[n] && hosts[n] != host;
			hosts[n] = host;
		}
}

int zt_host_match(const struct zt_policy *policy, const struct zt_addr *locals, size_t local_count,
		  const struct zt_host **ret_host)
{
	zt_auto(zt_strmap_free) struct zt_strmap *own = NULL;
	zt_auto(zt_freep) const struct zt_host **hosts = NULL;
	zt_auto(zt_freep) bool *shared = NULL;
	const struct zt_host *found = NULL;
	bool any_shared = false;

	hosts = calloc(local_count + 1, sizeof(*hosts));
	shared = calloc(local_count + 1, sizeof(*shared));
	if (!hosts || !shared || zt_strmap_new(&own) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < local_count; i++)
		if (!zt_addr_is_loopback(&locals[i]) &&
		    zt_strmap_intern(own, &locals[i], sizeof(locals[i]), NULL) == ZT_STRMAP_NONE)
			return -ENOMEM;
	claim(policy, own, hosts, shared);
	for (uint32_t n = 0; n < zt_strmap_count(own); n++) {
		any_shared |= shared[n];
		if (!hosts[n] || shared[n])
			continue;
		if (found && found != hosts[n])
			return -ENOTUNIQ;
		found = hosts[n];
	}
	if (!found)
		return any_shared ? -ENOTUNIQ : -ENOENT;
	*ret_host = found;
	return 0;
}
