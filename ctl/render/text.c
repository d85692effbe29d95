/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - numbers, times and hostile text as people read them on a terminal. */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/json.h"
#include "ctl/render/text.h"

/* --- UTF-8 --- */

static unsigned int decode(const char *text, size_t len, size_t *ret_len)
{
	unsigned int c = '?';

	*ret_len = zt_utf8_next((const unsigned char *)text, len, &c);
	if (!*ret_len)
		*ret_len = 1;
	return c;
}

/* East Asian Wide and Fullwidth, and emoji: Unicode's EastAsianWidth.txt, in whole blocks. */
static unsigned int columns_of(unsigned int c)
{
	static const unsigned int wide[][2] = {
		{0x1100, 0x115f},   {0x2e80, 0x303e},	{0x3041, 0xa4cf}, {0xac00, 0xd7a3},
		{0xf900, 0xfaff},   {0xfe30, 0xfe6f},	{0xff00, 0xff60}, {0xffe0, 0xffe6},
		{0x1f300, 0x1faff}, {0x20000, 0x3fffd},
	};

	if ((c >= 0x300 && c <= 0x36f) || (c >= 0xfe00 && c <= 0xfe0f))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(wide); i++) {
		if (c >= wide[i][0] && c <= wide[i][1])
			return 2;
	}
	return 1;
}

unsigned int ztc_width(const char *text, size_t len)
{
	unsigned int width = 0;
	size_t n;

	for (size_t i = 0; i < len; i += n)
		width += columns_of(decode(text + i, len - i, &n));
	return width;
}

/* May a line end before byte @i of @text? Names and addresses stay whole as long as they can. */
static bool may_break(const char *text, size_t i)
{
	if (!i || !text[i])
		return false;
	return text[i] == ' ' || strchr(" /:,-@", text[i - 1]) ||
	       (text[i] == '.' && isalpha((unsigned char)text[i + 1]));
}

size_t ztc_part(const char *text)
{
	size_t len = strlen(text), n, end = 0;

	do {
		decode(text + end, len - end, &n);
		end += n;
	} while (end < len && !may_break(text, end));
	return end < len ? end : len;
}

static bool one_of(unsigned int c, const unsigned int *list)
{
	while (*list && *list != c)
		list++;
	return *list != 0;
}

/* Wide characters need no space between them, but punctuation stays where it belongs. */
static bool may_part(unsigned int before, unsigned int after)
{
	static const unsigned int opening[] = {0x300c, 0x300e, 0x3010, 0xff08, 0};
	static const unsigned int closing[] = {0x3001, 0x3002, 0x300d, 0x300f, 0x3011,
					       0xff01, 0xff05, 0xff09, 0xff0c, 0xff0f,
					       0xff1a, 0xff1b, 0xff1f, 0};

	return (columns_of(before) == 2 || columns_of(after) == 2) && columns_of(after) &&
	       !one_of(before, opening) && !one_of(after, closing);
}

size_t ztc_break(const char *text, unsigned int width, size_t *ret_skip)
{
	size_t len = strlen(text), n = 0, end = 0, space = 0, mark = 0, skip = 0;
	unsigned int used = 0, w, c, before = 0;

	*ret_skip = 0;
	for (; end < len; end += n, before = c) {
		c = decode(text + end, len - end, &n);
		w = columns_of(c);
		if (end && (c == ' ' || (before != ' ' && may_part(before, c)))) {
			space = end;
			skip = c == ' ';
		} else if (may_break(text, end)) {
			mark = end;
		}
		if (used + w > width && end)
			break;
		used += w;
	}
	if (end >= len)
		return len;
	if (space) {
		*ret_skip = skip;
		return space;
	}
	return mark ? mark : end;
}

char *ztc_escaped(const char *text)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf buf = ZT_STRBUF_INIT;

	while (*text) {
		size_t len = strcspn(text, "\\");

		if (len)
			zt_strbuf_escape(&buf, text, len);
		else
			zt_strbuf_add(&buf, text, len = 1);
		text += len;
	}
	if (!zt_strbuf_error(&buf) && !buf.len)
		return strdup("");
	return zt_strbuf_steal(&buf);
}

/* --- output --- */

