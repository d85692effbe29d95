/* SPDX-License-Identifier: Apache-2.0 */
/* net_paths.c - asks the rules for every way in: interface, family, protocol, port. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/vec.h"
#include "ctl/collect/net_filter.h"
#include "ctl/doctor/doctor.h"
#include "ctl/doctor/links.h"

#define INTERFACES_MAX 4096
#define CUTS_MAX       8192
#define PEERS_SHOWN    1024
#define COUNT_MAX      (1LL << 53) /* what JSON's readers count exactly */
#define OUTS_MAX       128	   /* ways out that are tried for what is forwarded */
#define BUDGET	       20000000	   /* conditions looked at in one namespace: under a second */
#define PROTO_OTHER    253	   /* for experiments, RFC 3692: no rule names it */

static const char *const verdicts[] = {
	[ZTC_NF_DENY] = "deny",
	[ZTC_NF_PEERS] = "peers",
	[ZTC_NF_ANY] = "any",
	[ZTC_NF_UNDECIDED] = "unknown",
};

/* One way in, by interface, and its own addresses in the family that is asked about. */
struct way {
	char name[IF_NAMESIZE];
	struct ztc_spans addresses;
	bool done;
};

struct ways {
	struct way *items;
	size_t count, cap;
};

/* Ports with one answer. */
struct run {
	unsigned int from, to;
	struct ztc_nf_answer answer;
};

struct runs {
	struct run *items;
	size_t count, cap;
};

struct asking {
	const struct ztc_nf *nf;
	const struct ztc_netns *ns;
	json_t *data;
	const struct ztc_spans *cuts;
	uint64_t budget;
	bool unread;
};

static void ways_free(struct ways *ways)
{
	for (size_t i = 0; i < ways->count; i++)
		ztc_spans_free(&ways->items[i].addresses);
	free(ways->items);
	*ways = (struct ways){0};
}

static void runs_free(struct runs *runs)
{
	for (size_t i = 0; i < runs->count; i++)
		ztc_nf_answer_free(&runs->items[i].answer);
	free(runs->items);
	*runs = (struct runs){0};
}

static void add_addresses(struct way *way, const struct ifaddrs *list, int family)
{
	for (const struct ifaddrs *a = list; a; a = a->ifa_next) {
		char text[INET6_ADDRSTRLEN];
		const void *at;
		ztc_u128 value;

		if (!a->ifa_addr || strcmp(a->ifa_name, way->name) != 0 ||
		    a->ifa_addr->sa_family != (family == 4 ? AF_INET : AF_INET6))
			continue;
		at = family == 4 ? (const void *)&((struct sockaddr_in *)a->ifa_addr)->sin_addr
				 : (const void *)&((struct sockaddr_in6 *)a->ifa_addr)->sin6_addr;
		if (inet_ntop(a->ifa_addr->sa_family, at, text, sizeof(text)) &&
		    ztc_address_parse(text, &value) == family)
			ztc_spans_add(&way->addresses, value, value);
	}
}

/* Interfaces that are up, without loopback and without ports of a master: it is asked itself. */
static int list_ways(struct ways *ret, int family)
{
	zt_auto(zt_freep) struct ztc_link *links = NULL;
	struct ifaddrs *addresses = NULL;
	size_t count = 0;
	int r = ztc_links(&links, &count);

	if (r == 0 && getifaddrs(&addresses) < 0)
		r = -errno;
	for (size_t i = 0; r == 0 && i < count && i < INTERFACES_MAX; i++) {
		struct way *way;

		if (!links[i].up || links[i].loopback || links[i].master ||
		    (family == 6 && !ztc_link_ipv6(links[i].name)))
			continue;
		r = zt_vec_grow(&ret->items, &ret->cap, ret->count + 1, sizeof(*ret->items));
		if (r < 0)
			break;
		way = &ret->items[ret->count++];
		*way = (struct way){0};
		memcpy(way->name, links[i].name, sizeof(way->name));
		add_addresses(way, addresses, family);
	}
	if (addresses)
		freeifaddrs(addresses);
	return r;
}

