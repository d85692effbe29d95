// SPDX-License-Identifier: Apache-2.0
/*
 * agent_govern.c - what runs is what was signed (3.7-01), and the same role has the same policy
 * (3.7-08).
 */
#include <string.h>

#include "base/time.h"
#include "ctl/checks/agent.h"

/* --- 3.7-01 -------------------------------------------------------------------------------------
 */

#define SIGNED "ZTS-3.7-01"

/* The text on disk: signed by whom? false: @r is set. */
static bool text_holds(const json_t *signing, struct ztc_result *r)
{
	const json_t *newest = json_object_get(signing, "newest");

	if (!ztc_get_true(signing, "intact"))
		ztc_conclude(r, ZTC_STATE_FAIL, N_("the chain of policy states is broken: %s"),
			     ztc_get_text(signing, "broken"));
	else if (strcmp(ztc_get_text(newest, "digest"), ztc_get_text(newest, "digest_of_text")))
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("the text of the policy is not the one that was put in force"));
	else if (!ztc_get_true(newest, "signed"))
		ztc_conclude(r, ZTC_STATE_FAIL, N_("the policy in force is not signed"));
	else if (!ztc_get_number(newest, "keys"))
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("the policy is signed, but no key is trusted for policies: put "
				"one into the trust directory"));
	else if (!ztc_get_true(newest, "verified"))
		ztc_conclude(r, ZTC_STATE_FAIL, N_("the policy's signature does not hold: %s"),
			     ztc_get_text(newest, "verify_error"));
	else if (json_array_size(json_object_get(signing, "backwards")))
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("an older revision was put in force without a rollback"));
	else
		return true;
	return false;
}

/* The rows in the kernel: are they what that text makes? false: @r is set. */
static bool rows_hold(const json_t *signing, const json_t *pins, const json_t *simulation,
		      struct ztc_result *r)
{
	const json_t *digest = json_object_get(pins, "digest");
	const json_t *rows = json_object_get(simulation, "rows");
	const char *live = ztc_get_text(digest, "live");

	if (json_object_get(digest, "error"))
		ztc_conclude(r, ZTC_STATE_UNKNOWN, N_("the kernel's rows cannot be read: %s"),
			     ztc_get_text(digest, "error"));
	else if (!ztc_get_true(digest, "equal"))
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("the rows in the kernel are not those that were committed"));
	else if (!simulation)
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("the rows are as committed; only a running agent can say of which "
				"policy"));
	else if (strcmp(live, ztc_get_text(rows, "compiled")) != 0 || !ztc_get_true(rows, "same"))
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("the rows in the kernel are not what the policy compiles to"));
	else if (ztc_get_true(pins, "unconfirmed"))
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("a change awaits confirmation: judge again when it is decided"));
	else if (strcmp(ztc_get_text(rows, "policy"),
			ztc_get_text(json_object_get(signing, "newest"), "digest")) != 0)
		ztc_conclude(
			r, ZTC_STATE_FAIL,
			N_("what is in force is another policy than the newest confirmed one"));
	else
		return true;
	return false;
}

/* The latest drill: a byte was flipped, and it was refused. NULL: none that counts. */
static const json_t *tamper_drill(const struct ztc_facts *facts, const json_t *records)
{
	const json_t *record;
	uint64_t ended_ns;
	size_t i;

	json_array_foreach (json_object_get(records, "drills"), i, record) {
		if (strcmp(ztc_get_text(record, "name"), "tamper") != 0 ||
		    strcmp(ztc_get_text(record, "seal"), "ok") != 0 ||
		    zt_wall_parse(ztc_get_text(record, "ended"), &ended_ns) < 0)
			continue;
		return (double)(facts->now_s - (int64_t)(ended_ns / ZT_NS_PER_S)) <=
				       ztc_limit(facts, SIGNED, "drill_days") * ZTC_DAY_S
			       ? record
			       : NULL;
	}
	return NULL;
}

