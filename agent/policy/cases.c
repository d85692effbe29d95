/* SPDX-License-Identifier: Apache-2.0 */
/* cases.c - what a policy is expected to do: YAML to checked cases. */
#include "policy/cases.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "base/vec.h"
#include "policy/build.h"

#define CASE_NAME_MAX 256 /* bytes */

/* A case while it is read; its ends are resolved when all of it is. */
struct raw_end {
	struct zt_raw_end raw; /* name and workload; first, so that the policy's readers fit */
	const char *kind;      /* "host", "address", "segment", or NULL: whichever it is */
};

struct raw_case {
	struct zt_case c;
	struct raw_end from, to;
	bool port_given;
};

struct reader {
	struct zt_builder b; /* first: readers of fields get its address */
	const struct zt_policy *policy;
	struct zt_strmap *hosts;
	struct zt_strmap *segments;
	struct zt_case *cases;
	size_t count, cap;
};

static struct reader *reader_of(struct zt_builder *b)
{
	return (struct reader *)b;
}

/* --- ends ------------------------------------------------------------------------------ */

static int take_name(struct zt_builder *b, const struct zt_node *value, struct raw_end *end,
		     const char *kind)
{
	struct zt_loc loc = zt_node_loc(value);

	if (end->raw.name.s) {
		zt_diag_error(b->diag, &loc, "this end is named twice");
		zt_diag_remedy(b->diag, "give one of host, address and segment");
		return 0;
	}
	end->kind = kind;
	end->raw.name.loc = loc;
	return zt_read_text(b, value, "the name of an end", ZT_NAME_LEN - 1, &end->raw.name.s);
}

static int end_host(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return take_name(b, value, object, "host");
}

static int end_address(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return take_name(b, value, object, "address");
}

static int end_segment(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return take_name(b, value, object, "segment");
}

static int read_end(struct zt_builder *b, const struct zt_node *value, struct raw_end *end)
{
	struct zt_field fields[3 + ZT_QUAL_COUNT] = {
		{.key = "host", .read = end_host},
		{.key = "address", .read = end_address},
		{.key = "segment", .read = end_segment},
	};
	size_t errors = b->diag->errors;
	struct zt_loc loc = zt_node_loc(value);
	int r;

	end->raw.end.loc = loc;
	if (value->kind == ZT_NODE_SCALAR)
		return take_name(b, value, end, NULL);
	memcpy(fields + 3, zt_workload_fields, sizeof(zt_workload_fields));
	r = zt_read_fields(b, value, "an end of a case", fields, ARRAY_SIZE(fields), end);
	if (r == 0 && !end->raw.name.s && b->diag->errors == errors) {
		zt_diag_error(b->diag, &loc, "this end names no host, address or segment");
		zt_diag_remedy(b->diag, "write {host: web1, unit: app.service}");
	}
	return r;
}

static bool builtin_segment(const char *name)
{
	enum zt_end_kind kind = zt_end_builtin(name);

	return kind != ZT_END_SEGMENT && kind != ZT_END_THIS_HOST;
}

static const struct zt_host *find_host(const struct reader *r, const char *name)
{
	uint32_t n = zt_strmap_find(r->hosts, name, strlen(name));

	return n == ZT_STRMAP_NONE ? NULL : &r->policy->hosts[n];
}

/* What a name without a kind can be: exactly one of the three. */
static const char *kind_of(const struct reader *r, const char *name, bool *ret_both)
{
	bool host = find_host(r, name) != NULL;
	bool segment = builtin_segment(name) ||
		       zt_strmap_find(r->segments, name, strlen(name)) != ZT_STRMAP_NONE;
	struct zt_addr addr;

	*ret_both = host && segment;
	if (host || segment)
		return host ? "host" : "segment";
	return zt_addr_parse(name, &addr) == -EINVAL ? NULL : "address";
}

static void no_such(struct reader *r, const struct zt_text *name, const char *kind)
{
	if (strcmp(name->s, "this-host") == 0) {
		zt_diag_error(r->b.diag, &name->loc,
			      "'this-host' is another host wherever a policy is read");
		zt_diag_remedy(r->b.diag, "name the host");
		return;
	}
	zt_diag_error(r->b.diag, &name->loc, "no %s '%s' in the policy",
		      kind ? kind : "host, address or segment", name->s);
	zt_diag_remedy(r->b.diag, "use a name of the policy's hosts or segments, or an address");
}

