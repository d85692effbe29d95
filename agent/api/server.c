/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c - the control socket: connections, followers, names.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-event.h>

#include "api/internal.h"
#include "api/map_text.h"
#include "api/names.h"
#include "api/owner.h"
#include "api/procs.h"
#include "api/render.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/time.h"
#include "datapath/datapath.h"
#include "datapath/intent.h"
#include "name/cache.h"

#define MAX_CLIENTS   64
#define KEPT_FOR_ROOT 8 /* readers may not take every place */
#define IDLE_MS	      60000
#define TICK_US	      (1000 * 1000)
#define BACKLOG	      64
#define LEARN_PER_S   500

_Static_assert((int)ZT_TABLE_FLOWS == (int)ZT_IN_FLOWS &&
		       (int)ZT_TABLE_OPENINGS == (int)ZT_IN_OPENINGS,
	       "the flow room numbers tables as the datapath does");

/* --- the collector's view of a datapath --------------------------------------------- */

static int source_walk(void *ctx, struct zt_flow_walk *walk, size_t budget, zt_flow_visit_fn visit,
		       void *data)
{
	struct zt_flow_scan scan = {
		.table = walk->table,
		.done = walk->done,
		.started = walk->started,
		.token = walk->token,
		.seen = walk->seen,
	};
	int r = zt_dp_flow_scan(ctx, &scan, budget, visit, data);

	walk->done = scan.done;
	walk->started = scan.started;
	walk->token = scan.token;
	walk->seen = scan.seen;
	return r;
}

static int source_get(void *ctx, uint32_t table, const struct zt_flow_key *key, struct zt_flow *ret)
{
	return zt_dp_flow_get(ctx, table, key, ret);
}

static int source_take(void *ctx, uint32_t table, const struct zt_flow_key *key,
		       struct zt_flow *ret)
{
	return zt_dp_flow_take(ctx, table, key, ret);
}

static int source_counters(void *ctx, struct zt_count ret[ZT_C_COUNT])
{
	return zt_dp_counters(ctx, ret);
}

static uint64_t source_now(void *ctx)
{
	(void)ctx;
	return zt_now_ns();
}

static uint64_t source_size(void *ctx, uint32_t table)
{
	return zt_dp_flow_room(ctx, table);
}

static void source_follow(void *ctx, bool on)
{
	zt_dp_follow(ctx, on);
}

void zt_api_flow_source(struct zt_dp *dp, struct zt_flow_source *ret)
{
	*ret = (struct zt_flow_source){
		.walk = source_walk,
		.get = source_get,
		.take = source_take,
		.counters = source_counters,
		.now = source_now,
		.ctx = dp,
		.follow = source_follow,
		.size = source_size,
	};
}

/* --- names ---------------------------------------------------------------------------- */

static int read_owner(void *ctx, uint32_t index, struct zt_owner *ret_owner)
{
	const struct zt_api_server *server = ctx;

	return zt_dp_owner(server->ctx.dp, index, ret_owner);
}

static int read_command(void *ctx, uint32_t index, struct zt_owner_cmd *ret)
{
	const struct zt_api_server *server = ctx;

	return zt_dp_owner_cmd(server->ctx.dp, index, ret);
}

static size_t read_hints(void *ctx, const struct zt_addr *addr, struct zt_hint ret[ZT_HINTS_MAX])
{
	const struct zt_api_server *server = ctx;

	return server->ctx.hints ? zt_hints_get(server->ctx.hints, addr, zt_now_ns(), ret) : 0;
}

int zt_server_refresh(struct zt_api_server *server)
{
	const struct zt_api_ctx *ctx = &server->ctx;
	struct zt_names_from from = {
		.owner = read_owner,
		.command = read_command,
		.labels = ctx->labels,
		.hints = read_hints,
		.ctx = server,
	};
	struct zt_intent_state state;

	zt_intent_state(ctx->intent, &state);
	from.policy = zt_intent_policy(ctx->intent);
	from.tables = zt_intent_tables(ctx->intent);
	from.rules = zt_dp_rule_names(ctx->dp);
	from.this_host = state.host;
	from.locals = zt_dp_locals(ctx->dp, &from.local_count);
	return zt_names_set(server->names, &from);
}

/* --- followers -------------------------------------------------------------------------- */

static const char *const change_names[] = {
	[ZT_CHANGE_NEW] = "new",	 [ZT_CHANGE_VERDICT] = "verdict",
	[ZT_CHANGE_UPDATE] = "update",	 [ZT_CHANGE_ENDED] = "ended",
	[ZT_CHANGE_REFUSED] = "refused", [ZT_CHANGE_POSTURE] = "posture",
};

