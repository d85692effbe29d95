/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - global options, and from the words after them to one row of the command table. */
#include <argp.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/mounts.h"
#include "base/cleanup.h"
#include "api/wire.h"
#include "ctl/cmd.h"
#include "ctl/i18n/say.h"

#define KEY_SOCKET   's'
#define KEY_JSON     'j'
#define KEY_COLOR    0x100
#define KEY_GENERATE 0x101
#define KEY_VERBOSE  'v'
#define KEY_HELP     0x103
#define KEY_COMMAND  0x200 /* + row of the command's options */

/* What the global parser leaves behind. */
struct globals {
	struct ztc_ctx ctx;
	const char *generate;
	int first_word; /* index of the first argument that is no option; 0 = none */
	bool top;	/* parsing what stands before the command */
};

static const struct argp_option global_options[] = {
	{"socket", KEY_SOCKET, "SOCKET", 0, "the agent's socket (default " ZT_WIRE_SOCKET ")", 0},
	{"json", KEY_JSON, NULL, 0, "print the answer as JSON", 0},
	{"color", KEY_COLOR, "WHEN", 0, "auto (default: on a terminal), always or never", 0},
	{"generate", KEY_GENERATE, "WHAT", OPTION_HIDDEN, NULL, 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

static bool color_wanted(void)
{
	const char *term = getenv("TERM");
	const char *no_color = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0 &&
	       !(no_color && *no_color);
}

/* Text fits the terminal when there is one, and 100 columns always. */
static unsigned int wanted_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize ws;
	uint64_t n = ZTC_WIDTH_MAX;

	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col)
		n = ws.ws_col;
	else if (columns && ztc_parse_count(columns, 10000, &n) < 0)
		n = ZTC_WIDTH_MAX;
	if (n > ZTC_WIDTH_MAX)
		return ZTC_WIDTH_MAX;
	return n < ZTC_WIDTH_MIN ? ZTC_WIDTH_MIN : (unsigned int)n;
}

