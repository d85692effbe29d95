/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_assess_filter.c - what gets through a ruleset: nftables' JSON and iptables-save as they are
 * printed, followed rule by rule; sets of addresses; input that nobody would print.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/nf.h"

static const char *const outcomes[] = {"deny", "peers", "any", "unknown"};

/* Answers "deny", "any FOR RULE", "peers 10.0.0.0/24" ... in @ret. */
static void ask(const struct ztc_nf *nf, int family, const char *proto, int port, const char *iif,
		char *ret, size_t size)
{
	struct ztc_spans own = {0};
	const struct ztc_nf_packet packet = {
		.last = ZTC_NF_INPUT,
		.family = family,
		.proto = strcmp(proto, "tcp") == 0   ? 6
			 : strcmp(proto, "udp") == 0 ? 17
						     : 253,
		.port = strcmp(proto, "other") == 0 ? -1 : port,
		.interface = iif,
		.addresses = &own,
	};
	zt_auto(zt_json_decref) json_t *peers = NULL;
	uint64_t budget = 100000;
	struct ztc_nf_answer answer;
	const json_t *row;
	ztc_u128 mine;
	size_t i;

	ztc_address_parse(family == 4 ? "10.0.0.1" : "fd77::1", &mine);
	ztc_spans_add(&own, mine, mine);
	assert_int_equal(ztc_nf_ask(nf, &packet, &budget, &answer), 0);
	snprintf(ret, size, "%s%s", outcomes[answer.outcome], answer.logged ? " logged" : "");
	peers = ztc_spans_json(&answer.peers, family, 10);
	json_array_foreach (peers, i, row) {
		if (answer.outcome == ZTC_NF_PEERS || answer.outcome == ZTC_NF_UNDECIDED)
			snprintf(ret + strlen(ret), size - strlen(ret), " %s",
				 json_string_value(row));
	}
	ztc_nf_answer_free(&answer);
	ztc_spans_free(&own);
}

#define ASK(nf, family, proto, port, want)                                                         \
	do {                                                                                       \
		char got_[600];                                                                    \
		ask(&(nf), family, proto, port, "eth0", got_, sizeof(got_));                       \
		assert_string_equal(got_, want);                                                   \
	} while (0)

/* A ruleset with one inet input chain of @policy, and rules by their "expr"; more objects first. */
static void load(struct ztc_nf *nf, const char *policy, const char *more, const char *const *rules)
{
	zt_auto(zt_json_decref) json_t *root = NULL;
	char text[20000];
	size_t len;

	len = (size_t)snprintf(
		text, sizeof(text),
		"{\"nftables\": [%s{\"chain\": {\"family\": \"inet\", \"table\": \"f\", \"name\": "
		"\"in\", \"type\": \"filter\", \"hook\": \"input\", \"prio\": 0, \"policy\": "
		"\"%s\"}}",
		more, policy);
	for (size_t i = 0; rules[i]; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					", {\"rule\": {\"family\": \"inet\", \"table\": \"f\", "
					"\"chain\": \"in\", \"handle\": %zu, \"expr\": [%s]}}",
					i + 1, rules[i]);
	snprintf(text + len, sizeof(text) - len, "]}");
	assert_int_equal(ztc_nf_init(nf), 0);
	root = json_loads(text, 0, NULL);
	assert_non_null(root);
	assert_int_equal(ztc_nf_read_json(nf, root, NULL), 0);
	ztc_nf_link(nf);
}

#define RULES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define MATCH(left, op, right)                                                                     \
	"{\"match\": {\"op\": \"" op "\", \"left\": " left ", \"right\": " right "}}, "
#define FIELD(proto, field) "{\"payload\": {\"protocol\": \"" proto "\", \"field\": \"" field "\"}}"
#define META(key)	    "{\"meta\": {\"key\": \"" key "\"}}"
#define CT(key)		    "{\"ct\": {\"key\": \"" key "\"}}"
#define DPORT(p)	    MATCH(FIELD("tcp", "dport"), "==", p)
#define ACCEPT		    "{\"accept\": null}"
#define DROP		    "{\"drop\": null}"
#define NET(a, l)	    "{\"prefix\": {\"addr\": \"" a "\", \"len\": " l "}}"

