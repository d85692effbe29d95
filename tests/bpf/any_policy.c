// SPDX-License-Identifier: Apache-2.0
/*
 * any_policy.c - policies made at random, as text, and what may stand beside them.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "any_policy.h"
#include "any_tables.h"
#include "base/cleanup.h"

/* --- policies ----------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void add(struct any_text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->at + t->len, sizeof(t->at) - t->len, fmt, ap);
	va_end(ap);
	if (n < 0 || (t->len += n) >= sizeof(t->at))
		abort();
}

const char *const any_units[ANY_UNITS] = {"app.service", "db.service", "cron.service"};
const char *const any_users[ANY_USERS] = {"33", "1000"};
static const char *const segment_names[] = {"alpha", "beta",   "gamma", "delta",
					    "wide",  "narrow", "six"};
static const char *const port_texts[] = {
	"tcp/443", "tcp/1-1023", "tcp/8000-8100", "udp/53", "udp",
	"icmp/8",  "icmpv6",	 "proto/132",	  "tcp",    "any",
};

static void add_hosts(struct any_text *t)
{
	static const char *const roles[] = {"a", "b", "c"};
	static const char *const envs[] = {"prod", "test"};

	add(t,
	    "hosts:\n  me: {addresses: [10.20.0.1, \"2001:db8:20::1\"], labels: {role: a, env: %s}}\n",
	    envs[any_pick(2)]);
	/* Each segment has somebody in it. */
	add(t,
	    "  h2: {addresses: [10.20.0.2, \"2001:db8:20::2\"], labels: {role: c, env: prod}}\n"
	    "  h3: {addresses: [10.20.0.3, \"2001:db8:20::3\"], labels: {role: b, env: test}}\n");
	for (int i = 4; i < 12; i++)
		add(t,
		    "  h%d: {addresses: [10.20.0.%d, \"2001:db8:20::%x\"], labels: {role: %s, env: %s}}\n",
		    i, i, i, roles[any_pick(3)], envs[any_pick(2)]);
	add(t,
	    "segments:\n"
	    "  alpha: {select: {role: a}}\n"
	    "  beta: {select: {role: b}, addresses: [10.40.0.0/16]}\n"
	    "  gamma: {select: {role: c, env: prod}}\n"
	    "  delta: {select: {env: test}}\n"
	    "  wide: {addresses: [10.0.0.0/8], except: [10.40.1.0/24, 10.20.0.5]}\n"
	    "  narrow: {addresses: [10.40.1.0/25, 10.20.0.7, 192.0.2.0/24], except: [10.40.1.9]}\n"
	    "  six: {addresses: [\"2001:db8::/32\"], except: [\"2001:db8:20::6\"]}\n");
}

static const char *add_end(struct any_text *t, const char *key, bool may_qualify)
{
	static const char *const built_in[] = {"any", "this-host", "unknown"};
	const char *name = any_pick(4) ? segment_names[any_pick(ARRAY_SIZE(segment_names))]
				       : built_in[any_pick(3)];

	if (may_qualify && any_pick(2))
		add(t, "%s: {segment: %s, unit: %s}, ", key, name, any_units[any_pick(ANY_UNITS)]);
	else if (may_qualify && any_pick(2))
		add(t, "%s: {segment: %s, user: \"%s\"}, ", key, name,
		    any_users[any_pick(ANY_USERS)]);
	else
		add(t, "%s: %s, ", key, name);
	return name;
}

static const char *const hours[] = {
	"Mon-Fri 08:00-20:00", "Sat", "22:00-06:00", "Wed 10:00-11:00", "09:30-10:31, Sun",
	"Thu-Sat 18:30-24:00",
};
static const char *const ends[] = {"2026-11-01", "2026-11-20", "2026-11-18T12:00:00Z",
				   "2026-11-25T06:30:01Z", "2027-03-31"};

/* Conditions, in about half of the rules. A deny that could match nobody would be refused. */
static void add_when(struct any_text *t, bool labels)
{
	unsigned int kind = any_pick(labels ? 6 : 4);

	if (kind == 0)
		add(t, ", when: {hours: \"%s\", timezone: %s}", hours[any_pick(ARRAY_SIZE(hours))],
		    any_pick(2) ? "UTC" : "Asia/Taipei");
	if (kind == 4)
		add(t, ", when: {labels: {%s}}", any_pick(2) ? "env: prod" : "role: b");
	if (kind == 5)
		add(t, ", when: {hours: \"%s\", labels: {env: test}}",
		    hours[any_pick(ARRAY_SIZE(hours))]);
	if (any_pick(5) == 0)
		add(t, ", expires: %s", ends[any_pick(ARRAY_SIZE(ends))]);
}

