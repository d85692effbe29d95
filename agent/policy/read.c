/* SPDX-License-Identifier: Apache-2.0 */
/* read.c - policy files to a policy: files, directories, includes, top-level keys. */
#include <errno.h>
#include <libgen.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "policy/build.h"
#include "policy/files.h"

/* A file being read, and the one that includes it: to find a file that includes itself. */
struct open_file {
	const struct open_file *includer;
	struct zt_source *source;
	dev_t dev;
	ino_t ino;
	unsigned int depth;
	bool in_memory;
};

/* Carries the file to the reader of `include:`; the other readers see the builder alone. */
struct file_builder {
	struct zt_builder b; /* first: readers get a pointer to it */
	const struct open_file *file;
	struct zt_files files;
	size_t bytes;
	size_t file_count;
};

static int read_file(struct file_builder *fb, const char *path, const struct open_file *includer,
		     const struct zt_loc *loc);

/* --- top-level keys ------------------------------------------------------------------- */

/* Notes a key that stands once in the whole policy; returns whether it is the first. */
static bool stands_once(struct zt_builder *b, struct zt_loc *seen, const struct zt_node *value,
			const char *key)
{
	struct zt_loc loc = zt_node_loc(value);

	if (!seen->file) {
		*seen = loc;
		return true;
	}
	zt_diag_error(b->diag, &loc, "'%s' is set twice", key);
	zt_diag_remedy(b->diag, "the first one is at %s:%u:%u", seen->file, seen->line, seen->col);
	return false;
}

static int top_version(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_loc loc = zt_node_loc(value);

	(void)object;
	b->version_loc = loc; /* every file may say it */
	if (value->kind == ZT_NODE_SCALAR && strcmp(value->text, "1") == 0)
		return 0;
	zt_diag_error(b->diag, &loc, "not a version of the policy language that is known here");
	zt_diag_remedy(b->diag, "write version: %d", ZT_POLICY_VERSION);
	return 0;
}

static int top_policy(struct zt_builder *b, const struct zt_node *value, void *object)
{
	(void)object;
	if (!stands_once(b, &b->name_loc, value, "policy"))
		return 0;
	return zt_read_name(b, value, "the name of the policy", &b->policy->name);
}

static int top_revision(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_loc loc = zt_node_loc(value);
	uint64_t n = 0;

	(void)object;
	if (!stands_once(b, &b->revision_loc, value, "revision"))
		return 0;
	if (value->kind == ZT_NODE_SCALAR && value->plain && value->len && value->len <= 15 &&
	    (value->text[0] != '0' || value->len == 1) &&
	    strspn(value->text, "0123456789") == value->len) {
		for (const char *c = value->text; *c; c++)
			n = n * 10 + (uint64_t)(*c - '0');
		b->policy->revision = n;
		return 0;
	}
	zt_diag_error(b->diag, &loc, "a revision is a whole number");
	zt_diag_remedy(b->diag, "write a number of up to 15 digits; raise it with every change");
	return 0;
}

static int top_mode(struct zt_builder *b, const struct zt_node *value, void *object)
{
	(void)object;
	if (!stands_once(b, &b->mode_loc, value, "mode"))
		return 0;
	return zt_read_mode(b, value, &b->policy->mode);
}

static int top_ready(struct zt_builder *b, const struct zt_node *value, void *object)
{
	(void)object;
	if (!stands_once(b, &b->ready_loc, value, "ready"))
		return 0;
	return zt_read_ready(b, value, &b->ready);
}

static int top_hosts(struct zt_builder *b, const struct zt_node *value, void *object)
{
	(void)object;
	return zt_read_hosts(b, value);
}

static int top_segments(struct zt_builder *b, const struct zt_node *value, void *object)
{
	(void)object;
	return zt_read_segments(b, value);
}

static int top_boundaries(struct zt_builder *b, const struct zt_node *value, void *object)
{
	(void)object;
	return zt_read_boundaries(b, value);
}

