/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nf_save.c - what iptables-save prints as rules: iptables(8), iptables-extensions(8).
 *
 * Used for the tables of the old interface and for those of iptables-nft, whose extensions nft
 * cannot spell. A condition that is not known here is "unknown", never left out.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/collect/nf.h"

#define WORDS_MAX 256

/* One line under work. */
struct line {
	struct ztc_nf *nf;
	struct ztc_nf_chain *chain;
	struct ztc_nf_draft draft;
	int family;
	char *words[WORDS_MAX];
	size_t count, at;
	bool negate;
	bool skip; /* options of a module that was judged as a whole */
	enum ztc_nf_verdict verdict;
	const char *target;
};

/* Words of a line, in place; quotes and backslashes as iptables-save writes them. */
static int split(struct line *line, char *text)
{
	line->count = 0;
	while (*text) {
		char *to;
		bool quoted = false;

		while (*text == ' ')
			text++;
		if (!*text)
			break;
		if (line->count == WORDS_MAX)
			return -E2BIG;
		line->words[line->count++] = to = text;
		for (; *text && (quoted || *text != ' '); text++) {
			if (*text == '"')
				quoted = !quoted;
			else if (*text == '\\' && text[1])
				*to++ = *++text;
			else
				*to++ = *text;
		}
		if (*text)
			text++;
		*to = '\0';
	}
	return 0;
}

static const char *next_word(struct line *line)
{
	return line->at < line->count ? line->words[line->at++] : "";
}

static struct ztc_nf_match *match(struct line *line, enum ztc_nf_field field)
{
	struct ztc_nf_match *m = ztc_nf_match(&line->draft, field);

	m->negate = line->negate;
	return m;
}

static void plain(struct line *line, enum ztc_nf_field field)
{
	ztc_nf_match(&line->draft, field);
}

/* A prefix, or "10.0.0.1-10.0.0.9" of iprange. */
static void take_address(struct line *line, enum ztc_nf_field field)
{
	struct ztc_nf_match *m = match(line, field);
	struct ztc_span span;

	m->family = line->family;
	if (ztc_prefix_parse(next_word(line), &span) == line->family)
		ztc_spans_add(&m->values, span.lo, span.hi);
	else
		m->field = ZTC_NF_UNKNOWN; /* a mask with holes */
}

static void take_interface(struct line *line, enum ztc_nf_field field)
{
	struct ztc_nf_match *m = match(line, field);
	char name[64];

	snprintf(name, sizeof(name), "%.60s", next_word(line));
	if (name[0] && name[strlen(name) - 1] == '+')
		name[strlen(name) - 1] = '*';
	ztc_nf_name(line->nf, m, name);
}

static void take_proto(struct line *line)
{
	struct ztc_nf_match *m = match(line, ZTC_NF_PROTO);
	const char *name = next_word(line);
	long number = strtol(name, NULL, 10);

	if (number <= 0)
		number = ztc_nf_proto(name);
	if (number > 0 && number <= UINT8_MAX)
		ztc_spans_add(&m->values, (ztc_u128)number, (ztc_u128)number);
	else
		m->field = ZTC_NF_UNKNOWN;
}

/* "22,80:90,1000:" */
static void take_ports(struct line *line)
{
	struct ztc_nf_match *m = match(line, ZTC_NF_DPORT);
	char *text = line->at < line->count ? line->words[line->at++] : NULL, *state = NULL;

	for (char *one = text ? strtok_r(text, ",", &state) : NULL; one;
	     one = strtok_r(NULL, ",", &state)) {
		char *end;
		unsigned long lo = strtoul(one, &end, 10), hi = lo;

		if (*end == ':')
			hi = end[1] ? strtoul(end + 1, &end, 10) : UINT16_MAX;
		if (lo > hi || hi > UINT16_MAX || (*end && *end != ':')) {
			m->field = ZTC_NF_UNKNOWN;
			return;
		}
		ztc_spans_add(&m->values, lo, hi);
	}
	if (!m->values.count)
		m->field = ZTC_NF_UNKNOWN;
}

static bool has(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += len) {
		if ((at == list || at[-1] == ',') && (at[len] == '\0' || at[len] == ','))
			return true;
	}
	return false;
}

