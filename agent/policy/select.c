/* SPDX-License-Identifier: Apache-2.0 */
/* select.c - which segments select which hosts, by labels. */
#include "policy/select.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strmap.h"
#include "base/vec.h"

/* Labels as numbers while groups are formed. */
struct maker {
	const struct zt_policy *policy;
	struct zt_strmap *pairs;  /* "key=value" -> number; keys hold no '=' */
	struct zt_strmap *groups; /* sorted pair numbers -> group */
	struct zt_seg_list *with; /* pair -> groups that have it */
	uint32_t *scratch;
	size_t scratch_cap;
};

static void maker_free(struct maker *m)
{
	for (size_t i = 0; m->with && i < zt_strmap_count(m->pairs); i++)
		free(m->with[i].items);
	free(m->with);
	free(m->scratch);
	zt_strmap_free(&m->pairs);
	zt_strmap_free(&m->groups);
}

void zt_selection_free(struct zt_selection *s)
{
	for (size_t i = 0; s->segments_of_group && i < s->group_count; i++)
		free(s->segments_of_group[i].items);
	free(s->segments_of_group);
	free(s->hosts_in_group);
	free(s->group_of_host);
	*s = (struct zt_selection){0};
}

static int push(struct zt_seg_list *list, uint32_t item)
{
	if (zt_vec_grow(&list->items, &list->cap, list->count + 1, sizeof(item)) < 0)
		return -ENOMEM;
	list->items[list->count++] = item;
	return 0;
}

