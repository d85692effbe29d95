// SPDX-License-Identifier: Apache-2.0
/* columns.c - the columns of an inventory, their headings in both languages. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "ctl/prioritize/columns.h"

#define YES_NO	 N_("yes or no; empty = not known")
#define LEVEL	 N_("1, 2 or 3, its text, or a keyword; several: the largest counts")
#define ONE_TO_3 N_("1, 2 or 3, or its text")

static const struct ztc_column_def columns[] = {
	{"id",
	 "系統代號",
	 N_("short name, once in the inventory"),
	 NULL,
	 COLUMN_TEXT,
	 TEXT_ID,
	 {"編號", "代號", "system_id"}},
	{"name",
	 "系統名稱",
	 N_("what people call it"),
	 NULL,
	 COLUMN_TEXT,
	 TEXT_NAME,
	 {"名稱", "name_zh", "系統", "system"}},
	{"fields",
	 "場域",
	 N_("remote_work, cloud_access, system_ops, app_admin, service_provider, cross_org"),
	 NULL,
	 COLUMN_FIELDS,
	 0,
	 {"field", "導入場域", "適用場域"}},
	{"service_model",
	 "雲端服務模式",
	 N_("on-premises, IaaS, PaaS or SaaS"),
	 NULL,
	 COLUMN_MODEL,
	 0,
	 {"cloud", "雲端"}},
	{"hosts", "主機", N_("names or addresses of its hosts"), NULL, COLUMN_HOSTS, 0, {"host"}},
	{"method",
	 "盤點方法",
	 N_("'other' when it was chosen by another methodology"),
	 NULL,
	 COLUMN_METHOD,
	 0,
	 {"方法論"}},
	{"customer_personal_data",
	 "客戶個資",
	 YES_NO,
	 "data",
	 COLUMN_DATA,
	 0,
	 {"customer_pii", "是否存有客戶個資"}},
	{"customer_transaction_data",
	 "客戶交易資料",
	 YES_NO,
	 "data",
	 COLUMN_DATA,
	 1,
	 {"customer_tx", "是否存有客戶交易資料"}},
	{"employee_personal_data",
	 "員工個資",
	 YES_NO,
	 "data",
	 COLUMN_DATA,
	 2,
	 {"employee_pii", "是否存有員工個資"}},
	{"non_automated_customer_service",
	 "非自動化客戶服務",
	 YES_NO,
	 NULL,
	 COLUMN_MANUAL,
	 0,
	 {"non_automated_service", "是否為非自動化提供客戶服務"}},
	{"rto_hours",
	 "回復時間目標",
	 N_("recovery time objective in hours; low impact is more than 8"),
	 NULL,
	 COLUMN_RTO,
	 0,
	 {"rto", "RTO (小時)", "回復時間目標(小時)", "回復時間目標(RTO)"}},
	{"resource_location",
	 "資源所在地",
	 LEVEL,
	 "factors",
	 COLUMN_RISK,
	 ZTC_RISK_LOCATION,
	 {"location"}},
	{"user", "使用者", LEVEL, "factors", COLUMN_RISK, ZTC_RISK_USER, {"users"}},
	{"privilege", "權限", LEVEL, "factors", COLUMN_RISK, ZTC_RISK_PRIVILEGE, {NULL}},
	{"device", "設備", LEVEL, "factors", COLUMN_RISK, ZTC_RISK_DEVICE, {"devices"}},
	{"system_data", "系統與資料", LEVEL, "factors", COLUMN_RISK, ZTC_RISK_DATA, {NULL}},
	{"connection",
	 "連線方式",
	 LEVEL,
	 "factors",
	 COLUMN_RISK,
	 ZTC_RISK_CONNECTION,
	 {"connections"}},
	{"operations",
	 "營運中斷衝擊面",
	 ONE_TO_3,
	 "impact",
	 COLUMN_IMPACT,
	 ZTC_IMPACT_OPERATIONS,
	 {"營運中斷"}},
	{"process",
	 "作業流程改變衝擊面",
	 ONE_TO_3,
	 "impact",
	 COLUMN_IMPACT,
	 ZTC_IMPACT_PROCESS,
	 {"作業流程改變"}},
	{"training",
	 "人力訓練衝擊面",
	 ONE_TO_3,
	 "impact",
	 COLUMN_IMPACT,
	 ZTC_IMPACT_TRAINING,
	 {"人力訓練"}},
	{"technology",
	 "技術差異衝擊面",
	 ONE_TO_3,
	 "impact",
	 COLUMN_IMPACT,
	 ZTC_IMPACT_TECHNOLOGY,
	 {"技術差異"}},
	{"cost",
	 "財務支出衝擊面",
	 N_("1, 2 or 3, or its text; better: cost_ntd"),
	 "impact",
	 COLUMN_IMPACT,
	 ZTC_IMPACT_COST,
	 {"財務支出"}},
	{"cost_ntd",
	 "額外投入預算",
	 N_("NTD beyond the existing budget: 5000000, 500萬"),
	 "impact",
	 COLUMN_COST,
	 0,
	 {"額外投入預算(元)", "額外投入金額", "額外支出"}},
	{"employee_remote_vpn",
	 "員工VPN遠端存取",
	 YES_NO,
	 "facts",
	 COLUMN_SCENE,
	 ZTC_SCENE_EMPLOYEE_VPN,
	 {NULL}},
	{"db_priv_internal",
	 "資料庫特權帳號內部管理",
	 YES_NO,
	 "facts",
	 COLUMN_SCENE,
	 ZTC_SCENE_DB_INTERNAL,
	 {NULL}},
	{"os_net_by_csp",
	 "作業系統及網路由雲端業者維運",
	 YES_NO,
	 "facts",
	 COLUMN_SCENE,
	 ZTC_SCENE_OS_CSP,
	 {NULL}},
	{"sensitive_data",
	 "含機敏資料",
	 YES_NO,
	 "facts",
	 COLUMN_SCENE,
	 ZTC_SCENE_SENSITIVE,
	 {"機敏資料"}},
	{"separate_admin_accounts",
	 "區分管理者帳號",
	 YES_NO,
	 "facts",
	 COLUMN_SCENE,
	 ZTC_SCENE_ADMIN_SPLIT,
	 {NULL}},
	{"os_net_by_vendor",
	 "作業系統及網路由服務供應商維運",
	 YES_NO,
	 "facts",
	 COLUMN_SCENE,
	 ZTC_SCENE_OS_VENDOR,
	 {NULL}},
	{"external_users", "外部使用者", YES_NO, "facts", COLUMN_SCENE, ZTC_SCENE_EXTERNAL, {NULL}},
	{"external_only_via_vpn",
	 "外部僅限VPN",
	 YES_NO,
	 "facts",
	 COLUMN_SCENE,
	 ZTC_SCENE_EXTERNAL_VPN,
	 {NULL}},
	{"owner",
	 "負責單位",
	 N_("who answers for it"),
	 NULL,
	 COLUMN_TEXT,
	 TEXT_OWNER,
	 {"系統負責人", "負責人"}},
	{"reviewed_at",
	 "檢視日期",
	 N_("when this row was last looked at"),
	 NULL,
	 COLUMN_TEXT,
	 TEXT_REVIEWED,
	 {NULL}},
	{"note", "備註", N_("free text"), NULL, COLUMN_TEXT, TEXT_NOTE, {"notes", "說明"}},
};

/* Headings are compared without spaces, question marks and case. */
static size_t plain(char *out, size_t size, const char *text, size_t len)
{
	static const char wide_question[] = "\xef\xbc\x9f", wide_open[] = "\xef\xbc\x88",
			  wide_close[] = "\xef\xbc\x89";
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < size; i++) {
		if (i + 3 <= len && memcmp(text + i, wide_question, 3) == 0)
			i += 2;
		else if (i + 3 <= len && memcmp(text + i, wide_open, 3) == 0)
			out[n++] = '(', i += 2;
		else if (i + 3 <= len && memcmp(text + i, wide_close, 3) == 0)
			out[n++] = ')', i += 2;
		else if (!isspace((unsigned char)text[i]) && text[i] != '?')
			out[n++] = (char)tolower((unsigned char)text[i]);
	}
	out[n] = '\0';
	return n;
}

