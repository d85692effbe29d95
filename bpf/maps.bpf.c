// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * maps.bpf.c - the one definition of every map.
 */
#include "maps.bpf.h"
#include "owner.bpf.h"

struct zt_map_ctl zt_ctl SEC(".maps");
struct zt_map_flows zt_flows SEC(".maps");
struct zt_map_flows zt_openings SEC(".maps");
struct zt_map_events zt_events SEC(".maps");
struct zt_map_counters zt_counters SEC(".maps");
struct zt_map_locals zt_locals SEC(".maps");
struct zt_map_ifaces zt_ifaces SEC(".maps");
struct zt_map_socks zt_socks SEC(".maps");
struct zt_map_owners zt_owners SEC(".maps");
struct zt_map_owner_recs zt_owner_recs SEC(".maps");
struct zt_map_owner_cmds zt_owner_cmds SEC(".maps");
struct zt_map_dns zt_dns SEC(".maps");
struct zt_map_owner_next zt_owner_next SEC(".maps");
struct zt_map_udp_gen zt_udp_gen SEC(".maps");
struct zt_map_rules zt_rules SEC(".maps");
struct zt_map_rule_hits zt_rule_hits SEC(".maps");
struct zt_map_scratch zt_scratch SEC(".maps");

struct zt_map_owner_cache zt_owner_cache SEC(".maps");
struct zt_map_owner_masks zt_owner_masks SEC(".maps");
struct zt_map_sock_units zt_sock_units SEC(".maps");
struct zt_map_sock_last zt_sock_last SEC(".maps");
struct zt_map_drafts zt_drafts SEC(".maps");
struct zt_map_listeners zt_listeners SEC(".maps");
struct zt_map_kills zt_kills SEC(".maps");

struct zt_outer_addrs zt_s_addrs SEC(".maps");
struct zt_outer_nets zt_s_nets SEC(".maps");
struct zt_outer_pairs zt_s_pairs SEC(".maps");
struct zt_outer_ports zt_s_ports SEC(".maps");
struct zt_outer_cellix zt_s_cellix SEC(".maps");
struct zt_outer_cells zt_s_cells SEC(".maps");
struct zt_outer_quals zt_s_quals SEC(".maps");
struct zt_outer_qrules zt_s_qrules SEC(".maps");
struct zt_outer_steps zt_s_steps SEC(".maps");
struct zt_outer_windows zt_s_windows SEC(".maps");
struct zt_outer_meta zt_s_meta SEC(".maps");

char zt_license[] SEC("license") = "Dual BSD/GPL";
