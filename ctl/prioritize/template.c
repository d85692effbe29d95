// SPDX-License-Identifier: Apache-2.0
/* template.c - an empty inventory with every column, in the language in use. */
#include "base/json.h"
#include "ctl/prioritize/prioritize.h"

static void write_csv(FILE *out)
{
	const bool zh = ztc_lang() == ZTC_LANG_ZH_TW;

	/* With the mark, spreadsheets read it as UTF-8 and write it back so. */
	fputs("\xef\xbb\xbf", out);
	for (size_t n = 0; ztc_column_at(n); n++)
		fprintf(out, "%s%s", n ? "," : "",
			zh ? ztc_column_zh(ztc_column_at(n)) : ztc_column_key(ztc_column_at(n)));
	fputs("\r\n", out);
}

static void write_yaml(FILE *out)
{
	const char *const dash = "  - ";

	fprintf(out, "# %s\n",
		ztc_tr(N_("One entry per system. What is not known stays empty: it is flagged, "
			  "never guessed.")));
	fputs("systems:\n", out);
	for (size_t n = 0; ztc_column_at(n); n++) {
		const struct ztc_column_def *column = ztc_column_at(n);
		const char *value = n ? "" : " example";

		fprintf(out, "%s%s:%s  # %s: %s\n", n ? "    " : dash, ztc_column_key(column),
			ztc_column_list(column) ? " []" : value, ztc_column_zh(column),
			ztc_column_help(column));
	}
}

void ztc_inventory_template(FILE *out, bool yaml)
{
	if (yaml)
		write_yaml(out);
	else
		write_csv(out);
}
