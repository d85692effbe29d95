/* SPDX-License-Identifier: Apache-2.0 */
/* pieces.c - pieces of YAML that read well and read back to what they were. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "ctl/recommend/pieces.h"
#include "ctl/render/text.h"

#define LINE 92 /* columns after which a list or a text goes on in the next line */

static bool is_word(const char *text)
{
	static const char *const typed[] = {"null", "true", "false", "yes",  "no",   "on",
					    "off",  "y",    "n",     "Null", "True", "False"};

	if (!isalpha((unsigned char)*text))
		return false;
	for (const char *s = text; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("-_.", *s))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(typed); i++)
		if (strcasecmp(text, typed[i]) == 0)
			return false;
	return true;
}

void ztc_put_text(struct zt_strbuf *sb, const char *text)
{
	if (is_word(text)) {
		zt_strbuf_puts(sb, text);
		return;
	}
	zt_strbuf_puts(sb, "\"");
	for (const unsigned char *s = (const unsigned char *)text; *s; s++)
		if (*s == '"' || *s == '\\')
			zt_strbuf_printf(sb, "\\%c", *s);
		else if (*s < 0x20 || *s == 0x7f)
			zt_strbuf_printf(sb, "\\x%02x", *s);
		else
			zt_strbuf_add(sb, s, 1);
	zt_strbuf_puts(sb, "\"");
}

/* Columns since the last line feed. */
static size_t column(const struct zt_strbuf *sb)
{
	size_t n = 0;

	while (n < sb->len && sb->data[sb->len - 1 - n] != '\n')
		n++;
	return n;
}

/* A double-quoted text over several lines: a line end reads as the space it stands for. */
void ztc_put_folded(struct zt_strbuf *sb, const char *text)
{
	zt_strbuf_puts(sb, "\"");
	for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
		size_t word = strcspn((const char *)s + 1, " ");

		if (*s == ' ' && column(sb) + word > LINE)
			zt_strbuf_puts(sb, "\n      ");
		else if (*s == '"' || *s == '\\')
			zt_strbuf_printf(sb, "\\%c", *s);
		else
			zt_strbuf_add(sb, s, 1);
	}
	zt_strbuf_puts(sb, "\"\n");
}

/* An IPv6 address has colons. */
void ztc_put_net(struct zt_strbuf *sb, const struct zt_net_key *net)
{
	char text[ZT_NET_TEXT_LEN];

	zt_net_text(net, text);
	zt_strbuf_printf(sb, strchr(text, ':') ? "\"%s\"" : "%s", text);
}

void ztc_put_addr(struct zt_strbuf *sb, const struct zt_addr *addr)
{
	struct zt_net_key net = {.prefixlen = 128};

	memcpy(net.bytes, addr->bytes, sizeof(net.bytes));
	ztc_put_net(sb, &net);
}

void ztc_next_item(struct zt_strbuf *sb, bool first, const char *indent)
{
	if (!first && column(sb) > LINE - 16)
		zt_strbuf_printf(sb, ",\n%s", indent);
	else if (!first)
		zt_strbuf_puts(sb, ", ");
}

/* A comment of its own, wrapped. */
void ztc_put_comment(struct zt_strbuf *sb, const char *indent, const char *text)
{
	while (*text) {
		size_t skip, n = ztc_break(text, LINE - (unsigned int)strlen(indent), &skip);

		zt_strbuf_printf(sb, "%s# %.*s\n", indent, (int)n, text);
		text += n + skip;
	}
}
