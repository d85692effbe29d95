/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prioritize.h - which systems of an inventory to bring under the guideline first.
 *
 * Questions, factors and levels are those of the exchange's briefing of 2025 (tables.json); how
 * they become an order is ours and written down in docs/prioritize.md. Nothing that was not
 * answered becomes an answer: it stays a range, and the system is flagged. Whatever an inventory
 * or a map holds is text of others: it is bounded, and escaped by who prints it.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "ctl/i18n/say.h"
#include "ctl/render/style.h"

#define ZTC_PRIORITIES_FORMAT "ztseg.priorities/1"
#define ZTC_INVENTORY_MAX     (16u << 20) /* bytes of one file */
#define ZTC_SYSTEMS_MAX	      20000
#define ZTC_CELL_MAX	      4096 /* bytes of one value */
#define ZTC_SYSTEM_HOSTS_MAX  1024
#define ZTC_PLACE_ERRORS      50			    /* errors shown; all are counted */
#define ZTC_RTO_LIMIT_US      (8 * 3600 * INT64_C(1000000)) /* low impact is strictly above */

/* In the order of tables.json. */
enum ztc_field {
	ZTC_FIELD_REMOTE_WORK,
	ZTC_FIELD_CLOUD_ACCESS,
	ZTC_FIELD_SYSTEM_OPS,
	ZTC_FIELD_APP_ADMIN,
	ZTC_FIELD_SERVICE_PROVIDER,
	ZTC_FIELD_CROSS_ORG,
	ZTC_FIELD_COUNT,
};
enum ztc_risk {
	ZTC_RISK_LOCATION,
	ZTC_RISK_USER,
	ZTC_RISK_PRIVILEGE,
	ZTC_RISK_DEVICE,
	ZTC_RISK_DATA,
	ZTC_RISK_CONNECTION,
	ZTC_RISK_COUNT,
};
enum ztc_impact {
	ZTC_IMPACT_OPERATIONS,
	ZTC_IMPACT_PROCESS,
	ZTC_IMPACT_TRAINING,
	ZTC_IMPACT_TECHNOLOGY,
	ZTC_IMPACT_COST,
	ZTC_IMPACT_COUNT,
};
#define ZTC_DATA_COUNT 3 /* questions of high risk */

/* Facts of the briefing's six scenarios, which name fields. */
enum ztc_scene {
	ZTC_SCENE_EMPLOYEE_VPN, /* employees reach it from outside through a VPN */
	ZTC_SCENE_DB_INTERNAL,	/* privileged database accounts are managed inside */
	ZTC_SCENE_OS_CSP,	/* a cloud provider runs operating system and network */
	ZTC_SCENE_SENSITIVE,	/* holds sensitive data */
	ZTC_SCENE_ADMIN_SPLIT,	/* user and administrator accounts are told apart */
	ZTC_SCENE_OS_VENDOR,	/* a vendor runs operating system and network */
	ZTC_SCENE_EXTERNAL,	/* outside users */
	ZTC_SCENE_EXTERNAL_VPN, /* ... who come through a VPN only, never from the Internet */
	ZTC_SCENE_COUNT,
};

enum ztc_answer {
	ZTC_UNKNOWN,
	ZTC_NO,
	ZTC_YES,
};
enum ztc_model {
	ZTC_MODEL_NONE, /* not given */
	ZTC_MODEL_OWN,	/* no cloud */
	ZTC_MODEL_IAAS,
	ZTC_MODEL_PAAS,
	ZTC_MODEL_SAAS,
	ZTC_MODEL_COUNT,
};

/**
 * struct ztc_level - one factor of one system.
 * @level:    1 to 3; 0 = missing.
 * @count:    values given; the largest is @level.
 * @measured: from recorded flows, for a person to confirm.
 * @gap:      the source has no row for it; taken as 3.
 * @why:      the value that gave the level, as written; NULL = none.
 */
