/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue.h - what is checked and how it adds up, as data that is built in.
 *
 * checks.json: the 53 checks. model.json: items, fields of use, cloud table. Both are read once and
 * belong to the program; a program whose own data cannot be read aborts.
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

/* ztc_model - {items: [{id, level, title, short, cloud, cisa, mapping}], service_models, fields,
 * cross_checks}. */
const json_t *ztc_model(void);

/* ztc_model_item - the row of "3-1", also as "3.1"; NULL = no such item. */
const json_t *ztc_model_item(const char *id);

/* ztc_message - {"en", "zh_TW"} of members @key and @key_zh of a row; English where one lacks. */
json_t *ztc_message(const json_t *row, const char *key, const char *key_zh);

/* ztc_builtin_profile - text of profiles/fsc-2024-net.json. */
const char *ztc_builtin_profile(size_t *ret_len);
