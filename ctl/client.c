/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - one question to the agent, one answer (or, following, many). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "api/wire.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "ctl/client.h"
#include "ctl/render/text.h"

/* The agent answers within a sweep; a minute of silence means that it hangs. */
#define SILENCE_S 60

#define RAW_FROM (1u << 20) /* bytes of a reply that is long */

bool ztc_agent_alive(const struct ztc_ctx *ctx)
{
	zt_auto(zt_close) int fd = zt_wire_connect(ctx->socket);

	return fd >= 0 || (fd != -ENOENT && fd != -ECONNREFUSED);
}

/* What a failed connect means to somebody at a prompt. */
static char *why_no_connection(const char *socket_path, int r)
{
	char *why = NULL;
	int n;

	if (r == -ENOENT)
		n = asprintf(&why,
			     "no agent here: there is no socket %s (start it with 'systemctl start "
			     "ztagent', or name another with --socket)",
			     socket_path);
	else if (r == -ECONNREFUSED)
		n = asprintf(
			&why,
			"no agent answers at %s: it has ended, what it enforced goes on (start "
			"it with 'systemctl start ztagent')",
			socket_path);
	else if (r == -EACCES || r == -EPERM)
		n = asprintf(&why,
			     "you may not open %s: become root or join group ztseg (to read) or "
			     "ztseg-admin (to change)",
			     socket_path);
	else
		n = asprintf(&why, "cannot reach the agent at %s: %s", socket_path, strerror(-r));
	return n < 0 ? NULL : why;
}

static int explain_wire(int r, char **ret_why)
{
	const char *text =
		r == -EAGAIN || r == -EWOULDBLOCK
			? "the agent has not answered for a minute; see its log"
		: r == 0 || r == -EPIPE || r == -ECONNRESET
			? "the agent closed the connection without an answer; see its log"
		: r == -EMSGSIZE ? "the agent's answer is too large; ask for less"
		: r == -EPROTO	 ? "what answers at the socket does not speak ztseg's protocol"
				 : strerror(-r);

	*ret_why = strdup(text);
	return ZTC_EXIT_FAILED;
}

static int send_request(int fd, const char *command, json_t *args)
{
	zt_auto(zt_json_decref) json_t *request =
		json_pack("{s:s, s:o}", "command", command, "args", args ? args : json_object());
	zt_auto(zt_freep) char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;

	return text ? zt_wire_send(fd, text, strlen(text)) : -ENOMEM;
}

/*
 * A long result goes to a program as the agent wrote it: taking a hundred thousand edges apart
 * and putting them together again would cost seconds, and change spaces only.
 */
static bool pass_on(const char *text, size_t len)
{
	static const char open[] = "{\"ok\":true,\"result\":{";
	const size_t skip = sizeof(open) - 2; /* the result's own brace stays */

	if (len < RAW_FROM || strncmp(text, open, sizeof(open) - 1) != 0 ||
	    strcmp(text + len - 2, "}}") != 0)
		return false;
	fwrite(text + skip, 1, len - skip - 1, stdout);
	putchar('\n');
	return true;
}

/* A report on a policy is many lines; each is escaped. */
static char *escaped_lines(const char *text)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf buf = ZT_STRBUF_INIT;

	while (*text) {
		size_t len = strcspn(text, "\n");
		zt_auto(zt_freep) char *line = strndup(text, len);
		zt_auto(zt_freep) char *safe = line ? ztc_escaped(line) : NULL;

		zt_strbuf_puts(&buf, safe ?: "");
		text += len + (text[len] == '\n');
		if (*text)
			zt_strbuf_puts(&buf, "\n");
	}
	return zt_strbuf_steal(&buf);
}

/* Why the agent refused; the exit status that it asks for. */
static int refusal(const json_t *reply, char **ret_why)
{
	const json_t *error = json_object_get(reply, "error");
	int code = (int)ztc_int(error, "code");

	*ret_why =
		escaped_lines(*ztc_str(error, "message") ? ztc_str(error, "message")
							 : "the agent refused, without a reason");
	return code >= ZTC_EXIT_FAILED && code <= ZTC_EXIT_NO ? code : ZTC_EXIT_FAILED;
}

/*
 * One reply off the wire: its result, or the error that it carries. @raw: a long result may be
 * printed at once; *ret stays NULL then.
 */
static int read_reply(int fd, bool raw, json_t **ret, char **ret_why)
{
	zt_auto(zt_json_decref) json_t *reply = NULL;
	zt_auto(zt_freep) char *text = NULL;
	json_t *result;
	size_t len = 0;
	int r;

	r = zt_wire_recv(fd, ZT_WIRE_REPLY_MAX, &text, &len);
	if (r <= 0)
		return explain_wire(r, ret_why);
	if (raw && pass_on(text, len))
		return ZTC_EXIT_OK;
	reply = json_loadb(text, len, 0, NULL);
	if (!json_is_object(reply))
		return explain_wire(-EPROTO, ret_why);
	result = json_object_get(reply, "result");
	if (json_is_true(json_object_get(reply, "ok")) && result) {
		*ret = json_incref(result);
		return ZTC_EXIT_OK;
	}
	return refusal(reply, ret_why);
}

