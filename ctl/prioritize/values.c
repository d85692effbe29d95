// SPDX-License-Identifier: Apache-2.0
/* values.c - one value of one column: what people write, to what is counted with. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/vec.h"
#include "ctl/prioritize/columns.h"

#define MICRO	   INT64_C(1000000)
#define NUMBER_MAX INT64_C(1000000000000) /* of hours or NTD: no organisation has more */

int ztc_cost_level(int64_t ntd)
{
	return ntd >= 25000000 ? 3 : ntd >= 5000000 ? 2 : 1;
}

/* A copy without blanks at its ends, wide ones included; a mark of Excel's for text goes too. */
static const char *trimmed(struct ztc_inventory *inv, const char *text, size_t len)
{
	static const char wide[] = "\xe3\x80\x80", hard[] = "\xc2\xa0";

	for (;;) {
		if (len && isspace((unsigned char)*text))
			text++, len--;
		else if (len >= 3 && memcmp(text, wide, 3) == 0)
			text += 3, len -= 3;
		else if (len >= 2 && memcmp(text, hard, 2) == 0)
			text += 2, len -= 2;
		else if (len && isspace((unsigned char)text[len - 1]))
			len--;
		else if (len >= 3 && memcmp(text + len - 3, wide, 3) == 0)
			len -= 3;
		else if (len >= 2 && memcmp(text + len - 2, hard, 2) == 0)
			len -= 2;
		else
			return zt_arena_text(inv->arena, text, len);
	}
}

static bool one_of(const char *text, const char *const *list)
{
	for (; *list; list++)
		if (strcasecmp(text, *list) == 0)
			return true;
	return false;
}

static int read_answer(const char *text, enum ztc_answer *ret)
{
	static const char *const yes[] = {"yes", "y", "true", "1", "是", "有", "v", "✓", "✔", NULL};
	static const char *const no[] = {"no", "n", "false", "0", "否", "無", "非", NULL};
	static const char *const open[] = {"unknown", "?",    "-",	"？",
					   "未知",    "不明", "待確認", NULL};

	if (one_of(text, yes))
		*ret = ZTC_YES;
	else if (one_of(text, no))
		*ret = ZTC_NO;
	else if (one_of(text, open))
		*ret = ZTC_UNKNOWN;
	else
		return -EINVAL;
	return 0;
}

static int set_answer(struct ztc_inventory *inv, const struct ztc_place *place, const char *text,
		      enum ztc_answer *ret)
{
	if (read_answer(text, ret) == 0)
		return 0;
	return ztc_inventory_error(
		inv, place, N_("'%s' is neither yes nor no; leave it empty when it is not known"),
		text);
}

/*
 * A decimal number in millionths, with , between thousands. Digits beyond the sixth are rounded up,
 * so that what is over a boundary stays over it.
 */
static int read_number(const char **text, int64_t *ret)
{
	const char *p = *text;
	int64_t whole = 0, part = 0, scale = MICRO;
	bool digits = false;

	for (; isdigit((unsigned char)*p) || (*p == ',' && digits); p++) {
		if (*p == ',' && !(isdigit((unsigned char)p[1]) && isdigit((unsigned char)p[2]) &&
				   isdigit((unsigned char)p[3]) && !isdigit((unsigned char)p[4])))
			return -EINVAL;
		if (*p == ',')
			continue;
		whole = whole * 10 + (*p - '0');
		digits = true;
		if (whole > NUMBER_MAX)
			return -ERANGE;
	}
	if (*p == '.' && isdigit((unsigned char)p[1])) {
		bool more = false;

		for (p++; isdigit((unsigned char)*p); p++) {
			scale /= 10;
			part += (*p - '0') * scale;
			more = more || (!scale && *p != '0');
		}
		part += more;
		digits = true;
	}
	if (!digits)
		return -EINVAL;
	*ret = whole * MICRO + part;
	*text = p + strspn(p, " ");
	return 0;
}

struct unit {
	const char *name;
	int64_t factor;
};