/* A short-lived process is only there when its flow begins: look now, but not without end. */
static void learn(struct zt_api_server *server, const struct zt_flow_item *item)
{
	if (item->flow.first_ns - server->learn_ns > ZT_NS_PER_S) {
		server->learn_ns = item->flow.first_ns;
		server->learn = LEARN_PER_S;
	}
	if (!server->learn)
		return;
	server->learn--;
	zt_render_learn(server->render, item);
}

/* Thousands of changes come in one turn of the loop; policy changes between two. */
static int refresh_once(struct zt_api_server *server)
{
	uint64_t turn = 0;
	int r = sd_event_get_iteration(server->ctx.event, &turn);

	if (r >= 0 && turn == server->named_at)
		return 0;
	server->named_at = turn;
	return zt_server_refresh(server);
}

static void on_change(enum zt_flow_change change, const struct zt_flow_item *item, void *data)
{
	struct zt_api_server *server = data;
	zt_auto(zt_freep) char *line = NULL;

	if (change == ZT_CHANGE_NEW || change == ZT_CHANGE_REFUSED)
		learn(server, item);
	if (!server->followers || refresh_once(server) < 0)
		return;
	for (struct zt_client *c = server->clients; c; c = c->next) {
		if (!c->following)
			continue;
		c->filter.names = zt_names_get(server->names);
		c->filter.users = server->users;
		if (zt_filter_flow(&c->filter, item))
			zt_client_tell(c, item, change_names[change], &line);
	}
}

/* --- connections ------------------------------------------------------------------------ */

void zt_server_follow(struct zt_api_server *server, struct zt_client *client, bool on)
{
	if (client->following == on)
		return;
	client->following = on;
	server->followers += on ? 1 : -1;
	if (server->followers == on && !server->detached)
		zt_collector_watch(server->ctx.collector, on);
}

void zt_server_drop(struct zt_api_server *server, struct zt_client *client)
{
	struct zt_client **link = &server->clients;
	bool quits = client->quits;

	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	server->client_count--;
	zt_server_follow(server, client, false);
	zt_client_free(&client);
	if (quits && server->ctx.quit)
		server->ctx.quit(server->ctx.ctx);
}

