// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_probe.c - ztctl probe: a neighbour tries what it can reach, and signs what it saw.
 *
 * Run on the neighbour with TARGETs; on the probed host with --from, which has the neighbour run
 * it. Neither end needs an agent.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/cmd.h"
#include "ctl/drill/peer.h"
#include "ctl/evidence/record.h"
#include "ctl/evidence/safe.h"
#include "ctl/password.h"
#include "ctl/probe/peer.h"
#include "ctl/probe/peer_from.h"

#define SAMPLE_PORTS  20
#define NETNS_WAIT_MS 1500
#define UNIT_DIR      "/etc/systemd/system"

/* What a neighbour tries when nobody told it the target's listeners. */
static const uint16_t usual_ports[] = {22,   80,   111,	 443,  2375, 3306, 3389,
				       5432, 5900, 5985, 6379, 8080, 9200, 27017};

static volatile bool stopped;

static void on_signal(int sig)
{
	(void)sig;
	stopped = true;
}

static int64_t now_s(void)
{
	return (int64_t)(zt_now_wall_ns() / ZT_NS_PER_S);
}

static const char *state_dir(const struct ztc_line *line)
{
	return ztc_value(line, "state-dir") ?: ZTC_STATE_DIR;
}

static const char *trust_dir(const struct ztc_line *line)
{
	return ztc_value(line, "trust") ?: ZTC_TRUST_DIR;
}

/* --- what is to be tried -------------------------------------------------------------------- */

static int read_canary(const struct ztc_line *line, struct ztc_probe *probe)
{
	const char *text = ztc_value(line, "canary");
	uint64_t port;

	probe->canary_listens = ztc_value(line, "canary-listens") != NULL;
	if (!text) {
		probe->canary = ZTC_PROBE_CANARY;
	} else if (strcmp(text, "none") == 0) {
		probe->canary = 0;
	} else if (ztc_parse_count(text, UINT16_MAX, &port) < 0) {
		return ztc_fail(ZTC_EXIT_USAGE, "--canary '%s' is no port", text);
	} else {
		probe->canary = (uint16_t)port;
	}
	return ZTC_EXIT_OK;
}

static int read_ports(const struct ztc_line *line, struct ztc_probe *probe)
{
	const char *text = ztc_value(line, "ports");
	int r = 0;

	if (text && strcmp(text, "none") != 0)
		r = ztc_probe_add_ports(probe, text);
	for (size_t i = 0; !text && i < ARRAY_SIZE(usual_ports); i++)
		r = ztc_probe_add_port(probe, usual_ports[i]);
	if (r == -E2BIG)
		return ztc_fail(ZTC_EXIT_USAGE, "more than %d ports: this is no scanner",
				ZTC_PROBE_PORTS_MAX);
	if (r < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "--ports '%s' is no list of ports such as 22,443",
				text);
	return ZTC_EXIT_OK;
}

static int read_targets(const struct ztc_line *line, struct ztc_probe *probe)
{
	for (int i = 0; i < line->argc; i++) {
		int r = ztc_probe_add_target(probe, line->argv[i]);

		if (r == -EINVAL)
			return ztc_fail(ZTC_EXIT_USAGE,
					"'%s' is this host itself or no single host: that proves "
					"nothing",
					line->argv[i]);
		if (r == -E2BIG)
			return ztc_fail(ZTC_EXIT_USAGE, "more than %d targets",
					ZTC_PROBE_TARGETS_MAX);
		if (r < 0)
			return ztc_fail(ZTC_EXIT_USAGE, "there is no host '%s'", line->argv[i]);
	}
	return ZTC_EXIT_OK;
}

