/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nf.h - the kernel's packet filter as a program that can be asked: who gets in, by which rule.
 *
 * Rules come from `nft -j list ruleset` (nf_nft.c) and, for what that cannot spell, from
 * iptables-save (nf_save.c); both give the same form. nf_eval.c then follows a new connection
 * through every base chain that it meets (netdev ingress, prerouting, input; by hook and
 * priority; an accept ends one chain only, a drop ends all) with the source address left open,
 * and so finds the set of sources that get in.
 *
 * Nothing is guessed towards "denied": a drop whose condition cannot be decided is not counted as
 * one, an accept under such a condition makes the answer "unknown" with its rule.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "ctl/collect/spans.h"

#define ZTC_NF_RULES_MAX   50000
#define ZTC_NF_MATCHES_MAX 24
#define ZTC_NF_DEPTH_MAX   32

enum ztc_nf_field {
	ZTC_NF_NEVER,	  /* of no new connection: established, replies; negated: always */
	ZTC_NF_SOMETIMES, /* anybody can have it so: rate limits, source ports, hours */
	ZTC_NF_UNKNOWN,	  /* cannot be decided from here */
	ZTC_NF_SET,	  /* only where somebody set it before: marks; new packets have 0 */
	ZTC_NF_FAMILY,	  /* values: 4, 6 */
	ZTC_NF_IIF,	  /* names */
	ZTC_NF_OIF,
	ZTC_NF_PROTO, /* values: IPPROTO_* */
	ZTC_NF_DPORT, /* values: ports */
	ZTC_NF_SADDR, /* values: addresses of @family */
	ZTC_NF_DADDR,
};

/**
 * struct ztc_nf_match - one condition; all of a rule must hold.
 * @negate: the value is not in the set.
 * @family: of addresses: 4 or 6; a packet of the other family never fits, negated or not.
 * @values: numbers; of a rule the memory is the ruleset's, of a draft its own.
 * @names:  interface names, a trailing '*' matches any rest.
 */
struct ztc_nf_match {
	enum ztc_nf_field field;
	bool negate;
	int family;
	struct ztc_spans values;
	const char **names;
	size_t name_count;
};

enum ztc_nf_verdict {
	ZTC_NF_CONTINUE,
	ZTC_NF_ACCEPT,
	ZTC_NF_DROP, /* reject too */
	ZTC_NF_JUMP,
	ZTC_NF_GOTO,
	ZTC_NF_RETURN,
	ZTC_NF_ELSEWHERE, /* to user space, another port or host: what becomes of it is not here */
};

struct ztc_nf_chain;

struct ztc_nf_rule {
	struct ztc_nf_match *matches;
	size_t count;
	enum ztc_nf_verdict verdict;
	const char *target; /* of jump and goto: name of a chain of the same table */
	const struct ztc_nf_chain *to;
	const struct ztc_nf_chain *in;
	bool logs;
	int to_port;	 /* it is translated to this port of our own; 0 = none */
	uint64_t number; /* handle of nftables, or the place in the chain, from 1 */
	struct ztc_nf_rule *next;
};

enum ztc_nf_hook {
	ZTC_NF_NO_HOOK,
	ZTC_NF_INGRESS,
	ZTC_NF_PREROUTING,
	ZTC_NF_INPUT,
	ZTC_NF_FORWARD,
};

/**
 * struct ztc_nf_chain - a chain of one table.
 * @family: "inet", "ip", "ip6", "netdev".
 * @source: "nftables", "iptables-nft", "iptables".
 * @drop:   policy.
 * @device: of ingress; NULL = not known: its drops are not counted.
 */
struct ztc_nf_chain {
	const char *family, *table, *name, *source, *device;
	enum ztc_nf_hook hook;
	bool drop;
	int64_t prio;
	struct ztc_nf_rule *first, *last;
	size_t rule_count;
	struct ztc_nf_chain *next;
};

struct ztc_nf {
	struct zt_arena *arena;
	struct ztc_nf_chain *chains;
	struct ztc_nf_chain *at; /* that was asked for last */
	size_t rule_count;
	const char *broken; /* why the whole cannot be relied upon; NULL = it can */
};

/* --- building, nf.c --- */
int ztc_nf_init(struct ztc_nf *nf);
void ztc_nf_free(struct ztc_nf *nf); /* for zt_auto() */
struct ztc_nf_chain *ztc_nf_chain(struct ztc_nf *nf, const char *source, const char *family,
				  const char *table, const char *name); /* found or made; NULL */

