/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal.h - what the files of this room share; nobody else includes it.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/access.h"
#include "api/filter.h"
#include "api/server.h"
#include "api/wire.h"
#include "base/strbuf.h"

struct sd_event_source;
struct zt_map_text;
struct zt_names;
struct zt_procs;
struct zt_render;
struct zt_request;
struct zt_intent_state;
struct zt_policy_set;
struct zt_users;
struct zt_who;

#define ZT_FOLLOW_BACKLOG                                                                          \
	(512u << 10) /* unread text of a follower; past it, changes are skipped                    \
		      */

/* --- replies ------------------------------------------------------------------- */

/**
 * struct zt_stream - a result that is written while it is being read.
 * @more: appends the next part of the result's text. 1: there is more; 0: that was all; or
 *        -errno, which ends the connection.
 */
struct zt_stream {
	int (*more)(struct zt_stream *stream, struct zt_render *render, struct zt_strbuf *out);
	void (*free)(struct zt_stream *stream);
	bool waits; /* for somebody else's reply to end: @more is not asked meanwhile */
};

/* traffic.c: a value of a list, a comma before it unless it is the first; `,"key":value`. Both
 * take the reference. 0 or -ENOMEM. */
int zt_stream_put(struct zt_strbuf *out, bool first, json_t *value);
int zt_stream_put_key(struct zt_strbuf *out, const char *key, json_t *value);

/* --- clients ------------------------------------------------------------------- */

struct zt_client {
	struct zt_client *next;
	struct zt_api_server *server;
	struct sd_event_source *io;
	int fd;
	struct zt_peer peer;
	char *in; /* a request being received: header and text */
	size_t in_len;
	size_t in_size;	      /* room in @in */
	struct zt_strbuf out; /* frames being sent */
	size_t sent;
	struct zt_stream *stream; /* the rest of the reply being sent */
	bool following;
	struct zt_filter filter;
	struct zt_strbuf changes; /* lines that wait to be sent as one message */
	uint64_t change_count;	  /* of them */
	uint64_t follow_ns;	  /* see follow.c */
	unsigned int follow_left;
	uint64_t skipped; /* changes that this follower was not told */
	bool ended;	  /* nothing more is read; close when all is sent */
	bool quits;	  /* the agent leaves once this one has its reply */
	uint64_t active_ns;
};

struct zt_api_server {
	struct zt_api_ctx ctx;
	struct zt_access access;
	char *path;
	int fd;
	struct sd_event_source *io;
	struct sd_event_source *timer;
	size_t max_clients;
	uint64_t idle_ns;
	struct zt_client *clients;
	size_t client_count;
	size_t followers;
	size_t maps;	   /* replies under way that hold a graph: see map.c */
	uint64_t named_at; /* turn of the loop that names were looked at in, for followers */
	uint64_t refused;  /* connections: no right, or too many */
	uint64_t skipped;  /* changes that slow followers missed */
	bool detached;	   /* the datapath is gone, the agent is leaving */
	struct zt_names *names;
	struct zt_users *users;
	struct zt_procs *procs;
	struct zt_render *render;
	struct zt_map_text *map_text;
	uint64_t learn_ns;  /* processes are looked at so many times a second at most */
	unsigned int learn; /* looks left in this second */
};

/* client.c. zt_client_new() takes over @fd. Both loops and free tolerate a half-built client. */
int zt_client_new(struct zt_client **ret, struct zt_api_server *server, int fd,
		  const struct zt_peer *peer);
void zt_client_free(struct zt_client **client);
/* Puts a whole message into the output, as one or more frames. 0 or -ENOMEM. */
int zt_client_send(struct zt_client *client, const char *text, size_t len);
/* Tells the loop what this client waits for. */
int zt_client_wait(struct zt_client *client);

/*
 * follow.c. zt_client_tell() - one change for a follower, skipped when it reads too slowly or when
 * there are too many; @line is made once for all. zt_client_flush_changes() puts what waits into
 * the output, zt_client_follow_tick() what was skipped since nothing was told.
 */
void zt_client_tell(struct zt_client *client, const struct zt_flow_item *item, const char *change,
		    char **line);
int zt_client_flush_changes(struct zt_client *client);
void zt_client_follow_tick(struct zt_client *client);

/* server.c */
void zt_server_drop(struct zt_api_server *server, struct zt_client *client);

/* zt_server_follow - a client begins, or ceases, to hear of every flow. */
void zt_server_follow(struct zt_api_server *server, struct zt_client *client, bool on);
/* Names by the policy in force; before every use of server->render. */
int zt_server_refresh(struct zt_api_server *server);

/* --- requests ------------------------------------------------------------------- */

