/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - the agent's command line, over the settings of its file.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "config.h"
#include "policy/diag.h"

struct options {
	const char *config;
	const char *policy;
	const char *host;
	const char *state_dir;
	const char *run_dir;
	const char *pin_dir;
	const char *interfaces[ZT_CONFIG_IFACES];
	size_t interface_count;
	bool debug;
};

static const struct argp_option option_table[] = {
	{"config", 'c', "FILE", 0, "settings (default " ZT_CONFIG_PATH ")", 0},
	{"policy", 'p', "FILE", 0, "policy file or directory (default " ZT_CONFIG_POLICY ")", 0},
	{"host", 'H', "NAME", 0, "this machine's name in the policy's inventory", 0},
	{"state-dir", 'S', "DIR", 0, "what must survive a reboot (default " ZT_CONFIG_STATE ")", 0},
	{"run-dir", 'R', "DIR", 0, "where agent.sock is made (default " ZT_CONFIG_RUN ")", 0},
	{"pin-dir", 'P', "DIR", 0, "pins, on a BPF file system (default /sys/fs/bpf/ztseg)", 0},
	{"interface", 'i', "NAME", 0, "guard this interface only; may be repeated", 0},
	{"debug", 'd', NULL, 0, "log more, the kernel's messages about our programs included", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	const char **texts[] = {['c'] = &o->config,    ['p'] = &o->policy,  ['H'] = &o->host,
				['S'] = &o->state_dir, ['R'] = &o->run_dir, ['P'] = &o->pin_dir};

	switch (key) {
	case 'c':
	case 'p':
	case 'H':
	case 'S':
	case 'R':
	case 'P':
		*texts[key] = arg;
		return 0;
	case 'i':
		if (o->interface_count == ZT_CONFIG_IFACES)
			argp_error(state, "at most %d interfaces", ZT_CONFIG_IFACES);
		else
			o->interfaces[o->interface_count++] = arg;
		return 0;
	case 'd':
		o->debug = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const char *argp_program_version = "ztagent " ZT_VERSION;

static const struct argp argp = {
	.options = option_table,
	.parser = on_option,
	.doc = "Guard the network namespace that it is started in: every packet is judged against "
	       "the segment policy, every flow is accounted.\v"
	       "Runs in the foreground. SIGHUP reads the policy again; SIGTERM stops the agent and "
	       "leaves enforcement in place: `ztctl detach` removes it.",
};

static int override(char **field, const char *text)
{
	char *copy;

	if (!text)
		return 0;
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

static int override_all(struct zt_config *cfg, const struct options *o)
{
	int r = override(&cfg->policy, o->policy);

	r = r ?: override(&cfg->host, o->host);
	r = r ?: override(&cfg->state_dir, o->state_dir);
	r = r ?: override(&cfg->run_dir, o->run_dir);
	r = r ?: override(&cfg->pin_dir, o->pin_dir);
	if (o->debug)
		cfg->log_level = ZT_DEBUG;
	if (!o->interface_count)
		return r;
	while (cfg->interface_count)
		free(cfg->interfaces[--cfg->interface_count]);
	for (size_t i = 0; i < o->interface_count && r == 0; i++)
		r = zt_config_add_interface(cfg, o->interfaces[i]);
	return r;
}

int zt_config_from_options(struct zt_config *cfg, int argc, char **argv, const char **ret_path)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	struct options o = {};
	int r;

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	*ret_path = o.config ? o.config : ZT_CONFIG_PATH;
	r = zt_config_init(cfg);
	if (r == 0)
		r = zt_config_read(cfg, *ret_path, o.config != NULL, &diag);
	if (r < 0) {
		zt_diag_print(&diag, stderr);
		return r;
	}
	r = override_all(cfg, &o);
	if (r < 0)
		return zt_fail(r, "use the options given");
	zt_log_set_level(cfg->log_level);
	return 0;
}

bool zt_config_observe_at_boot(void)
{
	zt_auto(zt_fclosep) FILE *f = fopen("/proc/cmdline", "re");
	char line[8192], *save = NULL;

	if (!f || !fgets(line, sizeof(line), f))
		return false;
	for (char *word = strtok_r(line, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
		if (!strcmp(word, "ztseg=observe"))
			return true;
	return false;
}