/* The reply to a connection that is not served; it fits an empty socket buffer. */
static void refuse(struct zt_api_server *server, int fd, const char *why)
{
	zt_auto(zt_json_decref) json_t *reply = json_pack("{s:b, s:{s:i, s:s}}", "ok", 0, "error",
							  "code", ZT_CODE_FAILED, "message", why);
	zt_auto(zt_freep) char *text = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
	uint8_t frame[1024];
	size_t len = text ? strlen(text) : 0;

	server->refused++;
	if (!len || len > sizeof(frame) - ZT_WIRE_HEADER)
		return;
	zt_wire_put_header(frame, len, false);
	memcpy(frame + ZT_WIRE_HEADER, text, len);
	if (send(fd, frame, ZT_WIRE_HEADER + len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		zt_log(ZT_DEBUG, "a refused client has left: %s", strerror(errno));
	shutdown(fd, SHUT_WR);
}

static bool is_welcome(struct zt_api_server *server, int fd, const struct zt_peer *peer)
{
	size_t places = server->max_clients;
	char why[256];

	if (peer->may == ZT_MAY_NOTHING) {
		snprintf(why, sizeof(why),
			 "user %u may not talk to this agent: become root, or join group %s (to "
			 "read) or %s (to change)",
			 peer->uid, server->access.read_group, server->access.admin_group);
		refuse(server, fd, why);
		return false;
	}
	if (peer->may != ZT_MAY_CHANGE && places > KEPT_FOR_ROOT)
		places -= KEPT_FOR_ROOT;
	if (server->client_count < places)
		return true;
	refuse(server, fd, "the agent has as many clients as it serves at once: try again");
	return false;
}

static int welcome(struct zt_api_server *server, int taken)
{
	zt_auto(zt_close) int fd = taken;
	struct zt_client *client = NULL;
	struct zt_peer peer;
	int r = zt_access_peer(&server->access, fd, &peer);

	if (r < 0 || !is_welcome(server, fd, &peer))
		return r;
	r = zt_client_new(&client, server, zt_take_fd(fd), &peer);
	if (r < 0)
		return r;
	client->next = server->clients;
	server->clients = client;
	server->client_count++;
	return 0;
}

static int on_connection(sd_event_source *s, int listener, uint32_t revents, void *data)
{
	struct zt_api_server *server = data;
	int fd, r;

	(void)s;
	(void)revents;
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return 0;
		/* Out of descriptors: the connection stays in the queue, the timer looks again. */
		zt_fail(-errno, "accept a connection on '%s'", server->path);
		sd_event_source_set_enabled(server->io, SD_EVENT_OFF);
		return 0;
	}
	r = welcome(server, fd);
	if (r < 0)
		zt_log(ZT_WARN, "serve a connection on '%s': %s", server->path, strerror(-r));
	return 0;
}

/* Idle clients, and readers that stopped reading, make room. */
static int on_tick(sd_event_source *s, uint64_t usec, void *data)
{
	struct zt_api_server *server = data;
	struct zt_client *c = server->clients;
	uint64_t now_ns = zt_now_ns();

	(void)usec;
	while (c) {
		struct zt_client *next = c->next;
		bool waits_to_send = c->out.len > c->sent || c->stream;
		bool waits_its_turn = c->stream && c->stream->waits;

		if (!waits_its_turn && now_ns > c->active_ns &&
		    now_ns - c->active_ns > server->idle_ns && (!c->following || waits_to_send))
			zt_server_drop(server, c);
		else
			zt_client_follow_tick(c);
		c = next;
	}
	sd_event_source_set_enabled(server->io, SD_EVENT_ON);
	sd_event_source_set_time_relative(s, TICK_US);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

/* --- listening ---------------------------------------------------------------------------- */

/* Whoever may write to the directory could put a socket of their own in our place. */
static int check_directory(const char *path)
{
	char copy[PATH_MAX];
	struct stat st;

	if (strlen(path) >= sizeof(copy))
		return -ENAMETOOLONG;
	strcpy(copy, path);
	if (stat(dirname(copy), &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return -EPERM;
	return 0;
}

static int clear_stale(const char *path)
{
	zt_auto(zt_close) int fd = zt_wire_connect(path);

	if (fd >= 0 || fd == -EAGAIN)
		return -EADDRINUSE;
	if (fd == -ENOENT)
		return 0;
	if (fd != -ECONNREFUSED)
		return fd;
	return unlink(path) < 0 ? -errno : 0;
}

static int listen_at(const char *path, int *ret_fd)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	zt_auto(zt_close) int fd = -1;
	int r;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	r = check_directory(path);
	if (!r)
		r = clear_stale(path);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	/* Anybody may connect: who is refused is told why. */
	if (chmod(path, 0666) < 0 || listen(fd, BACKLOG) < 0) {
		r = -errno;
		unlink(path);
		return r;
	}
	*ret_fd = zt_take_fd(fd);
	return 0;
}

static int make_parts(struct zt_api_server *server)
{
	int r = zt_names_new(&server->names);

	if (!r)
		r = zt_users_new(&server->users);
	if (!r)
		r = zt_procs_new(&server->procs, "/proc");
	if (!r)
		r = zt_render_new(&server->render, server->users, server->procs);
	if (!r)
		r = zt_map_text_new(&server->map_text, server->render);
	if (r < 0)
		return r;
	zt_render_names(server->render, zt_names_get(server->names));
	return zt_server_refresh(server);
}

int zt_api_server_new(struct zt_api_server **ret, const struct zt_api_config *cfg,
		      const struct zt_api_ctx *ctx)
{
	zt_auto(zt_api_server_free) struct zt_api_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return -ENOMEM;
	server->fd = -1;
	server->ctx = *ctx;
	server->access.admin_group = cfg->admin_group ?: "ztseg-admin";
	server->access.read_group = cfg->read_group ?: "ztseg";
	server->access.admin_gid = server->access.read_gid = (gid_t)-1;
	server->max_clients = cfg->max_clients ?: MAX_CLIENTS;
	server->idle_ns = (cfg->idle_ms ?: IDLE_MS) * ZT_NS_PER_MS;
	r = make_parts(server);
	if (r < 0)
		return r;
	r = listen_at(cfg->socket_path, &server->fd);
	if (r < 0)
		return r;
	server->path = strdup(cfg->socket_path);
	if (!server->path)
		return -ENOMEM;
	r = sd_event_add_io(ctx->event, &server->io, server->fd, EPOLLIN, on_connection, server);
	if (r >= 0)
		r = sd_event_add_time_relative(ctx->event, &server->timer, CLOCK_MONOTONIC, TICK_US,
					       0, on_tick, server);
	if (r < 0)
		return r;
	zt_collector_follow(ctx->collector, on_change, server);
	*ret = zt_take(server);
	return 0;
}

void zt_api_server_free(struct zt_api_server **server)
{
	struct zt_api_server *s = *server;

	if (!s)
		return;
	if (s->path) {
		zt_collector_follow(s->ctx.collector, NULL, NULL);
		unlink(s->path);
	}
	s->ctx.quit = NULL; /* the loop is being left already */
	while (s->clients)
		zt_server_drop(s, s->clients);
	sd_event_source_disable_unref(s->io);
	sd_event_source_disable_unref(s->timer);
	zt_close(&s->fd);
	zt_map_text_free(&s->map_text);
	zt_render_free(&s->render);
	zt_procs_free(&s->procs);
	zt_users_free(&s->users);
	zt_names_free(&s->names);
	free(s->path);
	free(s);
	*server = NULL;
}
