/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * who.bpf.h - for the wire: whose socket a packet belongs to, and who opened.
 *
 * Some packets have no socket that can be named (TIME_WAIT, closed ports,
 * syncookies). "No owner" then fails only the rules that ask for one.
 * At ingress skb->sk may be the sender's across a veth pair: never used there.
 */
#pragma once
#include "flow.bpf.h"
#include "owner.bpf.h"

#define ZT_TCP_STATE_ESTABLISHED 1 /* also of a connected UDP socket */
#define ZT_TCP_STATE_LISTEN	 10
#define ZT_TCP_STATE_NEW_SYN	 12

/* Fills the working set's `who` from the packet's socket. */
int zt_who_is(struct __sk_buff *skb);
/*
 * Is there a listener on the near port? That tells who opened a connection older than us.
 * @take: make it the working set's `who`: a SYN that meets what remains of an old
 *	  connection (TIME_WAIT, no record) is handed to the listener by the kernel too.
 */
int zt_listener(struct __sk_buff *skb, __u32 take);
/*
 * Notes a judgement beside the sending socket: allowed as of now, or @cut: a connection
 * cut by a recheck is not revived by a later `keep`.
 */
int zt_who_note(struct __sk_buff *skb, __u32 cut);
