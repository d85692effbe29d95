/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_names.c - names that addresses may have: DNS answers, /etc/hosts, the cache of both.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "name/dns.h"
#include "name/hosts.h"
#include "name/learn.h"

static struct zt_addr addr(const char *text)
{
	struct zt_addr a;

	assert_int_equal(zt_addr_parse(text, &a), 0);
	return a;
}

/* --- DNS --------------------------------------------------------------------------------- */

/* A message being put together, or one taken from a wire. */
struct msg {
	uint8_t bytes[4096];
	size_t len;
};

static void add(struct msg *m, const void *bytes, size_t len)
{
	assert_true(m->len + len <= sizeof(m->bytes));
	memcpy(m->bytes + m->len, bytes, len);
	m->len += len;
}

static void add16(struct msg *m, unsigned int n)
{
	add(m, (uint8_t[]){(uint8_t)(n >> 8), (uint8_t)n}, 2);
}

/* One question and so many answers; @name as on the wire. */
static struct msg answer_to(const void *name, size_t len, unsigned int flags, unsigned int answers)
{
	struct msg m = {0};

	add16(&m, 0x1234);
	add16(&m, flags);
	add16(&m, 1);
	add16(&m, answers);
	add16(&m, 0);
	add16(&m, 0);
	add(&m, name, len);
	add16(&m, 1);
	add16(&m, 1);
	return m;
}

static void add_record(struct msg *m, const void *name, size_t name_len, unsigned int type,
		       const void *data, size_t len)
{
	add(m, name, name_len);
	add16(m, type);
	add16(m, 1);
	add16(m, 0);
	add16(m, 60);
	add16(m, (unsigned int)len);
	add(m, data, len);
}

static struct msg of_hex(const char *hex)
{
	struct msg m = {0};
	unsigned int byte;

	for (; *hex; hex += 2) {
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		m.bytes[m.len++] = (uint8_t)byte;
	}
	return m;
}

struct told {
	size_t count;
	char text[1024]; /* "address=name " each */
};

static void tell(const struct zt_addr *a, const char *name, void *ctx)
{
	struct told *told = ctx;
	char text[ZT_ADDR_TEXT_LEN];
	size_t at = strlen(told->text);

	told->count++;
	snprintf(told->text + at, sizeof(told->text) - at, "%s=%s ", zt_addr_text(a, text), name);
}

static struct told parsed(const struct msg *m)
{
	/* Just as long, so that the sanitizer sees what reads beyond. */
	uint8_t *exact = malloc(m->len ?: 1);
	struct told told = {0};
	int r;

	memcpy(exact, m->bytes, m->len);
	r = zt_dns_parse(exact, m->len, tell, &told);
	assert_int_equal(r < 0 ? 0 : r, told.count);
	free(exact);
	return told;
}

#define COMMON "12348580"
/* What dnsmasq 2.90 sent. */
static const char a_hex[] =
	COMMON "0001000100000000026462076578616d706c6503636f6d0000010001c00c00010001"
	       "0000000000040a140215";
static const char aaaa_hex[] =
	COMMON "0001000100000000026462076578616d706c6503636f6d00001c0001c00c001c"
	       "000100000000001020010db8000000000000000000000021";
static const char cname_hex[] =
	COMMON "00010003000000000357775707"
	       "6578616d706c6503636f6d0000010001c00c00050001000000000011"
	       "03776562076578616d706c6503636f6d00c02d0005000100000000001002646207"
	       "6578616d706c6503636f6d00c04a000100010000000000040a140215";
static const char nxdomain_hex[] =
	"123481850001000000000000076e6f7468657265076578616d706c6503636f6d00"
	"00010001";

