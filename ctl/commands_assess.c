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
	{"netns", "WHICH", "own (default) or all: other network namespaces too"},
	{"timeout", "TIME", "at most so long for each collector (5s)"},
	{"evidence", "FILE", "save the facts that were judged"},
	{"from", "FILE", "judge facts that were saved; nothing is collected"},
	{"sign", "KEY", "sign result and saved facts with this secret key"},
	{"password-file", "FILE", "the secret key's password is the first line of FILE"},
	{"record", NULL, "keep the run as a signed record in the state directory"},
	{"explain", "ID", "one check: what it reads, when it passes, what was found"},
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

/* --- evidence, waiver, attest, review --- */

/* --- drill --- */

static const struct ztc_opt drill_opts[] = {
	{"within", "TIME", "deadline of what a drill promotes (5s), as policy promote --within"},
	{"for", "TIME", "survive: how long it is watched (60s, which its check asks for)"},
	{"state-dir", "DIR",
	 "the agent's state directory (default /var/lib/ztseg): records go there"},
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
	/* --- evidence, waiver, attest, review --- */
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
