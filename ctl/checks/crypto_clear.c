// SPDX-License-Identifier: Apache-2.0
/*
 * crypto_clear.c - ZTS-3.4-02: services that take clear text and that others can reach.
 *
 * What was probed and is not known to encrypt is not known to encrypt: it never counts as a pass.
 */
#include <string.h>

#include "base/cleanup.h"
#include "ctl/checks/crypto.h"

struct tally {
	int64_t all, open, denied, unclear, config_only;
};

/* The agent's simulation: whether every peer that was tried is denied at this listener. */
static bool denied_for_all(const json_t *simulation, const json_t *row)
{
	const json_t *each;
	size_t i;

	json_array_foreach (json_object_get(simulation, "listeners"), i, each) {
		if (ztc_is(each, "resource", ztc_member(row, "resource")) &&
		    ztc_number(each, "netns") == ztc_number(row, "netns"))
			return ztc_number(each, "peers") > 0 && ztc_number(each, "allowed") == 0;
	}
	return false;
}

/* What the probe said about the last offender, in each language: it is a message of ours. */
static void add_why(struct ztc_result *r, const char *why)
{
	json_t *text = json_object_get(
		json_array_get(r->offenders, json_array_size(r->offenders) - 1), "text");

	if (!*why || r->offender_count > ZTC_OFFENDERS_SHOWN)
		return;
	for (int lang = 0; lang < ZTC_LANG_COUNT; lang++) {
		const char *tag = ztc_lang_tag(lang);

		json_object_set_new(
			text, tag,
			json_sprintf("%s (%s)", ztc_member(text, tag), ztc_tr_in(lang, why)));
	}
}

static void is_clear(struct ztc_result *r, const json_t *row)
{
	ztc_offender(r, ztc_member(row, "resource"), N_("%s by %s takes clear text"),
		     ztc_member(row, "service"),
		     *ztc_member(row, "comm") ? ztc_member(row, "comm") : "?");
	add_why(r, ztc_member(row, "why"));
	ztc_add_snippet(r, row, "require");
}

static void take_listener(struct ztc_result *r, struct tally *t, const json_t *simulation,
			  const json_t *row)
{
	bool clear = ztc_is(row, "clear", "yes");

	t->all++;
	if (ztc_is(row, "clear", "no") || ztc_is(row, "clear", "redirect") ||
	    ztc_is(row, "clear", "apart")) {
		if (json_is_true(json_object_get(row, "config_only"))) {
			t->config_only++;
			ztc_offender(r, ztc_member(row, "resource"),
				     N_("%s: that it takes no clear text is told by its "
					"configuration file alone"),
				     ztc_member(row, "service"));
		}
		return;
	}
	if (denied_for_all(simulation, row)) {
		t->denied++;
		ztc_offender(r, ztc_member(row, "resource"),
			     N_("%s by %s: denied for every peer that was tried"),
			     ztc_member(row, "service"), ztc_member(row, "comm"));
		return;
	}
	t->open += clear;
	t->unclear += !clear;
	if (clear) {
		is_clear(r, row);
	} else {
		ztc_offender(r, ztc_member(row, "resource"),
			     N_("%s by %s: not known to encrypt, counts as clear text"),
			     ztc_member(row, "service"), ztc_member(row, "comm"));
		add_why(r, ztc_member(row, "why"));
	}
}

/* Mounts and exports of NFS: Kerberos with privacy, or TLS below RPC (RFC 9289). */
static void take_nfs(struct ztc_result *r, struct tally *t, const json_t *nfs)
{
	static const char *const kinds[] = {"mounts", "exports"};
	const json_t *each;
	size_t i;

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		json_array_foreach (json_object_get(nfs, kinds[k]), i, each) {
			t->all++;
			if (!json_is_true(json_object_get(each, "clear")))
				continue;
			t->open++;
			ztc_offender(r, ztc_member(each, "resource"),
				     N_("NFS without krb5p and without xprtsec=tls (%s)"),
				     ztc_member(each, "options"));
			ztc_add_snippet(r, each, "require");
		}
	}
}

static void conclude(struct ztc_result *r, const struct tally *t, bool complete)
{
	if (t->open)
		ztc_conclude(
			r, ZTC_STATE_FAIL,
			N_("services that take clear text from other hosts: %lld. Turn them off or require TLS (lines for each daemon are shown)"),
			(long long)t->open);
	else if (t->unclear)
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN,
			N_("services that are not known to encrypt: %lld. Find out what they are, or close them to other hosts"),
			(long long)t->unclear);
	else if (!complete)
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("not every listener could be found or probed; run as root"));
	else if (t->denied)
		ztc_conclude(
			r, ZTC_STATE_PARTIAL,
			N_("clear-text services that are denied for every peer that was tried: %lld"),
			(long long)t->denied);
	else if (t->config_only)
		ztc_conclude(
			r, ZTC_STATE_PARTIAL,
			N_("services of which only the configuration says that they take no clear text: %lld"),
			(long long)t->config_only);
	else if (!t->all)
		ztc_conclude(r, ZTC_STATE_NA, N_("nothing listens that others can reach"));
	else
		ztc_conclude(r, ZTC_STATE_PASS, N_("services that take clear text: none of %lld"),
			     (long long)t->all);
}

void ztc_judge_clear_text(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *banners, *nfs, *simulation, *row;
	struct tally t = {0};
	size_t i;

	ztc_expected(r, N_("no service takes clear text from other hosts"));
	nfs = ztc_fact_maybe(facts, "nfs", r);
	simulation = ztc_fact_maybe(facts, "simulation", r);
	banners = ztc_fact(facts, "banners", r);
	if (!banners && !nfs)
		return;
	take_nfs(r, &t, nfs);
	/* What is mounted in the clear fails without any probe. */
	if (!banners && !t.open)
		return;
	/* Those that certainly take clear text stand first among the rows that are shown. */
	for (int round = 0; round < 2; round++) {
		json_array_foreach (json_object_get(banners, "listeners"), i, row) {
			if (ztc_is(row, "clear", "yes") == (round == 0))
				take_listener(r, &t, simulation, row);
		}
	}
	r->den = t.all;
	r->num = t.all - t.open - t.denied - t.unclear;
	ztc_observed(
		r,
		N_("services: %lld; taking clear text: %lld, not known: %lld, denied for every peer: %lld"),
		(long long)t.all, (long long)t.open, (long long)t.unclear, (long long)t.denied);
	conclude(r, &t, json_is_true(json_object_get(banners, "complete")) && nfs);
}
