// SPDX-License-Identifier: Apache-2.0
/*
 * paper.c - files of waivers and attestations are read and held against their form.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <libfyaml.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/evidence/paper.h"
#include "ctl/evidence/safe.h"
#include "ctl/evidence/waiver.h"

/* --- places --- */

static struct fy_token *key_token(struct fy_node **node, const char *key, size_t len)
{
	struct fy_node_pair *pair;
	struct fy_node *child;
	struct fy_token *token;

	if (fy_node_is_sequence(*node)) {
		child = fy_node_sequence_get_by_index(*node, atoi(key));
		token = child ? fy_node_get_scalar_token(child) : NULL;
		*node = child;
		return token;
	}
	pair = fy_node_is_mapping(*node) ? fy_node_mapping_lookup_pair_by_string(*node, key, len)
					 : NULL;
	*node = pair ? fy_node_pair_value(pair) : NULL;
	return pair ? fy_node_get_scalar_token(fy_node_pair_key(pair)) : NULL;
}

/*
 * JSON is YAML: libfyaml knows where each key stands. The last part of @path that is there counts,
 * so what is missing is reported where it belongs.
 */
static void locate(const struct ztc_paper *p, const char *path, size_t *ret_line, size_t *ret_col)
{
	struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_JSON_FORCE};
	struct fy_document *doc = fy_document_build_from_string(&cfg, p->text, p->len);
	struct fy_node *node = doc ? fy_document_root(doc) : NULL;
	size_t pos = 0;

	while (node && *path) {
		size_t n = strcspn(path, ".");
		struct fy_token *token = key_token(&node, path, n);
		const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;

		if (mark)
			pos = mark->input_pos;
		path += n + (path[n] == '.');
	}
	fy_document_destroy(doc);
	/* The library marks the text of a quoted scalar, people look for its quote. */
	if (pos && pos <= p->len && p->text[pos - 1] == '"')
		pos--;
	*ret_line = *ret_col = 1;
	for (size_t i = 0; i < pos && i < p->len; i++) {
		*ret_col = p->text[i] == '\n' ? 1 : *ret_col + 1;
		*ret_line += p->text[i] == '\n';
	}
}

void ztc_paper_defect(struct ztc_paper *p, const char *path, json_t *text, json_t *remedy)
{
	size_t line = 0, col = 0;
	json_t *at;

	if (p->text && path)
		locate(p, path, &line, &col);
	at = line ? json_sprintf("line %zu, column %zu", line, col) : json_string("");
	json_array_append_new(p->defects,
			      json_pack("{s:o, s:o, s:o, s:o}", "file", zt_json_str(p->file), "at",
					at, "text", text, "remedy", remedy));
}

/* --- reading --- */

/* The place is in the library's sentence already. */
static void bad_json(struct ztc_paper *p, const char *why)
{
	const char *colon = why ? strstr(why, ": ") : NULL;
	json_t *at = colon && strncmp(why, "line ", 5) == 0
			     ? json_stringn(why, (size_t)(colon - why))
			     : json_string("");
	json_t *text = ztc_say(N_("cannot be used: %s"), colon ? colon + 2 : why ? why : "");

	json_array_append_new(
		p->defects,
		json_pack("{s:o, s:o, s:o, s:o}", "file", zt_json_str(p->file), "at", at, "text",
			  text, "remedy",
			  ztc_say(N_("one JSON object per file, no member twice; the 'new' command "
				     "writes one to start from"))));
}

static int read_paper(struct ztc_paper *p, int dir, const char *name, char *file)
{
	zt_auto(zt_freep) char *why = NULL;
	int r;

	p->file = file;
	p->from_s = p->to_s = -1;
	p->defects = json_array();
	if (!file || !p->defects)
		return -ENOMEM;
	r = ztc_safe_text(dir, name, ZTC_PAPER_MAX, &p->text, &p->len);
	if (r < 0) {
		ztc_paper_defect(p, NULL, ztc_say(N_("cannot be read: %s"), ztc_safe_why(r)),
				 ztc_say(N_("make it a regular file of root that nobody else may "
					    "write, of at most %d KiB"),
					 ZTC_PAPER_MAX >> 10));
		return 0;
	}
	if (ztc_json_object(p->text, p->len, &p->doc, &why) < 0)
		bad_json(p, why);
	return 0;
}

static int read_dir(const char *path, int dir, struct ztc_paper **ret)
{
	char **names = NULL;
	int r = 0, count = ztc_safe_list(dir, ".json", ZTC_PAPERS_MAX, &names);
	struct ztc_paper *papers = count > 0 ? calloc((size_t)count, sizeof(*papers)) : NULL;

	if (count <= 0)
		return count;
	for (int i = 0; papers && i < count && r == 0; i++) {
		char *file;

		r = asprintf(&file, "%s/%s", path, names[i]) < 0
			    ? -ENOMEM
			    : read_paper(&papers[i], dir, names[i], file);
	}
	ztc_safe_list_free(names, (size_t)count);
	if (!papers || r < 0) {
		ztc_paper_list_free(papers, papers ? (size_t)count : 0);
		return -ENOMEM;
	}
	*ret = papers;
	return count;
}

