/* SPDX-License-Identifier: Apache-2.0 */
/*
 * render.c - the HTML map of a JSON file, by the program's own writer, without what ztctl does
 * before.
 *
 * usage: render FILE [LANG] >PAGE; exits with the writer's error.
 */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/web/html.h"

int main(int argc, char **argv)
{
	struct ztc_html_options options = {.lang = argc > 2 ? argv[2] : NULL,
					   .command = "ztctl map --html"};
	zt_auto(zt_json_decref) json_t *map = NULL;
	json_error_t error;
	int r;

	if (argc < 2)
		return 2;
	map = json_load_file(argv[1], 0, &error);
	if (!map) {
		fprintf(stderr, "%s:%d: %s\n", argv[1], error.line, error.text);
		return 2;
	}
	r = ztc_render_html(stdout, map, &options);
	if (r == 0 && fflush(stdout) != 0)
		r = -EIO;
	return -r;
}
