/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - the agent's settings: defaults, then the file, then the command line.
 *
 * Settings say how the agent runs, never what is allowed: that is the policy's.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/log.h"

struct zt_diag;

#define ZT_CONFIG_PATH	   "/etc/ztseg/agent.yaml"
#define ZT_CONFIG_POLICY   "/etc/ztseg/policy.yaml"
#define ZT_CONFIG_LABELS   "/etc/ztseg/labels.d"
#define ZT_CONFIG_STATE	   "/var/lib/ztseg"
#define ZT_CONFIG_RUN	   "/run/ztseg"
#define ZT_CONFIG_IFACES   64	 /* names that can be given */
#define ZT_CONFIG_KEYS	   16	 /* keys that can be trusted */
#define ZT_CONFIG_SIZE_MAX 65536 /* bytes of the file */

struct zt_config {
	char *policy;
	char *host;   /* NULL = by unique match of local addresses */
	char *labels; /* label directory */
	char *state_dir;
	char *run_dir;
	char *pin_dir;
	char *admin_group; /* NULL = ztseg-admin */
	char *read_group;  /* NULL = ztseg */
	char *interfaces[ZT_CONFIG_IFACES];
	size_t interface_count; /* 0 = all */
	size_t flow_entries;	/* 0 = from memory */
	uint64_t confirm_within_ns;
	bool manual; /* `apply: manual` */
	bool require_signature;
	char *trusted_keys[ZT_CONFIG_KEYS]; /* paths of minisign public keys */
	size_t trusted_key_count;
	bool clsact; /* `attach: clsact` */
	enum zt_level log_level;
};

/** zt_config_init - the defaults. Returns 0 or -ENOMEM. */
int zt_config_init(struct zt_config *cfg);

/** zt_config_free - release the strings; for zt_auto(). */
void zt_config_free(struct zt_config *cfg);

/**
 * zt_config_read - the settings of a file over what @cfg holds.
 * @cfg:      unchanged in the keys that the file does not name.
 * @path:     YAML; at most ZT_CONFIG_SIZE_MAX bytes.
 * @required: a file that is not there is an error, not an empty one.
 * @diag:     every error with file:line:column.
 *
 * Returns 0, -EINVAL (see @diag), -errno when it cannot be read (@diag says so).
 */
int zt_config_read(struct zt_config *cfg, const char *path, bool required, struct zt_diag *diag);

/**
 * zt_config_from_options - the settings of the file, and over them those of the command line.
 * @ret_path: the file, borrowed from @argv.
 *
 * Ends the process on --help, --version and bad usage. Returns 0, or -errno after saying why; then
 * @cfg is to be freed all the same. options.c.
 */
int zt_config_from_options(struct zt_config *cfg, int argc, char **argv, const char **ret_path);

/** zt_config_make_dir - make a directory and what is above it (0755). 0 or -errno. */
int zt_config_make_dir(const char *path, mode_t mode);

/** zt_config_add_interface - one more name to limit to. 0, -EINVAL (not a name), -E2BIG, -ENOMEM.
 */
int zt_config_add_interface(struct zt_config *cfg, const char *name);

/*
 * zt_config_observe_at_boot - "ztseg=observe" on the kernel's command line: the break-glass of
 * somebody who can reach the boot loader and nothing else.
 */
bool zt_config_observe_at_boot(void);
