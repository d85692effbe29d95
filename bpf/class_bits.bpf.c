// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * class_bits.bpf.c - loops over a packet's first bytes, each verified on its own.
 */
#include "class_bits.bpf.h"

__noinline int zt_peek_find(__u32 word)
{
	struct zt_work *w = zt_work_get();

	if (!w)
		return 0;
	for (__u32 i = 0; i < 124; i++)
		if (zt_be32(w->peek.b + i) == word)
			return 1;
	return 0;
}

__noinline __u32 zt_peek_zero(__u32 at)
{
	struct zt_work *w = zt_work_get();
	const __u8 *b;

	if (!w)
		return 0;
	at &= 15;
	b = w->peek.b + at;
	for (__u32 i = 0; i < 100; i++)
		if (!b[i])
			return at + i;
	return 0;
}

__noinline __u32 zt_peek_space(void)
{
	struct zt_work *w = zt_work_get();
	__u8 c;

	if (!w)
		return 0;
	for (__u32 i = 0; i < 12; i++) {
		c = w->peek.b[i];
		if (c == ' ')
			return i > 2 ? i + 1 : 0;
		if (c < 'A' || c > 'Z')
			return 0;
	}
	return 0;
}

__noinline int zt_peek_syslog(__u32 port)
{
	struct zt_work *w = zt_work_get();
	__u32 at = 0, pri = 0;
	const __u8 *b;

	if (!w)
		return 0;
	b = w->peek.b;
	for (int i = 0; i < 5; i++)
		if (b[at] >= '0' && b[at] <= '9')
			at++;
	if (at) {
		if (b[at] != ' ')
			return 0;
		at++;
	}
	if (b[at] != '<' || b[at + 1] < '0' || b[at + 1] > '9')
		return 0;
	at++;
	for (int i = 0; i < 3; i++)
		if (b[at] >= '0' && b[at] <= '9')
			pri = pri * 10 + b[at++] - '0';
	if (b[at] != '>' || pri > 191)
		return 0;
	if (port || zt_be16(b + at + 1) == ZT_2('1', ' '))
		return 1;
	return b[at + 1] >= 'A' && b[at + 1] <= 'S' && b[at + 4] == ' ' && b[at + 7] == ' ' &&
	       b[at + 10] == ':' && b[at + 13] == ':';
}
