/* SPDX-License-Identifier: Apache-2.0 */
/* commands.c - the table of commands: everything ztctl can do, in the order that help lists it. */
#include "base/cleanup.h"
#include "base/pins.h"
#include "ctl/cmd.h"
#include "ctl/filters.h"

static const struct ztc_opt flows_opts[] = {
	ZTC_FILTER_OPTS,
	ZTC_ENCRYPTION_OPT,
	{"limit", "N", "at most this many flows"},
	{"all", NULL, "the link's housekeeping too: neighbour discovery, MLD, IGMP, DHCP"},
	{"follow", NULL, "go on printing flows as they begin, change or end; Ctrl-C ends it"},
	{NULL, NULL, NULL},
};

static const struct ztc_opt violations_opts[] = {
	ZTC_FILTER_OPTS,
	{"limit", "N", "at most this many rows"},
	{"mode", "MODE", "only enforced (was denied) or staged (would be)"},
	{"fail", NULL, "exit status 3 when there are any"},
	{NULL, NULL, NULL},
};

static const struct ztc_opt map_opts[] = {
	ZTC_FILTER_OPTS,
	ZTC_ENCRYPTION_OPT,
	{"label", "KEY=VALUE", "only edges with a host of this label at an end"},
	{"min-connections", "N", "only edges with at least this many connections"},
	{"depth", "N", "with --segment or --host: all that is within N steps, either way"},
	{"limit", "N", "at most this many edges, those with most connections"},
	{"all", NULL, "the link's housekeeping too: neighbour discovery, MLD, IGMP, DHCP"},
	{"by", "WHAT",
	 "add up by host (default), segment, label:KEY, workload, process or address"},
	{"since", "TIME", "from 30m, 8h, 7d ago, 2026-11-14, 2026-11-14T08:00:00Z on; whole hours"},
	{"until", "TIME", "up to that time"},
	{"history", "FILE", "of this database (or the state directory it is in), without an agent"},
	{"tree", NULL, "as a tree of who is called by whom; with --depth, who calls whom"},
	{"csv", NULL, "as CSV, one edge a line"},
	{"dot", NULL, "as a Graphviz graph"},
	{"mermaid", NULL, "as a Mermaid flowchart"},
	{"html", NULL, "as one page that needs no network"},
	{"lang", "LANG", "with --html: en (default) or zh-TW"},
	{"out", "FILE", "write it to FILE"},
	{NULL, NULL, NULL},
};

static const struct ztc_opt map_diff_opts[] = {
	{"by", "WHAT", "compare by host (default), segment, label:KEY, workload, process, address"},
	{"factor", "N", "a volume per time that is N times another is a change (2)"},
	{"floor", "BYTES", "unless they are less than this apart, over the shorter time (1M)"},
	{"history", "FILE", "times are of this database, without an agent"},
	{"all", NULL, "the link's housekeeping too"},
	{"csv", NULL, "as CSV, one change a line"},
	{"out", "FILE", "write it to FILE"},
	{"fail", NULL, "exit status 3 if an edge appeared, is allowed or lost encryption since A"},
	{NULL, NULL, NULL},
};

static const struct ztc_opt top_opts[] = {
	ZTC_FILTER_OPTS,
	{"limit", "N", "at most this many edges"},
	{"all", NULL, "the link's housekeeping too: neighbour discovery, MLD, IGMP, DHCP"},
	{"sort", "WHAT", "by bytes (default), packets or connections"},
	{"interval", "TIME", "how often it is refreshed: 500ms to 60s (default 2s)"},
	{"batch", "N", "print N readings as text, without a terminal; one with --json"},
	{NULL, NULL, NULL},
};

static const struct ztc_opt check_opts[] = {
	{"host", "NAME", "check as this host of the inventory would compile it"},
	{"agent", NULL, "also ask the running agent about the file that it follows"},
	{NULL, NULL, NULL},
};

static const struct ztc_opt show_opts[] = {
	{"builtin", NULL, "the built-in statements, which need no policy"},
	{"ready", NULL, "staged statements: which may be promoted, and what the others lack"},
	{"canonical", NULL, "the policy as the agent read it, in canonical form"},
	{"file", "FILE", "with --canonical: of this file or directory; no agent is asked"},
	{NULL, NULL, NULL},
};

static const struct ztc_opt plan_opts[] = {
	{"promote", "RULES", "as if these statements were promoted: ids, with commas between"},
	{"all", NULL, "as if every statement were promoted"},
	{NULL, NULL, NULL},
};