static bool same_answer(const struct ztc_nf_answer *a, const struct ztc_nf_answer *b)
{
	return a->outcome == b->outcome && a->rule == b->rule && a->chain == b->chain &&
	       a->logged == b->logged && a->peers.count == b->peers.count &&
	       (!a->peers.count || memcmp(a->peers.items, b->peers.items,
					  a->peers.count * sizeof(*a->peers.items)) == 0);
}

/* What was not read may deny more, never less: only what gets in becomes uncertain by it. */
static void doubt(const struct asking *asking, struct ztc_nf_answer *answer)
{
	if (!asking->unread || answer->outcome != ZTC_NF_ANY)
		return;
	answer->outcome = ZTC_NF_UNDECIDED;
	ztc_spans_free(&answer->peers);
}

static int ask_runs(struct asking *asking, struct ztc_nf_packet *packet, struct runs *ret)
{
	bool ported = packet->port >= 0;
	size_t steps = ported ? asking->cuts->count : 1;
	int r = 0;

	for (size_t i = 0; i < steps && r == 0; i++) {
		unsigned int from = ported ? (unsigned int)(asking->cuts->items[i].lo / 2) : 0;
		unsigned int to = !ported ? 0
				  : i + 1 < steps
					  ? (unsigned int)(asking->cuts->items[i + 1].lo / 2) - 1
					  : UINT16_MAX;
		struct ztc_nf_answer answer;

		if (ported)
			packet->port = (int)from;
		r = ztc_nf_ask(asking->nf, packet, &asking->budget, &answer);
		if (r < 0)
			break;
		doubt(asking, &answer);
		if (ret->count && same_answer(&ret->items[ret->count - 1].answer, &answer)) {
			ret->items[ret->count - 1].to = to;
			ztc_nf_answer_free(&answer);
			continue;
		}
		r = zt_vec_grow(&ret->items, &ret->cap, ret->count + 1, sizeof(*ret->items));
		if (r < 0)
			ztc_nf_answer_free(&answer);
		else
			ret->items[ret->count++] = (struct run){from, to, answer};
	}
	return r;
}

static json_t *run_json(const struct run *run, int family)
{
	json_t *row = json_object();
	char where[160];

	ztc_nf_where(&run->answer, where, sizeof(where));
	json_object_set_new(row, "from", json_integer(run->from));
	json_object_set_new(row, "to", json_integer(run->to));
	json_object_set_new(row, "verdict", json_string(verdicts[run->answer.outcome]));
	json_object_set_new(row, "rule", zt_json_str(where));
	json_object_set_new(row, "logged", json_boolean(run->answer.logged));
	if (run->answer.outcome == ZTC_NF_PEERS || run->answer.outcome == ZTC_NF_UNDECIDED) {
		json_object_set_new(row, "peers",
				    ztc_spans_json(&run->answer.peers, family, PEERS_SHOWN));
		if (run->answer.peers.count > PEERS_SHOWN) {
			ztc_u128 size = ztc_spans_size(&run->answer.peers);

			json_object_set_new(row, "peers_cut", json_true());
			json_object_set_new(
				row, "addresses",
				json_integer(size < COUNT_MAX ? (json_int_t)size : COUNT_MAX));
		}
	}
	return row;
}

/* The answer that most ports have: @ret_count of them. */
static size_t most(const struct runs *runs, unsigned int *ret_count)
{
	size_t best = 0;

	*ret_count = 0;
	for (size_t i = 0; i < runs->count; i++) {
		unsigned int ports = 0;

		for (size_t j = 0; j < runs->count; j++) {
			if (same_answer(&runs->items[i].answer, &runs->items[j].answer))
				ports += runs->items[j].to - runs->items[j].from + 1;
		}
		if (ports > *ret_count) {
			*ret_count = ports;
			best = i;
		}
	}
	return best;
}