static int open_and_send(struct ztc_ctx *ctx, const char *command, json_t *args, int *ret_fd,
			 char **ret_why)
{
	zt_auto(zt_json_decref) json_t *owned = args;
	zt_auto(zt_close) int fd = zt_wire_connect(ctx->socket);
	struct timeval silence = {.tv_sec = SILENCE_S};
	int r;

	if (fd < 0) {
		*ret_why = why_no_connection(ctx->socket, fd);
		return ZTC_EXIT_FAILED;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof(silence));
	r = send_request(fd, command, zt_take(owned));
	/* An agent that refuses may close before it has read: its reply says why. */
	if (r < 0 && r != -EPIPE && r != -ECONNRESET)
		return explain_wire(r, ret_why);
	*ret_fd = zt_take_fd(fd);
	return ZTC_EXIT_OK;
}

int ztc_try(struct ztc_ctx *ctx, const char *command, json_t *args, json_t **ret, char **ret_why)
{
	zt_auto(zt_close) int fd = -1;
	int status = open_and_send(ctx, command, args, &fd, ret_why);

	return status ? status : read_reply(fd, false, ret, ret_why);
}

static int try_text(struct ztc_ctx *ctx, const char *command, json_t *args, char **ret,
		    size_t *ret_len, char **ret_why)
{
	zt_auto(zt_json_decref) json_t *reply = NULL;
	zt_auto(zt_close) int fd = -1;
	int r, status = open_and_send(ctx, command, args, &fd, ret_why);

	if (status)
		return status;
	r = zt_wire_recv(fd, ZT_WIRE_REPLY_MAX, ret, ret_len);
	if (r <= 0)
		return explain_wire(r, ret_why);
	/* The agent writes this, in this order and without spaces. */
	if (strncmp(*ret, "{\"ok\":true", strlen("{\"ok\":true")) == 0)
		return ZTC_EXIT_OK;
	reply = json_loadb(*ret, *ret_len, 0, NULL);
	return refusal(reply, ret_why);
}

/* Programs that asked for JSON get the reason as JSON too. */
static int report(struct ztc_ctx *ctx, int status, const char *why)
{
	zt_auto(zt_json_decref) json_t *error = NULL;

	if (!why)
		why = "out of memory";
	if (ctx->json) {
		error = json_pack("{s:{s:i, s:s}}", "error", "code", status, "message", why);
		json_dumpf(error, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	return ztc_fail(status, "%s", why);
}

int ztc_ask(struct ztc_ctx *ctx, const char *command, json_t *args, json_t **ret)
{
	zt_auto(zt_freep) char *why = NULL;
	int status = ztc_try(ctx, command, args, ret, &why);

	return status ? report(ctx, status, why) : ZTC_EXIT_OK;
}

int ztc_ask_text(struct ztc_ctx *ctx, const char *command, json_t *args, char **ret,
		 size_t *ret_len)
{
	zt_auto(zt_freep) char *why = NULL;
	int status = try_text(ctx, command, args, ret, ret_len, &why);

	return status ? report(ctx, status, why) : ZTC_EXIT_OK;
}

int ztc_follow(struct ztc_ctx *ctx, const char *command, json_t *args,
	       int (*each)(struct ztc_ctx *ctx, const json_t *result))
{
	zt_auto(zt_freep) char *why = NULL;
	zt_auto(zt_close) int fd = -1;
	const struct timeval forever = {0};
	int status = open_and_send(ctx, command, args, &fd, &why);

	if (!status)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof(forever));
	while (!status) {
		zt_auto(zt_json_decref) json_t *result = NULL;

		status = read_reply(fd, false, &result, &why);
		if (!status)
			status = each(ctx, result);
		/* Whoever reads us sees each change when it happens; a reader that left ends us. */
		if (!status && fflush(stdout) != 0)
			return ZTC_EXIT_FAILED;
	}
	return why ? report(ctx, status, why) : status;
}

int ztc_answer(struct ztc_ctx *ctx, const json_t *result, ztc_render_fn render)
{
	int r;

	if (ctx->json) {
		r = json_dumpf(result, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		r = render(stdout, result, &ctx->style);
	}
	return r < 0 ? ztc_fail(ZTC_EXIT_FAILED, "cannot print the answer: %s",
				r == -ENOMEM ? "out of memory" : "it is not valid JSON")
		     : ZTC_EXIT_OK;
}

int ztc_ask_and_print(struct ztc_ctx *ctx, const char *command, json_t *args, ztc_render_fn render)
{
	zt_auto(zt_json_decref) json_t *result = NULL;
	zt_auto(zt_freep) char *why = NULL;
	zt_auto(zt_close) int fd = -1;
	int status = open_and_send(ctx, command, args, &fd, &why);

	if (!status)
		status = read_reply(fd, ctx->json, &result, &why);
	if (status)
		return report(ctx, status, why);
	return result ? ztc_answer(ctx, result, render) : ZTC_EXIT_OK;
}
