/* SPDX-License-Identifier: Apache-2.0 */
/* strbuf.c - a string that grows, and the escaping of hostile text. */
#include "base/strbuf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

void zt_strbuf_free(struct zt_strbuf *sb)
{
	free(sb->data);
	*sb = (struct zt_strbuf)ZT_STRBUF_INIT;
}

void zt_strbuf_reset(struct zt_strbuf *sb)
{
	sb->len = 0;
	sb->error = 0;
	if (sb->data)
		sb->data[0] = '\0';
}

/* Makes room for len more bytes and a NUL. */
static bool reserve(struct zt_strbuf *sb, size_t len)
{
	size_t cap = sb->cap ?: 64;
	char *data;

	if (sb->error)
		return false;
	if (len > SIZE_MAX / 4 || sb->len > SIZE_MAX / 4) {
		sb->error = -ENOMEM;
		return false;
	}
	if (sb->len + len + 1 <= sb->cap)
		return true;
	while (cap < sb->len + len + 1)
		cap *= 2;
	data = realloc(sb->data, cap);
	if (!data) {
		sb->error = -ENOMEM;
		return false;
	}
	sb->data = data;
	sb->cap = cap;
	return true;
}

void zt_strbuf_add(struct zt_strbuf *sb, const void *bytes, size_t len)
{
	if (!reserve(sb, len))
		return;
	if (len)
		memcpy(sb->data + sb->len, bytes, len);
	sb->len += len;
	sb->data[sb->len] = '\0';
}

void zt_strbuf_puts(struct zt_strbuf *sb, const char *s)
{
	zt_strbuf_add(sb, s, strlen(s));
}

void zt_strbuf_vprintf(struct zt_strbuf *sb, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0) {
		sb->error = -ENOMEM;
		return;
	}
	if (!reserve(sb, (size_t)n))
		return;
	vsnprintf(sb->data + sb->len, (size_t)n + 1, fmt, ap);
	sb->len += (size_t)n;
}

void zt_strbuf_printf(struct zt_strbuf *sb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	zt_strbuf_vprintf(sb, fmt, ap);
	va_end(ap);
}

size_t zt_utf8_next(const unsigned char *s, size_t len, unsigned int *ret_code)
{
	static const unsigned int least[5] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned int code;
	size_t n;

	if (s[0] < 0x80) {
		n = 1;
		code = s[0];
	} else if ((s[0] & 0xe0) == 0xc0) {
		n = 2;
		code = s[0] & 0x1f;
	} else if ((s[0] & 0xf0) == 0xe0) {
		n = 3;
		code = s[0] & 0x0f;
	} else if ((s[0] & 0xf8) == 0xf0) {
		n = 4;
		code = s[0] & 0x07;
	} else {
		return 0;
	}
	if (n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	if (ret_code)
		*ret_code = code;
	return n;
}

/* Characters that move, hide or break what a reader sees. */
static bool deceives(unsigned int code)
{
	return code == 0x00ad || code == 0x061c || code == 0x180e ||
	       (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
	       (code >= 0xfff9 && code <= 0xfffb) || (code >= 0xe0000 && code <= 0xe007f);
}

void zt_strbuf_escape(struct zt_strbuf *sb, const void *text, size_t len)
{
	const unsigned char *s = text;
	unsigned int code;

	for (size_t i = 0; i < len;) {
		size_t n = zt_utf8_next(s + i, len - i, &code);

		if (n == 0) {
			zt_strbuf_printf(sb, "\\x%02x", s[i]);
			i++;
			continue;
		}
		if (code < 0x20 || code == 0x7f)
			zt_strbuf_printf(sb, "\\x%02x", code);
		else if ((code >= 0x80 && code < 0xa0) || deceives(code))
			zt_strbuf_printf(sb, "\\u{%04x}", code);
		else if (code == '\\')
			zt_strbuf_puts(sb, "\\\\");
		else
			zt_strbuf_add(sb, s + i, n);
		i += n;
	}
}

int zt_strbuf_error(const struct zt_strbuf *sb)
{
	return sb->error;
}

const char *zt_strbuf_text(const struct zt_strbuf *sb)
{
	return sb->data && !sb->error ? sb->data : "";
}

char *zt_strbuf_steal(struct zt_strbuf *sb)
{
	char *text = NULL;

	if (!sb->error)
		text = sb->data ? zt_take(sb->data) : strdup("");
	zt_strbuf_free(sb);
	return text;
}
