/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c - small helpers over jansson.
 */
#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/time.h"

json_t *zt_json_strn(const char *text, size_t len)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;

	if (!text)
		return json_null();
	zt_strbuf_escape(&sb, text, strnlen(text, len));
	if (zt_strbuf_error(&sb))
		return NULL;
	return json_string(zt_strbuf_text(&sb));
}

json_t *zt_json_str(const char *text)
{
	return zt_json_strn(text, SIZE_MAX);
}

json_t *zt_json_time(uint64_t mono_ns)
{
	char buf[ZT_TIME_TEXT_LEN];

	return mono_ns ? json_string(zt_mono_text(mono_ns, buf)) : json_null();
}

json_t *zt_json_addr(const struct zt_addr *addr)
{
	char buf[ZT_ADDR_TEXT_LEN];

	return json_string(zt_addr_text(addr, buf));
}

json_t *zt_json_hex(const uint8_t *bytes, size_t len)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;

	for (size_t i = 0; i < len; i++)
		zt_strbuf_printf(&sb, "%02x", bytes[i]);
	return zt_strbuf_error(&sb) ? NULL : json_string(zt_strbuf_text(&sb));
}

json_t *zt_json_u64(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

/* Absent and null are alike: the caller's default holds. */
static const json_t *present(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_null(value) ? NULL : value;
}

int zt_json_get_str(const json_t *object, const char *key, const char **ret)
{
	const json_t *value = present(object, key);

	if (!value)
		return 0;
	if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
		return -EINVAL;
	*ret = json_string_value(value);
	return 0;
}

int zt_json_get_u64(const json_t *object, const char *key, uint64_t max, uint64_t *ret)
{
	const json_t *value = present(object, key);

	if (!value)
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    (uint64_t)json_integer_value(value) > max)
		return -EINVAL;
	*ret = (uint64_t)json_integer_value(value);
	return 0;
}

int zt_json_get_bool(const json_t *object, const char *key, bool *ret)
{
	const json_t *value = present(object, key);

	if (!value)
		return 0;
	if (!json_is_boolean(value))
		return -EINVAL;
	*ret = json_is_true(value);
	return 0;
}

const char *zt_json_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

bool zt_json_has_text(const json_t *list, const char *text)
{
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		if (json_is_string(one) && strcmp(json_string_value(one), text) == 0)
			return true;
	}
	return false;
}

bool zt_json_has_port(const json_t *list, uint32_t index)
{
	struct zt_port_range range;
	const json_t *one;
	const char *why;
	size_t i;

	json_array_foreach (list, i, one) {
		if (json_is_string(one) &&
		    zt_port_parse(json_string_value(one), &range, &why) == 0 &&
		    index >= range.first && index <= range.last)
			return true;
	}
	return false;
}

const char *zt_json_only(const json_t *object, const char *const *keys)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value) {
		size_t i = 0;

		while (keys[i] && strcmp(keys[i], key))
			i++;
		if (!keys[i])
			return key;
	}
	return NULL;
}

bool zt_json_is_plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
			return false;
	}
	return true;
}

void zt_json_put_string(struct zt_strbuf *out, const char *text)
{
	size_t len = strlen(text);
	zt_auto(zt_json_decref) json_t *value = NULL;
	zt_auto(zt_freep) char *json = NULL;

	if (zt_json_is_plain(text, len)) {
		zt_strbuf_add(out, "\"", 1);
		zt_strbuf_add(out, text, len);
		zt_strbuf_add(out, "\"", 1);
		return;
	}
	value = json_string(text);
	json = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
	if (json)
		zt_strbuf_puts(out, json);
	else
		out->error = -ENOMEM;
}

void zt_json_put_u64(struct zt_strbuf *out, uint64_t n)
{
	char buf[20];
	size_t at = sizeof(buf);

	if (n > INT64_MAX)
		n = INT64_MAX;
	do
		buf[--at] = (char)('0' + n % 10);
	while (n /= 10);
	zt_strbuf_add(out, buf + at, sizeof(buf) - at);
}
