/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_fake.h - the parts of the datapath that plans ask, stood in for; included by api_fake.h,
 * whose world it is in.
 */
#pragma once

static const struct zt_tables *on_trial;

int zt_dp_try_begin(struct zt_dp *dp, const struct zt_tables *tables, struct zt_commit_result *ret)
{
	(void)dp;
	(void)ret;
	on_trial = tables;
	return 0;
}

/* A kernel that lies turns the answers about one port round. */
int zt_dp_try_probe(struct zt_dp *dp, struct zt_probe *probe)
{
	(void)dp;
	probe_fake(on_trial, probe);
	if (world.lie && probe->port_index == 5432)
		probe->action[ZT_LIVE] = !probe->action[ZT_LIVE];
	return 0;
}

int zt_dp_sockets(struct zt_dp *dp, unsigned int what, struct zt_sockets *ret)
{
	static const struct zt_socket listener = {
		.local = {.bytes = {[10] = 0xff, [11] = 0xff}},
		.local_port = 5432,
		.proto = IPPROTO_TCP,
		.listens = true,
		.owner = 7,
	};

	(void)dp;
	(void)what;
	return zt_sockets_copy(&(struct zt_sockets){(struct zt_socket *)&listener, 1, true}, ret);
}

void zt_sockets_clear(struct zt_sockets *sockets)
{
	free(sockets->rows);
	*sockets = (struct zt_sockets){0};
}

int zt_sockets_copy(const struct zt_sockets *from, struct zt_sockets *ret)
{
	*ret = (struct zt_sockets){calloc(from->count + 1, sizeof(*ret->rows)), from->count, true};
	memcpy(ret->rows, from->rows, from->count * sizeof(*ret->rows));
	return 0;
}
