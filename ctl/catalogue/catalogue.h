/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue.h - what is checked and how it adds up, as data that is built in.
 *
 * checks.json: the 53 checks. items.json: the seven items. model.json: fields of use, which items
 * apply in them. They are read once and belong to the program; a program whose own data cannot be
 * read aborts.
 */
#pragma once
#include <jansson.h>
#include <stddef.h>

#define ZTC_CHECK_COUNT 53

/* ztc_catalogue - [{id, item, title, title_zh, severity, gate, kind, evidence, pass, partial, fail,
 * notapplicable, remediation, remediation_zh?}]. */
const json_t *ztc_catalogue(void);

/* ztc_catalogue_find - the row of "ZTS-3.1-04", also as "3.1-04"; NULL = no such check. */
const json_t *ztc_catalogue_find(const char *id);

/* ztc_items - [{id, level, title, title_zh, short, definition, definition_zh, cisa, dod, nist, nsa,
 * …}], those of level I first. */
const json_t *ztc_items(void);

/* ztc_principles - [{id, text, text_zh}]: what the items follow; items name them by id. */
const json_t *ztc_principles(void);

/* ztc_items_find - the row of "3-1", also as "3.1"; NULL = no such item. */
const json_t *ztc_items_find(const char *id);

/* ztc_model - {cloud: {ITEM: [service model] or null}, service_models, fields, cross_checks}. */
const json_t *ztc_model(void);

/* ztc_message - {"en", "zh_TW"} of members @key and @key_zh of a row; English where one lacks. */
json_t *ztc_message(const json_t *row, const char *key, const char *key_zh);

/* ztc_builtin_profile - text of profiles/fsc-2024-net.json. */
const char *ztc_builtin_profile(size_t *ret_len);
