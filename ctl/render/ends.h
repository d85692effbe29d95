/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ends.h - the parts that flows, violations and map rows have in common.
 *
 * Text that comes back is not escaped yet: it goes into a table cell or
 * through ztc_put(), which escape.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "ctl/render/style.h"

#define ZTC_END_LEN 512

/**
 * ztc_end - an endpoint by its best name: host, else address.
 * @end:  {address, host?, port?} or a plain string.
 * @port: also write the port that the object has.
 */
void ztc_end(char ret[ZTC_END_LEN], const json_t *end, bool port);

/* ztc_row_end - the same of a row that has both flat: the member @host, else @address. */
void ztc_row_end(char ret[ZTC_END_LEN], const json_t *row, const char *host, const char *address);

/* ztc_workload - "nginx.service", else the program's file name, else the cgroup; "" = unknown. */
void ztc_workload(char ret[ZTC_END_LEN], const json_t *workload);

/* ztc_service - "tcp/443", "icmp/8", "proto/132" of the members proto and port; as in policy. */
void ztc_service(char ret[ZTC_END_LEN], const json_t *proto, const json_t *port);

/**
 * ztc_verdict - "allowed by web-to-db", "denied by no-telnet, would be allowed by ...".
 * @verdict: {live: {action, rule}, candidate: {action, rule}}; the candidate is only named when
 *           its action differs.
 * Returns the colour: bad when denied, warn when the candidate would deny.
 */
enum ztc_color ztc_verdict(char ret[ZTC_END_LEN], const json_t *verdict);

/* ztc_denies - does this verdict object's plane ("live", "candidate") deny? */
bool ztc_denies(const json_t *verdict, const char *plane);

/* ztc_housekeeping - is it a flow that every link has: neighbour discovery, MLD, IGMP, DHCP? */
bool ztc_housekeeping(const json_t *verdict);

/* ztc_segments - "db, prod" of an array of names; "" when empty. */
void ztc_segments(char ret[ZTC_END_LEN], const json_t *segments);
