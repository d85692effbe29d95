// SPDX-License-Identifier: Apache-2.0
/* table.c - the drills there are, and what a policy says for them. */
#include "ctl/drill/drill.h"

const char ztc_drill_snippet[] =
	"# For ztctl drill: statements about a canary neighbour that exists while a drill runs.\n"
	"# Its address is a documentation one (RFC 5737); no host of yours is concerned.\n"
	"hosts:\n"
	"  zt-drill-peer: {addresses: [192.0.2.78]}\n"
	"  zt-drill-to-come: {labels: {zt-drill: revoked}} # no machine: drills set the label\n"
	"segments:\n"
	"  zt-drill: {addresses: [192.0.2.78]}\n"
	"rules:\n"
	"  - {id: zt-drill-pass, mode: enforced, action: allow, from: zt-drill, to: this-host,\n"
	"     ports: [tcp/61031, tcp/61033, tcp/61034]}\n"
	"  - {id: zt-drill-deny, mode: enforced, action: deny, from: zt-drill, to: this-host,\n"
	"     ports: [tcp/61032]}\n"
	"  - {id: zt-drill-change, mode: staged, action: deny, from: zt-drill, to: this-host,\n"
	"     ports: [tcp/61033]}\n"
	"  - {id: zt-drill-revoked, mode: enforced, action: deny, from: zt-drill, to: this-host,\n"
	"     ports: [tcp/61031], when: {labels: {zt-drill: revoked}}}\n";

const struct ztc_drill_row ztc_drills[] = {
	{"canary", "a change comes into force and is taken back; nothing else notices", true,
	 ztc_drill_change, false},
	{"rollback", "a change that nobody confirms is taken back by itself", true,
	 ztc_drill_rollback, false},
	{"bad-policy", "so is one that cuts the connection it came by", true, ztc_drill_bad_policy,
	 false},
	{"revoke", "a label is taken away and an established connection stops", true,
	 ztc_drill_revoke, false},
	{"signal", "another system's word changes what is enforced, and its end does", true,
	 ztc_drill_signal, false},
	{"drift", "a row is taken out of the kernel's tables; the agent notices and puts it back",
	 true, ztc_drill_drift, false},
	{"survive", "the agent is killed and what it enforced goes on", true, ztc_drill_survive,
	 false},
	{"tamper", "a policy whose signature was altered is refused", false, ztc_drill_tamper,
	 false},
	{"log", "a line goes the way of all records, for the collector to sign for", false,
	 ztc_drill_log, true},
	{0},
};
