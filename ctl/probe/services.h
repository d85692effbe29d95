/* SPDX-License-Identifier: Apache-2.0 */
/*
 * services.h - looks at every listener of this host that others can reach, within limits.
 *
 * At most five connections a second, eight listeners at a time, three seconds for a connection;
 * what the profile's list probe_skip names is left alone. Every connection is written down with the
 * port it came from, so that an alert about it can be told from others.
 */
#pragma once
#include <jansson.h>

#include "ctl/collect/collect.h"

#define ZTC_PROBES_PER_S    5
#define ZTC_PROBE_MS	    3000
#define ZTC_PROBED_MAX	    512 /* listeners */
#define ZTC_SERVICE_TIMEOUT 150 /* seconds for all of them */

/**
 * ztc_services_probe - the listeners of the fact "listeners" that can be reached from outside.
 * @old_hello: send the hello of TLS 1.1 too.
 * @within_s:  no connection is begun later than a few seconds before so long from now.
 * @data:      gets listeners [{resource, netns, proto, address, port, reach, comm?, exe?, unit?,
 *             and what ztc_service_probe() fills}], done [{at [unix s], target, what, from_port}],
 *             connections, complete (false: some were not reached in time).
 *
 * Returns 0, -ENOENT (there is no fact "listeners"), -errno.
 */
int ztc_services_probe(const struct ztc_env *env, bool old_hello, unsigned int within_s,
		       json_t *data);