struct ztc_level {
	uint8_t level;
	uint16_t count;
	bool measured, gap;
	const char *why;
};

/* Where something stands: a CSV cell as a spreadsheet names it, else a line of YAML. */
struct ztc_place {
	const char *file;
	unsigned int row, column; /* from 1; 0 = all of it */
	bool yaml;
};

/* A sum that may not be known exactly. */
struct ztc_range {
	int min, max;
};

struct ztc_system {
	const char *id, *name, *owner, *reviewed_at, *note;
	struct ztc_place place;
	unsigned int declared; /* bits of enum ztc_field */
	unsigned int derived;  /* the same, by scenario */
	unsigned int rules;    /* bits of scenarios 1 to 6 that held */
	bool field_open;       /* a fact is missing that decides a field */
	enum ztc_model model;
	bool other_method; /* chosen by another methodology: not judged */
	const char **hosts;
	size_t host_count, host_cap;
	enum ztc_answer data[ZTC_DATA_COUNT], manual, scene[ZTC_SCENE_COUNT];
	int64_t rto_us; /* -1 = not given */
	const char *rto;
	int64_t cost_ntd; /* beyond the budget; -1 = not given */
	struct ztc_level risk[ZTC_RISK_COUNT], impact[ZTC_IMPACT_COUNT];
	json_t *notes; /* messages; owned */

	/* ztc_score() */
	enum ztc_answer high, low;
	struct ztc_range risk_sum, impact_sum, tier; /* tier 1 (first) to 4; 0 = no field */
	bool incomplete;
	size_t rank, rank_best, rank_worst, rank_score; /* from 1; 0 = not ranked */
};

enum ztc_method {
	ZTC_METHOD_BOTH,
	ZTC_METHOD_GATE,
	ZTC_METHOD_SCORE,
	ZTC_METHOD_COUNT,
};

/**
 * struct ztc_inventory - systems, where they were read, and what was wrong with them.
 * @errors: one line each, at most ZTC_PLACE_ERRORS; @error_count has all.
 */
struct ztc_inventory {
	struct zt_arena *arena;
	struct ztc_system **systems;
	size_t count, cap;
	const char **files;
	size_t file_count, file_cap;
	struct zt_strbuf errors;
	size_t error_count;
};

int ztc_inventory_init(struct ztc_inventory *inv); /* 0 or -ENOMEM */
void ztc_inventory_free(struct ztc_inventory *inv);

/**
 * ztc_inventory_error - note what is wrong, in the language in use; text in it is escaped.
 * Returns -EINVAL.
 */
__attribute__((format(printf, 3, 4))) int
ztc_inventory_error(struct ztc_inventory *inv, const struct ztc_place *place, const char *fmt, ...);

/**
 * ztc_inventory_load - add the systems of a file.
 * @path: CSV or YAML (JSON is YAML), told by its name, else by its first line; "-" = stdin.
 *
 * Returns 0; -EINVAL (@inv->errors says; the rest was read all the same, so that all errors are
 * known at once); -ENOMEM; -errno of reading.
 */
int ztc_inventory_load(struct ztc_inventory *inv, const char *path);

/* ztc_inventory_check - what can be told only when all is read: ids that occur twice, no system.
 * 0, -EINVAL, -ENOMEM. */
int ztc_inventory_check(struct ztc_inventory *inv);

/* ztc_inventory_system - one more, empty; NULL without memory or beyond ZTC_SYSTEMS_MAX (noted). */
struct ztc_system *ztc_inventory_system(struct ztc_inventory *inv, const struct ztc_place *place);

/* --- tables.c: what tables.json says -------------------------------------------------------- */

/* ztc_tables - the whole, read once; borrowed. Aborts if the program was built with a broken one.
 */
const json_t *ztc_tables(void);
const char *ztc_field_id(enum ztc_field field);
const char *ztc_risk_id(enum ztc_risk factor);
const char *ztc_impact_id(enum ztc_impact factor);
const char *ztc_model_id(enum ztc_model model);	   /* "", "on-premises", "IaaS", … */
const char *ztc_method_id(enum ztc_method method); /* "both", "gate", "score" */

