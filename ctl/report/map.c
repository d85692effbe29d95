/* SPDX-License-Identifier: Apache-2.0 */
/* map.c - a saved map for the picture in the report: read as strictly as by `ztctl map`, by host.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "ctl/map/map.h"
#include "ctl/report/report.h"

int ztc_report_map(json_t **ret, const char *path, char **ret_why)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf why = ZT_STRBUF_INIT;
	zt_auto(ztc_pool_free) struct ztc_pool *pool = NULL;
	zt_auto(ztc_map_free) struct ztc_map *saved = NULL;
	zt_auto(ztc_map_free) struct ztc_map *map = NULL;
	const struct ztc_map_by by = {.kind = ZTC_BY_HOST};
	int r = ztc_pool_new(&pool);

	if (r == 0)
		r = ztc_map_load(&saved, pool, path, &why);
	/* A map that was grouped already cannot be taken apart: it is drawn as it is. */
	if (r == 0 && strcmp(saved->by, "address") == 0)
		r = ztc_map_group(&map, saved, &by);
	else if (r == 0)
		map = zt_take(saved);
	if (r == 0)
		r = ztc_map_sort(map);
	if (r == 0) {
		*ret = ztc_map_json(map);
		r = *ret ? 0 : -ENOMEM;
	}
	if (r < 0)
		*ret_why = why.len ? zt_strbuf_steal(&why) : strdup(strerror(-r));
	return r;
}
