/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_filter.c - rulesets as nft and iptables-save might print them: read without harm, and
 * whatever they say, an answer is one of four, its sets in order, and "denied" lets nobody in.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/nf.h"
#include "fuzz.h"

#define INPUT_MAX (64u << 10)

const char *const fuzz_dirs[] = {"tests/fuzz/corpus/filter", NULL};

static void look_at(const struct ztc_nf_answer *answer)
{
	char where[160];

	for (size_t i = 0; i < answer->peers.count; i++) {
		const struct ztc_span *s = &answer->peers.items[i];

		fuzz_must(s->lo <= s->hi, "a run begins before it ends");
		fuzz_must(!i || answer->peers.items[i - 1].hi < s->lo, "runs are apart, in order");
	}
	fuzz_must(answer->outcome != ZTC_NF_DENY || !answer->peers.count, "denied is nobody");
	fuzz_must(answer->outcome != ZTC_NF_PEERS || answer->peers.count, "peers are some");
	ztc_nf_where(answer, where, sizeof(where));
	fuzz_must(strlen(where) < sizeof(where), "a place has an end");
}

static void ask_all(struct ztc_nf *nf)
{
	static const uint8_t protos[] = {6, 17, 253};
	static const int ports[] = {1, 22, 443, 65535};
	uint64_t budget = 20000;

	for (size_t i = 0; i < 24; i++) {
		const struct ztc_nf_packet packet = {
			.last = i % 2 ? ZTC_NF_INPUT : ZTC_NF_FORWARD,
			.family = i % 4 < 2 ? 4 : 6,
			.proto = protos[i / 8],
			.port = protos[i / 8] == 253 ? -1 : ports[i % 4],
			.interface = "eth0",
			.out = i % 3 ? "eth1" : NULL,
		};
		struct ztc_nf_answer answer;
		int r = ztc_nf_ask(nf, &packet, &budget, &answer);

		fuzz_must(r == 0 || r == -E2BIG, "0 or -E2BIG");
		if (r == 0)
			look_at(&answer);
		ztc_nf_answer_free(&answer);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	zt_auto(ztc_nf_free) struct ztc_nf nf = {0};
	zt_auto(zt_freep) char *text = NULL;
	zt_auto(zt_json_decref) json_t *root = NULL;
	int r;

	if (size > INPUT_MAX || ztc_nf_init(&nf) < 0)
		return 0;
	text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	root = json_loads(text, 0, NULL);
	r = root ? ztc_nf_read_json(&nf, root, NULL)
		 : ztc_nf_read_save(&nf, "iptables", "ip", text);
	fuzz_must(r == 0 || r == -EBADMSG, "0 or -EBADMSG");
	ztc_nf_link(&nf);
	ask_all(&nf);
	return 0;
}