void ztc_sgr(FILE *out, const struct ztc_style *style, enum ztc_color color)
{
	static const char *const sgr[ZTC_COLOR_COUNT] = {
		[ZTC_PLAIN] = "\033[0m", [ZTC_BOLD] = "\033[1m",  [ZTC_DIM] = "\033[2m",
		[ZTC_GOOD] = "\033[32m", [ZTC_WARN] = "\033[33m", [ZTC_BAD] = "\033[31m",
	};

	if (style->color)
		fputs(sgr[color], out);
}

static void put(FILE *out, const struct ztc_style *style, enum ztc_color color, const char *fmt,
		va_list ap)
{
	zt_auto(zt_freep) char *raw = NULL;
	zt_auto(zt_freep) char *text = NULL;

	if (vasprintf(&raw, fmt, ap) < 0) {
		raw = NULL;
		return;
	}
	text = ztc_escaped(raw);
	if (!text)
		return;
	if (color != ZTC_PLAIN)
		ztc_sgr(out, style, color);
	fputs(text, out);
	if (color != ZTC_PLAIN)
		ztc_sgr(out, style, ZTC_PLAIN);
}

void ztc_put(FILE *out, const struct ztc_style *style, enum ztc_color color, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(out, style, color, fmt, ap);
	va_end(ap);
}

void ztc_put_line(FILE *out, const struct ztc_style *style, enum ztc_color color, const char *fmt,
		  ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(out, style, color, fmt, ap);
	va_end(ap);
	fputc('\n', out);
}

void ztc_wrap(FILE *out, const struct ztc_style *style, enum ztc_color color, unsigned int first,
	      unsigned int indent, const char *text)
{
	zt_auto(zt_freep) char *escaped = ztc_escaped(text);
	unsigned int room = style->width > first + 8 ? style->width - first : 8;
	const char *p = escaped;
	size_t len, skip;

	if (!escaped)
		return;
	while (*p) {
		len = ztc_break(p, room, &skip);
		if (color != ZTC_PLAIN)
			ztc_sgr(out, style, color);
		fprintf(out, "%.*s", (int)len, p);
		if (color != ZTC_PLAIN)
			ztc_sgr(out, style, ZTC_PLAIN);
		p += len + skip;
		if (*p)
			fprintf(out, "\n%*s", (int)indent, "");
		room = style->width > indent + 8 ? style->width - indent : 8;
	}
	fputc('\n', out);
}

void ztc_lines(FILE *out, const char *text)
{
	const struct ztc_style plain = {0};

	while (*text) {
		int len = (int)strcspn(text, "\n");

		ztc_put(out, &plain, ZTC_PLAIN, "%.*s", len, text);
		fputc('\n', out);
		text += len + (text[len] == '\n');
	}
}

/* --- numbers --- */

