/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml.h - YAML text to a plain tree in which every node knows its place.
 *
 * For this room and for inventories in ztctl. Only what a policy needs: mappings, sequences and
 * scalars. Aliases, anchors, tags and several documents are refused, so that a
 * small file cannot stand for a large tree. Depth and node count are bounded.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "policy/diag.h"

enum zt_node_kind {
	ZT_NODE_SCALAR,
	ZT_NODE_SEQUENCE,
	ZT_NODE_MAPPING,
};

struct zt_node {
	struct zt_node *next; /* sibling; in a mapping keys and values take turns */
	union {
		struct zt_node *first; /* child */
		const char *text;      /* scalar, with a NUL behind it */
	};
	const char *file;
	unsigned int line;
	unsigned int col;
	uint32_t len; /* of the text; of others the number of children (values of a mapping) */
	uint8_t kind; /* enum zt_node_kind */
	bool plain;   /* scalar without quotes */
};

/**
 * zt_yaml_parse - read one document.
 * @src:      its text and name; must outlive the tree.
 * @arena:    owns the tree.
 * @ret_root: NULL when the document is empty.
 *
 * Returns 0, -EINVAL (@diag says where) or -ENOMEM.
 */
int zt_yaml_parse(const struct zt_source *src, struct zt_arena *arena, struct zt_node **ret_root,
		  struct zt_diag *diag);

/** zt_node_loc - where it starts. */
static inline struct zt_loc zt_node_loc(const struct zt_node *node)
{
	return (struct zt_loc){.file = node->file, .line = node->line, .col = node->col};
}

/** zt_node_is_null - nothing, "~" or "null". */
bool zt_node_is_null(const struct zt_node *node);

/** zt_node_what - "a mapping", "a list", "nothing" or "a value"; for messages. */
const char *zt_node_what(const struct zt_node *node);
