// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_dns.c - a DNS answer of anybody's bytes: what is told is a name and somebody's address.
 */
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"
#include "name/dns.h"

const char *const fuzz_dirs[] = {"tests/fuzz/corpus/dns", NULL};

struct told {
	int count;
};

static void tell(const struct zt_addr *addr, const char *name, void *ctx)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct told *told = ctx;
	bool v4 = !memcmp(addr->bytes, mapped, sizeof(mapped));

	told->count++;
	fuzz_must(name[0] && strlen(name) < ZT_DNS_NAME_LEN, "a name of bounded length");
	for (const char *c = name; *c; c++)
		fuzz_must(*c < 'A' || *c > 'Z', "in lower case");
	fuzz_must(!v4 || (addr->bytes[12] && addr->bytes[12] != 127 && addr->bytes[12] < 224),
		  "an IPv4 address of somebody");
	fuzz_must(addr->bytes[0] != 0xff, "no multicast address");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told told = {0};
	int r = zt_dns_parse(data, size, tell, &told);

	fuzz_must(r < 0 ? !told.count : r == told.count, "as many as it says");
	return 0;
}
