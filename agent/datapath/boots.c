/* SPDX-License-Identifier: Apache-2.0 */
/* boots.c - notes each boot's first attach; see boots.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "datapath/boots.h"
#include "datapath/store.h"

#define SIZE_MAX_BYTES (64 << 10)

/* proc(5): name, received bytes and packets and six more, sent bytes and packets. */
static uint64_t packets_so_far(void)
{
	zt_auto(zt_fclosep) FILE *in = fopen("/proc/net/dev", "re");
	uint64_t sum = 0, received, sent;
	char line[512], name[64];

	while (in && fgets(line, sizeof(line), in)) {
		if (sscanf(line, " %63[^:]: %*u %" SCNu64 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64,
			   name, &received, &sent) == 3 &&
		    strcmp(name, "lo") != 0)
			sum += received + sent;
	}
	return sum;
}

/* The rows so far, or an empty list. */
static json_t *read_rows(const char *path)
{
	zt_auto(zt_json_decref) json_t *root = NULL;
	zt_auto(zt_freep) char *text = NULL;
	json_t *rows;
	size_t len = 0;

	if (zt_file_read(path, SIZE_MAX_BYTES, &text, &len, NULL) == 0)
		root = json_loadb(text, len, 0, NULL);
	rows = json_object_get(root, "boots");
	return json_is_array(rows) ? json_incref(rows) : json_array();
}

static bool has_boot(const json_t *rows, const char *boot_id)
{
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		const char *id = json_string_value(json_object_get(row, "boot_id"));

		if (id && strcmp(id, boot_id) == 0)
			return true;
	}
	return false;
}

static void add_boot(json_t *rows, const char *boot_id)
{
	bool first = json_array_size(rows) == 0;
	struct timespec now;
	json_t *row = json_object();

	clock_gettime(CLOCK_BOOTTIME, &now);
	json_object_set_new(row, "boot_id", json_string(boot_id));
	json_object_set_new(row, "attached_ms",
			    json_integer(now.tv_sec * 1000 + now.tv_nsec / 1000000));
	json_object_set_new(row, "packets", zt_json_u64(packets_so_far()));
	if (first)
		json_object_set_new(row, "first", json_true());
	json_array_append_new(rows, row);
	while (json_array_size(rows) > ZT_BOOTS_MAX)
		json_array_remove(rows, 0);
}

int zt_boots_note(const char *state_dir)
{
	zt_auto(zt_json_decref) json_t *rows = NULL, *root = NULL;
	zt_auto(zt_freep) char *path = NULL, *text = NULL;
	char boot_id[ZT_BOOT_ID_LEN];

	if (asprintf(&path, "%s/boots.json", state_dir) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	rows = read_rows(path);
	if (!*zt_boot_id(boot_id) || has_boot(rows, boot_id))
		return 0;
	add_boot(rows, boot_id);
	root = json_pack("{s:O}", "boots", rows);
	text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	return text ? zt_file_replace(path, text, strlen(text), 0640) : -ENOMEM;
}