/* A rule under construction, which may become several. */
struct ztc_nf_draft {
	struct ztc_nf_match matches[ZTC_NF_MATCHES_MAX];
	size_t count;
	bool logs;
	int to_port;
};

/* ztc_nf_match - one condition more, without values. One too many becomes "unknown". */
struct ztc_nf_match *ztc_nf_match(struct ztc_nf_draft *draft, enum ztc_nf_field field);

/* ztc_nf_cut - drop the conditions from the @count-th on. */
void ztc_nf_cut(struct ztc_nf_draft *draft, size_t count);
void ztc_nf_draft_free(struct ztc_nf_draft *draft); /* for zt_auto() */

void ztc_nf_name(struct ztc_nf *nf, struct ztc_nf_match *match, const char *name);

/* ztc_nf_add - a copy of the draft as a rule at the end of @chain. */
void ztc_nf_add(struct ztc_nf *nf, struct ztc_nf_chain *chain, const struct ztc_nf_draft *draft,
		enum ztc_nf_verdict verdict, const char *target, uint64_t number);

/* ztc_nf_proto - number of a protocol by name, -1 when it is not known here. */
int ztc_nf_proto(const char *name);

/* ztc_nf_link - resolve jumps; call once, after all is read. */
void ztc_nf_link(struct ztc_nf *nf);

/* ztc_nf_read_json - what `nft -j list ruleset` printed. Tables named in @skip ("ip filter") are
 * left out: they are read from iptables-save. Returns 0, -EBADMSG. */
int ztc_nf_read_json(struct ztc_nf *nf, const json_t *root, const json_t *skip);

/* ztc_nf_read_save - what (ip6)tables-save printed. @family "ip" or "ip6". Returns 0, -EBADMSG. */
int ztc_nf_read_save(struct ztc_nf *nf, const char *source, const char *family, const char *text);

/* --- asking, nf_eval.c --- */

/**
 * struct ztc_nf_packet - the first packet of a connection, its source left open.
 * @port:  -1 for protocols without ports.
 * @out:  where it leaves, of what is forwarded; NULL = not known.
 * @addresses: of this interface, of one family; may be NULL.
 */
struct ztc_nf_packet {
	enum ztc_nf_hook last; /* ZTC_NF_INPUT or ZTC_NF_FORWARD */
	int family;
	uint8_t proto;
	int port;
	const char *interface, *out;
	const struct ztc_spans *addresses;
};

enum ztc_nf_outcome {
	ZTC_NF_DENY,
	ZTC_NF_PEERS,
	ZTC_NF_ANY,
	ZTC_NF_UNDECIDED,
};

/**
 * struct ztc_nf_answer - what becomes of it.
 * @peers:  sources that get in for certain (of PEERS and UNDECIDED).
 * @rule:   that decides; NULL with @chain: its policy; both NULL: no base chain is met.
 * @logged: what is denied is logged.
 */
struct ztc_nf_answer {
	enum ztc_nf_outcome outcome;
	struct ztc_spans peers;
	const struct ztc_nf_rule *rule;
	const struct ztc_nf_chain *chain;
	bool logged;
};
void ztc_nf_answer_free(struct ztc_nf_answer *answer);

/* ztc_nf_ask - @budget: conditions looked at; counts down over many calls; 0 = E2BIG.
 * Returns 0, -E2BIG, -ENOMEM. */
int ztc_nf_ask(const struct ztc_nf *nf, const struct ztc_nf_packet *packet, uint64_t *budget,
	       struct ztc_nf_answer *ret);

/* ztc_nf_where - "inet filter input handle 7", "ip filter INPUT policy", "no filter". */
void ztc_nf_where(const struct ztc_nf_answer *answer, char *ret, size_t size);

/* ztc_nf_cuts - every port where some rule begins or ends to apply, twice its number; ports between
 * two of them are all alike. 0 is always among them. */
void ztc_nf_cuts(const struct ztc_nf *nf, struct ztc_spans *ret);

/* ztc_nf_alike - whether two interfaces fit the same rules everywhere (device chains too). */
bool ztc_nf_alike(const struct ztc_nf *nf, const struct ztc_nf_packet *a,
		  const struct ztc_nf_packet *b);