static void policies(void **state)
{
	zt_auto(ztc_nf_free) struct ztc_nf none = {0}, drop = {0}, accept = {0}, terminal = {0};

	(void)state;
	assert_int_equal(ztc_nf_init(&none), 0);
	ASK(none, 4, "tcp", 22, "any");
	load(&drop, "drop", "", RULES(MATCH(META("iif"), "==", "\"lo\"") ACCEPT));
	ASK(drop, 4, "tcp", 22, "deny");
	ASK(drop, 6, "other", 0, "deny");
	load(&accept, "accept", "", RULES(MATCH(META("iif"), "==", "\"lo\"") ACCEPT));
	ASK(accept, 4, "udp", 53, "any");
	load(&terminal, "accept", "",
	     RULES("{\"log\": {}}", "{\"reject\": {\"type\": \"icmpx\", \"expr\": \"x\"}}"));
	ASK(terminal, 4, "tcp", 22, "deny logged");
	ASK(terminal, 6, "other", 0, "deny logged");
}

static void conntrack(void **state)
{
	zt_auto(ztc_nf_free) struct ztc_nf nf = {0};

	(void)state;
	load(&nf, "drop", "",
	     RULES("{\"vmap\": {\"key\": " CT(
			   "state") ", \"data\": {\"set\": [[\"established\", " ACCEPT
				    "], [\"invalid\", " DROP "]]}}}",
		   MATCH(CT("state"), "in", "[\"established\", \"related\"]") ACCEPT,
		   MATCH(CT("status"), "in", "\"dnat\"") ACCEPT,
		   MATCH(CT("state"), "in", "\"new\"") DPORT("80") ACCEPT,
		   MATCH(CT("state"), "!=", "\"new\"") ACCEPT));
	ASK(nf, 4, "tcp", 80, "any");
	ASK(nf, 4, "tcp", 81, "deny");
}

static void senders(void **state)
{
	zt_auto(ztc_nf_free) struct ztc_nf nf = {0};

	(void)state;
	load(&nf, "drop",
	     "{\"set\": {\"family\": \"inet\", \"table\": \"f\", \"name\": \"adm\", \"type\": "
	     "\"ipv4_addr\", \"elem\": [" NET(
		     "10.1.0.0",
		     "16") ", {\"range\": [\"10.9.0.5\", "
			   "\"10.9.0.7\"]}, {\"elem\": {\"val\": \"10.8.0.1\", \"timeout\": 60}}]}}, ",
	     RULES(MATCH(FIELD("ip", "saddr"), "==", NET("10.1.7.0", "24")) DROP,
		   MATCH(FIELD("ip", "saddr"), "==", "\"@adm\"") DPORT("22") ACCEPT,
		   MATCH(FIELD("ip6", "saddr"), "!=", NET("fe80::", "10")) DROP,
		   DPORT("{\"set\": [22, {\"range\": [8000, 8010]}]}") ACCEPT));
	ASK(nf, 4, "tcp", 22, "any"); /* the last rule lets in who is left */
	ASK(nf, 6, "tcp", 22, "peers fe80::/10");
	ASK(nf, 6, "tcp", 8010, "peers fe80::/10");
	ASK(nf, 6, "tcp", 8011, "deny");
	ASK(nf, 4, "tcp", 7999, "deny");
}

static void named_senders(void **state)
{
	zt_auto(ztc_nf_free) struct ztc_nf nf = {0};

	(void)state;
	load(&nf, "drop",
	     "{\"set\": {\"family\": \"inet\", \"table\": \"f\", \"name\": \"adm\", \"type\": "
	     "\"ipv4_addr\", \"elem\": [" NET(
		     "10.1.0.0",
		     "16") "]}}, "
			   "{\"set\": {\"family\": \"inet\", \"table\": \"f\", \"name\": \"knock\", \"type\": "
			   "\"ipv4_addr\", \"flags\": [\"dynamic\"]}}, ",
	     RULES(MATCH(FIELD("ip", "saddr"), "==", NET("10.1.128.0", "17")) DROP,
		   MATCH(FIELD("ip", "saddr"), "==", "\"@adm\"") DPORT("22") ACCEPT,
		   MATCH(FIELD("ip", "saddr"), "==", "\"@knock\"") DPORT("23") ACCEPT,
		   MATCH(FIELD("ip", "saddr"), "==", "\"@nosuch\"") DPORT("24") ACCEPT));
	ASK(nf, 4, "tcp", 22, "peers 10.1.0.0/17");
	ASK(nf, 4, "tcp", 23, "any"); /* who sends the right packet gets into a dynamic set */
	ASK(nf, 4, "tcp", 24, "unknown");
	ASK(nf, 6, "tcp", 22, "deny");
}

