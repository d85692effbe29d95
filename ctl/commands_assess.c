/* SPDX-License-Identifier: Apache-2.0 */
/* commands_assess.c - the rows of the commands around the assessment, for the table of commands. */
#include "base/cleanup.h"
#include "base/pins.h"
#include "ctl/assess/exit.h"
#include "ctl/assess/output.h"
#include "ctl/cmd.h"

/* --- assess --- */

static const struct ztc_opt assess_opts[] = {
	{"target", "LEVEL", "the level that has to be met: I (default), II, III or IV"},
	{"probe", NULL, "shake hands with this host's own listeners, to see how they encrypt"},
	{"observe", "TIME", "watch this host's connections for 10m, 24h before judging"},
	{"profile", "FILE", "thresholds and lists; default: fsc-2024-net, which is built in"},
	{"scope", "FILE", "declaration of the system: fields of use, service model"},
	{"system", "FILE", "a system without a host, by its declaration and attestations alone"},
	{"waivers", "FILE", "accepted risks: a file or a directory"},
	{"attestations", "FILE", "results of manual checks: a file or a directory"},
	{"accept", "WHAT", "waivers: the target is judged with waivers"},
	{"state-dir", "DIR", "the agent's state directory (default /var/lib/ztseg)"},
	{"trust", "DIR", "public keys by role (default /etc/ztseg/trust)"},
	{"pin-dir", "DIR", "the agent's pin directory (default " ZT_PINS_DIR ")"},
	{"netns", "WHICH", "own, or all network namespaces (default, with the privilege to)"},
	{"timeout", "TIME", "at most so long for each collector (5s)"},
	{"evidence", "FILE", "save the facts that were judged"},
	{"from", "FILE", "judge facts that were saved; nothing is collected"},
	{"sign", "KEY", "sign result and saved facts with this secret key"},
	{"password-file", "FILE", "the secret key's password is the first line of FILE"},
	{"record", NULL, "keep the run as a signed record in the state directory"},
	{"explain", "ID", "one check: what it reads, when it passes, what was found"},
	{"hosts", "FILE", "assess the hosts of this list over ssh: lines 'NAME [key=value]...'"},
	{"remote-command", "TEXT", "what runs on them (default: ztctl --json assess)"},
	{"ssh-config", "FILE", "with --hosts: ssh's configuration, ssh -F"},
	{"install-timer", NULL, "write units of a daily run with --record (to --out DIR)"},
	ZTC_OUTPUT_OPTS,
	{NULL, NULL, NULL},
};

static const struct ztc_opt assess_show_opts[] = {
	{"target", "LEVEL", "judge it with another target: I, II, III or IV"},
	{"accept", "WHAT", "waivers: the target is judged with waivers"},
	{"trust", "DIR", "public keys by role (default /etc/ztseg/trust)"},
	{"explain", "ID", "one check: what it reads, when it passes, what was found"},
	ZTC_OUTPUT_OPTS,
	{NULL, NULL, NULL},
};

static const struct ztc_opt assess_diff_opts[] = {
	{"trust", "DIR", "public keys by role (default /etc/ztseg/trust)"},
	{"lang", "LANG", "en or zh-TW (default: by the locale)"},
	{NULL, NULL, NULL},
};

/* --- probe, receipt --- */

static const struct ztc_opt probe_opts[] = {
	{"ports", "LIST", "ports to try, 22,443; default: usual ones, with --from this host's own"},
	{"canary", "PORT", "a port that nothing uses (61039), or none"},
	{"canary-listens", NULL, "somebody listens at the canary port there (--from says so)"},
	{"request", "FILE", "try what a target asks for in a signed request"},
	{"key", "FILE", "sign with this key; default: this host's own"},
	{"from", "PEER", "have PEER probe this host, over ssh, and keep the record"},
	{"take", "FILE", "keep a record that a neighbour made of this host"},
	{"remote", "COMMAND", "how ztctl is called on PEER: 'ztctl' (default), 'sudo -n ztctl'"},
	{"ssh-config", "FILE", "configuration file for ssh"},
	{"log", "FILE", "a file with log lines of this host's filter, beside the kernel's log"},
	{"netns", NULL, "from a network namespace on this host: proves less than a neighbour"},
	{"write-request", "FILE", "write a request for a neighbour that ssh does not reach"},
	{"install-timer", NULL, "with --from: write systemd units that do this weekly"},
	{"out", "FILE", "where the record goes; with --install-timer the directory of units"},
	{"state-dir", "DIR", "the agent's state directory (default /var/lib/ztseg)"},
	{"trust", "DIR", "public keys by role (default /etc/ztseg/trust)"},
	{NULL, NULL, NULL},
};