/* What is so, or not so, for every packet that is asked about. */
static void fixed(struct line *line, bool is_so)
{
	if (is_so == line->negate)
		plain(line, ZTC_NF_NEVER);
}

static void take_state(struct line *line)
{
	const char *list = next_word(line);

	if (has(list, "UNTRACKED") && !has(list, "NEW"))
		plain(line, ZTC_NF_UNKNOWN);
	else
		fixed(line, has(list, "NEW"));
}

static void take_flags(struct line *line)
{
	const char *mask = next_word(line), *set = next_word(line);
	bool syn_asked = has(mask, "SYN") || strcmp(mask, "ALL") == 0;

	/* The first packet has SYN alone. */
	fixed(line, syn_asked ? strcmp(set, "SYN") == 0 : strcmp(set, "NONE") == 0);
}

static void take_mark(struct line *line)
{
	unsigned long value = strtoul(next_word(line), NULL, 0);

	plain(line, (value == 0) == line->negate ? ZTC_NF_SET : ZTC_NF_UNKNOWN);
}

/* Modules that say nothing by themselves, and those that are judged as a whole. */
static void take_module(struct line *line)
{
	static const struct {
		const char *name;
		enum ztc_nf_field field;
	} whole[] = {
		{"limit", ZTC_NF_SOMETIMES},	{"hashlimit", ZTC_NF_SOMETIMES},
		{"recent", ZTC_NF_SOMETIMES},	{"statistic", ZTC_NF_SOMETIMES},
		{"time", ZTC_NF_SOMETIMES},	{"connlimit", ZTC_NF_SOMETIMES},
		{"quota", ZTC_NF_SOMETIMES},	{"length", ZTC_NF_SOMETIMES},
		{"ttl", ZTC_NF_SOMETIMES},	{"hl", ZTC_NF_SOMETIMES},
		{"tos", ZTC_NF_SOMETIMES},	{"dscp", ZTC_NF_SOMETIMES},
		{"string", ZTC_NF_SOMETIMES},	{"tcpmss", ZTC_NF_SOMETIMES},
		{"rpfilter", ZTC_NF_SOMETIMES}, {"connbytes", ZTC_NF_NEVER},
		{"helper", ZTC_NF_NEVER},
	};
	const char *name = next_word(line);

	line->skip = strcmp(name, "comment") == 0;
	for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
		if (strcmp(name, whole[i].name) != 0)
			continue;
		plain(line, whole[i].field);
		line->skip = true;
	}
}

static void skip_values(struct line *line)
{
	while (line->at < line->count && line->words[line->at][0] != '-' &&
	       strcmp(line->words[line->at], "!") != 0)
		line->at++;
}

static void take_option(struct line *line, const char *option)
{
	const char *value;

	if (strcmp(option, "--dport") == 0 || strcmp(option, "--dports") == 0 ||
	    strcmp(option, "--destination-ports") == 0) {
		take_ports(line);
	} else if (strncmp(option, "--sport", 7) == 0 ||
		   strncmp(option, "--source-port", 13) == 0 || strncmp(option, "--icmp", 6) == 0 ||
		   strcmp(option, "--ports") == 0) {
		plain(line, ZTC_NF_SOMETIMES);
		skip_values(line);
	} else if (strcmp(option, "--ctstate") == 0 || strcmp(option, "--state") == 0) {
		take_state(line);
	} else if (strcmp(option, "--ctdir") == 0) {
		fixed(line, strcmp(next_word(line), "ORIGINAL") == 0);
	} else if (strcmp(option, "--src-range") == 0 || strcmp(option, "--dst-range") == 0) {
		take_address(line, option[2] == 's' ? ZTC_NF_SADDR : ZTC_NF_DADDR);
	} else if (strcmp(option, "--tcp-flags") == 0) {
		take_flags(line);
	} else if (strcmp(option, "--syn") == 0) {
		fixed(line, true);
	} else if (strcmp(option, "--mark") == 0) {
		take_mark(line);
	} else if (strcmp(option, "--dst-type") == 0) {
		fixed(line, has(next_word(line), "LOCAL"));
	} else if (strcmp(option, "--pkt-type") == 0) {
		fixed(line, strcmp(next_word(line), "unicast") == 0);
	} else if (strcmp(option, "--match-set") == 0) {
		/* What is in an ipset is not read: who is let in by it is not known, and what it
		 * keeps out is not everybody. */
		value = line->at + 1 < line->count ? line->words[line->at + 1] : "";
		plain(line,
		      line->negate || strncmp(value, "src", 3) != 0 ? ZTC_NF_UNKNOWN : ZTC_NF_SET);
		skip_values(line);
	} else {
		plain(line, ZTC_NF_UNKNOWN);
		skip_values(line);
	}
}

