// SPDX-License-Identifier: Apache-2.0
/*
 * read.c - an inventory from CSV or YAML, every error at its row and column.
 *
 * A column or key that is not known is refused: what is ignored silently is missed for years.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strmap.h"
#include "base/vec.h"
#include "ctl/prioritize/prioritize.h"
#include "policy/yaml.h"

#define COLUMNS_MAX 256

int ztc_inventory_init(struct ztc_inventory *inv)
{
	memset(inv, 0, sizeof(*inv));
	return zt_arena_new(&inv->arena);
}

void ztc_inventory_free(struct ztc_inventory *inv)
{
	for (size_t i = 0; i < inv->count; i++)
		json_decref(inv->systems[i]->notes);
	free(inv->systems);
	free(inv->files);
	zt_strbuf_free(&inv->errors);
	zt_arena_free(&inv->arena);
	memset(inv, 0, sizeof(*inv));
}

static void put_place(struct zt_strbuf *out, const struct ztc_place *place)
{
	char column[8] = "";

	zt_strbuf_escape(out, place->file, strlen(place->file));
	if (place->yaml && place->row) {
		zt_strbuf_printf(out, ":%u:%u", place->row, place->column);
	} else if (place->row) {
		zt_strbuf_puts(out, ": ");
		zt_strbuf_printf(out, ztc_tr("row %u"), place->row);
		ztc_csv_column(column, place->column);
		if (*column) {
			zt_strbuf_puts(out, ztc_tr(", column "));
			zt_strbuf_puts(out, column);
		}
	}
	zt_strbuf_puts(out, ": ");
}

int ztc_inventory_error(struct ztc_inventory *inv, const struct ztc_place *place, const char *fmt,
			...)
{
	zt_auto(zt_freep) char *text = NULL;
	va_list ap;

	if (inv->error_count++ >= ZTC_PLACE_ERRORS)
		return -EINVAL;
	va_start(ap, fmt);
	if (vasprintf(&text, ztc_tr(fmt), ap) < 0)
		text = NULL;
	va_end(ap);
	put_place(&inv->errors, place);
	if (text)
		zt_strbuf_escape(&inv->errors, text, strlen(text));
	zt_strbuf_puts(&inv->errors, "\n");
	return -EINVAL;
}

struct ztc_system *ztc_inventory_system(struct ztc_inventory *inv, const struct ztc_place *place)
{
	struct ztc_system *system;

	if (inv->count >= ZTC_SYSTEMS_MAX) {
		ztc_inventory_error(inv, place, N_("more than %d systems"), ZTC_SYSTEMS_MAX);
		return NULL;
	}
	if (zt_vec_grow(&inv->systems, &inv->cap, inv->count + 1, sizeof(*inv->systems)) < 0)
		return NULL;
	system = zt_arena_alloc(inv->arena, sizeof(*system));
	if (!system)
		return NULL;
	system->place = *place;
	system->rto_us = -1;
	system->cost_ntd = -1;
	system->notes = json_array();
	inv->systems[inv->count++] = system;
	return system->notes ? system : NULL;
}

/* An amount of money is what a level of cost is made of; both must agree. */
static void finish_system(struct ztc_inventory *inv, struct ztc_system *system)
{
	struct ztc_level *cost = &system->impact[ZTC_IMPACT_COST];
	const struct ztc_place *place = &system->place;
	int level;

	if (!system->id)
		ztc_inventory_error(inv, place, N_("a system without id"));
	if (system->cost_ntd < 0)
		return;
	level = ztc_cost_level(system->cost_ntd);
	if (cost->level && cost->level != level) {
		ztc_inventory_error(
			inv, place,
			N_("cost is %d, but cost_ntd %lld is level %d: give one of them"),
			cost->level, (long long)system->cost_ntd, level);
		return;
	}
	cost->level = (uint8_t)level;
	cost->count = 1;
}

/* --- CSV --- */

struct heading {
	const struct ztc_column_def *columns[COLUMNS_MAX];
	size_t count;
};

static bool row_is_empty(const struct ztc_csv_cell *cells, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (cells[i].text[strspn(cells[i].text, " \t\r\n")])
			return false;
	return true;
}

