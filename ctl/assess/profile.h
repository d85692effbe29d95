/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile.h - thresholds and lists, which people may edit; read strictly.
 *
 * {"format": "ztseg.profile/1", name, version, note, source, "general": {NAME: limit}, "checks":
 * {ID: {NAME: limit}}, "lists": {NAME: [text]}}; a limit is {"value": number, "source": text}.
 * A profile has exactly the members of the built-in one: what is unknown would be a rule that
 * nobody follows, what is missing one that nobody chose.
 */
#pragma once
#include <jansson.h>

#define ZTC_PROFILE_FORMAT "ztseg.profile/1"
#define ZTC_PROFILE_MAX	   (1 << 20)

struct ztc_profile {
	json_t *json;
	char digest[72]; /* "sha256:…" of the file's bytes, as sha256sum says it */
};

/**
 * ztc_profile_load - from a file; NULL = the built-in one.
 * @ret_why: "FILE:LINE: PATH: what is wrong; what to do"; the caller's (free).
 *
 * Returns 0, -EINVAL, -errno.
 */
int ztc_profile_load(struct ztc_profile *ret, const char *path, char **ret_why);
void ztc_profile_free(struct ztc_profile *profile);

/* ztc_profile_general - a number of "general". */
double ztc_profile_general(const json_t *profile, const char *name);
