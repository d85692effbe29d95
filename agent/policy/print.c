/* SPDX-License-Identifier: Apache-2.0 */
/* print.c - the canonical form of a policy. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "policy/build.h"
#include "policy/hours.h"

/* Any text, as a YAML double-quoted scalar on one line. */
static void print_quoted(const char *text, FILE *out)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len = strlen(text);
	unsigned int code;

	fputc('"', out);
	for (size_t i = 0; i < len;) {
		size_t n = zt_utf8_next(s + i, len - i, &code);

		if (n == 0)
			break; /* cannot be: the reader takes UTF-8 only */
		if (code == '"' || code == '\\')
			fprintf(out, "\\%c", (int)code);
		else if (code < 0x20 || (code >= 0x7f && code < 0xa0))
			fprintf(out, "\\x%02x", code);
		else if ((code >= 0x2028 && code <= 0x202e) || code == 0xfeff)
			fprintf(out, "\\u%04x", code);
		else
			fwrite(s + i, 1, n, out);
		i += n;
	}
	fputc('"', out);
}

static void print_labels(const struct zt_label *labels, size_t count, FILE *out)
{
	fputc('{', out);
	for (size_t i = 0; i < count; i++) {
		fputs(i ? ", " : "", out);
		print_quoted(labels[i].key, out);
		fputs(": ", out);
		print_quoted(labels[i].value, out);
	}
	fputc('}', out);
}

static void print_nets(const struct zt_net *nets, size_t count, FILE *out)
{
	char text[ZT_NET_TEXT_LEN];

	fputc('[', out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "", zt_net_text(&nets[i].key, text));
	fputc(']', out);
}

static void print_hosts(const struct zt_policy *policy, FILE *out)
{
	if (policy->host_count)
		fputs("hosts:\n", out);
	for (size_t i = 0; i < policy->host_count; i++) {
		const struct zt_host *h = &policy->hosts[i];

		fprintf(out, "  \"%s\": {addresses: ", h->name);
		print_nets(h->addresses, h->address_count, out);
		fputs(", labels: ", out);
		print_labels(h->labels, h->label_count, out);
		fputs("}\n", out);
	}
}

static void print_segments(const struct zt_policy *policy, FILE *out)
{
	if (policy->segment_count)
		fputs("segments:\n", out);
	for (size_t i = 0; i < policy->segment_count; i++) {
		const struct zt_segment *s = &policy->segments[i];
		const char *comma = "";

		fprintf(out, "  \"%s\": {", s->name);
		if (s->select_count) {
			fputs("select: ", out);
			print_labels(s->select, s->select_count, out);
			comma = ", ";
		}
		if (s->address_count) {
			fprintf(out, "%saddresses: ", comma);
			print_nets(s->addresses, s->address_count, out);
			comma = ", ";
		}
		if (s->except_count) {
			fprintf(out, "%sexcept: ", comma);
			print_nets(s->except, s->except_count, out);
		}
		fputs("}\n", out);
	}
}

static void print_condition(const char *key, const struct zt_text *text, FILE *out)
{
	if (!text->s)
		return;
	fprintf(out, ", %s: ", key);
	print_quoted(text->s, out);
}

static void print_end(const struct zt_policy *policy, const struct zt_end *end, FILE *out)
{
	const char *name = end->kind == ZT_END_SEGMENT ? policy->segments[end->segment].name
						       : zt_end_builtin_name(end->kind);

	if (end->kind == ZT_END_NETS) {
		print_nets(end->nets, end->net_count, out);
		return;
	}
	if (!end->qualified) {
		fprintf(out, "\"%s\"", name);
		return;
	}
	fprintf(out, "{segment: \"%s\"", name);
	print_condition("unit", &end->qual.unit, out);
	print_condition("cgroup", &end->qual.cgroup, out);
	print_condition("user", &end->qual.user, out);
	print_condition("exe", &end->qual.exe, out);
	fputc('}', out);
}

static void print_ready(const struct zt_ready *ready, const char *indent, FILE *out)
{
	if (ready->given)
		fprintf(out, "%sready: {days: %u, flows: %llu, would_deny: %llu}\n", indent,
			ready->days, (unsigned long long)ready->flows,
			(unsigned long long)ready->would_deny);
}

