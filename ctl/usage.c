/* SPDX-License-Identifier: Apache-2.0 */
/* usage.c - the list of commands, shell completion and manual page, all from the table. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/wire.h"
#include "ctl/cmd.h"

void ztc_usage_list(FILE *out)
{
	fputs("Commands:\n", out);
	for (size_t i = 0; i < ztc_command_count(); i++) {
		const struct ztc_cmd *cmd = ztc_command(i);
		char left[64];

		snprintf(left, sizeof(left), "%s %s", cmd->name, cmd->args);
		if (strlen(left) > 14)
			fprintf(out, "  %s\n  %-14s  %s\n", left, "", cmd->help);
		else
			fprintf(out, "  %-14s  %s\n", left, cmd->help);
	}
	fputs("\n'ztctl COMMAND --help' tells more.\n"
	      "Exit status: 0 done; 1 failed; 2 bad usage or input; 3 \"no\" as an answer;\n"
	      "of assess: see there.\n",
	      out);
}

/* --- bash completion --- */

/* Is this the first row whose name begins with that word? */
static bool first_of_family(size_t row, size_t len)
{
	for (size_t i = 0; i < row; i++) {
		if (strncmp(ztc_command(i)->name, ztc_command(row)->name, len) == 0 &&
		    (ztc_command(i)->name[len] == ' ' || ztc_command(i)->name[len] == '\0'))
			return false;
	}
	return true;
}

static void write_first_words(FILE *out)
{
	fputs("\tlocal commands='", out);
	for (size_t i = 0; i < ztc_command_count(); i++) {
		size_t len = strcspn(ztc_command(i)->name, " ");

		if (first_of_family(i, len))
			fprintf(out, "%s%.*s", i ? " " : "", (int)len, ztc_command(i)->name);
	}
	fputs("'\n", out);
}

static void write_options(FILE *out, const struct ztc_cmd *cmd)
{
	for (const struct ztc_opt *o = cmd->opts; o && o->name; o++)
		fprintf(out, "--%s ", o->name);
	fputs("--json --socket --color --help", out);
}

/* Commands behind this first word; their number. */
static size_t family_size(const char *word, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < ztc_command_count(); i++)
		count += strncmp(ztc_command(i)->name, word, len) == 0 &&
			 ztc_command(i)->name[len] == ' ';
	return count;
}

static void write_family(FILE *out, size_t row)
{
	const struct ztc_cmd *first = ztc_command(row);
	size_t len = strcspn(first->name, " ");
	const char *sep = "";

	if (!first_of_family(row, len) || !family_size(first->name, len))
		return;
	fprintf(out, "\t%.*s) words='", (int)len, first->name);
	for (size_t i = row; i < ztc_command_count(); i++) {
		if (strncmp(ztc_command(i)->name, first->name, len) == 0 &&
		    ztc_command(i)->name[len] == ' ') {
			fprintf(out, "%s%s", sep, ztc_command(i)->name + len + 1);
			sep = " ";
		}
	}
	/* The word alone is a command too. */
	if (!first->name[len]) {
		fputc(' ', out);
		write_options(out, first);
	}
	fputs("' ;;\n", out);
}

static void write_case(FILE *out, const struct ztc_cmd *cmd, const char *rest)
{
	fprintf(out, "\t'%s'%s) words='", cmd->name, rest);
	write_options(out, cmd);
	fputs("' ;;\n", out);
}

/* Those of two words first: the word alone takes what is left. */
static void write_cases(FILE *out)
{
	for (size_t i = 0; i < ztc_command_count(); i++)
		if (strchr(ztc_command(i)->name, ' '))
			write_case(out, ztc_command(i), "");
	for (size_t i = 0; i < ztc_command_count(); i++) {
		const struct ztc_cmd *cmd = ztc_command(i);

		if (strchr(cmd->name, ' '))
			continue;
		write_case(out, cmd, "");
		if (family_size(cmd->name, strlen(cmd->name)))
			write_case(out, cmd, "\\ *");
	}
}

