/* SPDX-License-Identifier: Apache-2.0 */
/* columns.h - what an inventory may say of a system: one row per column. Private to this room. */
#pragma once
#include "ctl/prioritize/prioritize.h"

#define COLUMN_NAMES_MAX 6

enum column_kind {
	COLUMN_TEXT,
	COLUMN_FIELDS,
	COLUMN_MODEL,
	COLUMN_HOSTS,
	COLUMN_METHOD,
	COLUMN_DATA, /* which: question */
	COLUMN_MANUAL,
	COLUMN_RTO,
	COLUMN_RISK,   /* which: factor */
	COLUMN_IMPACT, /* which: factor */
	COLUMN_COST,
	COLUMN_SCENE, /* which: fact */
};
enum column_text {
	TEXT_ID,
	TEXT_NAME,
	TEXT_OWNER,
	TEXT_REVIEWED,
	TEXT_NOTE,
};

/**
 * struct ztc_column_def - one column.
 * @key:   as it is written in English.
 * @zh:    in Chinese.
 * @help:  one line for the template.
 * @group: where YAML may have it besides the top: NULL = nowhere.
 * @more:  further headings that mean the same; ends with NULL.
 */
struct ztc_column_def {
	const char *key, *zh, *help, *group;
	enum column_kind kind;
	unsigned int which;
	const char *more[COLUMN_NAMES_MAX];
};
