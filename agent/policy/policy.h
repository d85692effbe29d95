/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - a policy file as a checked tree.
 *
 * The reader takes a buffer, or a file or directory that the administrator
 * named; it never follows a name from the network. Every node keeps the place
 * of its first token. A tree handed out has passed every check: names resolve,
 * ids are unique, numbers are in range. It is read-only from then on; all its
 * strings belong to it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "base/addr.h"
#include "bpf/abi.h"
#include "policy/diag.h"

#define ZT_POLICY_VERSION      1
#define ZT_POLICY_SIZE_MAX     (16u << 20) /* bytes, all files of a policy together */
#define ZT_POLICY_FILES_MAX    256
#define ZT_POLICY_INCLUDES_MAX 16 /* depth */

#define ZT_WEEK_MIN	    (7 * 24 * 60)
#define ZT_TIMEZONE_DEFAULT "UTC"

/* What a promotion by evidence asks for where the policy says nothing. */
#define ZT_READY_DAYS	    14
#define ZT_READY_FLOWS	    1000
#define ZT_READY_WOULD_DENY 0

enum zt_mode {
	ZT_MODE_STAGED, /* judged and recorded, not acted on */
	ZT_MODE_ENFORCED,
	ZT_MODE_COUNT,
};

enum zt_stmt_kind {
	ZT_STMT_BOUNDARY,
	ZT_STMT_RULE,
	ZT_STMT_FAILSAFE,
	ZT_STMT_COUNT,
};

/* What an end names. The built-in segments first; others are of the policy. */
enum zt_end_kind {
	ZT_END_ANY,
	ZT_END_THIS_HOST, /* the near end, on whichever host the policy is compiled for */
	ZT_END_UNKNOWN,	  /* addresses in no segment of the policy */
	ZT_END_MULTICAST,
	ZT_END_BROADCAST,
	ZT_END_SEGMENT, /* policy->segments[segment] */
	ZT_END_NETS,	/* a failsafe's own prefixes */
	ZT_END_COUNT,
};

/* A string of the file and where it stands; s is NULL when absent. */
struct zt_text {
	const char *s;
	struct zt_loc loc;
};

struct zt_net {
	struct zt_net_key key; /* prefixlen 128 = one address */
	struct zt_loc loc;
};

struct zt_label {
	const char *key;
	const char *value;
	struct zt_loc loc;
};

struct zt_host {
	const char *name;
	struct zt_loc loc;
	struct zt_net *addresses; /* exact ones only */
	size_t address_count;
	struct zt_label *labels; /* sorted by key */
	size_t label_count;
};

struct zt_segment {
	const char *name;
	struct zt_loc loc;
	struct zt_label *select; /* all of them must hold; sorted by key; none = no selector */
	size_t select_count;
	struct zt_net *addresses;
	size_t address_count;
	struct zt_net *except;
	size_t except_count;
	size_t selected; /* hosts that select matches */
};

/* Workload conditions of an end; absent ones are not asked for. */
struct zt_qualifier {
	struct zt_text unit;   /* ends in .service or .scope */
	struct zt_text cgroup; /* absolute path from the root of cgroup v2 */
	struct zt_text user;   /* name or number */
	struct zt_text exe;    /* absolute path */
};

struct zt_end {
	enum zt_end_kind kind;
	size_t segment;	     /* of ZT_END_SEGMENT */
	struct zt_net *nets; /* of ZT_END_NETS */
	size_t net_count;
	bool qualified; /* @qual asks for something */
	struct zt_qualifier qual;
	struct zt_loc loc;
};

/* A stretch of the week by the clock on the wall: minutes since Monday 00:00. */
struct zt_hours {
	__u16 from_min;
	__u16 to_min; /* more than from_min, at most ZT_WEEK_MIN */
};

/* Conditions of a rule beside its ends. All of those given must hold. */
struct zt_when {
	bool given;
	struct zt_hours *hours; /* sorted, not touching; none = at all hours */
	size_t hour_count;
	const char *timezone;	 /* of the hours and of an expiry date; IANA's name, never NULL */
	struct zt_label *labels; /* that the host at the `from` end must have; sorted by key */
	size_t label_count;
	struct zt_loc loc;
};

/* When a staged statement may be promoted by its evidence. Filled in whether given or not. */
struct zt_ready {
	bool given;	     /* here; else it is the policy's, or ZT_READY_* */
	uint32_t days;	     /* of recording */
	uint64_t flows;	     /* that the statement decided, at least */
	uint64_t would_deny; /* connections it would have denied, at most */
};

/* Protocols and ports: sorted runs of port indices that do not touch. */
struct zt_ports {
	struct zt_port_range *ranges;
	size_t count; /* one run over everything is "any" */
};

/* One statement: a rule, a failsafe, or one direction of a boundary. */
struct zt_stmt {
	enum zt_stmt_kind kind;
	const char *id;	    /* unique over the policy and the built-in rules */
	struct zt_end from; /* who opens the connection */
	struct zt_end to;
	struct zt_ports ports;
	__u8 action;	   /* ZT_ALLOW or ZT_DENY */
	__u8 existing;	   /* ZT_EXISTING_* */
	enum zt_mode mode; /* a failsafe is always ZT_MODE_ENFORCED */
	const char *note;  /* or NULL */
	struct zt_when when;
	int64_t expires_s;	/* Unix time: the statement matches before it; 0 = never expires */
	struct zt_text expires; /* a date, or a time in UTC; see schedule.h */
	struct zt_ready ready;
	struct zt_loc loc;
};

