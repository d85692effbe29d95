/* SPDX-License-Identifier: Apache-2.0 */
/* yaml.c - YAML text to a plain tree in which every node knows its place. */
#include "policy/yaml.h"

#include <errno.h>
#include <libfyaml.h>
#include <limits.h>
#include <string.h>

#include "base/strbuf.h"

#define DEPTH_MAX    16
#define BRACKETS_MAX 1024
#define NODES_MAX    (4u << 20)
/* The library keeps a line's tokens while what begins there may be a key: some 700 bytes for one.
 */
#define LINE_MAX_BYTES (128u << 10)

struct reader {
	const struct zt_source *src;
	struct zt_arena *arena;
	struct zt_diag *diag;
	struct fy_parser *fyp;
	struct fy_diag *fyd;
	/* Where the last token was, to find the next one's line without starting over. */
	size_t pos;
	size_t line_start;
	unsigned int line;
	/* The collections that are open, outermost first. */
	struct {
		struct zt_node *node;
		struct zt_node **tail;
	} stack[DEPTH_MAX];
	unsigned int depth;
	unsigned int nodes;
	unsigned int documents;
	struct zt_node *root;
};

/* Line and column in bytes; the library counts columns in characters. */
static void locate(struct reader *rd, size_t pos, unsigned int *ret_line, unsigned int *ret_col)
{
	const char *text = rd->src->text, *newline;

	if (pos > rd->src->len)
		pos = rd->src->len;
	if (pos < rd->pos) {
		rd->pos = rd->line_start = 0;
		rd->line = 1;
	}
	while ((newline = memchr(text + rd->pos, '\n', pos - rd->pos))) {
		rd->pos = rd->line_start = (size_t)(newline - text) + 1;
		rd->line++;
	}
	rd->pos = pos;
	*ret_line = rd->line;
	*ret_col = (unsigned int)(pos - rd->line_start) + 1;
}

static struct zt_loc here(struct reader *rd, struct fy_token *token)
{
	const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
	struct zt_loc loc = {.file = rd->src->name};
	size_t pos = mark ? mark->input_pos : rd->pos;

	/* The library marks the text of a quoted scalar, people look for its quote. */
	if (mark && pos && fy_token_get_type(token) == FYTT_SCALAR &&
	    fy_token_scalar_style(token) != FYSS_PLAIN && strchr("\"'", rd->src->text[pos - 1]))
		pos--;
	locate(rd, pos, &loc.line, &loc.col);
	return loc;
}

static struct zt_node *add_node(struct reader *rd, enum zt_node_kind kind, struct fy_token *token)
{
	struct zt_node *node = zt_arena_alloc(rd->arena, sizeof(*node));
	struct zt_loc loc = here(rd, token);

	if (!node)
		return NULL;
	node->kind = kind;
	node->file = loc.file;
	node->line = loc.line;
	node->col = loc.col;
	if (!rd->depth) {
		rd->root = node;
	} else {
		*rd->stack[rd->depth - 1].tail = node;
		rd->stack[rd->depth - 1].tail = &node->next;
		rd->stack[rd->depth - 1].node->len++;
	}
	return node;
}

static int open_collection(struct reader *rd, enum zt_node_kind kind, struct fy_token *token)
{
	struct zt_loc loc = here(rd, token);
	struct zt_node *node;

	if (rd->depth == DEPTH_MAX)
		return zt_diag_error(rd->diag, &loc, "nested deeper than %d levels", DEPTH_MAX);
	node = add_node(rd, kind, token);
	if (!node)
		return -ENOMEM;
	rd->stack[rd->depth].node = node;
	rd->stack[rd->depth].tail = &node->first;
	rd->depth++;
	return 0;
}

static int add_scalar(struct reader *rd, struct fy_token *token)
{
	struct zt_node *node;
	const char *text = NULL;
	size_t len = 0;

	if (token)
		text = fy_token_get_text(token, &len);
	if (token && !text)
		return -ENOMEM;
	if (len && memchr(text, '\0', len)) {
		struct zt_loc loc = here(rd, token);

		return zt_diag_error(rd->diag, &loc, "a NUL character in a value");
	}
	node = add_node(rd, ZT_NODE_SCALAR, token);
	if (!node)
		return -ENOMEM;
	node->text = zt_arena_text(rd->arena, text, len);
	node->len = (uint32_t)len;
	node->plain = !token || fy_token_scalar_style(token) == FYSS_PLAIN;
	return node->text ? 0 : -ENOMEM;
}

