/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow.c - changes of flows for clients that follow them: as many as they can take, the rest
 * counted.
 *
 * Making a line costs more than the flow did, so a busy host shows a sample: what is made is
 * bounded by time, what is kept for a client by bytes. Shown and skipped together are all that
 * match.
 */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "api/render.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"

#define SHOWN_PER_S 2000 /* lines made for one client */
#define SHOWN_BURST 4000
#define MESSAGE_MAX (32u << 10) /* lines that leave together */

/* A bucket that fills with time: bursts are shown whole, floods in part. */
static bool may_show(struct zt_client *c)
{
	uint64_t now_ns = zt_now_ns();
	uint64_t fresh = (now_ns - c->follow_ns) * SHOWN_PER_S / ZT_NS_PER_S;

	if (!c->follow_ns) {
		c->follow_ns = now_ns;
		c->follow_left = SHOWN_BURST;
	} else if (fresh) {
		c->follow_ns = now_ns;
		c->follow_left += fresh < SHOWN_BURST ? (unsigned int)fresh : SHOWN_BURST;
		if (c->follow_left > SHOWN_BURST)
			c->follow_left = SHOWN_BURST;
	}
	if (!c->follow_left)
		return false;
	c->follow_left--;
	return true;
}

static void skip(struct zt_client *c)
{
	c->skipped++;
	c->server->skipped++;
}

int zt_client_flush_changes(struct zt_client *client)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf message = ZT_STRBUF_INIT;
	int r;

	zt_strbuf_puts(&message, "{\"ok\":true,\"result\":{\"flows\":[");
	zt_strbuf_add(&message, client->changes.data, client->changes.len);
	zt_strbuf_printf(&message, "],\"skipped\":%llu}}", (unsigned long long)client->skipped);
	r = zt_strbuf_error(&message) ?: zt_client_send(client, message.data, message.len);
	if (r < 0)
		return r;
	client->skipped = client->change_count = 0;
	zt_strbuf_free(&client->changes);
	return 0;
}

/* Without memory all that waits is lost; it is counted as skipped. */
static void put_line(struct zt_client *c, const char *line)
{
	if (c->changes.len)
		zt_strbuf_puts(&c->changes, ",");
	zt_strbuf_puts(&c->changes, line);
	c->change_count++;
	if (!zt_strbuf_error(&c->changes))
		return;
	c->skipped += c->change_count;
	c->server->skipped += c->change_count;
	c->change_count = 0;
	zt_strbuf_free(&c->changes);
}

void zt_client_tell(struct zt_client *client, const struct zt_flow_item *item, const char *change,
		    char **line)
{
	zt_auto(zt_json_decref) json_t *flow = NULL;
	struct zt_strbuf *changes = &client->changes;

	if (client->out.len - client->sent + changes->len > ZT_FOLLOW_BACKLOG ||
	    !may_show(client)) {
		skip(client);
		return;
	}
	if (!*line) {
		flow = zt_render_flow(client->server->render, item, change);
		*line = flow ? json_dumps(flow, JSON_COMPACT) : NULL;
	}
	if (!*line) {
		skip(client);
		return;
	}
	put_line(client, *line);
	if (changes->len >= MESSAGE_MAX)
		zt_client_flush_changes(client);
	zt_client_wait(client);
}

void zt_client_follow_tick(struct zt_client *client)
{
	/* Nothing followed what was left out: it is told alone. */
	if (client->following && client->skipped && !client->changes.len &&
	    client->out.len == client->sent && !zt_client_flush_changes(client))
		zt_client_wait(client);
}
