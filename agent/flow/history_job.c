/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_job.c - rows to be written, with every name in them, so that a thread may take them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "base/vec.h"
#include "flow/history_priv.h"

int zt_job_new(struct zt_job **ret, int64_t now_s)
{
	zt_auto(zt_job_free) struct zt_job *job = calloc(1, sizeof(*job));
	int r;

	if (!job)
		return -ENOMEM;
	job->now_s = now_s > 0 ? now_s : 0; /* a clock before 1970 is none */
	job->hour = job->now_s / ZT_HISTORY_HOUR_S;
	job->day = job->now_s / ZT_HISTORY_DAY_S;
	r = zt_strmap_new(&job->nodes);
	if (!r)
		r = zt_strmap_new(&job->owners);
	if (!r)
		r = zt_strmap_new(&job->rules);
	if (r < 0)
		return r;
	*ret = zt_take(job);
	return 0;
}

void zt_job_free(struct zt_job **job)
{
	struct zt_job *j = *job;

	if (!j)
		return;
	free(j->rows);
	free(j->rtts);
	free(j->stand);
	if (j->beat)
		free(j->beat->devices);
	free(j->beat);
	zt_strmap_free(&j->hints);
	zt_strmap_free(&j->nodes);
	zt_strmap_free(&j->owners);
	zt_strmap_free(&j->rules);
	free(j);
	*job = NULL;
}

static uint32_t add_node(struct zt_job *job, const struct zt_flow_names *names,
			 const struct zt_addr *addr, bool near)
{
	const char *host = names && names->host ? names->host(names->ctx, addr, near) : NULL;
	char key[sizeof(*addr) + 256];
	size_t len = host ? strnlen(host, 255) : 0;

	memcpy(key, addr->bytes, sizeof(addr->bytes));
	if (len)
		memcpy(key + sizeof(addr->bytes), host, len);
	return zt_strmap_intern(job->nodes, key, sizeof(addr->bytes) + len, NULL);
}

static int add_owner(struct zt_job *job, const struct zt_history_config *cfg,
		     const struct zt_flow_names *names, uint32_t index, uint32_t *ret)
{
	struct zt_job_owner key = {0};
	const char *user;

	*ret = ZT_JOB_NONE;
	if (!index || !names || !names->owner || names->owner(names->ctx, index, &key.owner) < 0)
		return 0;
	user = cfg->user ? cfg->user(cfg->ctx, key.owner.uid) : NULL;
	if (user)
		snprintf(key.user, sizeof(key.user), "%s", user);
	*ret = zt_strmap_intern(job->owners, &key, sizeof(key), NULL);
	return *ret == ZT_STRMAP_NONE ? -ENOMEM : 0;
}

static uint32_t add_rule(struct zt_job *job, const struct zt_flow_names *names, uint32_t number)
{
	const char *name = names && names->rule ? names->rule(names->ctx, number) : NULL;
	char text[24];

	if (!name) {
		snprintf(text, sizeof(text), "#%u", number);
		name = text;
	}
	return zt_strmap_intern(job->rules, name, strlen(name), NULL);
}

/*
 * A bucket is the hour of writing; times outside of it come from before that hour, or
 * from a clock that jumped. Within the bucket they never run backwards.
 */
static void set_times(const struct zt_job *job, struct zt_job_row *row, uint64_t now_ns)
{
	const int64_t from = job->hour * ZT_HISTORY_HOUR_S;
	const uint64_t first = row->row.first_ns < now_ns ? row->row.first_ns : now_ns;
	const uint64_t last = row->row.last_ns < now_ns ? row->row.last_ns : now_ns;

	row->last_s = job->now_s - (int64_t)((now_ns - last) / ZT_NS_PER_S);
	row->first_s = job->now_s - (int64_t)((now_ns - first) / ZT_NS_PER_S);
	if (row->last_s < from)
		row->last_s = from;
	if (row->first_s < from)
		row->first_s = from;
	if (row->first_s > row->last_s)
		row->first_s = row->last_s;
}

/* Histograms are behind the rows, as they are stored. */
static int add_rtt(struct zt_job *job, struct zt_job_row *row)
{
	const struct zt_rtt *rtt = row->row.rtt;
	int r;

	row->row.rtt = NULL;
	if (!rtt)
		return 0;
	r = zt_vec_grow(&job->rtts, &job->rtt_room, job->rtt_bytes + ZT_RTT_BLOB_MAX, 1);
	if (r < 0)
		return r;
	row->rtt = (uint32_t)job->rtt_bytes;
	row->rtt_len = (uint32_t)zt_rtt_encode(rtt, job->rtts + job->rtt_bytes);
	job->rtt_bytes += row->rtt_len;
	return 0;
}

int zt_job_add(struct zt_job *job, const struct zt_history_config *cfg,
	       const struct zt_flow_names *names, uint64_t now_ns, const struct zt_ledger_row *row)
{
	struct zt_job_row *to;
	int r = zt_vec_grow(&job->rows, &job->row_room, job->row_count + 1, sizeof(*job->rows));

	if (r < 0)
		return r;
	to = &job->rows[job->row_count];
	*to = (struct zt_job_row){.row = *row};
	to->src = add_node(job, names, &row->key.src, row->key.near & ZT_L_SRC_NEAR);
	to->dst = add_node(job, names, &row->key.dst, row->key.near & ZT_L_DST_NEAR);
	r = add_owner(job, cfg, names, row->key.src_owner, &to->src_owner);
	if (!r)
		r = add_owner(job, cfg, names, row->key.dst_owner, &to->dst_owner);
	for (int p = 0; p < ZT_PLANE_COUNT && !r; p++) {
		to->rule[p] = add_rule(job, names, row->key.rule[p]);
		if (to->rule[p] == ZT_STRMAP_NONE)
			r = -ENOMEM;
	}
	r = r ?: add_rtt(job, to);
	if (r < 0 || to->src == ZT_STRMAP_NONE || to->dst == ZT_STRMAP_NONE)
		return -ENOMEM;
	set_times(job, to, now_ns);
	job->row_count++;
	return 0;
}
