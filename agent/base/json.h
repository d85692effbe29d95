/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - small helpers over jansson: hostile text, times, addresses.
 *
 * Whatever came from the network, a process or a file goes through zt_json_str(),
 * which cannot fail on bad UTF-8 and leaves nothing that a terminal would obey.
 */
#pragma once
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

static inline void zt_json_decref(json_t **json)
{
	json_decref(*json);
}

/* zt_json_str - a JSON string, escaped as base/strbuf.h escapes; NULL gives null. New reference. */
json_t *zt_json_str(const char *text);

/* zt_json_strn - the same for a field of @len bytes that may lack its NUL. */
json_t *zt_json_strn(const char *text, size_t len);

/* zt_json_time - RFC 3339 UTC of a CLOCK_MONOTONIC time [ns]; 0 gives null. */
json_t *zt_json_time(uint64_t mono_ns);

/* zt_json_addr - "10.0.0.1", "2001:db8::1". */
json_t *zt_json_addr(const struct zt_addr *addr);

/* zt_json_hex - lower-case hexadecimal, of a digest. */
json_t *zt_json_hex(const uint8_t *bytes, size_t len);

/* zt_json_u64 - JSON numbers stop at 2^63-1 in jansson: larger values are cut to that. */
json_t *zt_json_u64(uint64_t value);

/*
 * Getters for requests. A key that is missing or null leaves *ret alone and returns 0;
 * one of another type or out of range returns -EINVAL.
 */
int zt_json_get_str(const json_t *object, const char *key, const char **ret);
int zt_json_get_u64(const json_t *object, const char *key, uint64_t max, uint64_t *ret);
int zt_json_get_bool(const json_t *object, const char *key, bool *ret);

/* zt_json_text - a string member; "" when it is missing or no string. Borrowed. */
const char *zt_json_text(const json_t *object, const char *key);

/* zt_json_has_text - whether one of the texts of a list is @text. */
bool zt_json_has_text(const json_t *list, const char *text);

/* zt_json_has_port - whether one of the texts of a list, as zt_port_parse() reads them, covers a
 * port index (base/addr.h). */
bool zt_json_has_port(const json_t *list, uint32_t index);

/* zt_json_only - the first key of @object that is not in the NULL-terminated list, or NULL. */
const char *zt_json_only(const json_t *object, const char *const *keys);

/*
 * Parts of long replies that are written as text, since a tree of values would take seconds.
 * zt_json_is_plain - whether a JSON string may hold these bytes as they are, and escaping changes
 * none. zt_json_put_string - a JSON string, quoted; plain ASCII as it is, all else by jansson.
 * @text is valid UTF-8. zt_json_put_u64 - a number, INT64_MAX at most as zt_json_u64(). Errors are
 * the buffer's.
 */
struct zt_strbuf;
bool zt_json_is_plain(const char *text, size_t len);
void zt_json_put_string(struct zt_strbuf *out, const char *text);
void zt_json_put_u64(struct zt_strbuf *out, uint64_t n);