static void real_answers(void **state)
{
	static const struct {
		const char *hex, *told;
	} rows[] = {
		{a_hex, "10.20.2.21=db.example.com "},
		{aaaa_hex, "2001:db8::21=db.example.com "},
		/* The name that was asked, not what it leads to; asked as "WWw". */
		{cname_hex, "10.20.2.21=www.example.com "},
		{nxdomain_hex, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct msg m = of_hex(rows[i].hex);
		struct told told;

		told = parsed(&m);
		assert_string_equal(told.text, rows[i].told);
	}
}

static void cut_and_broken_ones_tell_nothing(void **state)
{
	struct msg whole = of_hex(cname_hex), m;
	uint64_t seed = 1;

	(void)state;
	for (size_t len = 0; len < whole.len; len++) {
		m = whole;
		m.len = len;
		assert_int_equal(parsed(&m).count, 0);
	}
	/* Whatever a byte is changed to, nothing is read beyond the message. */
	for (int i = 0; i < 20000; i++) {
		m = whole;
		for (int n = 0; n < 3; n++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			m.bytes[(seed >> 33) % m.len] = (uint8_t)(seed >> 56);
		}
		parsed(&m);
	}
}

static const uint8_t root_a[] = "\001a";  /* with its NUL: the name "a." */
static const uint8_t back[] = {0xc0, 12}; /* the question's name */
static const uint8_t web[] = {10, 20, 1, 11};

static void only_positive_answers_count(void **state)
{
	static const struct {
		unsigned int flags;
		size_t count;
	} rows[] = {
		{0x8180, 1},
		{0x0100, 0} /* a question */,
		{0x8183, 0} /* no such name */,
		{0x8182, 0} /* server failed */,
		{0xa980, 0} /* an update */,
		{0x8380, 1} /* truncated: what came is true */,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct msg m = answer_to(root_a, sizeof(root_a), rows[i].flags, 1);

		add_record(&m, back, sizeof(back), 1, web, sizeof(web));
		assert_int_equal(parsed(&m).count, rows[i].count);
	}
}

static void addresses_of_nobody_and_of_other_names(void **state)
{
	static const uint8_t nobodies[][4] = {
		{0, 0, 0, 0}, {127, 0, 0, 1}, {224, 0, 0, 251}, {255, 255, 255, 255}};
	static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1};
	static const uint8_t other[] = "\005other";
	struct msg m = answer_to(root_a, sizeof(root_a), 0x8180, 8);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(nobodies); i++)
		add_record(&m, back, sizeof(back), 1, nobodies[i], 4);
	add_record(&m, back, sizeof(back), 28, mapped, sizeof(mapped));
	add_record(&m, back, sizeof(back), 1, web, 3); /* too short for an address */
	/* An answer about something that nobody asked for. */
	add_record(&m, other, sizeof(other), 1, web, sizeof(web));
	add_record(&m, back, sizeof(back), 1, web, sizeof(web));
	assert_string_equal(parsed(&m).text, "10.20.1.11=a ");
}

static void chains(void **state)
{
	static const uint8_t b[] = "\001b";
	struct msg m = answer_to(root_a, sizeof(root_a), 0x8180, 3);
	struct msg circle = answer_to(root_a, sizeof(root_a), 0x8180, 3);
	struct msg longest = answer_to(root_a, sizeof(root_a), 0x8180, 200);
	uint8_t name[] = "\002aa", next[] = "\002aa";

	(void)state;
	/* Records in any order. */
	add_record(&m, b, sizeof(b), 1, web, sizeof(web));
	add_record(&m, back, sizeof(back), 5, b, sizeof(b));
	add_record(&m, b, sizeof(b), 28, web, sizeof(web));
	assert_string_equal(parsed(&m).text, "10.20.1.11=a ");
	add_record(&circle, back, sizeof(back), 5, b, sizeof(b));
	add_record(&circle, b, sizeof(b), 5, back, sizeof(back));
	add_record(&circle, b, sizeof(b), 1, web, sizeof(web));
	assert_int_equal(parsed(&circle).count, 1);
	add_record(&longest, back, sizeof(back), 5, name, sizeof(name));
	for (int i = 1; i < 199; i++) {
		next[1] = (uint8_t)('a' + i / 26);
		next[2] = (uint8_t)('a' + i % 26);
		add_record(&longest, name, sizeof(name), 5, next, sizeof(next));
		memcpy(name, next, sizeof(name));
	}
	add_record(&longest, name, sizeof(name), 1, web, sizeof(web));
	assert_int_equal(parsed(&longest).count, 0);
}

