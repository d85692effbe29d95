/* SPDX-License-Identifier: Apache-2.0 */
/* logs_journal.h - journald's files: where they are, what their headers say, what was suppressed.
 */
#pragma once
#include <limits.h>

#include "ctl/collect/collect.h"

#define ZTC_JOURNAL_FILES 512

/* One file; systemd's docs/JOURNAL_FILE_FORMAT.md has the header. */
struct ztc_journal_file {
	char path[300]; /* without @root */
	uint64_t entries;
	int64_t first_s, last_s; /* 0 = no entries */
	off_t size;
	bool sealed, online; /* online: being written */
};

/**
 * struct ztc_journal
 * @there:      a journal is kept on this host, or journald runs.
 * @persistent: files in /var/log/journal; @files are those, else the ones in /run/log/journal.
 */
struct ztc_journal {
	bool there, running, persistent;
	char dir[PATH_MAX];
	size_t count;
	struct ztc_journal_file files[ZTC_JOURNAL_FILES];
};

/* ztc_journal_read - 0; -EACCES when there are files that may not be read; -errno. */
int ztc_journal_read(const struct ztc_env *env, struct ztc_journal *ret);

/**
 * ztc_journal_suppressed - messages that journald dropped since @since_s, by its own entries about
 * that (SD_MESSAGE_JOURNAL_DROPPED and _MISSED of sd-messages.h).
 * Returns 0 or -errno.
 */
int ztc_journal_suppressed(const struct ztc_env *env, const struct ztc_journal *journal,
			   int64_t since_s, uint64_t *ret);
