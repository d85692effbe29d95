/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper.h - what waivers and attestations have in common: a signed JSON file that is held against
 * its form strictly. Every defect is told with its place and what to do; none is passed over.
 *
 * Private to this room.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/evidence/seal.h"
#include "ctl/i18n/say.h"

#define ZTC_DAY_S 86400

/**
 * struct ztc_paper - one file as read.
 * @file:    its path as the user gave it, or below the directory that he gave.
 * @text:    of @len bytes; NULL = it could not be read.
 * @doc:     NULL = no JSON object.
 * @defects: [{file, at, text, remedy}]; empty = well made.
 * @signer:  name of the key that signed it, owned; NULL = none that counts.
 * @from_s, @to_s: granted and expires, collected and valid until; -1 = not known.
 */
struct ztc_paper {
	char *file;
	char *text;
	size_t len;
	json_t *doc;
	json_t *defects;
	char *signer;
	char key_id[ZT_MINISIGN_ID_TEXT_LEN];
	int64_t from_s, to_s;
};

/* ztc_paper_list - all files of @path (a file, or a directory of *.json). Unreadable ones have a
 * defect. Returns how many, -ENOENT (nothing of that name), or -ENOMEM. */
int ztc_paper_list(const char *path, struct ztc_paper **ret);
void ztc_paper_list_free(struct ztc_paper *papers, size_t count);

/* ztc_paper_defect - @path: "scope.hosts.0", "" = the whole; @text, @remedy: taken over. */
void ztc_paper_defect(struct ztc_paper *p, const char *path, json_t *text, json_t *remedy);

/* One member of a form. */
struct ztc_member {
	const char *name;
	json_type type;
	bool optional;
	size_t max; /* bytes of a string, elements of an array; of an integer its largest value */
};

/* ztc_paper_form - does the object at @path ("" = the document) have these members and no other? */
void ztc_paper_form(struct ztc_paper *p, const char *path, const struct ztc_member *members);

/* The string at the top, "" without one. */
const char *ztc_paper_text(const struct ztc_paper *p, const char *key);

/* ztc_paper_time - seconds of a time at the top; -1 with a defect when it is none. */
int64_t ztc_paper_time(struct ztc_paper *p, const char *key);

/* ztc_paper_strings - array of non-empty strings at @path of @object; else a defect. */
void ztc_paper_strings(struct ztc_paper *p, const json_t *array, const char *path);

/* ztc_paper_ids - "id": letters, digits, "-_." of at most 64. */
void ztc_paper_id(struct ztc_paper *p);

/* ztc_paper_check_id - the check of the catalogue with exactly this id; NULL with a defect. */
const json_t *ztc_paper_check_id(struct ztc_paper *p, const json_t *catalogue, const char *id,
				 const char *path);

/**
 * ztc_paper_signature - signed by a key of @role whose name is @signer's value, and which no system
 * owner has.
 * @signer: member that names who signs ("approver").
 * @also:   another role that may sign, ZTC_ROLE_COUNT = none.
 */
void ztc_paper_signature(struct ztc_paper *p, const struct ztc_trust *trust, enum ztc_role role,
			 enum ztc_role also, const char *signer);

/* ztc_paper_host - whether a list of names or patterns has this host. */
bool ztc_paper_host(const json_t *hosts, const char *host);

/* Whether a pattern stands for more than one name. */
bool ztc_paper_pattern(const char *text);
