/* SPDX-License-Identifier: Apache-2.0 */
/* tables.c - compiled tables: release, order, digest, and names for people. */
#include "policy/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "policy/lower.h"

void zt_tables_free(struct zt_tables **tables)
{
	struct zt_tables *t = *tables;

	if (!t)
		return;
	free(t->addrs);
	free(t->nets);
	free(t->pairs);
	free(t->ports);
	free(t->cell_index);
	free(t->cells);
	free(t->quals);
	free(t->qrules);
	free(t->steps);
	free(t->windows);
	free(t->policy_name);
	free(t->candidate_name);
	free(t->host);
	if (t->people) {
		zt_atoms_free(&t->people->atoms);
		zt_directory_free(&t->people->dir);
		free(t->people->near_keep);
		free(t->people->far_keep);
		free(t->people->near_sets);
		free(t->people->far_sets);
		zt_arena_free(&t->people->arena);
		free(t->people);
	}
	free(t);
	*tables = NULL;
}

/* Rows begin with their key; order is that of the key's bytes. */
#define ROW_ORDER(name, type)                                                                      \
	static int name(const void *a, const void *b)                                              \
	{                                                                                          \
		return memcmp(a, b, sizeof(((struct type *)0)->key));                              \
	}

ROW_ORDER(by_addr, zt_addr_row)
ROW_ORDER(by_net, zt_net_row)
ROW_ORDER(by_pair, zt_pair_row)
ROW_ORDER(by_cell, zt_cell_row)
ROW_ORDER(by_qual, zt_qual_row)
ROW_ORDER(by_qrule, zt_qrule_row)

static void sort(void *rows, size_t count, size_t size, int (*order)(const void *, const void *))
{
	if (count > 1)
		qsort(rows, count, size, order);
}

void zt_tables_sort(struct zt_tables *t)
{
	sort(t->addrs, t->addr_count, sizeof(*t->addrs), by_addr);
	sort(t->nets, t->net_count, sizeof(*t->nets), by_net);
	sort(t->pairs, t->pair_count, sizeof(*t->pairs), by_pair);
	sort(t->cell_index, t->cell_index_count, sizeof(*t->cell_index), by_cell);
	sort(t->quals, t->qual_count, sizeof(*t->quals), by_qual);
	sort(t->qrules, t->qrule_count, sizeof(*t->qrules), by_qrule);
}

static void add_rows(struct zt_digest *d, const void *rows, size_t count, size_t size)
{
	uint64_t n = count;

	zt_digest_add(d, &n, sizeof(n));
	zt_digest_add(d, rows, count * size);
}

int zt_tables_digest(const struct zt_tables *t, uint8_t ret[32])
{
	zt_auto(zt_digest_free) struct zt_digest *d = NULL;
	struct zt_slot_meta meta = t->meta;
	int r = zt_digest_new(&d);

	if (r < 0)
		return r;
	add_rows(d, t->addrs, t->addr_count, sizeof(*t->addrs));
	add_rows(d, t->nets, t->net_count, sizeof(*t->nets));
	add_rows(d, t->pairs, t->pair_count, sizeof(*t->pairs));
	add_rows(d, t->cell_index, t->cell_index_count, sizeof(*t->cell_index));
	add_rows(d, t->cells, t->cell_count, sizeof(*t->cells));
	add_rows(d, t->quals, t->qual_count, sizeof(*t->quals));
	add_rows(d, t->qrules, t->qrule_count, sizeof(*t->qrules));
	add_rows(d, t->steps, t->step_count, sizeof(*t->steps));
	add_rows(d, t->windows, t->window_count, sizeof(*t->windows));
	zt_digest_add(d, t->ports, ZT_PORT_BLOCKS * sizeof(*t->ports));
	memset(meta.digest, 0, sizeof(meta.digest));
	zt_digest_add(d, &meta, sizeof(meta));
	return zt_digest_end(d, ret);
}

static const struct zt_rule_info *rule_of(const struct zt_tables *t, uint32_t number, size_t layer)
{
	const struct zt_tables_people *p = t->people;
	uint32_t place = 0;

	if (p && p->info_of[layer] && number >= ZT_RULE_FIRST &&
	    number - ZT_RULE_FIRST < p->info_count)
		place = p->info_of[layer][number - ZT_RULE_FIRST];
	if (!place)
		return NULL;
	return layer ? &t->candidate_rules[place - 1] : &t->rules[place - 1];
}

const struct zt_rule_info *zt_tables_rule_in(const struct zt_tables *t, uint32_t number, int plane)
{
	return rule_of(t, number, plane == ZT_CANDIDATE && t->candidate_name ? 1 : 0);
}

const struct zt_rule_info *zt_tables_rule(const struct zt_tables *t, uint32_t number)
{
	const struct zt_rule_info *info = zt_tables_rule_in(t, number, ZT_LIVE);

	return info ?: zt_tables_rule_in(t, number, ZT_CANDIDATE);
}

size_t zt_tables_segments(const struct zt_tables *t, const struct zt_addr *addr, bool near,
			  const char **ret_names, size_t max)
{
	const struct zt_tables_people *p = t->people;
	const struct zt_dir_node *node = zt_directory_find(&p->dir, addr);
	uint32_t own = node ? node->set : p->dir.unknown_set;
	uint32_t host = near ? p->dir.host_set : 0;
	uint32_t unknown = p->atoms.layer[0].unknown;
	size_t n_own, n_host, n = 0, i = 0, j = 0;
	const uint32_t *a = zt_sets_get(p->atoms.sets, own, &n_own);
	const uint32_t *b = zt_sets_get(p->atoms.sets, host, &n_host);

	while (i < n_own || j < n_host) {
		uint32_t atom;

		if (j == n_host || (i < n_own && a[i] < b[j])) {
			atom = a[i++];
		} else {
			atom = b[j++];
			i += i < n_own && a[i] == atom;
		}
		/* Prefixes of a failsafe have no name; a host in a segment is not unknown. */
		if (!p->names[atom] || (atom == unknown && n_host && b[0] < unknown))
			continue;
		if (n < max)
			ret_names[n] = p->names[atom];
		n++;
	}
	return n;
}
