/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_assess_logs.c - what is read of log services' configuration and of chronyc, odd and hostile
 * text included.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "ctl/collect/logs.h"
#include "ctl/collect/logs_conf.h"

static char root[] = "/tmp/zt-logs-XXXXXX";
static struct ztc_env env = {.root = root};

static void put(const char *path, const char *text)
{
	char whole[256];
	FILE *out;

	snprintf(whole, sizeof(whole), "%s%s", root, path);
	out = fopen(whole, "we");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static int set_up(void **state)
{
	char path[256];

	(void)state;
	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/etc", root);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/etc/more", root);
	assert_int_equal(mkdir(path, 0700), 0);
	return 0;
}

static int tear_down(void **state)
{
	char command[300];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", root);
	return system(command);
}

/* "module transport address:port tls queue" of each target, one a line. */
static char *targets_of(const struct ztc_conf *conf)
{
	static char text[4096];
	const json_t *t;
	size_t i, len = 0;

	*text = '\0';
	json_array_foreach (conf->targets, i, t) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s %s %s:%lld %s %s\n",
					json_string_value(json_object_get(t, "module")),
					json_string_value(json_object_get(t, "transport")),
					json_string_value(json_object_get(t, "address")),
					(long long)json_integer_value(json_object_get(t, "port")),
					json_string_value(json_object_get(t, "tls")),
					json_string_value(json_object_get(t, "queue")));
		assert_true(len < sizeof(text));
	}
	return text;
}

static void expect(int (*read)(struct ztc_conf *, const char *, unsigned int),
		   const char *conf_text, const char *want)
{
	zt_auto(ztc_conf_free) struct ztc_conf conf = {.env = &env};

	put("/etc/a.conf", conf_text);
	assert_int_equal(read(&conf, "/etc/a.conf", 0), 0);
	assert_string_equal(targets_of(&conf), want);
}

static void test_rsyslog_new(void **state)
{
	(void)state;
	expect(ztc_rsyslog_read,
	       "global(DefaultNetstreamDriver=\"gtls\"\n"
	       "       DefaultNetstreamDriverCAFile=\"/etc/ca.pem\") # a comment with \"\n"
	       "/* action(type=\"omfwd\" target=\"no\") */\n"
	       "# action(type=\"omfwd\" target=\"no\")\n"
	       "if $msg contains \"action(type='omfwd' target='no')\" then {\n"
	       "  action(type=\"omfwd\" Target=\"10.0.0.1\" port=\"6514\" protocol=\"tcp\"\n"
	       "    StreamDriverMode=\"1\" StreamDriverAuthMode=\"x509/name\"\n"
	       "    StreamDriverPermittedPeers=\"log.example\" queue.filename=\"q\")\n"
	       "}\n"
	       "action(type=\"omfwd\" target=\"a.example\" port=\"6514\" protocol=\"tcp\" "
	       "StreamDriver=\"ossl\" StreamDriverMode=\"1\" StreamDriverAuthMode=\"anon\")\n"
	       "action(type=\"omfwd\" target=[\"10.0.0.2\", \"10.0.0.3\"] protocol=\"tcp\")\n"
	       "action(type=\"builtin:omfwd\" target=\"2001:db8::1\")\n"
	       "action(type=\"omfwd\" target=\"c\" protocol=\"tcp\" StreamDriver=\"ptcp\" "
	       "StreamDriverMode=\"1\" StreamDriverAuthMode=\"x509/name\")\n"
	       "action(type=\"omfile\" file=\"/var/log/x\")\n",
	       "omfwd tcp 10.0.0.1:6514 name disk\n"
	       "omfwd tcp a.example:6514 anon memory\n"
	       "omfwd tcp 10.0.0.2:514 none memory\n"
	       "omfwd tcp 10.0.0.3:514 none memory\n"
	       "omfwd udp 2001:db8::1:514 none memory\n"
	       "omfwd tcp c:514 none memory\n");
}

