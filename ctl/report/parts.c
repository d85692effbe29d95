/* SPDX-License-Identifier: Apache-2.0 */
/* parts.c - words, identifiers and escapes that the outputs of an assessment share. */
#include <ctype.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "ctl/evidence/seal.h"
#include "ctl/render/text.h"
#include "ctl/report/report.h"

/* Names of ours are made below this one; itself random, once. */
static const unsigned char uuid_namespace[16] = {0x6f, 0x1c, 0x0b, 0x52, 0x9d, 0x3e, 0x4a, 0x87,
						 0xb1, 0x64, 0x2e, 0xd0, 0x7a, 0x95, 0xc3, 0x18};

struct word {
	const char *name, *text;
};

static const struct word results[] = {
	{"pass", N_("pass")},
	{"partial", N_("partial")},
	{"fail", N_("fail")},
	{"notapplicable", N_("not applicable")},
	{"unknown", N_("unknown")},
	{"error", N_("error")},
	{NULL, NULL},
};

static const struct word statuses[] = {
	{"met", N_("met")},
	{"partial", N_("partly met")},
	{"not_met", N_("not met")},
	{"unknown", N_("undetermined")},
	{"undetermined", N_("undetermined")},
	{"na", N_("not applicable")},
	{NULL, NULL},
};

static const struct word severities[] = {
	{"critical", N_("critical")}, {"high", N_("high")}, {"medium", N_("medium")},
	{"low", N_("low")},	      {NULL, NULL},
};

static const struct word dispositions[] = {
	{"waived", N_("waived")},
	{"waiver-expired", N_("waiver expired")},
	{"waiver-invalid", N_("waiver invalid")},
	{"waiver-suspended", N_("waiver suspended")},
	/* Of the register. */
	{"in-force", N_("in force")},
	{"expired", N_("expired")},
	{"revoked", N_("revoked")},
	{"elsewhere", N_("for other hosts")},
	{"not-honoured", N_("not honoured")},
	{"suspended", N_("suspended")},
	{"valid", N_("valid")},
	{"error", N_("error")},
	{NULL, NULL},
};

static const struct word collected[] = {
	{"ok", N_("answered")},
	{"denied", N_("no privilege")},
	{"absent", N_("not there")},
	{"timeout", N_("no answer in time")},
	{"error", N_("error")},
	{"not_run", N_("not asked for")},
	{NULL, NULL},
};

static const struct word methods[] = {
	{"measure", N_("measured in the kernel or in files")},
	{"simulate", N_("simulated on the loaded program")},
	{"probe", N_("tried with packets or a drill")},
	{"attest", N_("stated by people")},
	{"attest+measure", N_("signed by people, digest recomputed")},
	{"sampled", N_("sampled")},
	{NULL, NULL},
};

/* Scenes of the guideline. */
static const struct word fields[] = {
	{"remote_work", N_("remote working")},
	{"cloud_access", N_("cloud access")},
	{"system_ops", N_("system operation and maintenance")},
	{"app_admin", N_("application administration")},
	{"service_provider", N_("service provider")},
	{"cross_org", N_("cross-institution collaboration")},
	{NULL, NULL},
};

static const char *word_of(const struct word *words, const char *name)
{
	for (; words->name; words++) {
		if (strcmp(words->name, name) == 0)
			return words->text;
	}
	return name;
}

const char *ztc_report_result(const char *result)
{
	return word_of(results, result);
}

const char *ztc_report_status(const char *status)
{
	return word_of(statuses, status);
}

const char *ztc_report_severity(const char *severity)
{
	return word_of(severities, severity);
}

const char *ztc_report_disposition(const char *state)
{
	return word_of(dispositions, state);
}

const char *ztc_report_collected(const char *status)
{
	return word_of(collected, status);
}

const char *ztc_report_method(const char *method)
{
	return word_of(methods, method);
}

const char *ztc_report_field(const char *field)
{
	return word_of(fields, field);
}

/* In a set a host is called what the list calls it: names that hosts give themselves may be equal.
 */
static json_t *as_listed(const json_t *entry)
{
	const json_t *own = json_object_get(entry, "assessment");
	const char *name = ztc_str(entry, "name");
	json_t *one, *host;

	if (!json_is_object(own))
		return NULL;
	one = json_copy((json_t *)own);
	host = json_copy(json_object_get(own, "host"));
	if (one && *name && json_is_object(host)) {
		json_object_set(one, "own_host", json_object_get(own, "host"));
		json_object_set_new(host, "name", zt_json_str(name));
		json_object_set(one, "host", host);
	}
	json_decref(host);
	return one;
}

json_t *ztc_report_all(const json_t *doc)
{
	json_t *all = json_array(), *entry;
	size_t i;

	if (strcmp(ztc_str(doc, "format"), ZTC_SET_FORMAT) != 0) {
		json_array_append(all, (json_t *)doc);
		return all;
	}
	json_array_foreach (json_object_get(doc, "hosts"), i, entry) {
		json_t *one = as_listed(entry);

		if (one)
			json_array_append_new(all, one);
	}
	return all;
}

