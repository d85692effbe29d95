/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_canonical.c - the canonical form: over random policies with every key of the language it
 * reads back to the same policy, and policies that mean the same have one form.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "policy/policy.h"
#include "policy_random.h"

#define POLICIES 4000

static char *canonical(const struct zt_policy *policy)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(zt_policy_print(policy, out), 0);
	fclose(out);
	return text;
}

/* --- random policies -------------------------------------------------------------------------- */

static const char *const notes[] = {
	"plain",
	"\"with a \\t tab, \\\"quotes\\\" and \\\\\"",
	"\"line\\nbreak, bell \\a, \\u202e override, \\u2028\"",
	"'single: {quoted} # not a comment'",
	"角色 für alle",
	"\"- [not, a, list]\"",
	"\"\\x85 and \\uFEFF\"",
	"12",
	"yes",
	"|\n      a block\n        of text\n",
	">-\n      folded\n      text\n",
};

static void write_hours(struct zt_strbuf *sb)
{
	static const char *const days[] = {"Mon", "tue", "WED", "Thu", "Fri", "Sat", "Sun"};

	for (uint32_t n = 1 + pick(3), i = 0; i < n; i++) {
		uint32_t from = pick(24), to = pick(25);

		zt_strbuf_puts(sb, i ? ", \"" : "\"");
		if (pick(4))
			zt_strbuf_puts(sb, PICK(days));
		else
			zt_strbuf_printf(sb, "%s, %s-%s", PICK(days), PICK(days), PICK(days));
		if (pick(3))
			zt_strbuf_printf(sb, " %02u:%02u - %u:%s", from, pick(29), to,
					 to == 24     ? "00"
					 : to == from ? "59"
						      : "30");
		zt_strbuf_puts(sb, "\"");
	}
}

static bool write_when(struct zt_strbuf *sb)
{
	static const char *const zones[] = {"UTC", "Asia/Taipei", "Europe/Berlin", "Etc/GMT+5"};
	bool timed = pick(2), labels = pick(2) || !timed;

	zt_strbuf_puts(sb, "    when: {");
	if (timed) {
		zt_strbuf_puts(sb, "hours: [");
		write_hours(sb);
		zt_strbuf_puts(sb, "]");
	}
	if (timed && pick(2))
		zt_strbuf_printf(sb, ", timezone: %s", PICK(zones));
	if (labels)
		zt_strbuf_printf(sb, "%slabels: {a: %u%s}", timed ? ", " : "", pick(3),
				 pick(2) ? ", 'b': \"1\"" : "");
	zt_strbuf_puts(sb, "}\n");
	return timed;
}

static void write_expires(struct zt_strbuf *sb)
{
	zt_strbuf_printf(sb, "    expires: %u-%02u-%02u", 2090 + pick(20), 1 + pick(12),
			 1 + pick(28));
	if (pick(2))
		zt_strbuf_printf(sb, "T%02u:%02u:%02u%s", pick(24), pick(60), pick(60),
				 pick(2)   ? "Z"
				 : pick(2) ? "+05:45"
					   : "-11:00");
	zt_strbuf_puts(sb, "\n");
}

static void write_ready(struct zt_strbuf *sb, const char *indent)
{
	zt_strbuf_printf(sb, "%sready: {days: %u%s%s}\n", indent, pick(100),
			 pick(2) ? ", flows: 1000000000000" : "", pick(2) ? ", would_deny: 3" : "");
}

static void write_common(struct zt_strbuf *sb)
{
	static const char *const modes[] = {"staged", "enforced"};
	static const char *const existing[] = {"keep", "recheck", "reset"};

	if (pick(2))
		zt_strbuf_printf(sb, "    mode: %s\n", PICK(modes));
	if (pick(2))
		zt_strbuf_printf(sb, "    existing: %s\n", PICK(existing));
	if (!pick(3))
		write_ready(sb, "    ");
	if (!pick(3))
		zt_strbuf_printf(sb, "    note: %s\n", PICK(notes));
}

static void write_rules(struct zt_strbuf *sb, uint32_t segments)
{
	uint32_t n = pick(6);

	zt_strbuf_puts(sb, "rules:\n");
	for (uint32_t i = 0; i < n; i++) {
		zt_strbuf_printf(sb, "  - id: r%u\n", i);
		if (pick(2))
			zt_strbuf_printf(sb, "    action: %s\n", pick(3) ? "allow" : "deny");
		zt_strbuf_puts(sb, "    from: ");
		write_end(sb, segments, pick(2));
		zt_strbuf_puts(sb, "\n    to: ");
		write_end(sb, segments, false);
		zt_strbuf_puts(sb, "\n    ports: ");
		write_list(sb, ports, ARRAY_SIZE(ports), 1);
		zt_strbuf_puts(sb, "\n");
		if (pick(2))
			write_when(sb);
		if (!pick(3))
			write_expires(sb);
		write_common(sb);
	}
}

static void write_policy(struct zt_strbuf *sb)
{
	static const char *const directions[] = {"inbound", "outbound"};
	uint32_t segments = pick(6), n;

	write_inventory(sb, 1 + pick(5), segments);
	zt_strbuf_printf(sb, "mode: %s\n", pick(2) ? "staged" : "enforced");
	if (pick(2))
		write_ready(sb, "");
	n = pick(4);
	zt_strbuf_puts(sb, "boundaries:\n");
	for (uint32_t i = 0; i < n; i++) {
		zt_strbuf_puts(sb, "  - segment: ");
		write_end(sb, segments, false);
		zt_strbuf_printf(sb, "\n    %s: deny\n    id: b%u\n", PICK(directions), i);
		write_common(sb);
	}
	write_rules(sb, segments);
	zt_strbuf_puts(sb, "failsafe:\n");
	n = pick(3);
	for (uint32_t i = 0; i < n; i++) {
		zt_strbuf_printf(sb, "  - {id: f%u, from: ", i);
		write_list(sb, nets, ARRAY_SIZE(nets), 1);
		zt_strbuf_puts(sb, ", to: this-host, ports: ");
		write_list(sb, ports, ARRAY_SIZE(ports), 1);
		zt_strbuf_printf(sb, "%s}\n", pick(2) ? ", note: \"in a \\\"flow\\\"\"" : "");
	}
}