static void resolve_end(struct reader *r, const struct raw_end *end, struct zt_case_end *ret)
{
	const struct zt_text *name = &end->raw.name;
	const struct zt_qualifier *q = &end->raw.end.qual;
	const char *kind = end->kind;
	bool both = false;

	ret->text = name->s;
	ret->loc = end->raw.end.loc;
	ret->qual = *q;
	ret->qualified = q->unit.s || q->cgroup.s || q->user.s || q->exe.s;
	if (!name->s)
		return;
	if (!kind)
		kind = kind_of(r, name->s, &both);
	if (both) {
		zt_diag_error(r->b.diag, &name->loc, "'%s' is a host and a segment", name->s);
		zt_diag_remedy(r->b.diag, "write {host: %s} or {segment: %s}", name->s, name->s);
	} else if (!kind) {
		no_such(r, name, NULL);
	} else if (strcmp(kind, "host") == 0) {
		ret->kind = ZT_CASE_HOST;
		ret->host = find_host(r, name->s);
		if (!ret->host)
			no_such(r, name, kind);
		else if (!ret->host->address_count)
			zt_diag_error(r->b.diag, &name->loc, "host '%s' has no address", name->s);
	} else if (strcmp(kind, "segment") == 0) {
		ret->kind = ZT_CASE_SEGMENT;
		if (!builtin_segment(name->s) &&
		    zt_strmap_find(r->segments, name->s, strlen(name->s)) == ZT_STRMAP_NONE)
			no_such(r, name, kind);
	} else {
		ret->kind = ZT_CASE_ADDRESS;
		if (zt_addr_parse(name->s, &ret->addr) < 0)
			zt_diag_error(r->b.diag, &name->loc, "'%s' is not an address", name->s);
		else
			ret->host = zt_policy_host_at(r->policy, &ret->addr);
	}
}

/* --- the fields of a case ---------------------------------------------------------------- */

static int case_name(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return zt_read_text(b, value, "the name of a case", CASE_NAME_MAX,
			    &((struct raw_case *)object)->c.name);
}

static int case_from(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return read_end(b, value, &((struct raw_case *)object)->from);
}

static int case_to(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return read_end(b, value, &((struct raw_case *)object)->to);
}

static int case_port(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_port_range *port = &((struct raw_case *)object)->c.port;
	struct zt_loc loc = zt_node_loc(value);
	const char *why = "write one port, as tcp/443";

	if (value->kind == ZT_NODE_SCALAR && zt_port_parse(value->text, port, &why) == 0 &&
	    port->first == port->last)
		return 0;
	if (value->kind == ZT_NODE_SCALAR)
		zt_diag_error(b->diag, &loc, "'%s' is not one port", value->text);
	else
		zt_diag_error(b->diag, &loc, "one port is expected here, not %s",
			      zt_node_what(value));
	zt_diag_remedy(b->diag, "%s", why);
	return 0;
}

static int case_at(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_loc loc = zt_node_loc(value);

	if (value->kind == ZT_NODE_SCALAR &&
	    zt_wall_parse(value->text, &((struct raw_case *)object)->c.at_ns) == 0)
		return 0;
	zt_diag_error(b->diag, &loc, "a time is expected here");
	zt_diag_remedy(b->diag, "write it as 2027-03-31T18:00:00+08:00");
	return 0;
}

static int by_host_and_key(const void *x, const void *y)
{
	const struct zt_overlay_label *a = x, *b = y;
	int c = strcmp(a->host, b->host);

	return c ? c : strcmp(a->key, b->key);
}

