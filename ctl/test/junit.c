/* SPDX-License-Identifier: Apache-2.0 */
/*
 * junit.c - results as the XML that CI servers read.
 *
 * Names come from files of others: everything is escaped, and what XML cannot
 * hold at all (most control characters) is written as the reader escaped it.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/time.h"
#include "ctl/render/text.h"
#include "ctl/test/test.h"

/* Text that zt_json_str() has made: valid UTF-8 without control characters but what XML has. */
static void put_xml(FILE *out, const char *text)
{
	for (const char *s = text; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '&')
			fputs("&amp;", out);
		else if (c == '<')
			fputs("&lt;", out);
		else if (c == '>')
			fputs("&gt;", out);
		else if (c == '"')
			fputs("&quot;", out);
		else if (c == '\n')
			fputs("&#10;", out);
		else if (c == 0xef && (unsigned char)s[1] == 0xbf && (unsigned char)s[2] >= 0xbe)
			fputs("\\u{fff", out),
				fputs((unsigned char)s[2] == 0xbe ? "e}" : "f}", out),
				s += 2; /* U+FFFE and U+FFFF are no characters of XML */
		else if (c >= 0x20)
			fputc(c, out);
		else
			fprintf(out, "\\x%02x", c);
	}
}

static void put_attribute(FILE *out, const char *name, const char *value)
{
	fprintf(out, " %s=\"", name);
	put_xml(out, value);
	fputc('"', out);
}

static void put_plane(FILE *out, const char *plane, const json_t *verdict)
{
	const json_t *one = json_object_get(verdict, plane);
	const json_t *statement = json_object_get(one, "statement");

	fprintf(out, "  %s: ", plane);
	put_xml(out, ztc_str(one, "action"));
	fputs(" by ", out);
	put_xml(out, ztc_str(one, "rule"));
	if (statement) {
		fputs(" (", out);
		put_xml(out, ztc_str(statement, "file"));
		fprintf(out, ":%lld)", (long long)ztc_int(statement, "line"));
	}
	fputs(" at ", out);
	put_xml(out, ztc_str(one, "judged_at"));
	fputc('\n', out);
}

static void put_pair(FILE *out, const json_t *failure)
{
	const json_t *src = json_object_get(failure, "src"), *dst = json_object_get(failure, "dst");
	const json_t *verdict = json_object_get(failure, "verdict");

	put_xml(out, *ztc_str(src, "host") ? ztc_str(src, "host") : ztc_str(src, "address"));
	fputs(" (", out);
	put_xml(out, ztc_str(src, "address"));
	fputs(") to ", out);
	put_xml(out, *ztc_str(dst, "host") ? ztc_str(dst, "host") : ztc_str(dst, "address"));
	fputs(" (", out);
	put_xml(out, ztc_str(dst, "address"));
	fputs(")\n", out);
	put_plane(out, "live", verdict);
	put_plane(out, "candidate", verdict);
}

/* "live deny, candidate deny by no-ssh" */
static void expectation(char *ret, size_t size, const json_t *one)
{
	const json_t *expect = json_object_get(one, "expect");
	const char *live = ztc_str(expect, "live"), *candidate = ztc_str(expect, "candidate");
	const char *rule = ztc_str(expect, "rule");

	snprintf(ret, size, "expected %s%s%s%s%s%s%s", *live ? "live " : "", live,
		 *live && *candidate ? ", " : "", *candidate ? "candidate " : "", candidate,
		 *rule ? " by " : "", rule);
}

static void put_case(FILE *out, const json_t *one, const char *class)
{
	json_t *failure;
	char text[512], place[64];
	size_t i;

	fputs("    <testcase", out);
	put_attribute(out, "name", ztc_str(one, "name"));
	put_attribute(out, "classname", class);
	fputs(" time=\"0\"", out);
	if (json_is_true(json_object_get(one, "ok"))) {
		fputs("/>\n", out);
		return;
	}
	expectation(text, sizeof(text), one);
	fputs(">\n      <failure type=\"verdict\"", out);
	put_attribute(out, "message", text);
	fputc('>', out);
	put_xml(out, ztc_str(one, "file"));
	snprintf(place, sizeof(place), ":%lld: ", (long long)ztc_int(one, "line"));
	fputs(place, out);
	put_xml(out, ztc_str(one, "from"));
	fputs(" to ", out);
	put_xml(out, ztc_str(one, "to"));
	fputc(' ', out);
	put_xml(out, ztc_str(one, "port"));
	fprintf(out, ": %lld of %lld pairs of ends fail\n", (long long)ztc_int(one, "failed"),
		(long long)ztc_int(one, "pairs"));
	json_array_foreach (json_object_get(one, "failures"), i, failure)
		put_pair(out, failure);
	fputs("</failure>\n    </testcase>\n", out);
}

int ztc_junit_write(FILE *out, const json_t *result, double seconds, uint64_t began_ns)
{
	const json_t *policy = json_object_get(result, "policy");
	const json_t *summary = json_object_get(result, "summary");
	const char *name = *ztc_str(policy, "name") ? ztc_str(policy, "name") : "policy";
	char host[256] = "localhost", time[ZT_TIME_TEXT_LEN];
	json_t *one;
	size_t i;

	if (gethostname(host, sizeof(host) - 1) < 0 || !*host)
		snprintf(host, sizeof(host), "localhost");
	zt_wall_text(began_ns, time);
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite id=\"0\"",
	      out);
	put_attribute(out, "name", name);
	put_attribute(out, "package", ztc_str(policy, "path"));
	put_attribute(out, "hostname", host);
	fprintf(out,
		" timestamp=\"%.19s\" tests=\"%lld\" failures=\"%lld\" errors=\"0\" time=\"%.3f\">\n",
		time, (long long)(ztc_int(summary, "passed") + ztc_int(summary, "failed")),
		(long long)ztc_int(summary, "failed"), seconds);
	fputs("    <properties>\n      <property name=\"revision\"", out);
	fprintf(out, " value=\"%lld\"/>\n      <property name=\"digest\"",
		(long long)ztc_int(policy, "revision"));
	put_attribute(out, "value", ztc_str(policy, "digest"));
	fputs("/>\n    </properties>\n", out);
	json_array_foreach (json_object_get(result, "cases"), i, one)
		put_case(out, one, name);
	fputs("    <system-out/>\n    <system-err/>\n  </testsuite>\n</testsuites>\n", out);
	return ferror(out) ? -EIO : 0;
}
