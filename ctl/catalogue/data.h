/* SPDX-License-Identifier: Apache-2.0 */
/* data.h - files that are part of the program, each with its length and a NUL behind it. */
#pragma once
#include <stddef.h>

extern const char ztc_checks_json[], ztc_items_json[], ztc_model_json[], ztc_profile_json[];
extern const size_t ztc_checks_json_len, ztc_items_json_len, ztc_model_json_len,
	ztc_profile_json_len;