static int top_rules(struct zt_builder *b, const struct zt_node *value, void *object)
{
	(void)object;
	return zt_read_rules(b, value);
}

static int top_failsafe(struct zt_builder *b, const struct zt_node *value, void *object)
{
	(void)object;
	return zt_read_failsafe(b, value);
}

static int include_one(struct file_builder *fb, const struct zt_node *node)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf path = ZT_STRBUF_INIT;
	zt_auto(zt_freep) char *copy = NULL;
	const struct open_file *file = fb->file;
	struct zt_loc loc = zt_node_loc(node);
	int r;

	if (node->kind != ZT_NODE_SCALAR || zt_node_is_null(node)) {
		zt_diag_error(fb->b.diag, &loc, "the path of a file is expected here, not %s",
			      zt_node_what(node));
		return 0;
	}
	if (file->in_memory) {
		zt_diag_error(fb->b.diag, &loc, "a text that is not a file cannot include one");
		return 0;
	}
	if (node->text[0] != '/') {
		copy = strdup(file->source->name);
		if (!copy)
			return -ENOMEM;
		zt_strbuf_printf(&path, "%s/", dirname(copy));
	}
	zt_strbuf_puts(&path, node->text);
	if (zt_strbuf_error(&path))
		return -ENOMEM;
	r = read_file(fb, zt_strbuf_text(&path), file, &loc);
	fb->file = file;
	return r;
}

static int top_include(struct zt_builder *b, const struct zt_node *value, void *object)
{
	int r = 0;

	(void)object;
	if (value->kind != ZT_NODE_SEQUENCE)
		return include_one((struct file_builder *)b, value);
	for (const struct zt_node *e = value->first; e && r == 0; e = e->next)
		r = include_one((struct file_builder *)b, e);
	return r;
}

static const struct zt_field top_fields[] = {
	{.key = "version", .read = top_version},       {.key = "policy", .read = top_policy},
	{.key = "revision", .read = top_revision},     {.key = "mode", .read = top_mode},
	{.key = "ready", .read = top_ready},	       {.key = "include", .read = top_include},
	{.key = "hosts", .read = top_hosts},	       {.key = "segments", .read = top_segments},
	{.key = "boundaries", .read = top_boundaries}, {.key = "rules", .read = top_rules},
	{.key = "failsafe", .read = top_failsafe},
};

/* --- files ------------------------------------------------------------------------------ */

/* Keeps a file's text with the policy, to show lines of it later. Takes text over. */
static struct zt_source *add_source(struct file_builder *fb, const char *name, char *text,
				    size_t len)
{
	struct zt_source *source = calloc(1, sizeof(*source)), **end = &fb->b.policy->sources;

	if (source)
		source->name = strdup(name);
	if (!source || !source->name) {
		free(source);
		free(text);
		return NULL;
	}
	source->text = text;
	source->len = len;
	while (*end)
		end = &(*end)->next;
	*end = source;
	fb->b.diag->sources = fb->b.policy->sources;
	return source;
}

static int read_source(struct file_builder *fb, const struct open_file *file)
{
	zt_auto(zt_arena_free) struct zt_arena *tree = NULL;
	struct zt_node *root = NULL;
	int r;

	r = zt_arena_new(&tree);
	if (r < 0)
		return r;
	r = zt_yaml_parse(file->source, tree, &root, fb->b.diag);
	if (r == -EINVAL) {
		fb->b.incomplete = true; /* noted; other files are read on */
		return 0;
	}
	if (r < 0)
		return r;
	if (!root || zt_node_is_null(root))
		return 0; /* nothing but comments; what must be there is missed later */
	fb->file = file;
	return zt_read_fields(&fb->b, root, "a policy", top_fields, ARRAY_SIZE(top_fields), NULL);
}

/* Notes that a file cannot be read; returns r. */
static int unreadable(struct file_builder *fb, const struct zt_loc *loc, const char *path, int r)
{
	zt_diag_error(fb->b.diag, loc, "cannot read '%s': %s", path, strerror(-r));
	return r;
}

