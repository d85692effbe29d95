// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_evidence.c - any bytes as a waiver, an attestation, a record, a pack, decisions: refused
 * with a reason, since nobody's key signs here; canonical text is a fixed point.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/evidence/record.h"
#include "ctl/evidence/safe.h"
#include "ctl/evidence/waiver_priv.h"
#include "ctl/review/pack.h"
#include "fuzz.h"

const char *const fuzz_dirs[] = {"tests/fuzz/corpus/evidence", NULL};

static struct ztc_trust nobody;

static void check_defects(const json_t *defects)
{
	const json_t *defect;
	size_t i;

	json_array_foreach (defects, i, defect) {
		fuzz_must(*ztc_text_in(ZTC_LANG_EN, json_object_get(defect, "text")), "a text");
		fuzz_must(*ztc_text_in(ZTC_LANG_EN, json_object_get(defect, "remedy")), "a remedy");
		fuzz_must(json_is_string(json_object_get(defect, "at")), "a place");
	}
}

static void try_paper(const char *text, size_t len, const json_t *doc, bool attestation)
{
	struct ztc_papers_args args = {
		.host = "app01", .catalogue = ztc_catalogue(), .now_s = 1795334400};
	struct ztc_paper *p = calloc(1, sizeof(*p));

	p->file = strdup("/nonexistent/x.json");
	p->text = malloc(len + 1);
	memcpy(p->text, text, len);
	p->text[len] = '\0';
	p->len = len;
	p->doc = json_deep_copy(doc);
	p->defects = json_array();
	p->from_s = p->to_s = -1;
	if (attestation)
		ztc_attestations_check(p, 1, &nobody, &args);
	else
		ztc_waivers_check(p, 1, &nobody, &args);
	fuzz_must(json_array_size(p->defects) > 0, "nobody can have signed it");
	check_defects(p->defects);
	ztc_paper_list_free(p, 1);
}

static void try_record(const json_t *doc)
{
	zt_auto(zt_json_decref) json_t *record = json_deep_copy(doc);
	struct ztc_self self = {.host = "app01", .machine = "sha256:1"};
	const char *why = NULL;
	int r = ztc_record_check(record, &self, &nobody, NULL, 1795334400, &why);

	fuzz_must(r == 0 || r == -EINVAL, "0 or -EINVAL");
	fuzz_must((r == 0) == !*why, "a reason exactly when refused");
	if (r == 0)
		fuzz_must(strcmp(json_string_value(json_object_get(record, "seal")), "ok") != 0,
			  "nobody can have sealed it");
}

static void try_pack(const json_t *doc)
{
	static json_t *all;
	zt_auto(zt_freep) char *why = NULL;
	int64_t items, disposed;

	if (!all)
		all = json_loads("[{\"disposition\": \"accept\", \"items\": [\"rule:*\"]}]", 0,
				 NULL);
	if (ztc_pack_check(doc, &why) < 0) {
		fuzz_must(why && *why, "a reason");
		return;
	}
	ztc_pack_count(doc, all, &items, &disposed);
	fuzz_must(items >= disposed && disposed >= 0, "no more decided than there is");
}

static void try_canonical(const json_t *doc)
{
	zt_auto(zt_freep) char *text = NULL, *again = NULL;
	zt_auto(zt_json_decref) json_t *back = NULL;
	size_t len, len_again;

	if (ztc_canonical(doc, &text, &len) < 0)
		return;
	back = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	fuzz_must(back && json_equal(back, doc), "it says the same");
	fuzz_must(ztc_canonical(back, &again, &len_again) == 0 && len == len_again &&
			  memcmp(text, again, len) == 0,
		  "a fixed point");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	zt_auto(zt_json_decref) json_t *doc = NULL, *list = NULL;
	zt_auto(zt_freep) char *why = NULL, *said = NULL;
	const char *text = (const char *)data;

	list = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_array(list) && ztc_dispositions_check(list, &said) == 0)
		ztc_disposition_of(list, "rule:web");
	if (ztc_json_object(text, size, &doc, &why) < 0) {
		fuzz_must(why && *why, "a reason");
		return 0;
	}
	try_canonical(doc);
	try_paper(text, size, doc, false);
	try_paper(text, size, doc, true);
	try_record(doc);
	try_pack(doc);
	return 0;
}
