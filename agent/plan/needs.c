// SPDX-License-Identifier: Apache-2.0
/*
 * needs.c - what a login over SSH rests on.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "plan/needs.h"
#include "plan/route.h"

#define SERVERS_MAX 8 /* of resolv.conf; the resolver itself takes three */

static const char *service_of(uint32_t index)
{
	static const struct {
		uint16_t port;
		const char *name;
	} services[] = {
		{53, "DNS"},
		{88, "Kerberos"},
		{389, "LDAP"},
		{464, "Kerberos"},
		{636, "LDAP"},
		{3268, "LDAP (global catalog)"},
		{3269, "LDAP (global catalog)"},
	};
	uint8_t proto;
	uint16_t port;

	zt_port_proto(index, &proto, &port);
	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		if (services[i].port == port)
			return services[i].name;
	}
	return NULL;
}

static int each_seen(const struct zt_needs_env *env, zt_need_fn fn, void *ctx)
{
	char what[64];
	int r = 0;

	for (size_t i = 0; i < env->edges->count && r == 0; i++) {
		const struct zt_plan_edge *edge = &env->edges->rows[i];
		const char *service = service_of(edge->opening.port_index);

		if (edge->opening.dir != ZT_DIR_OUT || !service)
			continue;
		snprintf(what, sizeof(what), "%s, which a login may need", service);
		r = fn(ctx, what, &edge->opening, edge->connections);
	}
	return r;
}

/* Without a kernel to ask: any of the family, rather not link-local. */
static const struct zt_addr *local_for(const struct zt_needs_env *env, const struct zt_addr *far)
{
	const struct zt_addr *found = NULL;

	for (size_t i = 0; i < env->local_count; i++) {
		const struct zt_addr *local = &env->locals[i];
		bool link_local = local->bytes[0] == 0xfe && (local->bytes[1] & 0xc0) == 0x80;

		if (zt_addr_is_loopback(local) || zt_addr_is_v4(local) != zt_addr_is_v4(far))
			continue;
		if (!found || !link_local)
			found = local;
		if (!link_local)
			break;
	}
	return found;
}

static bool is_local(const struct zt_needs_env *env, const struct zt_addr *addr)
{
	for (size_t i = 0; i < env->local_count; i++) {
		if (!memcmp(&env->locals[i], addr, sizeof(*addr)))
			return true;
	}
	return zt_addr_is_loopback(addr);
}

static int ask_server(const struct zt_needs_env *env, const struct zt_addr *server, zt_need_fn fn,
		      void *ctx)
{
	static const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_TCP};
	const struct zt_addr *any = local_for(env, server);
	struct zt_addr local;
	int r = 0;

	if (any)
		local = *any;
	/* One that this namespace has no way to is asked by nobody here. */
	if (env->routed && zt_route_source(server, &local) < 0)
		return 0;
	for (size_t i = 0; (any || env->routed) && i < ARRAY_SIZE(protos) && r == 0; i++) {
		struct zt_opening o = {
			.near = local,
			.far = *server,
			.dir = ZT_DIR_OUT,
			.port_index = zt_port_index(protos[i], 53),
			.owner = env->sshd,
		};

		r = fn(ctx, "DNS server of resolv.conf, which sshd asks", &o, 0);
	}
	return r;
}

int zt_needs_each(const struct zt_needs_env *env, zt_need_fn fn, void *ctx)
{
	FILE *file = fopen(env->resolv_conf, "re");
	char line[256], text[ZT_ADDR_TEXT_LEN];
	struct zt_addr server;
	int r = 0, servers = 0;

	while (file && r == 0 && servers < SERVERS_MAX && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "nameserver %45[0-9a-fA-F:.]", text) != 1 ||
		    zt_addr_parse(text, &server) < 0 || is_local(env, &server))
			continue;
		servers++;
		r = ask_server(env, &server, fn, ctx);
	}
	if (file)
		fclose(file);
	return r ? r : each_seen(env, fn, ctx);
}
