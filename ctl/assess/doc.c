/* SPDX-License-Identifier: Apache-2.0 */
/* doc.c - whether a document has the shape that docs/assess.md gives it; reading one. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/assess/doc.h"
#include "ctl/assess/evidence.h"

enum type {
	STRING,
	TIME, /* RFC 3339 UTC */
	INTEGER,
	BOOLEAN,
	MESSAGE, /* {"en": text, …} */
	STRINGS,
	MESSAGES,
	OBJECT,
	OBJECTS,
	ANY,
};

#define OPTIONAL 0x1
#define NULLABLE 0x2

struct member {
	const char *key;
	enum type type;
	unsigned int flags;
	const struct member *inside; /* of OBJECT and OBJECTS */
	const char *const *words;    /* of STRING: one of these; NULL = any */
};

static const char *const results[] = {"pass",	 "partial", "fail", "notapplicable",
				      "unknown", "error",   NULL};
static const char *const statuses[] = {"met", "partial", "not_met", "unknown", "na", NULL};
static const char *const severities[] = {"critical", "high", "medium", "low", NULL};
static const char *const grades[] = {"A", "B", "B-", "C", "D", NULL};
static const char *const outcomes[] = {"met", "not_met", "undetermined", NULL};
static const char *const bases[] = {"measured", "attested", "waived", NULL};
static const char *const formats[] = {ZTC_ASSESS_FORMAT, NULL};

static const struct member tool[] = {
	{"name", STRING, 0, NULL, NULL}, {"version", STRING, 0, NULL, NULL}, {0}};
static const struct member host[] = {
	{"name", STRING, 0, NULL, NULL},	   {"machine", STRING, NULLABLE, NULL, NULL},
	{"kernel", STRING, NULLABLE, NULL, NULL},  {"os", STRING, NULLABLE, NULL, NULL},
	{"boot_id", STRING, NULLABLE, NULL, NULL}, {0}};
static const struct member profile[] = {{"name", STRING, 0, NULL, NULL},
					{"version", STRING, 0, NULL, NULL},
					{"digest", STRING, 0, NULL, NULL},
					{0}};
static const struct member scope[] = {{"system", ANY, OPTIONAL, NULL, NULL},
				      {"fields", STRINGS, 0, NULL, NULL},
				      {"service_model", STRING, OPTIONAL, NULL, NULL},
				      {"contradictions", MESSAGES, 0, NULL, NULL},
				      {"notes", MESSAGES, 0, NULL, NULL},
				      {0}};
static const struct member window[] = {{"from", TIME, NULLABLE, NULL, NULL},
				       {"to", TIME, NULLABLE, NULL, NULL},
				       {"seconds", INTEGER, 0, NULL, NULL},
				       {"wanted_seconds", INTEGER, OPTIONAL, NULL, NULL},
				       {0}};
static const struct member clock_members[] = {{"synchronised", BOOLEAN, NULLABLE, NULL, NULL},
					      {"maxerror_us", INTEGER, NULLABLE, NULL, NULL},
					      {0}};
static const struct member agent[] = {{"present", BOOLEAN, 0, NULL, NULL},
				      {"version", STRING, OPTIONAL, NULL, NULL},
				      {"mode", STRING, OPTIONAL, NULL, NULL},
				      {0}};
static const struct member options[] = {{"probe", BOOLEAN, 0, NULL, NULL},
					{"observe_s", INTEGER, 0, NULL, NULL},
					{"target", INTEGER, 0, NULL, NULL},
					{"accept_waivers", BOOLEAN, OPTIONAL, NULL, NULL},
					{0}};
static const struct member level[] = {{"level", INTEGER, 0, NULL, NULL},
				      {"text", STRING, 0, NULL, NULL},
				      {"vacuous", BOOLEAN, 0, NULL, NULL},
				      {"items", STRINGS, 0, NULL, NULL},
				      {0}};
static const struct member levels[] = {{"measured", OBJECT, 0, level, NULL},
				       {"attested", OBJECT, 0, level, NULL},
				       {"waived", OBJECT, 0, level, NULL},
				       {0}};
static const struct member target[] = {{"level", INTEGER, 0, NULL, NULL},
				       {"basis", STRING, 0, NULL, bases},
				       {"status", STRING, 0, NULL, outcomes},
				       {"exit", INTEGER, 0, NULL, NULL},
				       {0}};
static const struct member blockers[] = {
	{"basis", STRING, 0, NULL, bases},  {"level", INTEGER, 0, NULL, NULL},
	{"item", STRING, 0, NULL, NULL},    {"check", STRING, 0, NULL, NULL},
	{"reason", MESSAGE, 0, NULL, NULL}, {0}};
static const struct member counts[] = {{"pass", INTEGER, 0, NULL, NULL},
				       {"partial", INTEGER, 0, NULL, NULL},
				       {"fail", INTEGER, 0, NULL, NULL},
				       {"notapplicable", INTEGER, 0, NULL, NULL},
				       {"unknown", INTEGER, 0, NULL, NULL},
				       {"error", INTEGER, 0, NULL, NULL},
				       {0}};
