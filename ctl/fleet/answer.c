// SPDX-License-Identifier: Apache-2.0
/*
 * answer.c - from what a host sent to its entry in the set: taken, or unknown with the reason.
 *
 * A result that lacks a check, calls a gate no gate, is of another host, of another time or under
 * another key is no result of this host.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/assess/doc.h"
#include "ctl/assess/evidence.h"
#include "ctl/fleet/fleet.h"
#include "ctl/fleet/set.h"
#include "ctl/i18n/say.h"
#include "ctl/render/text.h"

/* No result, and why. */
__attribute__((format(printf, 3, 4))) static void no_result(json_t *entry, const char *status,
							    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	json_object_set_new(entry, "why", ztc_say_v(fmt, ap));
	va_end(ap);
	json_object_set_new(entry, "status", json_string(status));
}

/* --- is it a whole result, by our catalogue? --- */

static const json_t *by_id(const json_t *list, const char *id, size_t *ret_count)
{
	const json_t *row, *found = NULL;
	size_t i;

	*ret_count = 0;
	json_array_foreach (list, i, row) {
		if (strcmp(ztc_str(row, "id"), id) != 0)
			continue;
		found = row;
		++*ret_count;
	}
	return found;
}

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
	return strcmp(ztc_str(a, key), ztc_str(b, key)) == 0;
}

/* Returns the id of the first row that is not as we have it; NULL = all are. */
static const char *not_ours(const json_t *doc)
{
	const json_t *row;
	size_t i, count;

	json_array_foreach (ztc_catalogue(), i, row) {
		const char *id = ztc_str(row, "id");
		const json_t *check = by_id(json_object_get(doc, "checks"), id, &count);

		if (count != 1 || !same_text(check, row, "item") ||
		    !same_text(check, row, "severity") ||
		    json_is_true(json_object_get(check, "gate")) !=
			    json_is_true(json_object_get(row, "gate")))
			return id;
	}
	json_array_foreach (json_object_get(ztc_model(), "items"), i, row) {
		const char *id = ztc_str(row, "id");
		const json_t *item = by_id(json_object_get(doc, "items"), id, &count);

		if (count != 1 || ztc_int(item, "level") != ztc_int(row, "level"))
			return id;
	}
	return NULL;
}

/* --- whose is it, and of when? --- */

/* The name alone: "db1" and "db1.example.com" are one. */
static bool same_host(const char *a, const char *b)
{
	const size_t len_a = strcspn(a, "."), len_b = strcspn(b, ".");

	if (a[len_a] && b[len_b])
		return strcmp(a, b) == 0;
	return len_a == len_b && strncmp(a, b, len_a) == 0;
}

/* A key that is called as a host speaks for that host alone. */
static bool may_sign(const struct ztc_fleet_run *run, const struct ztc_fleet_host *host,
		     const char *signer)
{
	const char *own = host->hostname ? host->hostname : host->name;

	if (strcmp(signer, own) == 0 || strcmp(signer, host->name) == 0)
		return true;
	for (size_t i = 0; i < run->trust->role[ZTC_ROLE_HOST].count; i++) {
		const char *key = run->trust->role[ZTC_ROLE_HOST].names[i];

		if (strcmp(key, own) == 0 || strcmp(key, host->name) == 0)
			return false;
	}
	for (size_t i = 0; i < run->hosts->count; i++)
		if (strcmp(run->hosts->rows[i].name, signer) == 0)
			return false;
	return true;
}

static bool check_seal(const struct ztc_fleet_run *run, const struct ztc_fleet_host *host,
		       const json_t *doc, json_t *entry)
{
	static const char *const names[] = {"none", "bad", "unknown", "ok"};
	const bool asked = run->trust && run->trust->role[ZTC_ROLE_HOST].count;
	static const struct ztc_trust nobody;
	const char *signer = NULL, *why = "";
	const enum ztc_sealed sealed = ztc_unseal(doc, run->trust ? run->trust : &nobody,
						  ZTC_ROLE_HOST, &signer, NULL, &why);

	json_object_set_new(entry, "seal", json_string(names[sealed]));
	if (signer)
		json_object_set_new(entry, "signer", zt_json_str(signer));
	if (sealed == ZTC_SEALED_OK && may_sign(run, host, signer))
		return true;
	if (sealed == ZTC_SEALED_OK)
		no_result(entry, "refused", N_("it is signed by the key of another host: %s"),
			  signer);
	else if (sealed == ZTC_SEALED_BAD)
		no_result(entry, "refused", N_("its signature does not fit: %s"), why);
	else if (asked && sealed == ZTC_SEALED_NONE)
		no_result(entry, "refused", N_("it is not signed, and keys of hosts are known"));
	else if (asked)
		no_result(entry, "refused", N_("it is signed by a key that is not trusted"));
	else
		return true;
	return false;
}

static bool check_time(const json_t *doc, json_t *entry, int64_t now_s)
{
	const char *ended = ztc_str(doc, "ended");
	const int64_t then = ztc_time_parse(ended);

	json_object_set_new(entry, "ended", zt_json_str(ended));
	if (then < 0)
		no_result(entry, "bad", N_("it does not say when it was made"));
	else if (then > now_s + ZTC_FLEET_FUTURE_S)
		no_result(entry, "refused",
			  N_("it is of the future (%s): one of the clocks is wrong"), ended);
	else if (then < now_s - ZTC_FLEET_AGE_MAX_S)
		no_result(entry, "stale", N_("it is older than 24 hours (%s)"), ended);
	else
		return true;
	return false;
}