static int read_measure(const char *text, const struct unit *units, int64_t *ret)
{
	int64_t micro, factor = 0;
	int r = read_number(&text, &micro);

	if (r < 0)
		return r;
	for (; units->name; units++)
		if (strcasecmp(text, units->name) == 0)
			factor = units->factor;
	if (!factor)
		return -EINVAL;
	return __builtin_mul_overflow(micro, factor, ret) ? -ERANGE : 0;
}

/* Hours are 3600 times a millionth of a second's millionth: microseconds. */
static int set_rto(struct ztc_inventory *inv, struct ztc_system *system,
		   const struct ztc_place *place, const char *text)
{
	static const struct unit units[] = {
		{"", 3600},	{"h", 3600},   {"hours", 3600}, {"hour", 3600},
		{"小時", 3600}, {"時", 3600},  {"min", 60},	{"minutes", 60},
		{"分鐘", 60},	{"分", 60},    {"d", 86400},	{"days", 86400},
		{"day", 86400}, {"天", 86400}, {"日", 86400},	{NULL, 0},
	};
	int64_t us;
	enum ztc_answer open;

	if (read_answer(text, &open) == 0 && open == ZTC_UNKNOWN)
		return 0;
	if (read_measure(text, units, &us) < 0)
		return ztc_inventory_error(
			inv, place, N_("'%s' is no number of hours (8, 8.5, 30 min, 2 d)"), text);
	system->rto_us = us;
	system->rto = text;
	return 0;
}

static int set_cost(struct ztc_inventory *inv, struct ztc_system *system,
		    const struct ztc_place *place, const char *text)
{
	static const struct unit units[] = {
		{"", 1},	 {"元", 1},	    {"NTD", 1},		 {"TWD", 1}, {"萬", 10000},
		{"萬元", 10000}, {"億", 100000000}, {"億元", 100000000}, {NULL, 0},
	};
	static const char *const marks[] = {"NT$", "NTD", "TWD", "$"};
	const char *number = text;
	enum ztc_answer open;
	int64_t micro;

	if (read_answer(text, &open) == 0 && open == ZTC_UNKNOWN)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		if (strncasecmp(number, marks[i], strlen(marks[i])) == 0) {
			number += strlen(marks[i]);
			number += strspn(number, " ");
			break;
		}
	}
	if (read_measure(number, units, &micro) < 0)
		return ztc_inventory_error(
			inv, place, N_("'%s' is no amount of NTD (5000000, 500萬, 0.25億)"), text);
	system->cost_ntd = micro / MICRO;
	system->impact[ZTC_IMPACT_COST].why = text;
	return 0;
}

/* --- factors --- */

static int plain_level(const char *text)
{
	static const char *const wide[] = {"１", "２", "３"};

	if (*text >= '1' && *text <= '3' && !text[1])
		return *text - '0';
	for (int i = 0; i < 3; i++)
		if (strcmp(text, wide[i]) == 0)
			return i + 1;
	return 0;
}

static int level_of(const char *factor, const char *text, bool *ret_gap)
{
	int level = plain_level(text);

	*ret_gap = false;
	return level ? level : ztc_factor_word(factor, text, ret_gap);
}

/* "vendor engineers=3": who or what it is, and its level. */
static int named_level(struct ztc_inventory *inv, const char *factor, const char *text,
		       const char **ret_why, bool *ret_gap)
{
	const char *at = strrchr(text, '='), *wide = strstr(text, "＝");
	size_t skip = 1;
	const char *value;
	int level;

	if (!at && wide) {
		at = wide;
		skip = strlen("＝");
	}
	if (!at || at == text)
		return 0;
	value = trimmed(inv, at + skip, strlen(at + skip));
	*ret_why = trimmed(inv, text, (size_t)(at - text));
	if (!value || !*ret_why || !**ret_why)
		return 0;
	level = level_of(factor, value, ret_gap);
	return level;
}