static json_t *path_json(const struct asking *asking, const char *proto, int family,
			 const struct runs *runs)
{
	json_t *row = json_object(), *ports = json_array();
	unsigned int count, open = 0, undecided = 0;
	size_t usual = most(runs, &count);

	for (size_t i = 0; i < runs->count; i++) {
		const struct run *run = &runs->items[i];
		unsigned int width = run->to - run->from + 1;

		/* Nothing listens at port 0. */
		width -= run->from == 0 && strcmp(proto, "other") != 0;
		open += run->answer.outcome == ZTC_NF_ANY ? width : 0;
		undecided += run->answer.outcome == ZTC_NF_UNDECIDED ? width : 0;
		if (!same_answer(&run->answer, &runs->items[usual].answer))
			json_array_append_new(ports, run_json(run, family));
	}
	json_object_set_new(row, "netns", json_integer((json_int_t)asking->ns->inode));
	json_object_set_new(row, "family", json_integer(family));
	json_object_set_new(row, "proto", json_string(proto));
	json_object_set_new(row, "open", json_integer(open));
	json_object_set_new(row, "undecided", json_integer(undecided));
	json_object_set_new(row, "default", run_json(&runs->items[usual], family));
	json_object_set_new(row, "ports", ports);
	return row;
}

/* Names of all ways that fit the same rules as the @first-th; they are done. */
static json_t *take_alike(const struct asking *asking, struct ways *ways, size_t first, int family)
{
	const struct ztc_nf_packet a = {.last = ZTC_NF_INPUT,
					.family = family,
					.interface = ways->items[first].name,
					.addresses = &ways->items[first].addresses};
	json_t *names = json_array();

	for (size_t i = first; i < ways->count; i++) {
		const struct ztc_nf_packet b = {.last = ZTC_NF_INPUT,
						.family = family,
						.interface = ways->items[i].name,
						.addresses = &ways->items[i].addresses};

		if (ways->items[i].done || !ztc_nf_alike(asking->nf, &a, &b))
			continue;
		ways->items[i].done = true;
		json_array_append_new(names, zt_json_str(ways->items[i].name));
	}
	return names;
}

static int ask_input(struct asking *asking, struct ways *ways, size_t first, int family,
		     json_t *names)
{
	static const struct {
		const char *name;
		uint8_t number;
	} protos[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"other", PROTO_OTHER}};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(protos) && r == 0; i++) {
		struct ztc_nf_packet packet = {.last = ZTC_NF_INPUT,
					       .family = family,
					       .proto = protos[i].number,
					       .port = protos[i].number == PROTO_OTHER ? -1 : 0,
					       .interface = ways->items[first].name,
					       .addresses = &ways->items[first].addresses};
		zt_auto(runs_free) struct runs runs = {0};
		json_t *row;

		r = ask_runs(asking, &packet, &runs);
		if (r < 0)
			break;
		row = path_json(asking, protos[i].name, family, &runs);
		json_object_set(row, "interfaces", names);
		json_array_append_new(json_object_get(asking->data, "paths"), row);
	}
	return r;
}

/* The answer for one way out is kept when it is the most open so far. */
static int ask_out(struct asking *asking, struct ztc_nf_packet *packet, const char *out,
		   struct ztc_nf_answer *worst, const char **ret_out)
{
	struct ztc_nf_answer answer;
	int r;

	packet->out = out;
	r = ztc_nf_ask(asking->nf, packet, &asking->budget, &answer);
	if (r < 0)
		return r;
	doubt(asking, &answer);
	/* "unknown" is worse than what is denied, and better than what is open. */
	if (!*ret_out || (answer.outcome == ZTC_NF_ANY && worst->outcome != ZTC_NF_ANY) ||
	    (answer.outcome != ZTC_NF_DENY && worst->outcome == ZTC_NF_DENY) ||
	    (answer.outcome == ZTC_NF_UNDECIDED && worst->outcome == ZTC_NF_PEERS)) {
		ztc_nf_answer_free(worst);
		*worst = answer;
		*ret_out = out;
	} else {
		ztc_nf_answer_free(&answer);
	}
	return 0;
}