static int read_request(const struct ztc_line *line, struct ztc_probe *probe)
{
	zt_auto(zt_json_decref) json_t *request = NULL;
	struct ztc_trust *trust = calloc(1, sizeof(*trust));
	zt_auto(zt_freep) char *why = NULL, *text = NULL;
	const char *path = ztc_value(line, "request"), *said = "";
	size_t len;
	int r = trust ? zt_file_read(path, ZTC_RECORD_MAX, &text, &len, NULL) : -ENOMEM;

	if (r == 0)
		r = ztc_json_object(text, len, &request, &why);
	if (r == 0)
		r = ztc_trust_load(trust, trust_dir(line), &why);
	if (r == 0) {
		r = ztc_probe_request_read(request, trust, now_s(), probe, &said);
		ztc_trust_free(trust);
	}
	free(trust);
	if (r == -EPERM && *said)
		return ztc_fail(ZTC_EXIT_USAGE, "'%s' is not signed by a host of %s/host: %s", path,
				trust_dir(line), said);
	if (r < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "cannot use the request '%s': %s", path,
				why	? why
				: *said ? said
					: strerror(-r));
	return ZTC_EXIT_OK;
}

/* --- the neighbour -------------------------------------------------------------------------- */

static int load_key(const struct ztc_line *line, struct zt_minisign_secret *ret)
{
	const char *path = ztc_value(line, "key");
	int r;

	if (path)
		return ztc_secret_load(path, NULL, ret);
	r = ztc_host_key(state_dir(line), ret);
	if (r < 0)
		return ztc_fail(
			ZTC_EXIT_FAILED,
			"cannot sign with this host's key in %s: %s; run as root, or name a "
			"key with --key",
			state_dir(line), strerror(-r));
	return ZTC_EXIT_OK;
}

static void show_attempts(const json_t *record)
{
	const json_t *rows = json_object_get(json_object_get(record, "body"), "attempts"), *a;
	int counts[8] = {0};
	size_t i;

	json_array_foreach (rows, i, a) {
		const char *outcome = json_string_value(json_object_get(a, "outcome"));
		const char *role = json_string_value(json_object_get(a, "role"));

		printf("%-12s %s port %lld%s\n", outcome ? outcome : "?",
		       json_string_value(json_object_get(a, "destination")) ?: "?",
		       (long long)json_integer_value(json_object_get(a, "port")),
		       role && strcmp(role, "canary") == 0 ? " (canary)" : "");
		counts[0]++;
		counts[1] += outcome && strcmp(outcome, "connected") == 0;
	}
	printf("%d attempts, %d connected\n", counts[0], counts[1]);
}

static int write_out(const struct ztc_ctx *ctx, const struct ztc_line *line, const json_t *record)
{
	const char *out = ztc_value(line, "out");
	zt_auto(zt_freep) char *text = json_dumps(record, JSON_INDENT(2));
	int r;

	if (!text)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	if (out) {
		r = zt_file_replace(out, text, strlen(text), 0644);
		if (r < 0)
			return ztc_fail(ZTC_EXIT_FAILED, "cannot write '%s': %s", out,
					strerror(-r));
	}
	if (ctx->json)
		puts(text);
	else
		show_attempts(record);
	if (!out && !ctx->json)
		puts("The record was not kept: --out FILE keeps it, for 'ztctl evidence add FILE' on "
		     "the target.");
	return ZTC_EXIT_OK;
}

static int probe_others(struct ztc_ctx *ctx, const struct ztc_line *line, struct ztc_probe *probe)
{
	zt_auto(zt_minisign_secret_wipe) struct zt_minisign_secret key = {0};
	size_t max = probe->target_count * (probe->port_count + 1);
	zt_auto(zt_freep) struct ztc_attempt *attempts = calloc(max, sizeof(*attempts));
	zt_auto(zt_json_decref) json_t *record = NULL;
	int status = load_key(line, &key), r;

	if (status)
		return status;
	r = attempts ? ztc_probe_run(probe, attempts, &stopped) : -ENOMEM;
	if (r == -EINTR)
		return ztc_fail(ZTC_EXIT_FAILED, "interrupted: there is no record");
	if (r > 0)
		r = ztc_probe_record(probe, attempts, (size_t)r, &record);
	if (r == 0)
		r = ztc_seal(record, &key, "ztseg probe");
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot probe: %s", strerror(-r));
	return write_out(ctx, line, record);
}

/* --- the probed host ------------------------------------------------------------------------ */