static const struct ztc_opt explain_opts[] = {
	{"unit", "NAME", "as if this systemd unit owned the local socket"},
	{"user", "NAME", "as if this user owned it"},
	{"exe", "PATH", "as if this executable owned it"},
	{"cgroup", "PATH", "as if it were in this cgroup"},
	{"file", "FILE", "offline: by this policy file, no agent needed"},
	{"host", "NAME", "offline: on this host of the inventory"},
	{NULL, NULL, NULL},
};

static const struct ztc_opt recommend_opts[] = {
	{"from", "MAP", "a map saved by 'ztctl --json map --by address'; more may follow"},
	{"inventory", "FILE", "hosts and segments of this policy, not of the agent's"},
	{"host", "NAME", "only what this host opens or is asked for"},
	{"since", "TIME", "only what was recorded from 8h, 7d ago or 2026-11-14 on; whole hours"},
	{"until", "TIME", "up to that time"},
	{"history", "FILE", "of this database (or the state directory it is in), without an agent"},
	{"min-connections", "N", "leave out what was seen less often"},
	{"answered-only", NULL, "leave out what never got an answer"},
	{"exact", NULL, "list addresses; never let a network stand for several of it"},
	{"name", "NAME", "name of the policy (default: that of the inventory)"},
	{"out", "FILE", "write it to FILE"},
	{NULL, NULL, NULL},
};

static const struct ztc_opt sign_opts[] = {
	{"key", "SECKEY", "sign with this secret key, ztctl's or minisign's"},
	{"out", "FILE", "write the signature there (default FILE.minisig, DIR/policy.minisig)"},
	{"comment", "TEXT", "add TEXT to the trusted comment: time, policy and revision are there"},
	{"generate", "PREFIX", "make a key pair instead: PREFIX.key and PREFIX.pub"},
	{"password-file", "FILE", "the secret key's password is the first line of FILE"},
	{"no-password", NULL, "with --generate: leave the secret key unencrypted"},
	{NULL, NULL, NULL},
};

static const struct ztc_opt verify_opts[] = {
	{"key", "PUBKEY", "the public key it has to be signed with"},
	{"signature", "FILE", "its signature (default FILE.minisig, DIR/policy.minisig)"},
	{NULL, NULL, NULL},
};

static const struct ztc_opt test_opts[] = {
	{"junit", "FILE", "also write the results to FILE as JUnit XML, for CI servers"},
	{"host", "NAME", "judge as this host's agent alone, not as those at both ends"},
	{NULL, NULL, NULL},
};

#define WHY_OPT                                                                                    \
	{                                                                                          \
		"why", "TEXT", "kept in the history"                                               \
	}

static const struct ztc_opt stage_opts[] = {
	{"drop", NULL, "drop the candidate that is held"},
	WHY_OPT,
	{NULL, NULL, NULL},
};

static const struct ztc_opt promote_opts[] = {
	{"all", NULL, "every statement"},
	{"ready", NULL,
	 "the statements whose conditions (`ready:`) are met; says what others lack"},
	{"within", "TIME",
	 "taken back unless confirmed in TIME (60s, or confirm_within); 0: final"},
	{"percent", "N", "named rules only, and for N % of remote hosts, always the same ones"},
	{"force", NULL, "even if a failsafe, your SSH connection or what sshd needs would be cut"},
	WHY_OPT,
	{NULL, NULL, NULL},
};

static const struct ztc_opt rollback_opts[] = {
	{"revision", "R", "the newest entry with this policy revision"},
	{"within", "TIME", "taken back unless confirmed in TIME; without it final at once"},
	WHY_OPT,
	{NULL, NULL, NULL},
};

static const struct ztc_opt history_opts[] = {
	{"show", "N", "entry N, with the text of its policy"},
	{NULL, NULL, NULL},
};

static const struct ztc_opt label_set_opts[] = {
	{"ttl", "TIME", "end after this time: 30m, 8h, 7d; without it until unset"},
	{NULL, NULL, NULL},
};

static const struct ztc_opt doctor_opts[] = {
	{"pin-dir", "DIR", "the agent's pin directory (default " ZT_PINS_DIR ")"},
	{NULL, NULL, NULL},
};

static const struct ztc_opt observe_opts[] = {
	{"for", "TIME", "how long: 90s, 15m, 2h; without it until --off"},
	{"off", NULL, "end it now: deny again what policy denies"},
	{"pin-dir", "DIR", "without the agent, by its pins in DIR (default " ZT_PINS_DIR ")"},
	{NULL, NULL, NULL},
};

