// SPDX-License-Identifier: Apache-2.0
/* logs_clock.c - whether the clock is synchronised, by the kernel and by what synchronises it. */
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <systemd/sd-bus.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/logs.h"

#define CHRONY_OUTPUT_MAX (64 << 10)
#define SERVERS_MAX	  64
#define COLUMNS_MAX	  16
#define DISTANCE_MAX_S	  1e6
#define BUS_TIMEOUT_US	  1000000ULL

#define TIMESYNC      "org.freedesktop.timesync1"
#define TIMESYNC_PATH "/org/freedesktop/timesync1"

static int kernel_clock(json_t *data)
{
	struct timex tx = {.modes = 0};
	int state = adjtimex(&tx);

	if (state < 0)
		return -errno;
	json_object_set_new(data, "synchronised",
			    json_boolean(state != TIME_ERROR && !(tx.status & STA_UNSYNC)));
	json_object_set_new(data, "maxerror_us", json_integer(tx.maxerror));
	json_object_set_new(data, "esterror_us", json_integer(tx.esterror));
	json_object_set_new(data, "status", json_integer(tx.status));
	return 0;
}

/* Cuts @line at its commas, in place. Returns the number of columns. */
static size_t split(char *line, char *columns[COLUMNS_MAX])
{
	size_t n = 0;
	char *next = line;

	while (next && n < COLUMNS_MAX)
		columns[n++] = strsep(&next, ",");
	return n;
}

size_t ztc_chrony_sources(const char *csv, json_t *data)
{
	zt_auto(zt_freep) char *text = strdup(csv);
	json_t *servers = json_array();
	size_t sources = 0, reachable = 0;
	char *next = text, *line;

	while (next && (line = strsep(&next, "\n"))) {
		char *col[COLUMNS_MAX];
		unsigned long reach;

		if (split(line, col) < 6 || strlen(col[0]) != 1 || strlen(col[1]) != 1)
			continue;
		reach = strtoul(col[5], NULL, 8);
		sources++;
		reachable += reach != 0 && *col[1] != 'x';
		if (json_array_size(servers) < SERVERS_MAX)
			json_array_append_new(servers, json_pack("{s:o, s:o, s:I}", "address",
								 zt_json_str(col[2]), "state",
								 zt_json_str(col[1]), "reach",
								 (json_int_t)reach));
	}
	json_object_set_new(data, "servers", servers);
	json_object_set_new(data, "sources", json_integer((json_int_t)sources));
	json_object_set_new(data, "reachable_sources", json_integer((json_int_t)reachable));
	return sources;
}

int ztc_chrony_tracking(const char *csv, json_t *data)
{
	zt_auto(zt_freep) char *text = strdup(csv);
	char *col[COLUMNS_MAX];
	double distance;

	if (!text)
		return -ENOMEM;
	text[strcspn(text, "\n")] = '\0';
	/* reference, name, stratum, time, four of offset and frequency, …, delay, dispersion,
	 * interval, leap */
	if (split(text, col) != 14)
		return -EINVAL;
	/* RFC 5905, 11.2: half of the way there and back, and what the clocks may have drifted. */
	distance = strtod(col[10], NULL) / 2 + strtod(col[11], NULL);
	if (!(distance >= 0 && distance < DISTANCE_MAX_S))
		return -EINVAL;
	json_object_set_new(data, "tracking",
			    json_pack("{s:o, s:I, s:I}", "leap", zt_json_str(col[13]), "stratum",
				      (json_int_t)strtol(col[2], NULL, 10), "root_distance_us",
				      (json_int_t)(distance * 1e6)));
	return 0;
}

static void ask_chrony(json_t *data)
{
	static const char *const sources[] = {"chronyc", "-c", "-n", "sources", NULL};
	static const char *const tracking[] = {"chronyc", "-c", "-n", "tracking", NULL};
	zt_auto(zt_freep) char *text = NULL;

	json_object_set_new(data, "daemon", json_string("chrony"));
	if (ztc_collect_program(sources, CHRONY_OUTPUT_MAX, &text, NULL) == 0)
		ztc_chrony_sources(text, data);
	zt_freep(&text);
	if (ztc_collect_program(tracking, CHRONY_OUTPUT_MAX, &text, NULL) == 0)
		ztc_chrony_tracking(text, data);
}

static void unref_bus(sd_bus **bus)
{
	sd_bus_flush_close_unref(*bus);
}

static void unref_message(sd_bus_message **m)
{
	sd_bus_message_unref(*m);
}

static size_t count_names(sd_bus *bus, const char *property)
{
	char **names = NULL;
	size_t n = 0;

	if (sd_bus_get_property_strv(bus, TIMESYNC, TIMESYNC_PATH, TIMESYNC ".Manager", property,
				     NULL, &names) < 0)
		return 0;
	for (; names && names[n]; n++)
		free(names[n]);
	free(names);
	return n;
}

/* The packets that the present server has answered; NTPMessage's columns are those of
 * org.freedesktop.timesync1(5). */
static uint64_t answered(sd_bus *bus)
{
	zt_auto(unref_message) sd_bus_message *m = NULL;
	uint64_t count = 0;
	int ignored = 0;

	if (sd_bus_get_property(bus, TIMESYNC, TIMESYNC_PATH, TIMESYNC ".Manager", "NTPMessage",
				NULL, &m, "(uuuuittayttttbtt)") < 0 ||
	    sd_bus_message_enter_container(m, 'r', "uuuuittayttttbtt") < 0 ||
	    sd_bus_message_skip(m, "uuuuittaytttt") < 0 ||
	    sd_bus_message_read(m, "bt", &ignored, &count) < 0)
		return 0;
	return ignored ? 0 : count;
}

/* It uses one server at a time, however many are configured. */
static void ask_timesyncd(json_t *data)
{
	zt_auto(unref_bus) sd_bus *bus = NULL;
	zt_auto(zt_freep) char *name = NULL;
	size_t configured;
	uint64_t packets;

	json_object_set_new(data, "daemon", json_string("timesyncd"));
	if (sd_bus_open_system(&bus) < 0)
		return;
	sd_bus_set_method_call_timeout(bus, BUS_TIMEOUT_US);
	if (sd_bus_get_property_string(bus, TIMESYNC, TIMESYNC_PATH, TIMESYNC ".Manager",
				       "ServerName", NULL, &name) < 0)
		return;
	packets = answered(bus);
	configured = count_names(bus, "SystemNTPServers") + count_names(bus, "LinkNTPServers");
	if (!configured)
		configured = count_names(bus, "FallbackNTPServers");
	json_object_set_new(data, "sources", json_integer((json_int_t)configured));
	json_object_set_new(data, "reachable_sources", json_integer(packets && *name ? 1 : 0));
	if (*name)
		json_object_set_new(data, "servers",
				    json_pack("[{s:o, s:s, s:i}]", "address", zt_json_str(name),
					      "state", packets ? "*" : "?", "reach",
					      packets ? 1 : 0));
}

int ztc_collect_clock(const struct ztc_env *env, json_t *data)
{
	pid_t pid;
	int r = kernel_clock(data);

	if (r < 0)
		return r;
	if (ztc_process_find(env, "chronyd", &pid, 1))
		ask_chrony(data);
	else if (!*env->root && ztc_process_find(env, "systemd-timesyn", &pid, 1))
		ask_timesyncd(data);
	return 0;
}
