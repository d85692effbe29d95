// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * dns.bpf.c - DNS answers, copied to the agent's ring. Nothing of a message is believed here.
 */
#include "dns.bpf.h"

#define SECOND_NS      1000000000ULL
#define PER_SECOND     500
#define HEADER_LEN     12   /* RFC 1035, 4.1.1: id, flags, four counts */
#define FLAG_ANSWER    0x80 /* QR, in the third byte */
#define RCODE	       0x0f /* in the fourth */
#define ANSWERS_OFFSET 6

/* Two CPUs may both take the last place of a second: a bound for load, not an exact one. */
static __u64 second_ns;
static __u32 taken;

static __always_inline bool is_due(__u64 now_ns)
{
	if (now_ns - second_ns >= SECOND_NS) {
		second_ns = now_ns;
		taken = 0;
	}
	return taken++ < PER_SECOND;
}

static __always_inline bool has_answers(struct __sk_buff *skb, const struct zt_packet *p)
{
	__u8 head[HEADER_LEN];

	if (!p->payload || p->payload + sizeof(head) > p->end ||
	    zt_read(skb, p->payload, head, sizeof(head)) < 0)
		return false;
	return (head[2] & FLAG_ANSWER) && !(head[3] & RCODE) &&
	       (head[ANSWERS_OFFSET] | head[ANSWERS_OFFSET + 1]);
}

__noinline int zt_dns_capture(struct __sk_buff *skb)
{
	struct zt_work *w = zt_work_get();
	struct zt_dns_answer *answer;
	const struct zt_packet *p;
	__u32 len;

	if (!w)
		return 0;
	p = &w->pass.pkt;
	if (w->pass.key.kind != ZT_KIND_LOCAL || w->pass.dir != ZT_DIR_IN || !has_answers(skb, p))
		return 0;
	answer = is_due(w->pass.now_ns)
			 ? bpf_ringbuf_reserve(&zt_dns, sizeof(*answer) + ZT_DNS_MAX, 0)
			 : NULL;
	if (!answer) {
		zt_count(ZT_C_LOST_DNS);
		return 0;
	}
	len = p->end - p->payload;
	asm volatile("" : "+r"(len)); /* bounded where the verifier sees it */
	if (len > ZT_DNS_MAX)
		len = ZT_DNS_MAX;
	if (len < HEADER_LEN || bpf_skb_load_bytes(skb, p->payload, answer + 1, len) < 0) {
		bpf_ringbuf_discard(answer, 0);
		return 0;
	}
	answer->abi_version = ZT_ABI_VERSION;
	answer->len = len;
	answer->at_ns = w->pass.now_ns;
	answer->server = p->src;
	bpf_ringbuf_submit(answer, 0);
	return 1;
}