int ztc_paper_list(const char *path, struct ztc_paper **ret)
{
	zt_auto(zt_close) int dir = -1;
	struct ztc_paper *paper;
	struct stat st;
	int r;

	if (stat(path, &st) < 0 && errno == ENOENT)
		return -ENOENT;
	dir = ztc_safe_dir(path);
	if (dir >= 0) {
		r = read_dir(path, dir, ret);
		if (r != -E2BIG)
			return r;
		zt_close(&dir);
		dir = -E2BIG;
	}
	paper = calloc(1, sizeof(*paper));
	if (!paper)
		return -ENOMEM;
	if (dir == -ENOTDIR) {
		r = read_paper(paper, AT_FDCWD, path, strdup(path));
	} else {
		paper->file = strdup(path);
		paper->defects = json_array();
		r = paper->file && paper->defects ? 0 : -ENOMEM;
		if (r == 0)
			ztc_paper_defect(paper, NULL,
					 ztc_say(N_("cannot be read: %s"), ztc_safe_why(dir)),
					 ztc_say(N_("a directory of root that nobody else may "
						    "write, with at most %d files"),
						 ZTC_PAPERS_MAX));
	}
	if (r < 0) {
		ztc_paper_list_free(paper, 1);
		return r;
	}
	*ret = paper;
	return 1;
}

void ztc_paper_list_free(struct ztc_paper *papers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(papers[i].file);
		free(papers[i].text);
		free(papers[i].signer);
		json_decref(papers[i].doc);
		json_decref(papers[i].defects);
	}
	free(papers);
}

/* --- form --- */

const char *ztc_paper_text(const struct ztc_paper *p, const char *key)
{
	const char *text = json_string_value(json_object_get(p->doc, key));

	return text ? text : "";
}

static const char *type_name(json_type type)
{
	switch (type) {
	case JSON_OBJECT:
		return N_("an object");
	case JSON_ARRAY:
		return N_("a list");
	case JSON_INTEGER:
		return N_("a whole number");
	default:
		return N_("a text");
	}
}

static json_t *wrong_type(const char *name, json_type type)
{
	json_t *message = json_object();

	/* The type's name is itself translated. */
	for (int lang = 0; lang < ZTC_LANG_COUNT; lang++) {
		zt_auto(zt_freep) char *text = NULL;

		if (asprintf(&text, ztc_tr_in(lang, N_("'%s' has to be %s")), name,
			     ztc_tr_in(lang, type_name(type))) < 0)
			text = NULL;
		json_object_set_new(message, ztc_lang_tag(lang), zt_json_str(text ? text : name));
	}
	return message;
}

static json_t *see_docs(void)
{
	return ztc_say(N_("docs/evidence.md lists every member; the 'new' command writes them"));
}

static void check_member(struct ztc_paper *p, const char *path, const struct ztc_member *m,
			 const json_t *value)
{
	json_int_t n = json_integer_value(value);

	if (json_typeof(value) != m->type)
		ztc_paper_defect(p, path, wrong_type(m->name, m->type), see_docs());
	else if (m->type == JSON_STRING && !json_string_length(value))
		ztc_paper_defect(p, path, ztc_say(N_("'%s' is empty"), m->name),
				 ztc_say(N_("fill it in")));
	else if ((m->type == JSON_STRING && json_string_length(value) > m->max) ||
		 (m->type == JSON_ARRAY && json_array_size(value) > m->max))
		ztc_paper_defect(p, path, ztc_say(N_("'%s' is too long"), m->name),
				 ztc_say(N_("at most %zu"), m->max));
	else if (m->type == JSON_INTEGER && (n < 0 || n > (json_int_t)m->max))
		ztc_paper_defect(
			p, path,
			ztc_say(N_("'%s' is %lld, which is not allowed"), m->name, (long long)n),
			ztc_say(N_("from 0 to %zu"), m->max));
}

void ztc_paper_form(struct ztc_paper *p, const char *path, const struct ztc_member *members)
{
	json_t *object = *path ? json_object_get(p->doc, path) : p->doc, *value;
	const struct ztc_member *m;
	const char *key;
	char at[256];

	if (!json_is_object(object))
		return;
	json_object_foreach (object, key, value) {
		for (m = members; m->name && strcmp(m->name, key) != 0; m++)
			;
		snprintf(at, sizeof(at), "%s%s%s", path, *path ? "." : "", key);
		if (m->name)
			check_member(p, at, m, value);
		else
			ztc_paper_defect(p, at, ztc_say(N_("there is no member '%s'"), key),
					 see_docs());
	}
	for (m = members; m->name; m++) {
		if (!m->optional && !json_object_get(object, m->name))
			ztc_paper_defect(p, path, ztc_say(N_("'%s' is missing"), m->name),
					 see_docs());
	}
}