/* Names as messages, new references: of a field, a factor, a question of high risk. */
json_t *ztc_field_name(enum ztc_field field);
json_t *ztc_factor_name(const char *id);
json_t *ztc_factor_question(const char *id);
const char *ztc_data_id(size_t question);

/* ztc_factor_text - what the source calls this level of a factor; message, new reference. */
json_t *ztc_factor_text(const char *factor, int level);

/* --- columns.c, values.c: from texts to systems -------------------------------------------------
 */

struct ztc_column_def;
const struct ztc_column_def *ztc_column_find(const char *heading, size_t len);
const char *ztc_column_key(const struct ztc_column_def *column);
const char *ztc_column_zh(const struct ztc_column_def *column);
const char *ztc_column_help(const struct ztc_column_def *column);
const struct ztc_column_def *ztc_column_at(size_t n);	   /* NULL behind the last */
bool ztc_column_list(const struct ztc_column_def *column); /* may hold several values */
/* ztc_column_nested - whether YAML may have it under @group ("data", "factors", …). */
bool ztc_column_nested(const struct ztc_column_def *column, const char *group);

/* ztc_value_set - one value of one column. @text: trimmed, not empty. 0, -EINVAL (noted), -ENOMEM.
 */
int ztc_value_set(struct ztc_inventory *inv, struct ztc_system *system,
		  const struct ztc_column_def *column, const struct ztc_place *place,
		  const char *text);
/* ztc_cell_set - the same of a cell, which may hold several with ; or a line feed between. */
int ztc_cell_set(struct ztc_inventory *inv, struct ztc_system *system,
		 const struct ztc_column_def *column, const struct ztc_place *place,
		 const char *text, size_t len);

/* ztc_cost_level - NTD beyond the budget: 25 million and more is 3, 5 million and more 2, else 1.
 */
int ztc_cost_level(int64_t ntd);

/* ztc_factor_word - level of a factor by a keyword or by its text in either language; 0 = none.
 * @ret_gap: the source has no row for it. */
int ztc_factor_word(const char *factor, const char *text, bool *ret_gap);
/* ztc_factor_words - keywords of a factor for messages, "cloud, hosting, …". */
void ztc_factor_words(const char *factor, struct zt_strbuf *out);

/* --- csv.c ---------------------------------------------------------------------------------------
 */

struct ztc_csv_cell {
	char *text; /* with a NUL behind it; what was quoted is not any more */
	size_t len;
};

/**
 * struct ztc_csv - a table read by RFC 4180; owned.
 * @rows: first cell of each row in @cells; @rows[@row_count] ends the last.
 */
struct ztc_csv {
	char *text;
	struct ztc_csv_cell *cells;
	size_t cell_count, cell_cap;
	size_t *rows;
	size_t row_count, row_cap;
	unsigned int bad_row, bad_column; /* where it is wrong */
};

/**
 * ztc_csv_parse - take @text apart: commas, semicolons or tabs, whichever the first line has most
 * of outside quotes (a line "sep=;" decides); CRLF, LF or CR; UTF-8, with or without its mark.
 * @ret_why: msgid of what is wrong.
 *
 * Returns 0, -EINVAL or -ENOMEM.
 */
int ztc_csv_parse(struct ztc_csv *csv, const char *text, size_t len, const char **ret_why);
void ztc_csv_free(struct ztc_csv *csv);

/* ztc_csv_column - "A", "Z", "AA". */
void ztc_csv_column(char ret[8], unsigned int column);

/* --- scenario.c, score.c, explain.c, doc.c ---------------------------------------------------- */

/* ztc_scenario - fields that the facts name, and notes where fields do not go together. 0, -ENOMEM.
 */
int ztc_scenario(struct ztc_system *system);

