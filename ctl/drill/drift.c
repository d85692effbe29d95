// SPDX-License-Identifier: Apache-2.0
/*
 * drift.c - drill: the canary neighbour's row is taken out of the tables in the kernel, behind the
 * agent's back.
 *
 * It concerns the canary's address only. If the agent does not put it back, the drill does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "bpf/abi.h"
#include "ctl/client.h"
#include "ctl/drill/drill.h"

#define OUTER_MAP  "zt_s_addrs" /* by slot: the addresses of the policy there */
#define ALARM	   "map-changed"
#define LIMIT_MS   90000 /* large policies are read back every 30 s */
#define ATTEMPT_MS 200

struct row {
	struct zt_addr key;
	unsigned char value[sizeof(struct zt_identity)];
};

static void set_key(struct row *row)
{
	memset(row, 0, sizeof(*row));
	row->key.bytes[10] = row->key.bytes[11] = 0xff;
	inet_pton(AF_INET, ZTC_PEER_ADDRESS, row->key.bytes + 12);
}

/* The addresses of the slot in force; -errno. */
static int open_addresses(struct ztc_drill *drill)
{
	zt_auto(zt_json_decref) json_t *policy = ztc_drill_policy(drill);
	const json_t *agent = json_object_get(drill->status, "agent");
	const char *dir = json_string_value(json_object_get(agent, "pin_dir"));
	zt_auto(zt_close) int outer = -1;
	uint32_t slot, id;
	char path[PATH_MAX];
	int fd;

	if (!policy || !dir || snprintf(path, sizeof(path), "%s/" OUTER_MAP, dir) >= PATH_MAX)
		return -EINVAL;
	slot = (uint32_t)json_integer_value(json_object_get(policy, "slot"));
	outer = bpf_obj_get(path);
	if (outer < 0)
		return -errno;
	if (bpf_map_lookup_elem(outer, &slot, &id) < 0)
		return -errno;
	fd = bpf_map_get_fd_by_id(id);
	return fd < 0 ? -errno : fd;
}

static int64_t alarms(struct ztc_drill *drill)
{
	zt_auto(zt_json_decref) json_t *status = NULL;
	zt_auto(zt_freep) char *why = NULL;
	const json_t *alarm;
	size_t i;

	if (ztc_try(drill->ctx, "status", NULL, &status, &why) != ZTC_EXIT_OK)
		return -1;
	json_array_foreach (json_object_get(status, "alarms"), i, alarm)
		if (strcmp(json_string_value(json_object_get(alarm, "name")) ?: "", ALARM) == 0)
			return json_integer_value(json_object_get(alarm, "count"));
	return -1;
}

static bool is_there(struct ztc_drill *drill, struct row *row)
{
	zt_auto(zt_close) int fd = open_addresses(drill);

	return fd >= 0 && bpf_map_lookup_elem(fd, &row->key, row->value) == 0;
}

/* Both times since @from_ms, -1 for what did not happen in LIMIT_MS. */
static void watch_repair(struct ztc_drill *drill, struct row *row, int64_t before, uint64_t from,
			 int64_t *detect, int64_t *restore)
{
	struct row seen = *row;

	*detect = *restore = -1;
	while (!ztc_drill_stopped() && *restore < 0) {
		int64_t now = (int64_t)(ztc_now_ms() - from);

		if (now > LIMIT_MS)
			return;
		if (*detect < 0 && alarms(drill) > before)
			*detect = now;
		/* Put back without a word would be chance, not detection. */
		if (*detect >= 0 && is_there(drill, &seen))
			*restore = (int64_t)(ztc_now_ms() - from);
		ztc_peer_connect(&drill->peer, ZTC_PORT_DENIED, ATTEMPT_MS, false, NULL);
	}
}

static void put_back(struct ztc_drill *drill, struct row *row)
{
	zt_auto(zt_close) int fd = open_addresses(drill);

	if (fd < 0 || bpf_map_update_elem(fd, &row->key, row->value, BPF_NOEXIST) < 0)
		ztc_drill_say("the canary's row could not be put back: %s", strerror(errno));
}

int ztc_drill_drift(struct ztc_drill *drill)
{
	zt_auto(zt_close) int fd = open_addresses(drill);
	int64_t before = alarms(drill), detect, restore;
	struct row row;
	uint64_t from;

	set_key(&row);
	if (fd < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot open the tables in the kernel: %s",
				strerror(-fd));
	if (bpf_map_lookup_elem(fd, &row.key, row.value) < 0)
		return ztc_fail(ZTC_EXIT_FAILED,
				"the canary's address has no row in the kernel: %s",
				strerror(errno));
	ztc_drill_say("taking %s out of the tables in the kernel", ZTC_PEER_ADDRESS);
	from = ztc_now_ms();
	if (bpf_map_delete_elem(fd, &row.key) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot alter the tables in the kernel: %s",
				strerror(errno));
	watch_repair(drill, &row, before, from, &detect, &restore);
	if (restore < 0 && !is_there(drill, &(struct row){.key = row.key}))
		put_back(drill, &row);
	ztc_drill_note(drill, "detect_ms", detect);
	ztc_drill_note(drill, "restore_ms", restore);
	if (detect < 0)
		ztc_drill_conclude(
			drill, ZTC_DRILL_FAIL,
			"the agent did not notice within %d s; the drill put the row back",
			LIMIT_MS / 1000);
	else if (restore < 0)
		ztc_drill_conclude(
			drill, ZTC_DRILL_PARTIAL,
			"noticed after %lld ms, not repaired; the drill put the row back",
			(long long)detect);
	else
		ztc_drill_conclude(drill, ZTC_DRILL_PASS,
				   "noticed after %lld ms, repaired after %lld ms",
				   (long long)detect, (long long)restore);
	return ZTC_EXIT_OK;
}
