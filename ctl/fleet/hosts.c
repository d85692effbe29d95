// SPDX-License-Identifier: Apache-2.0
/* hosts.c - reads a file of hosts; every error at its line, nothing that ssh could misread. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strmap.h"
#include "base/vec.h"
#include "ctl/fleet/fleet.h"
#include "ctl/i18n/say.h"

#define ERRORS_MAX 50
#define WORD_MAX   253

static void host_free(struct ztc_fleet_host *host)
{
	free(host->name);
	free(host->address);
	free(host->user);
	free(host->role);
	free(host->system);
	free(host->hostname);
	free(host->file);
}

void ztc_fleet_hosts_free(struct ztc_fleet_hosts *hosts)
{
	for (size_t i = 0; i < hosts->count; i++)
		host_free(&hosts->rows[i]);
	free(hosts->rows);
	memset(hosts, 0, sizeof(*hosts));
}

struct reader {
	struct ztc_fleet_hosts *hosts;
	struct zt_strbuf *errors;
	struct zt_strmap *names;
	const char *path;
	unsigned int line;
	size_t error_count;
};

__attribute__((format(printf, 2, 3))) static int fail(struct reader *r, const char *fmt, ...)
{
	zt_auto(zt_freep) char *text = NULL;
	va_list ap;

	if (r->error_count++ >= ERRORS_MAX)
		return -EINVAL;
	va_start(ap, fmt);
	if (vasprintf(&text, ztc_tr(fmt), ap) < 0)
		text = NULL;
	va_end(ap);
	zt_strbuf_escape(r->errors, r->path, strlen(r->path));
	zt_strbuf_printf(r->errors, ":%u: ", r->line);
	zt_strbuf_escape(r->errors, text ? text : "", text ? strlen(text) : 0);
	zt_strbuf_puts(r->errors, "\n");
	return -EINVAL;
}

/* Letters, digits and @more, the first of them a letter or digit: never an option. */
static bool is_word(const char *text, const char *more)
{
	const size_t len = strlen(text);

	if (!len || len > WORD_MAX || !isalnum((unsigned char)*text))
		return false;
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p >= 0x80 || (!isalnum((unsigned char)*p) && !strchr(more, *p)))
			return false;
	return true;
}

/* A name for people may be in any script; it is never given to a program. */
static bool is_label(const char *text)
{
	const size_t len = strlen(text);

	for (size_t i = 0; i < len;) {
		size_t n = zt_utf8_next((const unsigned char *)text + i, len - i, NULL);

		if (!n || (n == 1 && !isgraph((unsigned char)text[i])))
			return false;
		i += n;
	}
	return len && len <= 128;
}

static bool is_address(const char *text)
{
	struct zt_addr addr;

	return zt_addr_parse(text, &addr) == 0 || is_word(text, ".-");
}

static bool is_user(const char *text)
{
	return strlen(text) <= 64 &&
	       (is_word(text, "._-") || (*text == '_' && is_word(text + 1, "._-")));
}

static int set_text(struct reader *r, char **into, const char *key, const char *value, bool valid)
{
	if (*into)
		return fail(r, N_("'%s' is there twice"), key);
	if (!valid)
		return fail(r, N_("'%s' cannot be a value of '%s'"), value, key);
	*into = strdup(value);
	return *into ? 0 : -ENOMEM;
}

static int set_port(struct reader *r, struct ztc_fleet_host *host, const char *value)
{
	unsigned long port = 0;

	for (const char *p = value; *p; p++) {
		if (!isdigit((unsigned char)*p) || port > 65535)
			return fail(r, N_("'%s' is no port (1-65535)"), value);
		port = port * 10 + (unsigned long)(*p - '0');
	}
	if (port < 1 || port > 65535)
		return fail(r, N_("'%s' is no port (1-65535)"), value);
	if (host->port)
		return fail(r, N_("'%s' is there twice"), "port");
	host->port = (unsigned int)port;
	return 0;
}

