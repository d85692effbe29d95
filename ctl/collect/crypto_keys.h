/* SPDX-License-Identifier: Apache-2.0 */
/* crypto_keys.h - where daemons' configuration names private keys, and what a key file looks like.
 */
#pragma once
#include <jansson.h>

/* A daemon whose configuration is known well enough to find its keys. */
struct ztc_key_place {
	const char *program;	     /* part of the executable's or process' name */
	const char *files[6];	     /* of its configuration, glob(7), NULL-terminated */
	const char *directives[6];   /* first words whose value is a path of a key */
	const char *certificates[4]; /* the same for certificates; their end counts */
	const char *usual[3];	     /* keys it takes without being told, glob(7) */
	const char *in_cwd;	     /* a configuration file in its working directory */
};

/* Ends with a row without program. */
extern const struct ztc_key_place ztc_key_places[];