static int write_request(const struct ztc_line *line, struct ztc_probe *probe)
{
	zt_auto(zt_minisign_secret_wipe) struct zt_minisign_secret key = {0};
	const char *path = ztc_value(line, "write-request");
	zt_auto(zt_json_decref) json_t *request = NULL;
	zt_auto(zt_freep) char *text = NULL;
	int status = load_key(line, &key), r;

	if (status)
		return status;
	if (!probe->target_count)
		return ztc_fail(ZTC_EXIT_USAGE, "name the addresses of this host to be probed");
	r = ztc_probe_request(probe, now_s(), &key, &request);
	if (r == 0) {
		text = json_dumps(request, JSON_INDENT(2));
		r = text ? zt_file_replace(path, text, strlen(text), 0644) : -ENOMEM;
	}
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot write '%s': %s", path, strerror(-r));
	printf("wrote %s: on the neighbour, 'ztctl probe --request FILE --out RECORD'\n", path);
	return ZTC_EXIT_OK;
}

/* Its seal as it would be judged; the record itself is left as it was signed. */
static int check_record(const struct ztc_line *line, const json_t *record, char **ret_seal)
{
	zt_auto(zt_json_decref) json_t *copy = json_deep_copy(record);
	struct ztc_trust *trust = calloc(1, sizeof(*trust));
	struct zt_minisign_pub own;
	bool has_own = ztc_host_pub(state_dir(line), &own) == 0;
	zt_auto(zt_freep) char *why = NULL;
	const char *said = "", *kind;
	struct ztc_self self;
	int r = trust && copy ? ztc_trust_load(trust, trust_dir(line), &why) : -ENOMEM;

	ztc_self(&self, "");
	if (r == 0) {
		r = ztc_record_check(copy, &self, trust, has_own ? &own : NULL, now_s(), &said);
		ztc_trust_free(trust);
	}
	free(trust);
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "the record is refused: %s",
				why	? why
				: *said ? said
					: strerror(-r));
	kind = json_string_value(json_object_get(record, "kind"));
	if (!kind || strcmp(kind, "probe") != 0)
		return ztc_fail(ZTC_EXIT_FAILED, "the record is refused: it is of another kind");
	*ret_seal = strdup(json_string_value(json_object_get(copy, "seal")) ?: "none");
	return ZTC_EXIT_OK;
}

static int keep(const char *dir, json_t *record)
{
	int r = ztc_record_store(dir, record, NULL);

	return r < 0 ? ztc_fail(ZTC_EXIT_FAILED, "the record cannot be kept in %s: %s", dir,
				strerror(-r))
		     : ZTC_EXIT_OK;
}

/* What this host itself has on record of the same connections, as a record of its own. */
static int keep_denials(struct ztc_ctx *ctx, const struct ztc_line *line, const json_t *probe,
			json_t **ret)
{
	zt_auto(zt_json_decref) json_t *record = NULL, *found = NULL;
	int r = ztc_probe_denials(ctx, json_object_get(probe, "body"), ztc_value(line, "log"),
				  &found);

	if (r == 0)
		r = ztc_record_new(&record, "probe", "denials");
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot read what the filter logged: %s",
				strerror(-r));
	json_object_set_new(found, "way", json_string("denials"));
	json_object_set(found, "probe", json_object_get(probe, "id"));
	json_object_set(record, "body", found);
	ztc_record_end(record, "pass");
	*ret = json_incref(found);
	return keep(state_dir(line), record);
}

static void show_from(const json_t *record, const json_t *denials, const char *seal)
{
	show_attempts(record);
	if (!json_array_size(json_object_get(denials, "by")))
		puts("no filter here logs what it denies");
	else
		printf("%lld of %lld denials are on record here\n",
		       (long long)json_integer_value(json_object_get(denials, "logged")),
		       (long long)json_integer_value(json_object_get(denials, "denied")));
	if (strcmp(seal, "ok") != 0)
		puts("The record counts only when its signer is trusted: put the neighbour's "
		     "STATE-DIR/keys/host.pub into /etc/ztseg/trust/peer/NAME.pub here.");
}