static int set_key(struct reader *r, struct ztc_fleet_host *host, const char *key,
		   const char *value)
{
	if (strcmp(key, "address") == 0)
		return set_text(r, &host->address, key, value, is_address(value));
	if (strcmp(key, "user") == 0)
		return set_text(r, &host->user, key, value, is_user(value));
	if (strcmp(key, "port") == 0)
		return set_port(r, host, value);
	if (strcmp(key, "role") == 0)
		return set_text(r, &host->role, key, value, is_label(value));
	if (strcmp(key, "system") == 0)
		return set_text(r, &host->system, key, value, is_label(value));
	if (strcmp(key, "hostname") == 0)
		return set_text(r, &host->hostname, key, value, is_word(value, "._-"));
	if (strcmp(key, "file") == 0)
		return set_text(r, &host->file, key, value, is_label(value) && *value != '-');
	return fail(
		r,
		N_("nothing is called '%s': address, user, port, role, system, hostname or file"),
		key);
}

static int read_line(struct reader *r, char *line)
{
	struct ztc_fleet_host host = {.line = r->line};
	char *rest = NULL, *word = strtok_r(line, " \t\r", &rest);
	bool new = true;
	int bad = 0;

	if (!word || *word == '#')
		return 0;
	if (!is_word(word, "._-"))
		return fail(r, N_("'%s' is no name of a host: letters, digits and . _ - only"),
			    word);
	if (r->hosts->count >= ZTC_FLEET_HOSTS_MAX)
		return fail(r, N_("more than %d hosts"), ZTC_FLEET_HOSTS_MAX);
	if (zt_strmap_intern(r->names, word, strlen(word), &new) == ZT_STRMAP_NONE)
		return -ENOMEM;
	if (!new)
		bad = fail(r, N_("host '%s' is there twice"), word);
	host.name = strdup(word);
	if (!host.name)
		return -ENOMEM;
	while (bad != -ENOMEM && (word = strtok_r(NULL, " \t\r", &rest)) && *word != '#') {
		char *value = strchr(word, '=');

		if (!value) {
			bad = fail(r, N_("'%s' is no key=value"), word);
			continue;
		}
		*value++ = '\0';
		bad = set_key(r, &host, word, value) ?: bad;
	}
	if (!bad && host.file && (host.address || host.user || host.port))
		bad = fail(r, N_("a host with a file is not asked: no address, user or port"));
	if (!bad &&
	    zt_vec_grow(&r->hosts->rows, &r->hosts->cap, r->hosts->count + 1, sizeof(host)) < 0)
		bad = -ENOMEM;
	if (bad)
		host_free(&host);
	else
		r->hosts->rows[r->hosts->count++] = host;
	return bad;
}

int ztc_fleet_hosts_read(struct ztc_fleet_hosts *ret, const char *path, struct zt_strbuf *errors)
{
	zt_auto(zt_strmap_free) struct zt_strmap *names = NULL;
	zt_auto(zt_freep) char *text = NULL;
	struct reader r = {.hosts = ret, .errors = errors, .path = path};
	size_t len;
	int rc = zt_file_read(path, ZTC_FLEET_FILE_MAX, &text, &len, NULL);

	if (rc < 0)
		return rc;
	if (zt_strmap_new(&names) < 0)
		return -ENOMEM;
	r.names = names;
	if (strlen(text) != len) {
		r.line = 1;
		rc = fail(&r, N_("it holds NUL bytes"));
	}
	for (char *line = text; line && rc != -ENOMEM;) {
		char *end = strchr(line, '\n');

		if (end)
			*end++ = '\0';
		r.line++;
		if (read_line(&r, line) == -ENOMEM)
			rc = -ENOMEM;
		line = end;
	}
	if (rc == 0 && !r.error_count && !ret->count) {
		r.line = 1;
		fail(&r, N_("there is no host in it"));
	}
	return rc == -ENOMEM ? rc : r.error_count ? -EINVAL : 0;
}