struct zt_request {
	struct zt_api_server *server;
	const struct zt_api_ctx *ctx;
	struct zt_render *render;
	const struct zt_flow_names *names;
	const struct zt_peer *peer; /* who asks */
	const json_t *args;	    /* an object */
	/* Of the handler: one of the two. */
	json_t *result;
	struct zt_stream *stream;
	bool follow;
	struct zt_filter filter;
	bool quit;
	/* On failure. */
	int code; /* exit status for ztctl */
	char err[ZT_API_ERR_LEN];
};

struct zt_handler {
	const char *command;
	bool changes;		 /* needs the right to change */
	const char *const *args; /* names of all its arguments, ended by NULL */
	int (*run)(struct zt_request *request);
};

/* zt_handler_find - by exact name, or NULL. */
const struct zt_handler *zt_handler_find(const char *command);

/* zt_request_fail - keep a sentence and an exit status for the reply. Returns -EINVAL. */
__attribute__((format(printf, 3, 4))) int zt_request_fail(struct zt_request *request, int code,
							  const char *fmt, ...);

#define ZT_CODE_FAILED 1
#define ZT_CODE_USAGE  2
#define ZT_CODE_NO     3 /* "no" as an answer */

/* zt_request_text - read one message; puts the reply, or its beginning, into the client. */
int zt_request_text(struct zt_client *client, const char *text, size_t len);

#define ZT_LIMIT_MAX 1000000

/* traffic.c: the arguments that several requests have. 0, or -EINVAL, the request says why. */
int zt_request_limit(struct zt_request *req, uint64_t *ret);
int zt_request_filter(struct zt_request *req);

/* The handlers, by file. */
int zt_handle_flows(struct zt_request *request);
int zt_handle_violations(struct zt_request *request);
int zt_handle_map(struct zt_request *request);
int zt_handle_top(struct zt_request *request);
int zt_handle_status(struct zt_request *request);
int zt_handle_policy_status(struct zt_request *request);
int zt_handle_policy_show(struct zt_request *request);
int zt_handle_policy_plan(struct zt_request *request);
int zt_handle_policy_explain(struct zt_request *request);
int zt_handle_simulate(struct zt_request *request);
int zt_handle_doctor(struct zt_request *request);
int zt_handle_observe(struct zt_request *request);
int zt_handle_detach(struct zt_request *request);
int zt_handle_version(struct zt_request *request);
int zt_handle_policy_stage(struct zt_request *request);
int zt_handle_policy_promote(struct zt_request *request);
int zt_handle_policy_ready(struct zt_request *request);
int zt_handle_policy_confirm(struct zt_request *request);
int zt_handle_policy_rollback(struct zt_request *request);
int zt_handle_policy_history(struct zt_request *request);
int zt_handle_label_set(struct zt_request *request);
int zt_handle_label_unset(struct zt_request *request);
int zt_handle_label_list(struct zt_request *request);

/* Parts of several replies. New references. */
json_t *zt_status_interfaces(struct zt_dp *dp);
json_t *zt_status_neighbours(struct zt_dp *dp);
json_t *zt_status_hooks(struct zt_dp *dp);
json_t *zt_status_alarms(struct zt_dp *dp);
json_t *zt_status_losses(struct zt_api_server *server);
json_t *zt_status_history(struct zt_history *history);
json_t *zt_status_observe(struct zt_dp *dp);
json_t *zt_status_policy(const struct zt_api_ctx *ctx);

/* map.c: whose eyes a map is seen with. New reference. */
json_t *zt_map_view(const struct zt_api_server *server, const char *source);

/*
 * map_history.c: the map of a window, by address, as a stream. Times are of the wall clock [ns],
 * 0 = open. 0, or a negative number, the request says why.
 */
int zt_map_window(struct zt_request *req, uint64_t limit, uint64_t since_ns, uint64_t until_ns);

/* state.c. zt_state_json() adds what intent.h says of the state to an object. */
void zt_state_json(json_t *object, const struct zt_intent_state *state);
/* zt_request_set - the policy among the arguments: path, files, signature. zt_policy_set_free(). */
int zt_request_set(struct zt_request *request, struct zt_policy_set *ret);
void zt_policy_set_free(struct zt_policy_set *set);
/* zt_request_who - for the history. */
void zt_request_who(const struct zt_request *request, struct zt_who *ret);
json_t *zt_status_labels(const struct zt_api_ctx *ctx);

/* gate.c: which staged statements are ready; on failure the request says why. */
struct zt_gate;
int zt_request_gate(struct zt_request *request, struct zt_gate **ret);
json_t *zt_gate_json(const struct zt_gate *gate);