static const struct member items[] = {{"id", STRING, 0, NULL, NULL},
				      {"level", INTEGER, 0, NULL, NULL},
				      {"title", MESSAGE, 0, NULL, NULL},
				      {"applicable", BOOLEAN, 0, NULL, NULL},
				      {"status", STRING, 0, NULL, statuses},
				      {"status_attested", STRING, 0, NULL, statuses},
				      {"status_waived", STRING, 0, NULL, statuses},
				      {"informational", STRING, OPTIONAL, NULL, statuses},
				      {"counts", OBJECT, 0, counts, NULL},
				      {"cisa", OBJECT, OPTIONAL | NULLABLE, NULL, NULL},
				      {"note", MESSAGE, OPTIONAL, NULL, NULL},
				      {"attestation", OBJECT, OPTIONAL, NULL, NULL},
				      {0}};
static const struct member offenders[] = {
	{"resource", STRING, 0, NULL, NULL}, {"text", MESSAGE, 0, NULL, NULL}, {0}};
static const struct member disposition[] = {{"state", STRING, 0, NULL, NULL},
					    {"waiver", STRING, 0, NULL, NULL},
					    {"expires_at", TIME, 0, NULL, NULL},
					    {"days_left", INTEGER, 0, NULL, NULL},
					    {0}};
static const struct member attestation[] = {{"id", STRING, 0, NULL, NULL},
					    {"result", STRING, 0, NULL, results},
					    {"valid_until", TIME, 0, NULL, NULL},
					    {0}};
static const struct member checks[] = {{"id", STRING, 0, NULL, NULL},
				       {"item", STRING, 0, NULL, NULL},
				       {"severity", STRING, 0, NULL, severities},
				       {"gate", BOOLEAN, 0, NULL, NULL},
				       {"kind", STRING, 0, NULL, NULL},
				       {"title", MESSAGE, 0, NULL, NULL},
				       {"result", STRING, 0, NULL, results},
				       {"expired_result", STRING, OPTIONAL, NULL, results},
				       {"reason", MESSAGE, 0, NULL, NULL},
				       {"observed", MESSAGE, NULLABLE, NULL, NULL},
				       {"expected", MESSAGE, NULLABLE, NULL, NULL},
				       {"numerator", INTEGER, OPTIONAL, NULL, NULL},
				       {"denominator", INTEGER, OPTIONAL, NULL, NULL},
				       {"window", OBJECT, OPTIONAL, window, NULL},
				       {"method", STRING, 0, NULL, NULL},
				       {"grade", STRING, 0, NULL, grades},
				       {"collectors", STRINGS, 0, NULL, NULL},
				       {"collected_at", TIME, NULLABLE, NULL, NULL},
				       {"valid_until", TIME, NULLABLE, NULL, NULL},
				       {"digest", STRING, NULLABLE, NULL, NULL},
				       {"offenders", OBJECTS, 0, offenders, NULL},
				       {"offenders_total", INTEGER, 0, NULL, NULL},
				       {"remediation", MESSAGE, 0, NULL, NULL},
				       {"mapping", OBJECT, 0, NULL, NULL},
				       {"extra", OBJECT, OPTIONAL, NULL, NULL},
				       {"disposition", OBJECT, OPTIONAL, disposition, NULL},
				       {"attestation", OBJECT, OPTIONAL, attestation, NULL},
				       {0}};
static const struct member collectors[] = {{"name", STRING, 0, NULL, NULL},
					   {"status", STRING, 0, NULL, NULL},
					   {"needs", STRING, OPTIONAL, NULL, NULL},
					   {"reason", STRING, OPTIONAL, NULL, NULL},
					   {"method", STRING, OPTIONAL, NULL, NULL},
					   {"digest", STRING, OPTIONAL, NULL, NULL},
					   {0}};
static const struct member assessment[] = {{"format", STRING, 0, NULL, formats},
					   {"tool", OBJECT, 0, tool, NULL},
					   {"statement", MESSAGE, 0, NULL, NULL},
					   {"host", OBJECT, 0, host, NULL},
					   {"profile", OBJECT, 0, profile, NULL},
					   {"scope", OBJECT, 0, scope, NULL},
					   {"window", OBJECT, 0, window, NULL},
					   {"clock", OBJECT, 0, clock_members, NULL},
					   {"started", TIME, 0, NULL, NULL},
					   {"ended", TIME, 0, NULL, NULL},
					   {"valid_until", TIME, NULLABLE, NULL, NULL},
					   {"privileged", BOOLEAN, 0, NULL, NULL},
					   {"agent", OBJECT, 0, agent, NULL},
					   {"options", OBJECT, 0, options, NULL},
					   {"levels", OBJECT, 0, levels, NULL},
					   {"also_met", STRINGS, 0, NULL, NULL},
					   {"target", OBJECT, 0, target, NULL},
					   {"blockers", OBJECTS, 0, blockers, NULL},
					   {"items", OBJECTS, 0, items, NULL},
					   {"checks", OBJECTS, 0, checks, NULL},
					   {"collectors", OBJECTS, 0, collectors, NULL},
					   {"waivers", OBJECTS, 0, NULL, NULL},
					   {"attestations", OBJECTS, 0, NULL, NULL},
					   {"notes", MESSAGES, 0, NULL, NULL},
					   {"signature", OBJECT, OPTIONAL, NULL, NULL},
					   {0}};

