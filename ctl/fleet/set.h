/* SPDX-License-Identifier: Apache-2.0 */
/*
 * set.h - assessments of many hosts as one document, ztseg.assessment-set/1.
 *
 * docs/assess.md describes each member. A host that gave none is in it too, with the reason: what
 * did not answer counts as unknown and is never left out.
 */
#pragma once
#include <jansson.h>

/**
 * ztc_set_read - a saved set, or one assessment as a set of one.
 * @path:    "-" = stdin.
 * @ret:     checked in shape, signatures not.
 * @ret_why: a sentence, the caller's (free).
 *
 * Returns 0 or -errno.
 */
int ztc_set_read(const char *path, json_t **ret, char **ret_why);