static void tuples_and_maps(void **state)
{
	zt_auto(ztc_nf_free) struct ztc_nf nf = {0};

	(void)state;
	load(&nf, "drop",
	     "{\"chain\": {\"family\": \"inet\", \"table\": \"f\", \"name\": \"web\"}}, "
	     "{\"map\": {\"family\": \"inet\", \"table\": \"f\", \"name\": \"m\", \"type\": "
	     "\"inet_service\", \"map\": \"verdict\", \"elem\": [[80, " ACCEPT
	     "], [443, {\"jump\": {\"target\": \"web\"}}], [\"*\", {\"return\": null}]]}}, "
	     "{\"rule\": {\"family\": \"inet\", \"table\": \"f\", \"chain\": \"web\", \"handle\": 90, "
	     "\"expr\": [" MATCH(FIELD("ip", "saddr"), "==", NET("10.3.0.0", "16")) ACCEPT "]}}, ",
	     RULES("{\"match\": {\"op\": \"==\", \"left\": {\"concat\": [" FIELD("ip", "saddr") ", " FIELD(
			   "tcp",
			   "dport") "]}, \"right\": {\"set\": [{\"concat\": [\"10.9.0.1\", 5432]}, "
				    "{\"concat\": [" NET(
					    "10.8.0.0",
					    "16") ", {\"range\": [30, 44]}]}]}}}, " ACCEPT,
		   "{\"vmap\": {\"key\": " FIELD("tcp", "dport") ", \"data\": \"@m\"}}", ACCEPT));
	ASK(nf, 4, "tcp", 5432, "peers 10.9.0.1");
	ASK(nf, 4, "tcp", 30, "peers 10.8.0.0/16");
	ASK(nf, 4, "tcp", 80, "any");
	ASK(nf, 4, "tcp", 443, "any"); /* comes back from web and meets the last rule */
	ASK(nf, 4, "tcp", 9, "deny");  /* return of a base chain is its policy */
	ASK(nf, 4, "udp", 9, "any");   /* a map of TCP ports says nothing of UDP */
}

static void undecidable(void **state)
{
	zt_auto(ztc_nf_free) struct ztc_nf nf = {0}, open = {0}, limited = {0}, mark = {0};

	(void)state;
	load(&nf, "drop", "",
	     RULES(MATCH(META("skuid"), "==", "0") DPORT("22") ACCEPT,
		   MATCH(META("mark"), "==", "16") DPORT("23") ACCEPT,
		   DPORT("24") "{\"queue\": {\"num\": 1}}",
		   DPORT("25") "{\"xt\": {\"type\": \"target\", \"name\": \"MYSTERY\"}}",
		   DPORT("26") "{\"new statement\": {}}, " ACCEPT));
	for (int port = 22; port <= 26; port++)
		ASK(nf, 4, "tcp", port, "unknown");
	ASK(nf, 4, "tcp", 27, "deny");
	/* A drop that cannot be decided keeps nobody out, and leaves doubt. */
	load(&open, "accept", "", RULES(MATCH(META("skuid"), "==", "0") DROP));
	ASK(open, 4, "tcp", 22, "unknown");
	/* A rate lets anybody in, and keeps nobody out. */
	load(&limited, "drop", "",
	     RULES("{\"limit\": {\"rate\": 5, \"per\": \"second\"}}, " DPORT("22") ACCEPT,
		   MATCH(FIELD("udp", "sport"), "==", "53") ACCEPT,
		   "{\"limit\": {\"rate\": 5, \"per\": \"second\"}}, {\"log\": {}}"));
	ASK(limited, 4, "tcp", 22, "any");
	ASK(limited, 4, "udp", 9999, "any");
	ASK(limited, 4, "tcp", 23, "deny logged");
	/* New packets have mark 0: what is dropped by another is not everybody. */
	load(&mark, "accept", "", RULES(MATCH(META("mark"), "==", "32768") DROP));
	ASK(mark, 4, "tcp", 22, "any");
}

