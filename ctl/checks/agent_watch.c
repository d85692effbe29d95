// SPDX-License-Identifier: Apache-2.0
/*
 * agent_watch.c - dependencies that nobody decided about, a sensor that was silent, blocks that
 * were taken back (3.3-06, 3.3-07, 3.5-05).
 */
#include <fnmatch.h>
#include <string.h>

#include "base/time.h"
#include "ctl/checks/agent.h"

/* --- 3.3-06 -------------------------------------------------------------------------------------
 */

/*
 * Whether a review disposed of an edge: records are newest first, ends may be "*". Approved or
 * denied, somebody has looked.
 */
static bool disposed(const json_t *records, const char *edge)
{
	const json_t *record, *row;
	size_t i, k;

	json_array_foreach (json_object_get(records, "approvals"), i, record) {
		const json_t *body = json_object_get(record, "body");

		if (strcmp(ztc_get_text(record, "name"), "edges") != 0 ||
		    strcmp(ztc_get_text(record, "seal"), "ok") != 0)
			continue;
		json_array_foreach (json_object_get(body, "edges"), k, row) {
			const char *decision = ztc_get_text(row, "decision");

			if (fnmatch(ztc_get_text(row, "edge"), edge, 0) == 0 &&
			    (strcmp(decision, "approve") == 0 || strcmp(decision, "deny") == 0))
				return true;
		}
	}
	return false;
}

static int64_t count_open(const struct ztc_facts *facts, const json_t *dependencies,
			  const json_t *records, struct ztc_result *r)
{
	double days = ztc_limit(facts, "ZTS-3.3-06", "days");
	const json_t *rows = json_object_get(dependencies, "rows"), *row;
	int64_t open = 0, listed = (int64_t)json_array_size(rows);
	size_t i;

	json_array_foreach (rows, i, row) {
		const char *edge = ztc_get_text(row, "key");

		if ((double)(facts->now_s - ztc_get_number(row, "first_s")) <= days * ZTC_DAY_S ||
		    disposed(records, edge))
			continue;
		open++;
		ztc_offender(r, edge, N_("since %s, %lld connections"), ztc_get_text(row, "first"),
			     (long long)ztc_get_number(row, "connections"));
	}
	/* Beyond what is listed nobody looked either. */
	return open + ztc_get_number(dependencies, "undecided") - listed;
}

void ztc_judge_dependencies(const struct ztc_facts *facts, struct ztc_result *r)
{
	static const char id[] = "ZTS-3.3-06";
	const json_t *edges = ztc_fact(facts, "edges", r), *records;
	const json_t *dependencies = json_object_get(edges, "dependencies");
	int64_t open;

	if (!edges)
		return;
	ztc_expected(r, N_("no dependency older than %g days that no rule and no review decides"),
		     ztc_limit(facts, id, "days"));
	if (!ztc_window_covers(r, ztc_get_number(edges, "recorded_for_s"),
			       ztc_limit(facts, id, "days")))
		return;
	records = ztc_get_number(dependencies, "undecided") ? ztc_fact(facts, "records", r) : NULL;
	if (!records && ztc_get_number(dependencies, "undecided"))
		return;
	open = count_open(facts, dependencies, records, r);
	ztc_observed(r,
		     N_("%lld dependencies are decided by rules, %lld by nothing, %lld of these "
			"older than %g days and in no review"),
		     (long long)ztc_get_number(dependencies, "decided"),
		     (long long)ztc_get_number(dependencies, "undecided"), (long long)open,
		     ztc_limit(facts, id, "days"));
	if (ztc_get_true(edges, "over_bounds") && open <= ztc_limit(facts, id, "partial_edges")) {
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("there are more edges than could be looked at"));
		return;
	}
	ztc_conclude(r,
		     !open						     ? ZTC_STATE_PASS
		     : (double)open <= ztc_limit(facts, id, "partial_edges") ? ZTC_STATE_PARTIAL
									     : ZTC_STATE_FAIL,
		     N_("%lld dependencies wait for a decision"), (long long)open);
}

/* --- 3.3-07 -------------------------------------------------------------------------------------
 */

void ztc_judge_silence(const struct ztc_facts *facts, struct ztc_result *r)
{
	static const char id[] = "ZTS-3.3-07";
	const json_t *life = ztc_fact(facts, "life", r), *gap;
	double pass = ztc_limit(facts, id, "pass_silent");
	double partial = ztc_limit(facts, id, "partial_silent");
	size_t i;

	if (!life)
		return;
	r->num = ztc_get_number(life, "silent_s");
	r->den = ztc_get_number(life, "uptime_s");
	r->from_s = ztc_get_number(life, "from_s");
	r->to_s = facts->now_s;
	ztc_expected(r,
		     N_("silent for at most %g%% of the time the machine was up (partial: %g%%)"),
		     pass * 100, partial * 100);
	ztc_observed(r, N_("silent for %lld of %lld seconds, in %lld gaps"), (long long)r->num,
		     (long long)r->den, (long long)json_array_size(json_object_get(life, "gaps")));
	json_array_foreach (json_object_get(life, "gaps"), i, gap)
		ztc_offender(r, ztc_get_text(gap, "from"),
			     N_("%lld seconds without a heartbeat (%s)"),
			     (long long)ztc_get_number(gap, "seconds"), ztc_get_text(gap, "kind"));
	if (!ztc_get_true(life, "intact")) {
		ztc_conclude(r, ZTC_STATE_ERROR,
			     N_("the chain of heartbeats is broken: somebody altered it"));
		return;
	}
	if (!ztc_window_covers(r, r->den, ztc_limit(facts, id, "min_days")))
		return;
	ztc_conclude(r,
		     (double)r->num <= pass * r->den + 1e-9	 ? ZTC_STATE_PASS
		     : (double)r->num <= partial * r->den + 1e-9 ? ZTC_STATE_PARTIAL
								 : ZTC_STATE_FAIL,
		     N_("silent for %lld of %lld seconds (%.2f%%) that nothing explains"),
		     (long long)r->num, (long long)r->den,
		     r->den ? 100.0 * (double)r->num / (double)r->den : 0);
}

