/* SPDX-License-Identifier: Apache-2.0 */
/* password.h - a password from the terminal or from a file; never from the command line. */
#pragma once
#include "base/minisign.h"

/* Where it comes from. */
struct ztc_password {
	const char *file;   /* its first line; NULL = the terminal */
	const char *prompt; /* "Password for FILE: " */
	bool twice;	    /* ask again and compare: it is a new one */
	const char *why;    /* after a failure: a sentence; static text */
};

/* ztc_password_read - a zt_minisign_password_fn; @ctx is a struct ztc_password. */
int ztc_password_read(void *ctx, char buf[ZT_MINISIGN_PASSWORD_MAX]);

/**
 * ztc_secret_load - a secret key from its file, with its password when it is encrypted.
 * @password_file: NULL = the terminal is asked.
 * @ret:           to be wiped with zt_minisign_secret_wipe().
 *
 * Warns when others may read the file. Returns an exit status, the reason having been printed.
 */
int ztc_secret_load(const char *path, const char *password_file, struct zt_minisign_secret *ret);