void ztc_judge_signed(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *pins = ztc_kernel(facts, r);
	const json_t *signing = pins ? ztc_fact(facts, "signing", r) : NULL;
	const json_t *newest = json_object_get(signing, "newest");
	const json_t *simulation, *drill;

	if (!signing)
		return;
	simulation = ztc_fact_maybe(facts, "simulation", r);
	drill = tamper_drill(facts, ztc_fact_maybe(facts, "records", r));
	ztc_expected(r,
		     N_("a signed policy, its rows in the kernel, revisions that rise, a drill "
			"with a flipped byte of the last %g days"),
		     ztc_limit(facts, SIGNED, "drill_days"));
	ztc_observed(r,
		     N_("policy %s revision %lld, signed by %s; rows %.12s; %lld states; tamper "
			"drill: %s"),
		     ztc_get_text(newest, "policy"), (long long)ztc_get_number(newest, "revision"),
		     *ztc_get_text(newest, "key") ? ztc_get_text(newest, "key") : "-",
		     ztc_get_text(json_object_get(pins, "digest"), "live"),
		     (long long)ztc_get_number(signing, "entries"),
		     drill ? ztc_get_text(drill, "result") : "-");
	r->extra = json_pack("{s:s, s:s}", "policy_digest", ztc_get_text(newest, "digest"),
			     "rows_digest", ztc_get_text(json_object_get(pins, "digest"), "live"));
	if (!text_holds(signing, r) || !rows_hold(signing, pins, simulation, r))
		return;
	if (!drill)
		ztc_conclude(r, ZTC_STATE_PARTIAL,
			     N_("signed and in the kernel as signed; no tamper drill in %g days"),
			     ztc_limit(facts, SIGNED, "drill_days"));
	else if (strcmp(ztc_get_text(drill, "result"), "pass") != 0)
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("the tamper drill failed: what was altered was "
				"not refused"));
	else
		ztc_conclude(r, ZTC_STATE_PASS,
			     N_("signed by %s, in the kernel as signed, altered texts are refused"),
			     ztc_get_text(newest, "key"));
}

/* --- 3.7-08 -------------------------------------------------------------------------------------
 */

/* How many hosts of a role have this digest. */
static int64_t count_same(const json_t *fleet, const char *role, const char *digest)
{
	const json_t *host;
	int64_t count = 0;
	size_t i;

	json_array_foreach (fleet, i, host) {
		count += *digest && strcmp(ztc_get_text(host, "role"), role) == 0 &&
			 strcmp(ztc_get_text(host, "policy_digest"), digest) == 0;
	}
	return count;
}

/* The policy that most hosts of a role have; of two that are as common the smaller text. */
static const char *common_digest(const json_t *fleet, const char *role)
{
	const char *best = "";
	const json_t *host;
	int64_t most = 0;
	size_t i;

	json_array_foreach (fleet, i, host) {
		const char *digest = ztc_get_text(host, "policy_digest");
		int64_t n = strcmp(ztc_get_text(host, "role"), role) == 0
				    ? count_same(fleet, role, digest)
				    : 0;

		if (n > most || (n && n == most && strcmp(digest, best) < 0)) {
			most = n;
			best = digest;
		}
	}
	return best;
}

static void add_extra(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *policy = ztc_fact_maybe(facts, "policy", r);
	const json_t *digest = json_object_get(policy, "digest");
	const json_t *role = json_object_get(policy, "role");

	r->extra = json_object();
	json_object_set_new(r->extra, "policy_digest",
			    digest ? json_deep_copy(digest) : json_null());
	json_object_set_new(r->extra, "role", role ? json_deep_copy(role) : json_null());
}

/* Hosts that did not answer may be either way: only what holds both ways is said. */
static void judge_fleet(const struct ztc_facts *facts, int64_t silent, int64_t digests,
			struct ztc_result *r)
{
	static const char id[] = "ZTS-3.7-08";
	double partial = ztc_limit(facts, id, "partial_share");

	ztc_share(facts, r, id, r->num, r->den, true);
	if (r->den && !digests)
		ztc_conclude(r, ZTC_STATE_UNKNOWN, N_("no host told which policy it has"));
	else if (silent && r->state != ZTC_STATE_PASS &&
		 (double)(r->num + silent) + 1e-9 * r->den >= partial * r->den)
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("%lld of %lld hosts did not answer: it could be either way"),
			     (long long)silent, (long long)r->den);
}

void ztc_judge_same_role(const struct ztc_facts *facts, struct ztc_result *r)
{
	int64_t silent = 0, digests = 0;
	const json_t *host;
	size_t i;

	add_extra(facts, r);
	if (!facts->fleet) {
		ztc_expected(r, N_("hosts of the same role have the same policy"));
		ztc_conclude(r, ZTC_STATE_NA,
			     N_("one host alone: judged in a run over many (--hosts)"));
		return;
	}
	r->num = r->den = 0;
	json_array_foreach (facts->fleet, i, host) {
		const char *role = ztc_get_text(host, "role");
		const char *digest = ztc_get_text(host, "policy_digest");
		const char *common = common_digest(facts->fleet, role);

		r->den++;
		digests += *digest != '\0';
		silent += strcmp(ztc_get_text(host, "status"), "ok") != 0;
		/* Without a role nobody says whom it should be like; without a digest nobody knows.
		 */
		if (*role && *digest && strcmp(digest, common) == 0) {
			r->num++;
			continue;
		}
		ztc_offender(r, ztc_get_text(host, "host"),
			     N_("role %s, policy %.12s, most have %.12s"), *role ? role : "-",
			     *digest ? digest : "-", *common ? common : "-");
	}
	ztc_observed(r, N_("%lld of %lld hosts have the policy that most of their role have"),
		     (long long)r->num, (long long)r->den);
	judge_fleet(facts, silent, digests, r);
}
