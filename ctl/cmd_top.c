/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_top.c - ztctl top: what moves right now, refreshed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/client.h"
#include "ctl/filters.h"
#include "ctl/render/text.h"
#include "ctl/top/screen.h"

#define INTERVAL_NS_DEFAULT (2 * ZT_NS_PER_S)
#define INTERVAL_NS_MIN	    (ZT_NS_PER_S / 2)
#define INTERVAL_NS_MAX	    (ZT_NS_PER_S * 60)
#define ROWS		    1000 /* what the agent hands out at most */
#define BATCH_ROWS	    20
#define READY_TRIES	    100
#define READY_WAIT_NS	    (ZT_NS_PER_S / 5)
#define BATCH_MAX	    1000000

struct top {
	struct ztc_ctx *ctx;
	json_t *args;  /* of the request */
	json_t *reply; /* the last one, NULL = none yet */
	char *trouble;
	uint64_t interval_ns;
	struct ztc_top_state state;
	struct ztc_top_line *lines;
};

static void free_top(struct top *top)
{
	json_decref(top->args);
	json_decref(top->reply);
	free(top->trouble);
	free(top->lines);
}

/* One reading; the last one stays when the agent does not answer. An exit status. */
static int read_top(struct top *top)
{
	json_t *reply = NULL;
	int status;

	free(top->trouble);
	top->trouble = NULL;
	status = ztc_try(top->ctx, "top", json_incref(top->args), &reply, &top->trouble);
	top->state.trouble = top->trouble;
	if (status)
		return status;
	json_decref(top->reply);
	top->reply = reply;
	return ZTC_EXIT_OK;
}

static void pause_ns(uint64_t ns)
{
	const struct timespec wait = {(time_t)(ns / ZT_NS_PER_S), (long)(ns % ZT_NS_PER_S)};

	nanosleep(&wait, NULL);
}

/* --- without a terminal ------------------------------------------------------------------------
 */

