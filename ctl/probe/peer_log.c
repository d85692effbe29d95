// SPDX-License-Identifier: Apache-2.0
/*
 * peer_log.c - the probed host's record of a probe: denials of the very same connections.
 *
 * The agent's flows have the 5-tuple; so has a line of the kernel's log. Where only a count per
 * address and port is left (violations) its last time must fit.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/client.h"
#include "ctl/probe/peer.h"

#define LOG_MAX	    (8 << 20) /* bytes of kernel log that are looked through */
#define LATE_NS	    (10 * ZT_NS_PER_S)
#define SLACK_NS    (2 * ZT_NS_PER_S) /* clocks of both hosts */
#define FLOWS_LIMIT 10000

/* What one attempt was found as. */
enum found {
	FOUND_NOT,
	FOUND_LATE,
	FOUND_YES,
};

struct search {
	const json_t *attempts;
	enum found *found; /* one each */
	json_t *by;
};

static json_int_t num(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static uint64_t time_ns(const json_t *object, const char *key)
{
	uint64_t ns;

	return zt_wall_parse(zt_json_text(object, key), &ns) == 0 ? ns : 0;
}

/* An attempt that this host's filter kept from being answered. */
static bool was_stopped(const json_t *attempt)
{
	const char *outcome = zt_json_text(attempt, "outcome");

	return strcmp(outcome, "timeout") == 0 || strcmp(outcome, "refused") == 0 ||
	       strcmp(outcome, "prohibited") == 0;
}

static void note(struct search *s, size_t i, uint64_t seen_ns)
{
	uint64_t at = time_ns(json_array_get(s->attempts, i), "at");
	enum found found = seen_ns <= at + LATE_NS + SLACK_NS ? FOUND_YES : FOUND_LATE;

	if (seen_ns + SLACK_NS >= at && found > s->found[i])
		s->found[i] = found;
}

/* --- the agent ------------------------------------------------------------------------------ */

static bool flow_is(const json_t *flow, const json_t *attempt)
{
	const json_t *src = json_object_get(flow, "src"), *dst = json_object_get(flow, "dst");
	const json_t *live = json_object_get(json_object_get(flow, "verdict"), "live");

	return strcmp(zt_json_text(live, "action"), "deny") == 0 &&
	       strcmp(zt_json_text(src, "address"), zt_json_text(attempt, "source")) == 0 &&
	       strcmp(zt_json_text(dst, "address"), zt_json_text(attempt, "destination")) == 0 &&
	       num(src, "port") == num(attempt, "source_port") &&
	       num(dst, "port") == num(attempt, "port");
}

static bool violation_is(const json_t *row, const json_t *attempt)
{
	uint64_t at = time_ns(attempt, "at");

	return strcmp(zt_json_text(row, "mode"), "enforced") == 0 &&
	       strcmp(zt_json_text(row, "src"), zt_json_text(attempt, "source")) == 0 &&
	       strcmp(zt_json_text(row, "dst"), zt_json_text(attempt, "destination")) == 0 &&
	       num(row, "port") == num(attempt, "port") &&
	       time_ns(row, "first_seen") <= at + LATE_NS + SLACK_NS &&
	       time_ns(row, "last_seen") + SLACK_NS >= at;
}

static void match_rows(struct search *s, const json_t *rows, const char *when,
		       bool (*is)(const json_t *row, const json_t *attempt))
{
	const json_t *attempt, *row;
	size_t i, n;

	json_array_foreach (s->attempts, i, attempt) {
		json_array_foreach (rows, n, row) {
			if (!is(row, attempt))
				continue;
			/* A row of many packets says when the first and the last were. */
			note(s, i, when ? time_ns(row, when) : time_ns(attempt, "at"));
		}
	}
}

static void ask_agent(struct search *s, struct ztc_ctx *ctx)
{
	zt_auto(zt_json_decref) json_t *flows = NULL, *violations = NULL;
	zt_auto(zt_freep) char *why = NULL, *why_not = NULL;

	if (ztc_try(ctx, "flows",
		    json_pack("{s:s, s:s, s:i}", "verdict", "denied", "proto", "tcp", "limit",
			      FLOWS_LIMIT),
		    &flows, &why) != ZTC_EXIT_OK)
		return;
	json_array_append_new(s->by, json_string("ztagent"));
	match_rows(s, json_object_get(flows, "flows"), "first_seen", flow_is);
	if (ztc_try(ctx, "violations", json_pack("{s:s}", "mode", "enforced"), &violations,
		    &why_not) == ZTC_EXIT_OK)
		match_rows(s, json_object_get(violations, "violations"), NULL, violation_is);
}

/* --- the kernel's log ----------------------------------------------------------------------- */

/* The value of "KEY=" in a line: up to a blank. */
static bool field(const char *line, const char *key, char *ret, size_t size)
{
	size_t len = strlen(key);

	for (const char *p = strstr(line, key); p; p = strstr(p + 1, key)) {
		size_t n = strcspn(p + len, " \t\n");

		if ((p != line && p[-1] != ' ') || n >= size)
			continue;
		memcpy(ret, p + len, n);
		ret[n] = '\0';
		return true;
	}
	return false;
}

/* Addresses as written there: IPv6 in full, "2001:0db8:0000:…". */
static bool field_is(const char *line, const char *key, const char *want)
{
	struct zt_addr seen, wanted;
	char text[64];

	if (!field(line, key, text, sizeof(text)))
		return false;
	if (strcmp(text, want) == 0)
		return true;
	return zt_addr_parse(text, &seen) == 0 && zt_addr_parse(want, &wanted) == 0 &&
	       memcmp(&seen, &wanted, sizeof(seen)) == 0;
}

bool ztc_probe_log_line(const char *line, const json_t *attempt)
{
	char port[16], source_port[16];

	snprintf(port, sizeof(port), "%lld", (long long)num(attempt, "port"));
	snprintf(source_port, sizeof(source_port), "%lld", (long long)num(attempt, "source_port"));
	return field_is(line, "PROTO=", "TCP") && field_is(line, "DPT=", port) &&
	       field_is(line, "SPT=", source_port) &&
	       field_is(line, "SRC=", zt_json_text(attempt, "source")) &&
	       field_is(line, "DST=", zt_json_text(attempt, "destination"));
}

/* Returns whether the line is one of a filter at all. */
static bool match_line(struct search *s, const char *line, uint64_t at_ns)
{
	const json_t *attempt;
	size_t i;

	if (!strstr(line, "SRC=") || !strstr(line, "DPT="))
		return false;
	json_array_foreach (s->attempts, i, attempt) {
		if (ztc_probe_log_line(line, attempt))
			note(s, i, at_ns ?: time_ns(attempt, "at"));
	}
	return true;
}

static uint64_t boot_ns(void)
{
	struct timespec up;

	/* Times of the kernel's log run on the clock that stands still in suspend. */
	clock_gettime(CLOCK_MONOTONIC, &up);
	return zt_now_wall_ns() - ((uint64_t)up.tv_sec * ZT_NS_PER_S + (uint64_t)up.tv_nsec);
}

/* "prio,seq,usec,flags;text" (Documentation/ABI/testing/dev-kmsg); one record per read. */
static void read_kmsg(struct search *s)
{
	zt_auto(zt_close) int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	uint64_t boot = boot_ns();
	bool any = false;
	size_t total = 0;
	char line[8192];

	while (fd >= 0 && total < LOG_MAX) {
		ssize_t len = read(fd, line, sizeof(line) - 1);
		unsigned long long usec = 0;

		if (len < 0 && (errno == EPIPE || errno == EINTR))
			continue; /* overwritten meanwhile: the next one */
		if (len <= 0)
			break;
		line[len] = '\0';
		total += (size_t)len;
		if (sscanf(line, "%*u,%*u,%llu", &usec) == 1)
			any |= match_line(s, line, boot + usec * 1000);
	}
	if (any)
		json_array_append_new(s->by, json_string("kernel"));
}

static int read_file(struct search *s, const char *path)
{
	zt_auto(zt_fclosep) FILE *in = fopen(path, "re");
	zt_auto(zt_freep) char *line = NULL;
	size_t cap = 0, total = 0;
	bool any = false;
	ssize_t len;

	if (!in)
		return -errno;
	/* The end of a long one. */
	if (fseek(in, 0, SEEK_END) == 0 && ftell(in) > LOG_MAX)
		fseek(in, -LOG_MAX, SEEK_END);
	else
		rewind(in);
	while (total < LOG_MAX && (len = getline(&line, &cap, in)) > 0) {
		total += (size_t)len;
		any |= match_line(s, line, 0);
	}
	if (any)
		json_array_append_new(s->by, json_string("file"));
	return 0;
}

/* --- together ------------------------------------------------------------------------------- */

static json_t *summary(const struct search *s)
{
	json_t *missing = json_array();
	int denied = 0, logged = 0, late = 0;
	const json_t *a;
	size_t i;

	json_array_foreach (s->attempts, i, a) {
		if (!was_stopped(a))
			continue;
		denied++;
		logged += s->found[i] == FOUND_YES;
		late += s->found[i] == FOUND_LATE;
		if (s->found[i] != FOUND_YES && json_array_size(missing) < 20)
			json_array_append_new(
				missing, json_pack("{s:O, s:O, s:O, s:O}", "source",
						   json_object_get(a, "source"), "source_port",
						   json_object_get(a, "source_port"), "destination",
						   json_object_get(a, "destination"), "port",
						   json_object_get(a, "port")));
	}
	return json_pack("{s:O, s:i, s:i, s:i, s:o}", "by", s->by, "denied", denied, "logged",
			 logged, "late", late, "missing", missing);
}

int ztc_probe_denials(struct ztc_ctx *ctx, const json_t *body, const char *log, json_t **ret)
{
	zt_auto(zt_json_decref) json_t *by = json_array();
	struct search s = {.attempts = json_object_get(body, "attempts"), .by = by};
	size_t count = json_array_size(s.attempts);
	zt_auto(zt_freep) enum found *found = calloc(count ?: 1, sizeof(*found));
	int r = 0;

	if (!found || !by)
		return -ENOMEM;
	s.found = found;
	ask_agent(&s, ctx);
	read_kmsg(&s);
	if (log)
		r = read_file(&s, log);
	if (r < 0)
		return r;
	*ret = summary(&s);
	return *ret ? 0 : -ENOMEM;
}
