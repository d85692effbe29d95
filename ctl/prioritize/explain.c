// SPDX-License-Identifier: Apache-2.0
/* explain.c - one line that says why a system is where it is (assess.md's 8.4.7). */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/prioritize/prioritize.h"

static const char *const short_risk[ZTC_RISK_COUNT] = {
	N_("loc"), N_("user"), N_("priv"), N_("dev"), N_("data"), N_("conn"),
};
static const char *const short_data[ZTC_DATA_COUNT] = {
	N_("customer PII"),
	N_("customer transactions"),
	N_("employee PII"),
};

static void put_range(struct zt_strbuf *out, struct ztc_range range)
{
	if (range.min == range.max)
		zt_strbuf_printf(out, "%d", range.min);
	else
		zt_strbuf_printf(out, "%d-%d", range.min, range.max);
}

static void put_factors(struct zt_strbuf *out, enum ztc_lang lang, const struct ztc_system *s)
{
	zt_strbuf_puts(out, " (");
	for (int i = 0; i < ZTC_RISK_COUNT; i++) {
		const struct ztc_level *level = &s->risk[i];

		zt_strbuf_printf(out, "%s%s", i ? " " : "", ztc_tr_in(lang, short_risk[i]));
		if (level->level)
			zt_strbuf_printf(out, "%d%s%s", level->level, level->measured ? "m" : "",
					 level->gap ? "g" : "");
		else
			zt_strbuf_puts(out, "?");
	}
	zt_strbuf_puts(out, ")");
}

static void put_item(struct zt_strbuf *out, enum ztc_lang lang, bool *first, const char *text)
{
	if (!*first)
		zt_strbuf_puts(out, ztc_tr_in(lang, N_("; ")));
	zt_strbuf_puts(out, text);
	*first = false;
}

static void put_gates(struct zt_strbuf *out, enum ztc_lang lang, const struct ztc_system *s)
{
	bool first = true;

	zt_strbuf_puts(out, ztc_tr_in(lang, N_("gates: ")));
	for (int i = 0; i < ZTC_DATA_COUNT; i++) {
		zt_auto(zt_strbuf_free) struct zt_strbuf item = ZT_STRBUF_INIT;

		if (s->data[i] == ZTC_NO || (s->data[i] == ZTC_UNKNOWN && s->high == ZTC_YES))
			continue;
		zt_strbuf_printf(&item, "%s%s", ztc_tr_in(lang, short_data[i]),
				 s->data[i] == ZTC_YES ? "" : "?");
		put_item(out, lang, &first, zt_strbuf_text(&item));
	}
	if (s->manual == ZTC_YES || (s->manual == ZTC_UNKNOWN && s->low == ZTC_UNKNOWN))
		put_item(out, lang, &first,
			 s->manual == ZTC_YES ? ztc_tr_in(lang, N_("non-automated service"))
					      : ztc_tr_in(lang, N_("non-automated service?")));
	if (s->rto_us >= 0) {
		zt_auto(zt_strbuf_free) struct zt_strbuf item = ZT_STRBUF_INIT;
		const int64_t hour = 3600 * INT64_C(1000000);
		int64_t part = s->rto_us % hour * 10000 / hour;

		zt_strbuf_printf(&item, "RTO %lld", (long long)(s->rto_us / hour));
		/* Rounded up behind the fourth digit, as the boundary is. */
		part += s->rto_us % hour * 10000 % hour != 0;
		if (part) {
			zt_strbuf_printf(&item, ".%04lld", (long long)part);
			while (item.data[item.len - 1] == '0')
				item.data[--item.len] = '\0';
		}
		zt_strbuf_puts(&item, ztc_tr_in(lang, N_(" h")));
		put_item(out, lang, &first, zt_strbuf_text(&item));
	} else if (s->low == ZTC_UNKNOWN) {
		put_item(out, lang, &first, "RTO ?");
	}
	if (first)
		zt_strbuf_puts(out, ztc_tr_in(lang, N_("none")));
}

static void put_line(struct zt_strbuf *out, enum ztc_lang lang, const struct ztc_system *s)
{
	if (s->other_method) {
		zt_strbuf_puts(out,
			       ztc_tr_in(lang, N_("chosen by another methodology: not judged")));
		return;
	}
	zt_strbuf_puts(out, "R ");
	put_range(out, s->risk_sum);
	zt_strbuf_puts(out, "/18");
	put_factors(out, lang, s);
	zt_strbuf_puts(out, "  I ");
	put_range(out, s->impact_sum);
	zt_strbuf_puts(out, "/15  ");
	put_gates(out, lang, s);
	zt_strbuf_puts(out, ztc_tr_in(lang, N_("  -> tier ")));
	put_range(out, s->tier);
	if (!ztc_system_fields(s))
		zt_strbuf_puts(out, ztc_tr_in(lang, N_(" (no field)")));
}

json_t *ztc_explain_line(const struct ztc_system *system)
{
	json_t *message = json_object();

	for (int lang = 0; message && lang < ZTC_LANG_COUNT; lang++) {
		zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;

		put_line(&text, lang, system);
		json_object_set_new(message, ztc_lang_tag(lang),
				    json_string(zt_strbuf_text(&text)));
	}
	return message;
}