/* Only what has a meaning: a time zone where there are hours, or a date, to be in it. */
static void print_when(const struct zt_stmt *stmt, FILE *out)
{
	const struct zt_when *when = &stmt->when;
	bool dated = stmt->expires.s && !strchr(stmt->expires.s, 'T');
	struct zt_strbuf hours = ZT_STRBUF_INIT;
	const char *comma = "";

	dated = dated && strcmp(when->timezone, ZT_TIMEZONE_DEFAULT) != 0;
	if (when->hour_count || when->label_count || dated)
		fputs("    when: {", out);
	if (when->hour_count) {
		zt_hours_text(when->hours, when->hour_count, "\", \"", &hours);
		fprintf(out, "hours: [\"%s\"]", zt_strbuf_text(&hours));
		zt_strbuf_free(&hours);
		comma = ", ";
	}
	if (when->hour_count || dated) {
		fprintf(out, "%stimezone: \"%s\"", comma, when->timezone);
		comma = ", ";
	}
	if (when->label_count) {
		fprintf(out, "%slabels: ", comma);
		print_labels(when->labels, when->label_count, out);
	}
	if (when->hour_count || when->label_count || dated)
		fputs("}\n", out);
	if (stmt->expires.s)
		fprintf(out, "    expires: \"%s\"\n", stmt->expires.s);
}

static void print_boundaries(const struct zt_policy *policy, FILE *out)
{
	if (policy->boundary_count)
		fputs("boundaries:\n", out);
	for (size_t i = 0; i < policy->boundary_count; i++) {
		const struct zt_boundary *b = &policy->boundaries[i];

		fputs("  - segment: ", out);
		print_end(policy, &b->segment, out);
		if (b->inbound)
			fputs("\n    inbound: deny", out);
		if (b->outbound)
			fputs("\n    outbound: deny", out);
		if (b->id)
			fprintf(out, "\n    id: \"%s\"", b->id);
		fprintf(out, "\n    mode: %s\n    existing: %s\n", zt_mode_name(b->mode),
			zt_existing_name(b->existing));
		print_ready(&b->ready, "    ", out);
		if (b->note) {
			fputs("    note: ", out);
			print_quoted(b->note, out);
			fputc('\n', out);
		}
	}
}

static void print_stmt(const struct zt_policy *policy, const struct zt_stmt *stmt, FILE *out)
{
	struct zt_strbuf ports = ZT_STRBUF_INIT;

	fprintf(out, "  - id: \"%s\"\n", stmt->id);
	if (stmt->kind == ZT_STMT_RULE)
		fprintf(out, "    action: %s\n", zt_action_name(stmt->action));
	fputs("    from: ", out);
	print_end(policy, &stmt->from, out);
	fputs("\n    to: ", out);
	print_end(policy, &stmt->to, out);
	zt_ports_text(&stmt->ports, &ports);
	fprintf(out, "\n    ports: [%s]\n", zt_strbuf_text(&ports));
	zt_strbuf_free(&ports);
	if (stmt->kind == ZT_STMT_RULE) {
		print_when(stmt, out);
		fprintf(out, "    mode: %s\n    existing: %s\n", zt_mode_name(stmt->mode),
			zt_existing_name(stmt->existing));
		print_ready(&stmt->ready, "    ", out);
	}
	if (stmt->note) {
		fputs("    note: ", out);
		print_quoted(stmt->note, out);
		fputc('\n', out);
	}
}

static void print_stmts(const struct zt_policy *policy, enum zt_stmt_kind kind, const char *title,
			FILE *out)
{
	bool first = true;

	for (size_t i = 0; i < policy->stmt_count; i++) {
		if (policy->stmts[i].kind != kind)
			continue;
		if (first)
			fprintf(out, "%s:\n", title);
		first = false;
		print_stmt(policy, &policy->stmts[i], out);
	}
}

int zt_policy_print(const struct zt_policy *policy, FILE *out)
{
	fprintf(out, "version: %d\npolicy: \"%s\"\nrevision: %llu\nmode: %s\n", ZT_POLICY_VERSION,
		policy->name, (unsigned long long)policy->revision, zt_mode_name(policy->mode));
	print_ready(&policy->ready, "", out);
	print_hosts(policy, out);
	print_segments(policy, out);
	print_boundaries(policy, out);
	print_stmts(policy, ZT_STMT_RULE, "rules", out);
	print_stmts(policy, ZT_STMT_FAILSAFE, "failsafe", out);
	return ferror(out) ? -EIO : 0;
}