static int set_level(struct ztc_inventory *inv, struct ztc_level *into, const char *factor,
		     const struct ztc_place *place, const char *text)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf words = ZT_STRBUF_INIT;
	const char *why = text;
	enum ztc_answer open;
	bool gap;
	int level = level_of(factor, text, &gap);

	if (!level)
		level = named_level(inv, factor, text, &why, &gap);
	if (!level && read_answer(text, &open) == 0 && open == ZTC_UNKNOWN)
		return 0;
	if (!level) {
		ztc_factor_words(factor, &words);
		if (words.len)
			return ztc_inventory_error(
				inv, place,
				N_("'%s' is no level of %s: 1, 2, 3, the source's text, or one of: "
				   "%s"),
				text, factor, zt_strbuf_text(&words));
		return ztc_inventory_error(
			inv, place, N_("'%s' is no level of %s: 1, 2, 3 or the source's text"),
			text, factor);
	}
	into->count++;
	if (level > into->level) {
		into->level = (uint8_t)level;
		into->gap = gap;
		into->why = plain_level(why) ? NULL : why;
	}
	return 0;
}

/* --- words --- */

static int set_field(struct ztc_inventory *inv, struct ztc_system *system,
		     const struct ztc_place *place, const char *text)
{
	static const char *const none[] = {"none", "-", "無", NULL};

	for (unsigned int field = 0; field < ZTC_FIELD_COUNT; field++) {
		zt_auto(zt_json_decref) json_t *name = ztc_field_name(field);

		if (strcasecmp(text, ztc_field_id(field)) != 0 &&
		    strcasecmp(text, ztc_text_in(ZTC_LANG_EN, name)) != 0 &&
		    strcmp(text, ztc_text_in(ZTC_LANG_ZH_TW, name)) != 0)
			continue;
		system->declared |= 1u << field;
		return 0;
	}
	if (one_of(text, none))
		return 0;
	return ztc_inventory_error(inv, place,
				   N_("'%s' is no field: remote_work, cloud_access, system_ops, "
				      "app_admin, service_provider or cross_org"),
				   text);
}

static int set_model(struct ztc_inventory *inv, struct ztc_system *system,
		     const struct ztc_place *place, const char *text)
{
	static const char *const own[] = {"on-premises", "on-premise", "none", "no", "-",
					  "地端",	 "無",	       "否",   NULL};

	for (unsigned int model = ZTC_MODEL_OWN; model < ZTC_MODEL_COUNT; model++) {
		if (strcasecmp(text, ztc_model_id(model)) == 0 ||
		    (model == ZTC_MODEL_OWN && one_of(text, own))) {
			system->model = model;
			return 0;
		}
	}
	return ztc_inventory_error(
		inv, place, N_("'%s' is no service model: on-premises, IaaS, PaaS or SaaS"), text);
}

static int set_method(struct ztc_inventory *inv, struct ztc_system *system,
		      const struct ztc_place *place, const char *text)
{
	static const char *const other[] = {"other", "其他", "不同方法論", NULL};
	static const char *const ours[] = {"risk", "risk-oriented inventory", "風險導向", NULL};

	if (!one_of(text, other) && !one_of(text, ours))
		return ztc_inventory_error(inv, place, N_("'%s' is no method: risk or other"),
					   text);
	system->other_method = one_of(text, other);
	return 0;
}

