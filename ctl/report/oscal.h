/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oscal.h - the pieces of an OSCAL document that need an identifier or have rules of their own.
 *
 * Names and rules are those of NIST's JSON Schema of assessment-results 1.1.3
 * (http://csrc.nist.gov/ns/oscal/1.1.3/oscal-ar-schema.json): lists are never empty, values of
 * properties are one line and never empty, identifiers of controls are NCNames.
 */
#pragma once
#include <jansson.h>

#define ZTC_OSCAL_VERSION "1.1.3"
#define ZTC_OSCAL_NS	  "urn:ztseg:oscal"

/**
 * struct ztc_oscal - one host's result while it is made.
 * @digest: of the assessment, with the host's name in a set: what identifiers are made from.
 * @doc:    the assessment; borrowed.
 */
struct ztc_oscal {
	char digest[512];
	const json_t *doc;
};

/* ztc_oscal_uuid - of what @path names in this result. New reference. */
json_t *ztc_oscal_uuid(const struct ztc_oscal *o, const char *kind, const char *path);

/* ztc_oscal_prop - append a property; nothing when the value is empty. */
void ztc_oscal_prop(json_t *props, const char *name, const char *value);

/* ztc_oscal_list - set @key to @list, which is taken; nothing when it is empty. */
void ztc_oscal_list(json_t *object, const char *key, json_t *list);

/* ztc_oscal_text - set @key to text that is not empty; nothing when it is. */
void ztc_oscal_text(json_t *object, const char *key, const char *text);

/* ztc_oscal_control - "fsc-3-1" of item "3-1": an NCName begins with a letter. */
json_t *ztc_oscal_control(const char *item, const char *suffix);

/* ztc_oscal_origin - [{actors: [this program]}]. */
json_t *ztc_oscal_origin(const struct ztc_oscal *o);

/* ztc_oscal_subject - [the host]. */
json_t *ztc_oscal_subject(const struct ztc_oscal *o);

/* Lists of a result. */
json_t *ztc_oscal_observations(const struct ztc_oscal *o);
json_t *ztc_oscal_risks(const struct ztc_oscal *o);
json_t *ztc_oscal_findings(const struct ztc_oscal *o);
json_t *ztc_oscal_attestations(const struct ztc_oscal *o);