int64_t ztc_paper_time(struct ztc_paper *p, const char *key)
{
	const char *text = json_string_value(json_object_get(p->doc, key));
	uint64_t ns;

	if (!text || !*text)
		return -1;
	if (zt_wall_parse(text, &ns) == 0)
		return (int64_t)(ns / ZT_NS_PER_S);
	ztc_paper_defect(p, key, ztc_say(N_("'%s' is no time: %s"), key, text),
			 ztc_say(N_("write it as 2026-11-22T08:00:00Z")));
	return -1;
}

void ztc_paper_strings(struct ztc_paper *p, const json_t *array, const char *path)
{
	const json_t *value;
	size_t i;

	if (!json_is_array(array))
		return;
	if (!json_array_size(array))
		ztc_paper_defect(p, path, ztc_say(N_("'%s' is empty"), path),
				 ztc_say(N_("name at least one")));
	json_array_foreach (array, i, value) {
		char at[128];

		snprintf(at, sizeof(at), "%s.%zu", path, i);
		if (!json_string_length(value) || json_string_length(value) > 256)
			ztc_paper_defect(
				p, at,
				ztc_say(N_("element %zu of '%s' is no text of 1 to 256 bytes"),
					i + 1, path),
				see_docs());
	}
}

void ztc_paper_id(struct ztc_paper *p)
{
	const char *id = ztc_paper_text(p, "id");

	if (*id &&
	    (strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") !=
		     strlen(id) ||
	     *id == '.'))
		ztc_paper_defect(p, "id", ztc_say(N_("'%s' is no id"), id),
				 ztc_say(N_("letters, digits, '-', '_' and '.'")));
}

const json_t *ztc_paper_check_id(struct ztc_paper *p, const json_t *catalogue, const char *id,
				 const char *path)
{
	const json_t *check;
	size_t i;

	if (!id || !*id)
		return NULL;
	json_array_foreach (catalogue, i, check) {
		const char *have = json_string_value(json_object_get(check, "id"));

		if (have && strcmp(have, id) == 0)
			return check;
	}
	ztc_paper_defect(p, path, ztc_say(N_("there is no check '%s'"), id),
			 ztc_say(N_("use the id as the report prints it: ZTS-3.1-06")));
	return NULL;
}

/* --- signatures --- */

static void bad_signature(struct ztc_paper *p, enum ztc_sealed sealed, enum ztc_role role,
			  const char *why)
{
	if (sealed == ZTC_SEALED_NONE)
		ztc_paper_defect(p, "", ztc_say(N_("it is not signed")),
				 ztc_say(N_("have it signed with the 'sign' command by a key of "
					    "the role %s"),
					 ztc_role_name(role)));
	else if (sealed == ZTC_SEALED_UNKNOWN)
		ztc_paper_defect(
			p, "signature",
			ztc_say(N_("it is signed by key %s, which is no key of the role %s"),
				p->key_id, ztc_role_name(role)),
			ztc_say(N_("put the public key into the trust directory as "
				   "%s/NAME.pub, if it is to be trusted"),
				ztc_role_name(role)));
	else
		ztc_paper_defect(
			p, "signature", ztc_say(N_("its signature does not hold: %s"), why),
			ztc_say(N_("it was changed after it was signed: look at the change "
				   "and sign it anew")));
}

void ztc_paper_signature(struct ztc_paper *p, const struct ztc_trust *trust, enum ztc_role role,
			 enum ztc_role also, const char *who)
{
	const char *signer, *why, *named = ztc_paper_text(p, who);
	enum ztc_sealed sealed = ztc_unseal(p->doc, trust, role, &signer, p->key_id, &why);

	if (sealed == ZTC_SEALED_UNKNOWN && also != ZTC_ROLE_COUNT) {
		sealed = ztc_unseal(p->doc, trust, also, &signer, p->key_id, &why);
		if (sealed == ZTC_SEALED_OK) {
			p->signer = strdup(signer);
			return;
		}
	}
	if (sealed != ZTC_SEALED_OK) {
		bad_signature(p, sealed, role, why);
		return;
	}
	p->signer = strdup(signer);
	if (*named && strcmp(named, signer) != 0)
		ztc_paper_defect(
			p, who,
			ztc_say(N_("'%s' is %s, but it is signed by %s"), who, named, signer),
			ztc_say(N_("who is named has to sign; names are those of the key "
				   "files in the trust directory")));
	if (ztc_trust_shares(trust, role, signer, ZTC_ROLE_OWNER))
		ztc_paper_defect(p, "signature",
				 ztc_say(N_("the key that signed it is a system owner's too")),
				 ztc_say(N_("somebody else has to sign, with a key that is not in "
					    "the role owner")));
}

/* --- hosts --- */

bool ztc_paper_pattern(const char *text)
{
	return strpbrk(text, "*?[") != NULL;
}

bool ztc_paper_host(const json_t *hosts, const char *host)
{
	const json_t *value;
	size_t i;

	json_array_foreach (hosts, i, value) {
		const char *pattern = json_string_value(value);

		if (pattern && fnmatch(pattern, host, 0) == 0)
			return true;
	}
	return false;
}
