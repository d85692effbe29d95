/* SPDX-License-Identifier: Apache-2.0 */
/* logs.h - judge functions of the family of logs, and what they share. */
#pragma once
#include "ctl/checks/check.h"

void ztc_judge_probe(const struct ztc_facts *facts, struct ztc_result *r);     /* ZTS-3.1-03 */
void ztc_judge_delivery(const struct ztc_facts *facts, struct ztc_result *r);  /* ZTS-3.6-01 */
void ztc_judge_transport(const struct ztc_facts *facts, struct ztc_result *r); /* ZTS-3.6-02 */
void ztc_judge_decisions(const struct ztc_facts *facts, struct ztc_result *r); /* ZTS-3.6-03 */
void ztc_judge_loss(const struct ztc_facts *facts, struct ztc_result *r);      /* ZTS-3.6-04 */
void ztc_judge_store(const struct ztc_facts *facts, struct ztc_result *r);     /* ZTS-3.6-05 */
void ztc_judge_clock(const struct ztc_facts *facts, struct ztc_result *r);     /* ZTS-3.6-06 */

/* Members of an object; "" and 0 where there is none of that type. */
static inline const char *ztc_log_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static inline int64_t ztc_log_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* ztc_log_time - seconds since 1970 of a member in RFC 3339; 0 = there is none. */
int64_t ztc_log_time(const json_t *object, const char *key);

/* ztc_log_remote - whether a target of fact "logs" is another host. */
bool ztc_log_remote(const json_t *target);

#define ZTC_LOG_RESOURCE_LEN 320
/* ztc_log_resource - "rsyslog tcp/10.0.0.9:6514". */
const char *ztc_log_resource(const json_t *target, char ret[ZTC_LOG_RESOURCE_LEN]);
