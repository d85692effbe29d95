/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.c - one output of an assessment that is kept as a file, by the program's own writers and
 * under the sanitizers.
 *
 * usage: report FORMAT LANG FILE [MAP] >OUTPUT; exits with the writer's error.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/assess/doc.h"
#include "ctl/i18n/say.h"

static int write_one(const char *format, const json_t *doc, const json_t *map)
{
	if (strcmp(format, "html") == 0)
		return ztc_report_html(stdout, doc, map);
	if (strcmp(format, "oscal") == 0)
		return ztc_report_oscal(stdout, doc);
	if (strcmp(format, "sarif") == 0)
		return ztc_report_sarif(stdout, doc, false);
	if (strcmp(format, "sarif-all") == 0)
		return ztc_report_sarif(stdout, doc, true);
	if (strcmp(format, "junit") == 0)
		return ztc_report_junit(stdout, doc);
	if (strcmp(format, "csv") == 0)
		return ztc_report_csv(stdout, doc);
	if (strcmp(format, "prometheus") == 0)
		return ztc_report_prometheus(stdout, doc);
	return -EINVAL;
}

int main(int argc, char **argv)
{
	zt_auto(zt_json_decref) json_t *doc = NULL;
	zt_auto(zt_json_decref) json_t *map = NULL;
	int r;

	if (argc < 4 || ztc_lang_set(argv[2]) < 0)
		return 2;
	doc = json_load_file(argv[3], 0, NULL);
	map = argc > 4 ? json_load_file(argv[4], 0, NULL) : NULL;
	if (!doc || (argc > 4 && !map))
		return 2;
	r = write_one(argv[1], doc, map);
	if (r == 0 && fflush(stdout) != 0)
		r = -EIO;
	return -r;
}