static int refuse(struct reader *rd, struct fy_token *token, const char *what)
{
	struct zt_loc loc = here(rd, token);
	int r = zt_diag_error(rd->diag, &loc, "%s are not part of the policy language", what);

	zt_diag_remedy(rd->diag, "write the value out where it is needed");
	return r;
}

static int check_extras(struct reader *rd, struct fy_token *anchor, struct fy_token *tag)
{
	if (anchor)
		return refuse(rd, anchor, "anchors and aliases");
	if (tag)
		return refuse(rd, tag, "tags");
	return 0;
}

static int handle(struct reader *rd, struct fy_event *ev)
{
	struct zt_loc loc;
	int r;

	if (++rd->nodes > NODES_MAX) {
		loc = here(rd, NULL);
		return zt_diag_error(rd->diag, &loc, "more than %u values in one file", NODES_MAX);
	}
	switch (ev->type) {
	case FYET_DOCUMENT_START:
		if (rd->documents++ == 0)
			return 0;
		loc = here(rd, ev->document_start.document_start);
		r = zt_diag_error(rd->diag, &loc, "a second document in the file");
		zt_diag_remedy(rd->diag, "remove the '---', or put it into a file of its own");
		return r;
	case FYET_ALIAS:
		return refuse(rd, ev->alias.anchor, "anchors and aliases");
	case FYET_SCALAR:
		r = check_extras(rd, ev->scalar.anchor, ev->scalar.tag);
		return r < 0 ? r : add_scalar(rd, ev->scalar.value);
	case FYET_SEQUENCE_START:
		r = check_extras(rd, ev->sequence_start.anchor, ev->sequence_start.tag);
		if (r < 0)
			return r;
		return open_collection(rd, ZT_NODE_SEQUENCE, ev->sequence_start.sequence_start);
	case FYET_MAPPING_START:
		r = check_extras(rd, ev->mapping_start.anchor, ev->mapping_start.tag);
		if (r < 0)
			return r;
		return open_collection(rd, ZT_NODE_MAPPING, ev->mapping_start.mapping_start);
	case FYET_SEQUENCE_END:
	case FYET_MAPPING_END:
		rd->depth--;
		return 0;
	default:
		return 0;
	}
}

/* Column in bytes of a column in characters. */
static unsigned int byte_column(const struct zt_source *src, unsigned int line, unsigned int col)
{
	const char *text = src->text, *end = src->text + src->len, *at;

	while (--line && (at = memchr(text, '\n', (size_t)(end - text))))
		text = at + 1;
	for (at = text; --col && at < end && *at != '\n';)
		at += zt_utf8_next((const unsigned char *)at, (size_t)(end - at), NULL) ?: 1;
	return (unsigned int)(at - text) + 1;
}

/* Number of the last line that holds text. */
static unsigned int last_line(const struct zt_source *src)
{
	unsigned int line = 1;

	for (size_t i = 0; i + 1 < src->len; i++)
		line += src->text[i] == '\n';
	return line;
}

/* The library's first complaint, in our form; later ones are its own confusion. */
static int syntax_error(struct reader *rd)
{
	struct zt_loc loc = {.file = rd->src->name};
	struct fy_diag_error *e;
	unsigned int last, col;
	void *prev = NULL;

	while ((e = fy_diag_errors_iterate(rd->fyd, &prev))) {
		if (e->type != FYET_ERROR)
			continue;
		loc.line = e->line > 0 ? (unsigned int)e->line : 1;
		col = e->column > 0 ? (unsigned int)e->column : 1;
		/* It adds the line end that a text cut short lacks, and then speaks of what
		 * comes after: the last place that the file has is the end of its text. */
		last = last_line(rd->src);
		if (loc.line > last) {
			loc.line = last;
			col = UINT_MAX;
		}
		loc.col = byte_column(rd->src, loc.line, col);
		return zt_diag_error(rd->diag, &loc, "not valid YAML: %s", e->msg);
	}
	locate(rd, rd->pos, &loc.line, &loc.col);
	return zt_diag_error(rd->diag, &loc, "not valid YAML");
}

static int read_events(struct reader *rd)
{
	struct fy_event *ev;
	int r = 0;

	if (fy_parser_set_string(rd->fyp, rd->src->text, rd->src->len) < 0)
		return -ENOMEM;
	while (r == 0 && (ev = fy_parser_parse(rd->fyp))) {
		r = handle(rd, ev);
		fy_parser_event_free(rd->fyp, ev);
	}
	if (r == 0 && (fy_parser_get_stream_error(rd->fyp) || rd->depth))
		r = syntax_error(rd);
	return r;
}