/* Where it is translated to: a port of ours, or another host's. */
static void take_translation(struct line *line, const char *target)
{
	for (size_t i = line->at; i + 1 < line->count; i++) {
		const char *option = line->words[i], *value = line->words[i + 1];
		const char *colon = strrchr(value, ':');

		if (strcmp(option, "--to-ports") == 0)
			line->draft.to_port = atoi(value);
		else if (strcmp(option, "--to-destination") == 0 && colon &&
			 strncmp(value, "127.", 4) == 0)
			line->draft.to_port = atoi(colon + 1);
	}
	if (strcmp(target, "REDIRECT") == 0 && !line->draft.to_port)
		line->draft.to_port = -1;
}

static void take_target(struct line *line, bool is_goto)
{
	static const struct {
		const char *name;
		enum ztc_nf_verdict verdict;
	} known[] = {
		{"ACCEPT", ZTC_NF_ACCEPT},	  {"DROP", ZTC_NF_DROP},
		{"REJECT", ZTC_NF_DROP},	  {"RETURN", ZTC_NF_RETURN},
		{"NFQUEUE", ZTC_NF_ELSEWHERE},	  {"QUEUE", ZTC_NF_ELSEWHERE},
		{"DNAT", ZTC_NF_ELSEWHERE},	  {"REDIRECT", ZTC_NF_ELSEWHERE},
		{"TPROXY", ZTC_NF_ELSEWHERE},	  {"SYNPROXY", ZTC_NF_ELSEWHERE},
		{"TARPIT", ZTC_NF_DROP},	  {"MARK", ZTC_NF_CONTINUE},
		{"CONNMARK", ZTC_NF_CONTINUE},	  {"CT", ZTC_NF_CONTINUE},
		{"NOTRACK", ZTC_NF_CONTINUE},	  {"TCPMSS", ZTC_NF_CONTINUE},
		{"SET", ZTC_NF_CONTINUE},	  {"CHECKSUM", ZTC_NF_CONTINUE},
		{"CLASSIFY", ZTC_NF_CONTINUE},	  {"DSCP", ZTC_NF_CONTINUE},
		{"TOS", ZTC_NF_CONTINUE},	  {"TTL", ZTC_NF_CONTINUE},
		{"TRACE", ZTC_NF_CONTINUE},	  {"SECMARK", ZTC_NF_CONTINUE},
		{"CONNSECMARK", ZTC_NF_CONTINUE}, {"TEE", ZTC_NF_CONTINUE},
		{"LOG", ZTC_NF_CONTINUE},	  {"NFLOG", ZTC_NF_CONTINUE},
		{"ULOG", ZTC_NF_CONTINUE},	  {"AUDIT", ZTC_NF_CONTINUE},
	};
	const char *name = next_word(line);

	line->verdict = is_goto ? ZTC_NF_GOTO : ZTC_NF_JUMP;
	line->target = name;
	for (size_t i = 0; !is_goto && i < ARRAY_SIZE(known); i++) {
		if (strcmp(name, known[i].name) != 0)
			continue;
		line->verdict = known[i].verdict;
		line->target = NULL;
	}
	line->draft.logs = strcmp(name, "LOG") == 0 || strcmp(name, "NFLOG") == 0 ||
			   strcmp(name, "ULOG") == 0 || strcmp(name, "AUDIT") == 0;
	take_translation(line, name);
	line->at = line->count; /* the rest belongs to the target */
}

