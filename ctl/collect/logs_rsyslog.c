// SPDX-License-Identifier: Apache-2.0
/*
 * logs_rsyslog.c - rsyslog's configuration: actions that send, in both of its languages.
 *
 * Objects such as action(type="omfwd" ...) are found wherever they stand, in rulesets and behind
 * conditions too; of the old language "@@host:port", ":omrelp:host:port" and the $directives that
 * bear on them. Parameters and defaults are those of rsyslog 8 (doc/source/configuration).
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/logs_conf.h"

#define PARAMS_MAX 64

struct scan {
	struct ztc_conf *conf;
	const char *path;
	unsigned int depth;
	const char *text, *at;
};

static unsigned int line_of(const struct scan *s, const char *where)
{
	unsigned int line = 1;

	for (const char *p = s->text; p < where; p++)
		line += *p == '\n';
	return line;
}

/* --- parameters of an object ---------------------------------------------------------------- */

static void skip_space(struct scan *s)
{
	for (;;) {
		s->at += strspn(s->at, " \t\r\n");
		if (*s->at == '#') {
			s->at += strcspn(s->at, "\n");
		} else if (strncmp(s->at, "/*", 2) == 0) {
			const char *end = strstr(s->at + 2, "*/");

			s->at = end ? end + 2 : s->at + strlen(s->at);
		} else {
			return;
		}
	}
}

/* A quoted string, without its quotes and backslashes; NULL when it does not end. */
static json_t *take_string(struct scan *s)
{
	char quote = *s->at, *out, *o;
	const char *p = s->at + 1;
	json_t *value;

	while (*p && *p != quote)
		p += p[0] == '\\' && p[1] ? 2 : 1;
	if (!*p)
		return NULL;
	out = o = calloc(1, (size_t)(p - s->at));
	if (!out)
		return NULL;
	for (const char *q = s->at + 1; q < p; q++) {
		if (*q == '\\' && q + 1 < p)
			q++;
		*o++ = *q;
	}
	value = zt_json_strn(out, (size_t)(o - out));
	free(out);
	s->at = p + 1;
	return value;
}

static json_t *take_list(struct scan *s)
{
	json_t *list = json_array();

	s->at++;
	for (skip_space(s); *s->at && *s->at != ']'; skip_space(s)) {
		if (*s->at == '"' || *s->at == '\'') {
			json_t *value = take_string(s);

			if (!value)
				break;
			json_array_append_new(list, value);
		} else {
			s->at++;
		}
	}
	if (*s->at)
		s->at++;
	return list;
}

/* `name="value" name=["a","b"]` up to the closing parenthesis; names in lower case. */
static json_t *take_params(struct scan *s)
{
	json_t *params = json_object();

	for (skip_space(s); *s->at && *s->at != ')'; skip_space(s)) {
		char name[64];
		size_t len = strcspn(s->at, " \t\r\n=()\"'[]#");

		if (!len || len >= sizeof(name)) {
			s->at += len ?: 1;
			continue;
		}
		for (size_t i = 0; i < len; i++)
			name[i] = (char)tolower((unsigned char)s->at[i]);
		name[len] = '\0';
		s->at += len;
		skip_space(s);
		if (*s->at != '=')
			continue;
		s->at++;
		skip_space(s);
		json_t *value = *s->at == '['			  ? take_list(s)
				: *s->at == '"' || *s->at == '\'' ? take_string(s)
								  : NULL;
		if (value && json_object_size(params) < PARAMS_MAX)
			json_object_set_new(params, name, value);
		else
			json_decref(value);
	}
	if (*s->at)
		s->at++;
	return params;
}

/* The text of a parameter; of a list the first element. */
static const char *param(const json_t *params, const char *name)
{
	const json_t *value = json_object_get(params, name);

	if (json_is_array(value))
		value = json_array_get(value, 0);
	return json_string_value(value) ?: "";
}

static size_t param_count(const json_t *params, const char *name)
{
	const json_t *value = json_object_get(params, name);

	return json_is_array(value) ? json_array_size(value) : json_is_string(value);
}

static bool param_on(const json_t *params, const char *name)
{
	const char *value = param(params, name);

	return strcasecmp(value, "on") == 0 || strcmp(value, "1") == 0;
}

/* --- targets -------------------------------------------------------------------------------- */

static bool is_tls_driver(const char *driver)
{
	return strcasecmp(driver, "gtls") == 0 || strcasecmp(driver, "ossl") == 0 ||
	       strcasecmp(driver, "mbedtls") == 0;
}

/* rsyslog's names of what is asked of the certificate; without any, its default is anon. */
static const char *tls_of(const char *mode)
{
	if (strcasecmp(mode, "x509/name") == 0 || strcasecmp(mode, "name") == 0 ||
	    strcasecmp(mode, "x509/fingerprint") == 0 || strcasecmp(mode, "fingerprint") == 0)
		return "name";
	if (strcasecmp(mode, "x509/certvalid") == 0 || strcasecmp(mode, "certvalid") == 0)
		return "certificate";
	return "anon";
}