/* Bytes that no policy holds, found before the library sees them. */
static int check_bytes(const struct zt_source *src, struct zt_diag *diag)
{
	struct reader rd = {.src = src, .line = 1};
	struct zt_loc loc = {.file = src->name};
	const unsigned char *text = (const unsigned char *)src->text;
	size_t line = 0;

	for (size_t i = 0; i < src->len;) {
		size_t n = zt_utf8_next(text + i, src->len - i, NULL);

		if (i && text[i - 1] == '\n')
			line = i;
		if (i - line >= LINE_MAX_BYTES) {
			locate(&rd, line, &loc.line, &loc.col);
			zt_diag_error(diag, &loc, "a line of more than %u bytes", LINE_MAX_BYTES);
			zt_diag_remedy(diag, "lists and mappings may go on in the next line");
			return -EINVAL;
		}
		if (n &&
		    (text[i] >= 0x20 || text[i] == '\t' || text[i] == '\n' || text[i] == '\r')) {
			i += n;
			continue;
		}
		locate(&rd, i, &loc.line, &loc.col);
		zt_diag_error(diag, &loc,
			      n ? "byte 0x%02x is not text" : "byte 0x%02x is not UTF-8", text[i]);
		zt_diag_remedy(diag, "save the file as UTF-8 text");
		return -EINVAL;
	}
	return 0;
}

/* Whether a quote or a collection may begin here, judging by what is before it on the line. */
static bool begins_token(const char *text, size_t at)
{
	while (at && text[at - 1] == ' ')
		at--;
	return !at || strchr("\n[{,:-?", text[at - 1]);
}

/* Where a quoted text ends that begins at @at, or the end of the file. */
static size_t skip_quoted(const struct zt_source *src, size_t at)
{
	char quote = src->text[at++];

	while (at < src->len && src->text[at] != quote)
		at += quote == '"' && src->text[at] == '\\' ? 2 : 1;
	return at;
}

/*
 * Brackets in brackets, before the library sees them: it reads all that are
 * open before it tells of the first, some 300 bytes each. A rough reading, since
 * the limit is far above what is refused later.
 */
static int check_brackets(const struct zt_source *src, struct zt_diag *diag)
{
	struct reader rd = {.src = src, .line = 1};
	struct zt_loc loc = {.file = src->name};
	const char *text = src->text;
	unsigned int depth = 0;

	for (size_t i = 0; i < src->len; i++) {
		if (text[i] == '#' && (!i || strchr(" \t\n", text[i - 1]))) {
			i += strcspn(text + i, "\n");
		} else if ((text[i] == '"' || text[i] == '\'') && begins_token(text, i)) {
			i = skip_quoted(src, i);
		} else if ((text[i] == '[' || text[i] == '{') && (depth || begins_token(text, i))) {
			if (++depth < BRACKETS_MAX)
				continue;
			locate(&rd, i, &loc.line, &loc.col);
			return zt_diag_error(diag, &loc, "nested deeper than %d levels", DEPTH_MAX);
		} else if ((text[i] == ']' || text[i] == '}') && depth) {
			depth--;
		}
	}
	return 0;
}

int zt_yaml_parse(const struct zt_source *src, struct zt_arena *arena, struct zt_node **ret_root,
		  struct zt_diag *diag)
{
	struct reader rd = {.src = src, .arena = arena, .diag = diag, .line = 1};
	struct fy_parse_cfg cfg = {.flags = FYPCF_COLLECT_DIAG | FYPCF_QUIET};
	struct fy_diag_cfg diag_cfg;
	int r;

	r = check_bytes(src, diag);
	if (r == 0)
		r = check_brackets(src, diag);
	if (r < 0)
		return r;
	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	rd.fyd = fy_diag_create(&diag_cfg);
	if (!rd.fyd)
		return -ENOMEM;
	fy_diag_set_collect_errors(rd.fyd, true);
	cfg.diag = rd.fyd;
	rd.fyp = fy_parser_create(&cfg);
	r = rd.fyp ? read_events(&rd) : -ENOMEM;
	if (rd.fyp)
		fy_parser_destroy(rd.fyp);
	fy_diag_destroy(rd.fyd);
	if (r == 0)
		*ret_root = rd.root;
	return r;
}

bool zt_node_is_null(const struct zt_node *node)
{
	return node->kind == ZT_NODE_SCALAR && node->plain &&
	       (node->len == 0 || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

const char *zt_node_what(const struct zt_node *node)
{
	if (node->kind == ZT_NODE_MAPPING)
		return "a mapping";
	if (node->kind == ZT_NODE_SEQUENCE)
		return "a list";
	return zt_node_is_null(node) ? "nothing" : "a value";
}
