/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_headroom.c - how full the tables are, and whether packets or connections are being lost.
 *
 * {conntrack: {count, max} | null (the module is not there), backlog_dropped, listen_overflows,
 *  rising: {backlog_dropped, listen_overflows}, interval_ms, missing: [what could not be read]}
 * Counters are since boot; rising is what was added over the interval.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "ctl/collect/net.h"
#include "ctl/doctor/doctor.h"

#define INTERVAL_MS 400 /* of the two seconds that a passive run may take */

struct counters {
	int64_t backlog, overflows; /* -1 = not known */
};

/* Second column of every line, one per CPU: net/core/net-procfs.c softnet_seq_show(). */
static int64_t backlog_drops(void)
{
	zt_auto(zt_fclosep) FILE *in = fopen("/proc/net/softnet_stat", "re");
	char line[512];
	unsigned int dropped;
	int64_t sum = 0;

	if (!in)
		return -1;
	while (fgets(line, sizeof(line), in)) {
		if (sscanf(line, "%*x %x", &dropped) == 1)
			sum += dropped;
	}
	return sum;
}

/* A line of names, then one of values: TcpExt ListenOverflows. */
static int64_t listen_overflows(void)
{
	zt_auto(zt_fclosep) FILE *in = fopen("/proc/net/netstat", "re");
	zt_auto(zt_freep) char *names = NULL, *values = NULL;
	size_t names_cap = 0, values_cap = 0;
	char *name_state = NULL, *value_state = NULL;

	while (in && getline(&names, &names_cap, in) >= 0 &&
	       getline(&values, &values_cap, in) >= 0) {
		char *name = strtok_r(names, " \n", &name_state);
		char *value = strtok_r(values, " \n", &value_state);

		if (!name || strcmp(name, "TcpExt:") != 0)
			continue;
		while (name && value) {
			if (strcmp(name, "ListenOverflows") == 0)
				return atoll(value);
			name = strtok_r(NULL, " \n", &name_state);
			value = strtok_r(NULL, " \n", &value_state);
		}
	}
	return -1;
}

static struct counters read_counters(void)
{
	return (struct counters){backlog_drops(), listen_overflows()};
}

static void tell(json_t *data, json_t *rising, json_t *missing, const char *name, int64_t before,
		 int64_t after)
{
	if (after < 0 || before < 0) {
		json_array_append_new(missing, json_string(name));
		return;
	}
	json_object_set_new(data, name, json_integer(after));
	json_object_set_new(rising, name, json_integer(after > before ? after - before : 0));
}

static void read_conntrack(json_t *data, json_t *missing)
{
	char count[32], max[32];
	int r = ztc_read_line("/proc/sys/net/netfilter/nf_conntrack_count", count, sizeof(count));

	json_object_set_new(data, "conntrack", json_null());
	if (r == -ENOENT)
		return;
	if (r < 0 ||
	    ztc_read_line("/proc/sys/net/netfilter/nf_conntrack_max", max, sizeof(max)) < 0)
		json_array_append_new(missing, json_string("nf_conntrack"));
	else
		json_object_set_new(data, "conntrack",
				    json_pack("{s:I,s:I}", "count", (json_int_t)atoll(count), "max",
					      (json_int_t)atoll(max)));
}

int ztc_net_headroom(const struct ztc_env *env, json_t *data)
{
	const struct timespec interval = {.tv_nsec = INTERVAL_MS * 1000000L};
	json_t *rising = json_object(), *missing = json_array();
	struct counters before = read_counters(), after;

	(void)env;
	nanosleep(&interval, NULL);
	after = read_counters();
	tell(data, rising, missing, "backlog_dropped", before.backlog, after.backlog);
	tell(data, rising, missing, "listen_overflows", before.overflows, after.overflows);
	read_conntrack(data, missing);
	json_object_set_new(data, "rising", rising);
	json_object_set_new(data, "missing", missing);
	json_object_set_new(data, "interval_ms", json_integer(INTERVAL_MS));
	return 0;
}