void ztc_bytes(char ret[ZTC_TEXT_LEN], int64_t bytes)
{
	static const char *const unit[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double n = (double)bytes;
	size_t u = 0;

	/* 999.5 would print as 1000. */
	while (n >= 999.5 && u + 1 < ARRAY_SIZE(unit)) {
		n /= 1000;
		u++;
	}
	snprintf(ret, ZTC_TEXT_LEN, u && n < 9.95 ? "%.1f %s" : "%.0f %s", n, unit[u]);
}

void ztc_count(char ret[ZTC_TEXT_LEN], int64_t count)
{
	char digits[32];
	size_t len, out = 0;

	if (count >= 10000000) {
		snprintf(ret, ZTC_TEXT_LEN, count >= 10000000000 ? "%.1f G" : "%.1f M",
			 (double)count / (count >= 10000000000 ? 1e9 : 1e6));
		return;
	}
	len = (size_t)snprintf(digits, sizeof(digits), "%" PRId64, count);
	for (size_t i = 0; i < len; i++) {
		ret[out++] = digits[i];
		if ((len - i - 1) % 3 == 0 && i + 1 < len && digits[i] != '-')
			ret[out++] = ',';
	}
	ret[out] = '\0';
}

void ztc_plural(char ret[ZTC_TEXT_LEN], int64_t count, const char *one, const char *many)
{
	char number[ZTC_TEXT_LEN];

	ztc_count(number, count);
	snprintf(ret, ZTC_TEXT_LEN, "%.24s %.38s", number, count == 1 ? one : many);
}

/* --- times --- */

void ztc_duration(char ret[ZTC_TEXT_LEN], int64_t seconds)
{
	int64_t min = seconds / 60, h = min / 60, d = h / 24;

	if (seconds < 120)
		snprintf(ret, ZTC_TEXT_LEN, "%" PRId64 " s", seconds);
	else if (min < 120)
		snprintf(ret, ZTC_TEXT_LEN, "%" PRId64 " min", min);
	else if (h < 48 && min % 60)
		snprintf(ret, ZTC_TEXT_LEN, "%" PRId64 " h %" PRId64 " min", h, min % 60);
	else if (h < 48)
		snprintf(ret, ZTC_TEXT_LEN, "%" PRId64 " h", h);
	else if (h % 24)
		snprintf(ret, ZTC_TEXT_LEN, "%" PRId64 " d %" PRId64 " h", d, h % 24);
	else
		snprintf(ret, ZTC_TEXT_LEN, "%" PRId64 " d", d);
}

int64_t ztc_time_parse(const char *text)
{
	struct tm tm = {0};
	const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;

	if (!end)
		return -1;
	if (*end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	if (strcmp(end, "Z") != 0 && strcmp(end, "+00:00") != 0)
		return -1;
	return timegm(&tm);
}

void ztc_ago(char ret[ZTC_TEXT_LEN], const char *text, const struct ztc_style *style)
{
	int64_t t = ztc_time_parse(text);
	char span[ZTC_TEXT_LEN];

	if (t < 0) {
		snprintf(ret, ZTC_TEXT_LEN, "-");
	} else if (!style->now_s) {
		snprintf(ret, ZTC_TEXT_LEN, "%s", text);
	} else if (t > style->now_s) {
		ztc_duration(span, t - style->now_s);
		snprintf(ret, ZTC_TEXT_LEN, "in %.48s", span);
	} else if (style->now_s - t < 2) {
		snprintf(ret, ZTC_TEXT_LEN, "now");
	} else {
		ztc_duration(span, style->now_s - t);
		snprintf(ret, ZTC_TEXT_LEN, "%.48s ago", span);
	}
}

void ztc_age(char ret[ZTC_TEXT_LEN], const char *text, const struct ztc_style *style)
{
	static const struct {
		int64_t from, unit;
		char letter;
	} spans[] = {{172800, 86400, 'd'}, {7200, 3600, 'h'}, {120, 60, 'm'}, {2, 1, 's'}};
	int64_t t = ztc_time_parse(text), age = style->now_s - t;

	snprintf(ret, ZTC_TEXT_LEN, t < 0 ? "-" : "now");
	for (size_t i = 0; t >= 0 && i < ARRAY_SIZE(spans); i++) {
		if (age < spans[i].from)
			continue;
		snprintf(ret, ZTC_TEXT_LEN, "%" PRId64 "%c ago", age / spans[i].unit,
			 spans[i].letter);
		return;
	}
}

void ztc_times(char ret[ZTC_TEXT_LEN], int64_t count)
{
	char number[ZTC_TEXT_LEN];

	ztc_count(number, count);
	snprintf(ret, ZTC_TEXT_LEN, count == 1 ? "once" : "%.48s times", number);
}

void ztc_clock(char ret[ZTC_TEXT_LEN], const char *text, const struct ztc_style *style)
{
	time_t t = ztc_time_parse(text);
	time_t now = style->now_s;
	struct tm then, today;

	if (t < 0 || !localtime_r(&t, &then) || !localtime_r(&now, &today)) {
		snprintf(ret, ZTC_TEXT_LEN, "-");
		return;
	}
	strftime(ret, ZTC_TEXT_LEN,
		 then.tm_yday == today.tm_yday && then.tm_year == today.tm_year
			 ? "%H:%M:%S"
			 : "%Y-%m-%d %H:%M:%S",
		 &then);
}

/* --- JSON --- */

const char *ztc_str(const json_t *object, const char *key)
{
	return zt_json_text(object, key);
}

int64_t ztc_int(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_real(value) ? (int64_t)json_real_value(value) : json_integer_value(value);
}

void ztc_append(char *line, size_t size, const char *fmt, ...)
{
	size_t len = strlen(line);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line + len, size - len, fmt, ap);
	va_end(ap);
}