static int set_host(struct ztc_inventory *inv, struct ztc_system *system,
		    const struct ztc_place *place, const char *text)
{
	const char **grown;

	for (size_t i = 0; i < system->host_count; i++)
		if (strcmp(system->hosts[i], text) == 0)
			return 0;
	if (system->host_count >= ZTC_SYSTEM_HOSTS_MAX)
		return ztc_inventory_error(inv, place, N_("more than %d hosts"),
					   ZTC_SYSTEM_HOSTS_MAX);
	if (system->host_count == system->host_cap) {
		size_t cap = system->host_cap ? system->host_cap * 2 : 4;

		grown = zt_arena_array(inv->arena, cap, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		if (system->host_count)
			memcpy(grown, system->hosts, system->host_count * sizeof(*grown));
		system->hosts = grown;
		system->host_cap = cap;
	}
	system->hosts[system->host_count++] = text;
	return 0;
}

static int set_text(struct ztc_inventory *inv, struct ztc_system *system,
		    const struct ztc_column_def *column, const struct ztc_place *place,
		    const char *text)
{
	const char **into[] = {
		[TEXT_ID] = &system->id,       [TEXT_NAME] = &system->name,
		[TEXT_OWNER] = &system->owner, [TEXT_REVIEWED] = &system->reviewed_at,
		[TEXT_NOTE] = &system->note,
	};

	if (column->which == TEXT_ID && strlen(text) > 128)
		return ztc_inventory_error(inv, place, N_("an id of more than 128 bytes"));
	*into[column->which] = text;
	return 0;
}

int ztc_value_set(struct ztc_inventory *inv, struct ztc_system *system,
		  const struct ztc_column_def *column, const struct ztc_place *place,
		  const char *text)
{
	text = trimmed(inv, text, strlen(text));
	if (!text)
		return -ENOMEM;
	if (!*text)
		return 0;
	if (strlen(text) > ZTC_CELL_MAX)
		return ztc_inventory_error(inv, place, N_("a value of more than %d bytes"),
					   ZTC_CELL_MAX);
	switch (column->kind) {
	case COLUMN_TEXT:
		return set_text(inv, system, column, place, text);
	case COLUMN_FIELDS:
		return set_field(inv, system, place, text);
	case COLUMN_MODEL:
		return set_model(inv, system, place, text);
	case COLUMN_HOSTS:
		return set_host(inv, system, place, text);
	case COLUMN_METHOD:
		return set_method(inv, system, place, text);
	case COLUMN_DATA:
		return set_answer(inv, place, text, &system->data[column->which]);
	case COLUMN_MANUAL:
		return set_answer(inv, place, text, &system->manual);
	case COLUMN_SCENE:
		return set_answer(inv, place, text, &system->scene[column->which]);
	case COLUMN_RTO:
		return set_rto(inv, system, place, text);
	case COLUMN_COST:
		return set_cost(inv, system, place, text);
	case COLUMN_RISK:
		return set_level(inv, &system->risk[column->which], ztc_risk_id(column->which),
				 place, text);
	case COLUMN_IMPACT:
		return set_level(inv, &system->impact[column->which], ztc_impact_id(column->which),
				 place, text);
	}
	return -EINVAL;
}

/* Bytes of what separates values at @text: 0 = nothing. Commas stand inside levels' own texts. */
static size_t separator(const struct ztc_column_def *column, const char *text)
{
	static const char *const any[] = {";", "；", "\n", "\r", NULL};
	static const char *const words[] = {",", "，", "、", NULL};

	for (const char *const *s = any; *s; s++)
		if (strncmp(text, *s, strlen(*s)) == 0)
			return strlen(*s);
	for (const char *const *s = words; column->kind != COLUMN_RISK && *s; s++)
		if (strncmp(text, *s, strlen(*s)) == 0)
			return strlen(*s);
	return 0;
}

int ztc_cell_set(struct ztc_inventory *inv, struct ztc_system *system,
		 const struct ztc_column_def *column, const struct ztc_place *place,
		 const char *text, size_t len)
{
	int result = 0;

	if (len > ZTC_CELL_MAX)
		return ztc_inventory_error(inv, place, N_("a value of more than %d bytes"),
					   ZTC_CELL_MAX);
	if (!ztc_column_list(column))
		return ztc_value_set(inv, system, column, place, text);
	while (*text) {
		size_t part = 0, skip = 0;
		zt_auto(zt_freep) char *one = NULL;
		int r;

		while (text[part] && !(skip = separator(column, text + part)))
			part++;
		one = strndup(text, part);
		r = one ? ztc_value_set(inv, system, column, place, one) : -ENOMEM;
		if (r == -ENOMEM)
			return r;
		result = r < 0 ? r : result;
		text += part + skip;
	}
	return result;
}
