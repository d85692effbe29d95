/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diag.h - what is wrong with a policy, and where: file, line, column, caret, remedy.
 *
 * Errors are collected, not printed, so that all of them are shown at once and
 * an API can hand them on. The first ZT_DIAG_MAX errors are kept and as many
 * warnings; further ones are counted. Entries own their text: a diag may
 * outlive the policy it speaks of. Text from a policy file is escaped when an
 * entry is made, so that entries are safe to show.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define ZT_DIAG_MAX 20

/* Where a token starts. */
struct zt_loc {
	const char *file;  /* borrowed from the policy's sources; NULL = nowhere */
	unsigned int line; /* from 1; 0 = the file as a whole */
	unsigned int col;  /* from 1, bytes */
};

/* The text of one policy file, kept to show the line an error points at. */
struct zt_source {
	struct zt_source *next;
	char *name; /* as shown: the path that was given or included; owned */
	char *text; /* len bytes and a NUL, or NULL once dropped; owned */
	size_t len;
};

enum zt_severity {
	ZT_SEVERITY_ERROR,
	ZT_SEVERITY_WARNING,
	ZT_SEVERITY_COUNT,
};

struct zt_diag_entry {
	enum zt_severity severity;
	char *file;	   /* NULL = nowhere */
	unsigned int line; /* 0 = the file as a whole */
	unsigned int col;
	char *message;	    /* one line, escaped, no full stop */
	char *source;	    /* the line of the file, escaped, tabs as spaces; or NULL */
	unsigned int caret; /* column of the caret in @source, from 1 */
	char *remedy;	    /* what to write instead, or NULL */
};

struct zt_diag {
	struct zt_diag_entry entries[ZT_SEVERITY_COUNT * ZT_DIAG_MAX]; /* in order of finding */
	size_t count;						       /* entries in use */
	size_t errors;			 /* found, also those beyond ZT_DIAG_MAX */
	size_t warnings;		 /* the same */
	const struct zt_source *sources; /* borrowed; where to find source lines */
	bool no_remedy;			 /* the last entry was beyond the cap */
};

#define ZT_DIAG_INIT                                                                               \
	{                                                                                          \
		.count = 0                                                                         \
	}

/** zt_diag_free - release the entries and make it empty; for zt_auto(). */
void zt_diag_free(struct zt_diag *diag);

/**
 * zt_diag_error - note an error.
 * @diag: may be NULL: then nothing is kept.
 * @loc:  where; NULL = nowhere in particular.
 * @fmt:  one sentence without a full stop; text in it is escaped.
 *
 * Returns -EINVAL always, so that a reader can return it.
 */
__attribute__((format(printf, 3, 4))) int
zt_diag_error(struct zt_diag *diag, const struct zt_loc *loc, const char *fmt, ...);

/** zt_diag_warn - note a warning; the policy can be used all the same. */
__attribute__((format(printf, 3, 4))) void
zt_diag_warn(struct zt_diag *diag, const struct zt_loc *loc, const char *fmt, ...);

/** zt_diag_remedy - say what to write instead, for the entry noted last. */
__attribute__((format(printf, 2, 3))) void zt_diag_remedy(struct zt_diag *diag, const char *fmt,
							  ...);

/** zt_diag_full - whether as many errors were found as are shown. */
bool zt_diag_full(const struct zt_diag *diag);

/**
 * zt_diag_print - all entries as people read them, errors and warnings as found:
 *
 *	web.yaml:12:9: error: '99999' is not a port (1-65535)
 *	   12 |   ports: [tcp/99999]
 *	      |           ^
 *	      = write a number from 1 to 65535
 */
void zt_diag_print(const struct zt_diag *diag, FILE *out);