/* As written; it stands for one or two of the statements. */
struct zt_boundary {
	struct zt_end segment;
	bool inbound;
	bool outbound;
	const char *id; /* as given, or NULL */
	enum zt_mode mode;
	__u8 existing;
	const char *note;
	struct zt_ready ready;
	struct zt_loc loc;
};

struct zt_policy {
	const char *name; /* `policy:`; "" when the policy is empty */
	uint64_t revision;
	enum zt_mode mode; /* for statements that set none */
	struct zt_ready ready;
	struct zt_host *hosts;
	size_t host_count;
	struct zt_segment *segments;
	size_t segment_count;
	struct zt_boundary *boundaries;
	size_t boundary_count;
	struct zt_stmt *stmts; /* boundaries, then rules, then failsafes; each in file order */
	size_t stmt_count;
	int64_t checked_s;	   /* Unix time of reading: what had expired then was told */
	uint8_t digest[32];	   /* SHA-256 over the canonical form */
	struct zt_source *sources; /* the files, in the order read; text may be dropped */
	void *arena;		   /* owns all the above but the sources */
};

/**
 * zt_policy_load - read and check a policy from a file or a directory.
 * @ret:  on success the policy, to be freed; untouched on error.
 * @path: a file, or a directory whose *.yaml files are read in the order of
 *        their names as one policy. `include:` is relative to the including file.
 * @diag: gets every error and warning; may be NULL.
 *
 * Returns 0; -EINVAL when the text is wrong (then @diag has at least one
 * error), -EAGAIN when a file was being written meanwhile, or -errno when one
 * cannot be read (then @diag says which).
 */
int zt_policy_load(struct zt_policy **ret, const char *path, struct zt_diag *diag);

/**
 * zt_policy_parse - read and check a policy from memory; `include:` is an error.
 * @name: what to call the text in messages.
 * @buf:  @len bytes, any content; copied.
 *
 * Returns as zt_policy_load().
 */
int zt_policy_parse(struct zt_policy **ret, const char *name, const void *buf, size_t len,
		    struct zt_diag *diag);

/* A policy file that somebody else has read. */
struct zt_source_text {
	const char *path; /* as include: would find it; "a/./b" and "a/b" are the same */
	const char *text; /* @len bytes, any content */
	size_t len;
};

/**
 * zt_policy_parse_set - read and check a policy from the texts of its files.
 * @path:  one of @files, else a directory of which the *.yaml files that are
 *         directly in it are read in the order of their names.
 * @files: all that exist; no other file is looked at. Texts are copied.
 *
 * The result, messages included, is that of zt_policy_load(@path) where
 * @files are what the file system holds. Returns as zt_policy_load();
 * a file that is missing is -ENOENT.
 */
int zt_policy_parse_set(struct zt_policy **ret, const char *path,
			const struct zt_source_text *files, size_t count, struct zt_diag *diag);

/** zt_policy_empty - a policy without statements: observe. Returns 0 or -ENOMEM. */
int zt_policy_empty(struct zt_policy **ret);

/** zt_policy_free - no-op on NULL; for zt_auto(). Diags and tables made from it stay valid. */
void zt_policy_free(struct zt_policy **policy);

/** zt_policy_drop_text - forget the text of the files; later errors show no source line. */
void zt_policy_drop_text(struct zt_policy *policy);

/**
 * zt_policy_print - the canonical form: one spelling for all policies that mean the same.
 *
 * What it writes reads back to a policy with the same digest. Defaults are
 * written out, names keep their order, comments and includes are gone.
 */
int zt_policy_print(const struct zt_policy *policy, FILE *out);

/** zt_policy_host - the host of that name, or NULL. */
const struct zt_host *zt_policy_host(const struct zt_policy *policy, const char *name);

/** zt_policy_host_at - the first host with that address, or NULL. Linear; not for hot paths. */
const struct zt_host *zt_policy_host_at(const struct zt_policy *policy, const struct zt_addr *addr);

/**
 * zt_host_match - which host of the inventory has these addresses.
 * @locals:   addresses of this machine; loopback ones are ignored.
 * @ret_host: on success the one host that has any of them; borrowed.
 *
 * An address that several hosts have, as a service address may be, counts for none.
 * Returns 0, -ENOENT (no host has one) or -ENOTUNIQ (several hosts do: say
 * `host:` in the agent's settings).
 */
int zt_host_match(const struct zt_policy *policy, const struct zt_addr *locals, size_t local_count,
		  const struct zt_host **ret_host);

/** zt_mode_name, zt_stmt_kind_name, zt_existing_name - as the policy file spells them. */
const char *zt_mode_name(enum zt_mode mode);
const char *zt_stmt_kind_name(enum zt_stmt_kind kind);
const char *zt_existing_name(__u8 existing);

/** zt_action_name - "allow" or "deny"; zt_rank_name - "boundary", "allow rule", ... */
const char *zt_action_name(__u8 action);
const char *zt_rank_name(__u8 rank);

/** zt_end_text - an end as text: "db", "web (unit app.service)", "10.9.0.0/28, ..."; escaped. */
struct zt_strbuf;
void zt_end_text(const struct zt_policy *policy, const struct zt_end *end, struct zt_strbuf *sb);

/** zt_ports_text - "tcp/443, udp/53" or "any". */
void zt_ports_text(const struct zt_ports *ports, struct zt_strbuf *sb);

/** zt_ports_has - whether a port index is in the list. */
bool zt_ports_has(const struct zt_ports *ports, uint32_t index);