static void chains_and_hooks(void **state)
{
	static const char early[] =
		"{\"chain\": {\"family\": \"ip\", \"table\": \"g\", \"name\": \"pre\", \"type\": "
		"\"filter\", \"hook\": \"prerouting\", \"prio\": -300, \"policy\": \"accept\"}}, "
		"{\"rule\": {\"family\": \"ip\", \"table\": \"g\", \"chain\": \"pre\", \"handle\": 5, "
		"\"expr\": [" MATCH(FIELD("ip", "saddr"), "!=", NET("10.0.0.0", "8")) DROP
		"]}}, "
		"{\"chain\": {\"family\": \"inet\", \"table\": \"n\", \"name\": \"nat\", \"type\": "
		"\"nat\", \"hook\": \"prerouting\", \"prio\": -100, \"policy\": \"accept\"}}, "
		"{\"rule\": {\"family\": \"inet\", \"table\": \"n\", \"chain\": \"nat\", \"handle\": "
		"6, \"expr\": [" DPORT("8080") "{\"redirect\": {\"port\": 80}}]}}, ";
	zt_auto(ztc_nf_free) struct ztc_nf nf = {0};

	(void)state;
	load(&nf, "accept", early,
	     RULES(DPORT("25") DROP, MATCH(META("iifname"), "==", "\"wg*\"") DPORT("26") ACCEPT,
		   DPORT("26") DROP));
	ASK(nf, 4, "tcp", 22, "peers 10.0.0.0/8");
	ASK(nf, 6, "tcp", 22, "any");
	ASK(nf, 4, "tcp", 25, "deny");
	ASK(nf, 4, "tcp", 26, "deny");
	ASK(nf, 4, "tcp", 8080, "unknown"); /* what it is translated to has rules of its own */
	{
		char got[600];

		ask(&nf, 4, "tcp", 26, "wg0", got, sizeof(got));
		assert_string_equal(got, "peers 10.0.0.0/8");
	}
}

/* nftables 1.0.6 lists this one without its family: it must not count as a drop of both. */
static void lossy_reject(void **state)
{
	zt_auto(ztc_nf_free) struct ztc_nf nf = {0};

	(void)state;
	load(&nf, "accept", "",
	     RULES(DPORT("99") "{\"reject\": {\"type\": \"tcp reset\"}}",
		   "{\"reject\": {\"type\": \"icmp\", \"expr\": \"host-prohibited\"}}"));
	ASK(nf, 4, "tcp", 22, "deny");
	ASK(nf, 6, "tcp", 22, "any");
	ASK(nf, 6, "tcp", 99, "unknown");
}

static const char saved[] =
	"# Generated by iptables-save\n*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n"
	":OUTPUT ACCEPT [0:0]\n:mine - [0:0]\n"
	"-A INPUT -i lo -j ACCEPT\n"
	"-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
	"-A INPUT -s 10.0.0.0/24 -p tcp -m multiport --dports 22,80:90 -j ACCEPT\n"
	"-A INPUT -p tcp -m tcp --dport 5432 -m iprange --src-range 10.0.0.1-10.0.0.9 -j ACCEPT\n"
	"-A INPUT ! -s 10.0.0.0/8 -p udp -m udp --dport 161 -m comment --comment \"-j ACCEPT \\\" x\" "
	"-j DROP\n"
	"-A INPUT -p udp -m udp --dport 161 -j mine\n"
	"-A mine -s 10.7.0.0/16 -j RETURN\n-A mine -j ACCEPT\n"
	"-A INPUT -p tcp -m tcp --dport 100 -m set --match-set friends src -j ACCEPT\n"
	"-A INPUT -p tcp -m tcp --dport 101 -m mystery --word 7 -j ACCEPT\n"
	"-A INPUT -p tcp -m tcp --dport 102 -m limit --limit 5/sec -j ACCEPT\n"
	"-A INPUT -p tcp -m tcp --dport 103 -j NFQUEUE --queue-num 3\n"
	"-A INPUT -p tcp -m tcp --dport 104 -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT\n"
	"-A INPUT -p tcp -m tcp --dport 105 ! --syn -j ACCEPT\n"
	"-A INPUT -p tcp -m tcp --dport 106 -j NOSUCHCHAIN\n"
	"-A INPUT -m limit --limit 3/min -j LOG --log-prefix \"drop: \"\nCOMMIT\n";

