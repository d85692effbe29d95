/* SPDX-License-Identifier: Apache-2.0 */
/* csv.c - an assessment as CSV (RFC 4180), one check a row, safe to open in a spreadsheet. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "ctl/assess/doc.h"
#include "ctl/render/map_render.h"
#include "ctl/render/text.h"
#include "ctl/report/report.h"

#define EOL "\r\n"

static const char header[] =
	"host,machine,system,profile,profile_version,profile_digest,started,item,item_level,item_title,"
	"item_status,check,check_title,severity,gate,kind,result,disposition,waiver,waiver_expires_at,"
	"attestation,numerator,denominator,method,grade,collected_at,valid_until,digest,reason,observed,"
	"expected,remediation,offenders_total,offenders,statement";

static void put_host(FILE *out, const json_t *doc)
{
	const json_t *host = json_object_get(doc, "host");
	const json_t *profile = json_object_get(doc, "profile");
	const json_t *system = json_object_get(json_object_get(doc, "scope"), "system");

	ztc_csv_cell(out, ztc_report_host(doc));
	ztc_csv_cell(out, ztc_str(host, "machine"));
	ztc_csv_cell(out, json_is_object(system) ? ztc_str(system, "id") : ztc_text(system));
	ztc_csv_cell(out, ztc_str(profile, "name"));
	ztc_csv_cell(out, ztc_str(profile, "version"));
	ztc_csv_cell(out, ztc_str(profile, "digest"));
	ztc_csv_cell(out, ztc_str(doc, "started"));
}

/* "tcp/0.0.0.0:22 sshd, open to any; …" */
static void put_offenders(FILE *out, const json_t *check)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf all = ZT_STRBUF_INIT;
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(check, "offenders"), i, one) {
		const char *text = ztc_text(json_object_get(one, "text"));

		zt_strbuf_printf(&all, "%s%s%s%s", i ? "; " : "", ztc_str(one, "resource"),
				 *text ? " " : "", text);
	}
	ztc_csv_cell(out, zt_strbuf_text(&all));
}

static void put_check(FILE *out, const json_t *doc, const json_t *check)
{
	const json_t *item = ztc_report_item(doc, ztc_str(check, "item"));
	const json_t *disposition = json_object_get(check, "disposition");
	const json_t *attestation = json_object_get(check, "attestation");

	put_host(out, doc);
	ztc_csv_cell(out, ztc_str(check, "item"));
	ztc_csv_number(out, item, "level");
	ztc_csv_cell(out, ztc_text(json_object_get(item, "title")));
	ztc_csv_cell(out, ztc_str(item, "status"));
	ztc_csv_cell(out, ztc_str(check, "id"));
	ztc_csv_cell(out, ztc_text(json_object_get(check, "title")));
	ztc_csv_cell(out, ztc_str(check, "severity"));
	ztc_csv_cell(out, json_is_true(json_object_get(check, "gate")) ? "yes" : "no");
	ztc_csv_cell(out, ztc_str(check, "kind"));
	ztc_csv_cell(out, ztc_str(check, "result"));
	ztc_csv_cell(out, ztc_str(disposition, "state"));
	ztc_csv_cell(out, ztc_str(disposition, "waiver"));
	ztc_csv_cell(out, ztc_str(disposition, "expires_at"));
	ztc_csv_cell(out, ztc_str(attestation, "id"));
	ztc_csv_number(out, check, "numerator");
	ztc_csv_number(out, check, "denominator");
	ztc_csv_cell(out, ztc_str(check, "method"));
	ztc_csv_cell(out, ztc_str(check, "grade"));
	ztc_csv_cell(out, ztc_str(check, "collected_at"));
	ztc_csv_cell(out, ztc_str(check, "valid_until"));
	ztc_csv_cell(out, ztc_str(check, "digest"));
	ztc_csv_cell(out, ztc_text(json_object_get(check, "reason")));
	ztc_csv_cell(out, ztc_text(json_object_get(check, "observed")));
	ztc_csv_cell(out, ztc_text(json_object_get(check, "expected")));
	ztc_csv_cell(out, ztc_text(json_object_get(check, "remediation")));
	ztc_csv_number(out, check, "offenders_total");
	put_offenders(out, check);
	ztc_csv_text(out, ztc_text(json_object_get(doc, "statement")));
	fputs(EOL, out);
}

int ztc_report_csv(FILE *out, const json_t *doc)
{
	zt_auto(zt_json_decref) json_t *all = ztc_report_all(doc);
	json_t *one, *check;
	size_t i, j;

	fputs(header, out);
	fputs(EOL, out);
	json_array_foreach (all, i, one) {
		json_array_foreach (json_object_get(one, "checks"), j, check)
			put_check(out, one, check);
	}
	return ferror(out) ? -EIO : 0;
}
