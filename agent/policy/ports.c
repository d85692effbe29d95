/* SPDX-License-Identifier: Apache-2.0 */
/* ports.c - lists of protocols and ports: read, merged, searched, written. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "policy/build.h"

static int by_first(const void *a, const void *b)
{
	const struct zt_port_range *ra = a, *rb = b;

	if (ra->first != rb->first)
		return ra->first < rb->first ? -1 : 1;
	return ra->last < rb->last ? -1 : ra->last > rb->last;
}

/* Protocols by number have no ranges in the language: each stays a run of its own. */
static bool joins(const struct zt_port_range *left, const struct zt_port_range *right)
{
	uint8_t proto_left, proto_right;
	uint16_t port;

	if (right->first <= left->last)
		return true;
	if (right->first != left->last + 1 || right->first >= ZT_PORT_PROTO)
		return false;
	zt_port_proto(left->last, &proto_left, &port);
	zt_port_proto(right->first, &proto_right, &port);
	return proto_left == proto_right;
}

static size_t merge(struct zt_port_range *ranges, size_t count)
{
	size_t n = 0;

	qsort(ranges, count, sizeof(*ranges), by_first);
	for (size_t i = 0; i < count; i++) {
		if (n && joins(&ranges[n - 1], &ranges[i])) {
			if (ranges[i].last > ranges[n - 1].last)
				ranges[n - 1].last = ranges[i].last;
			continue;
		}
		ranges[n++] = ranges[i];
	}
	return n;
}

int zt_read_ports(struct zt_builder *b, const struct zt_node *node, struct zt_ports *ret)
{
	const struct zt_node *e = node->kind == ZT_NODE_SEQUENCE ? node->first : node;
	struct zt_loc loc = zt_node_loc(node);
	struct zt_port_range *ranges;
	const char *why = NULL;
	size_t n = 0;

	if (node->kind == ZT_NODE_MAPPING || zt_node_is_null(node) || !e) {
		zt_diag_error(b->diag, &loc, "a list of ports is expected here, not %s",
			      e ? zt_node_what(node) : "an empty one");
		zt_diag_remedy(b->diag, "write ports: [tcp/443], or ports: [any]");
		return 0;
	}
	ranges = zt_arena_array(b->arena, node->kind == ZT_NODE_SEQUENCE ? node->len : 1,
				sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	for (; e; e = node->kind == ZT_NODE_SEQUENCE ? e->next : NULL) {
		loc = zt_node_loc(e);
		if (e->kind != ZT_NODE_SCALAR) {
			zt_diag_error(b->diag, &loc, "a port is expected here, not %s",
				      zt_node_what(e));
		} else if (zt_port_parse(e->text, &ranges[n], &why) < 0) {
			zt_diag_error(b->diag, &loc, "'%s' is not a port of a protocol", e->text);
			zt_diag_remedy(b->diag, "%s", why);
		} else {
			n++;
		}
	}
	ret->ranges = ranges;
	ret->count = merge(ranges, n);
	return 0;
}

bool zt_ports_has(const struct zt_ports *ports, uint32_t index)
{
	size_t low = 0, high = ports->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (ports->ranges[mid].last < index)
			low = mid + 1;
		else
			high = mid;
	}
	return low < ports->count && ports->ranges[low].first <= index;
}

void zt_ports_text(const struct zt_ports *ports, struct zt_strbuf *sb)
{
	char text[ZT_PORT_TEXT_LEN];

	for (size_t i = 0; i < ports->count; i++)
		zt_strbuf_printf(sb, "%s%s", i ? ", " : "", zt_port_text(&ports->ranges[i], text));
}