static int check_size(struct file_builder *fb, const struct zt_loc *loc, const char *path,
		      size_t size)
{
	fb->bytes += size;
	if (fb->bytes <= ZT_POLICY_SIZE_MAX && ++fb->file_count <= ZT_POLICY_FILES_MAX)
		return 0;
	zt_diag_error(fb->b.diag, loc, "'%s' makes the policy larger than %u MB or %d files", path,
		      ZT_POLICY_SIZE_MAX >> 20, ZT_POLICY_FILES_MAX);
	zt_diag_remedy(fb->b.diag, "name networks in segments instead of single hosts");
	return -EINVAL;
}

/* Whether the file is being read already, further out. */
static bool includes_itself(const struct open_file *file, const struct zt_input *f)
{
	for (; file; file = file->includer)
		if (file->dev == f->dev && file->ino == f->ino)
			return true;
	return false;
}

static int read_file(struct file_builder *fb, const char *path, const struct open_file *includer,
		     const struct zt_loc *loc)
{
	struct open_file file = {.includer = includer, .depth = includer ? includer->depth + 1 : 0};
	zt_auto(zt_input_close) struct zt_input f = ZT_INPUT_INIT;
	char *text = NULL;
	size_t len = 0;
	int r;

	r = zt_input_open(&fb->files, path, &f);
	if (r < 0)
		return unreadable(fb, loc, path, r);
	if (includes_itself(includer, &f) || file.depth > ZT_POLICY_INCLUDES_MAX) {
		zt_diag_error(fb->b.diag, loc, "'%s' includes itself%s", path,
			      file.depth > ZT_POLICY_INCLUDES_MAX ? ", or nests too deeply" : "");
		return 0;
	}
	r = check_size(fb, loc, path, f.size);
	if (r < 0)
		return r;
	r = zt_input_read(&f, &text, &len);
	if (r == -EAGAIN) {
		zt_diag_error(fb->b.diag, loc, "'%s' changed while it was read", path);
		zt_diag_remedy(fb->b.diag, "write the new text beside it, then rename it");
		return r;
	}
	if (r < 0)
		return unreadable(fb, loc, path, r);
	file.dev = f.dev;
	file.ino = f.ino;
	file.source = add_source(fb, path, text, len);
	if (!file.source)
		return -ENOMEM;
	return read_source(fb, &file);
}

static int read_directory(struct file_builder *fb, const char *path)
{
	char **names = NULL;
	size_t count = 0;
	int r = zt_files_list(&fb->files, path, &names, &count);

	if (r < 0)
		return unreadable(fb, NULL, path, r);
	if (count == 0) {
		zt_diag_error(fb->b.diag, NULL, "no *.yaml file in '%s'", path);
		r = -EINVAL;
	}
	for (size_t i = 0; i < count; i++) {
		zt_auto(zt_strbuf_free) struct zt_strbuf file = ZT_STRBUF_INIT;

		zt_strbuf_printf(&file, "%s/%s", path, names[i]);
		if (r == 0)
			r = zt_strbuf_error(&file);
		if (r == 0)
			r = read_file(fb, zt_strbuf_text(&file), NULL, NULL);
		free(names[i]);
	}
	free(names);
	return r;
}

/* --- the whole ---------------------------------------------------------------------------- */

static void builder_free(struct file_builder *fb)
{
	free(fb->b.hosts);
	free(fb->b.segments);
	free(fb->b.boundaries);
	free(fb->b.rules);
	free(fb->b.failsafes);
	zt_strmap_free(&fb->b.host_names);
	zt_strmap_free(&fb->b.segment_names);
	zt_files_free(&fb->files);
	zt_policy_free(&fb->b.policy);
}