static void add_rules(struct any_text *t, bool conditions)
{
	unsigned int qualified;

	add(t, "boundaries:\n");
	for (int i = 0; i < 3; i++)
		add(t, "  - {id: b%d, segment: %s, %s: deny, mode: %s}\n", i,
		    segment_names[any_pick(ARRAY_SIZE(segment_names))],
		    any_pick(2) ? "inbound" : "outbound", any_pick(2) ? "enforced" : "staged");
	add(t, "rules:\n");
	for (int i = 0; i < ANY_RULES; i++) {
		bool allow = any_pick(3);
		const char *from;

		add(t, "  - {id: r%d, action: %s, ", i, allow ? "allow" : "deny");
		/* At both ends it could bind nowhere, which a deny is refused for. */
		qualified = any_pick(conditions ? 5 : 3);
		from = add_end(t, "from", qualified == 1);
		add_end(t, "to", qualified == 2);
		add(t, "ports: [%s], mode: %s", port_texts[any_pick(ARRAY_SIZE(port_texts))],
		    any_pick(2) ? "enforced" : "staged");
		if (conditions)
			add_when(t, allow || !strcmp(from, "any") || !strcmp(from, "wide"));
		add(t, "}\n");
	}
	add(t, "failsafe:\n"
	       "  - {id: safe, from: [10.40.1.0/26], to: this-host, ports: [tcp/22]}\n");
}

void any_policy(struct any_text *t, bool conditions)
{
	t->len = 0;
	add(t, "version: 1\npolicy: twin\nrevision: 1\nmode: staged\n");
	add_hosts(t);
	add_rules(t, conditions);
}

/* --- what stands beside the file ------------------------------------------------------ */

static int by_host_and_key(const void *a, const void *b)
{
	const struct zt_overlay_label *x = a, *y = b;
	int r = strcmp(x->host, y->host);

	return r ? r : strcmp(x->key, y->key);
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct zt_overlay_mode *)a)->id,
		      ((const struct zt_overlay_mode *)b)->id);
}

static bool has_label(const struct any_overlay *o, const char *host, const char *key)
{
	for (size_t i = 0; i < o->is.label_count; i++)
		if (!strcmp(o->labels[i].host, host) && !strcmp(o->labels[i].key, key))
			return true;
	return false;
}

static const char *some_value(const char *key)
{
	static const char *const roles[] = {"a", "b", "c"};

	if (!strcmp(key, "role"))
		return roles[any_pick(3)];
	return any_pick(2) ? "prod" : "test";
}

static const char *const hosts[ANY_HOSTS] = {"h2", "h3", "h4", "h5", "h6", "h7", "me"};

static struct zt_overlay_label some_label(const char *host, const char *key, __u64 now_ns)
{
	return (struct zt_overlay_label){
		.host = host,
		.key = key,
		.value = some_value(key),
		.until_ns = any_pick(4) ? now_ns + (1 + any_pick(300)) * ANY_HOUR_NS : 0,
		.under = any_pick(3) ? NULL : some_value(key),
	};
}

void any_overlay(struct any_overlay *o, __u64 now_ns)
{
	static const char *const ids[] = {"b0", "b1", "r0", "r1", "r2", "r3", "r4", "r5"};

	memset(o, 0, sizeof(*o));
	o->is.labels = o->labels;
	o->is.modes = o->modes;
	o->is.hosts = o->hosts;
	for (unsigned int i = 0; i < 8; i++) {
		const char *host = hosts[any_pick(ARRAY_SIZE(hosts))];
		const char *key = any_pick(2) ? "role" : "env";

		if (has_label(o, host, key))
			continue;
		o->labels[o->is.label_count++] = some_label(host, key, now_ns);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++)
		if (any_pick(2))
			o->modes[o->is.mode_count++] = (struct zt_overlay_mode){
				.id = ids[i],
				.mode = any_pick(4) ? ZT_MODE_ENFORCED : ZT_MODE_STAGED,
				.percent = any_pick(2) ? 100 : 1 + any_pick(99),
			};
	qsort(o->labels, o->is.label_count, sizeof(o->labels[0]), by_host_and_key);
	qsort(o->modes, o->is.mode_count, sizeof(o->modes[0]), by_id);
}

const char *any_relabel(struct any_overlay *o, __u64 now_ns, __u32 epoch)
{
	/* This host's own labels seldom: a patch cannot change what it is. */
	unsigned int which = any_pick(any_pick(8) ? ANY_HOSTS - 1 : ANY_HOSTS);
	const char *host = hosts[which], *key = any_pick(2) ? "role" : "env";
	size_t i = 0;

	while (i < o->is.label_count &&
	       (strcmp(o->labels[i].host, host) || strcmp(o->labels[i].key, key)))
		i++;
	if (i < o->is.label_count && !any_pick(3)) {
		o->labels[i] = o->labels[--o->is.label_count];
	} else {
		o->is.label_count += i == o->is.label_count;
		o->labels[i] = some_label(host, key, now_ns);
	}
	qsort(o->labels, o->is.label_count, sizeof(o->labels[0]), by_host_and_key);
	o->is.host_count = ANY_HOSTS;
	for (i = 0; i < ANY_HOSTS; i++)
		o->hosts[i].host = hosts[i];
	o->hosts[which].label_epoch = epoch;
	return host;
}