static void print_reading(struct top *top)
{
	size_t count;

	if (top->ctx->json) {
		json_dumpf(top->reply, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		top->state.now_s = time(NULL);
		count = ztc_top_view(top->reply, &top->state, top->lines);
		for (size_t i = 0; i < count; i++) {
			ztc_put(stdout, &top->ctx->style, top->lines[i].color, "%s",
				top->lines[i].text);
			putchar('\n');
		}
	}
	fflush(stdout);
}

/* Waits for the first two sweeps, then prints @readings. */
static int batch(struct top *top, uint64_t readings)
{
	int status = read_top(top);

	for (int i = 0; i < READY_TRIES && !status; i++) {
		if (json_is_true(json_object_get(top->reply, "ready")))
			break;
		pause_ns(READY_WAIT_NS);
		status = read_top(top);
	}
	while (!status && readings--) {
		print_reading(top);
		if (!readings || ferror(stdout))
			break;
		pause_ns(top->interval_ns);
		status = read_top(top);
	}
	return status ? ztc_fail(status, "%s", top->trouble ?: "out of memory") : ZTC_EXIT_OK;
}

/* --- at a terminal -------------------------------------------------------------------------------
 */

static void choose(struct top *top, enum ztc_top_pane pane)
{
	top->state.pane = top->state.pane == pane ? ZTC_TOP_EDGES : pane;
	top->state.first = 0;
}

static void type(struct ztc_top_state *s, enum ztc_key key, char c)
{
	size_t len = strlen(s->find);

	if (key == ZTC_KEY_CHAR && len + 1 < sizeof(s->find)) {
		s->find[len] = c;
		s->find[len + 1] = '\0';
	} else if (key == ZTC_KEY_ERASE && len) {
		s->find[len - 1] = '\0';
	} else if (key == ZTC_KEY_ESCAPE) {
		s->find[0] = '\0';
	}
	s->typing = key != ZTC_KEY_ENTER && key != ZTC_KEY_ESCAPE;
	s->first = 0;
}

static void sort_by(struct top *top, const char *sort)
{
	json_object_set_new(top->args, "sort", json_string(sort));
	top->state.pane = ZTC_TOP_EDGES;
	top->state.first = 0;
	read_top(top); /* trouble is shown */
}

/* False: leave. */
static bool press(struct top *top, char c)
{
	struct ztc_top_state *s = &top->state;

	switch (c) {
	case 'q':
		return false;
	case 'b':
		sort_by(top, "bytes");
		break;
	case 'c':
		sort_by(top, "connections");
		break;
	case 'p':
		sort_by(top, "packets");
		break;
	case 'v':
		choose(top, ZTC_TOP_VIOLATIONS);
		break;
	case 'l':
		choose(top, ZTC_TOP_LOSSES);
		break;
	case 'e':
		s->pane = ZTC_TOP_EDGES;
		break;
	case '?':
	case 'h':
		choose(top, ZTC_TOP_HELP);
		break;
	case '/':
		s->typing = true;
		break;
	case ' ':
		s->paused = !s->paused;
		break;
	default:
		break;
	}
	return true;
}

static void move(struct ztc_top_state *s, enum ztc_key key)
{
	size_t page = s->lines > 10 ? s->lines - 10 : 1;

	switch (key) {
	case ZTC_KEY_UP:
		s->first -= s->first > 0;
		break;
	case ZTC_KEY_DOWN:
		s->first++;
		break;
	case ZTC_KEY_PAGE_UP:
		s->first -= s->first > page ? page : s->first;
		break;
	case ZTC_KEY_PAGE_DOWN:
		s->first += page;
		break;
	case ZTC_KEY_HOME:
		s->first = 0;
		break;
	case ZTC_KEY_ESCAPE:
		s->pane = ZTC_TOP_EDGES;
		s->find[0] = '\0';
		break;
	default:
		break;
	}
}

static int live(struct top *top)
{
	zt_auto(ztc_screen_free) struct ztc_screen *screen = NULL;
	uint64_t next_ns = 0, now_ns;
	enum ztc_key key;
	bool stay = true;
	char c = 0;

	if (ztc_screen_new(&screen) < 0)
		return ztc_fail(ZTC_EXIT_USAGE,
				"top needs a terminal that it knows (TERM); without "
				"one use --batch N, or --json");
	while (stay) {
		now_ns = zt_now_ns();
		if (now_ns >= next_ns) {
			if (!top->state.paused)
				read_top(top);
			next_ns = now_ns + top->interval_ns;
		}
		ztc_screen_size(screen, &top->state);
		top->state.now_s = time(NULL);
		ztc_screen_draw(screen, top->lines,
				ztc_top_view(top->reply, &top->state, top->lines),
				top->ctx->style.color);
		key = ztc_screen_key(screen, (int)((next_ns - now_ns) / ZT_NS_PER_MS) + 1, &c);
		if (key == ZTC_KEY_CLOSED)
			return ZTC_EXIT_FAILED;
		if (key == ZTC_KEY_NONE || key == ZTC_KEY_RESIZED)
			continue;
		if (top->state.typing)
			type(&top->state, key, c);
		else if (key == ZTC_KEY_CHAR)
			stay = press(top, c);
		else
			move(&top->state, key);
	}
	return ZTC_EXIT_OK;
}

/* --- the command
 * ----------------------------------------------------------------------------------- */

static int read_interval(const struct ztc_line *line, uint64_t *ret_ns)
{
	const char *text = ztc_value(line, "interval");

	*ret_ns = INTERVAL_NS_DEFAULT;
	if (!text)
		return 0;
	if (zt_duration_parse(text, ret_ns) < 0 || *ret_ns < INTERVAL_NS_MIN ||
	    *ret_ns > INTERVAL_NS_MAX)
		return ztc_fail(ZTC_EXIT_USAGE,
				"--interval takes a time from 500ms to 60s, not '%s'", text);
	return 0;
}

static int read_batch(const struct ztc_line *line, uint64_t *ret)
{
	const char *text = ztc_value(line, "batch");

	if (text && ztc_parse_count(text, BATCH_MAX, ret) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "--batch takes a number of readings, not '%s'",
				text);
	return 0;
}

int ztc_run_top(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	static const char *const sorts[] = {"bytes", "packets", "connections", NULL};
	zt_auto(free_top) struct top top = {.ctx = ctx, .args = json_object()};
	uint64_t readings = ctx->json ? 1 : 0;
	int status = ztc_filters(line, top.args);

	if (!status)
		status = ztc_filter_word(line, "sort", sorts, "bytes, packets or connections",
					 top.args);
	if (!status)
		status = read_interval(line, &top.interval_ns);
	if (!status)
		status = read_batch(line, &readings);
	if (status)
		return status;
	top.lines = calloc(ZTC_TOP_LINES_MAX, sizeof(*top.lines));
	if (!top.lines)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	if (!json_object_get(top.args, "limit"))
		json_object_set_new(top.args, "limit", json_integer(readings ? BATCH_ROWS : ROWS));
	top.state.all = ztc_value(line, "all") != NULL;
	if (!readings)
		return live(&top);
	top.state.columns = ctx->style.width;
	top.state.lines = ZTC_TOP_LINES_MAX;
	top.state.batch = true;
	return batch(&top, readings);
}
