/* SPDX-License-Identifier: Apache-2.0 */
/* links.h - the interfaces of this network namespace, as the checks need them. */
#pragma once
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ztc_link {
	uint32_t ifindex;
	uint32_t master; /* ifindex, 0 = none */
	uint32_t lower;	 /* ifindex of the device below, in this namespace; 0 = none */
	uint32_t vfs;	 /* SR-IOV functions handed out */
	uint32_t xdp_prog;
	bool up;
	bool loopback;
	bool ethernet;
	char name[IF_NAMESIZE];
	char kind[16];	    /* "vlan", "bridge", ...; "" for hardware */
	char port_kind[16]; /* of a port: its master's kind */
};

/**
 * ztc_links - all of them, in the kernel's order.
 * @ret: on success the caller's (free).
 * Returns 0 or -errno.
 */
int ztc_links(struct ztc_link **ret, size_t *ret_count);

/* ztc_link_guarded - would the agent attach to it? Up, not loopback, no master. */
bool ztc_link_guarded(const struct ztc_link *link);

/* ztc_link_carrier - whether its cable is in, by /sys, which shows the namespace that it was
 * mounted in. */
bool ztc_link_carrier(const char *interface);

/* ztc_link_ipv6 - whether IPv6 is on there; off for this interface, or for all, is off. */
bool ztc_link_ipv6(const char *interface);

/* Other people's programs on one interface (neighbours.c). */
struct ztc_doctor;
struct ztc_neighbours {
	unsigned int programs; /* not ours, seen so far */
	unsigned int hidden;   /* could not be looked at */
};
void ztc_check_neighbours(struct ztc_doctor *doctor, const struct ztc_link *link,
			  struct ztc_neighbours *seen);
