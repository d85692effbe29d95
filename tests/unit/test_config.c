// SPDX-License-Identifier: Apache-2.0
/*
 * test_config.c - the agent's settings: every key, and every way to get one wrong.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "config.h"
#include "policy/diag.h"

/* Reads @text as a settings file; what is wrong with it as text (free). */
static int read_text(const char *text, struct zt_config *cfg, char **ret_said)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	char path[] = "/tmp/zt-config-XXXXXX";
	size_t size;
	FILE *f;
	int r, fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(zt_config_init(cfg), 0);
	r = zt_config_read(cfg, path, true, &diag);
	unlink(path);
	f = open_memstream(ret_said, &size);
	zt_diag_print(&diag, f);
	fclose(f);
	return r;
}

static void test_all_keys(void **state)
{
	zt_auto(zt_config_free) struct zt_config cfg;
	zt_auto(zt_freep) char *said = NULL;

	(void)state;
	assert_int_equal(
		read_text("policy: /p\nhost: db1\nstate_dir: /s\nrun_dir: /r\npin_dir: /b\n"
			  "admin_group: a\nread_group: g\ninterfaces: [eth0, eth1.10]\n"
			  "flow_entries: 131072\napply: manual\nconfirm_within: 10m\n"
			  "require_signature: true\ntrusted_keys: [/k1.pub, /k2.pub]\n"
			  "attach: clsact\nlog_level: debug\n",
			  &cfg, &said),
		0);
	assert_string_equal(said, "");
	assert_string_equal(cfg.policy, "/p");
	assert_string_equal(cfg.host, "db1");
	assert_string_equal(cfg.state_dir, "/s");
	assert_string_equal(cfg.run_dir, "/r");
	assert_string_equal(cfg.pin_dir, "/b");
	assert_string_equal(cfg.admin_group, "a");
	assert_string_equal(cfg.read_group, "g");
	assert_int_equal(cfg.interface_count, 2);
	assert_string_equal(cfg.interfaces[1], "eth1.10");
	assert_int_equal(cfg.flow_entries, 131072);
	assert_true(cfg.manual);
	assert_true(cfg.clsact);
	assert_true(cfg.confirm_within_ns == 600ULL * 1000000000);
	assert_int_equal(cfg.log_level, ZT_DEBUG);
	assert_true(cfg.require_signature);
	assert_int_equal(cfg.trusted_key_count, 2);
	assert_string_equal(cfg.trusted_keys[1], "/k2.pub");
}

static void test_defaults(void **state)
{
	zt_auto(zt_config_free) struct zt_config cfg;
	zt_auto(zt_freep) char *said = NULL;

	(void)state;
	assert_int_equal(read_text("", &cfg, &said), 0);
	assert_string_equal(cfg.policy, ZT_CONFIG_POLICY);
	assert_string_equal(cfg.state_dir, ZT_CONFIG_STATE);
	assert_null(cfg.host);
	assert_false(cfg.manual);
	assert_int_equal(cfg.interface_count, 0);
}

