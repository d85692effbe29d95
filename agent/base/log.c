/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - one line per event to standard error. */
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

static enum zt_level max_level = ZT_INFO;

/* sd-daemon(3) priorities and the words people see, by zt_level. */
static const struct {
	int priority;
	const char *word;
} levels[ZT_LEVEL_COUNT] = {
	[ZT_ERR] = {3, "error: "},
	[ZT_WARN] = {4, "warning: "},
	[ZT_INFO] = {6, ""},
	[ZT_DEBUG] = {7, "debug: "},
};

void zt_log_set_level(enum zt_level lvl)
{
	max_level = lvl;
}

bool zt_log_enabled(enum zt_level lvl)
{
	return lvl <= max_level;
}

static void write_all(const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(STDERR_FILENO, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nowhere to say so */
		text += n;
		len -= (size_t)n;
	}
}

void zt_vlog(enum zt_level lvl, const char *fmt, va_list ap)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	zt_auto(zt_strbuf_free) struct zt_strbuf line = ZT_STRBUF_INIT;
	int saved = errno;

	if (lvl >= ZT_LEVEL_COUNT || !zt_log_enabled(lvl))
		return;
	zt_strbuf_vprintf(&text, fmt, ap);
	if (getenv("JOURNAL_STREAM"))
		zt_strbuf_printf(&line, "<%d>", levels[lvl].priority);
	else
		zt_strbuf_puts(&line, levels[lvl].word);
	zt_strbuf_escape(&line, zt_strbuf_text(&text), text.len);
	zt_strbuf_puts(&line, "\n");
	/* One write per line, so that lines of two processes do not mix. */
	write_all(zt_strbuf_text(&line), line.error ? 0 : line.len);
	errno = saved;
}

void zt_log(enum zt_level lvl, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	zt_vlog(lvl, fmt, ap);
	va_end(ap);
}

int zt_fail(int r, const char *fmt, ...)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf what = ZT_STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	zt_strbuf_vprintf(&what, fmt, ap);
	va_end(ap);
	zt_log(ZT_ERR, "%s: %s", zt_strbuf_text(&what), strerror(r < 0 ? -r : r));
	return r;
}