static void test_rsyslog_others(void **state)
{
	(void)state;
	expect(ztc_rsyslog_read,
	       "action(type=\"omrelp\" target=\"r1\" port=\"2514\" tls=\"on\" "
	       "tls.permittedpeer=[\"r1\"] tls.authmode=\"name\")\n"
	       "action(type=\"omrelp\" target=\"r2\" port=\"2514\" tls=\"on\" tls.authmode=\"name\")\n"
	       "action(type=\"omrelp\" target=\"r3\" port=\"2514\" tls=\"on\" tls.cacert=\"/ca\")\n"
	       "action(type=\"omrelp\" target=\"r4\" port=\"2514\" tls=\"on\")\n"
	       "action(type=\"omrelp\" target=\"r5\" port=\"2514\")\n"
	       "action(type=\"omhttp\" server=\"h1\" serverport=\"443\" usehttps=\"on\")\n"
	       "action(type=\"omelasticsearch\" server=\"h2\" serverport=\"9200\" usehttps=\"on\" "
	       "allowunsignedcerts=\"on\")\n",
	       "omrelp relp r1:2514 name memory\n"
	       "omrelp relp r2:2514 certificate memory\n"
	       "omrelp relp r3:2514 certificate memory\n"
	       "omrelp relp r4:2514 anon memory\n"
	       "omrelp relp r5:2514 none memory\n"
	       "omhttp https h1:443 name memory\n"
	       "omelasticsearch https h2:9200 anon memory\n");
}

static void test_rsyslog_old(void **state)
{
	(void)state;
	expect(ztc_rsyslog_read,
	       "$ModLoad imuxsock # provides @@support\n"
	       "*.* @@10.0.0.1\n"
	       "kern.*;auth.none @(z9)u.example:5514;RSYSLOG_Format\n"
	       "mail.* /var/mail/a@@b\n"
	       "$DefaultNetstreamDriver gtls\n"
	       "$ActionSendStreamDriverMode 1\n"
	       "$ActionSendStreamDriverAuthMode x509/certvalid\n"
	       "$ActionQueueFileName fwd\n"
	       "*.* @@(o)[2001:db8::2]:6514\n"
	       "& :omrelp:10.0.0.9:20514\n",
	       "omfwd tcp 10.0.0.1:514 none memory\n"
	       "omfwd udp u.example:5514 none memory\n"
	       "omfwd tcp 2001:db8::2:6514 certificate disk\n"
	       "omrelp relp 10.0.0.9:20514 none disk\n");
}

static void test_rsyslog_includes(void **state)
{
	zt_auto(ztc_conf_free) struct ztc_conf conf = {.env = &env};

	(void)state;
	put("/etc/more/1.conf",
	    "$DefaultNetstreamDriver ossl\nmodule(load=\"impstats\" interval=\"60\" "
	    "log.file=\"/var/log/stats\")\n");
	put("/etc/more/2.conf",
	    "action(type=\"omfwd\" target=\"x\" protocol=\"tcp\" streamdrivermode=\"1\" "
	    "streamdriverauthmode=\"x509/name\")\n$IncludeConfig /etc/a.conf\n");
	put("/etc/a.conf", "include(file=\"/etc/more/*.conf\")\n");
	/* It includes itself: the bounds end that. */
	assert_int_equal(ztc_rsyslog_read(&conf, "/etc/a.conf", 0), 0);
	assert_true(json_array_size(conf.targets) >= 1);
	assert_true(json_array_size(conf.targets) <= ZTC_TARGETS_MAX);
	assert_true(conf.files <= ZTC_CONF_FILES);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(conf.targets, 0), "tls")), "name");
	assert_string_equal(json_string_value(json_object_get(conf.stats, "log.file")),
			    "/var/log/stats");
}

static void test_syslog_ng(void **state)
{
	(void)state;
	expect(ztc_syslog_ng_read,
	       "@version: 4.2\n"
	       "# destination d0 { tcp(\"no\"); };\n"
	       "source s { network(ip(\"0.0.0.0\") port(514)); };\n"
	       "destination d1 { network(\"10.0.0.1\" port(6514) transport(\"tls\")\n"
	       "  tls(ca-dir(\"/etc/ca\") peer-verify(required-trusted)) disk-buffer(reliable(yes)));\n"
	       "};\n"
	       "destination d2 { syslog(\"b.example\" transport(tls) tls(peer-verify(optional-untrusted)));\n"
	       "  tcp(\"10.0.0.3\"); udp(\"10.0.0.4\" port(5514)); file(\"/var/log/tcp(x)\"); };\n"
	       "log { source(s); destination(d1); };\n",
	       "network tcp 10.0.0.1:6514 name disk\n"
	       "syslog tcp b.example:6514 anon memory\n"
	       "tcp tcp 10.0.0.3:514 none memory\n"
	       "udp udp 10.0.0.4:5514 none memory\n");
}