/* --- what must hold -----------------------------------------------------------------------------
 */

/* Only a deny about labels that no host has; nothing else may be wrong. */
static void check_refusal(const struct zt_diag *diag)
{
	for (size_t i = 0; i < diag->count; i++)
		if (diag->entries[i].severity == ZT_SEVERITY_ERROR &&
		    !strstr(diag->entries[i].message, "would deny"))
			fail_msg("%u: %s", diag->entries[i].line, diag->entries[i].message);
}

static bool try_policy(void)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	zt_auto(zt_policy_free) struct zt_policy *again = NULL;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	zt_auto(zt_freep) char *text = NULL;
	zt_auto(zt_freep) char *text2 = NULL;

	write_policy(&sb);
	if (zt_policy_parse(&policy, "random.yaml", sb.data, sb.len, &diag) < 0) {
		check_refusal(&diag);
		return false;
	}
	text = canonical(policy);
	if (zt_policy_parse(&again, "canonical", text, strlen(text), NULL) < 0)
		fail_msg("%s\nis not read:\n%s", sb.data, text);
	text2 = canonical(again);
	if (strcmp(text, text2) != 0)
		fail_msg("%s\nbecomes:\n%s", text, text2);
	assert_memory_equal(policy->digest, again->digest, sizeof(policy->digest));
	assert_int_equal(policy->stmt_count, again->stmt_count);
	for (size_t i = 0; i < policy->stmt_count; i++) {
		const struct zt_stmt *a = &policy->stmts[i], *b = &again->stmts[i];

		assert_int_equal(a->expires_s, b->expires_s);
		assert_int_equal(a->when.hour_count, b->when.hour_count);
		assert_memory_equal(&a->ready.days, &b->ready.days, sizeof(a->ready.days));
		assert_int_equal(a->ready.flows, b->ready.flows);
		assert_int_equal(a->ready.would_deny, b->ready.would_deny);
		assert_string_equal(a->note ?: "", b->note ?: "");
	}
	return true;
}

static void test_random(void **state)
{
	int tried = 0;

	(void)state;
	for (int i = 0; i < POLICIES; i++)
		tried += try_policy();
	assert_true(tried > POLICIES / 2);
}

/* The canonical form of a rule with these keys. */
static char *form(const char *keys)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;

	zt_strbuf_printf(&sb,
			 "version: 1\npolicy: p\nrevision: 1\n"
			 "hosts:\n  h: {addresses: [10.0.0.1], labels: {a: 1, b: 2}}\n"
			 "rules:\n  - {id: r, from: any, to: any, %s}\n",
			 keys);
	if (zt_policy_parse(&policy, "t", sb.data, sb.len, &diag) < 0)
		zt_diag_print(&diag, stderr);
	assert_non_null(policy);
	return canonical(policy);
}

static void expect_same(const char *a, const char *b, bool same)
{
	zt_auto(zt_freep) char *fa = form(a);
	zt_auto(zt_freep) char *fb = form(b);

	if ((strcmp(fa, fb) == 0) != same)
		fail_msg("%s\n%s\n%s\n%s", a, b, fa, fb);
}

#define ANY "ports: [any]"

static void test_spellings(void **state)
{
	(void)state;
	expect_same("ports: [tcp/80, udp/53, tcp/81]", "ports: ['udp/53', tcp/80-81]", true);
	expect_same("ports: [tcp/80]", "ports: tcp/80", true);
	expect_same("ports: [tcp/80]", "ports: [tcp/81]", false);
	expect_same(ANY, ANY ", action: allow, mode: staged, existing: recheck", true);
	expect_same(ANY ", when: {hours: 'Mon-Wed 08:00-12:00'}",
		    ANY
		    ", when: {timezone: UTC, hours: ['WED-WED 10:00-12:00', 'Mon,Tue 11:00-12:00', "
		    "'tue,mon,wed 8:00-11:00']}",
		    true);
	expect_same(ANY ", when: {hours: 'Mon 08:00-12:00'}",
		    ANY ", when: {hours: 'Mon 08:00-12:01'}", false);
	expect_same(ANY ", when: {hours: 'Mon 08:00-12:00'}",
		    ANY ", when: {hours: 'Mon 08:00-12:00', timezone: Asia/Taipei}", false);
	expect_same(ANY ", when: {hours: Mon-Sun}", ANY, true);
	expect_same(ANY ", when: {labels: {a: 1, b: 2}}",
		    ANY ", when: {labels: {'b': '2', a: \"1\"}}", true);
	expect_same(ANY ", expires: 2097-03-31T18:00:00+08:00",
		    ANY ", expires: 2097-03-31T10:00:00z", true);
	expect_same(ANY ", expires: 2097-03-31, when: {timezone: UTC}",
		    ANY ", expires: '2097-03-31'", true);
	expect_same(ANY ", expires: 2097-03-31, when: {timezone: Asia/Taipei}",
		    ANY ", expires: 2097-03-31", false);
	expect_same(ANY ", ready: {days: 5}", ANY ", ready: {would_deny: 0, days: 5, flows: 1000}",
		    true);
	expect_same(ANY ", ready: {days: 5}", ANY, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_spellings),
	};

	return cmocka_run_group_tests_name("canonical form", tests, NULL, NULL);
}
