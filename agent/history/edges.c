/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edges.c - one recorded edge with its names, by its id.
 */
#include <errno.h>
#include <string.h>

#include "history/cursor_priv.h"

#define STR(x)	#x
#define TEXT(x) STR(x)

static const char edge_sql[] =
	"SELECT s.addr, s.host, d.addr, d.host, e.near, e.proto, e.port, e.kind, e.encryption, e.app,"
	" so.unit, so.cgroup, so.exe, so.uid, so.user, so.exe_dev, so.flags,"
	" o.unit, o.cgroup, o.exe, o.uid, o.user, o.exe_dev, o.flags,"
	" l.name, c.name, e.live_action, e.cand_action "
	"FROM edge e JOIN node s ON s.id = e.src JOIN node d ON d.id = e.dst "
	"LEFT JOIN owner so ON so.id = e.src_owner LEFT JOIN owner o ON o.id = e.dst_owner "
	"JOIN rule l ON l.id = e.live_rule JOIN rule c ON c.id = e.cand_rule WHERE e.id = ?";

static const char hint_sql[] = "SELECT name, source, first_s, last_s FROM hint WHERE addr = ? "
			       "ORDER BY source, last_s DESC LIMIT " TEXT(ZT_HINTS_SHOWN);

enum column {
	C_SRC,
	C_SRC_HOST,
	C_DST,
	C_DST_HOST,
	C_NEAR,
	C_PROTO,
	C_PORT,
	C_KIND,
	C_ENCRYPTION,
	C_APP,
	C_SRC_OWNER,
	C_DST_OWNER = C_SRC_OWNER + 7,
	C_RULE = C_DST_OWNER + 7,
	C_ACTION = C_RULE + ZT_PLANE_COUNT,
};

int zt_hnames_open(struct zt_hnames *names, sqlite3 *db)
{
	if (sqlite3_prepare_v2(db, edge_sql, -1, &names->edge, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, hint_sql, -1, &names->hint, NULL) != SQLITE_OK)
		return zt_hdb_error(db, NULL);
	return 0;
}

void zt_hnames_close(struct zt_hnames *names)
{
	sqlite3_finalize(names->edge);
	sqlite3_finalize(names->hint);
}

static const char *text_at(sqlite3_stmt *q, int column)
{
	const char *text = (const char *)sqlite3_column_text(q, column);

	return text && *text ? text : NULL;
}

static void copy_field(sqlite3_stmt *q, int column, char *to, size_t size)
{
	const void *text = sqlite3_column_text(q, column);
	size_t len = (size_t)sqlite3_column_bytes(q, column);

	if (text)
		memcpy(to, text, len < size ? len : size);
}

/* Into @room; false: unknown. */
static bool read_owner(sqlite3_stmt *q, int at, struct zt_owner *room)
{
	if (sqlite3_column_type(q, at) == SQLITE_NULL)
		return false;
	memset(room, 0, sizeof(*room));
	copy_field(q, at, room->unit, sizeof(room->unit));
	copy_field(q, at + 1, room->cgroup, sizeof(room->cgroup));
	copy_field(q, at + 2, room->exe, sizeof(room->exe));
	room->uid = (uint32_t)sqlite3_column_int64(q, at + 3);
	room->exe_dev = (uint32_t)sqlite3_column_int64(q, at + 5);
	room->flags = (uint32_t)sqlite3_column_int64(q, at + 6);
	return true;
}

/* The near end of one edge is mostly that of the next: kept until another address is asked for. */
static int read_hints(sqlite3_stmt *q, sqlite3 *db, struct zt_hnames_hints *room,
		      struct zt_history_end *end)
{
	int code = SQLITE_DONE;

