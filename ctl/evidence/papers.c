// SPDX-License-Identifier: Apache-2.0
/*
 * papers.c - waivers and attestations are loaded, all of them well made or none used.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/evidence/waiver_priv.h"

void ztc_papers_free(struct ztc_papers **papers)
{
	if (!*papers)
		return;
	ztc_paper_list_free((*papers)->waivers, (*papers)->waiver_count);
	ztc_paper_list_free((*papers)->attestations, (*papers)->attestation_count);
	json_decref((*papers)->catalogue);
	free((*papers)->host);
	free(*papers);
	*papers = NULL;
}

static void whole_defect(json_t *defects, const char *file, json_t *text, json_t *remedy)
{
	json_array_append_new(defects, json_pack("{s:o, s:s, s:o, s:o}", "file", zt_json_str(file),
						 "at", "", "text", text, "remedy", remedy));
}

/* Files that the command line names have to be there. */
static int load(const char *path, struct ztc_paper **ret, size_t *ret_count, json_t *defects)
{
	int count = path ? ztc_paper_list(path, ret) : 0;

	if (count == -ENOENT) {
		whole_defect(defects, path, ztc_say(N_("it is not there")),
			     ztc_say(N_("name a file, or a directory of *.json files")));
		count = 0;
	}
	*ret_count = count < 0 ? 0 : (size_t)count;
	return count < 0 ? count : 0;
}

static void collect_defects(json_t *defects, const struct ztc_paper *papers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		json_array_extend(defects, papers[i].defects);
}

static int load_all(struct ztc_papers *papers, const struct ztc_papers_args *args,
		    const struct ztc_trust *trust, json_t *defects)
{
	int r = load(args->waivers, &papers->waivers, &papers->waiver_count, defects);

	if (r == 0)
		r = load(args->attestations, &papers->attestations, &papers->attestation_count,
			 defects);
	if (r < 0)
		return r;
	ztc_waivers_check(papers->waivers, papers->waiver_count, trust, args);
	ztc_attestations_check(papers->attestations, papers->attestation_count, trust, args);
	collect_defects(defects, papers->waivers, papers->waiver_count);
	collect_defects(defects, papers->attestations, papers->attestation_count);
	return 0;
}

int ztc_papers_load(struct ztc_papers **ret, const struct ztc_papers_args *args,
		    json_t **ret_defects)
{
	zt_auto(ztc_papers_free) struct ztc_papers *papers = calloc(1, sizeof(*papers));
	zt_auto(zt_json_decref) json_t *defects = json_array();
	zt_auto(zt_freep) char *why = NULL;
	zt_auto(zt_freep) struct ztc_trust *trust = calloc(1, sizeof(*trust));
	int r;

	if (!papers || !defects || !trust)
		return -ENOMEM;
	papers->host = strdup(args->host);
	papers->now_s = args->now_s;
	papers->catalogue = json_incref((json_t *)args->catalogue);
	if (!papers->host)
		return -ENOMEM;
	r = ztc_trust_load(trust, args->trust_dir, &why);
	if (r < 0 && (args->waivers || args->attestations))
		whole_defect(defects, args->trust_dir, ztc_say("%s", why ? why : ""),
			     ztc_say(N_("keys decide who may sign: nobody but root may write "
					"them")));
	r = load_all(papers, args, trust, defects);
	ztc_trust_free(trust);
	if (r < 0)
		return r;
	if (json_array_size(defects)) {
		*ret_defects = zt_take(defects);
		return -EBADMSG;
	}
	*ret = zt_take(papers);
	return 0;
}

int ztc_papers_lint(const struct ztc_papers_args *args, bool signatures, json_t **ret)
{
	zt_auto(ztc_papers_free) struct ztc_papers *papers = calloc(1, sizeof(*papers));
	zt_auto(zt_freep) struct ztc_trust *trust = calloc(1, sizeof(*trust));
	zt_auto(zt_json_decref) json_t *defects = json_array();
	zt_auto(zt_freep) char *why = NULL;
	int r;

	if (!papers || !trust || !defects)
		return -ENOMEM;
	r = signatures ? ztc_trust_load(trust, args->trust_dir, &why) : 0;
	if (r < 0)
		whole_defect(defects, args->trust_dir, ztc_say("%s", why ? why : ""),
			     ztc_say(N_("keys decide who may sign: nobody but root may write "
					"them")));
	r = load_all(papers, args, signatures ? trust : NULL, defects);
	ztc_trust_free(trust);
	if (r == 0)
		*ret = zt_take(defects);
	return r;
}

/* --- the register, as it is found --- */

static const char *state_of(const struct ztc_paper *p, int64_t now_s)
{
	if (json_array_size(p->defects))
		return "invalid";
	if (ztc_waiver_revoked(p))
		return "revoked";
	return p->to_s <= now_s ? "expired" : "valid";
}

static void copy(json_t *row, const char *to, const struct ztc_paper *p, const char *from)
{
	const char *text = json_string_value(json_object_get(p->doc, from));

	if (text)
		json_object_set_new(row, to, zt_json_str(text));
}

static json_t *register_row(const struct ztc_paper *p, const struct ztc_papers_args *args)
{
	const json_t *resource = json_object_get(json_object_get(p->doc, "scope"), "resource");
	const json_t *renewals = json_object_get(p->doc, "renewals");
	json_t *compensating = json_object_get(p->doc, "compensating");
	json_t *row =
		json_pack("{s:o, s:s, s:O, s:b}", "file", zt_json_str(p->file), "state",
			  state_of(p, args->now_s), "defects", p->defects, "critical",
			  ztc_waiver_critical(args->catalogue, ztc_paper_text(p, "check_id")));

	copy(row, "id", p, "id");
	copy(row, "check", p, "check_id");
	copy(row, "owner", p, "owner");
	copy(row, "approver", p, "approver");
	copy(row, "granted_at", p, "granted_at");
	copy(row, "expires_at", p, "expires_at");
	if (json_is_string(resource))
		json_object_set_new(row, "resource", zt_json_str(json_string_value(resource)));
	if (json_is_integer(renewals))
		json_object_set(row, "renewals", (json_t *)renewals);
	json_object_set_new(row, "compensating",
			    json_is_array(compensating) ? json_deep_copy(compensating)
							: json_array());
	if (p->signer)
		json_object_set_new(row, "signer", zt_json_str(p->signer));
	if (p->to_s >= 0)
		json_object_set_new(row, "days_left",
				    json_integer((p->to_s - args->now_s) / ZTC_DAY_S));
	return row;
}

int ztc_waivers_register(const struct ztc_papers_args *args, json_t *ret)
{
	zt_auto(zt_freep) struct ztc_trust *trust = calloc(1, sizeof(*trust));
	zt_auto(zt_freep) char *why = NULL;
	struct ztc_paper *papers = NULL;
	json_t *rows = json_array();
	int r, count;

	json_object_set_new(ret, "path", zt_json_str(args->waivers));
	json_object_set_new(ret, "waivers", rows);
	if (!trust || !rows)
		return -ENOMEM;
	count = ztc_paper_list(args->waivers, &papers);
	if (count < 0)
		return count == -ENOENT ? 0 : count;
	r = ztc_trust_load(trust, args->trust_dir, &why);
	if (r < 0)
		json_object_set_new(ret, "why", zt_json_str(why ? why : ""));
	else
		ztc_waivers_check(papers, (size_t)count, trust, args);
	for (int i = 0; i < count && r == 0; i++)
		json_array_append_new(rows, register_row(&papers[i], args));
	ztc_trust_free(trust);
	ztc_paper_list_free(papers, (size_t)count);
	return r;
}