/* --- the comparison --- */

#define PATH_MAX_LEN 128

struct walk {
	char path[PATH_MAX_LEN];
	char **ret_why;
};

static int wrong(struct walk *w, const char *what)
{
	if (asprintf(w->ret_why, "%s %s", w->path, what) < 0)
		*w->ret_why = NULL;
	return -EINVAL;
}

static bool is_message(const json_t *value)
{
	const char *lang;
	json_t *text;

	json_object_foreach ((json_t *)value, lang, text) {
		if (!json_is_string(text))
			return false;
	}
	return json_is_string(json_object_get(value, "en"));
}

static bool all_are(const json_t *list, enum type type)
{
	const json_t *entry;
	size_t i;

	json_array_foreach (list, i, entry) {
		if (type == STRINGS ? !json_is_string(entry) : !is_message(entry))
			return false;
	}
	return json_is_array(list);
}

static bool is_word(const json_t *value, const char *const *words)
{
	for (; words && *words; words++) {
		if (strcmp(json_string_value(value), *words) == 0)
			return true;
	}
	return false;
}

static int check_object(struct walk *w, const json_t *object, const struct member *members);

static int check_objects(struct walk *w, const json_t *list, const struct member *members)
{
	size_t i, len = strlen(w->path);
	const json_t *entry;

	if (!json_is_array(list))
		return wrong(w, "has to be a list");
	json_array_foreach (list, i, entry) {
		int r;

		snprintf(w->path + len, sizeof(w->path) - len, "[%zu]", i);
		r = check_object(w, entry, members);
		if (r < 0)
			return r;
		w->path[len] = '\0';
	}
	return 0;
}

static int check_value(struct walk *w, const json_t *value, const struct member *m)
{
	uint64_t ns;

	switch (m->type) {
	case STRING:
		if (!json_is_string(value))
			return wrong(w, "has to be a text");
		return !m->words || is_word(value, m->words)
			       ? 0
			       : wrong(w, "has a value that does not exist");
	case TIME:
		return json_is_string(value) && zt_wall_parse(json_string_value(value), &ns) == 0
			       ? 0
			       : wrong(w, "has to be a time (RFC 3339)");
	case INTEGER:
		return json_is_integer(value) ? 0 : wrong(w, "has to be a whole number");
	case BOOLEAN:
		return json_is_boolean(value) ? 0 : wrong(w, "has to be true or false");
	case MESSAGE:
		return is_message(value) ? 0 : wrong(w, "has to be a text by language, en first");
	case STRINGS:
		return all_are(value, STRINGS) ? 0 : wrong(w, "has to be a list of texts");
	case MESSAGES:
		return all_are(value, MESSAGES) ? 0
						: wrong(w, "has to be a list of texts by language");
	case OBJECT:
		return check_object(w, value, m->inside);
	case OBJECTS:
		return check_objects(w, value, m->inside);
	default:
		return 0;
	}
}

static int check_object(struct walk *w, const json_t *object, const struct member *members)
{
	size_t len = strlen(w->path);

	if (!json_is_object(object))
		return wrong(w, "has to be an object");
	for (const struct member *m = members; m && m->key; m++) {
		const json_t *value = json_object_get(object, m->key);
		int r;

		snprintf(w->path + len, sizeof(w->path) - len, "%s%s", len ? "." : "", m->key);
		if (!value && !(m->flags & OPTIONAL))
			return wrong(w, "is missing");
		if (!value || (json_is_null(value) && m->flags & NULLABLE))
			r = 0;
		else
			r = check_value(w, value, m);
		if (r < 0)
			return r;
		w->path[len] = '\0';
	}
	return 0;
}

int ztc_doc_check(const json_t *doc, char **ret_why)
{
	struct walk w = {.path = "", .ret_why = ret_why};

	*ret_why = NULL;
	if (!json_is_object(doc)) {
		*ret_why = strdup("it is no object");
		return -EINVAL;
	}
	return check_object(&w, doc, assessment);
}

int ztc_doc_read(const char *path, json_t **ret, char **ret_why)
{
	zt_auto(zt_json_decref) json_t *doc = NULL;
	zt_auto(zt_freep) char *text = NULL;
	json_error_t error;
	size_t len;
	int r = ztc_file_or_stdin(path, ZTC_DOC_MAX, &text, &len);

	*ret_why = NULL;
	if (r < 0) {
		*ret_why = strdup(strerror(-r));
		return r;
	}
	doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!doc) {
		if (asprintf(ret_why, "line %d, column %d: %s", error.line, error.column,
			     error.text) < 0)
			*ret_why = NULL;
		return -EINVAL;
	}
	r = ztc_doc_check(doc, ret_why);
	if (r < 0)
		return r;
	*ret = zt_take(doc);
	return 0;
}
