/* SPDX-License-Identifier: Apache-2.0 */
/* items.c - the status of an item from its checks, on three bases. */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/assess/levels.h"
#include "ctl/checks/check.h"

static const char *const basis_names[ZTC_BASIS_COUNT] = {"measured", "attested", "waived"};
static const char *const status_keys[ZTC_BASIS_COUNT] = {"status", "status_attested",
							 "status_waived"};

const char *ztc_basis_name(enum ztc_basis basis)
{
	return basis_names[basis];
}

static bool is(const json_t *object, const char *key, const char *text)
{
	return strcmp(zt_json_text(object, key), text) == 0;
}

static int64_t seconds_of(const json_t *object, const char *key)
{
	uint64_t ns;

	return zt_wall_parse(zt_json_text(object, key), &ns) == 0 ? (int64_t)(ns / ZT_NS_PER_S)
								  : -1;
}

/* --- one check --- */

/* An attestation that holds now: what it says, else unknown. */
static enum ztc_state attested_state(const json_t *attestation, int64_t now_s)
{
	const char *state = json_string_value(json_object_get(attestation, "state"));
	enum ztc_state ret = ZTC_STATE_UNKNOWN;

	if (!attestation || (state && strcmp(state, "valid") != 0) ||
	    seconds_of(attestation, "valid_until") < now_s)
		return ZTC_STATE_UNKNOWN;
	if (ztc_state_find(zt_json_text(attestation, "result"), &ret) < 0 ||
	    (ret != ZTC_STATE_PASS && ret != ZTC_STATE_PARTIAL && ret != ZTC_STATE_FAIL))
		return ZTC_STATE_UNKNOWN;
	return ret;
}

bool ztc_waived(const json_t *check, int64_t now_s)
{
	const json_t *disposition = json_object_get(check, "disposition");

	return is(disposition, "state", "waived") && seconds_of(disposition, "expires_at") >= now_s;
}

/*
 * What a check counts as on a basis. An attestation says something where nothing was measured, or
 * that it fails; it never satisfies a gate.
 */
static enum ztc_state state_on(const json_t *check, enum ztc_basis basis, int64_t now_s)
{
	enum ztc_state raw = ZTC_STATE_UNKNOWN, said;

	(void)ztc_state_find(zt_json_text(check, "result"), &raw);
	if (basis == ZTC_MEASURED)
		return raw;
	if (basis == ZTC_WAIVED && (raw == ZTC_STATE_FAIL || raw == ZTC_STATE_PARTIAL) &&
	    ztc_waived(check, now_s))
		return ZTC_STATE_PASS;
	said = attested_state(json_object_get(check, "attestation"), now_s);
	if (json_is_true(json_object_get(check, "gate")) || said == ZTC_STATE_UNKNOWN)
		return raw;
	if (said == ZTC_STATE_FAIL || raw == ZTC_STATE_UNKNOWN || raw == ZTC_STATE_ERROR)
		return said;
	return raw;
}

/* --- one item --- */

struct tally {
	unsigned int gates[ZTC_STATE_COUNT];
	unsigned int grave_fails; /* no gate, but severity high or critical */
};

static void count_check(struct tally *t, const json_t *check, enum ztc_state state)
{
	bool grave = is(check, "severity", "high") || is(check, "severity", "critical");

	if (json_is_true(json_object_get(check, "gate")))
		t->gates[state]++;
	else if (grave && state == ZTC_STATE_FAIL)
		t->grave_fails++;
}

static const char *status_of(const struct tally *t)
{
	if (t->gates[ZTC_STATE_FAIL])
		return "not_met";
	if (t->gates[ZTC_STATE_UNKNOWN] || t->gates[ZTC_STATE_ERROR])
		return "unknown";
	if (t->gates[ZTC_STATE_PARTIAL] || t->grave_fails)
		return "partial";
	return "met";
}

/* An attestation of the whole item speaks where nothing measured does. */
static const char *attested_status(const json_t *item, const struct tally *t, int64_t now_s)
{
	if (strcmp(status_of(t), "unknown") != 0 || t->grave_fails)
		return status_of(t);
	switch (attested_state(json_object_get(item, "attestation"), now_s)) {
	case ZTC_STATE_PASS:
		return "met";
	case ZTC_STATE_PARTIAL:
		return "partial";
	case ZTC_STATE_FAIL:
		return "not_met";
	default:
		return "unknown";
	}
}

static void judge_item(json_t *item, const json_t *doc, enum ztc_basis basis, int64_t now_s)
{
	const char *id = zt_json_text(item, "id"), *status;
	struct tally t = {0};
	const json_t *check;
	size_t i;

	json_array_foreach (json_object_get(doc, "checks"), i, check) {
		if (is(check, "item", id))
			count_check(&t, check, state_on(check, basis, now_s));
	}
	status = basis == ZTC_MEASURED ? status_of(&t) : attested_status(item, &t, now_s);
	/* What does not apply is measured all the same, and told. */
	if (!json_is_true(json_object_get(item, "applicable"))) {
		if (basis == ZTC_MEASURED)
			json_object_set_new(item, "informational", json_string(status));
		status = "na";
	}
	json_object_set_new(item, status_keys[basis], json_string(status));
}

static void count_results(json_t *item, const json_t *doc)
{
	json_int_t n[ZTC_STATE_COUNT] = {0};
	json_t *counts = json_object();
	const json_t *check;
	size_t i;

	json_array_foreach (json_object_get(doc, "checks"), i, check) {
		if (is(check, "item", zt_json_text(item, "id")))
			n[state_on(check, ZTC_MEASURED, 0)]++;
	}
	for (enum ztc_state s = 0; s < ZTC_STATE_COUNT; s++)
		json_object_set_new(counts, ztc_state_name(s), json_integer(n[s]));
	json_object_set_new(item, "counts", counts);
}

void ztc_items_judge(json_t *doc, int64_t now_s)
{
	json_t *item;
	size_t i;

	json_array_foreach (json_object_get(doc, "items"), i, item) {
		for (enum ztc_basis basis = 0; basis < ZTC_BASIS_COUNT; basis++)
			judge_item(item, doc, basis, now_s);
		count_results(item, doc);
	}
}

/* --- expiry --- */

size_t ztc_expire(json_t *doc, int64_t now_s)
{
	json_t *check;
	size_t i, count = 0;

	json_array_foreach (json_object_get(doc, "checks"), i, check) {
		int64_t until = seconds_of(check, "valid_until");

		if (until < 0 || until >= now_s || is(check, "result", "unknown"))
			continue;
		json_object_set(check, "expired_result", json_object_get(check, "result"));
		json_object_set_new(check, "result", json_string("unknown"));
		json_object_set_new(check, "reason",
				    ztc_say(N_("this held until %s; run ztctl assess again"),
					    zt_json_text(check, "valid_until")));
		count++;
	}
	return count;
}
