/* SPDX-License-Identifier: Apache-2.0 */
/*
 * set.h - assessments of many hosts as one document, ztseg.assessment-set/1.
 *
 * docs/hosts.md describes each member. A host that gave none is in it too, with the reason: what
 * did not answer counts as unknown and is never left out.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "ctl/render/style.h"

#define ZTC_SET_MAX (512u << 20) /* bytes of a saved set */

/**
 * ztc_set_read - a saved set, or one assessment as a set of one.
 * @path:    "-" = stdin.
 * @ret:     checked in shape, signatures not.
 * @ret_why: a sentence, the caller's (free).
 *
 * Returns 0 or -errno.
 */
int ztc_set_read(const char *path, json_t **ret, char **ret_why);

/* ztc_set_single - the assessment that was read as a set of one, new reference; NULL = a real set.
 */
json_t *ztc_set_single(const json_t *set);

/**
 * ztc_set_new - a set of entries as ztc_fleet_host_json() makes them.
 * @hosts: taken over. Without levels yet: ztc_set_again(). NULL without memory.
 */
json_t *ztc_set_new(json_t *hosts, int64_t started_s, int64_t now_s);

/**
 * ztc_set_again - as it counts at @now_s: what is older than 24 hours is unknown; levels of hosts,
 * systems and fields, the distribution, the target, and what is judged over all hosts.
 * @target: 1 to 4.
 *
 * The level of several is the lowest of theirs. With one of them unknown no level is proven: it is
 * 0, "undetermined", and at_most says what it could be. Returns the exit status of assess.
 */
int ztc_set_again(json_t *set, int target, bool accept_waivers, int64_t now_s);

/* ztc_set_text - on a terminal. 0 or -errno. */
int ztc_set_text(FILE *out, const json_t *set, const struct ztc_style *style);

/* ztc_set_html - systems, target and what is judged over all hosts, within a page that is begun. */
void ztc_set_html(FILE *out, const json_t *set);