static error_t parse_global(int key, char *arg, struct argp_state *state)
{
	struct globals *g = state->input;

	switch (key) {
	case KEY_SOCKET:
		g->ctx.socket = arg;
		return 0;
	case KEY_JSON:
		g->ctx.json = true;
		return 0;
	case KEY_COLOR:
		if (strcmp(arg, "always") == 0)
			g->ctx.style.color = true;
		else if (strcmp(arg, "never") == 0)
			g->ctx.style.color = false;
		else if (strcmp(arg, "auto") != 0)
			argp_error(state, "--color takes auto, always or never, not '%s'", arg);
		return 0;
	case KEY_GENERATE:
		g->generate = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (!g->top)
			return ARGP_ERR_UNKNOWN;
		/* The command's own parser takes it from here. */
		g->first_word = state->next - 1;
		state->next = state->argc;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp global_argp = {global_options, parse_global, NULL, NULL, NULL, NULL, NULL};

/* --- one command --- */

struct parsed {
	struct globals *globals;
	struct ztc_line line;
	char **words;
	int word_count;
};

static bool is_verbose(const struct ztc_opt *opt)
{
	return strcmp(opt->name, "verbose") == 0;
}

static error_t parse_command(int key, char *arg, struct argp_state *state)
{
	struct parsed *p = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = p->globals;
		return 0;
	case ARGP_KEY_ARG:
		p->words[p->word_count++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (p->word_count < p->line.cmd->min)
			argp_error(state, "missing argument: %s %s", p->line.cmd->name,
				   p->line.cmd->args);
		if (p->line.cmd->max >= 0 && p->word_count > p->line.cmd->max)
			argp_error(state, "unexpected argument '%s'", p->words[p->line.cmd->max]);
		return 0;
	case KEY_HELP:
		ztc_help(stdout, p->line.cmd);
		exit(fflush(stdout) == 0 ? ZTC_EXIT_OK : ZTC_EXIT_FAILED);
	default:
		for (size_t i = 0; key == KEY_VERBOSE && p->line.cmd->opts[i].name; i++) {
			if (is_verbose(&p->line.cmd->opts[i]))
				key = KEY_COMMAND + (int)i;
		}
		if (key >= KEY_COMMAND && key < KEY_COMMAND + ZTC_OPTS_MAX) {
			p->line.values[key - KEY_COMMAND] = arg ? arg : "";
			return 0;
		}
		return ARGP_ERR_UNKNOWN;
	}
}

/* The value of --lang, before options are parsed, since their help is in that language. */
static const char *early_lang(const struct ztc_cmd *cmd, int argc, char **argv)
{
	const struct ztc_opt *opt = cmd->opts;

	while (opt && opt->name && strcmp(opt->name, "lang") != 0)
		opt++;
	for (int i = 1; opt && opt->name && i < argc; i++) {
		if (strncmp(argv[i], "--lang=", 7) == 0)
			return argv[i] + 7;
		if (strcmp(argv[i], "--lang") == 0)
			return argv[i + 1];
	}
	return NULL;
}

static const char *line_lang(const struct ztc_line *line)
{
	const struct ztc_opt *opts = line->cmd->opts;

	for (size_t i = 0; opts && opts[i].name; i++) {
		if (strcmp(opts[i].name, "lang") == 0)
			return line->values[i];
	}
	return NULL;
}

/* @options has room for ZTC_OPTS_MAX and help. */
static void fill_options(struct argp_option *options, const struct ztc_cmd *cmd)
{
	size_t i;

	for (i = 0; cmd->opts && cmd->opts[i].name && i < ZTC_OPTS_MAX; i++) {
		options[i].name = cmd->opts[i].name;
		options[i].key = is_verbose(&cmd->opts[i]) ? KEY_VERBOSE : KEY_COMMAND + (int)i;
		options[i].arg = cmd->opts[i].arg;
		options[i].doc = cmd->opts[i].help;
		options[i].group = (int)i + 1; /* keeps the order of the table */
	}
	if (ztc_help_translated(cmd)) {
		options[i].name = "help";
		options[i].key = KEY_HELP;
	}
}

static int run_command(struct globals *g, const struct ztc_cmd *cmd, int argc, char **argv)
{
	zt_auto(zt_freep) char *name = NULL;
	zt_auto(zt_freep) char **words = calloc(argc + 1, sizeof(*words));
	struct argp_option options[ZTC_OPTS_MAX + 2] = {0};
	const struct argp_child children[] = {
		{&global_argp, 0, "Common options:", ZTC_OPTS_MAX + 1}, {0}};
	const struct argp argp = {
		.options = options,
		.parser = parse_command,
		.args_doc = cmd->args,
		.doc = cmd->more && *cmd->more ? cmd->more : cmd->help,
		.children = children,
	};
	struct parsed p = {.globals = g, .line = {.cmd = cmd}, .words = words};

	const char *lang;

	(void)ztc_lang_set(NULL);
	(void)ztc_lang_set(early_lang(cmd, argc, argv));
	fill_options(options, cmd);
	if (!words || asprintf(&name, "ztctl %s", cmd->name) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	argv[0] = name;
	g->top = false;
	argp_err_exit_status = ztc_bad_usage(&p.line);
	if (argp_parse(&argp, argc, argv, ztc_help_translated(cmd) ? ARGP_NO_HELP : 0, NULL, &p) !=
	    0)
		return argp_err_exit_status;
	p.line.argc = p.word_count;
	p.line.argv = words;
	lang = line_lang(&p.line);
	if (ztc_lang_set(lang) < 0)
		return ztc_fail(argp_err_exit_status, "--lang takes en or zh-TW, not '%s'", lang);
	return cmd->run(&g->ctx, &p.line);
}

/* How many words of @argv a command's name takes: 0 when it is another one. */
static int name_words(const char *name, int argc, char **argv)
{
	const char *space = strchr(name, ' ');

	if (!space)
		return argc >= 1 && strcmp(argv[0], name) == 0;
	if (argc >= 2 && strncmp(argv[0], name, space - name) == 0 &&
	    argv[0][space - name] == '\0' && strcmp(argv[1], space + 1) == 0)
		return 2;
	return 0;
}

/* "ztctl policy": a question when --help follows, else a mistake. */
static int list_family(const char *word, bool asked)
{
	FILE *out = asked ? stdout : stderr;
	size_t len = strlen(word);

	fprintf(out, "ztctl: '%s' takes one of:\n", word);
	for (size_t i = 0; i < ztc_command_count(); i++) {
		const char *name = ztc_command(i)->name, *args = ztc_command(i)->args;

		if (strncmp(name, word, len) == 0 && name[len] == ' ')
			fprintf(out, "  ztctl %s%s%s\n", name, *args ? " " : "", args);
	}
	return asked ? ZTC_EXIT_OK : ZTC_EXIT_USAGE;
}

static int dispatch(struct globals *g, int argc, char **argv)
{
	const struct ztc_cmd *cmd = NULL;
	size_t len = strlen(argv[0]);
	bool family = false;
	int words = 0;

	for (size_t i = 0; i < ztc_command_count(); i++) {
		int n = name_words(ztc_command(i)->name, argc, argv);

		/* "map diff" is not "map" with an argument. */
		if (n > words) {
			words = n;
			cmd = ztc_command(i);
		}
		if (strncmp(ztc_command(i)->name, argv[0], len) == 0 &&
		    ztc_command(i)->name[len] == ' ')
			family = true;
	}
	if (cmd)
		return run_command(g, cmd, argc - words + 1, argv + words - 1);
	if (!family)
		return ztc_fail(ZTC_EXIT_USAGE, "no command '%s'; see ztctl --help", argv[0]);
	return list_family(argv[0], argc > 1 && strcmp(argv[1], "--help") == 0);
}

static int generate(const char *what)
{
	if (strcmp(what, "completion") == 0)
		ztc_write_completion(stdout);
	else if (strcmp(what, "man") == 0)
		ztc_write_man(stdout);
	else if (strcmp(what, "msgids") == 0)
		ztc_write_msgids(stdout);
	else
		return ztc_fail(ZTC_EXIT_USAGE, "--generate takes completion, man or msgids");
	return ZTC_EXIT_OK;
}

/* The list of commands is part of --help: argp prints it after the options. */
static char *add_commands(int key, const char *text, void *input)
{
	char *doc = NULL;
	size_t size;
	FILE *out;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	out = open_memstream(&doc, &size);
	if (!out)
		return (char *)text;
	ztc_usage_list(out);
	fclose(out);
	return doc;
}

int main(int argc, char **argv)
{
	struct globals g = {
		.ctx = {.socket = ZT_WIRE_SOCKET,
			.style = {.width = wanted_width(),
				  .color = color_wanted(),
				  .now_s = time(NULL)}},
		.top = true,
	};
	const struct argp argp = {
		.options = global_options,
		.parser = parse_global,
		.args_doc = "COMMAND [ARGUMENT...]",
		.doc = "See and control the segmentation of this host.\v ",
		.help_filter = add_commands,
	};
	int status;

	setlocale(LC_CTYPE, "");
	/* Pins and the cgroup tree are where the agent has them; what fails shows later. */
	(void)zt_mounts_use_host();
	argp_err_exit_status = ZTC_EXIT_USAGE;
	setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &g) != 0)
		return ZTC_EXIT_USAGE;
	if (g.generate) {
		status = generate(g.generate);
	} else if (!g.first_word) {
		fputs("Usage: ztctl [OPTION...] COMMAND [ARGUMENT...]\n\n", stderr);
		ztc_usage_list(stderr);
		status = ZTC_EXIT_USAGE;
	} else {
		status = dispatch(&g, argc - g.first_word, argv + g.first_word);
	}
	if (fflush(stdout) != 0 || ferror(stdout))
		return ztc_fail(ZTC_EXIT_FAILED, "cannot write the answer: %s", strerror(errno));
	return status;
}