static void compression_that_never_ends(void **state)
{
	static const uint8_t self[] = {0xc0, 12};
	static const uint8_t forward[] = {0xc0, 0xff};
	struct msg m = answer_to(self, sizeof(self), 0x8180, 1);

	(void)state;
	add_record(&m, self, sizeof(self), 1, web, sizeof(web));
	assert_int_equal(parsed(&m).count, 0);
	m = answer_to(forward, sizeof(forward), 0x8180, 1);
	add_record(&m, forward, sizeof(forward), 1, web, sizeof(web));
	assert_int_equal(parsed(&m).count, 0);
}

static void hostile_names(void **state)
{
	static const uint8_t evil[] = "\013<b>\033[2J\xe2\x80\xae.\004a.b\\\002c\377";
	uint8_t wide[256], labels[255];
	struct msg m = answer_to(evil, sizeof(evil), 0x8180, 1);
	struct told told;

	(void)state;
	add_record(&m, back, sizeof(back), 1, web, sizeof(web));
	told = parsed(&m);
	/* Dots and backslashes that are no ends of labels are told apart; the rest is as it came.
	 */
	assert_string_equal(told.text, "10.20.1.11=<b>\033[2j\xe2\x80\xae\\..a\\.b\\\\.c\377 ");
	/* 255 bytes on the wire, as long as a name can be, fit; what needs more as text is left
	 * out. */
	for (size_t at = 0; at < 192; at += 64) {
		wide[at] = 63;
		memset(wide + at + 1, 'x', 63);
	}
	wide[192] = 61;
	memset(wide + 193, 'y', 61);
	wide[254] = 0;
	m = answer_to(wide, 255, 0x8180, 1);
	add_record(&m, back, sizeof(back), 1, web, sizeof(web));
	told = parsed(&m);
	assert_int_equal(told.count, 1);
	assert_int_equal(strlen(told.text), strlen("10.20.1.11= ") + 253);
	memcpy(labels, wide, 255);
	memset(labels + 1, 0, 63);
	m = answer_to(labels, 255, 0x8180, 1);
	add_record(&m, back, sizeof(back), 1, web, sizeof(web));
	assert_int_equal(parsed(&m).count, 0);
}

/* --- the cache ---------------------------------------------------------------------------------
 */

static const char *names_of(struct zt_hints *hints, const char *address, uint64_t now_ns)
{
	static char text[1024];
	struct zt_hint got[ZT_HINTS_MAX];
	struct zt_addr a = addr(address);
	size_t count = zt_hints_get(hints, &a, now_ns, got);

	text[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		strcat(text, i ? " " : "");
		strcat(text, got[i].name);
		strcat(text, got[i].source[0] == 'd' ? "/d" : "/h");
	}
	return text;
}

static void learn(struct zt_hints *h, const char *address, const char *name,
		  enum zt_hint_source source, uint64_t at_ns)
{
	struct zt_addr a = addr(address);

	assert_int_equal(zt_hints_learn(h, &a, name, source, at_ns), 0);
}

static void count_told(const struct zt_addr *a, const char *name, enum zt_hint_source source,
		       void *ctx)
{
	(void)a;
	(void)name;
	(void)source;
	++*(int *)ctx;
}

#define S ZT_NS_PER_S