	if (!room->known || memcmp(&room->addr, &end->addr, sizeof(end->addr))) {
		room->addr = end->addr;
		room->count = 0;
		sqlite3_bind_blob(q, 1, room->addr.bytes, sizeof(room->addr.bytes), SQLITE_STATIC);
		while (room->count < ZT_HINTS_SHOWN && (code = sqlite3_step(q)) == SQLITE_ROW) {
			char *text = room->texts[room->count];

			memset(text, 0, sizeof(room->texts[0]));
			copy_field(q, 0, text, sizeof(room->texts[0]) - 1);
			room->hints[room->count++] = (struct zt_history_hint){
				.name = text,
				.source = (uint8_t)sqlite3_column_int(q, 1),
				.first_s = sqlite3_column_int64(q, 2),
				.last_s = sqlite3_column_int64(q, 3),
			};
		}
		sqlite3_reset(q);
		room->known = code == SQLITE_DONE || code == SQLITE_ROW;
		if (!room->known)
			return zt_hdb_error(db, NULL);
	}
	end->hints = room->hints;
	end->hint_count = room->count;
	return 0;
}

static int read_end(struct zt_hnames *names, sqlite3 *db, int i, int addr, int owner,
		    struct zt_history_end *ret)
{
	sqlite3_stmt *q = names->edge;

	if (sqlite3_column_bytes(q, addr) != sizeof(ret->addr.bytes))
		return -EBADMSG;
	memcpy(ret->addr.bytes, sqlite3_column_blob(q, addr), sizeof(ret->addr.bytes));
	ret->host = text_at(q, addr + 1);
	ret->near = sqlite3_column_int(q, C_NEAR) & (i ? ZT_HDB_DST_NEAR : ZT_HDB_SRC_NEAR);
	if (read_owner(q, owner, &names->owners[i])) {
		ret->owner = &names->owners[i];
		ret->user = text_at(q, owner + 4);
	}
	return read_hints(names->hint, db, &names->hints[i], ret);
}

static void set_sums(const struct zt_hsum *sum, struct zt_history_edge *ret)
{
	ret->connections = sum->connections;
	ret->first_s = sum->first_s;
	ret->last_s = sum->last_s;
	memcpy(ret->bytes, sum->bytes, sizeof(ret->bytes));
	memcpy(ret->packets, sum->packets, sizeof(ret->packets));
	ret->health.refused = sum->refused;
	ret->health.unanswered = sum->unanswered;
	ret->health.resets = sum->resets;
	ret->health.retransmits = sum->retransmits;
	if (sum->rtt)
		ret->health.rtt = *sum->rtt;
}

static int read_edge(struct zt_hnames *names, sqlite3 *db, const struct zt_hsum *sum)
{
	struct zt_history_edge *ret = &names->at;
	sqlite3_stmt *q = names->edge;
	int r;

	*ret = (struct zt_history_edge){
		.proto = (uint8_t)sqlite3_column_int(q, C_PROTO),
		.kind = (uint8_t)sqlite3_column_int(q, C_KIND),
		.encryption = (uint8_t)sqlite3_column_int(q, C_ENCRYPTION),
		.app = (uint8_t)sqlite3_column_int(q, C_APP),
		.port = (uint16_t)sqlite3_column_int(q, C_PORT),
	};
	set_sums(sum, ret);
	for (int p = 0; p < ZT_PLANE_COUNT; p++) {
		ret->rule[p] = (const char *)sqlite3_column_text(q, C_RULE + p);
		ret->action[p] = (uint8_t)sqlite3_column_int(q, C_ACTION + p);
	}
	r = read_end(names, db, 0, C_SRC, C_SRC_OWNER, &ret->src);
	return r < 0 ? r : read_end(names, db, 1, C_DST, C_DST_OWNER, &ret->dst);
}

int zt_hnames_read(struct zt_hnames *names, sqlite3 *db, int64_t id, const struct zt_hsum *sum)
{
	int code, r;

	sqlite3_bind_int64(names->edge, 1, id);
	code = sqlite3_step(names->edge);
	if (code == SQLITE_ROW) {
		r = read_edge(names, db, sum);
		return r < 0 ? r : 1;
	}
	r = code == SQLITE_DONE ? 0 : zt_hdb_error(db, NULL);
	zt_hnames_done(names);
	return r;
}

void zt_hnames_done(struct zt_hnames *names)
{
	sqlite3_reset(names->edge);
}
