// SPDX-License-Identifier: Apache-2.0
/*
 * logs_syslog_ng.c - syslog-ng's configuration: network destinations, and what their TLS asks for.
 *
 * Drivers and defaults are those of syslog-ng 3 and 4 (administration guide, "network()",
 * "syslog()"); peer-verify() is required-trusted unless it is given.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/logs_conf.h"

/* What sends to another host; the transport that it has by itself. */
static const struct driver {
	const char *name, *transport, *port;
} drivers[] = {
	{"network", "tcp", "601"}, {"syslog", "tcp", "601"}, {"tcp6", "tcp", "514"},
	{"tcp", "tcp", "514"},	   {"udp6", "udp", "514"},   {"udp", "udp", "514"},
};

/* The end of a quoted string or comment that begins at @p, or @p itself. */
static const char *skip_quoted(const char *p)
{
	char quote = *p;

	if (quote == '#')
		return p + strcspn(p, "\n");
	if (quote != '"' && quote != '\'')
		return p;
	for (p++; *p && *p != quote; p++) {
		if (quote == '"' && p[0] == '\\' && p[1])
			p++;
	}
	return *p ? p + 1 : p;
}

/* Where the parenthesis or brace that @p stands behind is closed; the end of the text otherwise. */
static const char *closing(const char *p, char open, char close)
{
	for (int depth = 1; *p; p++) {
		const char *after = skip_quoted(p);

		if (after != p) {
			p = after - 1;
			continue;
		}
		depth += *p == open;
		depth -= *p == close;
		if (!depth)
			return p;
	}
	return p;
}

/* The argument of "name(...)" in [@p, @end), quotes taken off; "" = not there. */
static void option(const char *p, const char *end, const char *name, char *ret, size_t size)
{
	size_t len = strlen(name);

	*ret = '\0';
	for (; p < end; p++) {
		const char *after = skip_quoted(p), *value, *stop;

		if (after != p) {
			p = after - 1;
			continue;
		}
		if (strncmp(p, name, len) != 0 || isalnum((unsigned char)p[-1]) || p[-1] == '-')
			continue;
		value = p + len + strspn(p + len, " \t\n");
		if (*value != '(')
			continue;
		value += 1 + strspn(value + 1, " \t\n\"'");
		stop = value + strcspn(value, " \t\n\"')");
		snprintf(ret, size, "%.*s", (int)(stop - value), value);
		return;
	}
}

static const char *tls_of(const char *p, const char *end)
{
	char verify[64];

	option(p, end, "peer-verify", verify, sizeof(verify));
	if (!*verify || strcmp(verify, "required-trusted") == 0 || strcmp(verify, "yes") == 0)
		return "name";
	return "anon";
}

static void add_target(struct ztc_conf *conf, const char *path, unsigned int line,
		       const struct driver *d, const char *p, const char *end)
{
	char address[256], port[16], transport[32], tls[8];
	const char *start = p + strspn(p, " \t\n\"'");
	bool secret;

	snprintf(address, sizeof(address), "%.*s", (int)strcspn(start, " \t\n\"')"), start);
	option(p, end, "port", port, sizeof(port));
	option(p, end, "transport", transport, sizeof(transport));
	option(p, end, "tls", tls, sizeof(tls));
	if (!*transport)
		snprintf(transport, sizeof(transport), "%s", d->transport);
	secret = strstr(transport, "tls") || (*tls && strcmp(transport, "tcp") == 0);
	if (json_array_size(conf->targets) >= ZTC_TARGETS_MAX)
		return;
	if (!*port)
		snprintf(port, sizeof(port), "%s",
			 secret				 ? "6514"
			 : strcmp(transport, "udp") == 0 ? "514"
							 : d->port);
	json_array_append_new(
		conf->targets,
		json_pack("{s:s, s:s, s:o, s:I, s:s, s:s, s:s, s:o, s:I}", "by", "syslog-ng",
			  "module", d->name, "address", zt_json_str(address), "port",
			  (json_int_t)strtol(port, NULL, 10), "transport",
			  strcmp(transport, "udp") == 0 ? "udp" : "tcp", "tls",
			  secret ? tls_of(p, end) : "none", "queue",
			  strstr(p, "disk-buffer") && strstr(p, "disk-buffer") < end ? "disk"
										     : "memory",
			  "file", zt_json_str(path), "line", (json_int_t)line));
}

/* The drivers of one destination { ... }. */
static void destination(struct ztc_conf *conf, const char *path, const char *text, const char *p,
			const char *end)
{
	for (; p < end; p++) {
		const char *after = skip_quoted(p);
		unsigned int line = 1;

		if (after != p) {
			p = after - 1;
			continue;
		}
		for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
			size_t len = strlen(drivers[i].name);
			const char *open = p + len + strspn(p + len, " \t\n");

			if (strncmp(p, drivers[i].name, len) != 0 || *open != '(' ||
			    isalnum((unsigned char)p[-1]) || p[-1] == '-' || p[-1] == '_')
				continue;
			for (const char *q = text; q < p; q++)
				line += *q == '\n';
			after = closing(open + 1, '(', ')');
			add_target(conf, path, line, &drivers[i], open + 1, after);
			p = after;
			break;
		}
		if (!*p)
			return;
	}
}

static bool word_at(const char *text, const char *p, const char *word)
{
	size_t len = strlen(word);

	return strncmp(p, word, len) == 0 && (p == text || isspace((unsigned char)p[-1])) &&
	       isspace((unsigned char)p[len]);
}

int ztc_syslog_ng_read(struct ztc_conf *conf, const char *path, unsigned int depth)
{
	zt_auto(zt_freep) char *text = NULL;
	int r = ztc_conf_text(conf, path, &text);

	if (r < 0)
		return r;
	if (!conf->targets)
		conf->targets = json_array();
	for (const char *p = text; *p; p++) {
		const char *after = skip_quoted(p);
		char pattern[256];

		if (after != p) {
			p = after - 1;
		} else if (word_at(text, p, "destination")) {
			const char *open = p + strcspn(p, "{;");

			if (*open != '{')
				continue;
			after = closing(open + 1, '{', '}');
			destination(conf, path, text, open + 1, after);
			p = *after ? after : after - 1;
		} else if (p[0] == '@' && sscanf(p, "@include \"%255[^\"]\"", pattern) == 1) {
			ztc_conf_include(conf, pattern, depth, ztc_syslog_ng_read);
		}
	}
	return 0;
}