static const struct ztc_opt receipt_opts[] = {
	{"out", "DIR", "one file per host there; default: all to the output"},
	{"host", "NAME", "for this host alone"},
	{"age", "TIME", "nonces sent within that time (2d)"},
	{"key", "FILE", "sign with this key; default: this host's own"},
	{"password-file", "FILE", "its password, in the first line"},
	{"state-dir", "DIR", "the agent's state directory (default /var/lib/ztseg)"},
	{NULL, NULL, NULL},
};

/* --- evidence, waiver, attest, review --- */

#define STATE_OPT                                                                                  \
	{                                                                                          \
		"state-dir", "DIR", "the agent's state directory (default /var/lib/ztseg)"         \
	}
#define TRUST_OPT                                                                                  \
	{                                                                                          \
		"trust", "DIR", "public keys by role (default /etc/ztseg/trust)"                   \
	}
#define KEY_OPTS                                                                                   \
	{"key", "SECKEY", "sign with this secret key, ztctl's or minisign's"},                     \
	{                                                                                          \
		"password-file", "FILE", "the secret key's password is the first line of FILE"     \
	}

static const struct ztc_opt evidence_add_opts[] = {STATE_OPT, TRUST_OPT, {NULL, NULL, NULL}};

static const struct ztc_opt evidence_list_opts[] = {
	{"kind", "KIND", "drill, probe, receipt, review, assessment, alert or approval"},
	STATE_OPT,
	TRUST_OPT,
	{NULL, NULL, NULL},
};

static const struct ztc_opt waiver_new_opts[] = {
	{"check", "ID", "the check, as the report prints it: ZTS-3.1-06"},
	{"host", "HOSTS", "hosts, with commas between (default: this one)"},
	{"resource", "NAME", "as the report names it; without rows there: host (default)"},
	{"result", "RESULT", "what it is now: fail (default) or partial"},
	{"reason", "TEXT", "why the risk is accepted"},
	{"compensating", "IDS", "checks that have to pass meanwhile, with commas between"},
	{"owner", "NAME", "of the system"},
	{"approver", "NAME", "who signs; the name of a key in the role approver"},
	{"ticket", "TEXT", "where it is followed up"},
	{"days", "N", "how long: 90 (default), at most 180, critical checks 90"},
	{"renew", "FILE", "take all but id and times from this one; it counts as a renewal"},
	{"out", "FILE", "write it to FILE, which must not be there"},
	{NULL, NULL, NULL},
};

static const struct ztc_opt lint_opts[] = {TRUST_OPT, {NULL, NULL, NULL}};

static const struct ztc_opt waiver_list_opts[] = {
	{"expiring", "DAYS", "only those that end within so many days, are over or not valid"},
	TRUST_OPT,
	{NULL, NULL, NULL},
};

static const struct ztc_opt paper_sign_opts[] = {KEY_OPTS, {NULL, NULL, NULL}};

static const struct ztc_opt waiver_revoke_opts[] = {
	{"by", "NAME", "who revokes it"},
	{"reason", "TEXT", "why"},
	KEY_OPTS,
	{NULL, NULL, NULL},
};

static const struct ztc_opt attest_new_opts[] = {
	{"check", "ID", "the check, as the report prints it: ZTS-3.5-07"},
	{"item", "ID", "or a whole item: 3-1"},
	{"host", "HOSTS", "hosts or systems, with commas between (default: this host)"},
	{"result", "RESULT", "pass, partial, fail; claimed-na where it does not apply"},
	{"method", "HOW", "EXAMINE (default) or INTERVIEW"},
	{"statement", "TEXT", "what was looked at and what was found"},
	{"assessor", "NAME", "who signs; the name of a key in the role assessor"},
	{"days", "N", "valid for so long: 180 (default), at most 365"},
	{"out", "FILE", "write it to FILE, in the directory of its files"},
	{NULL, NULL, NULL},
};

static const struct ztc_opt review_pack_opts[] = {
	{"since", "DAY",
	 "first day (UTC) of the period: 2026-11-01; default 30 days before --until"},
	{"until", "DAY", "the day after the last one; default today, which is not over"},
	{"out", "FILE", "also write it to FILE, for a reviewer elsewhere"},
	{"waivers", "DIR", "register of waivers (default /etc/ztseg/waivers)"},
	STATE_OPT,
	TRUST_OPT,
	{NULL, NULL, NULL},
};

static const struct ztc_opt review_show_opts[] = {STATE_OPT, TRUST_OPT, {NULL, NULL, NULL}};

static const struct ztc_opt review_sign_opts[] = {
	{"dispositions", "FILE", "decisions: JSON, [{disposition, note, items: [id or pattern]}]"},
	{"accept", "PATTERNS", "items that are as they should be, with commas between"},
	{"approve", "PATTERNS", "new edges that are wanted"},
	{"deny", "PATTERNS", "what is to be denied; needs --note"},
	{"ticket", "PATTERNS", "what is followed up; needs --note with its number"},
	{"note", "TEXT", "kept with these decisions"},
	{"out", "FILE", "write the signed records to FILE, for 'evidence add' on the host"},
	KEY_OPTS,
	STATE_OPT,
	{NULL, NULL, NULL},
};

