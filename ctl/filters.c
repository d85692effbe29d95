/* SPDX-License-Identifier: Apache-2.0 */
/* filters.c - which flows, edges or violations a command line asks for. */
#include <string.h>

#include "base/cleanup.h"
#include "base/protocol.h"
#include "base/json.h"
#include "ctl/filters.h"

#define LIMIT_MAX 1000000

int ztc_filter_number(const struct ztc_line *line, const char *name, uint64_t max, json_t *args)
{
	const char *text = ztc_value(line, name);
	uint64_t n;

	if (!text)
		return 0;
	if (ztc_parse_count(text, max, &n) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "--%s takes a number from 1 to %llu, not '%s'",
				name, (unsigned long long)max, text);
	json_object_set_new(args, name, json_integer((json_int_t)n));
	return 0;
}

int ztc_filter_word(const struct ztc_line *line, const char *name, const char *const *words,
		    const char *list, json_t *args)
{
	const char *text = ztc_value(line, name);

	if (!text)
		return 0;
	for (; *words; words++) {
		if (strcmp(*words, text) == 0) {
			json_object_set_new(args, name, json_string(text));
			return 0;
		}
	}
	return ztc_fail(ZTC_EXIT_USAGE, "--%s takes %s, not '%s'", name, list, text);
}

int ztc_filters(const struct ztc_line *line, json_t *args)
{
	static const char *const names[] = {"segment", "host", "proto", "owner"};
	static const char *const verdicts[] = {"allowed", "denied", "would-deny", NULL};
	int status;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *text = ztc_value(line, names[i]);
		json_t *value = text ? json_string(text) : NULL;

		if (text && (!value || !*text))
			return ztc_fail(ZTC_EXIT_USAGE, "--%s takes a name", names[i]);
		if (value)
			json_object_set_new(args, names[i], value);
	}
	status = ztc_filter_number(line, "port", 65535, args);
	if (!status)
		status = ztc_filter_number(line, "limit", LIMIT_MAX, args);
	if (!status)
		status = ztc_filter_word(line, "verdict", verdicts, "allowed, denied or would-deny",
					 args);
	return status;
}

int ztc_filter_encryption(const struct ztc_line *line, json_t *args)
{
	const char *text = ztc_value(line, "encryption");
	uint8_t encryption, app;
	enum zt_cover cover;

	if (!text)
		return ZTC_EXIT_OK;
	if (zt_cover_find(text, &cover) < 0 && zt_protocol_find(text, &encryption, &app) < 0)
		return ztc_fail(
			ZTC_EXIT_USAGE,
			"--encryption takes a class, version or protocol such as tls, tls1.2, "
			"plaintext, unknown or http, not '%s'",
			text);
	json_object_set_new(args, "encryption", json_string(text));
	return ZTC_EXIT_OK;
}
