/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route.h - whether this namespace has a way to an address, and from which of its own.
 *
 * Private to this room.
 */
#pragma once
#include "bpf/abi.h"

/**
 * zt_route_source - ask the kernel's routing table.
 * @ret: on success the local address that a socket without one would get.
 *
 * Sends nothing. Returns 0, -ENETUNREACH, -ENOMEM or -EIO.
 */
int zt_route_source(const struct zt_addr *far, struct zt_addr *ret);
