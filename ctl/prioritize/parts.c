// SPDX-License-Identifier: Apache-2.0
/* parts.c - words and numbers that every output of the priorities says the same way. */
#include <string.h>

#include "base/json.h"
#include "ctl/prioritize/prioritize.h"
#include "ctl/render/text.h"

#define NAMES_SHOWN 3

int ztc_priority_tier(const json_t *system)
{
	const json_t *tier = json_object_get(system, "tier");

	return json_is_object(tier) ? (int)ztc_int(tier, "min") : ZTC_TIER_OTHER;
}

const char *ztc_tier_title(int tier)
{
	static const char *const titles[] = {
		N_("Tier 0: in no field, not ranked"),
		N_("Tier 1: high risk, low impact: deploy first"),
		N_("Tier 2: high risk, impact not low"),
		N_("Tier 3: risk not high, low impact"),
		N_("Tier 4: risk not high, impact not low"),
	};

	return tier < 0 || tier > 4 ? N_("Chosen by another methodology: not judged")
				    : titles[tier];
}

const char *ztc_step_title(int step)
{
	static const char *const titles[] = {
		N_("In field"),
		N_("High risk"),
		N_("Low impact"),
	};

	return titles[step - 1];
}

const char *ztc_basis_title(const char *method)
{
	if (strcmp(method, "gate") == 0)
		return N_("order: tiers by the questions");
	if (strcmp(method, "score") == 0)
		return N_("order: sums of the factors, the questions are not looked at");
	return N_("order: tiers by the questions, within them sums of the factors");
}

void ztc_put_range(struct zt_strbuf *out, const json_t *range)
{
	const long long min = ztc_int(range, "min"), max = ztc_int(range, "max");

	if (min == max)
		zt_strbuf_printf(out, "%lld", min);
	else
		zt_strbuf_printf(out, "%lld-%lld", min, max);
}

void ztc_put_steps(struct zt_strbuf *out, const json_t *row, int step)
{
	const json_t *count = json_array_get(json_object_get(row, "steps"), (size_t)step - 1);
	const json_t *open = json_array_get(json_object_get(row, "open"), (size_t)step - 1);
	const json_t *first = json_array_get(json_object_get(row, "steps"), 0);

	if (!json_integer_value(first) && ztc_int(row, "other_method")) {
		zt_strbuf_puts(out, "-");
		return;
	}
	zt_strbuf_printf(out, "%lld", (long long)json_integer_value(count));
	if (json_integer_value(open))
		zt_strbuf_printf(out, "+%lld?", (long long)json_integer_value(open));
}

void ztc_put_fields(struct zt_strbuf *out, enum ztc_lang lang, const json_t *system)
{
	const json_t *field;
	size_t i;

	json_array_foreach (json_object_get(system, "fields"), i, field) {
		zt_strbuf_puts(out, i ? ", " : "");
		zt_strbuf_puts(out, lang == ZTC_LANG_EN
					    ? ztc_str(field, "id")
					    : ztc_text_in(lang, json_object_get(field, "name")));
		if (strcmp(ztc_str(field, "source"), "scenario") == 0)
			zt_strbuf_puts(out, "*");
	}
}

/* What a factor or question is called as a column of the inventory. */
static const char *column_in(enum ztc_lang lang, const char *id)
{
	const struct ztc_column_def *column = ztc_column_find(id, strlen(id));

	return column && lang == ZTC_LANG_ZH_TW ? ztc_column_zh(column) : id;
}

static void put_list(struct zt_strbuf *out, enum ztc_lang lang, const char *title,
		     const json_t *list)
{
	const json_t *item;
	size_t i;

	if (!json_array_size(list))
		return;
	zt_strbuf_puts(out, out->len ? "; " : "");
	zt_strbuf_puts(out, ztc_tr_in(lang, title));
	/* All of them are in the document and in --explain. */
	if (json_array_size(list) > NAMES_SHOWN) {
		zt_strbuf_printf(out, ztc_tr_in(lang, N_(" %zu answers")), json_array_size(list));
		return;
	}
	json_array_foreach (list, i, item) {
		zt_strbuf_puts(out, i ? ", " : " ");
		zt_strbuf_puts(out, column_in(lang, json_string_value(item)));
	}
}

void ztc_put_flags(struct zt_strbuf *out, enum ztc_lang lang, const json_t *system)
{
	const long long best = ztc_int(system, "rank_best"), worst = ztc_int(system, "rank_worst");

	const bool open = json_is_true(json_object_get(system, "incomplete"));
	const json_t *factor;
	size_t i;

	if (open)
		put_list(out, lang, N_("missing:"), json_object_get(system, "missing"));
	if (open && best != worst) {
		zt_strbuf_puts(out, out->len ? "; " : "");
		zt_strbuf_printf(out, ztc_tr_in(lang, N_("place %lld to %lld")), best, worst);
	}
	put_list(out, lang, N_("measured, to confirm:"), json_object_get(system, "confirm"));
	json_array_foreach (json_object_get(json_object_get(system, "risk"), "factors"), i, factor)
		if (json_is_true(json_object_get(factor, "source_gap"))) {
			zt_strbuf_puts(out, out->len ? "; " : "");
			zt_strbuf_printf(out, "source-gap: %s",
					 column_in(lang, ztc_str(factor, "id")));
		}
}