static const struct ztc_opt review_edges_opts[] = {
	{"days", "N", "edges that are new in so many days (90)"},
	{"approve", "PATTERNS", "these are wanted: SRC>DST:tcp/22, with commas between"},
	{"deny", "PATTERNS", "these are not; needs --note"},
	{"note", "TEXT", "kept with the decision"},
	KEY_OPTS,
	STATE_OPT,
	TRUST_OPT,
	{NULL, NULL, NULL},
};

/* --- drill --- */

static const struct ztc_opt drill_opts[] = {
	{"within", "TIME", "deadline of what a drill promotes (5s), as policy promote --within"},
	{"for", "TIME", "survive: how long it is watched (60s, which its check asks for)"},
	{"state-dir", "DIR",
	 "the agent's state directory (default /var/lib/ztseg): records go there"},
	{"log-socket", "PATH", "log: where a log service takes messages (/dev/log)"},
	{"snippet", NULL, "print the canary statements that a policy needs for drills"},
	{NULL, NULL, NULL},
};

/* --- prioritize --- */

static const struct ztc_opt prioritize_opts[] = {
	{"method", "HOW", "both (default): questions, then sums; gate: questions; score: sums"},
	{"top", "N", "only the first N systems; counts are of all"},
	{"explain", "ID", "one system: every answer, level and rule behind its place"},
	{"prefill", "MAP", "factors that recorded flows tell of: saved maps, or 'agent'"},
	{"plan", "FILE", "join assessments: where the next level is cheapest"},
	{"template", "KIND", "print an empty inventory: csv or yaml"},
	{"csv", NULL, "as CSV"},
	{"markdown", NULL, "as Markdown"},
	{"html", NULL, "as one page that needs no network, in both languages"},
	{"lang", "LANG", "en or zh-TW; default: by the locale"},
	{"out", "FILE", "write it to FILE"},
	{NULL, NULL, NULL},
};