static int read_heading(struct ztc_inventory *inv, struct heading *heading,
			const struct ztc_csv_cell *cells, size_t count,
			const struct ztc_place *place)
{
	struct ztc_place at = *place;
	bool id = false;

	/* Spreadsheets write columns that were once used; without a heading they are none. */
	while (count && !cells[count - 1].len)
		count--;
	if (count > COLUMNS_MAX)
		return ztc_inventory_error(inv, place, N_("more than %d columns"), COLUMNS_MAX);
	heading->count = count;
	for (size_t i = 0; i < count; i++) {
		at.column = (unsigned int)i + 1;
		heading->columns[i] = ztc_column_find(cells[i].text, cells[i].len);
		if (!heading->columns[i]) {
			ztc_inventory_error(inv, &at,
					    N_("no column is called '%s'; 'ztctl prioritize "
					       "--template csv' has all"),
					    cells[i].text);
			continue;
		}
		id = id || strcmp(ztc_column_key(heading->columns[i]), "id") == 0;
		for (size_t j = 0; j < i; j++)
			if (heading->columns[j] == heading->columns[i])
				ztc_inventory_error(inv, &at, N_("column '%s' is there twice"),
						    cells[i].text);
	}
	if (!id)
		ztc_inventory_error(inv, place, N_("there is no column 'id'"));
	return 0;
}

static int read_row(struct ztc_inventory *inv, const struct heading *heading,
		    const struct ztc_csv_cell *cells, size_t count, const struct ztc_place *place)
{
	struct ztc_place at = *place;
	struct ztc_system *system;

	if (count < heading->count)
		return ztc_inventory_error(
			inv, place,
			N_("%zu cells where the heading has %zu: is a quote or a "
			   "separator missing?"),
			count, heading->count);
	for (size_t i = heading->count; i < count; i++) {
		at.column = (unsigned int)i + 1;
		if (cells[i].len)
			return ztc_inventory_error(inv, &at, N_("a cell without a heading: '%s'"),
						   cells[i].text);
	}
	system = ztc_inventory_system(inv, place);
	if (!system)
		return inv->count >= ZTC_SYSTEMS_MAX ? -EINVAL : -ENOMEM;
	for (size_t i = 0; i < heading->count; i++) {
		at.column = (unsigned int)i + 1;
		if (heading->columns[i] && ztc_cell_set(inv, system, heading->columns[i], &at,
							cells[i].text, cells[i].len) == -ENOMEM)
			return -ENOMEM;
	}
	finish_system(inv, system);
	return 0;
}

static void free_csv(struct ztc_csv *csv)
{
	ztc_csv_free(csv);
}

static int read_csv(struct ztc_inventory *inv, const char *file, const char *text, size_t len)
{
	zt_auto(free_csv) struct ztc_csv csv = {0};
	struct ztc_place place = {.file = file};
	struct heading heading = {.count = 0};
	const size_t errors = inv->error_count;
	bool headed = false;
	const char *why = NULL;
	int r = ztc_csv_parse(&csv, text, len, &why);

	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		place.row = csv.bad_row;
		place.column = csv.bad_column;
		return ztc_inventory_error(inv, &place, "%s", ztc_tr(why));
	}
	for (size_t row = 0; row < csv.row_count; row++) {
		const struct ztc_csv_cell *cells = csv.cells + csv.rows[row];
		size_t count = csv.rows[row + 1] - csv.rows[row];

		place.row = (unsigned int)row + 1;
		if (row_is_empty(cells, count))
			continue;
		r = headed ? read_row(inv, &heading, cells, count, &place)
			   : read_heading(inv, &heading, cells, count, &place);
		if (r == -ENOMEM)
			return r;
		/* A heading that is wrong would make an error of every row. */
		if (!headed && inv->error_count > errors)
			break;
		headed = true;
	}
	return inv->error_count ? -EINVAL : 0;
}

/* --- YAML --- */

static struct ztc_place place_of(const char *file, const struct zt_node *node)
{
	return (struct ztc_place){
		.file = file, .row = node->line, .column = node->col, .yaml = true};
}

static int yaml_value(struct ztc_inventory *inv, struct ztc_system *system,
		      const struct ztc_column_def *column, const char *file,
		      const struct zt_node *value)
{
	struct ztc_place at = place_of(file, value);
	int r = 0;

	if (value->kind == ZT_NODE_SCALAR) {
		if (zt_node_is_null(value))
			return 0;
		return ztc_cell_set(inv, system, column, &at, value->text, value->len);
	}
	if (value->kind == ZT_NODE_MAPPING || !ztc_column_list(column))
		return ztc_inventory_error(inv, &at, N_("'%s' takes one value"),
					   ztc_column_key(column));
	for (const struct zt_node *n = value->first; n && r != -ENOMEM; n = n->next) {
		at = place_of(file, n);
		if (n->kind != ZT_NODE_SCALAR)
			r = ztc_inventory_error(inv, &at, N_("a list of '%s' holds plain values"),
						ztc_column_key(column));
		else if (!zt_node_is_null(n))
			r = ztc_value_set(inv, system, column, &at, n->text);
	}
	return r;
}