static void take_word(struct line *line, const char *word)
{
	if (strcmp(word, "-s") == 0) {
		take_address(line, ZTC_NF_SADDR);
	} else if (strcmp(word, "-d") == 0) {
		take_address(line, ZTC_NF_DADDR);
	} else if (strcmp(word, "-i") == 0 || strcmp(word, "-o") == 0) {
		take_interface(line, word[1] == 'i' ? ZTC_NF_IIF : ZTC_NF_OIF);
	} else if (strcmp(word, "-p") == 0) {
		take_proto(line);
	} else if (strcmp(word, "-m") == 0) {
		take_module(line);
	} else if (strcmp(word, "-j") == 0 || strcmp(word, "-g") == 0) {
		take_target(line, word[1] == 'g');
	} else if (line->skip) {
		skip_values(line);
	} else if (strncmp(word, "--", 2) == 0) {
		take_option(line, word);
	} else {
		plain(line, ZTC_NF_UNKNOWN); /* -f, and what is not known */
		skip_values(line);
	}
}

static void take_rule(struct line *line, const char *source, const char *family, const char *table)
{
	line->at = 1;
	line->negate = line->skip = false;
	line->verdict = ZTC_NF_CONTINUE;
	line->target = NULL;
	line->draft.logs = false;
	line->draft.to_port = 0;
	line->chain = ztc_nf_chain(line->nf, source, family, table, next_word(line));
	while (line->chain && line->at < line->count) {
		const char *word = next_word(line);

		if (strcmp(word, "!") == 0) {
			line->negate = true;
			continue;
		}
		take_word(line, word);
		line->negate = false;
	}
	/* Numbered as `iptables -L --line-numbers` does, also where a rule decides nothing. */
	if (line->chain)
		ztc_nf_add(line->nf, line->chain, &line->draft, line->verdict, line->target,
			   line->chain->rule_count + 1);
	ztc_nf_cut(&line->draft, 0);
}

static int64_t priority(const char *table, const char *chain)
{
	if (strcmp(table, "raw") == 0)
		return -300;
	if (strcmp(table, "mangle") == 0)
		return -150;
	if (strcmp(table, "nat") == 0)
		return strcmp(chain, "PREROUTING") == 0 ? -100 : 100;
	return strcmp(table, "security") == 0 ? 50 : 0;
}

/* ":INPUT DROP [0:0]", ":own - [0:0]" */
static void take_chain(struct line *line, const char *source, const char *family, const char *table)
{
	const char *name = line->words[0] + 1;
	struct ztc_nf_chain *c = ztc_nf_chain(line->nf, source, family, table, name);

	if (!c || line->count < 2 || line->words[1][0] == '-')
		return;
	c->hook = strcmp(name, "PREROUTING") == 0 ? ZTC_NF_PREROUTING
		  : strcmp(name, "INPUT") == 0	  ? ZTC_NF_INPUT
		  : strcmp(name, "FORWARD") == 0  ? ZTC_NF_FORWARD
						  : ZTC_NF_NO_HOOK;
	c->prio = priority(table, name);
	c->drop = strcmp(line->words[1], "DROP") == 0;
}

int ztc_nf_read_save(struct ztc_nf *nf, const char *source, const char *family, const char *text)
{
	struct line line = {.nf = nf, .family = strcmp(family, "ip6") == 0 ? 6 : 4};
	zt_auto(zt_freep) char *copy = strdup(text);
	char *state = NULL, table[64] = "";

	if (!copy)
		return -ENOMEM;
	for (char *at = strtok_r(copy, "\n", &state); at; at = strtok_r(NULL, "\n", &state)) {
		if (*at == '#' || strcmp(at, "COMMIT") == 0)
			continue;
		if (*at == '*') {
			snprintf(table, sizeof(table), "%.60s", at + 1);
			continue;
		}
		if (split(&line, at) < 0 || !line.count || !table[0])
			return -EBADMSG;
		if (line.words[0][0] == ':')
			take_chain(&line, source, family, table);
		else if (strcmp(line.words[0], "-A") == 0)
			take_rule(&line, source, family, table);
		else
			return -EBADMSG;
	}
	return nf->broken ? -EBADMSG : 0;
}
