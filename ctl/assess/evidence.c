/* SPDX-License-Identifier: Apache-2.0 */
/* evidence.c - files of facts: made, read strictly, their seal looked at. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/time.h"
#include "ctl/assess/evidence.h"
#include "ctl/evidence/seal.h"

#define CHUNK (64 << 10)

static const char *const statuses[] = {"ok", "denied", "absent", "timeout", "error", "not_run"};

int ztc_file_or_stdin(const char *path, size_t max, char **ret, size_t *ret_len)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	zt_auto(zt_freep) char *chunk = NULL;
	ssize_t n;

	if (strcmp(path, "-") != 0)
		return zt_file_read(path, max, ret, ret_len, NULL);
	chunk = malloc(CHUNK);
	if (!chunk)
		return -ENOMEM;
	while ((n = read(STDIN_FILENO, chunk, CHUNK)) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n < 0)
			continue;
		if (text.len + n > max)
			return -EFBIG;
		zt_strbuf_add(&text, chunk, n);
	}
	*ret_len = text.len;
	*ret = zt_strbuf_steal(&text);
	return *ret ? 0 : -ENOMEM;
}

json_t *ztc_evidence_new(json_t *facts, bool probe, unsigned int observe_s, int64_t now_s)
{
	const json_t *host = json_object_get(json_object_get(facts, "host"), "data");
	const char *name = json_string_value(json_object_get(host, "name"));
	char time[ZT_TIME_TEXT_LEN];

	return json_pack("{s:s, s:s, s:s, s:i, s:b, s:o}", "format", ZTC_FACTS_FORMAT, "host",
			 name ? name : "", "collected_at",
			 zt_wall_text((uint64_t)now_s * ZT_NS_PER_S, time), "observed_s",
			 (int)observe_s, "probe", probe, "facts", facts);
}

int64_t ztc_evidence_time(const json_t *evidence)
{
	const char *text = json_string_value(json_object_get(evidence, "collected_at"));
	uint64_t ns;

	return text && zt_wall_parse(text, &ns) == 0 ? (int64_t)(ns / ZT_NS_PER_S) : -1;
}

/* --- reading --- */

__attribute__((format(printf, 2, 3))) static int refuse(char **ret_why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(ret_why, fmt, ap) < 0)
		*ret_why = NULL;
	va_end(ap);
	return -EINVAL;
}

static bool is_status(const char *text)
{
	for (size_t i = 0; text && i < ARRAY_SIZE(statuses); i++) {
		if (strcmp(text, statuses[i]) == 0)
			return true;
	}
	return false;
}

static int check_facts(const json_t *facts, char **ret_why)
{
	const char *name;
	json_t *fact;

	json_object_foreach ((json_t *)facts, name, fact) {
		const char *status = json_string_value(json_object_get(fact, "status"));
		uint64_t ns;

		if (!is_status(status))
			return refuse(ret_why,
				      "facts.%.64s.status is none of ok, denied, absent, "
				      "timeout, error, not_run",
				      name);
		if (strcmp(status, "ok") == 0 && !json_is_object(json_object_get(fact, "data")))
			return refuse(ret_why, "facts.%.64s.data has to be an object", name);
		status = json_string_value(json_object_get(fact, "collected_at"));
		if (status && zt_wall_parse(status, &ns) < 0)
			return refuse(ret_why, "facts.%.64s.collected_at is no time", name);
	}
	return 0;
}

static int check(const json_t *evidence, char **ret_why)
{
	const char *format = json_string_value(json_object_get(evidence, "format"));
	const json_t *facts = json_object_get(evidence, "facts");

	if (!format || strcmp(format, ZTC_FACTS_FORMAT) != 0)
		return refuse(ret_why, "its format is not \"" ZTC_FACTS_FORMAT "\"");
	if (!json_is_string(json_object_get(evidence, "host")))
		return refuse(ret_why, "host has to be a text");
	if (ztc_evidence_time(evidence) < 0)
		return refuse(ret_why, "collected_at has to be a time (RFC 3339)");
	if (!json_is_integer(json_object_get(evidence, "observed_s")))
		return refuse(ret_why, "observed_s has to be a whole number");
	if (!json_is_object(facts))
		return refuse(ret_why, "facts has to be an object");
	return check_facts(facts, ret_why);
}

/* @ret_sealed: by a host's key that is trusted. A seal that does not fit is refused. */
static int look_at_seal(const json_t *evidence, const char *trust_dir, bool *ret_sealed,
			char **ret_why)
{
	struct ztc_trust trust = {0};
	const char *why = NULL, *signer = NULL;
	enum ztc_sealed sealed;
	int r = ztc_trust_load(&trust, trust_dir, ret_why);

	if (r < 0)
		return r;
	sealed = ztc_unseal(evidence, &trust, ZTC_ROLE_HOST, &signer, NULL, &why);
	ztc_trust_free(&trust);
	*ret_sealed = sealed == ZTC_SEALED_OK;
	if (sealed == ZTC_SEALED_BAD)
		return refuse(ret_why, "its signature does not hold: %s", why);
	return 0;
}

int ztc_evidence_read(const char *path, const char *trust_dir, json_t **ret, bool *ret_sealed,
		      char **ret_why)
{
	zt_auto(zt_json_decref) json_t *evidence = NULL;
	zt_auto(zt_freep) char *text = NULL;
	json_error_t error;
	size_t len;
	int r = ztc_file_or_stdin(path, ZTC_EVIDENCE_MAX, &text, &len);

	*ret_why = NULL;
	if (r < 0) {
		(void)refuse(ret_why, "%s", strerror(-r));
		return r;
	}
	evidence = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!evidence)
		return refuse(ret_why, "line %d, column %d: %s", error.line, error.column,
			      error.text);
	r = check(evidence, ret_why);
	if (r == 0)
		r = look_at_seal(evidence, trust_dir, ret_sealed, ret_why);
	if (r < 0)
		return r;
	*ret = zt_take(evidence);
	return 0;
}
