/* SPDX-License-Identifier: Apache-2.0 */
/* net_boot.c - ZTS-3.1-08: is the host protected from its first packet on, and without the agent.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/checks/net.h"

#define ID	"ZTS-3.1-08"
#define BOOTS	6      /* this one and the last five */
#define LATE_MS 600000 /* a unit that became active so long after boot was started by hand */

/* --- by the agent's record --- */

/* Programs on tcx hang on links, which must be pinned; those of clsact stay with the device. */
static bool survives(const json_t *pins)
{
	const json_t *row;
	json_int_t tcx = 0;
	size_t i;

	json_array_foreach (json_object_get(pins, "attached"), i, row)
		tcx += strcmp(zt_json_text(row, "hook"), "tcx") == 0;
	return json_array_size(json_object_get(pins, "attached")) > 0 &&
	       ztc_net_number(pins, "links_broken") == 0 && ztc_net_number(pins, "links") >= tcx;
}

/* How long packets could pass before the agent was there [ms]. */
static json_int_t gap_of(const json_t *boot, const json_t *fact)
{
	json_int_t attached = ztc_net_number(boot, "attached_ms");
	json_int_t network = ztc_net_number(fact, "network_ms");
	bool now = strcmp(zt_json_text(boot, "boot_id"), zt_json_text(fact, "boot_id")) == 0;

	if (ztc_net_number(boot, "packets") == 0)
		return 0;
	/* The network of an earlier boot came up at an unknown time: at most since boot. */
	if (now && network > 0)
		return attached > network ? attached - network : 0;
	return attached;
}

static void conclude_gap(struct ztc_result *r, const struct ztc_facts *facts, json_int_t worst,
			 int boots)
{
	json_int_t most = (json_int_t)ztc_limit(facts, ID, "partial_gap_ms");

	if (!r->extra)
		r->extra = json_object();
	json_object_set_new(r->extra, "worst_gap_ms", json_integer(worst));
	json_object_set_new(r->extra, "boots", json_integer(boots));
	ztc_observed(r, N_("boots on record: %d; packets could pass for up to %lld ms before"),
		     boots, (long long)worst);
	if (worst == 0)
		ztc_conclude(r, ZTC_STATE_PASS,
			     N_("protected before the first packet in every recorded boot (%d)"),
			     boots);
	else if (worst <= most)
		ztc_conclude(
			r, ZTC_STATE_PARTIAL,
			N_("protection came up to %lld ms after the network (boots on record: %d)"),
			(long long)worst, boots);
	else
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("protection came up to %lld ms after the network: order it before "
				"network-pre.target"),
			     (long long)worst);
}

static void judge_agent(const struct ztc_facts *facts, struct ztc_result *r, const json_t *boot)
{
	const json_t *pins = json_object_get(ztc_fact_maybe(facts, "agent", r), "pins");
	const json_t *boots = json_object_get(boot, "boots"), *row;
	size_t total = json_array_size(boots), i;
	json_int_t worst = 0;
	bool this_one = false;
	int count = 0;

	if (!json_is_true(json_object_get(pins, "readable"))) {
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("the agent's pins cannot be read; run it as root"));
		return;
	}
	if (!survives(pins)) {
		ztc_conclude(
			r, ZTC_STATE_FAIL,
			N_("the agent's programs are not all pinned: they end with the agent"));
		return;
	}
	json_array_foreach (boots, i, row) {
		/* The first record is of the installation, on a host that was up already. */
		if (json_is_true(json_object_get(row, "first")) || i + BOOTS < total)
			continue;
		count++;
		this_one |=
			strcmp(zt_json_text(row, "boot_id"), zt_json_text(boot, "boot_id")) == 0;
		if (gap_of(row, boot) > worst)
			worst = gap_of(row, boot);
	}
	r->grade = "C"; /* the agent's own record */
	if (!count)
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN,
			N_("the host has not been started anew since the agent was installed"));
	else if (!this_one)
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("the agent wrote nothing down about this boot"));
	else
		conclude_gap(r, facts, worst, count);
}