/* A record from elsewhere: held against the keys, kept, and looked for in what this host logged. */
static int take_in(struct ztc_ctx *ctx, const struct ztc_line *line, json_t *record)
{
	zt_auto(zt_json_decref) json_t *denials = NULL;
	zt_auto(zt_freep) char *seal = NULL;
	int status = check_record(line, record, &seal);

	if (!status)
		status = keep(state_dir(line), record);
	if (!status)
		status = keep_denials(ctx, line, record, &denials);
	if (status)
		return status;
	if (ctx->json) {
		json_dumpf(record, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		show_from(record, denials, seal);
	}
	return ZTC_EXIT_OK;
}

static int probe_from(struct ztc_ctx *ctx, const struct ztc_line *line, struct ztc_probe *probe)
{
	const struct ztc_probe_from from = {.peer = ztc_value(line, "from"),
					    .remote = ztc_value(line, "remote") ?: "ztctl",
					    .config = ztc_value(line, "ssh-config")};
	zt_auto(zt_json_decref) json_t *record = NULL;
	zt_auto(zt_close) int canary = -1;
	int status, r = 0;

	if (*from.peer == '-' || !*from.peer)
		return ztc_fail(ZTC_EXIT_USAGE, "--from '%s' is no host", from.peer);
	if (!probe->target_count)
		r = ztc_probe_way(&from, probe);
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED,
				"cannot tell by which address %s reaches this host (%s): name it",
				from.peer, strerror(-r));
	if (probe->canary)
		canary = ztc_probe_canary_open(probe->canary);
	if (probe->canary && canary < 0)
		return ztc_fail(ZTC_EXIT_FAILED,
				"cannot listen at canary port %u: %s; name another with --canary",
				probe->canary, strerror(-canary));
	status = ztc_probe_from(&from, probe, &record);
	return status ? status : take_in(ctx, line, record);
}

static int take_file(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	const char *path = ztc_value(line, "take");
	zt_auto(zt_json_decref) json_t *record = NULL;
	zt_auto(zt_freep) char *text = NULL, *why = NULL;
	size_t len;
	int r = zt_file_read(path, ZTC_RECORD_MAX, &text, &len, NULL);

	if (r == 0)
		r = ztc_json_object(text, len, &record, &why);
	if (r < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "cannot read '%s': %s", path,
				why ? why : strerror(-r));
	return take_in(ctx, line, record);
}

/* --- a neighbour of this host's own making --------------------------------------------------- */

static enum ztc_probe_outcome outcome_of(int r)
{
	return r == 0		    ? ZTC_PROBE_CONNECTED
	       : r == -ECONNREFUSED ? ZTC_PROBE_REFUSED
	       : r == -ETIMEDOUT    ? ZTC_PROBE_TIMEOUT
	       : r == -EACCES	    ? ZTC_PROBE_PROHIBITED
	       : r == -EHOSTUNREACH ? ZTC_PROBE_UNREACHABLE
				    : ZTC_PROBE_ERROR;
}

static void try_netns(struct ztc_peer *peer, uint16_t port, bool canary, struct ztc_attempt *a)
{
	uint64_t ms = 0;
	int r;

	*a = (struct ztc_attempt){.port = port, .canary = canary, .at_ns = zt_now_wall_ns()};
	zt_addr_parse(ZTC_PEER_ADDRESS, &a->source);
	zt_addr_parse(ZTC_PEER_HOST, &a->target);
	r = ztc_peer_connect(peer, port, NETNS_WAIT_MS, false, &ms);
	a->outcome = outcome_of(r);
	a->ms = (uint32_t)ms;
}

