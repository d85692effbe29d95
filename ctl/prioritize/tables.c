// SPDX-License-Identifier: Apache-2.0
/* tables.c - takes tables.json into the program as it is, and answers what it says. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/embed.h"
#include "ctl/prioritize/prioritize.h"

/* clang-format off */
__asm__(".pushsection .rodata\n"
	ZTC_EMBED("ztc_tables_json", "ctl/prioritize/tables.json")
	".popsection\n");
/* clang-format on */
extern const char ztc_tables_json[];
extern const size_t ztc_tables_json_len;

static const char *const field_ids[ZTC_FIELD_COUNT] = {
	"remote_work", "cloud_access", "system_ops", "app_admin", "service_provider", "cross_org",
};
static const char *const risk_ids[ZTC_RISK_COUNT] = {
	"resource_location", "user", "privilege", "device", "system_data", "connection",
};
static const char *const impact_ids[ZTC_IMPACT_COUNT] = {
	"operations", "process", "training", "technology", "cost",
};
static const char *const data_ids[ZTC_DATA_COUNT] = {
	"customer_personal_data",
	"customer_transaction_data",
	"employee_personal_data",
};
static const char *const model_ids[ZTC_MODEL_COUNT] = {"", "on-premises", "IaaS", "PaaS", "SaaS"};
static const char *const method_ids[ZTC_METHOD_COUNT] = {"both", "gate", "score"};

/* The enumerations follow the file: a file in another order is another program. */
static bool same_order(const json_t *rows, const char *const *ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *id = json_string_value(json_object_get(json_array_get(rows, i), "id"));

		if (!id || strcmp(id, ids[i]) != 0)
			return false;
	}
	return json_array_size(rows) == count;
}

const json_t *ztc_tables(void)
{
	static json_t *tables;

	if (tables)
		return tables;
	tables = json_loadb(ztc_tables_json, ztc_tables_json_len, JSON_REJECT_DUPLICATES, NULL);
	if (!tables || !same_order(json_object_get(tables, "fields"), field_ids, ZTC_FIELD_COUNT) ||
	    !same_order(json_object_get(tables, "risk_factors"), risk_ids, ZTC_RISK_COUNT) ||
	    !same_order(json_object_get(tables, "impact_factors"), impact_ids, ZTC_IMPACT_COUNT) ||
	    !same_order(json_object_get(json_object_get(tables, "high_risk"), "questions"),
			data_ids, ZTC_DATA_COUNT))
		abort();
	return tables;
}

const char *ztc_field_id(enum ztc_field field)
{
	return field_ids[field];
}

const char *ztc_risk_id(enum ztc_risk factor)
{
	return risk_ids[factor];
}

const char *ztc_impact_id(enum ztc_impact factor)
{
	return impact_ids[factor];
}

const char *ztc_data_id(size_t question)
{
	return data_ids[question];
}

const char *ztc_model_id(enum ztc_model model)
{
	return model_ids[model];
}

const char *ztc_method_id(enum ztc_method method)
{
	return method_ids[method];
}

/* The file has "zh" where messages have "zh_TW". */
static json_t *message_of(const json_t *row)
{
	return json_pack("{s:O?, s:O?}", ztc_lang_tag(ZTC_LANG_EN), json_object_get(row, "en"),
			 ztc_lang_tag(ZTC_LANG_ZH_TW), json_object_get(row, "zh"));
}

static const json_t *row_of(const json_t *rows, const char *id)
{
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		const char *name = json_string_value(json_object_get(row, "id"));

		if (name && strcmp(name, id) == 0)
			return row;
	}
	return NULL;
}

static const json_t *factor_row(const char *id)
{
	const json_t *row = row_of(json_object_get(ztc_tables(), "risk_factors"), id);

	return row ? row : row_of(json_object_get(ztc_tables(), "impact_factors"), id);
}

json_t *ztc_field_name(enum ztc_field field)
{
	return message_of(json_array_get(json_object_get(ztc_tables(), "fields"), field));
}

json_t *ztc_factor_name(const char *id)
{
	return message_of(factor_row(id));
}

json_t *ztc_factor_question(const char *id)
{
	const json_t *tables = ztc_tables();
	const json_t *row =
		row_of(json_object_get(json_object_get(tables, "high_risk"), "questions"), id);

	if (!row)
		row = row_of(json_object_get(json_object_get(tables, "low_impact"), "questions"),
			     id);
	return message_of(row);
}

json_t *ztc_factor_text(const char *factor, int level)
{
	const char name[2] = {(char)('0' + level), '\0'};

	return message_of(json_object_get(json_object_get(factor_row(factor), "levels"), name));
}