/* ztc_say_text - a message of a msgid that holds no conversions; new reference. */
json_t *ztc_say_text(const char *msgid);

/* ztc_system_note - one message more to a system's notes. */
__attribute__((format(printf, 2, 3))) void ztc_system_note(struct ztc_system *system,
							   const char *fmt, ...);

/**
 * ztc_score - questions, sums, tiers, and the order of the inventory by @method.
 *
 * Ranked by the best that each may be; rank_best and rank_worst are the places that it can have
 * whatever is answered. 0 or -ENOMEM.
 */
int ztc_score(struct ztc_inventory *inv, enum ztc_method method);

static inline unsigned int ztc_system_fields(const struct ztc_system *system)
{
	return system->declared | system->derived;
}

/* ztc_explain_line - "R 15/18 (loc3 …)  I 7/15  gates: …  -> tier 1" as a message. */
json_t *ztc_explain_line(const struct ztc_system *system);

/**
 * ztc_priorities_doc - the document of docs/prioritize.md.
 * @top: only the first so many systems; 0 = all. Counts are of all.
 */
int ztc_priorities_doc(const struct ztc_inventory *inv, enum ztc_method method, size_t top,
		       json_t **ret);

/* --- parts.c: what every output says the same way; borrowed from @doc or static ------------------
 */

#define ZTC_TIER_OTHER (-1)
int ztc_priority_tier(const json_t *system); /* the first it may be; ZTC_TIER_OTHER = not judged */
const char *ztc_tier_title(int tier);	     /* msgid */
const char *ztc_step_title(int step);	     /* msgid of step 1 to 3 */
const char *ztc_basis_title(const char *method); /* msgid: what the order is made of */
void ztc_put_range(struct zt_strbuf *out, const json_t *range);
/* ztc_put_steps - "48", "48+3?" when three more may be; "-" when none was judged. */
void ztc_put_steps(struct zt_strbuf *out, const json_t *row, int step);
/* ztc_put_fields - names of a system's fields (Chinese), or their ids. */
void ztc_put_fields(struct zt_strbuf *out, enum ztc_lang lang, const json_t *system);
/* ztc_put_flags - incomplete, measured, source-gap; nothing when there is none. */
void ztc_put_flags(struct zt_strbuf *out, enum ztc_lang lang, const json_t *system);

/* --- what renders the document; each returns 0 or -errno -----------------------------------------
 */
int ztc_priorities_text(FILE *out, const json_t *doc, const struct ztc_style *style);
int ztc_priorities_explain(FILE *out, const json_t *doc, const char *id,
			   const struct ztc_style *style); /* -ENOENT: no such system */
int ztc_priorities_csv(FILE *out, const json_t *doc);
int ztc_priorities_markdown(FILE *out, const json_t *doc);
int ztc_priorities_html(FILE *out, const json_t *doc);

/* ztc_inventory_template - an empty inventory with every column. @yaml: else CSV. */
void ztc_inventory_template(FILE *out, bool yaml);

/* --- evidence -----------------------------------------------------------------------------------
 */

struct ztc_map;
/* ztc_prefill - what recorded flows tell about factors that nobody gave. 0 or -ENOMEM. */
int ztc_prefill(struct ztc_inventory *inv, const struct ztc_map *map);
/* ztc_prefill_machine - the same of this machine's firmware tables, for the system that has
 * @host; @root: "" or what stands for /. */
int ztc_prefill_machine(struct ztc_inventory *inv, const char *host, const char *root);

/**
 * ztc_plan_add - one assessment, or a set of many hosts, to what is known of hosts.
 * @known: object, host -> what the next level takes there.
 * @ret_why: the caller's (free). 0 or -errno.
 */
int ztc_plan_add(json_t *known, const char *path, char **ret_why);
/* ztc_plan_join - doc["plan"]: systems with the fewest steps to their next level first. */
int ztc_plan_join(json_t *doc, const struct ztc_inventory *inv, const json_t *known);