static const struct ztc_opt detach_opts[] = {
	{"pin-dir", "DIR", "without the agent, the pins in DIR (default " ZT_PINS_DIR ")"},
	{NULL, NULL, NULL},
};

static const struct ztc_cmd commands[] = {
	{"status", "", "what is guarded, which policy is in force, losses and alarms",
	 "Shows the agent, the policy in force and the candidate, every interface and hook, other "
	 "programs near ours, how full each table is, what was lost and why, and use of failsafes.",
	 NULL, 0, 0, ztc_run_status, 0},
	{"flows", "", "conversations seen on this host, with verdict and rule",
	 "A flow is one conversation; FROM is the end that opened it. A line names the live verdict, "
	 "and the candidate's when staged policy would decide otherwise.",
	 flows_opts, 0, 0, ztc_run_flows, 0},
	{"violations", "", "what was denied, or would be by staged policy",
	 "Flows that policy denied (mode enforced) or would deny (mode staged), added up by source, "
	 "destination, service and rule.",
	 violations_opts, 0, 0, ztc_run_violations, 0},
	{"map", "[FILE...]", "who talks to whom: the dependency map",
	 "Flows added up, grouped by the service that was called: of this host over the time that its "
	 "agent has kept, of a time with --since and --until from its history, or of maps saved by "
	 "'ztctl --json map --by address > FILE'. Several files become one map: what both ends saw "
	 "is one edge, and where they do not say the same is shown. ENC tells how payload was "
	 "protected; what is unknown counts as plaintext.",
	 map_opts, 0, -1, ztc_run_map, 0},
	{"map diff", "A B", "what appeared, is gone or changed between two maps",
	 "A and B are saved maps, or times: 14d..7d, 2026-11-01..2026-11-08, 7d..now. An edge has "
	 "changed when its verdict did, its encryption, or its volume per time by --factor.",
	 map_diff_opts, 2, 2, ztc_run_map_diff, 0},
	{"top", "", "what moves right now: edges by rate, violations, losses",
	 "A live view of who uses the network at this moment, refreshed every two seconds; ? lists its "
	 "keys. Rates are what the flow tables counted between two sweeps of the agent, which keeps them "
	 "only while somebody looks.",
	 top_opts, 0, 0, ztc_run_top, 0},
	{"policy check", "FILE...", "check policy files or directories; no agent, no root needed",
	 "Reads and compiles each file and prints every error and warning with its line. Exit status "
	 "2 when a file has an error. Nothing that runs is changed.",
	 check_opts, 1, -1, ztc_run_policy_check, 0},
	{"policy show", "", "the statements in force, in order of judgement",
	 "Lists every statement the agent has compiled, with mode, source line and use.", show_opts,
	 0, 0, ztc_run_policy_show, 0},
	{"policy plan", "[FILE]", "what a policy would change, without touching what runs",
	 "Compares FILE, or the candidate that is held, with what is in force: statements and "
	 "segments, recorded traffic newly denied and newly allowed, living connections that would "
	 "end, listeners that become reachable or unreachable, how much the evidence covers, and the "
	 "capacity of every table. The compiled policy is put into a spare slot of the kernel, and "
	 "the programs there are asked about every failsafe, your own SSH connection opened anew, "
	 "what sshd itself needs, every listener and every recorded edge. Exit status 3 when one of "
	 "the first three would be cut; promote refuses it then without --force.",
	 plan_opts, 0, 1, ztc_run_policy_plan, 0},
	{"policy explain", "SRC DST SERVICE", "which rule decides, live and candidate, and why",
	 "SRC and DST are a host of the inventory or an address; SERVICE is written as in policy: "
	 "tcp/443, udp/53, icmp/8. Names the segments of both ends, the statements considered and "
	 "the one that decides, with file and line.",
	 explain_opts, 3, 3, ztc_run_policy_explain, 0},
	{"policy test", "FILE CASES", "put cases to a policy: who may open what to whom",
	 "CASES is YAML: a list of {name, from, to, port, at, labels, expect}; from and to are hosts, "
	 "addresses or segments, which stand for all their hosts. Each is judged by the tables that "
	 "the agents at both ends would have. Exit status 3 when a case does not hold. No agent, no "
	 "root needed.",
	 test_opts, 2, 2, ztc_run_policy_test, 0},
	{"policy recommend", "[MAP...]", "a least-privilege policy from recorded flows",
	 "Takes what the agent has recorded, or maps saved on one host or several, and writes a "
	 "policy that allows it and nothing else: segments by labels, rules with evidence in their "
	 "notes, boundaries staged. Wherever a segment covers more than was seen, the text says so. "
	 "Flows that are denied now are left out.",
	 recommend_opts, 0, -1, ztc_run_policy_recommend, 0},
	{"policy sign", "FILE", "sign a policy, or make a key pair to sign with",
	 "Signs the canonical form with Ed25519, so that comments and spelling may change and "
	 "nothing else may. Key and signature files are minisign's: 'minisign -V' checks the output "
	 "of 'policy show --canonical --file FILE'. No agent, no root needed.",
	 sign_opts, 0, 1, ztc_run_policy_sign, 0},
	{"policy verify", "FILE", "is a policy signed, by this key, as it stands",
	 "Also compares policy name and revision with the signature's trusted comment. Exit status 3 "
	 "when it is not signed by that key. No agent, no root needed.",
	 verify_opts, 1, 1, ztc_run_policy_verify, 0},
	{"policy stage", "FILE", "hold a policy as the candidate: judged, not acted on",
	 "What is denied and allowed stays as it is; every flow also gets the verdict that FILE would "
	 "give, all its statements taken as enforced. Kept over restarts, until promoted or dropped.",
	 stage_opts, 0, 1, ztc_run_policy_stage, 0},
	{"policy promote", "[RULE...]", "put staged statements or the candidate in force",
	 "Without a candidate, the named statements of the policy in force become enforced. With one, "
	 "it comes into force as written; with names, its definitions do and only the named "
	 "statements become enforced. The kernel takes it back at the deadline unless it is confirmed, "
	 "whether or not the agent lives. Exit status 3 when it is refused.",
	 promote_opts, 0, -1, ztc_run_policy_promote, 0},
	{"policy confirm", "", "make what was promoted final",
	 "Ends the deadline. Too late, it fails and says so.", NULL, 0, 0, ztc_run_policy_confirm,
	 0},
	{"policy rollback", "[N]", "take back what awaits confirmation, or go back to entry N",
	 "With nothing awaiting confirmation and no N: to the confirmed state before this one. The "
	 "policy file is held back until its revision rises above the one that was left.",
	 rollback_opts, 0, 1, ztc_run_policy_rollback, 0},
	{"policy history", "", "the last 20 confirmed states, with who, when and why",
	 "Each entry holds the whole policy and the hash of the one before. Exit status 3 when an "
	 "entry was altered or is missing.",
	 history_opts, 0, 0, ztc_run_policy_history, 0},
	{"label set", "HOST KEY=VALUE...", "give a host labels beside its inventory's",
	 "Moves the host between segments: in force within 100 ms, established connections included. "
	 "With --ttl a label stops counting at its time, whether or not the agent runs then. Kept "
	 "over restarts and reboots; overrides the inventory and the label directory.",
	 label_set_opts, 2, -1, ztc_run_label_set, 0},
	{"label unset", "HOST KEY...", "take back what label set gave",
	 "What the label directory or the inventory says counts again.", NULL, 2, -1,
	 ztc_run_label_unset, 0},
	{"label list", "[HOST]", "labels that change at run time; of one host all labels",
	 "For each label its value, where it comes from and when it ends. A source in brackets is "
	 "hidden by another.",
	 NULL, 0, 1, ztc_run_label_list, 0},
	{"doctor", "", "can this host be guarded, and what are the limits here",
	 "Checks kernel, privilege, mounts, neighbours on tc, XDP and netfilter, and every way past "
	 "the datapath that this host has, by itself and through the agent when it runs. What could "
	 "not be found out is said to be unknown, never good. Exit status 3 when a check fails.",
	 doctor_opts, 0, 0, ztc_run_doctor, 0},
	{"observe", "", "break-glass: judge and record, deny nothing, for a while",
	 "Takes effect at the next packet, with the agent alive or dead. Needs root, or membership of "
	 "group ztseg-admin while the agent runs.",
	 observe_opts, 0, 0, ztc_run_observe, 0},
	{"detach", "", "remove everything of ours from the kernel",
	 "Takes programs off interfaces and sockets and removes maps and pins: nothing is guarded, "
	 "recorded or denied any more. Works with the agent alive or dead. Needs root.",
	 detach_opts, 0, 0, ztc_run_detach, 0},
	{"version", "", "versions of ztctl, of the kernel interface and of the agent", "", NULL, 0,
	 0, ztc_run_version, 0},
};

size_t ztc_command_count(void)
{
	return ARRAY_SIZE(commands) + ztc_assess_command_count;
}

const struct ztc_cmd *ztc_command(size_t row)
{
	if (row < ARRAY_SIZE(commands))
		return &commands[row];
	return &ztc_assess_commands[row - ARRAY_SIZE(commands)];
}
