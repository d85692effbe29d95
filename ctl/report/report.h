/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - what the outputs of an assessment share.
 *
 * Every output takes one assessment or a set of them (many hosts) and reads of it what it knows;
 * members that are missing are left out, none is guessed. Text of the document comes from hosts:
 * each output escapes it by the rules of its own language.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "ctl/i18n/say.h"

#define ZTC_UUID_TEXT_LEN 37
#define ZTC_SET_FORMAT	  "ztseg.assessment-set/1"

/* ztc_report_all - the assessments of a document: itself, or those in a set, with the names of the
 * set's list. New reference. */
json_t *ztc_report_all(const json_t *doc);

/* ztc_report_host - name of the host that an assessment is of; "host" when it has none. */
const char *ztc_report_host(const json_t *assessment);

/* ztc_report_item - the item with this id, or NULL. */
const json_t *ztc_report_item(const json_t *assessment, const char *id);

/* ztc_report_waived - a waiver holds for this check: its failure is accepted, not gone. */
bool ztc_report_waived(const json_t *check);

/* ztc_report_entry - of a register ("waivers", "attestations"), by id; or NULL. */
const json_t *ztc_report_entry(const json_t *assessment, const char *list, const char *id);

/* ztc_report_result, _status and so on - a word of the document for people ("not applicable"), as
 * msgid; what is not known is returned as it is. */
const char *ztc_report_result(const char *result);
const char *ztc_report_status(const char *status);
const char *ztc_report_severity(const char *severity);
const char *ztc_report_disposition(const char *state);
const char *ztc_report_collected(const char *status);
const char *ztc_report_method(const char *method);
const char *ztc_report_field(const char *field);

/* ztc_report_strings - the strings of a list, or one string, as a new list. */
json_t *ztc_report_strings(const json_t *value);

/**
 * ztc_report_uuid - a UUID of version 5 (RFC 9562): the same document and path, the same UUID.
 * @digest: of the document.
 * @path:   of what it names in it.
 */
void ztc_report_uuid(char ret[ZTC_UUID_TEXT_LEN], const char *digest, const char *path);

/* ztc_report_digest - "sha256:…" of a document without signature and seal; "" without one. */
void ztc_report_digest(char *ret, size_t size, const json_t *doc);

/**
 * ztc_report_map - a map that was saved, for ztc_report_html().
 * @ret_why: a sentence, the caller's (free).
 *
 * Returns 0 or -errno.
 */
int ztc_report_map(json_t **ret, const char *path, char **ret_why);

/* ztc_report_uri - percent-encoded for one segment of a URI (RFC 3986); the caller's (free). */
char *ztc_report_uri(const char *text);

/* ztc_xml_text, ztc_xml_attribute - text and an attribute of XML 1.0 or HTML. */
void ztc_xml_text(FILE *out, const char *text);
void ztc_xml_attribute(FILE *out, const char *name, const char *value);