static void iptables(void **state)
{
	zt_auto(ztc_nf_free) struct ztc_nf nf = {0};

	(void)state;
	assert_int_equal(ztc_nf_init(&nf), 0);
	assert_int_equal(ztc_nf_read_save(&nf, "iptables", "ip", saved), 0);
	ztc_nf_link(&nf);
	ASK(nf, 4, "tcp", 22, "peers logged 10.0.0.0/24");
	ASK(nf, 4, "tcp", 90, "peers logged 10.0.0.0/24");
	ASK(nf, 4, "tcp", 91, "deny logged");
	ASK(nf, 4, "tcp", 5432, "peers logged 10.0.0.1-10.0.0.9");
	ASK(nf, 4, "udp", 161, "peers logged 10.0.0.0-10.6.255.255 10.8.0.0-10.255.255.255");
	ASK(nf, 4, "tcp", 100, "unknown logged");
	ASK(nf, 4, "tcp", 101, "unknown logged");
	ASK(nf, 4, "tcp", 102, "any");
	ASK(nf, 4, "tcp", 103, "unknown");
	ASK(nf, 4, "tcp", 104, "any");
	ASK(nf, 4, "tcp", 105, "deny logged");
	ASK(nf, 4, "tcp", 106, "unknown");
	ASK(nf, 6, "tcp", 22, "any"); /* it is IPv4's */
}

static void refused(void **state)
{
	static const char *const bad[] = {"*filter\n-X what\n", "INPUT\n", "*filter\n:\"\n-Z\n"};
	zt_auto(zt_json_decref) json_t *odd = json_loads(
		"{\"nftables\": [{\"rule\": {\"chain\": 7, \"expr\": {\"x\": [1]}}}, {\"rule\": null}, "
		"{\"chain\": {\"hook\": \"input\"}}, {\"set\": {\"elem\": 5}}, 9, {\"rule\": "
		"{\"family\": \"inet\", \"table\": \"f\", \"chain\": \"in\", \"expr\": [{\"match\": {}}, "
		"{\"vmap\": {\"data\": {\"set\": [[1], 2, [[], {}]]}}}, {\"match\": {\"left\": "
		"{\"concat\": [1, 2]}, \"right\": {\"set\": [{\"concat\": [1]}]}}}, " ACCEPT
		"]}}]}",
		0, NULL);
	zt_auto(zt_json_decref) json_t *none = json_loads("{\"nftables\": 3}", 0, NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		zt_auto(ztc_nf_free) struct ztc_nf nf = {0};

		assert_int_equal(ztc_nf_init(&nf), 0);
		assert_int_equal(ztc_nf_read_save(&nf, "iptables", "ip", bad[i]), -EBADMSG);
	}
	{
		zt_auto(ztc_nf_free) struct ztc_nf nf = {0};

		assert_non_null(odd);
		assert_int_equal(ztc_nf_init(&nf), 0);
		assert_int_equal(ztc_nf_read_json(&nf, none, NULL), -EBADMSG);
		assert_int_equal(ztc_nf_read_json(&nf, odd, NULL), 0);
		ztc_nf_link(&nf);
	}
}

/* Docker's own rules: containers get out, nobody gets in to them but where a port is published. */
static void forwarded(void **state)
{
	static const char text[] =
		"*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:DOCKER - [0:0]\n"
		"-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
		"-A FORWARD -o docker0 -j DOCKER\n-A FORWARD -i docker0 ! -o docker0 -j ACCEPT\n"
		"-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT\n"
		"COMMIT\n";
	static const struct {
		const char *in, *out;
		int port;
		enum ztc_nf_outcome want;
	} rows[] = {
		{"eth0", "docker0", 22, ZTC_NF_DENY},
		{"docker0", "eth0", 22, ZTC_NF_ANY},
		{"eth0", "eth1", 22, ZTC_NF_DENY},
		{"eth0", "docker0", 80, ZTC_NF_UNDECIDED}, /* which container is open */
		{"docker0", NULL, 22, ZTC_NF_UNDECIDED},
	};
	zt_auto(ztc_nf_free) struct ztc_nf nf = {0};

	(void)state;
	assert_int_equal(ztc_nf_init(&nf), 0);
	assert_int_equal(ztc_nf_read_save(&nf, "iptables-nft", "ip", text), 0);
	ztc_nf_link(&nf);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ztc_nf_packet packet = {.last = ZTC_NF_FORWARD,
						     .family = 4,
						     .proto = 6,
						     .port = rows[i].port,
						     .interface = rows[i].in,
						     .out = rows[i].out};
		uint64_t budget = 1000;
		struct ztc_nf_answer answer;

		assert_int_equal(ztc_nf_ask(&nf, &packet, &budget, &answer), 0);
		assert_int_equal(answer.outcome, rows[i].want);
		ztc_nf_answer_free(&answer);
	}
}