const char *ztc_report_host(const json_t *assessment)
{
	const char *name = ztc_str(json_object_get(assessment, "host"), "name");

	return *name ? name : "host";
}

const json_t *ztc_report_entry(const json_t *assessment, const char *list, const char *id)
{
	json_t *entry;
	size_t i;

	json_array_foreach (json_object_get(assessment, list), i, entry) {
		if (strcmp(ztc_str(entry, "id"), id) == 0)
			return entry;
	}
	return NULL;
}

const json_t *ztc_report_item(const json_t *assessment, const char *id)
{
	return ztc_report_entry(assessment, "items", id);
}

bool ztc_report_waived(const json_t *check)
{
	const json_t *disposition = json_object_get(check, "disposition");

	return strcmp(ztc_str(disposition, "state"), "waived") == 0;
}

json_t *ztc_report_strings(const json_t *value)
{
	json_t *list = json_array(), *one;
	size_t i;

	if (json_is_string(value))
		json_array_append(list, (json_t *)value);
	json_array_foreach (value, i, one) {
		if (json_is_string(one))
			json_array_append(list, one);
	}
	return list;
}

/* --- identifiers --- */

void ztc_report_digest(char *ret, size_t size, const json_t *doc)
{
	zt_auto(zt_json_decref) json_t *bare = json_copy((json_t *)doc);
	const json_t *own = json_object_get(doc, "own_host");
	char text[ZTC_DIGEST_TEXT_LEN];

	/* What `assess show` says of the signature, and the name in a list, were not signed. */
	json_object_del(bare, "seal");
	json_object_del(bare, "own_host");
	if (own)
		json_object_set(bare, "host", (json_t *)own);
	snprintf(ret, size, "%s", bare && ztc_digest(bare, text) == 0 ? text : "");
}

void ztc_report_uuid(char ret[ZTC_UUID_TEXT_LEN], const char *digest, const char *path)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf name = ZT_STRBUF_INIT;
	unsigned char hash[EVP_MAX_MD_SIZE] = {0};

	zt_strbuf_add(&name, uuid_namespace, sizeof(uuid_namespace));
	zt_strbuf_printf(&name, "%s/%s", digest, path);
	/* SHA-1 is what version 5 is made of; nothing is protected by it. */
	EVP_Digest(name.data, name.len, hash, NULL, EVP_sha1(), NULL);
	hash[6] = (hash[6] & 0x0f) | 0x50;
	hash[8] = (hash[8] & 0x3f) | 0x80;
	snprintf(ret, ZTC_UUID_TEXT_LEN,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", hash[0],
		 hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7], hash[8], hash[9],
		 hash[10], hash[11], hash[12], hash[13], hash[14], hash[15]);
}

char *ztc_report_uri(const char *text)
{
	struct zt_strbuf uri = ZT_STRBUF_INIT;

	zt_strbuf_puts(&uri, "");
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		/* The unreserved characters of RFC 3986, 2.3. */
		if ((*p < 0x80 && isalnum(*p)) || strchr("-._~", *p))
			zt_strbuf_add(&uri, p, 1);
		else
			zt_strbuf_printf(&uri, "%%%02X", *p);
	}
	return zt_strbuf_steal(&uri);
}

/* --- XML --- */

static void xml_char(FILE *out, char c)
{
	if (c == '&')
		fputs("&amp;", out);
	else if (c == '<')
		fputs("&lt;", out);
	else if (c == '>')
		fputs("&gt;", out);
	else if (c == '"')
		fputs("&quot;", out);
	else if (c == '\'')
		fputs("&#39;", out);
	else
		fputc(c, out);
}

/* One line; control characters and bad UTF-8, which XML cannot hold at all, become \xNN. */
static void xml_line(FILE *out, const char *line, size_t len)
{
	zt_auto(zt_freep) char *raw = strndup(line, len);
	zt_auto(zt_freep) char *safe = raw ? ztc_escaped(raw) : NULL;

	for (const char *p = safe ? safe : ""; *p; p++) {
		/* U+FFFE and U+FFFF are no characters of XML. */
		if (strncmp(p, "\xef\xbf\xbe", 3) == 0 || strncmp(p, "\xef\xbf\xbf", 3) == 0) {
			fprintf(out, "\\u{fff%c}", p[2] == '\xbe' ? 'e' : 'f');
			p += 2;
		} else {
			xml_char(out, *p);
		}
	}
}

void ztc_xml_text(FILE *out, const char *text)
{
	for (;;) {
		size_t len = strcspn(text, "\n\t");

		xml_line(out, text, len);
		if (!text[len])
			return;
		fprintf(out, "&#%d;", text[len]);
		text += len + 1;
	}
}

void ztc_xml_attribute(FILE *out, const char *name, const char *value)
{
	fprintf(out, " %s=\"", name);
	ztc_xml_text(out, value);
	fputc('"', out);
}
