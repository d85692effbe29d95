/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - one line per event to standard error, for a person or for the journal.
 *
 * Rooms do not log above ZT_DEBUG: main.c, the API handlers and the event loop
 * log, once, naming what was attempted and on what. When standard error is the
 * journal (JOURNAL_STREAM is set) each line starts with its sd-daemon priority.
 * Text that came from outside is escaped, so a line stays one line.
 * The level is the only state of the room.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>

enum zt_level {
	ZT_ERR,
	ZT_WARN,
	ZT_INFO,
	ZT_DEBUG,
	ZT_LEVEL_COUNT,
};

/** zt_log_set_level - show lines up to and including @lvl; the default is ZT_INFO. */
void zt_log_set_level(enum zt_level lvl);

/** zt_log_enabled - whether a line of @lvl would be shown. */
bool zt_log_enabled(enum zt_level lvl);

/**
 * zt_log - write one line; errno is preserved.
 * @lvl: importance; lines above the set level cost one comparison.
 * @fmt: printf format, without a newline at its end.
 */
__attribute__((format(printf, 2, 3))) void zt_log(enum zt_level lvl, const char *fmt, ...);

/** zt_vlog - zt_log() for an argument list. */
__attribute__((format(printf, 2, 0))) void zt_vlog(enum zt_level lvl, const char *fmt, va_list ap);

/**
 * zt_fail - log an error once and hand its number on.
 * @r:   -errno of what failed.
 * @fmt: what was being attempted, and on what; ": strerror" is appended.
 *
 * Returns @r, so that a caller can write: return zt_fail(r, "open '%s'", path);
 */
__attribute__((format(printf, 2, 3))) int zt_fail(int r, const char *fmt, ...);