/* What is routed on from here, at a port that no rule names, by the way out that is most open. */
static int ask_forward(struct asking *asking, const struct ways *ways, size_t first, int family,
		       json_t *names)
{
	char on[8] = "0", where[160];
	struct ztc_nf_packet packet = {.last = ZTC_NF_FORWARD,
				       .family = family,
				       .proto = IPPROTO_TCP,
				       .interface = ways->items[first].name};
	struct ztc_nf_answer worst = {0};
	const char *out = NULL;
	int r = 0;

	ztc_read_line(family == 4 ? "/proc/sys/net/ipv4/ip_forward"
				  : "/proc/sys/net/ipv6/conf/all/forwarding",
		      on, sizeof(on));
	packet.port = (int)(asking->cuts->items[asking->cuts->count - 1].lo / 2);
	for (size_t i = 0; r == 0 && i < ways->count && i < OUTS_MAX; i++) {
		if (i != first || ways->count == 1)
			r = ask_out(asking, &packet, ways->items[i].name, &worst, &out);
	}
	if (r == 0 && ways->count > OUTS_MAX && worst.outcome != ZTC_NF_ANY)
		worst.outcome = ZTC_NF_UNDECIDED;
	ztc_nf_where(&worst, where, sizeof(where));
	if (r == 0)
		json_array_append_new(json_object_get(asking->data, "forward"),
				      json_pack("{s:I,s:i,s:O,s:o,s:b,s:s,s:o}", "netns",
						(json_int_t)asking->ns->inode, "family", family,
						"interfaces", names, "out", zt_json_str(out), "on",
						on[0] != '0', "verdict", verdicts[worst.outcome],
						"rule", zt_json_str(where)));
	ztc_nf_answer_free(&worst);
	return r;
}

static int ask_family(struct asking *asking, int family)
{
	zt_auto(ways_free) struct ways ways = {0};
	int r = list_ways(&ways, family);

	for (size_t i = 0; r == 0 && i < ways.count; i++) {
		zt_auto(zt_json_decref) json_t *names = NULL;

		if (ways.items[i].done)
			continue;
		names = take_alike(asking, &ways, i, family);
		r = ask_input(asking, &ways, i, family, names);
		if (r == 0)
			r = ask_forward(asking, &ways, i, family, names);
	}
	return r;
}

/* Ports of ours that others are translated to: their own rules do not tell who gets in. */
static void tell_translated(const struct asking *asking)
{
	for (const struct ztc_nf_chain *c = asking->nf->chains; c; c = c->next) {
		for (const struct ztc_nf_rule *r = c->first; r; r = r->next) {
			struct ztc_nf_answer at = {.rule = r};
			char where[160];

			if (r->to_port <= 0)
				continue;
			ztc_nf_where(&at, where, sizeof(where));
			json_array_append_new(json_object_get(asking->data, "translated"),
					      json_pack("{s:I,s:i,s:o}", "netns",
							(json_int_t)asking->ns->inode, "port",
							r->to_port, "rule", zt_json_str(where)));
		}
	}
}

int ztc_filter_ask(const struct ztc_nf *nf, const struct ztc_netns *ns, json_t *data)
{
	zt_auto(ztc_spans_free) struct ztc_spans cuts = {0};
	struct asking asking = {.nf = nf, .ns = ns, .data = data, .cuts = &cuts, .budget = BUDGET};
	const json_t *row;
	size_t i;
	int r;

	json_array_foreach (json_object_get(data, "unread"), i, row)
		asking.unread |=
			(uint64_t)json_integer_value(json_object_get(row, "netns")) == ns->inode;
	ztc_nf_cuts(nf, &cuts);
	r = cuts.cut || cuts.count > CUTS_MAX ? -E2BIG : ask_family(&asking, 4);
	if (r == 0)
		r = ask_family(&asking, 6);
	if (r == 0)
		tell_translated(&asking);
	return r;
}