const struct ztc_cmd ztc_assess_commands[] = {
	/* --- assess --- */
	{"assess", "", "where this host stands on the network pillar, with evidence",
	 "Collects facts without sending a packet, judges the 53 checks and shows the level that is "
	 "reached and what stands in the way of the next. Useful without an agent too. What could "
	 "not be found out is unknown, never good. Exit status 0 target met; 1 failed or bad usage; "
	 "2 target not met; 3 undetermined; 4 invalid waiver or evidence file, nothing was run.",
	 assess_opts, 0, 0, ztc_run_assess, ZTC_ASSESS_FAILED},
	{"assess show", "FILE", "a saved assessment, as it counts now, in any format",
	 "Checks shape and signature first: what was changed after signing is refused with exit status "
	 "4. Results that have expired since are unknown. Exit status as of assess.",
	 assess_show_opts, 1, 1, ztc_run_assess_show, ZTC_ASSESS_FAILED},
	{"assess diff", "A B", "what is better or worse in B than in A",
	 "A and B are saved by 'ztctl --json assess --out FILE'. Exit status 2 when a check or an item "
	 "is worse, 4 when a file is refused.",
	 assess_diff_opts, 2, 2, ztc_run_assess_diff, ZTC_ASSESS_FAILED},
	/* --- probe, receipt --- */
	{"probe", "[TARGET...]", "what a neighbour can reach, tried and signed by it",
	 "Opens a connection to a canary port and to each port of each TARGET, five a second, sends "
	 "nothing, and signs what became of it. Run on a host of the same network; or on the target, "
	 "with --from, which keeps the record for 'ztctl assess' and looks for the same connections "
	 "in what its own filter logged. No agent is needed at either end.",
	 probe_opts, 0, 16, ztc_run_probe, 0},
	{"receipt", "LOGFILE...", "on a log collector: sign for what arrived of hosts",
	 "Looks for the nonces of 'ztctl drill log' in log files ('-' is the input) and signs one "
	 "receipt per host, which 'ztctl evidence add' takes there. Exit status 3: there is none.",
	 receipt_opts, 1, -1, ztc_run_receipt, 0},
	/* --- evidence, waiver, attest, review --- */
	{"evidence add", "FILE...", "keep records from elsewhere: probes, receipts, reviews",
	 "Verifies each record (signature by a key of the right role, about this host, not from the "
	 "future) before it is kept in STATE-DIR/records. What does not hold is refused.",
	 evidence_add_opts, 1, -1, ztc_run_evidence_add, 0},
	{"evidence list", "", "records of this host: drills, probes, receipts, reviews, runs",
	 "Newest first, with seal and evidence grade: A signed by somebody else, B by this host, C not "
	 "sealed, D by an unknown key. What is refused is listed with the reason.",
	 evidence_list_opts, 0, 0, ztc_run_evidence_list, 0},
	{"waiver new", "ID", "write a waiver: a risk that is accepted for a while",
	 "For one check, one resource, named hosts, with other checks that have to pass meanwhile. The "
	 "check goes on and its result stays. Counts once the approver has signed it.",
	 waiver_new_opts, 1, 1, ztc_run_waiver_new, 0},
	{"waiver lint", "[PATH...]", "every defect of waivers, with its place and the remedy",
	 "Files or directories; without any, /etc/ztseg/waivers. Exit status 2 when there is a defect: "
	 "'assess --waivers' would not run.",
	 lint_opts, 0, -1, ztc_run_waiver_lint, 0},
	{"waiver list", "[PATH]", "the register of waivers, or what ends soon",
	 "Each with its state: valid, expired (days overdue are negative), revoked, invalid.",
	 waiver_list_opts, 0, 1, ztc_run_waiver_list, 0},
	{"waiver sign", "FILE", "sign a waiver as its approver",
	 "Refused while anything but the signature is wrong. The file is replaced by its signed self.",
	 paper_sign_opts, 1, 1, ztc_run_waiver_sign, 0},
	{"waiver revoke", "FILE", "end a waiver now; it stays in the register",
	 "Signed by an approver or the system's owner.", waiver_revoke_opts, 1, 1,
	 ztc_run_waiver_revoke, 0},
	{"attest new", "ID [FILE...]", "write the result of a manual check, with its files",
	 "For what a host cannot see. Shows in the level with attestations only and never satisfies a "
	 "gate. FILEs are bound by digest and lie beside it. Counts once the assessor has signed it.",
	 attest_new_opts, 1, -1, ztc_run_attest_new, 0},
	{"attest lint", "[PATH...]", "every defect of attestations, with its place and the remedy",
	 "Files or directories; without any, /etc/ztseg/attestations.", lint_opts, 0, -1,
	 ztc_run_attest_lint, 0},
	{"attest list", "[PATH]", "attestations and whether they still hold",
	 "An expired one is unknown, one whose files changed is an error.", lint_opts, 0, 1,
	 ztc_run_attest_list, 0},
	{"attest sign", "FILE", "sign an attestation as its assessor",
	 "Refused while anything but the signature is wrong. The file is replaced by its signed self.",
	 paper_sign_opts, 1, 1, ztc_run_attest_sign, 0},
	{"review pack", "", "what happened in a period, for somebody to review",
	 "Denials, new edges, rule hits, waivers and alerts of whole days that are over, bound to a "
	 "digest that is worked out again from the recorded flows whenever this host is assessed.",
	 review_pack_opts, 0, 0, ztc_run_review_pack, 0},
	{"review show", "PACK", "the items of a pack and what was decided",
	 "PACK is a file or the digest of a pack that is kept here.", review_show_opts, 1, 1,
	 ztc_run_review_show, 0},
	{"review sign", "PACK", "decide about a pack's items and sign",
	 "Patterns are of one kind each: 'denial:*', 'new-edge:10.0.0.*', 'rule:*', 'waiver:*', "
	 "'alert:*'. The key has to be a reviewer's who does not sign policy.",
	 review_sign_opts, 1, 1, ztc_run_review_sign, 0},
	{"review edges", "", "new dependencies, and who approved or denied them",
	 "Edges that nobody used before, from the recorded flows. A decision is a signed record of a "
	 "reviewer; * may stand for an end.",
	 review_edges_opts, 0, 0, ztc_run_review_edges, 0},
	/* --- drill --- */
	{"drill", "[NAME]", "put the protection to the test on a canary, with a signed record",
	 "Makes a canary neighbour (a network namespace on a veth pair, documentation addresses), has it "
	 "connect to this host, and does to the canary statements of the policy in force what the drill is "
	 "about. No other statement is touched; what is promoted has a deadline that the kernel keeps. "
	 "Without a NAME: what drills there are. 'survive' kills the agent. Exit status 3: the drill did "
	 "not pass.",
	 drill_opts, 0, 1, ztc_run_drill, 0},
	/* --- prioritize --- */
	{"prioritize", "[FILE...]", "which systems of an inventory to deploy first, and why",
	 "Reads inventories (CSV, YAML or JSON; - is stdin) and orders their systems by the questions and "
	 "factors of the exchange's briefing on the guideline: tiers 1 to 4, within a tier the larger "
	 "risk, then the smaller impact. What is not answered stays a range and is flagged. MAP and the "
	 "FILE of --plan may be directories, or several with commas between.",
	 prioritize_opts, 0, -1, ztc_run_prioritize, 0},
};

const size_t ztc_assess_command_count = ARRAY_SIZE(ztc_assess_commands);