static void take_document(const struct ztc_fleet_run *run, const struct ztc_fleet_host *host,
			  json_t *doc, json_t *entry, int64_t now_s)
{
	const char *own = host->hostname ? host->hostname : host->name;
	const char *name = ztc_str(json_object_get(doc, "host"), "name");
	char digest[ZTC_DIGEST_TEXT_LEN];
	const char *missing;

	if (ztc_digest(doc, digest) < 0) {
		no_result(entry, "bad",
			  N_("it holds what a document may not: real numbers, control "
			     "characters, or integers beyond 2^53"));
		return;
	}
	json_object_set_new(entry, "digest", json_string(digest));
	missing = not_ours(doc);
	if (missing)
		no_result(entry, "bad",
			  N_("%s is missing or another one than here: is its ztctl of "
			     "another version?"),
			  missing);
	else if (!same_host(own, name))
		no_result(entry, "refused",
			  N_("it is a result of '%s', not of '%s' (hostname= in the hosts file "
			     "names another)"),
			  name, own);
	else if (check_seal(run, host, doc, entry) && check_time(doc, entry, now_s)) {
		json_object_set_new(entry, "status", json_string("ok"));
		json_object_set(entry, "assessment", doc);
	}
}

static void take_text(const struct ztc_fleet_run *run, const struct ztc_fleet_host *host,
		      const char *text, size_t len, json_t *entry, int64_t now_s)
{
	zt_auto(zt_json_decref) json_t *doc = NULL;
	zt_auto(zt_freep) char *why = NULL;
	json_error_t error;

	doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!doc)
		no_result(entry, "bad", N_("what it sent is no JSON: line %d, column %d: %s"),
			  error.line, error.column, error.text);
	else if (ztc_doc_check(doc, &why) < 0)
		no_result(entry, "bad", N_("what it sent is no assessment: %s"), why ? why : "");
	else
		take_document(run, host, doc, entry, now_s);
}

/* --- how asking it ended --- */

/* The last line that ssh or the host said. */
static const char *last_line(const char *text)
{
	const char *line = text;

	for (const char *p = text; *p; p++)
		if ((*p == '\n' || *p == '\r') && p[1] && p[1] != '\n' && p[1] != '\r')
			line = p + 1;
	return line;
}

static void copy_line(char ret[256], const char *text)
{
	const char *line = last_line(text);

	snprintf(ret, 256, "%.*s", (int)strcspn(line, "\r\n"), line);
}

static void take_silence(json_t *entry, const struct ztc_fleet_answer *answer)
{
	char said[256];

	copy_line(said, answer->error);
	if (answer->exit_status == 255)
		no_result(entry, "unreachable", "%s", *said ? said : "ssh: exit status 255");
	else if (answer->exit_status == 127)
		no_result(entry, "bad", N_("the command is not there: %s"), said);
	else
		no_result(entry, "bad", N_("it sent nothing (exit status %d): %s"),
			  answer->exit_status, said);
}

static void take_file(const struct ztc_fleet_run *run, const struct ztc_fleet_host *host,
		      json_t *entry, int64_t now_s)
{
	zt_auto(zt_freep) char *text = NULL;
	size_t len;
	int r = ztc_file_or_stdin(host->file, ZTC_FLEET_BYTES_MAX, &text, &len);

	json_object_set_new(entry, "file", zt_json_str(host->file));
	if (r < 0)
		no_result(entry, "unreachable", "%s: %s", host->file, strerror(-r));
	else
		take_text(run, host, text, len, entry, now_s);
}

json_t *ztc_fleet_host_json(const struct ztc_fleet_run *run, const struct ztc_fleet_host *host,
			    const struct ztc_fleet_answer *answer, int64_t now_s)
{
	json_t *entry = json_pack(
		"{s:o, s:o, s:o, s:o, s:I, s:I}", "name", zt_json_str(host->name), "address",
		zt_json_str(host->address ? host->address : host->name), "role",
		zt_json_str(host->role), "system", zt_json_str(host->system), "bytes",
		(json_int_t)answer->text.len, "elapsed_ms", (json_int_t)answer->elapsed_ms);

	if (!entry)
		return NULL;
	switch (answer->end) {
	case ZTC_FLEET_LATE:
		no_result(entry, "timeout", N_("no answer within %u s"), run->timeout_s);
		break;
	case ZTC_FLEET_TOO_LONG:
		no_result(entry, "refused", N_("it sent more than %u MiB"),
			  ZTC_FLEET_BYTES_MAX >> 20);
		break;
	case ZTC_FLEET_INTERRUPTED:
		no_result(entry, "interrupted", N_("the run was interrupted before it answered"));
		break;
	case ZTC_FLEET_NOT_STARTED:
		no_result(entry, "unreachable", N_("ssh could not be started: %s"), answer->error);
		break;
	case ZTC_FLEET_ENDED:
		if (host->file)
			take_file(run, host, entry, now_s);
		else if (!answer->text.len)
			take_silence(entry, answer);
		else
			take_text(run, host, zt_strbuf_text(&answer->text), answer->text.len, entry,
				  now_s);
	}
	return entry;
}
