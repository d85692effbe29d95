/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_doctor.c - ztctl doctor: every check in order, under its heading. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/pins.h"
#include "ctl/client.h"
#include "ctl/doctor/doctor.h"
#include "ctl/render/render.h"
#include "ctl/render/text.h"

static const struct {
	const char *area;
	void (*run)(struct ztc_doctor *doctor);
} checks[] = {
	{"Agent", ztc_check_agent},
	{"Privilege", ztc_check_privilege},
	{"Kernel", ztc_check_kernel},
	{"Mounts", ztc_check_mounts},
	{"Interfaces and neighbours", ztc_check_links},
	{"Firewalls", ztc_check_netfilter},
	{"Ways past the datapath", ztc_check_bypass},
};

static json_t *add_up(const json_t *notes)
{
	static const char *const results[] = {"pass", "warn", "fail", "unknown"};
	json_t *sum = json_object();
	json_t *note;
	size_t i;

	for (size_t r = 0; r < ARRAY_SIZE(results); r++) {
		int64_t count = 0;

		json_array_foreach (notes, i, note)
			count += strcmp(ztc_str(note, "result"), results[r]) == 0;
		json_object_set_new(sum, results[r], json_integer(count));
	}
	return sum;
}

int ztc_run_doctor(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	const char *pin_dir = ztc_value(line, "pin-dir");
	struct ztc_doctor doctor = {
		.ctx = ctx,
		.pin_dir = pin_dir ? pin_dir : ZT_PINS_DIR,
		.root = geteuid() == 0,
	};
	zt_auto(zt_json_decref) json_t *result = NULL;
	json_t *notes = json_array(), *sum;
	int status;

	doctor.checks = notes;
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		doctor.area = checks[i].area;
		checks[i].run(&doctor);
	}
	sum = add_up(notes);
	result = json_pack("{s:o, s:o}", "checks", notes, "summary", sum);
	if (!result)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	status = ztc_answer(ctx, result, ztc_render_doctor);
	if (status)
		return status;
	return ztc_int(sum, "fail") ? ZTC_EXIT_NO : ZTC_EXIT_OK;
}
