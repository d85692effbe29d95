/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach.h - what attach.c shares with check.c, which puts back what others changed.
 */
#pragma once
#include "datapath/internal.h"

/* zt_hook_pin - path of the pin of one tcx link. */
int zt_hook_pin(const struct zt_dp *dp, uint32_t ifindex, uint32_t dir, char *buf, size_t size);

/* zt_hook_type - the tcx attach type of a direction. */
uint32_t zt_hook_type(uint32_t dir);

/* zt_hook_place - where a link stands in a chain (0 = head), or -1. */
int zt_hook_place(const struct zt_chain *chain, uint32_t link_id);

/* zt_hook_clsact - put or replace our filter on a device, recorded first. */
int zt_hook_clsact(struct zt_dp *dp, struct zt_iface *iface, uint32_t dir);

/* zt_hook_drop_clsact - take it off again. */
void zt_hook_drop_clsact(struct zt_dp *dp, uint32_t ifindex, uint32_t dir);

/* zt_link_id - the kernel's id of a link; 0 when it cannot be told. */
uint32_t zt_link_id(int fd);
