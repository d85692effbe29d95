/* SPDX-License-Identifier: Apache-2.0 */
/* inventory.c - the sections that name endpoints: hosts and segments. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "policy/build.h"

static int host_addresses(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_host *host = object;

	return zt_read_nets(b, value, true, &host->addresses, &host->address_count);
}

static int host_labels(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_host *host = object;

	return zt_read_labels(b, value, &host->labels, &host->label_count);
}

static int segment_select(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_segment *segment = object;
	struct zt_loc loc = zt_node_loc(value);

	if (value->kind == ZT_NODE_MAPPING && !value->first) {
		zt_diag_error(b->diag, &loc, "an empty selector");
		zt_diag_remedy(b->diag, "name a label, or use the built-in segment 'any'");
		return 0;
	}
	return zt_read_labels(b, value, &segment->select, &segment->select_count);
}

static int segment_addresses(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_segment *segment = object;

	return zt_read_nets(b, value, false, &segment->addresses, &segment->address_count);
}

static int segment_except(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_segment *segment = object;

	return zt_read_nets(b, value, false, &segment->except, &segment->except_count);
}

static const struct zt_field host_fields[] = {
	{.key = "addresses", .read = host_addresses},
	{.key = "labels", .read = host_labels},
};

static const struct zt_field segment_fields[] = {
	{.key = "select", .read = segment_select},
	{.key = "addresses", .read = segment_addresses},
	{.key = "except", .read = segment_except},
};

/*
 * Checks and takes the name of a host or segment; *ret stays NULL after an
 * error. Returns -EEXIST, without noting it, for a name that is taken.
 */
static int read_declared(struct zt_builder *b, const struct zt_node *key, struct zt_strmap *names,
			 const char **ret)
{
	const char *name = NULL;
	bool is_new;
	int r;

	r = zt_read_name(b, key, "a name", &name);
	if (r < 0 || !name)
		return r;
	if (zt_strmap_intern(names, name, strlen(name), &is_new) == ZT_STRMAP_NONE)
		return -ENOMEM;
	if (!is_new)
		return -EEXIST;
	*ret = name;
	return 0;
}

static void note_twice(struct zt_builder *b, const struct zt_node *key, const char *what,
		       const struct zt_loc *first)
{
	struct zt_loc loc = zt_node_loc(key);

	zt_diag_error(b->diag, &loc, "%s '%s' is declared twice", what, key->text);
	zt_diag_remedy(b->diag, "the first one is at %s:%u:%u", first->file, first->line,
		       first->col);
}

static int read_host(struct zt_builder *b, const struct zt_node *key)
{
	struct zt_host host = {.loc = zt_node_loc(key)};
	uint32_t number;
	int r;

	r = read_declared(b, key, b->host_names, &host.name);
	if (r == -EEXIST) {
		number = zt_strmap_find(b->host_names, key->text, key->len);
		note_twice(b, key, "host", &b->hosts[number].loc);
		return 0;
	}
	if (r < 0 || !host.name)
		return r;
	r = zt_read_fields(b, key->next, "a host", host_fields, ARRAY_SIZE(host_fields), &host);
	if (r < 0)
		return r;
	if (zt_vec_grow(&b->hosts, &b->host_cap, b->host_count + 1, sizeof(host)) < 0)
		return -ENOMEM;
	b->hosts[b->host_count++] = host;
	return 0;
}

static int read_segment(struct zt_builder *b, const struct zt_node *key)
{
	struct zt_segment segment = {.loc = zt_node_loc(key)};
	size_t errors = b->diag->errors;
	uint32_t number;
	int r;

	if (key->kind == ZT_NODE_SCALAR && zt_end_builtin(key->text) != ZT_END_SEGMENT) {
		zt_diag_error(b->diag, &segment.loc, "'%s' is a built-in segment", key->text);
		zt_diag_remedy(b->diag, "choose another name");
		return 0;
	}
	r = read_declared(b, key, b->segment_names, &segment.name);
	if (r == -EEXIST) {
		number = zt_strmap_find(b->segment_names, key->text, key->len);
		note_twice(b, key, "segment", &b->segments[number].loc);
		return 0;
	}
	if (r < 0 || !segment.name)
		return r;
	r = zt_read_fields(b, key->next, "a segment", segment_fields, ARRAY_SIZE(segment_fields),
			   &segment);
	if (r < 0)
		return r;
	if (b->diag->errors == errors && !segment.select_count && !segment.address_count) {
		zt_diag_error(b->diag, &segment.loc, "segment '%s' names nothing", segment.name);
		zt_diag_remedy(b->diag, "add select: with labels, or addresses:");
	}
	if (zt_vec_grow(&b->segments, &b->segment_cap, b->segment_count + 1, sizeof(segment)) < 0)
		return -ENOMEM;
	b->segments[b->segment_count++] = segment;
	return 0;
}

static int read_section(struct zt_builder *b, const struct zt_node *node, const char *what,
			int (*read)(struct zt_builder *b, const struct zt_node *key))
{
	struct zt_loc loc = zt_node_loc(node);
	int r;

	if (zt_node_is_null(node))
		return 0; /* a section with nothing in it */
	if (node->kind != ZT_NODE_MAPPING) {
		zt_diag_error(b->diag, &loc, "a mapping of names to %s is expected here, not %s",
			      what, zt_node_what(node));
		return 0;
	}
	for (const struct zt_node *key = node->first; key && !zt_diag_full(b->diag);
	     key = key->next->next) {
		r = read(b, key);
		if (r < 0)
			return r;
	}
	return 0;
}

int zt_read_hosts(struct zt_builder *b, const struct zt_node *node)
{
	return read_section(b, node, "hosts", read_host);
}

int zt_read_segments(struct zt_builder *b, const struct zt_node *node)
{
	return read_section(b, node, "segments", read_segment);
}
