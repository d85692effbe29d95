/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strbuf.h - a string that grows, and the escaping of hostile text.
 *
 * A failed allocation makes the buffer "failed": later calls do nothing and
 * zt_strbuf_error() tells, so that a long composition is checked once.
 */
#pragma once
#include <stdarg.h>
#include <stddef.h>

struct zt_strbuf {
	char *data; /* NUL-terminated once something was added; owned */
	size_t len; /* without the NUL */
	size_t cap;
	int error; /* 0 or -ENOMEM */
};

#define ZT_STRBUF_INIT                                                                             \
	{                                                                                          \
		0                                                                                  \
	}

/** zt_strbuf_free - release the memory and make the buffer empty; for zt_auto(). */
void zt_strbuf_free(struct zt_strbuf *sb);

/** zt_strbuf_reset - make it empty, keep the memory. */
void zt_strbuf_reset(struct zt_strbuf *sb);

/** zt_strbuf_add - append @len bytes as they are. */
void zt_strbuf_add(struct zt_strbuf *sb, const void *bytes, size_t len);

/** zt_strbuf_puts - append a C string as it is. */
void zt_strbuf_puts(struct zt_strbuf *sb, const char *s);

/** zt_strbuf_printf - append formatted text. */
__attribute__((format(printf, 2, 3))) void zt_strbuf_printf(struct zt_strbuf *sb, const char *fmt,
							    ...);
/** zt_strbuf_vprintf - append formatted text from an argument list. */
__attribute__((format(printf, 2, 0))) void zt_strbuf_vprintf(struct zt_strbuf *sb, const char *fmt,
							     va_list ap);

/**
 * zt_strbuf_escape - append text that came from outside, made safe to show.
 * @text: @len bytes, any content.
 *
 * Control characters and bytes that are not valid UTF-8 become \xNN; bidi
 * controls, zero-width and line-separating characters become \u{NNNN}; a
 * backslash becomes \\. The result is valid UTF-8 on one line.
 */
void zt_strbuf_escape(struct zt_strbuf *sb, const void *text, size_t len);

/** zt_strbuf_error - 0, or -ENOMEM when something could not be appended. */
int zt_strbuf_error(const struct zt_strbuf *sb);

/** zt_strbuf_text - the text; never NULL ("" when empty or failed); borrowed. */
const char *zt_strbuf_text(const struct zt_strbuf *sb);

/**
 * zt_strbuf_steal - hand the text over to the caller, who frees it.
 *
 * Returns NULL when the buffer failed; the buffer is empty afterwards.
 */
char *zt_strbuf_steal(struct zt_strbuf *sb);

/**
 * zt_utf8_next - length of the character at @s.
 * @len:      bytes that may be read, at least 1.
 * @ret_code: on success the code point; may be NULL.
 *
 * Returns 1 to 4, or 0 when the bytes are not well-formed UTF-8 (overlong
 * forms and surrogates included).
 */
size_t zt_utf8_next(const unsigned char *s, size_t len, unsigned int *ret_code);
