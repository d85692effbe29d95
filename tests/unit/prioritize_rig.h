/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prioritize_rig.h - an inventory as text, put in order, for the tests of prioritize.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/prioritize/prioritize.h"
#include "ctl/render/text.h"

/* One inventory of a text, read, judged and put in order. */
static inline int load(struct ztc_inventory *inv, const char *text, size_t len, bool yaml)
{
	char file[] = "/tmp/zt-inventory-XXXXXX.yaml";
	int fd, r;

	if (!yaml)
		strcpy(strstr(file, ".yaml"), ".csv");
	fd = mkstemps(file, yaml ? 5 : 4);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	close(fd);
	assert_int_equal(ztc_inventory_init(inv), 0);
	r = ztc_inventory_load(inv, file);
	unlink(file);
	assert_true(r == 0 || r == -EINVAL);
	return ztc_inventory_check(inv);
}

static inline json_t *rank_as(const char *text, bool yaml, enum ztc_method method, size_t top)
{
	struct ztc_inventory inv;
	json_t *doc = NULL;

	if (load(&inv, text, strlen(text), yaml) < 0)
		fail_msg("%s", zt_strbuf_text(&inv.errors));
	for (size_t i = 0; i < inv.count; i++)
		assert_int_equal(ztc_scenario(inv.systems[i]), 0);
	assert_int_equal(ztc_score(&inv, method), 0);
	assert_int_equal(ztc_priorities_doc(&inv, method, top, &doc), 0);
	ztc_inventory_free(&inv);
	return doc;
}

static inline json_t *rank(const char *text)
{
	return rank_as(text, false, ZTC_METHOD_BOTH, 0);
}

static inline const json_t *system_of(const json_t *doc, const char *id)
{
	const json_t *system;
	size_t i;

	json_array_foreach (json_object_get(doc, "systems"), i, system)
		if (strcmp(ztc_str(system, "id"), id) == 0)
			return system;
	fail_msg("no system %s", id);
	return NULL;
}

static inline const char *answer(const json_t *doc, const char *id, const char *gate)
{
	return ztc_str(json_object_get(system_of(doc, id), gate), "answer");
}

static inline void is_range(const json_t *system, const char *key, int min, int max)
{
	assert_int_equal(ztc_int(json_object_get(system, key), "min"), min);
	assert_int_equal(ztc_int(json_object_get(system, key), "max"), max);
}
