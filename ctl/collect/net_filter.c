/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_filter.c - packet filters of the kernel, and what comes through them.
 *
 * {mechanisms: [{netns, name "nftables"|"iptables-nft"|"iptables", tables: ["inet filter"], rules,
 *  generators: ["firewalld"|"ufw"|"docker"|…]}],
 *  paths: [{netns, interfaces: [..], family, proto "tcp"|"udp"|"other", open, undecided,
 *  default: PORTS, ports: [PORTS that differ from it]}], forward: [{netns, family, interfaces, out,
 * on, verdict, rule}], translated: [{netns, port, rule}], unread: [{netns, what, why, all?: nothing
 * was asked}], namespaces} PORTS is {from, to, verdict, rule, logged, peers?, peers_cut?,
 * addresses?}; verdict is "deny" (nobody), "peers" (who is listed), "any" (anybody, by that rule or
 * for want of one), "unknown" (that rule cannot be decided; peers get in anyhow). open, undecided:
 * number of ports with that verdict.
 */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/net_filter.h"
#include "ctl/doctor/doctor.h"

#define OUTPUT_MAX (12 << 20)

static void unread(json_t *data, const struct ztc_netns *ns, const char *what, const char *why)
{
	json_array_append_new(json_object_get(data, "unread"),
			      json_pack("{s:I,s:s,s:s}", "netns", (json_int_t)ns->inode, "what",
					what, "why", why));
}

static void count_table(const struct nlmsghdr *msg, void *data)
{
	(void)msg;
	++*(unsigned int *)data;
}

static json_t *program_json(const char *const *argv, int *ret_error)
{
	zt_auto(zt_freep) char *text = NULL;
	json_t *root;
	int r = ztc_collect_program(argv, OUTPUT_MAX, &text, NULL);

	*ret_error = r;
	if (r < 0)
		return NULL;
	root = json_loads(text, 0, NULL);
	if (!root)
		*ret_error = -EBADMSG;
	return root;
}

/* Does any rule of this family hold what only iptables can spell? */
static bool has_extensions(const json_t *root, const char *family)
{
	const json_t *row, *expr;
	size_t i, j;

	json_array_foreach (json_object_get(root, "nftables"), i, row) {
		const json_t *rule = json_object_get(row, "rule");

		if (!rule || strcmp(zt_json_text(rule, "family"), family) != 0)
			continue;
		json_array_foreach (json_object_get(rule, "expr"), j, expr) {
			if (json_object_get(expr, "xt"))
				return true;
		}
	}
	return false;
}

/* Names the tables that @text has, so that they are not read from both. */
static void note_tables(json_t *skip, const char *family, const char *text)
{
	char name[128];

	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (*at != '*')
			continue;
		snprintf(name, sizeof(name), "%s %.*s", family, (int)strcspn(at + 1, "\n") & 63,
			 at + 1);
		json_array_append_new(skip, zt_json_str(name));
	}
}

static int read_save(struct ztc_nf *nf, const char *source, const char *family,
		     const char *const *programs, json_t *skip)
{
	zt_auto(zt_freep) char *text = NULL;
	int r = -ENOENT;

	for (size_t i = 0; programs[i] && r == -ENOENT; i++) {
		const char *argv[] = {programs[i], NULL};

		r = ztc_collect_program(argv, OUTPUT_MAX, &text, NULL);
	}
	if (r < 0)
		return r;
	if (skip)
		note_tables(skip, family, text);
	return ztc_nf_read_save(nf, source, family, text);
}

static const struct {
	const char *family, *names;
	const char *nft[3], *legacy[3];
} tools[] = {
	{"ip",
	 "/proc/net/ip_tables_names",
	 {"iptables-nft-save", "iptables-save"},
	 {"iptables-legacy-save", "iptables-save"}},
	{"ip6",
	 "/proc/net/ip6_tables_names",
	 {"ip6tables-nft-save", "ip6tables-save"},
	 {"ip6tables-legacy-save", "ip6tables-save"}},
};

static int read_nft(struct ztc_nf *nf, const struct ztc_netns *ns, json_t *data)
{
	static const char *const argv[] = {"nft", "-j", "list", "ruleset", NULL};
	zt_auto(zt_json_decref) json_t *root = NULL, *skip = json_array();
	unsigned int tables = 0;
	int r = ztc_nftables_absent() ? 0
				      : ztc_nftables_dump(NFT_MSG_GETTABLE, count_table, &tables);

	if (r == -EPERM || (r == 0 && !tables))
		return r;
	if (r == 0)
		root = program_json(argv, &r);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(tools); i++) {
		if (!has_extensions(root, tools[i].family))
			continue;
		/* Without that program the extensions stay "unknown" conditions. */
		r = read_save(nf, "iptables-nft", tools[i].family, tools[i].nft, skip);
		if (r == -ENOENT)
			r = 0;
	}
	if (r == 0)
		r = ztc_nf_read_json(nf, root, skip);
	if (r < 0 && nf->chains && !nf->broken)
		nf->broken = "the ruleset could not be read to its end";
	if (r < 0)
		unread(data, ns, "nftables",
		       r == -ENOENT  ? "the program nft is not installed"
		       : r == -EFBIG ? "the ruleset is larger than is looked at"
				     : strerror(-r));
	return 0;
}

