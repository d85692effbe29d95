/* SPDX-License-Identifier: Apache-2.0 */
/* ends.c - the parts that flows, violations and map rows have in common. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/render/ends.h"
#include "ctl/render/text.h"

void ztc_end(char ret[ZTC_END_LEN], const json_t *end, bool port)
{
	const char *address =
		json_is_string(end) ? json_string_value(end) : ztc_str(end, "address");
	const char *host = ztc_str(end, "host");
	int64_t number = ztc_int(end, "port");
	const char *name = *host ? host : *address ? address : "?";

	if (!port || !number)
		snprintf(ret, ZTC_END_LEN, "%.400s", name);
	else if (strchr(name, ':'))
		snprintf(ret, ZTC_END_LEN, "[%.400s]:%" PRId64, name, number);
	else
		snprintf(ret, ZTC_END_LEN, "%.400s:%" PRId64, name, number);
}

void ztc_row_end(char ret[ZTC_END_LEN], const json_t *row, const char *host, const char *address)
{
	const char *name = ztc_str(row, host);

	if (*name)
		snprintf(ret, ZTC_END_LEN, "%.400s", name);
	else
		ztc_end(ret, json_object_get(row, address), false);
}

void ztc_workload(char ret[ZTC_END_LEN], const json_t *workload)
{
	const char *unit = ztc_str(workload, "unit");
	const char *exe = ztc_str(workload, "exe");
	const char *cgroup = ztc_str(workload, "cgroup");
	const char *slash = strrchr(exe, '/');

	if (json_is_string(workload))
		unit = json_string_value(workload);
	if (slash && slash[1])
		exe = slash + 1;
	snprintf(ret, ZTC_END_LEN, "%.400s", *unit ? unit : *exe ? exe : cgroup);
}

void ztc_service(char ret[ZTC_END_LEN], const json_t *proto, const json_t *port)
{
	char name[ZTC_TEXT_LEN];

	if (json_is_integer(proto))
		snprintf(name, sizeof(name), "proto/%" JSON_INTEGER_FORMAT,
			 json_integer_value(proto));
	else
		snprintf(name, sizeof(name), "%.40s",
			 json_is_string(proto) ? json_string_value(proto) : "?");
	if (json_is_string(port))
		snprintf(ret, ZTC_END_LEN, "%.40s", json_string_value(port));
	else if (json_is_integer(port) &&
		 (json_integer_value(port) || strncmp(name, "icmp", 4) == 0))
		snprintf(ret, ZTC_END_LEN, "%.40s/%" JSON_INTEGER_FORMAT, name,
			 json_integer_value(port));
	else
		snprintf(ret, ZTC_END_LEN, "%.40s", name);
}

bool ztc_denies(const json_t *verdict, const char *plane)
{
	return strcmp(ztc_str(json_object_get(verdict, plane), "action"), "deny") == 0;
}

enum ztc_color ztc_verdict(char ret[ZTC_END_LEN], const json_t *verdict)
{
	const json_t *live = json_object_get(verdict, "live");
	const json_t *candidate = json_object_get(verdict, "candidate");
	bool live_denies = ztc_denies(verdict, "live");
	bool candidate_denies = ztc_denies(verdict, "candidate");

	if (!candidate || candidate_denies == live_denies)
		snprintf(ret, ZTC_END_LEN, "%s by %.200s", live_denies ? "denied" : "allowed",
			 ztc_str(live, "rule"));
	else if (candidate_denies && strcmp(ztc_str(live, "rule"), "default-allow") == 0)
		snprintf(ret, ZTC_END_LEN, "would be denied by %.200s", ztc_str(candidate, "rule"));
	else
		snprintf(ret, ZTC_END_LEN, "%s by %.200s, would be %s by %.200s",
			 live_denies ? "denied" : "allowed", ztc_str(live, "rule"),
			 candidate_denies ? "denied" : "allowed", ztc_str(candidate, "rule"));
	return live_denies ? ZTC_BAD : candidate && candidate_denies ? ZTC_WARN : ZTC_PLAIN;
}

bool ztc_housekeeping(const json_t *verdict)
{
	static const char *const rules[] = {"nd", "mld", "igmp", "dhcp"};
	const char *rule = ztc_str(json_object_get(verdict, "live"), "rule");

	if (ztc_denies(verdict, "live") || ztc_denies(verdict, "candidate"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (strcmp(rules[i], rule) == 0)
			return true;
	}
	return false;
}

void ztc_segments(char ret[ZTC_END_LEN], const json_t *segments)
{
	size_t i, len = 0;
	json_t *name;

	ret[0] = '\0';
	json_array_foreach (segments, i, name) {
		const char *text = json_string_value(name);
		int n;

		if (!text)
			continue;
		n = snprintf(ret + len, ZTC_END_LEN - len, "%s%s", len ? ", " : "", text);
		if (n < 0 || (size_t)n >= ZTC_END_LEN - len)
			break;
		len += (size_t)n;
	}
}