static bool named(const char *wanted, const char *name)
{
	char text[128];

	plain(text, sizeof(text), name, strlen(name));
	return strcmp(text, wanted) == 0;
}

const struct ztc_column_def *ztc_column_find(const char *heading, size_t len)
{
	char wanted[128];

	if (len >= sizeof(wanted) || !plain(wanted, sizeof(wanted), heading, len))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		if (named(wanted, columns[i].key) || named(wanted, columns[i].zh))
			return &columns[i];
		for (const char *const *more = columns[i].more; *more; more++)
			if (named(wanted, *more))
				return &columns[i];
	}
	return NULL;
}

const char *ztc_column_key(const struct ztc_column_def *column)
{
	return column->key;
}

const char *ztc_column_zh(const struct ztc_column_def *column)
{
	return column->zh;
}

const char *ztc_column_help(const struct ztc_column_def *column)
{
	return ztc_tr(column->help);
}

const struct ztc_column_def *ztc_column_at(size_t n)
{
	return n < ARRAY_SIZE(columns) ? &columns[n] : NULL;
}

bool ztc_column_list(const struct ztc_column_def *column)
{
	return column->kind == COLUMN_FIELDS || column->kind == COLUMN_HOSTS ||
	       column->kind == COLUMN_RISK;
}

bool ztc_column_nested(const struct ztc_column_def *column, const char *group)
{
	return column->group && strcmp(column->group, group) == 0;
}
