// SPDX-License-Identifier: Apache-2.0
/* crypto_ssh.c - ZTS-3.4-04: what SSH servers offer, held against the profile's two lists. */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/checks/crypto.h"

#define NAMES_LEN 400

static bool is_listed(const json_t *patterns, const char *name)
{
	const json_t *each;
	size_t i;

	json_array_foreach (patterns, i, each) {
		if (json_is_string(each) && fnmatch(json_string_value(each), name, 0) == 0)
			return true;
	}
	return false;
}

/* Names that are no algorithm: RFC 8308 and OpenSSH's strict key exchange. */
static bool is_signal(const char *name)
{
	return strncmp(name, "ext-info-", 9) == 0 || strncmp(name, "kex-strict-", 11) == 0;
}

static void note(char *names, const char *name)
{
	size_t len = strlen(names);

	snprintf(names + len, NAMES_LEN - len, "%s%s", len ? " " : "", name);
}

static enum ztc_state judge_names(const json_t *list, const json_t *refused, const json_t *weak,
				  char *names)
{
	enum ztc_state state = ZTC_STATE_PASS;
	bool strong = false;
	const json_t *each;
	size_t i;

	json_array_foreach (list, i, each) {
		const char *name = json_string_value(each);

		if (!name || is_signal(name))
			continue;
		if (is_listed(refused, name))
			state = ztc_worse(state, ZTC_STATE_FAIL);
		else if (is_listed(weak, name))
			state = ztc_worse(state, ZTC_STATE_PARTIAL);
		else
			strong = true;
		if (is_listed(refused, name) || is_listed(weak, name))
			note(names, name);
	}
	return strong ? state : ZTC_STATE_FAIL;
}

static enum ztc_state judge_server(const struct ztc_facts *facts, const json_t *ssh, char *names)
{
	static const char *const kinds[] = {"kex", "hostkey", "cipher", "mac"};
	const json_t *refused = ztc_list(facts, "ssh_refused"), *weak = ztc_list(facts, "ssh_weak");
	enum ztc_state state = ZTC_STATE_PASS;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const json_t *list = json_object_get(ssh, kinds[i]);

		if (!json_array_size(list))
			return ZTC_STATE_UNKNOWN;
		state = ztc_worse(state, judge_names(list, refused, weak, names));
	}
	return state;
}

static void conclude(struct ztc_result *r, enum ztc_state worst, int64_t all)
{
	switch (worst) {
	case ZTC_STATE_PASS:
		ztc_conclude(r, worst, N_("SSH servers that offer anything weak: none of %lld"),
			     (long long)all);
		break;
	case ZTC_STATE_PARTIAL:
		ztc_conclude(
			r, worst,
			N_("SSH servers that offer weak algorithms beside strong ones: %lld of %lld. Put the lines shown into /etc/ssh/sshd_config.d/10-ztseg.conf"),
			(long long)(all - r->num), (long long)all);
		break;
	case ZTC_STATE_FAIL:
		ztc_conclude(
			r, worst,
			N_("SSH servers that offer broken algorithms, only weak ones, or some beside strong ones: %lld of %lld. Put the lines shown into /etc/ssh/sshd_config.d/10-ztseg.conf"),
			(long long)(all - r->num), (long long)all);
		break;
	default:
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("not every listener could be probed, so an SSH server may be "
				"missing; run as root, and look at the profile's list probe_skip"));
	}
}

void ztc_judge_ssh(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *banners = ztc_fact(facts, "banners", r), *row;
	enum ztc_state worst = ZTC_STATE_PASS;
	int64_t all = 0;
	size_t i;

	ztc_expected(r, N_("no weak key exchange, cipher, MAC or host key is offered"));
	if (!banners)
		return;
	r->num = 0;
	json_array_foreach (json_object_get(banners, "listeners"), i, row) {
		const json_t *ssh = json_object_get(row, "ssh");
		char names[NAMES_LEN] = "";
		enum ztc_state state;

		if (!json_is_object(ssh)) {
			if (ztc_not_seen(row))
				worst = ztc_worse(worst, ZTC_STATE_UNKNOWN);
			continue;
		}
		all++;
		state = judge_server(facts, ssh, names);
		worst = ztc_worse(worst, state);
		r->num += state == ZTC_STATE_PASS;
		if (state == ZTC_STATE_PASS)
			continue;
		ztc_offender(r, ztc_member(row, "resource"),
			     *names ? N_("%s offers %s")
				    : N_("%s: the lists of what it offers are not complete%s"),
			     ztc_member(ssh, "banner"), names);
		ztc_add_ssh_snippet(r);
	}
	r->den = all;
	if (!json_is_true(json_object_get(banners, "complete")))
		worst = ztc_worse(worst, ZTC_STATE_UNKNOWN);
	ztc_observed(r, N_("SSH servers: %lld"), (long long)all);
	if (!all && worst == ZTC_STATE_PASS)
		ztc_conclude(r, ZTC_STATE_NA, N_("no listener that others can reach speaks SSH"));
	else
		conclude(r, worst, all);
}
