/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preflight.h - the loaded judge asked about a policy that is not in force yet: what would be cut.
 *
 * Fills the spare slot and puts openings to it that must go on working:
 * failsafes, the caller's own SSH connection, what sshd needs, every listener,
 * every recorded edge. Nothing in force is touched: no epoch, counter or flow
 * entry. Each answer is held against the offline judge's.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/abi.h"

struct zt_collector;
struct zt_dp;
struct zt_flow_names;
struct zt_history;
struct zt_policy;
struct zt_sockets;
struct zt_tables;

/* What is asked, the gravest first. */
enum zt_preflight_kind {
	ZT_PREFLIGHT_FAILSAFE, /* openings that a failsafe of either policy names */
	ZT_PREFLIGHT_SSH,      /* the caller's connection, opened anew; else all to sshd */
	ZT_PREFLIGHT_NEED,     /* what sshd itself needs: DNS, LDAP, Kerberos */
	ZT_PREFLIGHT_LISTENER,
	ZT_PREFLIGHT_EDGE,
	ZT_PREFLIGHT_KIND_COUNT,
};

/* One of the first three cut would lock people out: exit status 3, promote needs --force. */
#define ZT_PREFLIGHT_VITAL_COUNT 3

/**
 * struct zt_preflight_env - what zt_preflight_run() works on; all borrowed.
 * @dp:          NULL: the offline judge alone is asked, and the result says so.
 * @policy, @tables: what would be put in force.
 * @policy_now, @tables_now: what is; NULL = nothing, everything is allowed.
 * @collector:   for recorded edges; may be NULL.
 * @history:     for edges of earlier days; may be NULL.
 * @names:       of hosts and owners; may be NULL.
 * @peer_pid:    process that asked, as the socket's credentials have it; 0 = unknown.
 * @proc:        where procfs is; NULL = "/proc".
 * @resolv_conf: NULL = "/etc/resolv.conf".
 * @sockets:     in place of the ones that are open; NULL = those.
 */
struct zt_preflight_env {
	struct zt_dp *dp;
	const struct zt_policy *policy;
	const struct zt_tables *tables;
	const struct zt_policy *policy_now;
	const struct zt_tables *tables_now;
	struct zt_collector *collector;
	struct zt_history *history;
	const struct zt_flow_names *names;
	pid_t peer_pid;
	const char *proc;
	const char *resolv_conf;
	const struct zt_sockets *sockets;
};

/* An opening that is allowed now, or must be, and would be denied. */
struct zt_preflight_cut {
	enum zt_preflight_kind kind;
	char *what; /* for people: "failsafe bastion", "your SSH connection", "DNS server" */
	struct zt_addr src;
	struct zt_addr dst;
	uint8_t proto;
	uint16_t port;	     /* of @dst, host order; ICMP: type */
	uint32_t rule;	     /* of @tables, that denies it */
	const char *rule_id; /* its id; borrowed from @tables */
	uint64_t count;	     /* edges: connections recorded; 0 otherwise */
};

/* How the caller's connection was looked for. */
enum zt_preflight_ssh {
	ZT_SSH_NONE,	    /* no SSH connection is there at all */
	ZT_SSH_FOUND,	    /* an ancestor of the caller holds it */
	ZT_SSH_ALL_OF_SSHD, /* not the caller's (tmux, console): every one to sshd was asked */
};

#define ZT_PREFLIGHT_CUTS_MAX 1024 /* kept; more are counted only */

struct zt_preflight {
	struct zt_preflight_cut *cuts; /* gravest first, then by count */
	size_t cut_count;	       /* at most ZT_PREFLIGHT_CUTS_MAX */
	size_t asked[ZT_PREFLIGHT_KIND_COUNT];
	size_t cut[ZT_PREFLIGHT_KIND_COUNT];
	bool vital; /* one of the first three kinds would be cut */
	enum zt_preflight_ssh ssh;
	struct zt_addr ssh_src; /* of ZT_SSH_FOUND */
	struct zt_addr ssh_dst;
	uint16_t ssh_src_port;
	uint16_t ssh_port;
	pid_t ssh_pid;	    /* the ancestor that holds it */
	bool kernel;	    /* the loaded judge was asked */
	char *kernel_error; /* why it was not, or could not be; NULL = it was */
	uint64_t probes;    /* openings put to the kernel */
	uint64_t differ;    /* answers that were not the offline judge's: a fault */
	char *differ_text;  /* the first of them, in words; NULL = none */
	uint64_t took_ns;
};

/**
 * zt_preflight_run - ask.
 * @ret: on success the caller's (zt_preflight_free); look at ->vital and ->differ.
 *
 * Fills the spare slot, so it must not run while a commit does.
 * Returns 0, -ENOMEM, or -errno when what is there cannot be read. A kernel that could not be
 * asked is no error of this function: see ->kernel_error.
 */
int zt_preflight_run(struct zt_preflight **ret, const struct zt_preflight_env *env);

/* zt_preflight_free - no-op on NULL; for zt_auto(). */
void zt_preflight_free(struct zt_preflight **preflight);

/**
 * zt_preflight_sentence - why not, in one sentence: names the gravest cut and counts the rest.
 * @ret: "" when nothing vital would be cut.
 */
void zt_preflight_sentence(const struct zt_preflight *preflight, char *ret, size_t size);

/* zt_preflight_kind_name - "failsafe", "ssh", "sshd-need", "listener", "edge". */
const char *zt_preflight_kind_name(enum zt_preflight_kind kind);