static void the_best_names_are_kept(void **state)
{
	struct zt_hints *h = NULL;
	int told = 0;

	(void)state;
	assert_int_equal(zt_hints_new(&h, 0, count_told, &told), 0);
	learn(h, "10.0.0.1", "one", ZT_FROM_DNS, 1 * S);
	learn(h, "10.0.0.1", "two", ZT_FROM_DNS, 2 * S);
	learn(h, "10.0.0.1", "one", ZT_FROM_DNS, 3 * S);
	assert_string_equal(names_of(h, "10.0.0.1", 3 * S), "one/d two/d");
	assert_int_equal(told, 2); /* heard again so soon is no news */
	learn(h, "10.0.0.1", "host", ZT_FROM_HOSTS, 1 * S);
	assert_string_equal(names_of(h, "10.0.0.1", 3 * S), "host/h one/d two/d");
	learn(h, "10.0.0.1", "three", ZT_FROM_DNS, 4 * S);
	learn(h, "10.0.0.1", "four", ZT_FROM_DNS, 5 * S);
	assert_string_equal(names_of(h, "10.0.0.1", 5 * S), "host/h four/d three/d one/d");
	/* Old answers are hints no more; a file says the same as long as it is there. */
	assert_string_equal(names_of(h, "10.0.0.1", 4 * S + S / 2 + ZT_HINTS_AGE_NS),
			    "host/h four/d");
	learn(h, "10.0.0.1", "four", ZT_FROM_DNS, 5 * S + 3601 * S);
	assert_int_equal(told, 6);
	zt_hints_forget(h, ZT_FROM_HOSTS);
	assert_string_equal(names_of(h, "10.0.0.1", 6 * S), "four/d three/d one/d");
	zt_hints_forget(h, ZT_FROM_DNS);
	assert_int_equal(zt_hints_count(h), 0);
	assert_int_equal(zt_hints_bytes(h), 0);
	zt_hints_free(&h);
}