static void read_legacy(struct ztc_nf *nf, const struct ztc_netns *ns, json_t *data)
{
	for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
		char line[8] = "";
		int r = ztc_read_line(tools[i].names, line, sizeof(line));

		if (r == -ENOENT || r == -ENODATA || (r == 0 && !line[0]))
			continue;
		if (r == 0)
			r = read_save(nf, "iptables", tools[i].family, tools[i].legacy, NULL);
		if (r == -EBADMSG && !nf->broken)
			nf->broken = "the output of iptables-save is not understood";
		if (r < 0)
			unread(data, ns, i ? "ip6tables" : "iptables",
			       r == -ENOENT ? "no program iptables-legacy-save" : strerror(-r));
	}
}

static const char *generator(const struct ztc_nf_chain *chain)
{
	static const struct {
		const char *prefix, *name;
	} known[] = {{"ufw-", "ufw"},	      {"ufw6-", "ufw"},	    {"DOCKER", "docker"},
		     {"KUBE-", "kubernetes"}, {"f2b-", "fail2ban"}, {"LIBVIRT_", "libvirt"},
		     {"NETAVARK", "podman"},  {"CNI-", "cni"},	    {"cali-", "calico"},
		     {"CILIUM_", "cilium"}};

	if (strcmp(chain->table, "firewalld") == 0)
		return "firewalld";
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strncmp(chain->name, known[i].prefix, strlen(known[i].prefix)) == 0)
			return known[i].name;
	}
	return NULL;
}

static void add_once(json_t *list, const char *text)
{
	if (json_array_size(list) < 64 && !zt_json_has_text(list, text))
		json_array_append_new(list, zt_json_str(text));
}

static void tell_mechanisms(const struct ztc_nf *nf, const struct ztc_netns *ns, json_t *data)
{
	static const char *const names[] = {"nftables", "iptables-nft", "iptables"};
	char table[128];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		json_t *tables = json_array(), *generators = json_array();
		size_t rules = 0;

		for (const struct ztc_nf_chain *c = nf->chains; c; c = c->next) {
			if (strcmp(c->source, names[i]) != 0)
				continue;
			rules += c->rule_count;
			snprintf(table, sizeof(table), "%s %.100s", c->family, c->table);
			add_once(tables, table);
			if (generator(c))
				add_once(generators, generator(c));
		}
		if (!json_array_size(tables)) {
			json_decref(tables);
			json_decref(generators);
			continue;
		}
		json_array_append_new(json_object_get(data, "mechanisms"),
				      json_pack("{s:I,s:s,s:o,s:I,s:o}", "netns",
						(json_int_t)ns->inode, "name", names[i], "tables",
						tables, "rules", (json_int_t)rules, "generators",
						generators));
	}
}

/* Every rule of the namespace that we are in; parts that cannot be read are in "unread". */
static int read_rules(struct ztc_nf *nf, const struct ztc_netns *ns, json_t *data)
{
	int r = read_nft(nf, ns, data);

	if (r < 0)
		return r;
	read_legacy(nf, ns, data);
	if (zt_arena_error(nf->arena) < 0)
		return -ENOMEM;
	ztc_nf_link(nf);
	tell_mechanisms(nf, ns, data);
	return 0;
}

static int in_namespace(const struct ztc_netns *ns, json_t *data)
{
	zt_auto(ztc_nf_free) struct ztc_nf nf = {0};
	int r = ztc_nf_init(&nf);

	if (r == 0)
		r = read_rules(&nf, ns, data);
	if (r == 0 && !nf.broken)
		r = ztc_filter_ask(&nf, ns, data);
	if (r == -E2BIG)
		nf.broken = "more rules than can be followed";
	else if (r < 0 || !nf.broken)
		return r;
	/* Half a ruleset would say "denied" for want of the rule that allows. */
	json_array_append_new(json_object_get(data, "unread"),
			      json_pack("{s:I,s:s,s:s,s:b}", "netns", (json_int_t)ns->inode, "what",
					"rules", "why", nf.broken, "all", true));
	return 0;
}

int ztc_net_filter(const struct ztc_env *env, json_t *data)
{
	static const char *const lists[] = {"mechanisms", "paths", "forward", "translated",
					    "unread"};
	json_t *namespaces = json_array();
	bool complete = true;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		json_object_set_new(data, lists[i], json_array());
	json_object_set_new(data, "namespaces", namespaces);
	return ztc_netns_each(env, in_namespace, data, namespaces, &complete);
}