static int probe_netns(struct ztc_ctx *ctx, const struct ztc_line *line, struct ztc_probe *probe)
{
	struct ztc_attempt attempts[ZTC_PROBE_PORTS_MAX + 1];
	zt_auto(ztc_peer_stop) struct ztc_peer peer = ZTC_PEER_INIT;
	zt_auto(zt_json_decref) json_t *record = NULL;
	zt_auto(zt_freep) char *why = NULL;
	size_t n = 0;
	int status, r = ztc_peer_start(&peer, &why);

	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "%s", why ? why : strerror(-r));
	probe->canary = ZTC_PORT_DENIED;
	probe->canary_listens = true;
	probe->target_count = 0;
	ztc_probe_add_target(probe, ZTC_PEER_HOST);
	try_netns(&peer, probe->canary, true, &attempts[n++]);
	for (size_t i = 0; i < probe->port_count && !stopped; i++) {
		uint16_t port = probe->ports[i];

		if (port >= ZTC_PORT_LABELLED && port <= ZTC_PORT_ALLOWED)
			continue;
		usleep(ZTC_PROBE_GAP_MS * 1000);
		try_netns(&peer, port, false, &attempts[n++]);
	}
	if (stopped)
		return ztc_fail(ZTC_EXIT_FAILED, "interrupted: there is no record");
	if (ztc_record_new(&record, "probe", "netns") < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	json_object_set_new(record, "body", ztc_probe_body(probe, attempts, n));
	json_object_set_new(json_object_get(record, "body"), "way", json_string("netns"));
	ztc_record_end(record, "pass");
	status = keep(state_dir(line), record);
	if (status)
		return status;
	if (ctx->json) {
		json_dumpf(record, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		show_attempts(record);
	}
	return ZTC_EXIT_OK;
}

/* --- the timer ------------------------------------------------------------------------------ */

/* Goes into a unit between quotes: what would need escaping is refused. */
static bool plain(const char *text)
{
	return text[strcspn(text, "\"'\\%$\n")] == '\0';
}

static int install_timer(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	static const char *const kept[] = {"from",   "remote",	  "ssh-config", "ports",
					   "canary", "state-dir", "trust",	"log"};
	zt_auto(zt_strbuf_free) struct zt_strbuf command = ZT_STRBUF_INIT;
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	bool good = len > 0;

	if (!ztc_value(line, "from"))
		return ztc_fail(ZTC_EXIT_USAGE,
				"--install-timer needs --from: who probes this host?");
	self[good ? len : 0] = '\0';
	good = good && plain(self);
	zt_strbuf_printf(&command, "\"%s\" probe", self);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		const char *value = ztc_value(line, kept[i]);

		if (!value)
			continue;
		good = good && plain(value);
		zt_strbuf_printf(&command, " \"--%s=%s\"", kept[i], value);
	}
	for (int i = 0; i < line->argc; i++) {
		good = good && plain(line->argv[i]);
		zt_strbuf_printf(&command, " \"%s\"", line->argv[i]);
	}
	if (!good || zt_strbuf_error(&command) < 0)
		return ztc_fail(ZTC_EXIT_USAGE,
				"a value with quotes, %% or $ cannot stand in a unit");
	return ztc_probe_timer(ctx, ztc_value(line, "out") ?: UNIT_DIR, zt_strbuf_text(&command));
}

int ztc_run_probe(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	const struct sigaction act = {.sa_handler = on_signal};
	struct ztc_probe probe = {0};
	bool here = ztc_value(line, "from") || ztc_value(line, "netns") ||
		    ztc_value(line, "write-request");
	int status = read_canary(line, &probe);

	if (!status && ztc_value(line, "install-timer"))
		return install_timer(ctx, line);
	if (!status && ztc_value(line, "take"))
		return take_file(ctx, line);
	if (!status)
		status = read_targets(line, &probe);
	if (!status && ztc_value(line, "request"))
		status = read_request(line, &probe);
	else if (!status && here && !ztc_value(line, "ports"))
		status = ztc_probe_listeners(&probe, SAMPLE_PORTS) < 0
				 ? ztc_fail(ZTC_EXIT_FAILED, "cannot read this host's listeners")
				 : ZTC_EXIT_OK;
	else if (!status)
		status = read_ports(line, &probe);
	if (status)
		return status;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	if (ztc_value(line, "netns"))
		return probe_netns(ctx, line, &probe);
	if (ztc_value(line, "write-request"))
		return write_request(line, &probe);
	if (ztc_value(line, "from"))
		return probe_from(ctx, line, &probe);
	if (!probe.target_count)
		return ztc_fail(ZTC_EXIT_USAGE, "name a TARGET, or --from PEER, or --netns");
	return probe_others(ctx, line, &probe);
}