static void the_least_used_address_goes_first(void **state)
{
	struct zt_hints *h = NULL;
	char address[32], name[300];

	(void)state;
	assert_int_equal(zt_hints_new(&h, 3, NULL, NULL), 0);
	learn(h, "10.0.0.1", "a", ZT_FROM_DNS, S);
	learn(h, "10.0.0.2", "b", ZT_FROM_DNS, S);
	learn(h, "10.0.0.3", "c", ZT_FROM_DNS, S);
	assert_string_equal(names_of(h, "10.0.0.1", S), "a/d");
	learn(h, "10.0.0.4", "d", ZT_FROM_DNS, S);
	assert_string_equal(names_of(h, "10.0.0.2", S), "");
	assert_string_equal(names_of(h, "10.0.0.1", S), "a/d");
	assert_int_equal(zt_hints_count(h), 3);
	/* No name, and one that no DNS message can hold. */
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	learn(h, "10.0.0.9", name, ZT_FROM_HOSTS, S);
	learn(h, "10.0.0.9", "", ZT_FROM_DNS, S);
	assert_string_equal(names_of(h, "10.0.0.9", S), "");
	zt_hints_free(&h);
	/* As many addresses with as long names as somebody may make us learn. */
	assert_int_equal(zt_hints_new(&h, 0, NULL, NULL), 0);
	for (unsigned int i = 0; i < 100000; i++) {
		snprintf(address, sizeof(address), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		snprintf(name, sizeof(name), "%0250u", i);
		learn(h, address, name, ZT_FROM_DNS, S);
	}
	assert_true(zt_hints_count(h) <= ZT_HINTS_CAP);
	assert_true(zt_hints_bytes(h) <= ZT_HINTS_BYTES);
	assert_string_equal(names_of(h, "10.0.0.0", S), "");
	assert_true(names_of(h, address, S)[0]);
	zt_hints_free(&h);
}

/* --- /etc/hosts ----------------------------------------------------------------------------------
 */

struct rig {
	char dir[64], path[96];
	sd_event *event;
	struct zt_hints *hints;
	struct zt_hosts *hosts;
};

static void write_hosts(struct rig *rig, const char *text, bool rename_it)
{
	char beside[128];
	FILE *out;

	snprintf(beside, sizeof(beside), "%s%s", rig->path, rename_it ? ".new" : "");
	out = fopen(beside, "we");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	if (rename_it)
		assert_int_equal(rename(beside, rig->path), 0);
}

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	strcpy(rig->dir, "/tmp/zt-test-names-XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	snprintf(rig->path, sizeof(rig->path), "%s/hosts", rig->dir);
	write_hosts(rig, "10.0.0.1 one # 10.0.0.9 no\n", false);
	assert_true(sd_event_new(&rig->event) >= 0);
	assert_int_equal(zt_hints_new(&rig->hints, 0, NULL, NULL), 0);
	assert_int_equal(zt_hosts_open(&rig->hosts, rig->path, geteuid(), rig->hints, rig->event),
			 0);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	zt_hosts_close(&rig->hosts);
	zt_hints_free(&rig->hints);
	sd_event_unref(rig->event);
	unlink(rig->path);
	rmdir(rig->dir);
	free(rig);
	return 0;
}

/* Lets the loop work until the address has these names. */
static void await(struct rig *rig, const char *address, const char *names)
{
	for (int i = 0; i < 200 && strcmp(names_of(rig->hints, address, S), names); i++)
		assert_true(sd_event_run(rig->event, 50000) >= 0);
	assert_string_equal(names_of(rig->hints, address, S), names);
}

static void hosts_is_read(void **state)
{
	struct rig *rig = *state;

	assert_string_equal(names_of(rig->hints, "10.0.0.1", S), "one/h");
	assert_string_equal(names_of(rig->hints, "10.0.0.9", S), "");
	write_hosts(rig,
		    "10.0.0.2\ttwo.example two  zwei ni dos\r\n"
		    "::1 localhost\nfe80::1%lo0 no\nnonsense\n10.0.0.2 later\n"
		    "2001:db8::5 five",
		    false);
	assert_int_equal(zt_hosts_read(rig->hosts), 4);
	assert_string_equal(names_of(rig->hints, "10.0.0.2", S), "two.example/h two/h zwei/h ni/h");
	assert_string_equal(names_of(rig->hints, "2001:db8::5", S), "five/h");
	assert_string_equal(names_of(rig->hints, "10.0.0.1", S), "");
}

static void hosts_is_followed(void **state)
{
	struct rig *rig = *state;

	write_hosts(rig, "10.0.0.1 renamed\n", true);
	await(rig, "10.0.0.1", "renamed/h");
	write_hosts(rig, "10.0.0.1 rewritten\n", false);
	await(rig, "10.0.0.1", "rewritten/h");
	assert_int_equal(unlink(rig->path), 0);
	await(rig, "10.0.0.1", "");
	write_hosts(rig, "10.0.0.1 back\n", false);
	await(rig, "10.0.0.1", "back/h");
}

static void hosts_of_others_is_left_alone(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(chmod(rig->path, 0664), 0);
	await(rig, "10.0.0.1", "");
	assert_int_equal(zt_hosts_read(rig->hosts), -EPERM);
	assert_int_equal(chmod(rig->path, 0644), 0);
	await(rig, "10.0.0.1", "one/h");
	assert_int_equal(unlink(rig->path), 0);
	assert_int_equal(mkfifo(rig->path, 0600), 0);
	assert_int_equal(zt_hosts_read(rig->hosts), -EINVAL); /* and does not wait for a writer */
}

static void answers_are_learnt(void **state)
{
	struct rig *rig = *state;
	struct zt_learner *learner = NULL;
	struct msg m = of_hex(a_hex);

	/* Root's alone: as who runs this may not be root, the file may be left alone. */
	assert_int_equal(zt_learner_open(&learner, rig->path, rig->event, NULL, NULL), 0);
	zt_learner_answer(learner, m.bytes, m.len, S);
	zt_learner_answer(learner, "x", 1, S);
	assert_string_equal(names_of(zt_learner_hints(learner), "10.20.2.21", S),
			    "db.example.com/d");
	zt_learner_close(&learner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_answers),
		cmocka_unit_test(cut_and_broken_ones_tell_nothing),
		cmocka_unit_test(only_positive_answers_count),
		cmocka_unit_test(addresses_of_nobody_and_of_other_names),
		cmocka_unit_test(chains),
		cmocka_unit_test(compression_that_never_ends),
		cmocka_unit_test(hostile_names),
		cmocka_unit_test(the_best_names_are_kept),
		cmocka_unit_test(the_least_used_address_goes_first),
		cmocka_unit_test_setup_teardown(hosts_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(hosts_is_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(hosts_of_others_is_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_are_learnt, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
