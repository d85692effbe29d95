/* SPDX-License-Identifier: Apache-2.0 */
/* html_put.c - the smallest pieces of the HTML report: both languages, rows, badges. */
#include <string.h>

#include "base/cleanup.h"
#include "ctl/render/text.h"
#include "ctl/report/html.h"
#include "ctl/report/report.h"

/* What stands between ` is code. An odd one out stays as it is. */
static void marked(FILE *out, const char *text)
{
	zt_auto(zt_freep) char *copy = strdup(text);
	char *at = copy, *open, *close;

	while (at && (open = strchr(at, '`')) && (close = strchr(open + 1, '`'))) {
		*open = *close = '\0';
		ztc_xml_text(out, at);
		fputs("<code>", out);
		ztc_xml_text(out, open + 1);
		fputs("</code>", out);
		at = close + 1;
	}
	if (at)
		ztc_xml_text(out, at);
}

/* @class: "m" for messages, which stand below each other where both languages are seen. */
static void both(FILE *out, const char *en, const char *zh, const char *class,
		 void (*put)(FILE *out, const char *text))
{
	if (strcmp(en, zh) == 0) {
		put(out, en);
		return;
	}
	fprintf(out, "<span%s lang=\"en\">", class);
	put(out, en);
	fprintf(out, "</span><span class=\"gap\"> </span><span%s lang=\"zh-TW\">", class);
	put(out, zh);
	fputs("</span>", out);
}

void ztc_html_say(FILE *out, const char *msgid)
{
	both(out, msgid, ztc_tr_in(ZTC_LANG_ZH_TW, msgid), "", ztc_xml_text);
}

void ztc_html_message(FILE *out, const json_t *message)
{
	both(out, ztc_text_in(ZTC_LANG_EN, message), ztc_text_in(ZTC_LANG_ZH_TW, message),
	     " class=\"m\"", ztc_xml_text);
}

void ztc_html_advice(FILE *out, const json_t *message)
{
	both(out, ztc_text_in(ZTC_LANG_EN, message), ztc_text_in(ZTC_LANG_ZH_TW, message),
	     " class=\"m\"", marked);
}

void ztc_html_head(const struct ztc_html *h, int rank, const char *id, const char *msgid)
{
	fprintf(h->out, "<h%d", rank);
	if (id)
		fprintf(h->out, " id=\"h%zu-%s\"", h->host, id);
	fputc('>', h->out);
	ztc_html_say(h->out, msgid);
	fprintf(h->out, "</h%d>\n", rank);
}

static void row_head(FILE *out, const char *msgid)
{
	fputs("<tr><th scope=\"row\">", out);
	ztc_html_say(out, msgid);
	fputs("</th><td>", out);
}

void ztc_html_row(FILE *out, const char *msgid, const char *value)
{
	if (!*value)
		return;
	row_head(out, msgid);
	ztc_xml_text(out, value);
	fputs("</td></tr>\n", out);
}

void ztc_html_row_code(FILE *out, const char *msgid, const char *value)
{
	if (!*value)
		return;
	row_head(out, msgid);
	fputs("<code>", out);
	ztc_xml_text(out, value);
	fputs("</code></td></tr>\n", out);
}

void ztc_html_row_say(FILE *out, const char *msgid, const char *value_msgid)
{
	row_head(out, msgid);
	ztc_html_say(out, value_msgid);
	fputs("</td></tr>\n", out);
}

void ztc_html_row_message(FILE *out, const char *msgid, const json_t *message)
{
	if (!*ztc_text(message))
		return;
	row_head(out, msgid);
	ztc_html_message(out, message);
	fputs("</td></tr>\n", out);
}

void ztc_html_link(const struct ztc_html *h, const char *kind, const char *id)
{
	if (h->details) {
		fprintf(h->out, "<a href=\"#h%zu-%s", h->host, kind);
		ztc_xml_text(h->out, id);
		fputs("\">", h->out);
	}
	ztc_xml_text(h->out, id);
	fputs(h->details ? "</a>" : "", h->out);
}

void ztc_html_cell(FILE *out, const char *text)
{
	fputs("<td>", out);
	ztc_xml_text(out, text);
	fputs("</td>", out);
}

void ztc_html_heads(FILE *out, const char *const *msgids)
{
	fputs("<thead><tr>", out);
	for (; *msgids; msgids++) {
		fputs("<th scope=\"col\">", out);
		if (**msgids)
			ztc_html_say(out, *msgids);
		fputs("</th>", out);
	}
	fputs("</tr></thead>\n", out);
}

void ztc_html_badge(FILE *out, const char *kind, const char *msgid)
{
	fputs("<span", out);
	/* A class of one known word only: what a document says stays text. */
	if (kind[strspn(kind, "abcdefghijklmnopqrstuvwxyz_-")] == '\0' && strlen(kind) < 32)
		fprintf(out, " class=\"badge %s\"", kind);
	else
		fputs(" class=\"badge\"", out);
	fputc('>', out);
	ztc_html_say(out, msgid);
	fputs("</span>", out);
}

void ztc_html_time(FILE *out, const char *time)
{
	if (ztc_time_parse(time) < 0) {
		ztc_xml_text(out, time);
		return;
	}
	fprintf(out, "%.10s %.8s UTC", time, time + 11);
}