/* Whatever stands in a file: no crash, no endless loop, bounded results. */
static void test_hostile(void **state)
{
	static const char *const texts[] = {
		"action(",
		"action(type=\"omfwd\" target=\"",
		"action(type=\"omfwd\" target=[",
		"action(type=\"omfwd\" target=[\"a\" \"b\"",
		"/*",
		"\"",
		"'\\",
		"@@",
		"@@(",
		"@@[",
		"*.* @@[::1",
		"$",
		"$IncludeConfig",
		"include(file=\"relative\")",
		"(((((((",
		"))))",
		"action(((type=\"omfwd\"",
		"destination d { tcp(",
		"destination { {{{{ tcp(\"\"",
		"destination d { tcp(\"a\" tls(peer-verify(",
		"@include \"",
		"destination",
		"action(type=\"omfwd\" target=\"\x01\xff\x1b[31m\" protocol=\"tcp\")",
		"action(type=\"omfwd\" target=\"h\" port=\"99999999999999999999\")",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		zt_auto(ztc_conf_free) struct ztc_conf conf = {.env = &env};

		put("/etc/a.conf", texts[i]);
		assert_int_equal(ztc_rsyslog_read(&conf, "/etc/a.conf", 0), 0);
		assert_int_equal(ztc_syslog_ng_read(&conf, "/etc/a.conf", 0), 0);
		assert_true(json_array_size(conf.targets) <= 2);
		targets_of(&conf);
	}
}

static void test_values(void **state)
{
	char value[32];

	(void)state;
	ztc_conf_value("[Journal]\n#Storage=none\nStorage = persistent \nSeal=yes\nseal=no\n",
		       "Seal", value, sizeof(value));
	assert_string_equal(value, "no");
	ztc_conf_value("[Journal]\n#Storage=none\nStorage = persistent \nSeal=yes\n", "Storage",
		       value, sizeof(value));
	assert_string_equal(value, "persistent");
	ztc_conf_value("Storage=\nX=1", "Storage", value, sizeof(value));
	assert_string_equal(value, "");
	ztc_conf_value("StorageX=1\n", "Storage", value, sizeof(value));
	assert_string_equal(value, "");
}

static void test_chrony(void **state)
{
	zt_auto(zt_freep) char *text = NULL;
	json_t *data = json_object();

	(void)state;
	assert_int_equal(ztc_chrony_sources("^,*,10.0.0.1,3,0,377,1,0.000000947,0.1,0.2\n"
					    "^,?,10.0.0.2,0,6,0,4294967295,0.0,0.0,0.0\n"
					    "^,x,10.0.0.3,2,6,377,1,9.0,9.0,0.0\n"
					    "nonsense\n,,,,,\n",
					    data),
			 3);
	assert_int_equal(json_integer_value(json_object_get(data, "reachable_sources")), 1);
	assert_int_equal(json_array_size(json_object_get(data, "servers")), 3);
	assert_int_equal(
		ztc_chrony_tracking("7F000001,127.0.0.1,4,1795333465.4,-0.0000017,0.00000002,"
				    "0.00000009,0.034,0.001,0.124,0.002,0.001,1.0,Normal\n",
				    data),
		0);
	text = json_dumps(json_object_get(data, "tracking"), JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, "{\"leap\":\"Normal\",\"root_distance_us\":2000,\"stratum\":4}");
	assert_int_equal(ztc_chrony_tracking("a,b,c", data), -EINVAL);
	assert_int_equal(ztc_chrony_tracking("1,2,3,4,5,6,7,8,9,10,nan,inf,13,x", data), -EINVAL);
	json_decref(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rsyslog_new), cmocka_unit_test(test_rsyslog_others),
		cmocka_unit_test(test_rsyslog_old), cmocka_unit_test(test_rsyslog_includes),
		cmocka_unit_test(test_syslog_ng),   cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_values),	    cmocka_unit_test(test_chrony),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