/* --- without the agent --- */

/* Units that load what the kernel has. */
static bool loads(const char *unit, const json_t *filter)
{
	static const struct {
		const char *unit, *mechanism, *generator;
	} known[] = {
		{"firewalld.service", NULL, "firewalld"},
		{"ufw.service", NULL, "ufw"},
		{"nftables.service", "nftables", NULL},
		{"netfilter-persistent.service", "iptables", NULL},
		{"iptables.service", "iptables", NULL},
		{"shorewall.service", "iptables", NULL},
	};
	const json_t *row;
	size_t i;

	for (size_t k = 0; k < ARRAY_SIZE(known); k++) {
		if (strcmp(unit, known[k].unit) != 0)
			continue;
		json_array_foreach (json_object_get(filter, "mechanisms"), i, row) {
			if (known[k].mechanism &&
			    strncmp(zt_json_text(row, "name"), known[k].mechanism,
				    strlen(known[k].mechanism)) == 0)
				return true;
			if (known[k].generator &&
			    zt_json_has_text(json_object_get(row, "generators"),
					     known[k].generator))
				return true;
		}
	}
	return false;
}

static const json_t *find_unit(const json_t *boot, const json_t *filter)
{
	const json_t *row, *best = NULL;
	size_t i;

	json_array_foreach (json_object_get(boot, "units"), i, row) {
		if (!loads(zt_json_text(row, "name"), filter))
			continue;
		if (json_is_true(json_object_get(row, "active")))
			return row;
		best = row;
	}
	return best;
}

static void judge_unit(const struct ztc_facts *facts, struct ztc_result *r, const json_t *boot,
		       const json_t *unit)
{
	const char *name = zt_json_text(unit, "name");
	json_int_t done = ztc_net_number(unit, "done_ms");
	json_int_t network = ztc_net_number(boot, "network_ms");

	if (!json_is_true(json_object_get(unit, "enabled"))) {
		ztc_conclude(
			r, ZTC_STATE_FAIL,
			N_("%s is not enabled: after the next start of the host nothing filters"),
			name);
		return;
	}
	if (!json_is_true(json_object_get(unit, "active")) || done <= 0 || network <= 0) {
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("when %s was ready in this boot, or the network, is not recorded"),
			     name);
		return;
	}
	if (done > network &&
	    (json_is_true(json_object_get(unit, "before_network")) || done > LATE_MS)) {
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("%s was started again since the host was: how it is at boot shows "
				"after the next one"),
			     name);
		return;
	}
	ztc_observed(r, N_("%s was ready %lld ms after boot, the network %lld ms"), name,
		     (long long)done, (long long)network);
	conclude_gap(r, facts, done > network ? done - network : 0, 1);
}

void ztc_judge_boot(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *boot = ztc_fact(facts, "boot", r), *filter, *unit;
	struct ztc_guard guard;

	if (!boot)
		return;
	ztc_expected(r,
		     N_("the filter is in place before network-pre.target, and stays when its "
			"program ends (partial: at most %g ms later)"),
		     ztc_limit(facts, ID, "partial_gap_ms"));
	ztc_guard_get(facts, r, &guard);
	if (guard.enforced) {
		judge_agent(facts, r, boot);
		return;
	}
	filter = ztc_fact(facts, "filter", r);
	if (!filter)
		return;
	if (!json_array_size(json_object_get(filter, "mechanisms"))) {
		if (json_array_size(json_object_get(filter, "unread")))
			ztc_conclude(r, ZTC_STATE_UNKNOWN, N_("the filter's rules cannot be read"));
		else
			ztc_conclude(r, ZTC_STATE_FAIL, N_("no packet filter is in place at all"));
		return;
	}
	if (!json_is_true(json_object_get(boot, "systemd"))) {
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("systemd cannot be asked when the filter was loaded in this boot"));
		return;
	}
	unit = find_unit(boot, filter);
	if (unit)
		judge_unit(facts, r, boot, unit);
	else
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("there are filter rules, but no unit is known that loads them at "
				"boot"));
}