void ztc_write_completion(FILE *out)
{
	fputs("# SPDX-License-Identifier: Apache-2.0\n"
	      "# Written by 'ztctl --generate=completion' from the table of commands.\n"
	      "_ztctl()\n{\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} words='' first='' second='' i\n",
	      out);
	write_first_words(out);
	fputs("\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tcase ${COMP_WORDS[i]} in\n"
	      "\t\t--socket | --color | -s) ((i++)) ;;\n"
	      "\t\t-* | =) ;;\n"
	      "\t\t*)\n"
	      "\t\t\tif [[ -z $first ]]; then\n\t\t\t\tfirst=${COMP_WORDS[i]}\n"
	      "\t\t\telif [[ -z $second ]]; then\n\t\t\t\tsecond=${COMP_WORDS[i]}\n\t\t\tfi\n"
	      "\t\t\t;;\n"
	      "\t\tesac\n\tdone\n"
	      "\tCOMPREPLY=()\n"
	      "\tif [[ -z $first ]]; then\n"
	      "\t\t[[ $cur == -* ]] && commands='--socket --json --color --help'\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -W \"$commands\" -- \"$cur\")\n"
	      "\t\treturn\n\tfi\n"
	      "\tcase $first in\n",
	      out);
	for (size_t i = 0; i < ztc_command_count(); i++)
		write_family(out, i);
	fputs("\tesac\n"
	      "\tif [[ -n $words && -z $second ]]; then\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	      "\t\treturn\n\tfi\n"
	      "\tcase \"$first${words:+ $second}\" in\n",
	      out);
	write_cases(out);
	fputs("\t*) words='' ;;\n"
	      "\tesac\n"
	      "\tif [[ $cur == -* ]]; then\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	      "\telse\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	      "\tfi\n}\n"
	      "complete -o filenames -F _ztctl ztctl\n",
	      out);
}

/* --- manual page --- */

/* roff gives meaning to a backslash, to a hyphen, and to a dot or quote that begins a line. */
static void write_roff(FILE *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		if (*p == '\\')
			fputs("\\e", out);
		else if (*p == '-')
			fputs("\\-", out);
		else if ((*p == '.' || *p == '\'') && (p == text || p[-1] == '\n'))
			fprintf(out, "\\&%c", *p);
		else
			fputc(*p, out);
	}
}

static void write_option(FILE *out, const char *name, const char *arg, const char *help)
{
	fputs(".TP\n.B ", out);
	write_roff(out, "--");
	write_roff(out, name);
	if (arg)
		fprintf(out, "=\\fI%s\\fP", arg);
	fputc('\n', out);
	write_roff(out, help);
	fputc('\n', out);
}

static void write_command(FILE *out, const struct ztc_cmd *cmd)
{
	fprintf(out, ".SS \"ztctl %s", cmd->name);
	if (*cmd->args) {
		fputc(' ', out);
		write_roff(out, cmd->args);
	}
	fputs("\"\n", out);
	fputc(toupper((unsigned char)cmd->help[0]), out);
	write_roff(out, cmd->help + 1);
	fputs(".\n", out);
	if (cmd->more && *cmd->more) {
		fputs(".PP\n", out);
		write_roff(out, cmd->more);
		fputc('\n', out);
	}
	for (const struct ztc_opt *o = cmd->opts; o && o->name; o++)
		write_option(out, o->name, o->arg, o->help);
}

void ztc_write_man(FILE *out)
{
	fputs(".\\\" SPDX-License-Identifier: Apache-2.0\n"
	      ".\\\" Written by 'ztctl --generate=man' from the table of commands.\n"
	      ".TH ZTCTL 8 \"\" \"ztseg\" \"System administration\"\n"
	      ".SH NAME\nztctl \\- see and control the segmentation of this host\n"
	      ".SH SYNOPSIS\n.B ztctl\n[\\fIOPTION\\fP...] \\fICOMMAND\\fP "
	      "[\\fIARGUMENT\\fP...]\n"
	      ".SH DESCRIPTION\n"
	      "Asks the agent of this network namespace, ztagent(8), through its socket, and prints\n"
	      "the answer for people, or with\n.B \\-\\-json\nfor programs.\n"
	      ".SH OPTIONS\n",
	      out);
	write_option(out, "socket", "SOCKET", "The agent's socket; by default " ZT_WIRE_SOCKET ".");
	write_option(out, "json", NULL, "Print the answer as one JSON object.");
	write_option(out, "color", "WHEN",
		     "auto (on a terminal, unless NO_COLOR is set), always or never.");
	fputs(".SH COMMANDS\n", out);
	for (size_t i = 0; i < ztc_command_count(); i++)
		write_command(out, ztc_command(i));
	fputs(".SH EXIT STATUS\n"
	      ".TP\n.B 0\nDone.\n.TP\n.B 1\nFailed.\n.TP\n.B 2\nBad usage or bad input.\n"
	      ".TP\n.B 3\n\"No\" as an answer: a check did not hold, violations exist.\n"
	      ".PP\nThose of\n.BR assess ,\n.B assess show\nand\n.B assess diff\nare their own, "
	      "as described there.\n"
	      ".SH FILES\n.TP\n.I " ZT_WIRE_SOCKET "\nWhere the agent answers. Root and group\n"
	      ".B ztseg\\-admin\nmay change things, group\n.B ztseg\nmay read.\n",
	      out);
}
