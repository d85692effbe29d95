/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor.h - checks of this host: each finds out one thing and says what follows.
 *
 * A check that cannot find out says ZTC_UNKNOWN with what would help; it never
 * says ZTC_PASS then. Nothing is changed, mounted or loaded: /proc, /sys,
 * netlink dumps and bpf() queries only.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/cmd.h"

enum ztc_result {
	ZTC_PASS,
	ZTC_CAUTION, /* works, and somebody should know */
	ZTC_FAIL,
	ZTC_UNKNOWN,
	ZTC_RESULT_COUNT,
};

/**
 * struct ztc_doctor - what the checks work with.
 * @ctx:     for asking the agent.
 * @pin_dir: where the agent's pins are.
 * @area:    heading that notes go under; set by the caller of the checks.
 * @checks:  notes so far: [{area, check, result, text, remedy?}].
 * @root:    effective uid 0.
 */
struct ztc_doctor {
	struct ztc_ctx *ctx;
	const char *pin_dir;
	const char *area;
	json_t *checks;
	bool root;
};

/**
 * ztc_note - one line of the report.
 * @check:  short name, for programs.
 * @remedy: what to do about it; NULL only with ZTC_PASS.
 */
__attribute__((format(printf, 5, 6))) void ztc_note(struct ztc_doctor *doctor,
						    enum ztc_result result, const char *check,
						    const char *remedy, const char *fmt, ...);

/* Checks, in the order of the report. */
void ztc_check_kernel(struct ztc_doctor *doctor);    /* kernel.c */
void ztc_check_privilege(struct ztc_doctor *doctor); /* host.c */
void ztc_check_mounts(struct ztc_doctor *doctor);
void ztc_check_agent(struct ztc_doctor *doctor);     /* agent.c */
void ztc_check_links(struct ztc_doctor *doctor);     /* links.c */
void ztc_check_netfilter(struct ztc_doctor *doctor); /* netfilter.c */
void ztc_check_bypass(struct ztc_doctor *doctor);    /* bypass.c */

/* ztc_read_line - first line of a small file, without its end; 0, -errno. */
int ztc_read_line(const char *path, char *ret, size_t size);

/* ztc_file_has - does any line of the file contain @text? 1, 0, -errno. */
int ztc_file_has(const char *path, const char *text);

/**
 * ztc_netlink_dump - send one dump request and hand out each answer.
 * @protocol: NETLINK_*.
 * @request:  a whole message, header first; flags are set here.
 * @each:     called per message.
 * Returns 0, or -errno of the kernel (-EPERM: no privilege for it).
 */
struct nlmsghdr;
int ztc_netlink_dump(int protocol, struct nlmsghdr *request,
		     void (*each)(const struct nlmsghdr *msg, void *data), void *data);

/* ztc_netlink_attr - the first attribute @type behind @body bytes of a message, or NULL. */
struct nlattr;
const struct nlattr *ztc_netlink_attr(const struct nlmsghdr *msg, size_t body, int type);

/* ztc_nftables_absent - a kernel that has not loaded nf_tables has no tables; asking would load it.
 */
bool ztc_nftables_absent(void);

/* ztc_nftables_dump - ztc_netlink_dump() of NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN in this namespace.
 */
int ztc_nftables_dump(uint16_t what, void (*each)(const struct nlmsghdr *msg, void *data),
		      void *data);

/* ztc_sockets_in_use - of one protocol in this namespace, by /proc/net/protocols; -errno. */
long ztc_sockets_in_use(const char *protocol);