static void test_wrong(void **state)
{
	static const struct {
		const char *text, *where, *what;
	} rows[] = {
		{"hots: a\n", ":1:1:", "unknown key 'hots'"},
		{"host: a\nhost: b\n", ":2:1:", "stands twice"},
		{"policy: etc/p\n", ":1:9:", "absolute path"},
		{"policy: [/p]\n", ":1:9:", "absolute path"},
		{"host:\n", ":1:", "name of a host"},
		{"interfaces: eth0\n", ":1:13:", "list of interface names"},
		{"interfaces: [a/b]\n", ":1:14:", "name of an interface"},
		{"interfaces: [averyveryverylongname]\n", ":1:14:", "name of an interface"},
		{"flow_entries: -1\n", ":1:15:", "1024 to 67108864"},
		{"flow_entries: 12x\n", ":1:15:", "1024 to 67108864"},
		{"flow_entries: 99999999999\n", ":1:15:", "1024 to 67108864"},
		{"apply: yes\n", ":1:8:", "auto or manual"},
		{"attach: xdp\n", ":1:9:", "auto or clsact"},
		{"confirm_within: soon\n", ":1:17:", "length of time"},
		{"require_signature: maybe\n", ":1:20:", "true or false"},
		{"require_signature: true\n", ":", "needs `trusted_keys`"},
		{"trusted_keys: /k.pub\n", ":1:15:", "list of minisign"},
		{"trusted_keys: [k.pub]\n", ":1:16:", "absolute path"},
		{"log_level: loud\n", ":1:12:", "info or debug"},
		{"- a\n", ":1:1:", "mapping of settings"},
		{"host: [\n", ":", "YAML"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		zt_auto(zt_config_free) struct zt_config cfg;
		zt_auto(zt_freep) char *said = NULL;

		assert_int_equal(read_text(rows[i].text, &cfg, &said), -EINVAL);
		if (!strstr(said, rows[i].where) || !strstr(said, rows[i].what))
			fail_msg("'%s' said: %s", rows[i].text, said);
	}
}

static void test_all_errors_at_once(void **state)
{
	zt_auto(zt_config_free) struct zt_config cfg;
	zt_auto(zt_freep) char *said = NULL;

	(void)state;
	assert_int_equal(read_text("apply: yes\nattach: xdp\nx: 1\n", &cfg, &said), -EINVAL);
	assert_non_null(strstr(said, ":1:8:"));
	assert_non_null(strstr(said, ":2:9:"));
	assert_non_null(strstr(said, ":3:1:"));
}

static void test_absent(void **state)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	zt_auto(zt_config_free) struct zt_config cfg;

	(void)state;
	assert_int_equal(zt_config_init(&cfg), 0);
	assert_int_equal(zt_config_read(&cfg, "/nonexistent/agent.yaml", false, &diag), 0);
	assert_int_equal(diag.errors, 0);
	assert_int_equal(zt_config_read(&cfg, "/nonexistent/agent.yaml", true, &diag), -ENOENT);
	assert_int_equal(diag.errors, 1);
	assert_true(zt_config_read(&cfg, "/tmp", true, &diag) < 0);
}

static void test_interfaces(void **state)
{
	zt_auto(zt_config_free) struct zt_config cfg;

	(void)state;
	assert_int_equal(zt_config_init(&cfg), 0);
	assert_int_equal(zt_config_add_interface(&cfg, ""), -EINVAL);
	for (int i = 0; i < ZT_CONFIG_IFACES; i++)
		assert_int_equal(zt_config_add_interface(&cfg, "eth0"), 0);
	assert_int_equal(zt_config_add_interface(&cfg, "eth0"), -E2BIG);
}

/* What the package brings is what people copy: it must be read, and say what the defaults are. */
static void test_example(void **state)
{
	zt_auto(zt_config_free) struct zt_config cfg, plain;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;

	(void)state;
	assert_int_equal(zt_config_init(&cfg), 0);
	assert_int_equal(zt_config_init(&plain), 0);
	assert_int_equal(zt_config_read(&cfg, "packaging/agent.yaml", true, &diag), 0);
	assert_int_equal(diag.warnings, 0);
	assert_string_equal(cfg.policy, plain.policy);
	assert_string_equal(cfg.labels, plain.labels);
	assert_string_equal(cfg.state_dir, plain.state_dir);
	assert_string_equal(cfg.run_dir, plain.run_dir);
	assert_string_equal(cfg.pin_dir, plain.pin_dir);
	assert_int_equal(cfg.manual, plain.manual);
	assert_int_equal(cfg.require_signature, plain.require_signature);
	assert_int_equal(cfg.confirm_within_ns, plain.confirm_within_ns);
	assert_int_equal(cfg.log_level, plain.log_level);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_keys), cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_wrong),	 cmocka_unit_test(test_all_errors_at_once),
		cmocka_unit_test(test_absent),	 cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