static void add_target(struct scan *s, const char *where, const char *module, const char *address,
		       const char *port, const char *transport, const char *tls, const char *auth,
		       const char *queue)
{
	json_t *target;

	if (json_array_size(s->conf->targets) >= ZTC_TARGETS_MAX)
		return;
	target = json_pack("{s:s, s:s, s:o, s:I, s:s, s:s, s:s, s:o, s:I}", "by", "rsyslog",
			   "module", module, "address", zt_json_str(address), "port",
			   (json_int_t)strtol(port, NULL, 10), "transport", transport, "tls", tls,
			   "queue", queue, "file", zt_json_str(s->path), "line",
			   (json_int_t)line_of(s, where));
	if (target && *auth)
		json_object_set_new(target, "authentication", zt_json_str(auth));
	json_array_append_new(s->conf->targets, target);
}

/* A queue with a file name keeps on disk what the target does not take. */
static const char *queue_of(const json_t *params)
{
	return *param(params, "queue.filename") ? "disk" : "memory";
}

static void add_omfwd(struct scan *s, const char *where, const json_t *params)
{
	const char *driver = param(params, "streamdriver");
	const char *port = param(params, "port");
	bool tcp = strcasecmp(param(params, "protocol"), "tcp") == 0;
	const char *auth = param(params, "streamdriverauthmode");
	bool tls = tcp && strcmp(param(params, "streamdrivermode"), "1") == 0 &&
		   is_tls_driver(*driver ? driver : s->conf->driver);
	const json_t *targets = json_object_get(params, "target");
	const json_t *one;
	size_t i;

	if (json_is_array(targets)) {
		json_array_foreach (targets, i, one)
			add_target(s, where, "omfwd", json_string_value(one) ?: "",
				   *port ? port : "514", tcp ? "tcp" : "udp",
				   tls ? tls_of(auth) : "none", auth, queue_of(params));
	} else if (json_is_string(targets)) {
		add_target(s, where, "omfwd", json_string_value(targets), *port ? port : "514",
			   tcp ? "tcp" : "udp", tls ? tls_of(auth) : "none", auth,
			   queue_of(params));
	}
}

static void add_omrelp(struct scan *s, const char *where, const json_t *params)
{
	const char *auth = param(params, "tls.authmode");
	const char *port = param(params, "port");
	const char *tls = "none";

	if (param_on(params, "tls")) {
		tls = tls_of(auth);
		/* The authority is checked as soon as there is one; the name only when it is told.
		 */
		if (strcmp(tls, "anon") == 0 && *param(params, "tls.cacert"))
			tls = "certificate";
		if (strcmp(tls, "name") == 0 && !param_count(params, "tls.permittedpeer"))
			tls = "certificate";
	}
	add_target(s, where, "omrelp", param(params, "target"), *port ? port : "514", "relp", tls,
		   auth, queue_of(params));
}

/* omhttp and omelasticsearch: libcurl checks certificate and name unless it is told not to. */
static void add_http(struct scan *s, const char *where, const char *module, const json_t *params)
{
	const char *port = param(params, "serverport");
	bool https = param_on(params, "usehttps") ||
		     strncasecmp(param(params, "server"), "https://", 8) == 0;
	bool lax = param_on(params, "allowunsignedcerts") || param_on(params, "skipverifyhost");

	add_target(s, where, module, param(params, "server"), *port ? port : "443",
		   https ? "https" : "http",
		   !https ? "none"
		   : lax  ? "anon"
			  : "name",
		   "", queue_of(params));
}

static void on_action(struct scan *s, const char *where, const json_t *params)
{
	const char *type = param(params, "type");

	if (strncasecmp(type, "builtin:", 8) == 0)
		type += 8;
	if (strcasecmp(type, "omfwd") == 0)
		add_omfwd(s, where, params);
	else if (strcasecmp(type, "omrelp") == 0)
		add_omrelp(s, where, params);
	else if (strcasecmp(type, "omhttp") == 0 || strcasecmp(type, "omelasticsearch") == 0)
		add_http(s, where, type, params);
}

static void on_object(struct scan *s, const char *where, const char *word)
{
	zt_auto(zt_json_decref) json_t *params = take_params(s);

	if (strcasecmp(word, "action") == 0) {
		on_action(s, where, params);
	} else if (strcasecmp(word, "global") == 0) {
		if (*param(params, "defaultnetstreamdriver"))
			snprintf(s->conf->driver, sizeof(s->conf->driver), "%s",
				 param(params, "defaultnetstreamdriver"));
	} else if (strcasecmp(word, "module") == 0) {
		if (strstr(param(params, "load"), "impstats")) {
			json_decref(s->conf->stats);
			s->conf->stats = json_incref(params);
		}
	} else if (*param(params, "file")) {
		ztc_conf_include(s->conf, param(params, "file"), s->depth, ztc_rsyslog_read);
	}
}

/* --- the old language ----------------------------------------------------------------------- */

