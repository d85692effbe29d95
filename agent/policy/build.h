/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build.h - a policy while it is being read: what the readers of its sections share.
 *
 * Private to this room. Readers note errors and go on; a function returns 0
 * also after an error it has noted, and -ENOMEM only when it cannot go on.
 * zt_check_policy() turns what was read into the finished tree.
 */
#pragma once
#include "base/arena.h"
#include "base/strmap.h"
#include "policy/diag.h"
#include "policy/policy.h"
#include "policy/yaml.h"

/* A statement's end as written; the name is resolved when all files are read. */
struct zt_raw_end {
	struct zt_end end;
	struct zt_text name; /* of its segment; s is NULL when it has prefixes instead */
};

/* What a promotion asks for, as far as it is given; the rest comes from further out. */
struct zt_raw_ready {
	struct zt_ready ready;
	bool days, flows, would_deny; /* given */
};

/* A date; it ends when its day does, in a time zone that may be read later. */
struct zt_raw_date {
	int year, month, day; /* month and day from 1; all 0 = no date */
};

struct zt_raw_stmt {
	struct zt_stmt stmt; /* its ends are in @from and @to */
	struct zt_raw_end from;
	struct zt_raw_end to;
	struct zt_raw_ready ready;
	struct zt_raw_date expires;
	struct zt_loc timezone_loc; /* of the key, when it is given */
	bool hours_given;
	bool mode_given;
	bool broken; /* an error was noted: do not check it further */
};

struct zt_raw_boundary {
	struct zt_boundary boundary;
	struct zt_raw_end segment;
	struct zt_raw_ready ready;
	bool mode_given;
	bool broken;
};

struct zt_builder {
	struct zt_policy *policy; /* receives sources, arena, and at the end the rest */
	struct zt_arena *arena;	  /* of the policy */
	struct zt_diag *diag;

	bool incomplete; /* a file could not be read as YAML: what it declares is not known */

	/* Keys that stand once in all files together: where they were first seen. */
	struct zt_loc version_loc;
	struct zt_loc name_loc;
	struct zt_loc revision_loc;
	struct zt_loc mode_loc;
	struct zt_loc ready_loc;
	struct zt_raw_ready ready;
	const char *zone; /* the last time zone that was found */

	struct zt_host *hosts;
	size_t host_count, host_cap;
	struct zt_strmap *host_names;
	struct zt_segment *segments;
	size_t segment_count, segment_cap;
	struct zt_strmap *segment_names;
	struct zt_raw_boundary *boundaries;
	size_t boundary_count, boundary_cap;
	struct zt_raw_stmt *rules;
	size_t rule_count, rule_cap;
	struct zt_raw_stmt *failsafes;
	size_t failsafe_count, failsafe_cap;
};

/* One key of a mapping: its name, who reads its value, whether it must be there. */
struct zt_field {
	const char *key;
	int (*read)(struct zt_builder *b, const struct zt_node *value, void *object);
	bool required;
	bool refused; /* @read only says why it cannot stand here */
};

/* unit, cgroup, user, exe: fields of a struct zt_raw_end, for ends that are not a rule's. */
extern const struct zt_field zt_workload_fields[ZT_QUAL_COUNT];

/**
 * zt_read_fields - read a mapping whose keys are known.
 * @what: what the mapping is, for messages: "a rule".
 *
 * Unknown, repeated and missing keys are errors. Returns 0 or -ENOMEM.
 */
int zt_read_fields(struct zt_builder *b, const struct zt_node *map, const char *what,
		   const struct zt_field *fields, size_t count, void *object);

/** zt_read_name - a name of at most ZT_NAME_LEN - 1 letters, digits, '-', '_' and '.'. */
int zt_read_name(struct zt_builder *b, const struct zt_node *node, const char *what,
		 const char **ret);

/** zt_read_text - any text up to @max bytes. */
int zt_read_text(struct zt_builder *b, const struct zt_node *node, const char *what, size_t max,
		 const char **ret);

/** zt_read_mode, zt_read_existing, zt_read_action - one of the words the language has. */
int zt_read_mode(struct zt_builder *b, const struct zt_node *node, enum zt_mode *ret);
int zt_read_existing(struct zt_builder *b, const struct zt_node *node, __u8 *ret);
int zt_read_action(struct zt_builder *b, const struct zt_node *node, __u8 *ret);

/** zt_read_labels - a mapping of keys to values, sorted by key. */
int zt_read_labels(struct zt_builder *b, const struct zt_node *node, struct zt_label **ret,
		   size_t *ret_count);

/** zt_read_nets - prefixes; with @hosts_only addresses that a host can have. */
int zt_read_nets(struct zt_builder *b, const struct zt_node *node, bool hosts_only,
		 struct zt_net **ret, size_t *ret_count);

/** zt_read_ports - one port expression or a list of them, merged. */
int zt_read_ports(struct zt_builder *b, const struct zt_node *node, struct zt_ports *ret);

/** zt_read_when - conditions of a rule; @raw is a struct zt_raw_stmt. */
int zt_read_when(struct zt_builder *b, const struct zt_node *node, void *raw);

/** zt_read_expires - a date or a time; @raw is a struct zt_raw_stmt. */
int zt_read_expires(struct zt_builder *b, const struct zt_node *node, void *raw);

/** zt_read_ready - what a promotion by evidence asks for. */
int zt_read_ready(struct zt_builder *b, const struct zt_node *node, struct zt_raw_ready *ret);

/** zt_refuse_when - says why a boundary or a failsafe has no conditions. */
int zt_refuse_when(struct zt_builder *b, const struct zt_node *node, void *raw);

/**
 * zt_finish_when - what of `when` and `expires` needs all keys of the rule.
 *
 * Sets when.timezone and expires_s also where nothing was given.
 */
int zt_finish_when(struct zt_builder *b, struct zt_raw_stmt *raw);

/** zt_finish_ready - fills what is not given from @outer, or from the defaults when NULL. */
struct zt_ready zt_finish_ready(const struct zt_raw_ready *raw, const struct zt_ready *outer);

/** zt_read_list - call @read for each element of a list. */
int zt_read_list(struct zt_builder *b, const struct zt_node *node, const char *what,
		 int (*read)(struct zt_builder *b, const struct zt_node *element));

/** Readers of the top-level sections. */
int zt_read_hosts(struct zt_builder *b, const struct zt_node *node);
int zt_read_segments(struct zt_builder *b, const struct zt_node *node);
int zt_read_boundaries(struct zt_builder *b, const struct zt_node *node);
int zt_read_rules(struct zt_builder *b, const struct zt_node *node);
int zt_read_failsafe(struct zt_builder *b, const struct zt_node *node);

/**
 * zt_check_policy - everything that takes more than one node to see, then finish.
 *
 * Returns 0 also when errors were noted; the caller looks at @b->diag.
 */
int zt_check_policy(struct zt_builder *b);

/** zt_check_conditions - whether some host can have the labels that a rule's `when` asks for. */
int zt_check_conditions(const struct zt_policy *policy, struct zt_diag *diag);

/** zt_end_builtin - the kind of a built-in segment's name, or ZT_END_SEGMENT. */
enum zt_end_kind zt_end_builtin(const char *name);

/** zt_end_builtin_name - the name of a built-in segment; NULL for other kinds. */
const char *zt_end_builtin_name(enum zt_end_kind kind);