static uint32_t pair_number(struct maker *m, const struct zt_label *label, bool add)
{
	char text[2 * ZT_NAME_LEN + 2];
	size_t key = strlen(label->key), value = strlen(label->value);

	/* The reader lets no longer labels in. */
	if (key + value + 1 > sizeof(text))
		return ZT_STRMAP_NONE;
	memcpy(text, label->key, key);
	text[key] = '=';
	memcpy(text + key + 1, label->value, value);
	return add ? zt_strmap_intern(m->pairs, text, key + value + 1, NULL)
		   : zt_strmap_find(m->pairs, text, key + value + 1);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int group_labels(struct maker *m, const struct zt_label *labels, size_t count,
			uint32_t *ret_group)
{
	if (zt_vec_grow(&m->scratch, &m->scratch_cap, count, sizeof(*m->scratch)) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		m->scratch[i] = pair_number(m, &labels[i], true);
		if (m->scratch[i] == ZT_STRMAP_NONE)
			return -ENOMEM;
	}
	if (count)
		qsort(m->scratch, count, sizeof(*m->scratch), by_number);
	*ret_group = zt_strmap_intern(m->groups, m->scratch, count * sizeof(*m->scratch), NULL);
	return *ret_group == ZT_STRMAP_NONE ? -ENOMEM : 0;
}

static int group_host(struct maker *m, size_t host, const struct zt_timeline *times,
		      struct zt_selection *s)
{
	const struct zt_host *h = &m->policy->hosts[host];
	const struct zt_host_times *over = zt_timeline_find(times, host);
	int r = 0;

	if (!over)
		return group_labels(m, h->labels, h->label_count, &s->group_of_host[host]);
	for (size_t i = 0; i < over->phase_count && r == 0; i++)
		r = group_labels(m, over->phases[i].labels, over->phases[i].label_count,
				 &over->phases[i].group);
	s->group_of_host[host] = over->phases[0].group;
	return r;
}

static int index_groups(struct maker *m)
{
	m->with = calloc(zt_strmap_count(m->pairs) + 1, sizeof(*m->with));
	if (!m->with)
		return -ENOMEM;
	for (uint32_t group = 0; group < zt_strmap_count(m->groups); group++) {
		size_t len;
		const char *key = zt_strmap_key(m->groups, group, &len);

		for (size_t at = 0; at < len; at += sizeof(uint32_t)) {
			uint32_t pair;

			memcpy(&pair, key + at, sizeof(pair));
			if (push(&m->with[pair], group) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static bool group_has(const struct maker *m, uint32_t group, uint32_t pair)
{
	size_t len;
	const char *key = zt_strmap_key(m->groups, group, &len);

	for (size_t at = 0; at < len; at += sizeof(pair))
		if (memcmp(key + at, &pair, sizeof(pair)) == 0)
			return true;
	return false;
}

/* Adds the number of a segment or condition to every group that has all the labels. */
static int select_groups(struct maker *m, const struct zt_label *labels, size_t count,
			 uint32_t number, struct zt_selection *s)
{
	const struct zt_seg_list *shortest = NULL;

	if (zt_vec_grow(&m->scratch, &m->scratch_cap, count, sizeof(*m->scratch)) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		m->scratch[i] = pair_number(m, &labels[i], false);
		if (m->scratch[i] == ZT_STRMAP_NONE)
			return 0; /* no host has it */
		if (!shortest || m->with[m->scratch[i]].count < shortest->count)
			shortest = &m->with[m->scratch[i]];
	}
	for (size_t g = 0; shortest && g < shortest->count; g++) {
		bool all = true;

		for (size_t i = 0; i < count && all; i++)
			all = group_has(m, shortest->items[g], m->scratch[i]);
		if (all && push(&s->segments_of_group[shortest->items[g]], number) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int select_all(struct maker *m, const struct zt_label_cond *conds, size_t cond_count,
		      struct zt_selection *s)
{
	const struct zt_policy *policy = m->policy;
	int r = 0;

	for (uint32_t i = 0; i < policy->segment_count && r == 0; i++)
		if (policy->segments[i].select_count)
			r = select_groups(m, policy->segments[i].select,
					  policy->segments[i].select_count, i, s);
	for (uint32_t i = 0; i < cond_count && r == 0; i++)
		r = select_groups(m, conds[i].labels, conds[i].count,
				  (uint32_t)policy->segment_count + i, s);
	return r;
}

int zt_selection_over(const struct zt_policy *policy, struct zt_timeline *times,
		      const struct zt_label_cond *conds, size_t cond_count,
		      struct zt_selection *ret)
{
	zt_auto(zt_selection_free) struct zt_selection s = {0};
	zt_auto(maker_free) struct maker m = {.policy = policy};
	int r = 0;

	if (zt_strmap_new(&m.pairs) < 0 || zt_strmap_new(&m.groups) < 0)
		return -ENOMEM;
	s.group_of_host = calloc(policy->host_count + 1, sizeof(*s.group_of_host));
	if (!s.group_of_host)
		return -ENOMEM;
	for (size_t i = 0; i < policy->host_count && r == 0; i++)
		r = group_host(&m, i, times, &s);
	if (r < 0 || index_groups(&m) < 0)
		return -ENOMEM;

	s.group_count = zt_strmap_count(m.groups);
	s.hosts_in_group = calloc(s.group_count + 1, sizeof(*s.hosts_in_group));
	s.segments_of_group = calloc(s.group_count + 1, sizeof(*s.segments_of_group));
	if (!s.hosts_in_group || !s.segments_of_group)
		return -ENOMEM;
	for (size_t i = 0; i < policy->host_count; i++)
		s.hosts_in_group[s.group_of_host[i]]++;
	r = select_all(&m, conds, cond_count, &s);
	if (r < 0)
		return r;
	*ret = s;
	s = (struct zt_selection){0};
	return 0;
}

int zt_selection_make(const struct zt_policy *policy, struct zt_selection *ret)
{
	struct zt_timeline none = {0};

	return zt_selection_over(policy, &none, NULL, 0, ret);
}

bool zt_labels_hold(const struct zt_label *asked, size_t asked_count, const struct zt_label *have,
		    size_t have_count)
{
	size_t at = 0;

	for (size_t i = 0; i < asked_count; i++) {
		while (at < have_count && strcmp(have[at].key, asked[i].key) < 0)
			at++;
		if (at == have_count || strcmp(have[at].key, asked[i].key) ||
		    strcmp(have[at].value, asked[i].value))
			return false;
	}
	return true;
}