static bool is_group(const char *key)
{
	static const char *const groups[] = {"data", "factors", "impact", "facts"};

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (strcmp(key, groups[i]) == 0)
			return true;
	return false;
}

/* @group: the key this mapping is under, NULL = the system itself. */
static int yaml_keys(struct ztc_inventory *inv, struct ztc_system *system, const char *file,
		     const struct zt_node *map, const char *group)
{
	const struct ztc_column_def *seen[COLUMNS_MAX];
	size_t count = 0;
	int r = 0;

	for (const struct zt_node *key = map->first; key && r != -ENOMEM; key = key->next->next) {
		const struct zt_node *value = key->next;
		const struct ztc_column_def *column = ztc_column_find(key->text, key->len);
		struct ztc_place at = place_of(file, key);

		if (!group && is_group(key->text) && value->kind == ZT_NODE_MAPPING) {
			r = yaml_keys(inv, system, file, value, key->text);
			continue;
		}
		if (!column || (group && !ztc_column_nested(column, group))) {
			ztc_inventory_error(inv, &at,
					    N_("nothing is called '%s' here; 'ztctl prioritize "
					       "--template yaml' has all"),
					    key->text);
			continue;
		}
		for (size_t i = 0; i < count; i++)
			if (seen[i] == column)
				ztc_inventory_error(inv, &at, N_("'%s' is there twice"), key->text);
		if (count < COLUMNS_MAX)
			seen[count++] = column;
		r = yaml_value(inv, system, column, file, value);
	}
	return r == -ENOMEM ? r : 0;
}

static int yaml_system(struct ztc_inventory *inv, const char *file, const struct zt_node *node)
{
	struct ztc_place at = place_of(file, node);
	struct ztc_system *system;
	int r;

	if (node->kind != ZT_NODE_MAPPING)
		return ztc_inventory_error(inv, &at, N_("a system is a mapping of its answers"));
	system = ztc_inventory_system(inv, &at);
	if (!system)
		return inv->count >= ZTC_SYSTEMS_MAX ? -EINVAL : -ENOMEM;
	r = yaml_keys(inv, system, file, node, NULL);
	if (r == 0)
		finish_system(inv, system);
	return r;
}

/* "systems:" with a list, a bare list, or one system (system.json). */
static const struct zt_node *yaml_list(struct ztc_inventory *inv, const char *file,
				       const struct zt_node *root, bool *ret_other)
{
	const struct zt_node *list = NULL;
	bool other_keys = false;

	*ret_other = false;
	if (root->kind != ZT_NODE_MAPPING)
		return root;
	for (const struct zt_node *key = root->first; key; key = key->next->next)
		if (strcmp(key->text, "systems") == 0)
			list = key->next;
	if (!list)
		return root;
	for (const struct zt_node *key = root->first; key; key = key->next->next) {
		struct ztc_place at = place_of(file, key);

		if (strcmp(key->text, "systems") == 0)
			continue;
		if (strcmp(key->text, "method") == 0 && key->next->kind == ZT_NODE_SCALAR &&
		    strcmp(key->next->text, "other") == 0)
			*ret_other = true;
		else
			other_keys =
				ztc_inventory_error(
					inv, &at,
					N_("beside 'systems' there may be 'method: other' only, "
					   "not '%s'"),
					key->text) < 0;
	}
	return other_keys ? NULL : list;
}

