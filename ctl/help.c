/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help.c - help of a command in the language in use, from its row of the table.
 *
 * argp prints the English one, and counts bytes where a line of Chinese has columns; this one
 * counts columns. Manual page and completion stay English.
 */
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/i18n/say.h"
#include "ctl/render/text.h"

#define HELP_WIDTH  80
#define HELP_INDENT 26

static const struct ztc_opt common[] = {
	{"json", NULL, N_("print the answer as JSON")},
	{"socket", "SOCKET", N_("where the agent answers")},
	{"color", "WHEN", N_("auto (default: on a terminal), always or never")},
	{"help", NULL, N_("print this help")},
	{NULL, NULL, NULL},
};

bool ztc_help_translated(const struct ztc_cmd *cmd)
{
	return ztc_lang() != ZTC_LANG_EN && cmd >= ztc_assess_commands &&
	       cmd < ztc_assess_commands + ztc_assess_command_count;
}

static void put_option(FILE *out, const struct ztc_opt *opt)
{
	const struct ztc_style style = {.width = HELP_WIDTH};
	char left[64];

	snprintf(left, sizeof(left), "  --%s%s%s", opt->name, opt->arg ? "=" : "",
		 opt->arg ? opt->arg : "");
	if (strlen(left) + 2 > HELP_INDENT)
		fprintf(out, "%s\n%*s", left, HELP_INDENT, "");
	else
		fprintf(out, "%-*s", HELP_INDENT, left);
	ztc_wrap(out, &style, ZTC_PLAIN, HELP_INDENT, HELP_INDENT, ztc_tr(opt->help));
}

void ztc_help(FILE *out, const struct ztc_cmd *cmd)
{
	const struct ztc_style style = {.width = HELP_WIDTH};

	fputs(ztc_tr(N_("Usage:")), out);
	fprintf(out, " ztctl %s %s%s%s\n", cmd->name, ztc_tr(N_("[OPTION...]")),
		*cmd->args ? " " : "", cmd->args);
	ztc_wrap(out, &style, ZTC_PLAIN, 0, 0, ztc_tr(cmd->help));
	if (cmd->more && *cmd->more) {
		fputc('\n', out);
		ztc_wrap(out, &style, ZTC_PLAIN, 0, 0, ztc_tr(cmd->more));
	}
	fputc('\n', out);
	for (const struct ztc_opt *o = cmd->opts; o && o->name; o++)
		put_option(out, o);
	fprintf(out, "\n%s\n", ztc_tr(N_("Common options:")));
	for (const struct ztc_opt *o = common; o->name; o++)
		put_option(out, o);
}

static void put_msgid(FILE *out, const char *text)
{
	if (!text || !*text)
		return;
	fputs("msgid \"", out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		if (*text == '\n')
			fputs("\\n", out);
		else
			fputc(*text, out);
	}
	fputs("\"\nmsgstr \"\"\n\n", out);
}

void ztc_write_msgids(FILE *out)
{
	fputs("msgid \"\"\nmsgstr \"Content-Type: text/plain; charset=UTF-8\\n\"\n\n", out);
	for (size_t i = 0; i < ztc_assess_command_count; i++) {
		const struct ztc_cmd *cmd = &ztc_assess_commands[i];

		put_msgid(out, cmd->help);
		put_msgid(out, cmd->more);
		for (const struct ztc_opt *o = cmd->opts; o && o->name; o++)
			put_msgid(out, o->help);
	}
}