static int builder_init(struct file_builder *fb, struct zt_diag *diag)
{
	struct zt_arena *arena = NULL;
	int r;

	*fb = (struct file_builder){.b = {.diag = diag}};
	fb->b.policy = calloc(1, sizeof(*fb->b.policy));
	if (!fb->b.policy)
		return -ENOMEM;
	r = zt_arena_new(&arena);
	if (r < 0)
		return r;
	fb->b.arena = arena;
	fb->b.policy->arena = arena;
	fb->b.policy->name = "";
	fb->b.policy->ready = zt_finish_ready(&fb->b.ready, NULL);
	r = zt_strmap_new(&fb->b.host_names);
	return r < 0 ? r : zt_strmap_new(&fb->b.segment_names);
}

#define TRIM_BYTES ((size_t)1 << 20)

/* Checks what was read and hands it out, unless an error was noted. */
static int finish(struct file_builder *fb, struct zt_policy **ret)
{
	int r = zt_check_policy(&fb->b);

	if (r < 0)
		return r;
	if (fb->b.diag->errors)
		return -EINVAL;
	*ret = zt_take(fb->b.policy);
	/* The trees of a large policy are gone, but not given back: twice what stays of it. */
	if (fb->bytes > TRIM_BYTES)
		malloc_trim(0);
	return 0;
}

static int load(struct file_builder *fb, const char *path, struct zt_policy **ret)
{
	int r = zt_files_is_directory(&fb->files, path);

	if (r < 0)
		r = unreadable(fb, NULL, path, r);
	else
		r = r ? read_directory(fb, path) : read_file(fb, path, NULL, NULL);
	if (r == 0)
		r = finish(fb, ret);
	fb->b.diag->sources = NULL; /* they go with the policy, or are gone */
	return r;
}

int zt_policy_load(struct zt_policy **ret, const char *path, struct zt_diag *diag)
{
	zt_auto(zt_diag_free) struct zt_diag own = ZT_DIAG_INIT;
	zt_auto(builder_free) struct file_builder fb;
	int r = builder_init(&fb, diag ?: &own);

	return r < 0 ? r : load(&fb, path, ret);
}

int zt_policy_parse_set(struct zt_policy **ret, const char *path,
			const struct zt_source_text *files, size_t count, struct zt_diag *diag)
{
	static const struct zt_source_text none = {0};
	zt_auto(zt_diag_free) struct zt_diag own = ZT_DIAG_INIT;
	zt_auto(builder_free) struct file_builder fb;
	size_t twice = 0;
	int r = builder_init(&fb, diag ?: &own);

	if (r < 0)
		return r;
	if (count > ZT_POLICY_FILES_MAX)
		return zt_diag_error(fb.b.diag, NULL, "a policy of %zu files; at most %d are read",
				     count, ZT_POLICY_FILES_MAX);
	r = zt_files_init(&fb.files, files ?: &none, count, &twice);
	if (r == -EEXIST)
		return zt_diag_error(fb.b.diag, NULL, "'%s' is given twice", files[twice].path);
	return r < 0 ? r : load(&fb, path, ret);
}

int zt_policy_parse(struct zt_policy **ret, const char *name, const void *buf, size_t len,
		    struct zt_diag *diag)
{
	zt_auto(zt_diag_free) struct zt_diag own = ZT_DIAG_INIT;
	zt_auto(builder_free) struct file_builder fb;
	struct open_file file = {.in_memory = true};
	char *text;
	int r;

	r = builder_init(&fb, diag ?: &own);
	if (r < 0)
		return r;
	r = check_size(&fb, NULL, name, len);
	if (r < 0)
		return r;
	text = malloc(len + 1);
	if (!text)
		return -ENOMEM;
	if (len)
		memcpy(text, buf, len);
	text[len] = '\0';
	file.source = add_source(&fb, name, text, len);
	r = file.source ? read_source(&fb, &file) : -ENOMEM;
	if (r == 0)
		r = finish(&fb, ret);
	fb.b.diag->sources = NULL;
	return r;
}

int zt_policy_empty(struct zt_policy **ret)
{
	zt_auto(builder_free) struct file_builder fb;
	int r = builder_init(&fb, NULL);

	if (r < 0)
		return r;
	*ret = zt_take(fb.b.policy);
	return 0;
}