/* A loop cannot be loaded into a kernel; a listing may say anything. */
static void bounded(void **state)
{
	zt_auto(ztc_nf_free) struct ztc_nf nf = {0};
	const struct ztc_nf_packet packet = {
		.last = ZTC_NF_INPUT, .family = 4, .proto = 6, .port = 1, .interface = "eth0"};
	struct ztc_nf_answer answer;
	uint64_t budget = 1000000;

	(void)state;
	load(&nf, "drop", "",
	     RULES("{\"jump\": {\"target\": \"in\"}}", "{\"jump\": {\"target\": \"in\"}}"));
	assert_int_equal(ztc_nf_ask(&nf, &packet, &budget, &answer), -E2BIG);
}

static void check_spans(const struct ztc_spans *set, int family, const char *want)
{
	zt_auto(zt_json_decref) json_t *list = ztc_spans_json(set, family, 100);
	zt_auto(zt_freep) char *text = json_dumps(list, JSON_COMPACT);

	assert_string_equal(text, want);
}

static void spans(void **state)
{
	struct ztc_spans a = {0}, b = {0}, r = {0}, all = {0};
	struct ztc_span s;

	(void)state;
	assert_int_equal(ztc_prefix_parse("10.0.0.77/24", &s), 4);
	ztc_spans_add(&a, s.lo, s.hi);
	assert_int_equal(ztc_prefix_parse("10.0.1.0/24", &s), 4);
	ztc_spans_add(&a, s.lo, s.hi);
	check_spans(&a, 4, "[\"10.0.0.0/23\"]");
	assert_int_equal(ztc_prefix_parse("10.0.0.128-10.0.0.129", &s), 4);
	ztc_spans_add(&b, s.lo, s.hi);
	ztc_spans_minus(&r, &a, &b);
	check_spans(&r, 4, "[\"10.0.0.0/25\",\"10.0.0.130-10.0.1.255\"]");
	assert_true(ztc_spans_covers(&a, &b) && !ztc_spans_covers(&r, &b));
	ztc_spans_free(&r);
	ztc_spans_add(&all, 0, ztc_family_last(6));
	check_spans(&all, 6, "[\"::/0\"]");
	assert_true(ztc_spans_any(&all, 6) && ztc_spans_has(&all, ztc_family_last(6)));
	ztc_spans_minus(&r, &all, &b);
	ztc_spans_free(&b);
	ztc_spans_and(&b, &r, &all);
	assert_true(ztc_spans_any(&b, 6) && b.count == 2);
	assert_int_equal(ztc_prefix_parse("10.0.0.0/33", &s), 0);
	assert_int_equal(ztc_prefix_parse("10.0.0.9-10.0.0.1", &s), 0);
	assert_int_equal(ztc_prefix_parse("10.0.0.0/-1", &s), 0);
	assert_int_equal(ztc_prefix_parse("fe80::/10", &s), 6);
	assert_int_equal(ztc_prefix_parse("::/0", &s), 6);
	assert_int_equal(ztc_prefix_parse("", &s), 0);
	ztc_spans_free(&a);
	ztc_spans_free(&b);
	ztc_spans_free(&r);
	ztc_spans_free(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policies),
		cmocka_unit_test(conntrack),
		cmocka_unit_test(senders),
		cmocka_unit_test(named_senders),
		cmocka_unit_test(tuples_and_maps),
		cmocka_unit_test(undecidable),
		cmocka_unit_test(chains_and_hooks),
		cmocka_unit_test(lossy_reject),
		cmocka_unit_test(iptables),
		cmocka_unit_test(refused),
		cmocka_unit_test(forwarded),
		cmocka_unit_test(bounded),
		cmocka_unit_test(spans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