/* --- 3.5-05 -------------------------------------------------------------------------------------
 */

struct probes {
	int64_t asked, kept;
};

/* Connections that lived through a change that a drill made: the latest such drill. */
static struct probes probes_of(const struct ztc_facts *facts, const json_t *records)
{
	double days = ztc_limit(facts, "ZTS-3.5-05", "drill_days");
	struct probes none = {0};
	const json_t *record;
	size_t i;

	json_array_foreach (json_object_get(records, "drills"), i, record) {
		const json_t *body = json_object_get(record, "body");
		int64_t before = ztc_get_number(body, "established_before");
		uint64_t ended_ns;

		if (strcmp(ztc_get_text(record, "name"), "canary") != 0 ||
		    strcmp(ztc_get_text(record, "seal"), "ok") != 0 ||
		    zt_wall_parse(ztc_get_text(record, "ended"), &ended_ns) < 0 ||
		    (double)(facts->now_s - (int64_t)(ended_ns / ZT_NS_PER_S)) > days * ZTC_DAY_S)
			continue;
		return (struct probes){before, before - ztc_get_number(body, "established_gone")};
	}
	return none;
}

static void judge_blocks(const struct ztc_facts *facts, const struct probes *probes,
			 struct ztc_result *r)
{
	static const char id[] = "ZTS-3.5-05";
	double share = (double)r->num / (double)r->den;
	bool kept = (double)probes->kept + 1e-9 >=
		    ztc_limit(facts, id, "probe_share") * (double)probes->asked;

	if (share > ztc_limit(facts, id, "partial_blocks") + 1e-12)
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("%lld of %lld connections were denied and later allowed"),
			     (long long)r->num, (long long)r->den);
	else if (share > ztc_limit(facts, id, "pass_blocks") + 1e-12 || (probes->asked && !kept))
		ztc_conclude(r, ZTC_STATE_PARTIAL,
			     N_("%lld of %lld connections were denied and later allowed; %lld of "
				"%lld lived through a change"),
			     (long long)r->num, (long long)r->den, (long long)probes->kept,
			     (long long)probes->asked);
	else if (!probes->asked)
		ztc_conclude(r, ZTC_STATE_PARTIAL,
			     N_("%lld of %lld connections were denied and later allowed; no drill "
				"says how connections fare during a change"),
			     (long long)r->num, (long long)r->den);
	else
		ztc_conclude(r, ZTC_STATE_PASS,
			     N_("%lld of %lld connections were denied and later allowed; %lld of "
				"%lld lived through a change"),
			     (long long)r->num, (long long)r->den, (long long)probes->kept,
			     (long long)probes->asked);
}

void ztc_judge_blocks(const struct ztc_facts *facts, struct ztc_result *r)
{
	static const char id[] = "ZTS-3.5-05";
	const json_t *edges = ztc_fact(facts, "edges", r), *life, *row;
	const json_t *blocks = json_object_get(edges, "blocks");
	struct probes probes;
	char resource[256];
	size_t i;

	life = edges ? ztc_fact(facts, "life", r) : NULL;
	if (!life)
		return;
	probes = probes_of(facts, ztc_fact_maybe(facts, "records", r));
	r->num = ztc_get_number(blocks, "later_allowed");
	r->den = ztc_get_number(blocks, "flows");
	ztc_expected(r, N_("at most %g%% of connections denied and later allowed (partial: %g%%)"),
		     ztc_limit(facts, id, "pass_blocks") * 100,
		     ztc_limit(facts, id, "partial_blocks") * 100);
	ztc_observed(r, N_("%lld connections, %lld denied, %lld of these later allowed"),
		     (long long)r->den, (long long)ztc_get_number(blocks, "denied"),
		     (long long)r->num);
	json_array_foreach (json_object_get(blocks, "rows"), i, row) {
		snprintf(resource, sizeof(resource), "%.80s>%.80s:%.30s", ztc_get_text(row, "src"),
			 ztc_get_text(row, "dst"), ztc_get_text(row, "service"));
		ztc_offender(r, resource, N_("denied %lld times by %s, allowed since %s"),
			     (long long)ztc_get_number(row, "denied"), ztc_get_text(row, "rule"),
			     ztc_get_text(row, "last_allowed"));
	}
	if (!ztc_window_covers(r,
			       ztc_get_number(json_object_get(life, "modes"), "enforced") +
				       ztc_get_number(life, "held_s"),
			       ztc_limit(facts, id, "min_days")))
		return;
	if (ztc_get_true(edges, "over_bounds") || r->den < ZTC_SAMPLES_MIN) {
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("%lld connections were recorded: too few to be a share, %d are "
				"needed"),
			     (long long)r->den, ZTC_SAMPLES_MIN);
		return;
	}
	judge_blocks(facts, &probes, r);
}
