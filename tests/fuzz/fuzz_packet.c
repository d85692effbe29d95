// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_packet.c - bpf/parse.bpf.h on this machine: any frame, whole or paged.
 *
 * The first byte of an input says how the frame is handed over: bit 0 a header-less device,
 * bit 1 egress, bit 2 a super-packet, bits 4-7 how much of it direct reads see. The frame ends
 * at a page that cannot be read, so that a read past its end stops the program.
 */
#define BPF_NO_PRESERVE_ACCESS_INDEX
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wattributes"
#include "bpf/maps.bpf.h"

/* The two helpers that the parser calls, as the kernel's behave. */
static long host_load_bytes(const void *skb, __u32 off, void *to, __u32 len);
static long host_loop(__u32 count, int (*step)(__u32, void *), void *ctx, __u64 flags);
#define bpf_skb_load_bytes host_load_bytes
#define bpf_loop	   host_loop
#include "bpf/parse.bpf.c"

#define FRAME_MAX 4096
#define PAGE	  4096

/* No libc header goes with vmlinux.h. */
extern void *mmap(void *, unsigned long, int, int, int, long);
extern int mprotect(void *, unsigned long, int);
extern void fuzz_must(int good, const char *what);

const char *const fuzz_dirs[] = {"$OUT/fuzz/seeds/packet", NULL};

static __u8 *frame_end; /* the page behind cannot be read */
static const __u8 *frame;
static __u32 frame_len;

static long host_load_bytes(const void *skb, __u32 off, void *to, __u32 len)
{
	if (off > 0xffff || !len || (__u64)off + len > frame_len)
		return -14;
	__builtin_memcpy(to, frame + off, len);
	return 0;
}

static long host_loop(__u32 count, int (*step)(__u32, void *), void *ctx, __u64 flags)
{
	__u32 i;

	for (i = 0; i < count; i++)
		if (step(i, ctx))
			return i + 1;
	return i;
}

/* Below 4 GB: struct __sk_buff has 32 bits for a pointer. */
static void make_room(void)
{
	__u8 *room = mmap((void *)0, FRAME_MAX + PAGE, 3 /* read, write */,
			  0x02 | 0x20 | 0x40 /* private, anonymous, low */, -1, 0);

	fuzz_must(room != (void *)-1 && !mprotect(room + FRAME_MAX, PAGE, 0), "memory");
	frame_end = room + FRAME_MAX;
}

static int parse(const __u8 *data, __u32 len, __u8 how, struct zt_packet *p)
{
	struct __sk_buff skb = {};
	__u32 linear = len * (how >> 4) / 15;
	bool l2 = !(how & 1), in = !(how & 2);

	/* What direct reads see ends at the page that cannot be read. */
	frame = data;
	frame_len = len;
	__builtin_memcpy(frame_end - linear, data, linear);
	skb.data = (__u32)(unsigned long)(frame_end - linear);
	skb.data_end = (__u32)(unsigned long)frame_end;
	skb.len = len;
	skb.gso_size = how & 4 ? 1000 : 0;
	if (l2 && len >= 14)
		skb.protocol = data[12] | data[13] << 8;
	else if (len)
		skb.protocol = bpf_htons(data[0] >> 4 == 6 ? ZT_ETH_P_IPV6 : ZT_ETH_P_IP);
	__builtin_memset(p, 0, sizeof(*p));
	if (l2)
		return in ? zt_parse(&skb, true, true, p) : zt_parse(&skb, true, false, p);
	return in ? zt_parse(&skb, false, true, p) : zt_parse(&skb, false, false, p);
}

int LLVMFuzzerTestOneInput(const __u8 *data, unsigned long size);
int LLVMFuzzerTestOneInput(const __u8 *data, unsigned long size)
{
	static __u8 other[FRAME_MAX];
	struct zt_packet p, q;
	__u32 len;
	__u8 how;
	int said;

	if (!frame_end)
		make_room();
	if (size < 16 || size > FRAME_MAX)
		return 0;
	how = data[0];
	len = size - 1;
	said = parse(data + 1, len, how, &p);
	fuzz_must(said >= ZT_PARSE_OK && said <= ZT_PARSE_DENY, "OK, PASS or DENY");
	fuzz_must(said == ZT_PARSE_OK || (p.rule && p.counter < ZT_C_COUNT),
		  "a rule and a counter for what is not OK");

	/* Paged or not, the same bytes mean the same. */
	fuzz_must(parse(data + 1, len, how ^ 0xf0, &q) == said &&
			  !__builtin_memcmp(&p, &q, sizeof(p)),
		  "direct reads and copies agree");
	if (said != ZT_PARSE_OK)
		return 0;
	fuzz_must(p.end <= len && p.l4 <= p.end, "headers inside the IP packet, that in the frame");

	/* Padding means nothing. */
	__builtin_memcpy(other, data + 1, p.end);
	__builtin_memset(other + p.end, 0xa5, len - p.end);
	fuzz_must(parse(other, len, how, &q) == said && !__builtin_memcmp(&p, &q, sizeof(p)),
		  "nothing behind the IP packet is read");
	return 0;
}