/* "host:port", "[v6]:port", "host": where the port begins; the address is cut off there. */
static const char *cut_port(char *address)
{
	char *colon;

	if (*address == '[') {
		char *end = strchr(address, ']');

		if (!end)
			return "514";
		*end = '\0';
		memmove(address, address + 1, strlen(address + 1) + 1);
		return end[1] == ':' ? end + 2 : "514";
	}
	colon = strrchr(address, ':');
	if (!colon)
		return "514";
	*colon = '\0';
	return colon + 1;
}

static void take_old_target(struct scan *s)
{
	const char *where = s->at;
	bool relp = *s->at == ':', tcp = strncmp(s->at, "@@", 2) == 0;
	bool tls = tcp && s->conf->legacy_mode == 1 && is_tls_driver(s->conf->driver);
	char address[256];
	const char *port;
	size_t len;

	s->at += relp ? strlen(":omrelp:") : tcp ? 2 : 1;
	if (*s->at == '(') /* options: compression, octet counting */
		s->at += strcspn(s->at, ")\n") + 1;
	len = strcspn(s->at, " \t\r\n;");
	if (len && len < sizeof(address)) {
		memcpy(address, s->at, len);
		address[len] = '\0';
		port = cut_port(address);
		add_target(s, where, relp ? "omrelp" : "omfwd", address, port,
			   relp	 ? "relp"
			   : tcp ? "tcp"
				 : "udp",
			   tls ? tls_of(s->conf->legacy_auth) : "none",
			   tls ? s->conf->legacy_auth : "",
			   s->conf->legacy_queue ? "disk" : "memory");
	}
	s->at += len;
}

static void directive(struct scan *s)
{
	char name[64] = "", value[512] = "";
	size_t len = strcspn(s->at, "\n");
	char line[640];

	snprintf(line, sizeof(line), "%.*s", (int)len, s->at);
	s->at += len;
	if (sscanf(line, "$%63s %511s", name, value) < 1)
		return;
	if (strcasecmp(name, "DefaultNetstreamDriver") == 0)
		snprintf(s->conf->driver, sizeof(s->conf->driver), "%.31s", value);
	else if (strcasecmp(name, "ActionSendStreamDriverMode") == 0)
		s->conf->legacy_mode = (int)strtol(value, NULL, 10);
	else if (strcasecmp(name, "ActionSendStreamDriverAuthMode") == 0)
		snprintf(s->conf->legacy_auth, sizeof(s->conf->legacy_auth), "%.31s", value);
	else if (strcasecmp(name, "ActionQueueFileName") == 0)
		s->conf->legacy_queue = true;
	else if (strcasecmp(name, "ModLoad") == 0 && strstr(value, "impstats") && !s->conf->stats)
		s->conf->stats = json_object();
	else if (strcasecmp(name, "IncludeConfig") == 0)
		ztc_conf_include(s->conf, value, s->depth, ztc_rsyslog_read);
}

/* --- a file --------------------------------------------------------------------------------- */

static void take_word(struct scan *s)
{
	static const char *const objects[] = {"action", "global", "module", "include"};
	const char *where = s->at;
	char word[16] = "";
	size_t len = strspn(s->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.");

	if (len < sizeof(word))
		snprintf(word, sizeof(word), "%.*s", (int)len, s->at);
	s->at += len;
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		const char *before = s->at;

		if (strcasecmp(word, objects[i]) != 0)
			continue;
		s->at += strspn(s->at, " \t\r\n");
		if (*s->at == '(') {
			s->at++;
			on_object(s, where, word);
		} else {
			s->at = before;
		}
		return;
	}
}

/* One step: whatever stands at s->at. @boundary: a token may begin here. */
static void step(struct scan *s, bool line_start, bool boundary)
{
	if (*s->at == '#' || strncmp(s->at, "/*", 2) == 0) {
		skip_space(s);
	} else if (*s->at == '"' || *s->at == '\'') {
		json_t *string = take_string(s);

		if (!string)
			s->at++;
		json_decref(string);
	} else if (line_start && *s->at == '$') {
		directive(s);
	} else if (boundary && (*s->at == '@' || strncmp(s->at, ":omrelp:", 8) == 0)) {
		take_old_target(s);
	} else if (isalpha((unsigned char)*s->at)) {
		take_word(s);
	} else {
		s->at++;
	}
}

int ztc_rsyslog_read(struct ztc_conf *conf, const char *path, unsigned int depth)
{
	zt_auto(zt_freep) char *text = NULL;
	struct scan s = {.conf = conf, .path = path, .depth = depth};
	int r = ztc_conf_text(conf, path, &text);

	if (r < 0)
		return r;
	if (!conf->targets)
		conf->targets = json_array();
	s.text = s.at = text;
	while (*s.at) {
		bool start = s.at == s.text || s.at[-1] == '\n';
		bool boundary = start || strchr(" \t", s.at[-1]);

		step(&s, start, boundary);
	}
	return 0;
}