static int add_host_labels(struct zt_builder *b, const struct zt_node *host,
			   const struct zt_node *value, struct zt_case *c)
{
	struct zt_loc loc = zt_node_loc(host);
	struct zt_overlay_label *grown;
	struct zt_label *labels = NULL;
	size_t count = 0;
	int r;

	if (host->kind != ZT_NODE_SCALAR || !find_host(reader_of(b), host->text)) {
		zt_diag_error(b->diag, &loc, "no host '%s' in the policy",
			      host->kind == ZT_NODE_SCALAR ? host->text : zt_node_what(host));
		return 0;
	}
	r = zt_read_labels(b, value, &labels, &count);
	if (r < 0)
		return r;
	grown = zt_arena_array(b->arena, c->label_count + count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	if (c->label_count)
		memcpy(grown, c->labels, c->label_count * sizeof(*grown));
	c->labels = grown;
	for (size_t i = 0; i < count; i++)
		c->labels[c->label_count++] = (struct zt_overlay_label){
			.host = find_host(reader_of(b), host->text)->name,
			.key = labels[i].key,
			.value = labels[i].value,
		};
	return 0;
}

static int case_labels(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_case *c = &((struct raw_case *)object)->c;
	struct zt_loc loc = zt_node_loc(value);
	int r = 0;

	if (value->kind != ZT_NODE_MAPPING) {
		zt_diag_error(b->diag, &loc, "labels of hosts are expected here, not %s",
			      zt_node_what(value));
		zt_diag_remedy(b->diag, "write labels: {web1: {posture: bad}}");
		return 0;
	}
	for (const struct zt_node *key = value->first; key && r == 0; key = key->next->next)
		r = add_host_labels(b, key, key->next, c);
	if (r < 0 || !c->label_count)
		return r;
	qsort(c->labels, c->label_count, sizeof(*c->labels), by_host_and_key);
	for (size_t i = 1; i < c->label_count; i++)
		if (by_host_and_key(&c->labels[i - 1], &c->labels[i]) == 0) {
			zt_diag_error(b->diag, &loc, "host '%s' stands twice", c->labels[i].host);
			break;
		}
	return 0;
}

static int expect_plane(struct zt_builder *b, const struct zt_node *value, struct zt_case *c,
			int plane)
{
	c->expects[plane] = true;
	return zt_read_action(b, value, &c->want[plane]);
}

static int expect_live(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return expect_plane(b, value, object, ZT_LIVE);
}

static int expect_candidate(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return expect_plane(b, value, object, ZT_CANDIDATE);
}

static int expect_rule(struct zt_builder *b, const struct zt_node *value, void *object)
{
	return zt_read_text(b, value, "the id of a rule", ZT_NAME_LEN - 1,
			    &((struct zt_case *)object)->rule);
}

static const struct zt_field expect_fields[] = {
	{.key = "live", .read = expect_live},
	{.key = "candidate", .read = expect_candidate},
	{.key = "rule", .read = expect_rule},
};

static int case_expect(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_case *c = &((struct raw_case *)object)->c;
	struct zt_loc loc = zt_node_loc(value);
	size_t errors = b->diag->errors;
	int r;

	/* One word stands for both verdicts. */
	if (value->kind == ZT_NODE_SCALAR) {
		r = expect_plane(b, value, c, ZT_LIVE);
		c->expects[ZT_CANDIDATE] = true;
		c->want[ZT_CANDIDATE] = c->want[ZT_LIVE];
		return r;
	}
	r = zt_read_fields(b, value, "what is expected", expect_fields, ARRAY_SIZE(expect_fields),
			   c);
	if (r == 0 && b->diag->errors == errors && !c->expects[ZT_LIVE] &&
	    !c->expects[ZT_CANDIDATE]) {
		zt_diag_error(b->diag, &loc, "nothing is expected of this case");
		zt_diag_remedy(b->diag, "write expect: deny, or expect: {live: allow, candidate: "
					"deny}");
	}
	return r;
}

static const struct zt_field case_fields[] = {
	{.key = "name", .read = case_name},
	{.key = "from", .read = case_from, .required = true},
	{.key = "to", .read = case_to, .required = true},
	{.key = "port", .read = case_port, .required = true},
	{.key = "at", .read = case_at},
	{.key = "labels", .read = case_labels},
	{.key = "expect", .read = case_expect, .required = true},
};

static int read_case(struct zt_builder *b, const struct zt_node *node)
{
	struct reader *reader = reader_of(b);
	struct raw_case raw = {.c = {.loc = zt_node_loc(node)}};
	char name[32];
	int r;

	if (reader->count >= ZT_CASES_MAX) {
		zt_diag_error(b->diag, &raw.c.loc, "more than %d cases", ZT_CASES_MAX);
		zt_diag_remedy(b->diag, "split the file");
		return -EINVAL;
	}
	r = zt_read_fields(b, node, "a case", case_fields, ARRAY_SIZE(case_fields), &raw);
	if (r < 0)
		return r;
	resolve_end(reader, &raw.from, &raw.c.from);
	resolve_end(reader, &raw.to, &raw.c.to);
	snprintf(name, sizeof(name), "case %zu", reader->count + 1);
	if (!raw.c.name)
		raw.c.name = zt_arena_text(b->arena, name, strlen(name));
	if (!raw.c.name ||
	    zt_vec_grow(&reader->cases, &reader->cap, reader->count + 1, sizeof(raw.c)) < 0)
		return -ENOMEM;
	reader->cases[reader->count++] = raw.c;
	return 0;
}

/* --- the file --------------------------------------------------------------------------------- */

static int file_version(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_loc loc = zt_node_loc(value);

	(void)object;
	if (value->kind == ZT_NODE_SCALAR && value->plain && strcmp(value->text, "1") == 0)
		return 0;
	zt_diag_error(b->diag, &loc, "the version of a file of cases is 1");
	return 0;
}

static int file_cases(struct zt_builder *b, const struct zt_node *value, void *object)
{
	(void)object;
	return zt_read_list(b, value, "a list of cases", read_case);
}

static const struct zt_field file_fields[] = {
	{.key = "version", .read = file_version},
	{.key = "cases", .read = file_cases, .required = true},
};

static int index_names(struct reader *r)
{
	if (zt_strmap_new(&r->hosts) < 0 || zt_strmap_new(&r->segments) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < r->policy->host_count; i++)
		if (zt_strmap_intern(r->hosts, r->policy->hosts[i].name,
				     strlen(r->policy->hosts[i].name), NULL) == ZT_STRMAP_NONE)
			return -ENOMEM;
	for (size_t i = 0; i < r->policy->segment_count; i++)
		if (zt_strmap_intern(r->segments, r->policy->segments[i].name,
				     strlen(r->policy->segments[i].name), NULL) == ZT_STRMAP_NONE)
			return -ENOMEM;
	return 0;
}

static int read_all(struct reader *r, const struct zt_source *source)
{
	struct zt_loc loc = {.file = source->name};
	struct zt_node *root = NULL;
	int status = index_names(r);

	if (status == 0)
		status = zt_yaml_parse(source, r->b.arena, &root, r->b.diag);
	if (status == 0 && root)
		status = zt_read_fields(&r->b, root, "a file of cases", file_fields,
					ARRAY_SIZE(file_fields), r);
	if (status == 0 && !r->count && !r->b.diag->errors)
		zt_diag_error(r->b.diag, &loc, "no case: nothing would be tested");
	return status < 0 ? status : (r->b.diag->errors ? -EINVAL : 0);
}

void zt_cases_free(struct zt_cases **cases)
{
	struct zt_arena *arena;

	if (!*cases)
		return;
	arena = (*cases)->arena;
	zt_arena_free(&arena);
	free((*cases)->source.name);
	free((*cases)->source.text);
	free((*cases)->cases);
	free(*cases);
	*cases = NULL;
}

static void reader_free(struct reader *r)
{
	zt_strmap_free(&r->hosts);
	zt_strmap_free(&r->segments);
	free(r->cases);
}

int zt_cases_parse(struct zt_cases **ret, const char *name, const char *text, size_t len,
		   const struct zt_policy *policy, struct zt_diag *diag)
{
	zt_auto(zt_cases_free) struct zt_cases *cases = calloc(1, sizeof(*cases));
	zt_auto(reader_free) struct reader reader = {.b = {.diag = diag}, .policy = policy};
	int r;

	if (!cases || zt_arena_new(&reader.b.arena) < 0)
		return -ENOMEM;
	cases->arena = reader.b.arena;
	cases->source.name = strdup(name);
	cases->source.text = malloc(len + 1);
	if (!cases->source.name || !cases->source.text)
		return -ENOMEM;
	if (len)
		memcpy(cases->source.text, text, len);
	cases->source.text[len] = '\0';
	cases->source.len = len;
	diag->sources = &cases->source;
	r = read_all(&reader, &cases->source);
	diag->sources = NULL;
	if (r < 0)
		return r;
	cases->cases = zt_take(reader.cases);
	cases->count = reader.count;
	*ret = zt_take(cases);
	return 0;
}