static int read_yaml(struct ztc_inventory *inv, const char *file, const char *text, size_t len)
{
	zt_auto(zt_freep) char *copy = strndup(text, len), *name = strdup(file);
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	struct zt_source source = {.name = name, .text = copy, .len = len};
	struct zt_node *root = NULL;
	const struct zt_node *list;
	size_t before = inv->count;
	struct ztc_place at = {.file = file, .yaml = true};
	bool other;
	int r;

	if (!copy || !name)
		return -ENOMEM;
	r = zt_yaml_parse(&source, inv->arena, &root, &diag);
	if (r == -ENOMEM)
		return r;
	for (size_t i = 0; i < diag.count; i++) {
		at.row = diag.entries[i].line;
		at.column = diag.entries[i].col;
		ztc_inventory_error(inv, &at, "%s", diag.entries[i].message);
	}
	if (r < 0 || !root)
		return inv->error_count ? -EINVAL : 0;
	list = yaml_list(inv, file, root, &other);
	if (!list)
		return -EINVAL;
	if (list->kind == ZT_NODE_MAPPING)
		r = yaml_system(inv, file, list);
	else if (list->kind != ZT_NODE_SEQUENCE)
		r = ztc_inventory_error(inv, &at, N_("this is no list of systems"));
	else
		for (const struct zt_node *n = list->first; n && r != -ENOMEM; n = n->next)
			r = yaml_system(inv, file, n);
	for (size_t i = before; other && i < inv->count; i++)
		inv->systems[i]->other_method = true;
	return r == -ENOMEM ? r : inv->error_count ? -EINVAL : 0;
}

/* --- files --- */

/* By its name; of others by the first line: a heading has columns that we know. */
static bool is_csv(const char *path, const char *text, size_t len)
{
	const char *dot = strrchr(path, '.');
	size_t line, cell;

	if (dot && (strcasecmp(dot, ".csv") == 0 || strcasecmp(dot, ".tsv") == 0))
		return true;
	if (dot && (strcasecmp(dot, ".yaml") == 0 || strcasecmp(dot, ".yml") == 0 ||
		    strcasecmp(dot, ".json") == 0))
		return false;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	if (len >= 5 && memcmp(text, "sep=", 4) == 0)
		return true;
	line = strcspn(text, "\r\n");
	cell = strcspn(text, ",;\t\r\n");
	if (cell >= 2 && text[0] == '"' && text[cell - 1] == '"')
		return cell < line;
	return cell < line && ztc_column_find(text, cell);
}

static int read_stdin(char **ret, size_t *ret_len)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf all = ZT_STRBUF_INIT;
	char part[65536];
	ssize_t n;

	while ((n = read(STDIN_FILENO, part, sizeof(part))) > 0) {
		zt_strbuf_add(&all, part, (size_t)n);
		if (all.len > ZTC_INVENTORY_MAX)
			return -EFBIG;
	}
	if (n < 0)
		return -errno;
	zt_strbuf_add(&all, "", 0);
	*ret_len = all.len;
	*ret = all.len ? zt_strbuf_steal(&all) : strdup("");
	return *ret ? 0 : -ENOMEM;
}

int ztc_inventory_load(struct ztc_inventory *inv, const char *path)
{
	zt_auto(zt_freep) char *text = NULL;
	const char *file;
	size_t len;
	int r;

	if (strcmp(path, "-") == 0)
		r = read_stdin(&text, &len);
	else
		r = zt_file_read(path, ZTC_INVENTORY_MAX, &text, &len, NULL);
	if (r < 0)
		return r;
	file = zt_arena_text(inv->arena, path, strlen(path));
	if (!file ||
	    zt_vec_grow(&inv->files, &inv->file_cap, inv->file_count + 1, sizeof(*inv->files)) < 0)
		return -ENOMEM;
	inv->files[inv->file_count++] = file;
	return is_csv(path, text, len) ? read_csv(inv, file, text, len)
				       : read_yaml(inv, file, text, len);
}

int ztc_inventory_check(struct ztc_inventory *inv)
{
	zt_auto(zt_strmap_free) struct zt_strmap *ids = NULL;
	zt_auto(zt_freep) struct ztc_system **first = calloc(inv->count + 1, sizeof(*first));
	const struct ztc_place whole = {.file = inv->file_count ? inv->files[0] : "-"};

	if (!first || zt_strmap_new(&ids) < 0)
		return -ENOMEM;
	if (!inv->count && !inv->error_count)
		ztc_inventory_error(inv, &whole, N_("there is no system in it"));
	for (size_t i = 0; i < inv->count; i++) {
		struct ztc_system *system = inv->systems[i];
		struct ztc_place *place;
		uint32_t n;
		bool new;

		if (!system->id)
			continue;
		n = zt_strmap_intern(ids, system->id, strlen(system->id), &new);
		if (n == ZT_STRMAP_NONE)
			return -ENOMEM;
		if (new) {
			first[n] = system;
			continue;
		}
		place = &first[n]->place;
		ztc_inventory_error(inv, &system->place,
				    N_("id '%s' is there twice, first at %s:%u"), system->id,
				    place->file, place->row);
	}
	return inv->error_count ? -EINVAL : 0;
}
